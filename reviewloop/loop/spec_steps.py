"""The steps of writing a spec: research, questions, the documents of each phase, answers."""

# One file: the steps share the documents, the agent's request and the writing to disk.

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from reviewloop.agents import READ_ONLY, AgentDefinition
from reviewloop.checkout.files import refuse_links
from reviewloop.domain.errors import UsageError
from reviewloop.faults import fault
from reviewloop.llm.messages import ToolSpec, cache_point, text_block, user_message
from reviewloop.llm.routing import SPEC_AGENTS
from reviewloop.loop.agent_tools import reading_toolbox, resources_of
from reviewloop.loop.context import RunContext
from reviewloop.loop.conversation import Check
from reviewloop.loop.spec_checks import counts, phase_problem, with_texts
from reviewloop.loop.spec_prompts import (
    ASKING,
    ENDING,
    MOST_QUESTIONS,
    MOST_ROUNDS,
    OWN_HEADINGS,
    form_of,
)
from reviewloop.loop.spec_research import ENDING as FINDINGS
from reviewloop.loop.spec_research import (
    Research,
    claims_problem,
    constraints_problem,
    request_for,
    research_of,
    touches_service,
    with_findings,
)
from reviewloop.render.text import counted
from reviewloop.review.prompts import HOUSE_RULES
from reviewloop.specs.checks.aws import facts_of
from reviewloop.specs.checks.idea import PARTS, OpenPoint, open_points
from reviewloop.specs.checks.view import read_view
from reviewloop.specs.discover import read_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.lines import read_document, sections
from reviewloop.specs.order import order_tasks
from reviewloop.specs.writing import PHASES, TITLES, SpecFiles
from reviewloop.store.journal import CallKey

ALL = "all"
"""The phase name of a quick session's single gate."""

REVISE, FRESH = "revise", "fresh"
"""For an existing spec: it is the base, or it is kept under `archive/`."""


class SpecState(TypedDict, total=False):
    """The state of the graph; texts are blobs, referenced by id."""

    name: str
    format: str
    path: str  # of the spec: a folder, or a file
    quick: bool  # one gate for all phases
    findings: str  # of research
    questions: str  # of this round
    rounds: int  # of questions, that were answered
    again: bool  # another round follows
    answers: list[list[str]]  # [question, answer]; "" without an answer
    documents: dict[str, str]  # phase -> text as last written
    base: dict[str, str]  # phase -> text on disk when it was last written
    seen: dict[str, str]  # phase -> text that a user saw before the last revision
    tries: dict[str, int]  # phase -> how often it was written
    request: str  # the change that a user requests
    choice: str
    approved: dict[str, str]  # phase -> SHA-256 of the text
    outcome: str  # "", written, rejected
    summary: str
    counts: dict[str, int]


class SpecQuestion(TypedDict):
    """A question before requirements are written."""

    question: str
    choices: list[str]
    default: str  # what the agent would take


class SpecGate(TypedDict, total=False):
    """What a session asks: questions, or about a phase with its document."""

    questions: list[SpecQuestion]
    phase: str
    document: str
    before: str  # the version the user saw before
    problem: str  # why it cannot be approved
    notes: list[str]


