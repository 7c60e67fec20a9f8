"""A session about skills: a model proposes a draft or edits, which then wait at a gate.

It is stored like a run, in a folder of its own: record, journal, blobs. It has one step, so no
graph: paid replies are in the journal, and a killed session asks for nothing twice.
"""

import os
import time
from collections.abc import Callable, Mapping
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
from reviewloop.app.run.opening import agent_to_plain, open_context, team_to_plain
from reviewloop.app.sessions import SessionKind, clear
from reviewloop.app.skills import capture, improve
from reviewloop.app.skills.stored import Draft, Material, SkillAnswer
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    ExitCode,
    ModelSetupError,
    NoAnswerError,
    ReviewLoopError,
    UsageError,
    by_command,
)
from reviewloop.domain.event import Listener
from reviewloop.domain.reason import NO_REASON
from reviewloop.faults import fault
from reviewloop.git.commits import create_on
from reviewloop.installed import require_all
from reviewloop.llm.budget import Spent
from reviewloop.llm.messages import ToolSpec, text_block, user_message
from reviewloop.llm.model_choice import ensure_model
from reviewloop.loop.agent_tools import reading_toolbox
from reviewloop.loop.context import Brief, RunContext
from reviewloop.review.prompts import HOUSE_RULES, new_nonce
from reviewloop.specs.words import estimate_tokens
from reviewloop.store.blobs import Blobs
from reviewloop.store.journal import CallKey
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus

CAPTURE, IMPROVE = "capture", "improve"
SESSIONS = SessionKind("skill-sessions", "the skill", "reviewloop skills")
_AGENT = "skill-writer"


@dataclass(frozen=True)
class Kind:
    """One kind of session: its prompt, its check of the answer, its draft, and its save."""

    ending: ToolSpec
    ask: Callable[[RunContext, Material, Draft], str]
    problem: Callable[[RunContext, Material, Mapping[str, object]], str]
    draft_of: Callable[[RunContext, Material, Mapping[str, object]], Draft]
    save: Callable[[Repository, Material, Draft, SkillAnswer], list[str]]


_KINDS = {
    CAPTURE: Kind(
        capture.ENDING, capture.ask, capture.problem, capture.draft_of, capture.save
    ),
    IMPROVE: Kind(
        improve.ENDING, improve.ask, improve.problem, improve.draft_of, improve.save
    ),
}  # fmt: skip


@dataclass(frozen=True)
class SkillRequest:
    """The request of a session."""

    kind: str
    name: str
    title: str
    material: Material
    model: str | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    draft: Draft = field(default_factory=Draft)  # a draft made without a model


def sessions_of(repository: Repository) -> Repository:
    """Return the repository with sessions in place of its runs."""
    return SESSIONS.sessions_of(repository)


