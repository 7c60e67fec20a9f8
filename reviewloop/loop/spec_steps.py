"""The steps of the way to a spec: questions, the documents of each phase, and a person's answers.

One file: the steps share the documents, how they are asked for and where they are written.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from reviewloop.agents import READ_ONLY, AgentDefinition
from reviewloop.checkout.files import refuse_links
from reviewloop.domain.errors import UsageError
from reviewloop.faults import fault
from reviewloop.llm.messages import ToolSpec, text_block, user_message
from reviewloop.loop.agent_tools import reading_toolbox
from reviewloop.loop.context import RunContext
from reviewloop.review.prompts import HOUSE_RULES
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.lines import read_document
from reviewloop.specs.order import order_tasks
from reviewloop.specs.requirements import read_requirements, resolve, whole
from reviewloop.specs.tasks import read_tasks
from reviewloop.store.journal import CallKey

PHASES = ("requirements", "high_level", "low_level", "tasks")
TITLES: Mapping[str, str] = {
    "requirements": "Requirements",
    "high_level": "High-Level Design",
    "low_level": "Low-Level Design",
    "tasks": "Task Plan",
}
AGENTS: Mapping[str, str] = {
    "requirements": "spec-requirements",
    "high_level": "spec-design",
    "low_level": "spec-design",
    "tasks": "spec-tasks",
}
"""Which agent writes which phase; the first one asks the questions, too."""

KIRO, SINGLE_FILE = "kiro", "single-file"
FORMATS = (KIRO, SINGLE_FILE)

_FILES: Mapping[str, str] = {
    "requirements": "requirements.md",
    "high_level": "design.md",
    "low_level": "design.md",
    "tasks": "tasks.md",
}
_MOST_QUESTIONS = 5
_ENDING = ToolSpec(
    name="write_document",
    description="Hand in the whole document. Nothing you write after it is read.",
    schema={
        "type": "object",
        "required": ["document"],
        "properties": {"document": {"type": "string", "description": "the document, in Markdown"}},
    },
)
_ASKING = ToolSpec(
    name="ask_questions",
    description="Hand in your questions, or an empty list when nothing has to be asked.",
    schema={
        "type": "object",
        "required": ["questions"],
        "properties": {
            "questions": {
                "type": "array",
                "maxItems": _MOST_QUESTIONS,
                "items": {
                    "type": "object",
                    "required": ["question"],
                    "properties": {
                        "question": {"type": "string"},
                        "choices": {"type": "array", "items": {"type": "string"}},
                        "default": {"type": "string", "description": "what you would take"},
                    },
                },
            }
        },
    },
)


class SpecState(TypedDict, total=False):
    """What flows through the graph; texts are blobs, named by their ids."""

    name: str
    format: str
    path: str  # of the spec: a folder, or a file
    questions: str
    answers: list[list[str]]  # question, answer; "" is one that nobody gave
    documents: dict[str, str]  # phase -> text as it was written last
    seen: dict[str, str]  # phase -> text as a person saw it before the last revision
    tries: dict[str, int]  # phase -> how often it was written
    request: str  # what a person wants changed
    choice: str
    approved: dict[str, str]  # phase -> SHA-256 of the text
    outcome: str  # "", written, rejected
    summary: str


def ask_questions(state: SpecState, context: RunContext) -> dict[str, Any]:
    """Have the first agent ask what has to be known; the questions are capped."""
    agent = agent_of(context, PHASES[0])
    answer = _talk(
        context,
        agent,
        CallKey(agent.name, "questions", attempt=context.record.options.get("tries", 0)),
        f"{_idea(context)}\n\nWhat has to be asked before requirements are written? "
        "Call `ask_questions`.",
        _ASKING,
        _questions_problem,
    )
    found = [_question(one) for one in answer["questions"][:_MOST_QUESTIONS]]
    return {"questions": context.blobs.put_json(found)}


def questions_of(state: SpecState, context: RunContext) -> list[dict[str, Any]]:
    """Return the questions: their text, choices and the default."""
    found: list[dict[str, Any]] = context.blobs.get_json(state["questions"])
    return found


def take_answers(
    state: SpecState, answer: Mapping[str, Any], context: RunContext
) -> dict[str, Any]:
    """Return the questions with what the person answered to each, "" where nothing."""
    given = {int(number): str(text) for number, text in dict(answer.get("answers", {})).items()}
    questions = questions_of(state, context)
    texts = [given.get(number, "") for number in range(1, len(questions) + 1)]
    pairs = zip(questions, texts, strict=True)
    return {"answers": [[one["question"], text] for one, text in pairs]}


def write_phase(phase: str, state: SpecState, context: RunContext) -> dict[str, Any]:
    """Have the phase's agent write its document, or revise it as the person asks."""
    agent = agent_of(context, phase)
    number = state.get("tries", {}).get(phase, 0)
    before = state.get("documents", {}).get(phase, "")
    parts = [_idea(context), _answered(state, context)]
    parts += [
        f"# {TITLES[done]}, approved\n\n{context.fence.wrap('spec', text)}"
        for done in PHASES[: PHASES.index(phase)]
        if (text := _approved_text(done, state, context))
    ]
    request = state.get("request", "")
    if before and request:
        parts.append(
            f"# {TITLES[phase]} as it is\n\n{context.fence.wrap('spec', _text(before, context))}\n"
            f"# A person wants this changed\n\n{context.fence.wrap('request', request)}\n"
            "Change only what the request needs; what stays keeps its words and ids."
        )
    parts.append(f"Write the document for the phase {TITLES[phase]}, then call `write_document`.")
    tries = context.record.options.get("tries", 0)
    answer = _talk(
        context,
        agent,
        CallKey(agent.name, phase, cycle=number, attempt=tries),
        "\n\n".join(filter(None, parts)),
        _ENDING,
        _checks(phase, state, context),
    )
    document = str(answer["document"]).strip() + "\n"
    return {
        "documents": {**state.get("documents", {}), phase: context.blobs.put_json(document)},
        "seen": {**state.get("seen", {}), phase: before},
        "tries": {**state.get("tries", {}), phase: number + 1},
        "request": "",
    }


