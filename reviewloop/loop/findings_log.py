"""The findings of a run: references in the state, bodies as blobs; known and dismissed ones."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from reviewloop.domain.finding import Evidence, Finding, Placement, Severity, Status, fingerprint
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.loop.context import RunContext
from reviewloop.loop.state import FindingRef, LoopState
from reviewloop.regex import regex
from reviewloop.review.silencing import dismiss_finding, is_user_dismissal, quiet_reason
from reviewloop.store.blobs import Blobs


def read_findings(state: LoopState, blobs: Blobs) -> dict[str, Finding]:
    """Return every finding of the run by id."""
    return {
        ident: Finding.model_validate(blobs.get_json(ref["blob"]))
        for ident, ref in state.get("findings", {}).items()
    }


def write_findings(findings: Iterable[Finding], blobs: Blobs) -> dict[str, FindingRef]:
    """Store the bodies and return the references to merge into the state."""
    return {
        finding.id: FindingRef(
            severity=str(finding.severity),
            status=str(finding.status),
            attempts=finding.attempts,
            round=finding.round_found,
            act=finding.open_and_actionable,
            blob=blobs.put_json(finding.model_dump(mode="json")),
        )
        for finding in findings
    }


def join_with_known(found: Iterable[Finding], known: Mapping[str, Finding]) -> list[Finding]:
    """Return the findings of a reading, merged with the known ones.

    A dismissed one stays dismissed, and one out of retries stays the user's. One that was fixed or
    superseded and is reported again is open again, with its attempts. Reported in other words it is
    the same finding: its code and retries count. A dismissal is for exactly one finding, so that it
    hides nothing new.
    """
    result = []
    tried = {
        _location_of(f): f
        for f in known.values()
        if f.attempts and f.quote.strip() and f.status is not Status.DISMISSED
    }
    for finding in found:
        before = known.get(finding.id)
        if before is None and (before := tried.get(_location_of(finding))) is not None:
            finding = finding.model_copy(update={"id": before.id})
        if before is None:
            result.append(finding)
            continue
        kept = before.status in {Status.DISMISSED, Status.UNRESOLVED}
        result.append(
            finding.with_note(
                before.note if kept else "",
                before.note_from if kept else None,
                status=before.status if kept else Status.OPEN,
                attempts=before.attempts,
                round_found=before.round_found,
            )
        )
    return result


def _location_of(finding: Finding) -> tuple[str, str]:
    """Return the key of a finding's location in any wording: file and quoted code."""
    return finding.path, " ".join(finding.quote.split())


_CLAIM = regex(
    r"\b(?P<gate>tests?|test suite|build)\b (?:now |still |all )?(?:is|are|do|does|will)?\s*"
    r"(?:not pass\w*|fail(?:s|ing|ed)?|red|broken|break(?:s|ing)?)\b(?!\s+to\b)",
    re.IGNORECASE,
)
_OUTSIDE = "its file is not part of the change, so only a person decides whether to change it"


def left_to_user(finding: Finding, state: LoopState, context: RunContext) -> Finding:
    """Return the finding, left to the user if the loop must not fix it by itself.

    These are findings in a file that the change does not touch, and those that contradict a
    guard-rail that ran: its exit code counts, and the contradiction is shown. In a review of a diff
    nothing is fixed, so none is left to the user.
    """
    if state.get("mode") == "review" or not finding.open_and_actionable:
        return finding
    reason = _contradiction(finding, state, context)
    if not reason and _is_outside(finding, state, context):
        reason = _OUTSIDE
    if not reason:
        return finding
    return finding.with_note(reason, status=Status.UNRESOLVED)


def _is_outside(finding: Finding, state: LoopState, context: RunContext) -> bool:
    change = context.change(context.base_tree, state["tree"])
    return finding.placement is Placement.CONTEXT and change.file(finding.path) is None


def _contradiction(finding: Finding, state: LoopState, context: RunContext) -> str:
    """Return how a finding contradicts a green gate, or ""."""
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


