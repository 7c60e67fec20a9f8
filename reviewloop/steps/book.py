"""The run's book of findings: references in the state, bodies as blobs."""

from collections.abc import Iterable, Mapping

from reviewloop.findings import Finding, Status
from reviewloop.state import FindingRef, LoopState
from reviewloop.store.blobs import Blobs


def read_findings(state: LoopState, blobs: Blobs) -> dict[str, Finding]:
    """Return every finding of the run by id, as it stands now."""
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
    """Return the findings to write down after a reading of the change.

    What a person dismissed stays dismissed, and what ran out of retries stays the person's. What
    was fixed, or said by another finding, and is reported again is open again, with its attempts
    remembered. Said anew in other words it is the same finding: its code and its retries count. A
    dismissal holds for the very finding only, so that nothing new is hidden by it.
    """
    result = []
    tried = {
        _place_of(f): f
        for f in known.values()
        if f.attempts and f.quote.strip() and f.status is not Status.DISMISSED
    }
    for finding in found:
        before = known.get(finding.id)
        if before is None and (before := tried.get(_place_of(finding))) is not None:
            finding = finding.model_copy(update={"id": before.id})
        if before is None:
            result.append(finding)
            continue
        kept = before.status in {Status.DISMISSED, Status.UNRESOLVED}
        result.append(
            finding.model_copy(
                update={
                    "status": before.status if kept else Status.OPEN,
                    "attempts": before.attempts,
                    "round_found": before.round_found,
                    "note": before.note if kept else "",
                }
            )
        )
    return result


def _place_of(finding: Finding) -> tuple[str, str]:
    """Return what tells where a finding stands, however it is worded: file and quoted code."""
    return finding.path, " ".join(finding.quote.split())
