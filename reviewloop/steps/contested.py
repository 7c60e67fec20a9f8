"""Findings that a reviewer may state but the loop does not act on: a person decides about them."""

import re

from reviewloop.context import RunContext
from reviewloop.findings import Finding, Placement, Status
from reviewloop.state import GateResult, GateStatus, LoopState

_CLAIM = re.compile(
    r"\b(?P<gate>tests?|test suite|build)\b (?:now |still |all )?(?:is|are|do|does|will)?\s*"
    r"(?:not pass\w*|fail(?:s|ing|ed)?|red|broken|break(?:s|ing)?)\b(?!\s+to\b)",
    re.IGNORECASE,
)
_OUTSIDE = "its file is not part of the change, so only a person decides whether to change it"


def left_to_person(finding: Finding, state: LoopState, context: RunContext) -> Finding:
    """Return the finding, left to the person if the loop must not act on it by itself.

    That is what stands in a file that the change does not touch, and what says the opposite of a
    guard-rail that ran: its exit code counts, and the contradiction is shown. A review of a diff
    fixes nothing, so nothing is left to anybody there.
    """
    if state.get("mode") == "review" or not finding.open_and_actionable:
        return finding
    reason = _contradiction(finding, state, context)
    if not reason and _is_outside(finding, state, context):
        reason = _OUTSIDE
    if not reason:
        return finding
    return finding.model_copy(update={"status": Status.UNRESOLVED, "note": reason})


def _is_outside(finding: Finding, state: LoopState, context: RunContext) -> bool:
    change = context.change(context.base_tree, state["tree"])
    return finding.placement is Placement.CONTEXT and change.file(finding.path) is None


def _contradiction(finding: Finding, state: LoopState, context: RunContext) -> str:
    """Return how a finding contradicts a green gate, or an empty string."""
    claim = _CLAIM.search(finding.title)
    if claim is None or any(piece.kind in {"gate", "person"} for piece in finding.evidence):
        return ""
    name = "build" if claim["gate"].lower() == "build" else "test"
    ref = state.get("gates", "")
    for record in context.blobs.get_json(ref) if ref else []:
        gate = GateResult.from_plain(record)
        if gate.name == name and gate.status is GateStatus.PASSED:
            return f"contradicts the guard-rail, whose word counts: {name} passed ({gate.summary})"
    return ""
