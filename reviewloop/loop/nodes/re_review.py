"""Re-review: quick-review reads each finding with its fix diff, and only the fix diff.

A finding is closed by a positive answer whose quote stands in the new code, or, when an analyser
or gate found it, by that gate no longer finding it. Everything else stays open.
"""

from collections.abc import Container, Iterable, Mapping
from functools import partial
from typing import Any

from reviewloop.domain.errors import ModelAccessError, ModelError
from reviewloop.domain.finding import Finding, Status
from reviewloop.domain.gate import GateResult
from reviewloop.llm.messages import ToolSpec
from reviewloop.llm.retry import ModelUnavailableError
from reviewloop.loop.agent_tools import changed_lines, reading_toolbox, with_resources
from reviewloop.loop.context import RunContext
from reviewloop.loop.evidence import evidence_of, late_evidence_of
from reviewloop.loop.findings_log import (
    join_with_known,
    left_to_user,
    read_findings,
    write_findings,
)
from reviewloop.loop.review_material import fit_diff
from reviewloop.loop.state import LoopState, ReviewerState
from reviewloop.review.anchoring import anchor, occurrences
from reviewloop.review.evidence import AnalyserFinding, whole_evidence
from reviewloop.review.intake import (
    REPORT_RESOLUTION,
    RESOLUTION_SCHEMA,
    ReReview,
    Resolution,
    read_resolutions,
)
from reviewloop.review.prompts import REVIEW_RULES, re_review_message
from reviewloop.store.journal import CallKey

_MOST_NAMED = 3

REPORT = ToolSpec(
    name=REPORT_RESOLUTION,
    description="Say of every finding whether its fix resolves it, and what the fixes broke.",
    schema=RESOLUTION_SCHEMA,
)


def re_review(state: LoopState, context: RunContext) -> dict[str, Any]:
    """Return the findings with the re-review's verdicts, new ones included."""
    known = read_findings(state, context.blobs)
    waiting = [known[ident] for ident in state["fixed"] if known[ident].open_and_actionable]
    if not waiting:  # the gates have already closed what was fixed
        return {}
    agent = context.team.quick_reviewer
    evidence_of(context, state["tree"])  # starts slow analysers on the fixed tree while it reads
    context.events.emit("reviewer.start", agent=agent.name)
    try:
        reply = _ask(waiting, state, context)
    except (ModelAccessError, ModelUnavailableError):
        raise  # asking again later can help, so the run pauses here
    except ModelError as error:
        # Unconfirmed fixes are left to the user, and the run is incomplete.
        context.events.emit("reviewer.end", agent=agent.name, status="failed", reason=str(error))
        failed: ReviewerState = {
            "status": "failed",
            "tree": state["tree"],
            "findings": [],
            "blob": "",
            "reason": str(error),
            "unnamed": error.unnamed,
            "seconds": 0.0,
        }
        why = f"fixed, but not confirmed: {agent.name} failed"
        left = [f.with_note(why, status=Status.UNRESOLVED) for f in waiting]
        return {
            "reviewers": {agent.name: failed},
            "findings": write_findings(left, context.blobs),
        }
    still_found = _found_by_gates(state, context)
    assessed = [_assess(finding, reply, state, context, still_found) for finding in waiting]
    unanswered = _unanswered(waiting, reply)
    fresh = [*_new_findings(reply, state, context), *_new_evidence(state, context)]
    context.events.emit(
        "reviewer.end",
        agent=agent.name,
        status="failed"
        if len(unanswered) == len(waiting)
        else "incomplete"
        if unanswered
        else "done",
        reason=_missing(unanswered, waiting),
        findings=len(fresh),
        resolved=sum(f.status is Status.FIXED for f in assessed),
    )
    closed = [*assessed, *_gone(known.values(), waiting, state, context)]
    dismissed = [left_to_user(f, state, context) for f in join_with_known(fresh, known)]
    return {
        "findings": write_findings([*closed, *dismissed], context.blobs),
        "reviewers": {agent.name: None},  # a failure of an earlier round
    }


def _unanswered(waiting: list[Finding], reply: ReReview) -> list[Finding]:
    """Return the findings whose fixes the re-review did not answer."""
    answered = {answer.finding for answer in reply.resolutions}
    return [finding for finding in waiting if finding.id not in answered]


def _missing(unanswered: list[Finding], waiting: list[Finding]) -> str:
    if not unanswered:
        return ""
    titles = ", ".join(f"“{finding.title}”" for finding in unanswered[:_MOST_NAMED])
    more = f" and {len(unanswered) - _MOST_NAMED} more" if len(unanswered) > _MOST_NAMED else ""
    return f"it said nothing of {len(unanswered)} of {len(waiting)} fixes: {titles}{more}"


