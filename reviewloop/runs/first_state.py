"""The state in which a run's first step finds it: nothing yet, or findings that are known."""

from collections.abc import Sequence
from typing import Any

from reviewloop.context import RunContext
from reviewloop.findings import Finding
from reviewloop.state import LoopState
from reviewloop.steps.book import write_findings


def findings_first(findings: Sequence[Finding], subject: str, summary: str) -> dict[str, Any]:
    """Return what a run that begins by fixing these findings is given, as JSON-plain values.

    `subject` and `summary` are the words of its commit.
    """
    found = [finding.model_dump(mode="json") for finding in findings]
    return {"findings": found, "summary": {"subject": subject, "summary": summary}}


def first_state(context: RunContext) -> LoopState:
    """Return the state to begin with; a run that was given findings begins at the fix step."""
    tree, run = context.base_tree, context.record.run_id
    given = context.record.options.get("first")
    if not given:
        return LoopState(run=run, mode="run", base=tree, tree=tree)
    first, blobs = context.blobs.get_json(given), context.blobs
    findings = [Finding.model_validate(each) for each in first["findings"]]
    return LoopState(
        run=run,
        mode="fix",
        base=tree,
        tree=tree,
        phase="fix",
        gates=blobs.put_json([]),  # nothing was judged yet
        findings=write_findings(findings, blobs),
        summary=blobs.put_json(first["summary"]),
    )
