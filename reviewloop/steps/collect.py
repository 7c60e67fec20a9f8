"""Collect: what the reviewers and the guard-rails said becomes one list of findings."""

from typing import Any

from reviewloop.context import RunContext
from reviewloop.findings import Finding, Status
from reviewloop.reviewing.merging import merge
from reviewloop.state import LoopState
from reviewloop.steps.book import join_with_known, read_findings, write_findings


def collect(state: LoopState, context: RunContext) -> dict[str, Any]:
    """Merge what was said about the tree in the state into the book of findings.

    After a full review these are the reviewers' reports; after a re-review the step itself has
    already written its verdicts, and no reviewer has read the new tree.
    """
    known = read_findings(state, context.blobs)
    fresh: list[Finding] = []
    for result in state.get("reviewers", {}).values():
        if result["status"] == "done" and result["tree"] == state["tree"]:
            record = context.blobs.get_json(result["blob"])
            fresh += [Finding.model_validate(f) for f in record["findings"]]
    if not fresh:
        return {}
    # Findings of gates and of the person take part in merging, so that a reviewer who repeats
    # one adds its name instead of a second finding.
    others = [f for f in known.values() if f.open_and_actionable]
    merged = join_with_known(merge([*fresh, *others]), known)
    gone = {f.id for f in others} - {f.id for f in merged}
    swallowed = [
        known[i].model_copy(update={"status": Status.SUPPRESSED, "note": "said by another finding"})
        for i in gone
    ]
    context.events.tell("collected", findings=len(merged))
    return {"findings": write_findings([*merged, *swallowed], context.blobs)}


def has_open_findings(state: LoopState) -> bool:
    """Whether a red or yellow finding is open that the loop may act on by itself."""
    return any(ref["act"] for ref in state.get("findings", {}).values())
