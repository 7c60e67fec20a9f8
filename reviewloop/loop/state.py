"""The state of the loop: small, plain, typed values; everything big is a reference.

LangGraph writes the whole state at every step, so it holds tree ids, blob ids and counts only.
Values are plain (str, int, list, dict): other types do not survive a checkpoint unchanged.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from reviewloop.domain.reason import Reason
from reviewloop.render.reasons import sentence
from reviewloop.store.reasons import StoredReason, stored_reason

Mode = Literal["run", "review", "fix"]


class FindingRef(TypedDict):
    """A finding in the state; the body is a blob."""

    severity: str
    status: str
    attempts: int
    round: int
    act: bool  # open, red or yellow, and anchored: the loop should fix it
    blob: str
    before: NotRequired[str]  # blob: the finding before a user dismissed it


class ReviewerState(TypedDict):
    """How one reviewer's reading of one tree ended."""

    status: str  # done | failed
    tree: str
    findings: list[str]  # ids it reported
    blob: str  # its intake record: findings as reported, what was repaired or dropped
    reason: str  # why it failed
    unnamed: NotRequired[str]  # the same with "it" for its name, where it is named
    seconds: float
    whole: NotRequired[bool]  # failed on what moved the change; it had read the change itself
    missed: NotRequired[str]  # unread parts of the change itself


def merge_by_key(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    """Merge two mappings, so that parallel writers keep each other's entries.

    A value of None removes an entry.
    """
    merged = {**(old or {}), **(new or {})}
    return {key: value for key, value in merged.items() if value is not None}


class Explanation(TypedDict):
    """The reason of the loop's status, as a part of its state."""

    reason: str
    because: StoredReason


def explained(reason: Reason) -> Explanation:
    """Return a reason and its sentence for the state."""
    return {"reason": sentence(reason), "because": stored_reason(reason)}


class LoopState(TypedDict, total=False):
    """The loop's whole memory; see DESIGN section 3 for why it is this small."""

    run: str
    mode: Mode
    base: str  # tree of the commit the run started from
    tree: str  # the current change
    trees: Annotated[dict[str, str], merge_by_key]  # "implement", "fix-1-<finding>", ... -> tree
    phase: str  # implement | fix | rebase | edit: what the guard-rails run after
    onto: str  # the commit that the change was rebased onto, if it was
    moved: str  # blob: what the new base changed, see `base_moved`
    to_read: int  # how many files reviewers have to read because of it
    read_on: dict[str, str]  # base and tree of the change when it was read, if it differs now
    edits: int  # how many times the user edited the change
    edited: str  # blob: the files they edited since its review, and its earlier version
    message: str  # blob: the user's commit message
    stopped_by: str  # the output of a hook that kept the task from starting
    hooked: str  # the tree that hooks last left
    hook_red: list[str]  # files that a blocking hook refused
    cycle: int  # how many modifications the user requested
    round: int  # fix rounds used in this cycle
    repairs: int  # repairs used since the last implement or fix
    survived: int  # fixes that survived in the latest round
    fixed: list[str]  # findings with fixes in the latest round
    fix_from: str  # the tree at the start of the latest fix round
    findings: Annotated[dict[str, FindingRef], merge_by_key]
    gates: str  # blob: list of gate results for `tree`
    verdict: str  # of the guard-rails: ok | failed | stopped
    reviewers: Annotated[dict[str, ReviewerState], merge_by_key]
    proposal: str  # blob: the content of the approval question, commit id included
    approval: dict[str, str]  # {"choice": approve|modify|skip|..., "by", "text", "proposal"}
    modification: str  # id of the finding with the user's request of this cycle
    summary: str  # blob: the implementer's summary, and the commit subject it proposes
    commit: str
    refused: int  # exit code of a failed commit, after which the question is asked again
    outcome: str  # committed | skipped | blocked | clean | findings
    reason: str  # as a sentence
    because: StoredReason  # the reason of that sentence; not in checkpoints of older releases