def rows_in(arguments: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    """Return the objects in a list of an agent's answer, none where it is no list."""
    listed = arguments.get(name)
    rows = listed if isinstance(listed, list) else []
    return [one for one in rows if isinstance(one, Mapping)]


def research(context: RunContext) -> dict[str, Any]:
    """Have the first agent research the services that the idea names."""
    idea = context.brief.task
    servers: list[str] = context.record.options.get("servers", [])
    if not touches_service(idea) and not servers:
        return {}
    agent = agent_of(context, PHASES[0])
    answer = ask_agent(
        context,
        agent,
        CallKey(agent.name, "research", attempt=context.record.options.get("tries", 0)),
        (),
        request_for(idea, servers),
        FINDINGS,
        lambda arguments, _last: claims_problem(arguments),
        servers,
    )
    found = research_of(idea, rows_in(answer, "findings"), context)
    return {"findings": context.blobs.put_json(found.plain())}


def ask_questions(state: SpecState, context: RunContext) -> dict[str, Any]:
    """Have the first agent ask its questions; their number and rounds are capped."""
    agent = agent_of(context, PHASES[0])
    there = _on_disk(PHASES[0], state, context)
    parts = [_found(state, context), _answered(state, context)]
    done = state.get("rounds", 0)
    if there:
        parts.append(f"# The spec as it is\n\n{context.fence.wrap('spec', there)}")
    left_open = () if done or _revises(context) else open_points(context.brief.task)
    answer = ask_agent(
        context,
        agent,
        CallKey(
            agent.name, "questions", round=done, attempt=context.record.options.get("tries", 0)
        ),
        parts,
        f"What {'else ' if done else ''}has to be asked before requirements are written? "
        f"{_asking_about(left_open)}Call `ask_questions`.",
        ASKING,
        lambda arguments, _last: _questions_problem(arguments),
    )
    raised = rows_in(answer, "questions")
    all_questions = [*_uncovered(left_open, raised), *raised]
    found = [_question(one) for one in all_questions[:MOST_QUESTIONS]]
    again = bool(found) and answer.get("again") is True and done + 1 < MOST_ROUNDS
    return {"questions": context.blobs.put_json(found), "again": again}


def _asking_about(points: Sequence[OpenPoint]) -> str:
    """Return the instruction about open points of a description, or ""."""
    if not points:
        return ""
    listed = "; ".join(f"{one.about!r}: {one.question}" for one in points)
    return (
        f"The description leaves this open: {listed} Ask about each in the words of this project, "
        "with it as `about`. "
    )


def _uncovered(
    points: Sequence[OpenPoint], questions: Sequence[Mapping[str, object]]
) -> list[Mapping[str, object]]:
    """Return questions about the open points that the agent does not ask itself."""
    abouts = {str(one.get("about", "")).casefold() for one in questions}
    texts = " ".join(str(one["question"]) for one in questions).casefold()
    return [
        {"question": one.question}
        for one in points
        if one.about not in abouts and (one.about in PARTS or one.about not in texts)
    ]


def questions_of(state: SpecState, context: RunContext) -> list[SpecQuestion]:
    """Return the questions: their text, choices and the default."""
    found: list[SpecQuestion] = context.blobs.get_json(state["questions"])
    return found


def take_answers(
    state: SpecState, answer: Mapping[str, Any], context: RunContext
) -> dict[str, Any]:
    """Return all questions so far with the user's answers, "" where there is none."""
    given = {int(number): str(text) for number, text in dict(answer.get("answers", {})).items()}
    questions = questions_of(state, context)
    texts = [given.get(number, "") for number in range(1, len(questions) + 1)]
    pairs = zip(questions, texts, strict=True)
    answers = [*state.get("answers", []), *([one["question"], text] for one, text in pairs)]
    return {"answers": answers, "rounds": state.get("rounds", 0) + 1}


def before_answers(
    state: SpecState, questions: Sequence[SpecQuestion], context: RunContext
) -> tuple[Mapping[str, object], dict[str, str]]:
    """Return (the state before the last answers to these questions, those answers by number)."""
    answers = state.get("answers", [])
    before, last = (
        answers[: len(answers) - len(questions)],
        answers[len(answers) - len(questions) :],
    )
    blob = context.blobs.put_json([*questions])
    values = {"questions": blob, "answers": before, "again": False}
    by_number = {str(number): answer for number, (_, answer) in enumerate(last, 1)}
    return {**values, "rounds": max(0, state.get("rounds", 0) - 1)}, by_number


def write_phase(phase: str, state: SpecState, context: RunContext) -> dict[str, Any]:
    """Have the phase's agent write its document, or revise the existing one.

    Edits on disk since the last writing are the base.
    """
    agent = agent_of(context, phase)
    number = state.get("tries", {}).get(phase, 0)
    on_disk = _on_disk(phase, state, context)
    written = _blob(state.get("documents", {}).get(phase, ""), context)
    edited = bool(on_disk) and on_disk != _blob(state.get("base", {}).get(phase, ""), context)
    before = on_disk if edited or not written else written
    shared = [_answered(state, context)]
    if phase == PHASES[0]:
        shared.append(_found(state, context))
    shared += [
        f"# {TITLES[done]}, approved\n\n{context.fence.wrap('spec', text)}"
        for done in PHASES[: PHASES.index(phase)]
        if (text := _text_of(done, state, context))
    ]
    own = [
        OWN_HEADINGS
        if on_disk and _files(state, context).parts
        else form_of(state["format"], phase),
        _requested_change(phase, before, state, context),
        f"Write the document for the phase {TITLES[phase]}, then call `write_document`.",
    ]
    tries = context.record.options.get("tries", 0)
    answer = ask_agent(
        context,
        agent,
        CallKey(agent.name, phase, cycle=number, attempt=tries),
        shared,
        "\n\n".join(filter(None, own)),
        ENDING,
        lambda arguments, last: (
            _document_problem(phase, arguments, state, context)
            or ("" if last else _unsupported(phase, str(arguments["document"])))
        ),
    )
    document = str(answer["document"]).strip() + "\n"
    if phase == PHASES[0]:
        document = with_findings(document, _research(state, context))
    if _files(state, context).is_one_file:  # as it will be on disk, for a true difference
        document = with_texts(_files(state, context), {phase: document}).text_of(phase)
    goes_on = state.get("quick") and phase != PHASES[-1]  # to the next phase, without a gate
    return {
        "documents": {**state.get("documents", {}), phase: context.blobs.put_json(document)},
        "base": {**state.get("base", {}), phase: context.blobs.put_json(on_disk)},
        "seen": {**state.get("seen", {}), phase: context.blobs.put_json(before)},
        "tries": {**state.get("tries", {}), phase: number + 1},
        "request": state.get("request", "") if goes_on else "",
    }


def _document_problem(
    phase: str, arguments: Mapping[str, Any], state: SpecState, context: RunContext
) -> str:
    """Return what is wrong with an agent's document, or ""."""
    document = str(arguments.get("document") or "")
    problem = problem_of(phase, document, state, context)
    if phase == PHASES[0] and not problem:
        return _answers_problem(document, state.get("answers", []))
    return problem


def _unsupported(phase: str, document: str) -> str:
    """Return names in a design or plan that their services do not have, or "".

    Sent back only once: the installed data may be older than the service.
    """
    if phase == PHASES[0]:
        return ""  # its constraints may name such
    facts = (fact for fact in facts_of(document) if fact.supported is False)
    details = "; ".join(f"{fact.detail} ({fact.source})" for fact in facts)
    return f"this is not supported: {details}" if details else ""


def _notes(phase: str, document: str) -> list[str]:
    """Return notes for the user: assumptions, and names that were not confirmed."""
    if phase == PHASES[0]:
        lines = (line.strip(" -*") for line in document.splitlines())
        return [f"assumed: {line}" for line in lines if "(assumed)" in line and line[:1] != "#"]
    return [
        f"not supported: {fact.detail} ({fact.source})"
        if fact.supported is False
        else f"unverified: {fact.detail}"
        for fact in facts_of(document)
        if not fact.supported
    ]


def _answers_problem(document: str, pairs: Sequence[Sequence[str]]) -> str:
    """Return which of the user's answers is missing: answers are decisions, the rest is assumed."""
    decided = f" {_plain_words(_decisions(document))} "
    for question, answer in pairs:
        quoted = re.escape(_plain_words(answer))
        if answer and not re.search(rf"(?<!\w){quoted}(?!\w)", decided):
            return f"`## Decisions` does not quote the answer to {question!r}: {answer!r}"
    open_ones = [question for question, answer in pairs if not answer]
    if open_ones and "(assumed)" not in _plain_words(document):
        return f"nobody answered {open_ones[0]!r}: what you assume is marked `(assumed)`"
    return ""


def _decisions(document: str) -> str:
    lines = read_document(document.encode("utf-8", "surrogateescape")).lines
    found = [one for one in sections(lines) if one.title.casefold().startswith("decisions")]
    return "\n".join(one.text for one in found)


def _plain_words(text: str) -> str:
    return " ".join(re.sub(r"[*_`\"'“”>]", "", text).split()).casefold()


def _requested_change(phase: str, before: str, state: SpecState, context: RunContext) -> str:
    """Return the existing document with the requested change, or ""."""
    if not before:
        return ""
    there = f"# {TITLES[phase]} as it is\n\n{context.fence.wrap('spec', before)}\n"
    keep = "Change only what is needed for that; what stays keeps its words, ids and ticks."
    if request := state.get("request", ""):
        wrapped = context.fence.wrap("request", request)
        return f"{there}# A person wants this changed\n\n{wrapped}\n{keep}"
    if _revises(context):
        return f"{there}It is revised: what a person wants built, above, is the change. {keep}"
    return f"{there}A person wrote that: complete it. {keep}"


def _revises(context: RunContext) -> bool:
    return bool(context.record.options.get("existing") == REVISE)


def shown_at_gate(phase: str, state: SpecState, context: RunContext) -> SpecGate:
    """Return what a user is shown: the document, and the version they saw before."""
    phases = PHASES if state.get("quick") else (phase,)
    documents = {one: _blob(state["documents"][one], context) for one in phases}
    before = {one: _blob(state.get("seen", {}).get(one, ""), context) for one in phases}
    return {
        "phase": ALL if state.get("quick") else phase,
        "document": _joined(documents),
        "before": _joined(before) if any(before.values()) else "",
        "problem": problem_of(phase, documents[phase], state, context),
        "notes": [note for one, text in documents.items() for note in _notes(one, text)],
    }


def _joined(documents: Mapping[str, str]) -> str:
    if len(documents) == 1:
        return next(iter(documents.values()))
    return "\n".join(f"== {TITLES[phase]} ==\n\n{text}" for phase, text in documents.items())


def apply_answer(
    phase: str, state: SpecState, answer: Mapping[str, Any], context: RunContext
) -> dict[str, Any]:
    """Apply a user's decision at a gate; approving writes the phase to disk."""
    choice = str(answer["choice"])
    if choice == "modify":
        return {"choice": choice, "request": str(answer["text"])}
    if choice == "reject":
        return {"choice": choice, "outcome": "rejected"}
    if choice == "edit":
        text = str(answer["document"]).strip() + "\n"
        return {
            "choice": choice,
            "documents": {**state["documents"], phase: context.blobs.put_json(text)},
            "seen": {**state.get("seen", {}), phase: state["documents"][phase]},
        }
    approved = dict(state.get("approved", {}))
    for one in PHASES if state.get("quick") else (phase,):
        text = _blob(state["documents"][one], context)
        write_to_disk(one, state, text, context)
        approved[one] = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    fault("spec.written")
    now = _files(state, context)
    phases = PHASES if state.get("quick") else (phase,)
    context.events.emit("approved", phases={one: now.file_of(one) for one in phases})
    return {"choice": "approve", "approved": approved}


def summarise(state: SpecState, context: RunContext) -> dict[str, Any]:
    """Return the final counts for the user, from the spec on disk."""
    spec = read_spec(DiskFiles(context.user.root), _files(state, context).ref)
    functional, others = counts(spec)
    order = order_tasks(spec)
    components = _components(spec.design)
    parts = (
        f"{counted(functional + others, 'requirement')} ({functional} FR, {others} NFR)",
        counted(components, "component"),
        f"{counted(len(order.steps), 'task')} in {counted(len(order.waves), 'wave')}",
    )
    sentence = ", ".join(parts)
    return {
        "outcome": "written",
        "summary": sentence,
        "counts": {
            "functional": functional,
            "non_functional": others,
            "components": components,
            "tasks": len(order.steps),
            "waves": len(order.waves),
        },
    }


def write_to_disk(phase: str, state: SpecState, text: str, context: RunContext) -> None:
    """Write an approved phase into the checkout; the rest of its files is kept.

    Raises `UsageError` for a link, or where the phase on disk differs from what this session saw.
    """
    root = context.user.root
    require_as_seen(phase, state, context)
    if not state.get("approved"):
        _move_away(context)
    made = _files(state, context).with_phase(phase, text)
    for name, whole_text in made.items():
        path = root / name
        _require_writable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(whole_text, "utf-8", "surrogateescape")
        beside.replace(path)


def require_as_seen(phase: str, state: SpecState, context: RunContext) -> None:
    """Raise `UsageError` where a phase on disk differs from what this session saw or wrote.

    Also where its files cannot be written.
    """
    for one in PHASES if phase == ALL else (phase,):
        spec = _files(state, context)
        _require_writable(context.user.root / spec.file_of(one))
        there = _on_disk(one, state, context) or _first_of_file(one, state, context)
        base = _blob(state.get("base", {}).get(one, ""), context)
        text = _blob(state["documents"][one], context)
        if there not in ("", base, with_texts(spec, {one: text}).text_of(one)):
            raise UsageError(
                f"{spec.file_of(one)} exists and is not what this spec wrote; move it away and "
                f"approve again, or `reviewloop spec modify {state['name']} -m TEXT` takes it as "
                "the base"
            )


def _require_writable(path: Path) -> None:
    """Raise `UsageError` for a link, and for a file or folder that cannot be written."""
    refuse_links(str(path))
    there = next(one for one in (path, *path.parents) if one.exists())
    if there != path and not there.is_dir():
        raise UsageError(f"{there} is no folder; move it away, then approve again")
    if not os.access(there, os.W_OK):
        raise UsageError(f"{there} cannot be written; put that right, then approve again")


def _first_of_file(phase: str, state: SpecState, context: RunContext) -> str:
    """Return the whole file where no phase can be found in it, for the first phase in it."""
    spec = _files(state, context)
    if phase != PHASES[0] or any(_on_disk(one, state, context) for one in PHASES):
        return ""
    if context.record.options.get("archive") and not state.get("approved"):
        return ""  # it is moved away first
    return (spec.files.read(spec.file_of(phase)) or b"").decode("utf-8", "surrogateescape")


def _move_away(context: RunContext) -> None:
    """Move the documents of a spec that is written again into the archive, once."""
    moves: Mapping[str, str] = context.record.options.get("archive", {})
    root = context.user.root
    for old, new in moves.items():
        if (root / old).is_file() and not (root / new).exists():
            refuse_links(str(root / old))
            refuse_links(str(root / new))
            (root / new).parent.mkdir(parents=True, exist_ok=True)
            (root / old).replace(root / new)


def problem_of(phase: str, document: str, state: SpecState, context: RunContext) -> str:
    """Return what would be wrong with a phase if written now, or ""."""
    spec = _files(state, context)
    earlier = {
        one: text
        for one in PHASES[: PHASES.index(phase)]
        if one not in state.get("approved", {}) and (text := _text_of(one, state, context))
    }
    done: list[str] = []
    if phase == "tasks" and _on_disk(phase, state, context):
        tasks = read_view(spec.files, spec.ref).spec.tasks
        done = [task.title for task in tasks if task.state == "done"]
    problem = phase_problem(phase, with_texts(spec, earlier), document, done)
    if phase == PHASES[0] and not problem:
        return constraints_problem(document, _research(state, context))
    return problem


def _files(state: SpecState, context: RunContext) -> SpecFiles:
    return SpecFiles(DiskFiles(context.user.root), state["format"], state["path"])


def _on_disk(phase: str, state: SpecState, context: RunContext) -> str:
    """Return a phase on disk; "" for one that will be moved into the archive."""
    if context.record.options.get("archive") and not state.get("approved"):
        return ""
    return _files(state, context).text_of(phase)


def _text_of(phase: str, state: SpecState, context: RunContext) -> str:
    """Return an earlier phase: from disk once it is approved, hand edits included."""
    if phase in state.get("approved", {}) and (there := _on_disk(phase, state, context)):
        return there
    return _blob(state.get("documents", {}).get(phase, ""), context)


def agent_of(context: RunContext, phase: str) -> AgentDefinition:
    """Return the agent of a phase, as the session started with it."""
    agents = context.blobs.get_json(context.record.options["agents"])
    values = agents[SPEC_AGENTS[phase]]
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return AgentDefinition(**{**values, **lists})


def ask_agent(
    context: RunContext,
    agent: AgentDefinition,
    key: CallKey,
    shared: Sequence[str],
    own: str,
    ending: ToolSpec,
    check: Check,
    servers: Sequence[str] = (),
) -> Mapping[str, object]:
    """Return the arguments of the ending tool; an answer with a problem is sent back once.

    `servers` are those that the user named on the command line, whose tools it gets.

    The text shared by all calls of a session comes first, so that a provider's cache holds it; then
    the decisions so far, which the next phase repeats; the agent's own prompt is last.
    """
    blocks = [text_block(_idea(context)), cache_point()]
    if decided := "\n\n".join(filter(None, shared)):
        blocks += [text_block(decided), cache_point()]
    if resources := resources_of(agent, context):
        own = f"# Your resources\n\n{context.fence.wrap('resources', resources)}\n\n{own}"
    blocks.append(text_block(f"# Your part: {agent.name}\n\n{agent.prompt}\n\n{own}"))
    answer = context.talk(
        agent,
        key,
        reading_toolbox(context, context.base_tree, READ_ONLY, servers, all_tools=True),
        system=HOUSE_RULES,
        opening=[user_message(*blocks)],
        ending=ending,
        check=check,
    )
    return answer.arguments


def _idea(context: RunContext) -> str:
    return (
        f"# What a person wants built\n\n{context.fence.wrap('idea', context.brief.task)}\n"
        f"# The repository\n\n{context.fence.wrap('repository', context.brief.briefing)}"
    )


def _research(state: SpecState, context: RunContext) -> Research:
    ref = state.get("findings", "")
    return Research.from_plain(context.blobs.get_json(ref)) if ref else Research(())


def _found(state: SpecState, context: RunContext) -> str:
    """Return the research findings for the agent, "" where there were none to find."""
    section = with_findings("", _research(state, context)).strip()
    if not section:
        return ""
    return (
        f"# What was found out\n\n{context.fence.wrap('findings', section)}\n"
        "It stands below your document by itself. What is not supported is a constraint: name each "
        "in a section `## Constraints`, with its source."
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


def _questions_problem(arguments: Mapping[str, Any]) -> str:
    questions = arguments.get("questions")
    if not isinstance(questions, list):
        return "`questions` is no list"
    bad = [one for one in questions if not isinstance(one, Mapping) or not one.get("question")]
    return "each question needs a `question`" if bad else ""


def _question(one: Mapping[str, object]) -> SpecQuestion:
    choices = one.get("choices")
    return {
        "question": str(one["question"]),
        "choices": [str(choice) for choice in choices] if isinstance(choices, list) else [],
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


def _blob(ref: str, context: RunContext) -> str:
    if not ref:
        return ""
    text: str = context.blobs.get_json(ref)
    return text
