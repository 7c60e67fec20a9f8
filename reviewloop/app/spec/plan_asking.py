"""Asks a model about an implementation plan: why it is so, or how it would be with one thing more.

One conversation with a record, journal and folder of its own: the same question is paid once.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reviewloop.agents import AgentDefinition, collect_agent_files, named_agent, prompt_reader
from reviewloop.app.asking import require_allowed, require_askable
from reviewloop.app.held_values import redactor_of
from reviewloop.app.interrupts import interruptible
from reviewloop.app.project import (
    Repository,
    kept,
    model_flags,
    read_settings,
    require_trust,
    team_of,
)
from reviewloop.app.run.brief import Subject, brief_of
from reviewloop.app.run.opening import open_context, team_to_plain
from reviewloop.app.sessions import SessionKind
from reviewloop.app.spec.plan import OpenedPlan, open_plan
from reviewloop.checkout.files import remove_tree
from reviewloop.domain.errors import ModelSetupError, NoAnswerError, ReviewLoopError, UsageError
from reviewloop.git.commits import create_on
from reviewloop.installed import require_all
from reviewloop.llm.budget import Spent
from reviewloop.llm.messages import ToolSpec
from reviewloop.llm.routing import SPEC_AGENTS, STEP_KINDS
from reviewloop.llm.settling import completed
from reviewloop.loop.context import RunContext
from reviewloop.loop.conversation import Check
from reviewloop.loop.spec_steps import ask_agent
from reviewloop.review.prompts import new_nonce
from reviewloop.specs.briefing import describe_spec
from reviewloop.specs.plan_file import CONSIDERATIONS, sections_of
from reviewloop.specs.words import find_paths
from reviewloop.store.blobs import Blobs
from reviewloop.store.journal import CallKey
from reviewloop.store.locks import hold, is_held
from reviewloop.store.runs import RunRecord

KIND = SessionKind("spec-plans", "the plan", "reviewloop spec plan")
_KEPT = 20  # conversations whose replies are kept
_OURS = frozenset({"Analysis", CONSIDERATIONS})  # facts, and the user's own section
_ROW = re.compile(r"^\|\s*`(?P<path>[^`]+)`\s*\|\s*(?P<mark>\[(?:NEW|MODIFY)\])", re.MULTILINE)
_RESUME = re.compile(r"`reviewloop resume[^`]*`")

_ANSWER = ToolSpec(
    name="answer",
    description="Hand in your answer with the lines that show it. Nothing after it is read.",
    schema={
        "type": "object",
        "required": ["answer", "quotes"],
        "properties": {
            "answer": {"type": "string"},
            "quotes": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["path", "quote"],
                    "properties": {
                        "path": {"type": "string"},
                        "quote": {"type": "string", "description": "copied exactly"},
                    },
                },
            },
        },
    },
)
_PLAN = ToolSpec(
    name="write_document",
    description="Hand in the whole plan. Nothing you write after it is read.",
    schema={
        "type": "object",
        "required": ["document"],
        "properties": {"document": {"type": "string", "description": "the plan, in Markdown"}},
    },
)


@dataclass(frozen=True)
class PlanQuestion:
    """What is asked of a plan, and of which model."""

    text: str
    model: str | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Quote:
    """Words that stand in a file, at a line."""

    path: str
    line: int
    text: str


@dataclass(frozen=True)
class Explanation:
    """An answer, the quotes that stand in the files, and how many did not."""

    answer: str
    quotes: tuple[Quote, ...]
    dropped: int
    spent: Spent


@dataclass(frozen=True)
class RevisedPlan:
    """A plan as it would be; `changed` names the sections that differ."""

    opened: OpenedPlan
    text: str
    changed: tuple[str, ...]
    spent: Spent


def explain_plan(repository: Repository, name: str, question: PlanQuestion) -> Explanation:
    """Return an answer about a plan whose quotes stand in the files.

    Raises `NoAnswerError` where none of them does after one repair.
    """
    opened = open_plan(repository, name)

    def check(arguments: Mapping[str, Any], last: bool) -> str:
        quotes = arguments.get("quotes")
        if not isinstance(quotes, list) or not quotes or not arguments.get("answer"):
            return "`answer` and at least one entry of `quotes` are needed"
        bad = [one for one in quotes if _quote(one, opened) is None]
        if not bad or (last and len(bad) < len(quotes)):
            return ""
        return f"this does not stand in {_at(bad[0], 'path')!r}: {_at(bad[0], 'quote')!r}"

    own = (
        "A person asks about the plan above. Answer in a few sentences, from what stands in the "
        "plan, the spec and the repository, and quote the lines that show it: each with its path, "
        "copied exactly. What nothing shows you do not know; say so. Then call `answer`."
    )
    arguments, used = _ask(repository, opened, question, "explain", own, _ANSWER, check)
    quotes = [_quote(one, opened) for one in arguments["quotes"]]
    held = tuple(one for one in quotes if one is not None)
    return Explanation(str(arguments["answer"]).strip(), held, len(quotes) - len(held), used)


def revise_plan(repository: Repository, name: str, question: PlanQuestion) -> RevisedPlan:
    """Return the plan with one thing more considered; nothing is written.

    The analysis and the user's own section stay as they are, and marks of files are true.
    """
    opened = open_plan(repository, name)
    names = [one for one in opened.sections if one not in _OURS]

    def check(arguments: Mapping[str, Any], _last: bool) -> str:
        there = sections_of(str(arguments.get("document") or ""))
        if missing := [one for one in names if one not in there]:
            return f"the plan has no section `## {missing[0]}`"
        for match in _ROW.finditer(there.get("Files", "")):
            is_new = not find_paths([match["path"]], opened.paths)
            if (match["mark"] == "[NEW]") is not is_new:
                why = "there is no such file" if is_new else "it is there"
                return f"{match['path']} is marked {match['mark']}, and {why}"
        return ""

    own = (
        "A person wants this considered in the plan above. Hand in the whole plan with the same "
        f"sections ({', '.join(names)}), changed where that asks for it and nowhere else. In Files "
        "a path that is there is [MODIFY], any other [NEW]. Name only tasks that the spec has; "
        "work that it lacks is a risk. Then call `write_document`."
    )
    arguments, used = _ask(repository, opened, question, "plan", own, _PLAN, check)
    there = sections_of(str(arguments["document"]))
    changed = {one: there[one] for one in names if there[one] != opened.sections[one]}
    return RevisedPlan(opened, opened.with_sections(changed), tuple(changed), used)


def _at(one: object, key: str) -> str:
    return str(one.get(key, "")).strip() if isinstance(one, Mapping) else ""


def _quote(one: object, opened: OpenedPlan) -> Quote | None:
    """Return a quote with its line, None where it does not stand in the file it names."""
    path, words = _at(one, "path"), _at(one, "quote")
    pattern, text = r"\s+".join(map(re.escape, words.split())), opened.read(path)
    match = re.search(pattern, text) if pattern else None
    return Quote(path, text.count("\n", 0, match.start()) + 1, words) if match else None


def _ask(
    repository: Repository,
    opened: OpenedPlan,
    question: PlanQuestion,
    step: str,
    own: str,
    ending: ToolSpec,
    check: Check,
) -> tuple[Mapping[str, Any], Spent]:
    """Hold the conversation; return what was handed in, and what all of it has used."""
    if not question.text.strip():
        raise UsageError("say what it is about: the text is empty")
    require_all("asking about a plan")
    user, sessions = repository.user, KIND.sessions_of(repository)
    flags = model_flags(question.model) | dict(question.flags)
    loaded = completed(read_settings(user.root, flags, project=user.project), os.environ)
    settings = loaded.settings
    require_trust(loaded, repository)
    if "none" in (settings.models.reasoning, settings.models.generation):
        raise ModelSetupError(
            "this needs a model; name one with --model provider:model (the plan alone needs none)"
        )
    agent = _agent(user.root, user.project, step)
    require_allowed(loaded, [agent])
    require_askable(loaded, [agent], providers=True, kinds={agent.name: STEP_KINDS[step]})
    redactor = redactor_of(user)
    about = describe_spec(opened.spec, budget_tokens=settings.limits.context_tokens)
    brief = brief_of(repository, Subject(None, None, about), settings, redactor)
    facts = [step, question.text, opened.text, about, user.head, agent.prompt, agent.model]
    models = [settings.models.reasoning, settings.models.generation]
    name = hashlib.sha256(json.dumps([facts, models]).encode()).hexdigest()[:16]
    with hold(sessions.run_lock(name), "this question"):
        record = next((one for one in sessions.runs.all() if one.run_id == name), None)
        if record is None:
            folder = sessions.run_folder(name)
            for part in ("logs", "blobs"):
                (folder / part).mkdir(mode=0o700, exist_ok=True)
            create_on(folder / "git", user, None).close()
            blobs = Blobs(folder / "blobs", redactor.held)
            record = RunRecord(
                run_id=name,
                repository=str(user.root),
                title=redactor.for_people(" ".join(question.text.split())[:80]),
                base_commit=user.head or "",
                branch=user.branch or "",
                spec_path=opened.spec.path,
                project=user.project,
                options={
                    "brief": blobs.put_json(brief.plain()),
                    "team": blobs.put_json(team_to_plain(team_of(user.root, user.project))),
                },
                nonce=new_nonce(),
                created_at=time.time(),
            )
        record.settings = kept(settings)
        sessions.runs.save(record)
        _forget_old(sessions)
        with open_context(sessions, record, None) as context:
            try:
                with interruptible(context, "the same command"):
                    arguments = _answer(context, agent, step, opened, question, own, ending, check)
            except ReviewLoopError as error:
                record.options["tries"] = record.options.get("tries", 0) + (
                    isinstance(error, NoAnswerError)
                )
                sessions.runs.save(record)
                error.args = (_RESUME.sub("the same command", str(error)),)
                raise
    return arguments, KIND.spent(repository, record)


def _answer(
    context: RunContext,
    agent: AgentDefinition,
    step: str,
    opened: OpenedPlan,
    question: PlanQuestion,
    own: str,
    ending: ToolSpec,
    check: Check,
) -> Mapping[str, Any]:
    fence = context.fence
    plan = f"# The plan, {opened.path}\n\n{fence.wrap('plan', opened.text)}"
    text = f"# What a person says\n\n{fence.wrap('person', question.text)}\n{own}"
    key = CallKey(agent.name, step, attempt=context.record.options.get("tries", 0))
    return ask_agent(context, agent, key, (plan,), text, ending, check)


def _agent(root: Path, project: str, step: str) -> AgentDefinition:
    files = collect_agent_files(root, Path.home(), project)
    return named_agent(files, SPEC_AGENTS[step], prompt_reader(root, Path.home()))


def _forget_old(sessions: Repository) -> None:
    """Delete what is kept of conversations beyond the newest ones, unless one is in use."""
    records = sorted(sessions.runs.all(), key=lambda record: -record.created_at)
    for record in records[_KEPT:]:
        if not is_held(sessions.run_lock(record.run_id)):
            remove_tree(sessions.run_folder(record.run_id))
            sessions.runs.delete(record.run_id)
