"""Approve: applies an answer to the approval question to the state, a rebase included."""

from collections.abc import Mapping
from typing import Any

from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Evidence, Finding, Placement, Severity, Status, fingerprint
from reviewloop.domain.reason import NO_REASON, ReasonKind, reason
from reviewloop.faults import fault
from reviewloop.loop.base_moved import PHASE, compare, last_read
from reviewloop.loop.context import RunContext
from reviewloop.loop.findings_log import read_findings, write_findings
from reviewloop.loop.state import LoopState, explained
from reviewloop.loop.user_edits import apply_edit, apply_message, words_of
from reviewloop.render.counts import BY_USER


def apply_rebase(
    state: LoopState, answer: Mapping[str, str], context: RunContext
) -> dict[str, Any]:
    """Return the state updates of a rebase onto the commit `answer["base"]`.

    `answer["tree"]` is the change there. Both objects are in the run's private repository already.
    """
    commit, tree = answer["base"], answer["tree"]
    context.keep(tree, f"onto-{commit[:12]}")
    base = context.private.tree_of(commit)
    follow(context, commit, base)
    read = last_read(state, context)
    moved = compare(read, tree, commit, context)
    return {
        "base": base,
        "onto": commit,
        "tree": tree,
        "phase": PHASE,
        "repairs": 0,
        "moved": context.blobs.put_json(moved.plain()),
        "to_read": moved.to_read,
        "read_on": {} if moved.to_read else read,
    }


def follow(context: RunContext, commit: str, base: str) -> None:
    """Make this commit, with this tree, the base of the rest of the run."""
    context.record.base_commit = commit
    context.base_tree = base


def apply_answer(
    state: LoopState, answer: Mapping[str, str], context: RunContext
) -> dict[str, Any]:
    """Return the state updates of an answer.

    `answer` holds `choice` (approve | modify | skip | edit | reword), `by`, `proposal` and, for
    modify and reword, `text`; for edit see `user_edits`. The queue's own choice is `rebase`, see
    `apply_rebase`. After `dismiss` the question is asked again about the same change: dismissals
    are stored elsewhere. An approval for another proposal is refused.
    """
    fault("approve.begin")
    if answer["proposal"] != state["proposal"]:
        raise UsageError(
            "this approval was given for an earlier state of the run; look at it again with "
            f"`reviewloop show {context.record.run_id}` and answer again"
        )
    choice = answer["choice"]
    update: dict[str, Any] = {"approval": dict(answer), "outcome": "", "refused": 0}
    update |= explained(NO_REASON)
    if choice == "skip":
        words = answer.get("text", "")
        update |= {"outcome": "skipped"}
        update |= explained(reason(ReasonKind.USER, text=words) if words else NO_REASON)
    elif choice == "modify":
        request = _request(answer["text"], answer["by"])
        update |= {
            "cycle": state.get("cycle", 0) + 1,
            "round": 0,
            "modification": request.id,
            "moved": "",  # the new change is read as a whole
            "edited": "",
            "message": state.get("message", "") if words_of(state, context).get("ours") else "",
            "to_read": 0,
            "read_on": {},
            "findings": write_findings([request, *_left(state, context)], context.blobs),
            "reviewers": dict.fromkeys(state.get("reviewers", {})),  # all of them read again
        }
    elif choice == "edit":
        update |= apply_edit(state, answer, context)
    elif choice == "reword":
        update |= apply_message(state, answer, context)
    elif choice == "rebase":
        update |= apply_rebase(state, answer, context)
    context.events.emit("answer", choice=choice, by=answer["by"], text=answer.get("text", ""))
    fault("approve.end")
    return update


def _left(state: LoopState, context: RunContext) -> list[Finding]:
    """Return the findings left to the user, open again, with fresh retries for the new rounds."""
    return [
        finding.with_note("", status=Status.OPEN, attempts=0)
        for finding in read_findings(state, context.blobs).values()
        if finding.status in {Status.OPEN, Status.UNRESOLVED} and BY_USER not in finding.agents
    ]


def _request(text: str, by: str) -> Finding:
    """Return a must-fix finding with a user's request."""
    return Finding(
        id=fingerprint("", text, BY_USER),
        agents=(BY_USER,),
        severity=Severity.MUST_FIX,
        title=text if len(text) <= 300 else text[:299] + "…",
        suggestion=text,
        category="person",
        confidence="high",
        evidence=(Evidence(kind="person", source=by, text=text),),
        placement=Placement.FILE,
    )