def begin(repository: Repository, request: SkillRequest) -> RunRecord:
    """Store a new session and return its record; nothing is paid yet.

    Raises `UsageError` for a session that is in progress, and `ModelSetupError` for a model that
    cannot be asked.
    """
    require_all("writing a skill")
    user, sessions = repository.user, sessions_of(repository)
    open_one = [
        one for one in sessions.runs.all() if one.run_id == request.name and not one.status.over
    ]
    if open_one:
        raise UsageError(f"{request.name} is in work: {next_step(open_one[0])}")
    flags = model_flags(request.model) | dict(request.flags)
    loaded = ensure_model(read_settings(user.root, flags, project=user.project), os.environ)
    settings = loaded.settings
    agent = _agent(user.root, user.project)
    if not request.draft:
        require_trust(loaded, repository)
        if settings.models.reasoning == "none":
            raise ModelSetupError(
                "writing a skill needs a model; name one with --model provider:model"
            )
        _require_room(request, settings.limits.context_tokens // 2)
        require_allowed(loaded, [agent])
        require_askable(loaded, [agent], providers=True)
    redactor = redactor_of(user)
    folder = sessions.run_folder(request.name)
    with hold(sessions.run_lock(request.name), request.name):
        clear(folder)
        for part in ("logs", "blobs"):
            (folder / part).mkdir(mode=0o700)
        private = create_on(folder / "git", user, None)
        private.close()
        blobs = Blobs(folder / "blobs", redactor.redact_held)
        brief = Brief(redactor.for_people(request.title), "", "")
        record = RunRecord(
            run_id=request.name,
            repository=str(user.root),
            title=redactor.for_people(request.title),
            base_commit=private.head,
            branch=user.branch or "",
            project=user.project,
            settings=stored_settings(settings),
            options={
                "kind": request.kind,
                "material": blobs.put_json(dict(request.material)),
                "brief": blobs.put_json(brief.plain()),
                "team": blobs.put_json(team_to_plain(team_of(user.root, user.project))),
                "agent": blobs.put_json(agent_to_plain(agent)),
            },
            nonce=new_nonce(),
            created_at=time.time(),
        )
        if request.draft:
            record.proposal = blobs.put_json(dict(request.draft))
            record.status, record.exit_code = RunStatus.WAITING, int(ExitCode.WAITING)
        sessions.runs.save(record)
    fault("skill.begun")
    return record


def move(
    repository: Repository,
    name: str,
    answer: SkillAnswer | None = None,
    listener: Listener | None = None,
) -> RunRecord:
    """Advance a session until it asks a user or is over; return its record.

    Raises `UsageError` for an answer to another question, and `ReviewLoopError` when it stopped on
    the way; it can then be advanced again.
    """
    sessions = sessions_of(repository)
    with hold(sessions.run_lock(name), name):
        record = find(repository, name)
        if answer is not None and answer["choice"] == "reject" and not record.status.over:
            record.status, record.exit_code = RunStatus.SKIPPED, int(ExitCode.SKIPPED)
            sessions.runs.save(record)
            return record
        if answer is not None and record.status is not RunStatus.WAITING:
            raise UsageError(f"{name} asks nothing now: {next_step(record)}")
        if record.status.over or (answer is None and record.status is RunStatus.WAITING):
            return record
        if answer is not None and answer["choice"] == "approve":
            return _approved(repository, sessions, record, answer)
        if answer is not None:
            record.options["request"] = redactor_of(repository.user).for_people(answer["text"])
            record.options["number"] = record.options.get("number", 0) + 1
        with open_context(sessions, record, listener) as context:
            return _proposed(context)


def end(repository: Repository, name: str, sentence: str) -> RunRecord:
    """End a session whose proposal was not confirmed; nothing is written."""
    sessions = sessions_of(repository)
    with hold(sessions.run_lock(name), name):
        record = find(repository, name)
        record.status, record.exit_code = RunStatus.SKIPPED, int(ExitCode.FINDINGS)
        record.options["summary"] = sentence
        sessions.runs.save(record)
    return record


def keep(repository: Repository, name: str, key: str, value: Any) -> None:
    """Store a value with a session."""
    sessions = sessions_of(repository)
    with hold(sessions.run_lock(name), name):
        record = find(repository, name)
        record.options[key] = value
        sessions.runs.save(record)


def find(repository: Repository, name: str | None) -> RunRecord:
    """Return the named session, or the only one that is not over; raise `UsageError` for none."""
    listed = sessions_of(repository).runs.all()
    if name is None:
        there = [one for one in listed if not one.status.over]
        if len(there) == 1:
            return there[0]
        names = ", ".join(one.run_id for one in there)
        if there:
            raise UsageError(f"several skills are in work ({names}); name one")
        raise UsageError("no skill is in work; `reviewloop skills capture NAME -m TEXT` begins one")
    found = [one for one in listed if one.run_id == name]
    if not found:
        raise UsageError(f"no skill {name!r} is in work")
    return found[0]


def draft_of(repository: Repository, record: RunRecord) -> Draft:
    """Return the waiting proposal: the text of a skill, or edits; {} for nothing."""
    found: Draft = _stored(repository, record, record.proposal)
    return found


def before_of(repository: Repository, record: RunRecord) -> Draft:
    """Return the proposal before its last revision, {} for none."""
    found: Draft = _stored(repository, record, record.options.get("before", ""))
    return found


def material_of(repository: Repository, record: RunRecord) -> Material:
    """Return the material of a session."""
    found: Material = _stored(repository, record, record.options.get("material", ""))
    return found


def spent(repository: Repository, record: RunRecord) -> Spent:
    """Return the usage of a session."""
    return SESSIONS.spent(repository, record)


def plain(repository: Repository, record: RunRecord) -> dict[str, object]:
    """Return a session as JSON-plain values."""
    draft, used = draft_of(repository, record), spent(repository, record)
    return {
        "name": record.run_id,
        "kind_of": record.options["kind"],
        "status": str(record.status),
        "exit_code": record.exit_code,
        "next": next_step(record),
        "text": draft.get("text", ""),
        "guards": list(draft.get("guards", ())),
        "no_guard": draft.get("no_guard", ""),
        "edits": list(draft.get("edits", ())),
        "refused": dict(draft.get("refused", {})),
        "proof": dict(record.options.get("proof", {})),
        "summary": record.options.get("summary", ""),
        "spent": {"calls": used.calls, "tokens": used.tokens, "usd": used.usd},
    }


def next_step(record: RunRecord) -> str:
    """Return a sentence with the command that continues a session."""
    name = record.run_id
    if record.status is RunStatus.WAITING:
        return f"it waits for you: reviewloop skills approve {name} (or modify -m, reject)"
    if record.status is RunStatus.COMMITTED:
        return str(record.options.get("summary", "it is saved"))
    if record.status is RunStatus.SKIPPED:
        return str(record.options.get("summary", "")) or "it was rejected"
    return f"it stopped: reviewloop skills resume {name}"


def _approved(
    repository: Repository, sessions: Repository, record: RunRecord, answer: SkillAnswer
) -> RunRecord:
    kind = _KINDS[record.options["kind"]]
    material = material_of(repository, record)
    saved = kind.save(repository, material, draft_of(repository, record), answer)
    fault("skill.saved")
    record.options |= {"saved": saved, "summary": "; ".join(saved)}
    record.status, record.exit_code = RunStatus.COMMITTED, 0
    sessions.runs.save(record)
    return record


def _proposed(context: RunContext) -> RunRecord:
    """Have the writer propose or revise; return the waiting record."""
    record = context.record
    record.status, record.exit_code = RunStatus.RUNNING, 0
    record.explain(NO_REASON, "")
    context.runs.save(record)
    started = time.monotonic()
    try:
        with interruptible(context, f"reviewloop skills resume {record.run_id}"):
            answer = _answer_of(context)
    except ReviewLoopError as error:
        record.status, record.exit_code = RunStatus.PAUSED, int(error.exit_code)
        error.resumed_by(by_command("reviewloop skills resume"))
        record.explain(error.because, context.redactor.for_people(str(error)))
        if isinstance(error, NoAnswerError):
            record.options["tries"] = record.options.get("tries", 0) + 1
        raise
    finally:
        record.active_seconds += time.monotonic() - started
        context.runs.save(record)
    kind = _KINDS[record.options["kind"]]
    draft = kind.draft_of(context, _material(context), answer)
    record.options["before"] = record.proposal
    record.proposal = context.blobs.put_json(draft)
    record.status, record.exit_code = RunStatus.WAITING, int(ExitCode.WAITING)
    context.runs.save(record)
    return record


def _answer_of(context: RunContext) -> Mapping[str, object]:
    record = context.record
    kind, material = _KINDS[record.options["kind"]], _material(context)
    draft: Draft = context.blobs.get_json(record.proposal) if record.proposal else {}
    agent = _stored_agent(context.blobs.get_json(record.options["agent"]))
    words = kind.ask(context, material, draft)
    key = CallKey(
        agent.name,
        record.options["kind"],
        cycle=record.options.get("number", 0),
        attempt=record.options.get("tries", 0),
    )
    answer = context.talk(
        agent,
        key,
        reading_toolbox(context, context.base_tree),
        system=HOUSE_RULES,
        opening=[user_message(text_block(f"# Your part\n\n{agent.prompt}\n\n{words}"))],
        ending=kind.ending,
        check=lambda arguments, _last: kind.problem(context, material, arguments),
    )
    return answer.arguments


def _material(context: RunContext) -> Material:
    options = context.record.options
    found: Material = context.blobs.get_json(options["material"])
    return {**found, "request": options.get("request", "")}


def _stored(repository: Repository, record: RunRecord, ref: str) -> Any:
    blobs = Blobs(sessions_of(repository).stored(record.run_id) / "blobs")
    return blobs.get_json(ref) if ref else {}


def _stored_agent(values: dict[str, Any]) -> AgentDefinition:
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return AgentDefinition(**{**values, **lists})


def _agent(root: Path, project: str) -> AgentDefinition:
    files = collect_agent_files(root, Path.home(), project)
    return named_agent(files, _AGENT, prompt_reader(root, Path.home()))


def _require_room(request: SkillRequest, most: int) -> None:
    tokens = estimate_tokens(str(request.material))
    if tokens > most:
        raise UsageError(
            f"the material has about {tokens:,} tokens, and at most {most:,} go into a call; give "
            "less of it, or raise limits.context_tokens"
        )
