"""Holds a reviewer's conversation about one part of a change, and says what it was not shown."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reviewloop.agentloop import Answer
from reviewloop.agents import AgentDefinition
from reviewloop.context import RunContext
from reviewloop.errors import ContextOverflowError
from reviewloop.models.messages import ToolSpec
from reviewloop.reviewing.answers import DEEP_SCHEMA, FINDINGS_SCHEMA, REPORT_FINDINGS
from reviewloop.reviewing.intake import read_findings
from reviewloop.reviewing.prompts import Material, review_messages, shared_text
from reviewloop.reviewing.rules import REVIEW_RULES
from reviewloop.state import LoopState
from reviewloop.steps.bench import reading_toolbox, resources_of
from reviewloop.steps.material import SHRINKS, material_of
from reviewloop.steps.moved import Moved
from reviewloop.steps.parts import Part
from reviewloop.store.journal import CallKey
from reviewloop.workspace.paths import shown

REPORT = ToolSpec(
    name=REPORT_FINDINGS,
    description="Judge your evidence and report what else you found, once; no entry says: nothing.",
    schema=FINDINGS_SCHEMA,
)
_REPORT_ON_PUSH = replace(REPORT, schema=DEEP_SCHEMA)


@dataclass(frozen=True)
class Heard:
    """What a reviewer answered about a part; `unshown` are files whose diff it did not see."""

    answer: Answer
    unshown: tuple[str, ...] = ()


def ask_about(
    part: Part,
    agent: AgentDefinition,
    key: CallKey,
    state: LoopState,
    context: RunContext,
    moved: Moved | None = None,
) -> Heard:
    """Hold the conversation; where a part is too long for the model, with less and less of it.

    The part is one of the change, or of what `moved` it since it was read.
    The answer's notes say what the reviewer was not shown.
    """
    model = context.agent_model(agent, "review")
    for shrunk in range(len(SHRINKS)):
        material = material_of(state, context, part, shrunk, moved)
        opening = review_messages(material, agent, context.fence, resources_of(agent, context))
        try:
            answer = context.talk(
                agent,
                replace(key, attempt=shrunk),
                reading_toolbox(context, state["tree"]),
                system=REVIEW_RULES,
                opening=opening,
                ending=_REPORT_ON_PUSH if context.push else REPORT,
                check=_check,
                hold=context.models.gates.gate(model, shared_text(material, context.fence)),
            )
        except ContextOverflowError as error:
            too_long = error
            continue
        unshown = tuple(path for path in material.left_out if path in part.paths)
        unshown += tuple(material.moved.without) if material.moved else ()
        notes = (*answer.notes, *([_shown_less(material)] if shrunk else []))
        return Heard(replace(answer, notes=notes), unshown)
    raise too_long


def _shown_less(material: Material) -> str:
    less = "the change was too long for the model, so it was shown without lines of context"
    if not material.left_out:
        return less
    names = ", ".join(shown(path) for path in material.left_out[:5])
    more = len(material.left_out) - 5
    return f"{less} and without the diff of {names}" + (f" and {more} more" if more > 0 else "")


def _check(arguments: Mapping[str, Any], last_chance: bool) -> str:
    """Return what has to be mended; at the last chance the usable findings are taken."""
    intake = read_findings(arguments)
    if last_chance:
        return "" if intake.findings else "; ".join(intake.problems[:5])
    return "; ".join([*intake.problems, *intake.unclear][:5])
