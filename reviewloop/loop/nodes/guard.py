"""Guard: runs every guard-rail on the change and records their findings; failures stop."""

from typing import Any

from reviewloop.domain.finding import Finding, Status, distinguish
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.loop.context import RunContext
from reviewloop.loop.findings_log import join_with_known, read_findings, write_findings
from reviewloop.loop.format_on_save import format_on_save
from reviewloop.loop.gates import run_gates, with_reproduction, with_scope
from reviewloop.loop.hooks import (
    fire_before_commit,
    fire_on_change,
    fire_on_gates,
    red_files,
    with_approval,
)
from reviewloop.loop.state import LoopState


def guard(state: LoopState, context: RunContext) -> dict[str, Any]:
    """Return the verdict on the tree in the state: ok, failed (repairable) or stopped (not).

    A checkpoint whose checks are green without any change is `checked`: there is nothing to review.
    """
    if state.get("stopped_by"):
        return {"verdict": "stopped", "gates": context.blobs.put_json([])}
    formatted = format_on_save(state, context)
    fired = fire_on_change({**state, "tree": formatted}, context)
    tree = fired.tree
    changed = bool(context.change(context.base_tree, tree))
    if not changed and not context.brief.is_checkpoint:
        return {"verdict": "stopped", "gates": context.blobs.put_json([])}
    label = f"guard-{state.get('cycle', 0)}-{state.get('round', 0)}-{state.get('repairs', 0)}-"
    label += f"on-{state['onto'][:8]}-" if state.get("onto") else ""
    label += f"edit-{state['edits']}-" if state.get("edits") else ""
    results = run_gates(context, tree, label)
    results = with_reproduction(context, tree, label, with_scope(context, tree, results))
    results += tuple(end.as_gate() for end in fired.ends)
    if context.brief.hooks:
        results += tuple(end.as_gate() for end in fire_on_gates(state, context, tree, results))
        results = with_approval(context, results)
    if changed and context.brief.hooks and _verdict(results) == "ok":
        results += tuple(end.as_gate() for end in fire_before_commit(state, context, tree))
    verdict = _verdict(results)
    return {
        **({"tree": tree} if tree != state["tree"] else {}),
        **({"hooked": tree} if context.brief.hooks else {}),
        **({"hook_red": red_files(fired.ends)} if context.brief.hooks else {}),
        "verdict": verdict if changed else _verdict_of_checkpoint(verdict, results),
        "gates": context.blobs.put_json([result.plain() for result in results]),
        "findings": write_findings(_findings(state, results, context), context.blobs),
    }


def _verdict(results: tuple[GateResult, ...]) -> str:
    statuses = {result.status for result in results}
    if GateStatus.HARD_STOP in statuses:
        return "stopped"  # secrets and protected branches never go back to a model
    return "failed" if any(status.stops for status in statuses) else "ok"


def _verdict_of_checkpoint(verdict: str, results: tuple[GateResult, ...]) -> str:
    """Return `checked` only where tests ran and passed: otherwise nothing was shown."""
    if verdict != "ok":
        return verdict
    tested = any(one.name == "test" and one.status is GateStatus.PASSED for one in results)
    return "checked" if tested else "stopped"


def _findings(
    state: LoopState, results: tuple[GateResult, ...], context: RunContext
) -> list[Finding]:
    """Return the gates' current findings, and as fixed those that they no longer find."""
    known = read_findings(state, context.blobs)
    found = distinguish(finding for result in results for finding in result.findings)
    now = {finding.id for finding in found}
    assessed = {result.name for result in results if _gave_a_verdict(result)}
    fixed = [
        finding.with_note("the guard-rail no longer finds it", status=Status.FIXED)
        for finding in known.values()
        if finding.status in {Status.OPEN, Status.UNRESOLVED}
        and finding.id not in now
        and {e.source for e in finding.evidence if e.kind == "gate"} & assessed
        and all(evidence.kind == "gate" for evidence in finding.evidence)
    ]
    return [*join_with_known(found, known), *fixed]


def _gave_a_verdict(result: GateResult) -> bool:
    """Return whether a gate without findings is evidence: it ran to its end on this tree."""
    return result.status in {
        GateStatus.PASSED,
        GateStatus.WARNING,
        GateStatus.FAILED,
        GateStatus.NEEDS_USER,
    }
