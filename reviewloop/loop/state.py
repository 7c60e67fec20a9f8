"""What flows through the loop: small, plain, typed values; everything big is a reference.

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
    """What the state keeps of a finding; the body is a blob."""

    severity: str
    status: str
    attempts: int
    round: int
    act: bool  # open, red or yellow, and anchored: the loop should fix it
    blob: str
    before: NotRequired[str]  # blob: how it stood when a user dismissed it


class ReviewerState(TypedDict):
    """How one reviewer's reading of one tree ended."""

    status: str  # done | failed
    tree: str
    findings: list[str]  # ids it reported
    blob: str  # its intake record: findings as reported, what was repaired or dropped
    reason: str  # why it failed
    seconds: float
    whole: NotRequired[bool]  # failed at what moved the change; it had read the change itself
    missed: NotRequired[str]  # what it had not read of that


def merge_by_key(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    """Merge two mappings; parallel writers never lose each other's entries.

    A value of None takes an entry out.
    """
    merged = {**(old or {}), **(new or {})}
    return {key: value for key, value in merged.items() if value is not None}


class Explanation(TypedDict):
    """Why the loop is where it is, as a part of its state."""

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
    tree: str  # the change as it stands
    trees: Annotated[dict[str, str], merge_by_key]  # "implement", "fix-1-<finding>", ... -> tree
    phase: str  # implement | fix | rebase | edit: which of them the guard-rails are judging
    onto: str  # the commit that the change was rebased onto, if it was
    moved: str  # blob: what came below the change by that, see `steps.moved`
    to_read: int  # how many files reviewers have to look at because of it
    read_on: dict[str, str]  # base and tree of the change as it was read, if not as it is now
    edits: int  # how often the user edited the change
    edited: str  # blob: which files they edited since its review, and what it was before
    message: str  # blob: the words that the user gave the commit
    stopped_by: str  # what a hook said that let the task not begin
    hooked: str  # the tree as hooks last left it
    hook_red: list[str]  # files that a blocking hook refused
    cycle: int  # how often the user asked for a modification
    round: int  # fix rounds used in this cycle
    repairs: int  # repairs used since the last implement or fix
    survived: int  # fixes that survived in the latest round
    fixed: list[str]  # findings the latest round has fixes for
    fix_from: str  # the tree the latest fix round started from
    findings: Annotated[dict[str, FindingRef], merge_by_key]
    gates: str  # blob: list of gate results for `tree`
    verdict: str  # what the guard-rails said: ok | failed | stopped
    reviewers: Annotated[dict[str, ReviewerState], merge_by_key]
    proposal: str  # blob: what the approval screen shows, commit id included
    approval: dict[str, str]  # {"choice": approve|modify|skip|..., "by", "text", "proposal"}
    modification: str  # id of the finding a user asked for in this cycle
    summary: str  # blob: what the implementer said it did, and the commit subject it proposes
    commit: str
    refused: int  # exit code of a commit that could not be made: the question stands again
    outcome: str  # committed | skipped | blocked | clean | findings
    reason: str  # as people read it
    because: StoredReason  # what that sentence is made of; not in checkpoints of older releases
