"""Review: one agent reads the whole change; all of them do so at the same time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from reviewloop.agentloop import Answer
from reviewloop.agents import AgentDefinition
from reviewloop.context import RunContext
from reviewloop.errors import ContextOverflowError, ModelAccessError, ModelError
from reviewloop.models.messages import ToolSpec
from reviewloop.reviewing.anchoring import anchor
from reviewloop.reviewing.answers import FINDINGS_SCHEMA, REPORT_FINDINGS
from reviewloop.reviewing.intake import MAX_FINDINGS, Intake, read_findings
from reviewloop.reviewing.prompts import Material, review_messages, shared_text
from reviewloop.reviewing.rules import REVIEW_RULES
from reviewloop.reviewing.verdicts import read_verdicts
from reviewloop.state import LoopState, ReviewerState
from reviewloop.steps.bench import changed_lines, reading_toolbox, resources_of
from reviewloop.steps.evidence import evidence_of
from reviewloop.steps.material import SHRINKS, material_of
from reviewloop.store.journal import CallKey
from reviewloop.workspace.paths import shown

REPORT = ToolSpec(
    name=REPORT_FINDINGS,
    description="Judge your evidence and report what else you found, once; no entry says: nothing.",
    schema=FINDINGS_SCHEMA,
)

_OUTSIDE = "names a file outside of the repository"


def review_as(name: str) -> Callable[[LoopState, RunContext], dict[str, Any]]:
    """Return the step in which this reviewer reads the change."""

    def review(state: LoopState, context: RunContext) -> dict[str, Any]:
        agent = next(agent for agent in context.team.reviewers if agent.name == name)
        started = time.monotonic()
        context.events.tell("reviewer.start", agent=name)
        try:
            result = _read_change(agent, state, context)
        except ModelAccessError:
            raise  # wrong for all of them: the run pauses until access is there
        except ModelError as error:
            # One reviewer's failure must not cost the others' findings; it is shown as a failure.
            result = _failed(state, str(error))
        result["seconds"] = round(time.monotonic() - started, 3)
        context.events.tell(
            "reviewer.end",
            agent=name,
            status=result["status"],
            findings=len(result["findings"]),
            reason=result["reason"],
            seconds=result["seconds"],
        )
        return {"reviewers": {name: result}}

    review.__name__ = name
    return review


def _read_change(agent: AgentDefinition, state: LoopState, context: RunContext) -> ReviewerState:
    tree = state["tree"]
    key = CallKey(agent.name, "review", cycle=state.get("cycle", 0), round=state.get("round", 0))
    answer = _ask(agent, key, state, context)
    intake = read_findings(answer.arguments)
    for title in intake.outside:
        context.events.tell("note", text=f"{agent.name}: security: {_OUTSIDE}: {title}")
    if intake.unknown:
        context.events.tell("ignored", agent=agent.name, fields=intake.unknown)
    lines = changed_lines(context.change(context.base_tree, tree))
    read = partial(context.shown_text, tree)
    findings = [
        anchor(found, agent.name, changed=lines, read=read, round_=key.round)
        for found in intake.findings
    ]
    for finding in findings:
        context.events.tell(
            "finding", agent=agent.name, severity=str(finding.severity), title=finding.title
        )
    verdicts, problems = read_verdicts(answer.arguments, agent.name, evidence_of(context, tree))
    record = {
        "findings": [finding.model_dump(mode="json") for finding in findings],
        "verdicts": {ident: verdict.plain() for ident, verdict in verdicts.items()},
        "dropped": [*intake.problems, *problems],
        "cut": intake.cut,
        "turns": answer.turns,
    }
    return ReviewerState(
        status="done",
        tree=tree,
        findings=[finding.id for finding in findings],
        blob=context.blobs.put_json(record),
        reason="; ".join([*_left_out(intake), *answer.notes]),
        seconds=0.0,
    )


def _ask(agent: AgentDefinition, key: CallKey, state: LoopState, context: RunContext) -> Answer:
    """Hold the conversation; where the change is too long for the model, with less and less of it.

    The answer's notes say what the reviewer was not shown.
    """
    model = context.agent_model(agent, "review")
    for shrunk in range(len(SHRINKS)):
        material = material_of(state, context, shrunk)
        opening = review_messages(material, agent, context.fence, resources_of(agent, context))
        try:
            answer = context.talk(
                agent,
                replace(key, attempt=shrunk),
                reading_toolbox(context, state["tree"]),
                system=REVIEW_RULES,
                opening=opening,
                ending=REPORT,
                check=_check,
                hold=context.models.gates.gate(model, shared_text(material, context.fence)),
            )
        except ContextOverflowError as error:
            too_long = error
            continue
        notes = (*answer.notes, *([_shown_less(material)] if shrunk else []))
        return replace(answer, notes=notes)
    raise too_long


def _shown_less(material: Material) -> str:
    less = "the change was too long for the model, so it was shown without lines of context"
    if not material.left_out:
        return less
    names = ", ".join(shown(path) for path in material.left_out[:5])
    more = len(material.left_out) - 5
    return f"{less} and without the diff of {names}" + (f" and {more} more" if more > 0 else "")


def _left_out(intake: Intake) -> list[str]:
    """Return what of the answer could not be taken, for the screen; usually nothing."""
    parts = [f"could not be read: {'; '.join(intake.problems[:3])}"] if intake.problems else []
    parts += [f"dropped, {_OUTSIDE}: {'; '.join(intake.outside[:3])}"] if intake.outside else []
    parts += [f"{intake.cut} more than {MAX_FINDINGS} were cut"] if intake.cut else []
    return parts


def _failed(state: LoopState, reason: str) -> ReviewerState:
    return ReviewerState(
        status="failed", tree=state["tree"], findings=[], blob="", reason=reason, seconds=0.0
    )


def _check(arguments: Mapping[str, Any], last_chance: bool) -> str:
    """Return what has to be mended; at the last chance the usable findings are taken."""
    intake = read_findings(arguments)
    if last_chance:
        return "" if intake.findings else "; ".join(intake.problems[:5])
    return "; ".join([*intake.problems, *intake.unclear][:5])