def _ask(waiting: list[Finding], state: LoopState, context: RunContext) -> ReReview:
    agent = context.team.quick_reviewer
    cycle, number = state.get("cycle", 0), state["round"]
    fixes = []
    for finding in waiting:
        name = f"fix-{cycle}-{number}-{finding.id}"
        before, after = state["trees"][f"{name}-before"], state["trees"][name]
        fixes.append(
            (finding, fit_diff(context.shown_change(before, after), context, len(waiting)))
        )
    repaired = state.get("repairs", 0)
    after_fixes = state["trees"][f"fix-{cycle}-{number}-{state['fixed'][-1]}"]
    other = fit_diff(context.shown_change(after_fixes, state["tree"]), context) if repaired else ""
    message = re_review_message(fixes, agent, context.fence, other)
    answer = context.talk(
        agent,
        CallKey(agent.name, "quick-review", cycle=cycle, round=number),
        reading_toolbox(context, state["tree"], agent.tools),
        system=REVIEW_RULES,
        opening=[with_resources(message, agent, context)],
        ending=REPORT,
        check=_check,
    )
    return read_resolutions(answer.arguments)


def _assess(
    finding: Finding,
    reply: ReReview,
    state: LoopState,
    context: RunContext,
    still_found: Container[tuple[str, str]],
) -> Finding:
    if (finding.rule, finding.path) in still_found:
        return finding.with_note("the guard-rail still finds it")
    if finding.rule and finding.id in _found_by_analysers(state["tree"], context):
        return finding.with_note("its analyser still finds it")
    answer = next((r for r in reply.resolutions if r.finding == finding.id), None)
    if answer is None:
        return finding.with_note("the re-review did not answer")
    if not answer.resolved:
        return finding.with_note(f"not resolved: {answer.reason}")
    if not _quotes_new_code(answer, state, context):
        return finding.with_note("said to be resolved, but the quote is no code that the fix wrote")
    return finding.with_note(answer.reason, status=Status.FIXED)


def _found_by_gates(state: LoopState, context: RunContext) -> set[tuple[str, str]]:
    """Return (rule, path) of the guard-rails' findings in the fixed tree, which no
    reviewer closes.
    """
    gates = [GateResult.from_plain(r) for r in context.blobs.get_json(state["gates"])]
    return {(finding.rule, finding.path) for gate in gates for finding in gate.findings}


def _new_evidence(state: LoopState, context: RunContext) -> list[Finding]:
    """Return the analysers' findings in the fixed tree that are new since the fixes."""
    before = {piece.finding.id for piece in _whole(state["fix_from"], context)}
    return [
        piece.finding.model_copy(update={"round_found": state["round"]})
        for piece in _whole(state["tree"], context)
        if piece.finding.id not in before
    ]


def _gone(
    known: Iterable[Finding], waiting: list[Finding], state: LoopState, context: RunContext
) -> list[Finding]:
    """Return, as fixed, the analysers' findings that are gone after the fixes."""
    before = _found_by_analysers(state["fix_from"], context)
    gone = before - _found_by_analysers(state["tree"], context) - {f.id for f in waiting}
    note = "its analyser does not find it any more"
    return [
        finding.with_note(note, status=Status.FIXED)
        for finding in known
        if finding.id in gone and finding.status in {Status.OPEN, Status.UNRESOLVED}
    ]


def _whole(tree: str, context: RunContext) -> list[AnalyserFinding]:
    """Return early and late evidence about a tree, merged."""
    return whole_evidence(evidence_of(context, tree), late_evidence_of(context, tree))


def _found_by_analysers(tree: str, context: RunContext) -> set[str]:
    """Return the ids of all evidence, also of pieces merged into a rejected finding."""
    pieces = (*evidence_of(context, tree), *late_evidence_of(context, tree))
    return {piece.finding.id for piece in pieces}


def _quotes_new_code(answer: Resolution, state: LoopState, context: RunContext) -> bool:
    """Return whether the quote is on lines that the finding's own fix, or the round, wrote.

    A later fix of the same round may have changed the lines in the finding's own diff. In a file
    from which a fix only removed lines, code around the removal may be quoted.
    """
    name = f"fix-{state.get('cycle', 0)}-{state['round']}-{answer.finding}"
    own = (state["trees"][f"{name}-before"], state["trees"][name])
    whole = (state["fix_from"], state["tree"])
    return any(_quotes(answer.quote, *trees, context) for trees in (own, whole))


def _quotes(quote: str, before: str, after: str, context: RunContext) -> bool:
    change = context.change(before, after)
    written = changed_lines(change)
    for file in change.files:
        text = context.shown_text(after, file.path)
        for first, last in occurrences(quote, text) if text is not None else ():
            if not file.added or written.touch(file.path, first, last):
                return True
    return False


def _new_findings(reply: ReReview, state: LoopState, context: RunContext) -> list[Finding]:
    tree = state["tree"]
    lines = changed_lines(context.change(state["fix_from"], tree))
    read, exists = partial(context.shown_text, tree), partial(context.holds, tree)
    agent = context.team.quick_reviewer.name
    return [
        anchor(found, agent, changed=lines, read=read, round_=state["round"], exists=exists)
        for found in reply.new_findings.findings
    ]


def _check(arguments: Mapping[str, Any], last_chance: bool) -> str:
    reply = read_resolutions(arguments)
    if last_chance and reply.resolutions:
        return ""
    unclear = () if last_chance else reply.new_findings.unclear
    return "; ".join([*reply.problems, *unclear][:5])
