"""Applies a user's own edit of the proposed change, or of its message, to the state.

An edited change is a new tree: all guard-rails run on it. Reviewers read what differs from what
they have read, unless the user declines; the message and the record then say so.
"""

from collections.abc import Mapping
from typing import Any

from reviewloop.domain.finding import Finding, Status
from reviewloop.git.interdiff import interdiff
from reviewloop.loop.base_moved import EDIT, compare, last_read
from reviewloop.loop.context import RunContext
from reviewloop.loop.findings_log import read_findings, write_findings
from reviewloop.loop.state import LoopState
from reviewloop.render.proposal import UserEdits
from reviewloop.review.anchoring import occurrences

AGAIN = "again"
"""The value of `review` in an answer that requests a review of the edited lines."""


def apply_edit(state: LoopState, answer: Mapping[str, str], context: RunContext) -> dict[str, Any]:
    """Return the state updates for the tree `answer["tree"]`, which the user edited.

    The tree before stays in the run's private repository, and `find_user_edits` names its commit.
    """
    was, tree, number = state["tree"], answer["tree"], state.get("edits", 0) + 1
    context.keep(tree, f"edit-{number}")
    run, parent = context.record.run_id, context.record.base_commit
    before = context.private.keep(was, run, f"edit-{number}-before", parent=parent)
    old, new = (context.change(context.base_tree, one) for one in (was, tree))
    earlier = find_user_edits(state, context)
    anew = answer.get("review") == AGAIN
    paths = list(interdiff(old, new))
    known: UserEdits = {
        "by": answer["by"],
        "paths": sorted({*earlier.get("paths", []), *paths}),
        "unread": sorted({*earlier.get("unread", []), *([] if anew else paths)}),
        "before": earlier.get("before") or before,
    }
    update: dict[str, Any] = {
        "tree": tree,
        "trees": {f"edit-{number}": tree},
        "phase": EDIT,
        "edits": number,
        "edited": context.blobs.put_json(known),
        "repairs": 0,
        "moved": "",
        "to_read": 0,
        "read_on": {},
        "findings": write_findings(_taken_out(state, tree, context), context.blobs),
    }
    if not anew:
        return update
    if not _was_read(state):  # none of it was read yet
        return update | {"to_read": len(new.files)}
    read = last_read(state, context)
    moved = compare(read, tree, context.record.base_commit, context)
    update |= {"moved": context.blobs.put_json(moved.plain()), "to_read": moved.to_read}
    return update | {"read_on": {} if moved.to_read else read}


def apply_message(
    state: LoopState, answer: Mapping[str, str], context: RunContext
) -> dict[str, Any]:
    """Return the state updates for a commit message by the user.

    Our lines at its end are still updated; a user who removed or changed them writes the whole
    message.
    """
    text = answer["text"].replace("\r\n", "\n").replace("\0", "").strip()
    ours = context.blobs.get_json(state["proposal"]).get("message_ours", "").strip()
    kept = bool(ours) and text.endswith(ours)
    text = text.removesuffix(ours).strip() if kept else text
    ours_follow = kept or answer.get("ours") == "follow"
    return {"message": context.blobs.put_json({"text": text, "ours": ours_follow})}


def words_of(state: LoopState, context: RunContext) -> dict[str, Any]:
    """Return the user's commit message: `text`, and whether our lines follow (`ours`).

    Empty where they wrote none.
    """
    ref = state.get("message", "")
    found: dict[str, Any] = context.blobs.get_json(ref) if ref else {}
    return found


def find_user_edits(state: LoopState, context: RunContext) -> UserEdits:
    """Return the user's edits of the change, empty where they edited nothing."""
    ref = state.get("edited", "")
    found: UserEdits = context.blobs.get_json(ref) if ref else {}
    return found


def edit_line(known: UserEdits) -> str:
    """Return the line of a commit message about a user's edits, or ""."""
    if not known:
        return ""
    again = "" if known["unread"] else ", and reviewed again"
    return f"Edited by the person after the review{again}: {', '.join(known['paths'])}"


def _was_read(state: LoopState) -> bool:
    readers = state.get("reviewers", {}).items()
    fixes = state.get("mode") == "fix"
    return fixes or any(r["status"] == "done" for n, r in readers if n.startswith("review-"))


def _taken_out(state: LoopState, tree: str, context: RunContext) -> list[Finding]:
    """Return, as fixed, the findings whose code the edit removed."""
    note = "the person's edit took its code out"
    return [
        finding.with_note(note, status=Status.FIXED)
        for finding in read_findings(state, context.blobs).values()
        if finding.status in {Status.OPEN, Status.UNRESOLVED}
        and finding.path
        and finding.quote
        and not occurrences(finding.quote, context.shown_text(tree, finding.path) or "")
    ]
