"""Asks a model one question, in a conversation with a record, journal and folder of its own.

The same question about the same files is paid once, also after a crash.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from reviewloop.agents import AgentDefinition, collect_agent_files, named_agent, prompt_reader
from reviewloop.app.interrupts import interruptible
from reviewloop.app.model_access import require_allowed, require_askable
from reviewloop.app.project import (
    Repository,
    model_flags,
    read_settings,
    require_trust,
    stored_settings,
    team_of,
)
from reviewloop.app.redactors import redactor_of
from reviewloop.app.run.brief import Subject, brief_of
from reviewloop.app.run.opening import open_context, team_to_plain
from reviewloop.app.sessions import SessionKind
from reviewloop.checkout.files import remove_tree
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ModelSetupError, NoAnswerError, ReviewLoopError, UsageError
from reviewloop.git.commits import create_on
from reviewloop.installed import require_all
from reviewloop.llm.budget import Spent
from reviewloop.llm.messages import ToolSpec
from reviewloop.llm.model_choice import ensure_model
from reviewloop.llm.routing import STEP_KINDS
from reviewloop.loop.context import RunContext
from reviewloop.loop.conversation import Check
from reviewloop.loop.spec_steps import ask_agent
from reviewloop.review.prompts import Fence, new_nonce
from reviewloop.settings import Settings
from reviewloop.store.blobs import Blobs
from reviewloop.store.journal import CallKey
from reviewloop.store.locks import hold, is_held
from reviewloop.store.runs import RunRecord

_KEPT = 20  # conversations whose replies are stored

ANSWER = ToolSpec(
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
"""The tool that takes an answer with quotes."""


@dataclass(frozen=True)
class Question:
    """A user's question, and the model to ask."""

    text: str
    model: str | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Quote:
    """A quote and its line in a file; `line` is 0 where it is not found."""

    path: str
    line: int
    text: str


@dataclass(frozen=True)
class About:
    """The subject of a question, and how it is answered."""

    kind: SessionKind
    doing: str  # "asking about a plan"
    needs: str  # the error where there is no model
    agent: str
    step: str
    describe: Callable[[Settings], str]  # the task of the brief
    shared: Callable[[Fence], Sequence[str]]  # before the agent's own part
    own: str  # the instruction to the agent
    facts: Sequence[Any] = ()  # values that make it another question when they differ
    spec_path: str = ""


def ask_once(
    repository: Repository, question: Question, about: About, ending: ToolSpec, check: Check
) -> tuple[Mapping[str, Any], Spent]:
    """Hold the conversation; return the answer's arguments, and the usage.

    Raises `UsageError` for an empty question, `ModelSetupError` where no model can be asked, and
    `NoAnswerError` for no usable answer after one repair.
    """
    if not question.text.strip():
        raise UsageError("say what it is about: the text is empty")
    require_all(about.doing)
    user, sessions = repository.user, about.kind.sessions_of(repository)
    flags = model_flags(question.model) | dict(question.flags)
    loaded = ensure_model(read_settings(user.root, flags, project=user.project), os.environ)
    settings = loaded.settings
    require_trust(loaded, repository)
    if "none" in (settings.models.reasoning, settings.models.generation):
        raise ModelSetupError(about.needs)
    agent = _agent(user.root, user.project, about.agent)
    require_allowed(loaded, [agent])
    kinds = {agent.name: STEP_KINDS[about.step]}
    require_askable(loaded, [agent], providers=True, kinds=kinds)
    redactor = redactor_of(user)
    task = about.describe(settings)
    brief = brief_of(repository, Subject(None, None, task), settings, redactor)
    facts = [about.step, question.text, task, user.head, agent.prompt, agent.model, *about.facts]
    models = [settings.models.reasoning, settings.models.generation]
    name = hashlib.sha256(json.dumps([facts, models]).encode()).hexdigest()[:16]
    with hold(sessions.run_lock(name), "this question"):
        record = next((one for one in sessions.runs.all() if one.run_id == name), None)
        if record is None:
            folder = sessions.run_folder(name)
            for part in ("logs", "blobs"):
                (folder / part).mkdir(mode=0o700, exist_ok=True)
            create_on(folder / "git", user, None).close()
            blobs = Blobs(folder / "blobs", redactor.redact_held)
            record = RunRecord(
                run_id=name,
                repository=str(user.root),
                title=redactor.for_people(" ".join(question.text.split())[:80]),
                base_commit=user.head or "",
                branch=user.branch or "",
                spec_path=about.spec_path,
                project=user.project,
                options={
                    "brief": blobs.put_json(brief.plain()),
                    "team": blobs.put_json(team_to_plain(team_of(user.root, user.project))),
                },
                nonce=new_nonce(),
                created_at=time.time(),
            )
        record.settings = stored_settings(settings)
        sessions.runs.save(record)
        _forget_old(sessions)
        with open_context(sessions, record, None) as context:
            try:
                with interruptible(context, "the same command"):
                    arguments = _answer(context, agent, question, about, ending, check)
            except ReviewLoopError as error:
                record.options["tries"] = record.options.get("tries", 0) + (
                    isinstance(error, NoAnswerError)
                )
                sessions.runs.save(record)
                error.resumed_by(lambda lift: "the same command")
                raise
    return arguments, about.kind.spent(repository, record)


def check_quotes(read: Callable[[str], str]) -> Check:
    """Return a check that refuses answers without found quotes; `read` returns the text of a file.

    At the last try, one found quote is enough.
    """

    def check(arguments: Mapping[str, Any], last: bool) -> str:
        quotes = arguments.get("quotes")
        if not isinstance(quotes, list) or not quotes or not arguments.get("answer"):
            return "`answer` and at least one entry of `quotes` are needed"
        found = [locate_quote(one, read) for one in quotes]
        bad = [one for one in found if not one.line]
        if not bad or (last and len(bad) < len(quotes)):
            return ""
        return f"this does not stand in {bad[0].path!r}: {bad[0].text!r}"

    return check


def locate_quote(one: object, read: Callable[[str], str]) -> Quote:
    """Return a quote with its line, 0 where it is not in the file it names."""
    path, words = _at(one, "path"), _at(one, "quote")
    pattern = r"\s+".join(map(re.escape, words.split()))
    text = read(path) if path else ""
    match = re.search(pattern, text) if pattern else None
    return Quote(path, text.count("\n", 0, match.start()) + 1 if match else 0, words)


def _at(one: object, key: str) -> str:
    return str(one.get(key, "")).strip() if isinstance(one, Mapping) else ""


def _answer(
    context: RunContext,
    agent: AgentDefinition,
    question: Question,
    about: About,
    ending: ToolSpec,
    check: Check,
) -> Mapping[str, Any]:
    fence = context.fence
    text = f"# What a person says\n\n{fence.wrap('person', question.text)}\n{about.own}"
    key = CallKey(agent.name, about.step, attempt=context.record.options.get("tries", 0))
    return ask_agent(context, agent, key, about.shared(fence), text, ending, check)


def _agent(root: Path, project: str, name: str) -> AgentDefinition:
    files = collect_agent_files(root, Path.home(), project)
    return named_agent(files, name, prompt_reader(root, Path.home()))


def _forget_old(sessions: Repository) -> None:
    """Delete stored conversations except for the newest ones and those in use."""
    records = sorted(sessions.runs.all(), key=lambda record: -record.created_at)
    for record in records[_KEPT:]:
        if not is_held(sessions.run_lock(record.run_id)):
            remove_tree(sessions.run_folder(record.run_id))
            sessions.runs.delete(record.run_id)