def shown_at_gate(phase: str, state: SpecState, context: RunContext) -> dict[str, Any]:
    """Return what a person is shown: the document, and the one they saw before it."""
    before = state.get("seen", {}).get(phase, "")
    return {
        "phase": phase,
        "document": _text(state["documents"][phase], context),
        "before": _text(before, context) if before else "",
    }


def apply_answer(
    phase: str, state: SpecState, answer: Mapping[str, Any], context: RunContext
) -> dict[str, Any]:
    """Carry out what a person decided at a gate; approving writes the phase to disk."""
    choice = str(answer["choice"])
    if choice == "modify":
        return {"choice": choice, "request": str(answer["text"])}
    if choice == "reject":
        return {"choice": choice, "outcome": "rejected"}
    text = str(answer.get("document") or _text(state["documents"][phase], context))
    write_to_disk(phase, state, text, context)
    fault("spec.written")
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return {
        "choice": "approve",
        "documents": {**state["documents"], phase: context.blobs.put_json(text)},
        "approved": {**state.get("approved", {}), phase: digest},
    }


def summarise(state: SpecState, context: RunContext) -> dict[str, Any]:
    """Return the counts that a person is told at the end, from the spec as it is on disk."""
    spec = open_spec(DiskFiles(context.user.root), state["path"])
    required = whole(spec.requirements)
    others = sum(key.startswith("NFR") for key in required)
    order = order_tasks(spec)
    components = _components(spec.design)
    sentence = (
        f"{len(required)} requirements ({len(required) - others} FR, {others} NFR), "
        f"{components} components, {len(order.steps)} tasks in {len(order.waves)} waves"
    )
    return {"outcome": "written", "summary": sentence}