_LEFT = {Status.OPEN, Status.UNRESOLVED}


def apply_dismissals(
    findings: Iterable[Finding], state: LoopState, context: RunContext
) -> list[Finding]:
    """Return the findings with the user's dismissals applied, in order.

    Fixed ones, and those rejected by a reviewer, keep their status. One that is no longer dismissed
    gets its earlier status. Raises `UsageError` when the dismissals cannot be read.
    """
    reasons = context.dismissed()
    return [
        _apply_dismissal(
            finding,
            reasons.get(finding.id) or quiet_reason(finding, context.quiet) or None,
            state,
            context,
        )
        for finding in findings
    ]


def changed_by_dismissal(
    findings: Iterable[Finding], state: LoopState, context: RunContext
) -> dict[str, Finding]:
    """Return id -> finding, of those that a dismissal, or its end, changes."""
    before = list(findings)
    now = apply_dismissals(before, state, context)
    return {new.id: new for old, new in zip(before, now, strict=True) if new != old}


def write_dismissals(
    findings: Iterable[Finding], state: LoopState, context: RunContext
) -> dict[str, FindingRef]:
    """Store findings from `apply_dismissals`, with the earlier status of dismissed ones."""
    listed = list(findings)
    book, known = write_findings(listed, context.blobs), state.get("findings", {})
    for finding in listed:
        ref = known.get(finding.id)
        if ref is None or not is_user_dismissal(finding):
            continue
        before = ref["blob"] if ref["status"] in _LEFT else ref.get("before", "")
        if before:
            book[finding.id]["before"] = before
    return book


def _apply_dismissal(
    finding: Finding, reason: str | None, state: LoopState, context: RunContext
) -> Finding:
    if reason is not None:
        counts = finding.status in _LEFT or is_user_dismissal(finding)
        return dismiss_finding(finding, reason) if counts else finding
    if not is_user_dismissal(finding):
        return finding
    ref = state.get("findings", {}).get(finding.id)
    if ref is not None and "before" in ref:
        return Finding.model_validate(context.blobs.get_json(ref["before"]))
    return finding.with_note("", status=Status.OPEN, dismissal=None)


RULE = "secrets.held-by-machine"
_NOTE = "found by code and hidden before the reply was kept; nothing to fix in the change itself"


def leaks(state: LoopState, known: Mapping[str, Finding], context: RunContext) -> list[Finding]:
    """Return a finding for each new pair of an agent and a secret that it was sent.

    The journal records the pairs, so that a resumed run returns the same. In a run it is left to
    the user; in a review of a diff it is open.
    """
    is_review = state.get("mode") == "review"
    found: dict[str, Finding] = {}
    for agent, step, used, _ in context.journal.usage_rows():
        for name in _names(used):
            finding = _finding(agent, step, name)
            if not is_review:
                finding = finding.with_note(_NOTE, status=Status.UNRESOLVED)
            found.setdefault(finding.id, finding)
    return [finding for ident, finding in found.items() if ident not in known]


def _names(used: Mapping[str, Any]) -> list[str]:
    held = used.get("held")
    return [str(name) for name in held] if isinstance(held, list) else []


def _finding(agent: str, step: str, name: str) -> Finding:
    title = f"{agent} wrote a secret of this machine: the value of {name}"[:300]
    sentence = f"In step {step} the reply held the value of {name}, as it is or encoded."
    return Finding(
        id=fingerprint("", name, f"{RULE} {agent}"),
        agents=("review-security",),
        severity=Severity.MUST_FIX,
        title=title,
        why=f"{sentence} Something it read holds the value, or tells it how to come by it.",
        suggestion="Find out where it was read (`reviewloop logs` lists what was), take it away "
        "from there, and replace the secret.",
        category="secrets",
        rule=RULE,
        confidence="high",
        evidence=(Evidence(kind="analyser", source="secrets", text=sentence),),
        placement=Placement.FILE,
    )
