"""A session that changes a spec by a sentence: from gate to gate, then its tasks."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, field
from pathlib import Path
from typing import Any, cast

from reviewloop.agents import collect_agent_files, named_agent, prompt_reader
from reviewloop.app.hook_moments import CommandMoment, changed_paths, fire
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
from reviewloop.app.run.branches import choose_branch
from reviewloop.app.run.brief import Subject, brief_of
from reviewloop.app.run.opening import open_context, team_to_plain
from reviewloop.app.sessions import (
    Flow,
    SessionKind,
    carry_out,
    earlier_replies,
    is_given_up,
    name_from,
    named_session,
    prepare,
)
from reviewloop.app.spec.approval import approve_spec, spec_on_disk
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, ModelSetupError, UsageError
from reviewloop.domain.event import Listener
from reviewloop.domain.impact import Impact
from reviewloop.domain.spec_delta import SpecDelta
from reviewloop.domain.task import Spec, SpecRef
from reviewloop.faults import fault
from reviewloop.git.tree_files import files_at
from reviewloop.hooks.hook import Event
from reviewloop.installed import require_all
from reviewloop.llm.model_choice import ensure_model
from reviewloop.llm.routing import SPEC_AGENTS, STEP_KINDS
from reviewloop.loop.change_steps import DELTA, IMPACT, ChangeState, require_appliable
from reviewloop.loop.context import RunContext
from reviewloop.render.change import ChangeGate
from reviewloop.review.prompts import new_nonce
from reviewloop.specs.checks import read_view
from reviewloop.specs.discover import find_specs, read_spec, spec_named
from reviewloop.specs.files import DiskFiles, MemoryFiles
from reviewloop.specs.impact import names_of, subjects
from reviewloop.specs.select import is_done, leaves
from reviewloop.specs.words import fits
from reviewloop.store.blobs import Blobs
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus

KIND = SessionKind("changes", "the change", "reviewloop change", "reviewloop change -m TEXT")
_MOST_NAMED = 8  # specs listed in a sentence


@dataclass(frozen=True)
class ChangeRequest:
    """The change that a user requests, and how to do it."""

    sentence: str
    spec: str = ""  # "": found from the sentence
    mode: str = "queue"
    plan_only: bool = False
    model: str | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    no_hooks: bool = False  # do not fire the repository's hooks


class WhichSpecError(UsageError):
    """The sentence fits no spec, or several; `specs` are their paths."""

    def __init__(self, text: str, specs: Sequence[str]) -> None:
        super().__init__(text)
        self.specs = tuple(specs)


def sessions_of(repository: Repository) -> Repository:
    """Return the repository with changes in place of its runs."""
    return KIND.sessions_of(repository)


def spec_about(repository: Repository, sentence: str, named: str = "") -> SpecRef:
    """Return the named spec, else the one that a sentence is about.

    Raises `WhichSpecError` where none or several fit.
    """
    user = repository.user
    files = DiskFiles(user.root)
    if named:
        return spec_named(files, named, user.project, user.here)
    found = find_specs(files, user.project)
    if not found:
        raise UsageError(
            "there is no spec to change; `reviewloop spec new NAME -m TEXT` writes one, and "
            "`reviewloop run -m TEXT` changes code without one"
        )
    found = [ref for ref in found if ref.tasks_path] or found
    if len(found) == 1:
        return found[0]
    names = names_of(sentence)
    fitting = {
        ref: (
            len(subjects(sentence, read_view(files, ref).spec)),
            sum(fits(name, names_of(ref.name)) for name in names),
        )
        for ref in found
    }
    best = max(fitting.values())
    named_best = [ref for ref, count in fitting.items() if count == best]
    if best[0] and len(named_best) == 1:
        return named_best[0]
    paths = [ref.path for ref in (named_best if best[0] else found)]
    listed = ", ".join(paths[:_MOST_NAMED])
    if not best[0]:
        text = f"no spec speaks about this; name the one that it belongs to with --spec: {listed}"
        raise WhichSpecError(text, paths)
    raise WhichSpecError(
        f"{len(paths)} specs speak about this ({listed}); name one with --spec", paths
    )


def begin(repository: Repository, request: ChangeRequest) -> RunRecord:
    """Store a new change and return its record; nothing is paid or shown yet.

    Raises `UsageError` for an invalid sentence or spec, `GuardRailError` for a protected branch,
    `ModelSetupError` for a model that cannot be asked.
    """
    require_all("changing a spec")
    sentence = " ".join(request.sentence.split())
    redactor = redactor_of(repository.user)
    name = name_from(redactor.for_people(sentence))
    if not name:
        raise UsageError('say what is to change: reviewloop change -m "Add support for ..."')
    user = repository.user
    sessions = sessions_of(repository)
    before = next((one for one in sessions.runs.all() if one.run_id == name), None)
    if before is not None and is_open(repository, before):
        raise UsageError(f"the change {name} is in work: {next_step(repository, before)}")
    ref = spec_about(repository, sentence, request.spec)
    loaded = ensure_model(
        read_settings(
            user.root, model_flags(request.model) | dict(request.flags), project=user.project
        ),
        os.environ,
    )
    settings = loaded.settings
    committed = _committed_spec(repository, ref)
    branch, _ = choose_branch(repository, settings, "", name)
    require_trust(loaded, repository)
    if settings.models.reasoning == "none":
        raise ModelSetupError("changing a spec needs a model; name one with --model provider:model")
    agent = SPEC_AGENTS[DELTA]
    agent_files = collect_agent_files(user.root, Path.home(), user.project)
    agents = {agent: named_agent(agent_files, agent, prompt_reader(user.root, Path.home()))}
    require_allowed(loaded, list(agents.values()))
    require_askable(loaded, agents.values(), providers=True, kinds={agent: STEP_KINDS[DELTA]})
    brief = brief_of(repository, Subject(None, None, sentence), settings, redactor)
    folder = sessions.run_folder(name)
    with hold(sessions.run_lock(name), f"the change {name}"):
        head = prepare(folder, user, earlier_replies(folder))
        blobs = Blobs(folder / "blobs", redactor.redact_held)
        record = RunRecord(
            run_id=name,
            repository=str(user.root),
            title=redactor.for_people(sentence[:80]),
            base_commit=head,
            branch=branch,
            spec_path=ref.path,
            project=user.project,
            instruction=redactor.for_people(sentence),
            settings=stored_settings(settings),
            options={
                "brief": blobs.put_json(brief.plain()),
                "team": blobs.put_json(team_to_plain(team_of(user.root, user.project))),
                "agents": blobs.put_json({agent: asdict(agents[agent])}),
                "ref": asdict(ref),
                "mode": request.mode,
                "model": request.model or "",
                "budget_usd": request.flags.get("limits.usd"),  # for the tasks too
                "plan_only": request.plan_only,
                "no_hooks": request.no_hooks,
                "notes": _notes(repository, committed, sentence),
            },
            nonce=new_nonce(),
            created_at=time.time(),
        )
        sessions.runs.save(record)
    fault("change.begun")
    return record


def _committed_spec(repository: Repository, ref: SpecRef) -> Spec:
    """Return the spec at HEAD, which is the base of a change."""
    user = repository.user
    files = MemoryFiles(files_at(user, user.head, ref.path)) if user.head else MemoryFiles({})
    if not files.contents:
        raise UsageError(
            f"{ref.path} is not committed; commit it first, a change is of what is committed"
        )
    return read_spec(files, ref)


def _notes(repository: Repository, spec: Spec, sentence: str) -> list[str]:
    dirty = [path for path in repository.user.dirty if path in spec.files]
    notes = [
        f"{path} has edits that are not committed; the change is of the committed text"
        for path in dirty
    ]
    notes += [
        f"the change {one.run_id} is of this spec, too, and not decided yet"
        for one in sessions_of(repository).runs.all()
        if one.spec_path == spec.path and not one.status.over
    ]
    if names_of(sentence) and not subjects(sentence, spec):
        notes.append(f"nothing in {spec.path} speaks about this: a new requirement is proposed")
    return notes


def move(
    repository: Repository,
    name: str,
    answer: Mapping[str, object] | None = None,
    listener: Listener | None = None,
    caps: Mapping[str, object] | None = None,
    notify: Callable[[str], object] = lambda _: None,
) -> RunRecord:
    """Advance a change until it asks a user, its delta is committed, or it cannot continue.

    `notify` gets messages about hooks that fire when the delta is approved. Raises `UsageError` for
    an answer to another question, and `ReviewLoopError` when it stopped on the way; it can then be
    advanced again.
    """
    sessions = sessions_of(repository)
    with hold(sessions.run_lock(name), f"the change {name}"):
        record = find(repository, name)
        if is_given_up(sessions, record, answer):
            return record
        if answer is not None and record.status is not RunStatus.WAITING:
            raise UsageError(f"the change {name} asks nothing now: {next_step(repository, record)}")
        if answer is not None and answer["choice"] == "modify" and _asks(record) == IMPACT:
            raise UsageError(
                "nothing is proposed yet that could be modified; approve, or reject and say it anew"
            )
        if record.status.over:
            return record
        if caps:
            record.settings = stored_settings(settings_of(record, caps))
        with open_context(sessions, record, listener) as context:
            _moved(repository, context, answer)
        if record.status is RunStatus.COMMITTED and not record.options.get("no_hooks"):
            paths = changed_paths(repository.user, record.base_commit, record.commit)
            facts = {"spec": record.spec_path, "phase": "change", "commit": record.commit}
            moment = CommandMoment(Event.SPEC_APPROVED, facts, record.title, paths=paths)
            fire(repository, moment, notify)
        return record


def _asks(record: RunRecord) -> str:
    return str(record.options.get("asks", ""))


def _moved(repository: Repository, context: RunContext, answer: Mapping[str, Any] | None) -> None:
    record = context.record

    def require(values: Mapping[str, Any]) -> None:
        require_appliable(cast(ChangeState, values), context)

    def build(checkpoints: Any) -> Any:
        from reviewloop.loop.change_graph import build_change_graph

        return build_change_graph(checkpoints)

    flow = Flow(build, lambda: {"tries": 0}, require, lambda: next_step(repository, record))
    state, asks = carry_out(KIND, context, flow, answer)
    record.options["asks"] = ""
    if asks:
        record.status, record.exit_code = RunStatus.WAITING, int(ExitCode.WAITING)
        record.options["asks"] = asks["phase"]
        record.proposal = context.blobs.put_json(dict(asks))
    elif state.get("outcome") == "committed":
        with suppress(UsageError):  # `tasks` reports what is wrong with it
            if spec := spec_on_disk(repository, record.spec_path):
                approve_spec(repository, spec, user_name(), "change")
        record.status, record.commit = RunStatus.COMMITTED, state["commit"]
        record.approved_by = user_name()
    else:
        record.status, record.exit_code = RunStatus.SKIPPED, int(ExitCode.SKIPPED)
    context.runs.save(record)


def find(repository: Repository, name: str | None) -> RunRecord:
    """Return the named change, or the only one that is not over.

    Raises `UsageError` where there is none, or several.
    """
    listed = sessions_of(repository).runs.all()
    return named_session(KIND, listed, name, [one for one in listed if is_open(repository, one)])


def shown(repository: Repository, record: RunRecord) -> ChangeGate:
    """Return what a change shows, also once it is approved: the impact, or the delta."""
    if not record.proposal:
        return {}
    blobs = Blobs(sessions_of(repository).stored(record.run_id) / "blobs")
    found: ChangeGate = blobs.get_json(record.proposal)
    return found


def delta_of(repository: Repository, record: RunRecord) -> SpecDelta | None:
    """Return the delta that a change proposes or has committed, None before it has one."""
    plain_delta = shown(repository, record).get("delta")
    return SpecDelta.from_plain(plain_delta) if plain_delta else None


def impact_of(repository: Repository, record: RunRecord) -> Impact:
    """Return the impact of a change, empty while it is unknown."""
    found = shown(repository, record).get("impact")
    return Impact.from_plain(found) if found else Impact((), ())


def open_tasks(repository: Repository, record: RunRecord) -> tuple[str, ...]:
    """Return the tasks of a committed delta that are not done in the spec on disk.

    They are found by their titles, as their ids may have changed.
    """
    delta = delta_of(repository, record)
    spec = spec_on_disk(repository, record.spec_path)
    if record.status is not RunStatus.COMMITTED or delta is None or spec is None:
        return ()
    return tuple(
        task.id
        for task in leaves(spec)
        if delta.order_of(task.id, task.title) >= 0 and not is_done(spec, task)
    )


def _waiting(repository: Repository, record: RunRecord) -> set[str]:
    """Return the tasks of a spec whose runs wait for a user."""
    return {
        run.task_id
        for run in repository.runs.all()
        if run.status is RunStatus.WAITING and run.spec_path == record.spec_path
    }


def is_open(repository: Repository, record: RunRecord) -> bool:
    """Return whether a change is unfinished: a gate, a step, or a task is left."""
    return not record.status.over or bool(open_tasks(repository, record))


def next_step(repository: Repository, record: RunRecord) -> str:
    """Return a sentence with the command that continues a change."""
    name = record.run_id
    if record.status is RunStatus.WAITING and _asks(record) == IMPACT:
        return f"nothing is paid yet; go on: reviewloop change approve {name}"
    if record.status is RunStatus.WAITING:
        return f"the delta waits for you: reviewloop change approve {name}"
    if record.status is RunStatus.COMMITTED:
        left = open_tasks(repository, record)
        if left and set(left) <= _waiting(repository, record):
            return f"tasks {', '.join(left)} wait for you: reviewloop queue"
        if left:
            return f"tasks {', '.join(left)} are open: reviewloop change resume {name}"
        return "it is done"
    if record.status is RunStatus.SKIPPED:
        return "it was rejected"
    return f"it stopped: reviewloop change resume {name}"