def write_to_disk(phase: str, state: SpecState, text: str, context: RunContext) -> None:
    """Write an approved phase into the checkout; what a person has edited there is kept below it.

    Raises `UsageError` for a link, or for a file that appeared meanwhile and is not the spec's.
    """
    root = context.user.root
    path = root / state["path"]
    path = path / _FILES[phase] if state["format"] == KIRO else path
    refuse_links(str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.read_text("utf-8", "surrogateescape") if path.is_file() else ""
    whole_text = _merged(phase, state, there, text)
    if there and _begins_file(phase, state) and there != whole_text:
        raise UsageError(
            f"{path.relative_to(root)} exists and is not what this spec wrote; move it away, then "
            f"`reviewloop spec resume {state['name']}`"
        )
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(whole_text, "utf-8", "surrogateescape")
    beside.replace(path)


def _begins_file(phase: str, state: SpecState) -> bool:
    """Whether a phase is the first of its file."""
    if state["format"] == SINGLE_FILE:
        return phase == PHASES[0]
    return phase != "low_level"


def _merged(phase: str, state: SpecState, there: str, text: str) -> str:
    """Return a file with a phase in it: written once, however often it is approved."""
    if state["format"] == KIRO and phase != "low_level":
        return text
    if state["format"] == SINGLE_FILE:
        text = f"## {TITLES[phase]}\n\n{_lowered(text)}"
        if phase == PHASES[0]:
            return f"# {state['name']}\n\n{text}"
    if text.strip() in there:
        return there
    return f"{there.rstrip()}\n\n{text.strip()}\n"


def _lowered(text: str) -> str:
    """Return a document without its title, its headings one level further down."""
    lines = read_document(text.encode("utf-8", "surrogateescape")).lines
    kept = [f"#{line.text}" if line.level else line.text for line in lines if line.level != 1]
    return "\n".join(kept).strip() + "\n"


def agent_of(context: RunContext, phase: str) -> AgentDefinition:
    """Return the agent that writes a phase, as the session was begun with it."""
    agents = context.blobs.get_json(context.record.options["agents"])
    values = agents[AGENTS[phase]]
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return AgentDefinition(**{**values, **lists})


def _talk(
    context: RunContext,
    agent: AgentDefinition,
    key: CallKey,
    text: str,
    ending: ToolSpec,
    problem: Callable[[Mapping[str, Any]], str],
) -> Mapping[str, Any]:
    """Return the arguments of the ending tool; an answer with a problem is sent back once."""
    answer = context.talk(
        agent,
        key,
        reading_toolbox(context, context.base_tree, READ_ONLY),
        system=f"{HOUSE_RULES}\n\n{agent.prompt}",
        opening=[user_message(text_block(text))],
        ending=ending,
        check=lambda arguments, _last: problem(arguments),
    )
    return answer.arguments


def _idea(context: RunContext) -> str:
    return (
        f"# What a person wants built\n\n{context.fence.wrap('idea', context.brief.task)}\n"
        f"# The repository\n\n{context.fence.wrap('repository', context.brief.briefing)}"
    )


def _answered(state: SpecState, context: RunContext) -> str:
    pairs = state.get("answers", [])
    if not pairs:
        return ""
    lines = [f"{question}\n-> {answer or '(not answered)'}" for question, answer in pairs]
    return (
        "# Questions that were asked, and what the person answered\n\n"
        + context.fence.wrap("answers", "\n\n".join(lines))
        + "\nAnswers are decisions; what was not answered is an assumption and is marked as one."
    )


def _approved_text(phase: str, state: SpecState, context: RunContext) -> str:
    """Return an approved phase as it is on disk: hand edits since then are the base of the next."""
    if phase not in state.get("approved", {}):
        return ""
    root = context.user.root
    if state["format"] == KIRO:
        path = root / state["path"] / _FILES[phase]
        if path.is_file() and not (phase == "high_level" and "low_level" in state["approved"]):
            return path.read_text("utf-8", "surrogateescape")
    elif (root / state["path"]).is_file() and phase == PHASES[0]:
        return (root / state["path"]).read_text("utf-8", "surrogateescape")
    elif state["format"] == SINGLE_FILE:
        return ""  # the file holds all phases: it went along with the first
    return _text(state["documents"][phase], context)


def _checks(
    phase: str, state: SpecState, context: RunContext
) -> Callable[[Mapping[str, Any]], str]:
    required = whole(_requirements(_approved_text("requirements", state, context)))

    def problem(arguments: Mapping[str, Any]) -> str:
        document = str(arguments.get("document") or "")
        if not document.strip():
            return "`document` is empty"
        if phase == "requirements":
            return _requirements_problem(document)
        if phase == "tasks":
            return _tasks_problem(document, required)
        return _design_problem(document, required)

    return problem


def _requirements(text: str) -> dict[str, str]:
    return read_requirements(read_document(text.encode("utf-8", "surrogateescape")).lines)


def _requirements_problem(document: str) -> str:
    found = _requirements(document)
    without = [key for key in whole(found) if not any(k.startswith(f"{key}.") for k in found)]
    if not found:
        return "no requirement has an id: write '### Requirement 1: Title' and numbered criteria"
    if without:
        return f"requirement {without[0]} has no numbered acceptance criteria"
    return ""


def _design_problem(document: str, required: Mapping[str, str]) -> str:
    listed = re.findall(r"(?:requirements?|validates)\W+((?:[\d.]+\s*,?\s*)+)", document, re.I)
    named = {one.strip(".").split(".")[0] for each in listed for one in re.findall(r"[\d.]+", each)}
    unknown = sorted(one for one in named if one and one not in required)
    if unknown:
        return f"the design names requirement {unknown[0]}, which nobody wrote"
    return ""


def _tasks_problem(document: str, required: Mapping[str, str]) -> str:
    listed = read_tasks(document.encode("utf-8", "surrogateescape"), "tasks.md", KIRO)
    if listed.problems:
        return f"line {listed.problems[0].line}: {listed.problems[0].message}"
    served: set[str] = set()
    for task in listed.tasks:
        found, missing = resolve([one.split(".")[0] for one in task.requirements], required)
        if missing:
            return f"task {task.id} names requirement {missing[0]}, which nobody wrote"
        served |= set(found)
    left = [key for key in required if key not in served]
    return f"no task serves requirement {left[0]}" if left else ""


def _questions_problem(arguments: Mapping[str, Any]) -> str:
    questions = arguments.get("questions")
    if not isinstance(questions, list):
        return "`questions` is no list"
    bad = [one for one in questions if not isinstance(one, Mapping) or not one.get("question")]
    return "each question needs a `question`" if bad else ""


def _question(one: Mapping[str, Any]) -> dict[str, Any]:
    choices: Sequence[Any] = one.get("choices") or ()
    return {
        "question": str(one["question"]),
        "choices": [str(choice) for choice in choices],
        "default": str(one.get("default") or ""),
    }


def _components(design: str) -> int:
    """Count the headings right below "Components ..."."""
    lines = read_document(design.encode("utf-8", "surrogateescape")).lines
    level = count = 0
    for line in lines:
        if line.level and re.match(r"components?\b", line.title, re.IGNORECASE):
            level = line.level
        elif line.level and level and line.level <= level:
            level = 0
        elif level and line.level == level + 1:
            count += 1
    return count


def _text(ref: str, context: RunContext) -> str:
    text: str = context.blobs.get_json(ref)
    return text


def spec_path(root: Path, name: str, format_: str) -> str:
    """Return where a new spec is written, relative to the root.

    Raises `UsageError` for a name that is no plain word, or a place that is taken.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,60}", name):
        raise UsageError(
            f"{name!r} is no name for a spec; use lower-case letters, digits and hyphens, as in "
            "user-login"
        )
    path = f".kiro/specs/{name}" if format_ == KIRO else f"docs/{name}-spec.md"
    if (root / path).exists():
        raise UsageError(f"{path} exists already; choose another name, or change that spec by hand")
    return path
