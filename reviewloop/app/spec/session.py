"""A session that writes a spec: starts from an idea and goes from gate to gate.

A session is a run of another graph: its record, journal, blobs and checkpoints are stored like a
run's, in a folder of their own, so that `status` and `clean` do not list it.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import Any, cast

from reviewloop.agents import AgentDefinition, collect_agent_files, named_agent, prompt_reader
from reviewloop.app.hook_moments import CommandMoment, fire
from reviewloop.app.model_access import require_allowed, require_askable
from reviewloop.app.project import (
    Repository,
    model_flags,
    read_settings,
    require_trust,
    settings_of,
    stored_settings,
    team_of,
)
from reviewloop.app.redactors import redactor_of
from reviewloop.app.run.answers import user_name
from reviewloop.app.run.brief import Subject, brief_of
from reviewloop.app.run.opening import agent_to_plain, open_context, team_to_plain
from reviewloop.app.servers import trusted_servers
from reviewloop.app.sessions import (
    Flow,
    Reopened,
    SessionKind,
    carry_out,
    earlier_replies,
    is_given_up,
    named_session,
    prepare,
)
from reviewloop.app.spec.approval import approve_spec, spec_on_disk
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    ExitCode,
    ModelSetupError,
    UsageError,
)
from reviewloop.domain.event import Listener, RunEvent
from reviewloop.faults import fault
from reviewloop.hooks.hook import Event
from reviewloop.installed import require_all
from reviewloop.llm.budget import Spent
from reviewloop.llm.model_choice import ensure_model
from reviewloop.llm.routing import SPEC_AGENTS, STEP_KINDS
from reviewloop.loop.context import RunContext
from reviewloop.loop.spec_steps import (
    ALL,
    FRESH,
    REVISE,
    SpecGate,
    SpecQuestion,
    SpecState,
    before_answers,
    require_as_seen,
)
from reviewloop.review.prompts import new_nonce
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.words import estimate_tokens
from reviewloop.specs.writing import (
    PHASES,
    TITLES,
    SpecFiles,
    archive_path,
    existing_spec,
    format_of,
    new_path,
    usual_format,
)
from reviewloop.store.blobs import Blobs
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus

KIND = SessionKind(
    "spec-sessions", "the spec", "reviewloop spec", "reviewloop spec new NAME -m TEXT"
)


def sessions_of(repository: Repository) -> Repository:
    """Return the repository with sessions in place of its runs."""
    return KIND.sessions_of(repository)


@dataclass(frozen=True)
class SpecRequest:
    """The spec that a user requests, and how to write it."""

    name: str
    idea: str
    format: str = ""  # "": the repository's usual one
    model: str | None = None
    existing: str = ""  # for an existing spec: REVISE, FRESH; "" refuses
    quick: bool = False
    tools: Sequence[str] = ()  # servers that research may ask, as `@name`
    flags: Mapping[str, Any] = field(default_factory=dict)  # settings of this session


class SpecExistsError(UsageError):
    """A spec of this name exists, and no option says what to do with it."""


@dataclass(frozen=True)
class Target:
    """Where a session writes; `archive` is old path -> new path."""

    form: str
    path: str
    archive: Mapping[str, str]


def target_of(repository: Repository, request: SpecRequest) -> Target:
    """Return where a spec is written.

    Raises `SpecExistsError` where one exists and the request does not say what to do with it, and
    `UsageError` where it cannot be written.
    """
    user = repository.user
    files, project = DiskFiles(user.root), user.project
    form = request.format or usual_format(files, project)
    path = new_path(files, request.name, form, project)
    found = existing_spec(files, request.name, project)
    if found is None and not SpecFiles(files, form, path).documents:
        if request.existing:
            raise UsageError(f"there is no spec {request.name} yet; leave --{request.existing} out")
        return Target(form, path, {})
    if found is not None:
        dialect = format_of(found)
        if request.format and request.format != dialect:
            raise UsageError(
                f"{request.name} exists already as {found.path} ({found.dialect}); choose another "
                "name, or leave --format out"
            )
        form, path = dialect, found.path
    if not request.existing:
        raise SpecExistsError(
            f"{path} exists already; --{REVISE} changes it, --{FRESH} writes it anew and keeps the "
            "old one under archive/"
        )
    spec = SpecFiles(files, form, path)
    if request.existing == FRESH:
        into = archive_path(files, path, form)
        return Target(form, path, {one: into + one.removeprefix(path) for one in spec.documents})
    if not spec.text_of(PHASES[0]):
        raise UsageError(
            f"{spec.file_of(PHASES[0])} has no requirements that could be changed; --{FRESH} "
            "writes the spec anew and keeps the old one under archive/"
        )
    return Target(form, path, {})


def begin(repository: Repository, request: SpecRequest) -> RunRecord:
    """Store a new session and return its record; nothing is paid or shown yet.

    Raises `UsageError` for an invalid idea or name, or a session in progress; and `ModelSetupError`
    for a model that cannot be asked.
    """
    require_all("writing a spec")
    idea, name = request.idea, request.name
    if not idea.strip():
        raise UsageError("say what is to be built: -m TEXT, or --from FILE (- reads stdin)")
    user = repository.user
    sessions = sessions_of(repository)
    open_one = [one for one in sessions.runs.all() if one.run_id == name and not one.status.over]
    if open_one:
        raise UsageError(
            f"the spec {name} is in work: {next_step(open_one[0])}; to give it up: "
            f"reviewloop spec reject {name}"
        )
    target = target_of(repository, request)
    flags = model_flags(request.model) | dict(request.flags)
    loaded = read_settings(user.root, flags, project=user.project)
    trusted_servers(user, loaded.settings, (), request.tools)  # raises for a missing one
    loaded = ensure_model(loaded, os.environ)
    settings = loaded.settings
    require_trust(loaded, repository)
    if "none" in (settings.models.reasoning, settings.models.generation):
        raise ModelSetupError(
            "writing a spec needs a model; name one with --model provider:model (`spec check` and "
            "`spec trace` need none)"
        )
    tokens, most = estimate_tokens(idea), settings.limits.context_tokens // 2
    if tokens > most:
        raise UsageError(
            f"what is to be built has about {tokens:,} tokens, and at most {most:,} go into a call "
            "beside the repository; say it in fewer words, or raise limits.context_tokens"
        )
    agents = _agents(user.root, user.project)
    require_allowed(loaded, list(agents.values()))
    kinds = {agent: STEP_KINDS[phase] for phase, agent in SPEC_AGENTS.items()}
    require_askable(loaded, agents.values(), providers=True, kinds=kinds)
    redactor = redactor_of(user)
    brief = brief_of(repository, Subject(None, None, idea), settings, redactor)
    folder = sessions.run_folder(name)
    with hold(sessions.run_lock(name), f"the spec {name}"):
        earlier = [] if request.existing == FRESH else earlier_replies(folder)
        head = prepare(folder, user, earlier)
        blobs = Blobs(folder / "blobs", redactor.redact_held)
        record = RunRecord(
            run_id=name,
            repository=str(user.root),
            title=redactor.for_people(" ".join(idea.split())[:80]),
            base_commit=head,
            branch=user.branch or "",
            spec_path=target.path,
            project=user.project,
            instruction=redactor.for_people(idea),
            settings=stored_settings(settings),
            options={
                "brief": blobs.put_json(brief.plain()),
                "team": blobs.put_json(team_to_plain(team_of(user.root, user.project))),
                "agents": blobs.put_json(
                    {one: agent_to_plain(agent) for one, agent in agents.items()}
                ),
                "format": target.form,
                "existing": request.existing,
                "archive": dict(target.archive),
                "quick": request.quick,
                "servers": list(request.tools),
            },
            nonce=new_nonce(),
            created_at=time.time(),
        )
        sessions.runs.save(record)
    fault("spec.begun")
    return record


def move(
    repository: Repository,
    name: str,
    answer: Mapping[str, object] | None = None,
    listener: Listener | None = None,
    caps: Mapping[str, object] | None = None,
    notify: Callable[[str], object] = lambda _: None,
) -> RunRecord:
    """Advance a session until it asks a user, is over, or cannot continue; return its record.

    Hooks of a phase approved on the way fire at its end, also after an error; `notify` gets
    messages about them. Raises `UsageError` for an answer to another question, and
    `ReviewLoopError` when it stopped on the way; it can then be advanced again.
    """
    sessions = sessions_of(repository)
    with hold(sessions.run_lock(name), f"the spec {name}"):
        record = find(repository, name)
        if is_given_up(sessions, record, answer):
            return record
        corrects = answer is not None and "answers" in answer and _is_correctable(record)
        if answer is not None and record.status is not RunStatus.WAITING and not corrects:
            raise UsageError(f"the spec {name} asks nothing now: {next_step(record)}")
        if answer is not None:
            _require_fits(record, answer, shown(repository, record))
        if record.status.over:
            return record
        if caps:
            record.settings = stored_settings(settings_of(record, caps))
        phases: dict[str, str] = {}

        def collect(event: RunEvent) -> None:
            if event["kind"] == "approved":
                phases.update(event["phases"])
            if listener:
                listener(event)

        try:
            with open_context(sessions, record, collect) as context:
                record = _moved(context, answer)
        finally:
            _fire_approved(repository, sessions, record, phases, notify)
        if record.status is RunStatus.COMMITTED:
            with suppress(UsageError):  # `tasks` reports what is wrong with it
                if spec := spec_on_disk(repository, record.spec_path):
                    approve_spec(repository, spec, user_name(), "spec new")
        return record


def find(repository: Repository, name: str | None) -> RunRecord:
    """Return the named session, or the only one that is not over.

    Raises `UsageError` where there is none, or several.
    """
    listed = sessions_of(repository).runs.all()
    return named_session(KIND, listed, name, [one for one in listed if not one.status.over])


def shown(repository: Repository, record: RunRecord) -> SpecGate:
    """Return what a waiting session shows: questions, or a phase with its document."""
    if not record.proposal or record.status is not RunStatus.WAITING:
        return {}
    blobs = Blobs(sessions_of(repository).stored(record.run_id) / "blobs")
    found: SpecGate = blobs.get_json(record.proposal)
    return found


def questions_to_answer(repository: Repository, record: RunRecord) -> Sequence[SpecQuestion] | None:
    """Return the questions that can be answered now: those that wait, or the last ones.

    The last ones where the session stopped after them, so that an answer can be corrected.
    """
    waits = record.status is RunStatus.WAITING
    if not record.proposal or not (waits or _is_correctable(record)):
        return None
    blobs = Blobs(sessions_of(repository).stored(record.run_id) / "blobs")
    found: SpecGate = blobs.get_json(record.proposal)
    return found.get("questions")


def _other_ways(record: RunRecord) -> str:
    name, corrects = record.run_id, ""
    if record.options.get("asks") == "questions":
        corrects = f", `reviewloop spec answer {name} 1=...` corrects an answer"
    return f"{corrects}, `reviewloop spec reject {name}` gives it up"


def _is_correctable(record: RunRecord) -> bool:
    """Return whether the session stopped before the first gate, after the answers."""
    return record.status is RunStatus.PAUSED and record.options.get("asks") == "questions"


def plain(repository: Repository, record: RunRecord) -> Mapping[str, object]:
    """Return a session as JSON-plain values: its status and its question."""
    asks, used = shown(repository, record), spent(repository, record)
    return {
        "name": record.run_id,
        "path": record.spec_path,
        "format": record.options["format"],
        "quick": bool(record.options.get("quick")),
        "status": str(record.status),
        "exit_code": record.exit_code,
        "waits_for": record.options.get("asks", ""),
        "next": next_step(record),
        "approved": dict(record.options.get("approved", {})),
        "questions": list(asks.get("questions", ())),
        "document": asks.get("document", ""),
        "before": asks.get("before", ""),
        "problem": asks.get("problem", ""),
        "notes": list(asks.get("notes", ())),
        "summary": record.options.get("summary", ""),
        "counts": dict(record.options.get("counts", {})),
        "spent": {"calls": used.calls, "tokens": used.tokens, "usd": used.usd},
    }


def next_step(record: RunRecord) -> str:
    """Return a sentence with the command that continues a session."""
    if record.status is RunStatus.WAITING:
        phase = str(record.options.get("asks", ""))
        if phase == "questions":
            return f"questions wait for you: reviewloop spec answer {record.run_id} 1=..."
        if phase == ALL:
            return f"all phases wait for you: reviewloop spec approve {record.run_id}"
        wait = "requirements wait" if phase == PHASES[0] else f"{TITLES[phase].lower()} waits"
        return f"the {wait} for you: reviewloop spec approve {record.run_id}"
    if record.status is RunStatus.COMMITTED:
        return f"it is written: {record.spec_path}"
    if record.status is RunStatus.SKIPPED:
        return "it was rejected"
    name = record.run_id
    ways = f"it stopped: reviewloop spec resume {name}"
    if _is_correctable(record):
        ways += f"; other answers: reviewloop spec answer {name} 1=..."
    return f"{ways}; to give it up: reviewloop spec reject {name}"


def _moved(context: RunContext, answer: Mapping[str, Any] | None) -> RunRecord:
    record = context.record

    def start() -> dict[str, Any]:
        return dict(
            SpecState(
                name=record.run_id,
                format=record.options["format"],
                path=record.spec_path,
                quick=bool(record.options.get("quick")),
            )
        )

    def require(values: Mapping[str, Any]) -> None:
        require_as_seen(record.options["asks"], cast(SpecState, values), context)

    def build(checkpoints: Any) -> Any:
        from reviewloop.loop.spec_graph import build_spec_graph

        return build_spec_graph(checkpoints)

    def reopen(before: Any, given: Mapping[str, Any]) -> Reopened | None:
        if "answers" not in given or before.next != (PHASES[0],):
            return None
        questions = context.blobs.get_json(record.proposal)["questions"]
        values, last = before_answers(cast(SpecState, before.values), questions, context)
        return Reopened("questions", values, {"answers": {**last, **given["answers"]}})

    flow = Flow(build, start, require, lambda: next_step(record), reopen, _other_ways(record))
    state, asks = carry_out(KIND, context, flow, answer)
    _settle(context, cast(SpecState, state), asks)
    context.runs.save(record)
    return record


def _fire_approved(
    repository: Repository,
    sessions: Repository,
    record: RunRecord,
    phases: Mapping[str, str],
    notify: Callable[[str], object],
) -> None:
    """Fire the hooks of approved phases, each once, even if repeated after a kill."""
    fired = record.options.setdefault("fired", [])
    due = [phase for phase in phases if phase not in fired]
    if not due:
        return
    fired.extend(due)
    sessions.runs.save(record)
    for phase in due:
        facts = {"spec": record.spec_path, "phase": phase}
        moment = CommandMoment(Event.SPEC_APPROVED, facts, record.title, paths=[phases[phase]])
        fire(repository, moment, notify)


def _settle(context: RunContext, state: SpecState, asks: Mapping[str, Any]) -> None:
    """Write the state of the session into its record."""
    record = context.record
    record.options["approved"] = dict(state.get("approved", {}))
    record.proposal, record.options["asks"] = "", ""
    if asks:
        record.status, record.exit_code = RunStatus.WAITING, int(ExitCode.WAITING)
        record.options["asks"] = "questions" if "questions" in asks else asks["phase"]
        record.proposal = context.blobs.put_json(dict(asks))
    elif state.get("outcome") == "written":
        record.status = RunStatus.COMMITTED
        record.options["summary"] = state.get("summary", "")
        record.options["counts"] = state.get("counts", {})
    else:
        record.status, record.exit_code = RunStatus.SKIPPED, int(ExitCode.SKIPPED)


def _require_fits(record: RunRecord, answer: Mapping[str, Any], shown_now: SpecGate) -> None:
    phase = str(record.options.get("asks", ""))
    if (phase == "questions") != ("answers" in answer):
        what = "its questions" if phase == "questions" else f"the phase {title_of(phase)}"
        see = f"`reviewloop spec show {record.run_id}` shows it"
        raise UsageError(f"it waits for an answer about {what}; {see}")
    if answer.get("choice") == "approve" and (problem := shown_now.get("problem")):
        raise UsageError(
            f"it cannot be approved: {problem}; change it with `reviewloop spec edit "
            f"{record.run_id}` or `spec modify -m`"
        )
    if answer.get("choice") == "edit" and phase == ALL:
        raise UsageError(
            "a quick session is edited in its files: approve it first, or `spec modify -m`"
        )
    if answer.get("choice") == "edit" and not str(answer.get("document", "")).strip():
        raise UsageError("the edited document is empty; nothing was changed")


def title_of(phase: str) -> str:
    """Return the title of a phase."""
    return "All phases" if phase == ALL else TITLES[phase]


def _agents(root: Path, project: str) -> dict[str, AgentDefinition]:
    files = collect_agent_files(root, Path.home(), project)
    reader = prompt_reader(root, Path.home())
    return {name: named_agent(files, name, reader) for name in dict.fromkeys(SPEC_AGENTS.values())}


def spent(repository: Repository, record: RunRecord) -> Spent:
    """Return the usage of a session."""
    return KIND.spent(repository, record)


def numbered_answers(
    pairs: Sequence[str], questions: Sequence[Mapping[str, object]]
) -> dict[str, str]:
    """Return number -> answer from words such as `1=email`; a bare number is the default answer.

    Raises `UsageError` for another form, or an unknown number.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        number, equals, text = pair.partition("=")
        if not number.isdigit() or not 1 <= int(number) <= len(questions):
            raise UsageError(
                f"{pair!r} answers no question; write N=TEXT with N from 1 to {len(questions)}"
            )
        default = str(questions[int(number) - 1].get("default", ""))
        found[str(int(number))] = text if equals else default
    return found


def approved_line(phases: Mapping[str, str]) -> str:
    """Return a sentence on approved phases: where each was written, what comes next."""
    *_, last = phases
    if len(phases) > 1:
        return f"all phases approved, written to {', '.join(dict.fromkeys(phases.values()))}"
    following = PHASES[PHASES.index(last) + 1 :]
    goes_on = f"; the {TITLES[following[0]].lower()} is next" if following else ""
    return f"{TITLES[last].lower()} approved, written to {phases[last]}{goes_on}"


def phase_number(phase: str) -> str:
    """Return "2/4" for the second of four phases."""
    return "one gate" if phase == ALL else f"{PHASES.index(phase) + 1}/{len(PHASES)}"
