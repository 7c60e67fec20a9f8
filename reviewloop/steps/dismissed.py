"""What a person dismissed: it counts so from the next step that looks at the run's findings.

The word is kept beside the runs, so it holds for later ones, too, and can be taken back.
"""

from collections.abc import Iterable

from reviewloop.context import RunContext
from reviewloop.findings import Finding, Status
from reviewloop.reviewing.silencing import dismissed, is_persons_dismissal
from reviewloop.state import FindingRef, LoopState
from reviewloop.steps.book import write_findings

_LEFT = {Status.OPEN, Status.UNRESOLVED}


def heard(findings: Iterable[Finding], state: LoopState, context: RunContext) -> list[Finding]:
    """Return the findings as a person's dismissals leave them, in their order.

    What is fixed, or was rejected by a reviewer, stays that. What was dismissed and is not any
    more stands as it did before. Raises `UsageError` when the dismissals cannot be read.
    """
    reasons = context.dismissed()
    return [_heard(finding, reasons.get(finding.id), state, context) for finding in findings]


def changed_by_word(
    findings: Iterable[Finding], state: LoopState, context: RunContext
) -> dict[str, Finding]:
    """Return by id those of the findings that a dismissal, or its end, makes others."""
    before = list(findings)
    now = heard(before, state, context)
    return {new.id: new for old, new in zip(before, now, strict=True) if new != old}


def write_heard(
    findings: Iterable[Finding], state: LoopState, context: RunContext
) -> dict[str, FindingRef]:
    """Store findings that went through `heard`; how dismissed ones stood before stays known."""
    listed = list(findings)
    book, known = write_findings(listed, context.blobs), state.get("findings", {})
    for finding in listed:
        ref = known.get(finding.id)
        if ref is None or not is_persons_dismissal(finding):
            continue
        before = ref["blob"] if ref["status"] in _LEFT else ref.get("before", "")
        if before:
            book[finding.id]["before"] = before
    return book


def _heard(finding: Finding, reason: str | None, state: LoopState, context: RunContext) -> Finding:
    if reason is not None:
        counts = finding.status in _LEFT or is_persons_dismissal(finding)
        return dismissed(finding, reason) if counts else finding
    if not is_persons_dismissal(finding):
        return finding
    ref = state.get("findings", {}).get(finding.id)
    if ref is not None and "before" in ref:
        return Finding.model_validate(context.blobs.get_json(ref["before"]))
    return finding.model_copy(update={"status": Status.OPEN, "note": ""})
