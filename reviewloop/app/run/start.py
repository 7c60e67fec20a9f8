"""Starts a run: a free preflight, then the run's folder, its brief and its record."""

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from reviewloop.agents import Team
from reviewloop.app.model_access import (
    caps_without_price,
    coding_agents,
    prices_of_agents,
    require_models,
)
from reviewloop.app.project import (
    Repository,
    read_settings,
    require_trust,
    stored_settings,
    team_of,
)
from reviewloop.app.redactors import redactor_of
from reviewloop.app.run.answers import next_commands
from reviewloop.app.run.branches import choose_branch, on_branch
from reviewloop.app.run.brief import Subject, brief_of, rejection_reasons, scratch_of
from reviewloop.app.run.estimate import Estimate, estimate_run
from reviewloop.app.run.hooks import hooks_in_force, refuse_for_coding_agents
from reviewloop.app.run.opening import team_to_plain
from reviewloop.app.sandboxing import (
    cage_of,
    describe_cage,
    describe_sandbox,
    not_needed,
    require_sandbox,
)
from reviewloop.app.servers import trusted_servers
from reviewloop.app.spec.approval import require_approval
from reviewloop.app.spec.unfinished_specs import name_unfinished_session
from reviewloop.checkout.files import refuse_links
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.spec_delta import PartChange, serving
from reviewloop.domain.task import Spec, Task
from reviewloop.faults import fault
from reviewloop.git.commits import Base, create_on
from reviewloop.git.repository import UserRepo
from reviewloop.git.revisions import safe_branch_name
from reviewloop.installed import require_all
from reviewloop.llm.model_choice import choice, ensure_model
from reviewloop.loop.context import Brief
from reviewloop.loop.task_mark import show_in_work
from reviewloop.review.prompts import new_nonce
from reviewloop.sandbox import Acceptance
from reviewloop.sandbox.base import Sandbox
from reviewloop.secrets import Redactor
from reviewloop.settings import Loaded, Settings
from reviewloop.specs.briefing import criteria_of, required_coverage
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles, TreeFiles, in_folder, is_read_from_disk
from reviewloop.specs.kiro import unused_kiro_files
from reviewloop.specs.select import MissingDependenciesError, parse_selection, pick, with_done
from reviewloop.store.blobs import Blobs
from reviewloop.store.events import Events
from reviewloop.store.locks import hold, holder, is_held, wait_for
from reviewloop.store.metrics import figures_kept
from reviewloop.store.runs import RunRecord, RunStatus

_WORDS_OF_A_BRANCH = 5


@dataclass(frozen=True)
class RunRequest:
    """What the user requested on the command line."""

    task: str = "next"
    spec: str = ""
    instruction: str = ""  # of `run -m`: there is no spec then
    branch: str = ""
    again: bool = False  # even if another run of this task is not over
    record_to: str = ""
    steering: tuple[str, ...] = ()  # names of manual steering files that the user requested
    no_hooks: bool = False  # do not fire the repository's hooks
    unsandboxed: Acceptance = ""  # why commands may run without a sandbox
    flags: Mapping[str, Any] = field(default_factory=dict)
    base: Base | None = None  # another run's commit to start from, for a batch
    done: frozenset[str] = frozenset()  # tasks that are done in this commit besides the ticked ones
    models_checked: bool = False  # a batch checks the providers once, not for each task
    changes: tuple[PartChange, ...] = ()  # to the spec, by the change whose tasks are done


@dataclass(frozen=True)
class Plan:
    """What a run would do; nothing was paid and nothing written."""

    request: RunRequest
    loaded: Loaded
    team: Team
    spec: Spec | None
    task: Task | None
    brief: Brief
    branch: str
    new_branch: bool
    estimate: Estimate
    notes: tuple[str, ...]
    sandbox: Sandbox
    first: Mapping[str, Any] = field(default_factory=dict)  # see `runs.first_state`
    options: Mapping[str, Any] = field(default_factory=dict)  # further options for the run's record

    @property
    def model_shown(self) -> str:
        """Return the implementing model, with its origin where the user did not choose it."""
        why = choice(self.loaded, os.environ)
        return self.loaded.settings.models.reasoning + (f" ({why})" if why else "")

    @property
    def other_models(self) -> dict[str, list[str]]:
        """Return model -> agents, for models other than the one shown."""
        from reviewloop.llm.routing import route

        settings, found = self.loaded.settings, dict[str, list[str]]()
        for one in self.team.members:
            name = route(settings, one.name, "reasoning", one.model).model
            if name != settings.models.reasoning:
                found.setdefault(name, []).append(one.name)
        return found

    @property
    def sandbox_shown(self) -> str:
        """Return the sandbox in words, with the reason why it is not a stronger one."""
        return describe_sandbox(self.sandbox)

    def plain(self) -> dict[str, object]:
        """Return the preflight as JSON-plain values."""
        return {
            "task": self.brief.task_id,
            "title": self.brief.title,
            "spec": self.brief.spec_path,
            "branch": self.branch,
            "new_branch": self.new_branch,
            "model": self.loaded.settings.models.reasoning,
            "model_origin": self.loaded.origins["models.reasoning"],
            "reviewers": [agent.name for agent in self.team.reviewers],
            "estimate": {
                "tokens": list(self.estimate.tokens),
                "usd": self.estimate.usd,
                "usual_tokens": self.estimate.usual_tokens,
                "usual_usd": self.estimate.usual_usd,
                "runs": self.estimate.runs,
            },
            "notes": list(self.notes),
            "sandbox": str(self.sandbox.level),
        }


def plan(repository: Repository, request: RunRequest) -> Plan:
    """Check all that can be checked for free; return what the run would do.

    Raises the first `ReviewLoopError`.
    """
    from reviewloop.guards.registry import installed_guards
    from reviewloop.llm.routing import require_provider

    require_all("implementing a task")
    request = replace(request, task=parse_selection(request.task))
    user = repository.user
    loaded = read_settings(user.root, request.flags, project=user.project)
    settings = loaded.settings
    require_trust(loaded, repository)
    sandbox = require_sandbox(settings, request.unsandboxed)
    installed_guards()  # raises now for one that cannot be loaded
    if model := request.flags.get("models.reasoning"):
        require_provider(model)  # report a mistyped name before the task's dependencies
    spec, task = _subject(repository, request, settings)
    _refuse_second_run(repository, spec, task, request)
    if request.record_to and not Path(request.record_to).parent.is_dir():
        raise UsageError(f"--record {request.record_to}: its folder does not exist; make it first")
    if request.record_to:
        refuse_links(request.record_to)
    if request.record_to and Path(request.record_to).resolve() in _model_files(settings):
        raise UsageError(f"--record {request.record_to} would overwrite the model's own file")
    name = spec.name if spec else " ".join(request.instruction.split()[:_WORDS_OF_A_BRANCH])
    branch, new_branch = choose_branch(
        repository,
        settings,
        request.branch,
        name,
        go_on=True,
        spec_path=spec.path if spec else "",
    )
    elsewhere = not new_branch and branch != user.branch
    if elsewhere:
        repository = on_branch(repository, branch) or repository
        spec, task = _subject_there(repository, request, spec)
        _refuse_second_run(repository, spec, task, request)
    team = team_of(user.root, user.project)
    if spec and task and not task.checkpoint and criteria_of(spec):
        team = team.for_criteria
    loaded, coverage_notes = _with_coverage(ensure_model(loaded, os.environ), spec)
    settings = loaded.settings
    doubts = require_models(loaded, team, is_checked=request.models_checked)
    if agents := coding_agents(loaded, team.members):
        cage_of(lambda: sandbox)()
        doubts += (f"{', '.join(agents)} works in a cage: {describe_cage(sandbox)}",)
        doubts += prices_of_agents(loaded, team.members)
    subject = Subject(spec, task, request.instruction)
    redactor = redactor_of(user)
    brief = brief_of(repository, subject, settings, redactor, request.base, request.steering)
    brief, hook_notes, hooks_off = hooks_in_force(user.key, brief, sandbox, request.no_hooks)
    if agents:
        refuse_for_coding_agents(brief.hooks, agents)
    changes = [redactor.for_people(one) for one in _changes_served(request, task)]
    estimate = estimate_run(brief, team, settings, figures_kept(repository.folder))
    notes = [f"steering: {line}" for line in brief.steering_log]
    notes += trusted_servers(user, settings, team.members)[1]
    notes += [*hook_notes, *rejection_reasons(brief), *not_needed(sandbox, request.unsandboxed)]
    notes += [*coverage_notes, *doubts, *caps_without_price(settings, team.members)]
    if user.dirty:
        beside = uncommitted_note(user, "the run", None if elsewhere else spec)
        notes.append(f"based on commit {(repository.user.head or '')[:10]}; {beside}")
    if spec:
        notes += spec.notices
    notes += unused_kiro_files(in_folder(DiskFiles(user.root), user.project))
    if settings.tools.execute_bash and not sandbox.is_proven:
        notes.append(
            "tools.execute_bash is on, but no sandbox is proven on this machine: the tool is not "
            "given to any agent"
        )
    return Plan(
        request,
        loaded,
        team,
        spec,
        task,
        brief,
        branch,
        new_branch,
        estimate,
        tuple(notes),
        sandbox,
        options={
            **({"elsewhere": True} if elsewhere else {}),
            **({"hook_notes": list(hooks_off)} if hooks_off else {}),
            **({"changes": changes} if changes else {}),
        },
    )


def _changes_served(request: RunRequest, task: Task | None) -> list[str]:
    """Return texts about how the requirements of a task were changed."""
    served = serving(request.changes, task.requirements) if task else []
    return [f"{one.words}: {one.title}" for one in served]


def _with_coverage(loaded: Loaded, spec: Spec | None) -> tuple[Loaded, tuple[str, ...]]:
    """Return the settings with the coverage that a spec requires, if it is higher, and notes."""
    required = required_coverage(spec) if spec else None
    coverage = loaded.settings.gates.coverage
    if required is None or not coverage.enabled or required == coverage.threshold:
        return loaded, ()
    asks = f"the spec asks for {required:.0%} coverage"
    if required < coverage.threshold:
        least = f"{coverage.threshold:.0%} of gates.coverage.threshold"
        return loaded, (f"{asks}, which is less than the {least}: that stays",)
    gates = loaded.settings.gates.model_copy(
        update={"coverage": coverage.model_copy(update={"threshold": required})}
    )
    settings = loaded.settings.model_copy(update={"gates": gates})
    return replace(loaded, settings=settings), (f"{asks}, so new lines need that in this run",)


def begin(repository: Repository, planned: Plan) -> RunRecord:
    """Create the run's folder, private repository and record; no file of the user is written.

    Raises `UsageError` when the same task was started since the plan was made.
    """
    elsewhere = bool(planned.options.get("elsewhere"))
    if elsewhere:
        repository = on_branch(repository, planned.branch) or repository
    user = repository.user
    settings = planned.loaded.settings
    run_id = _new_run_id(planned.task.id if planned.task else "fix" if planned.first else "m")
    redactor = redactor_of(user)
    with wait_for(repository.folder / "begin.lock", "the start of a run"):
        # Again: since the plan was made another process may have started the same task.
        _refuse_second_run(repository, planned.spec, planned.task, planned.request)
        folder = repository.run_folder(run_id)
        with hold(repository.run_lock(run_id), f"run {run_id}"):  # `clean` sees that it is in use
            record = _written(repository, planned, run_id, folder, redactor)
            repository.runs.save(record)
    fault("begin.end")
    events = Events(folder / "events.jsonl", redact=redactor.for_people)
    events.emit("begun", task=record.task_id, title=record.title, base=record.base_commit)
    events.emit("steering", agent=planned.team.implementer.name, files=planned.brief.steering_log)
    for sentence in rejection_reasons(planned.brief):
        events.emit("note", text=sentence)
    if planned.task and settings.spec.mark_in_progress and not elsewhere:
        with hold(repository.lock, f"the repository {record.repository}"):
            show_in_work(user, planned.task)
    return record


def _written(
    repository: Repository, planned: Plan, run_id: str, folder: Path, redactor: Redactor
) -> RunRecord:
    """Write the files of a new run and return its record, which is not saved yet."""
    user, settings = repository.user, planned.loaded.settings
    for name in ("logs", "blobs"):
        (folder / name).mkdir(mode=0o700)
    private = create_on(folder / "git", user, planned.request.base)
    private.close()
    blobs = Blobs(folder / "blobs", redactor.redact_held)
    record = RunRecord(
        run_id=run_id,
        repository=str(user.root),
        title=planned.brief.title,
        base_commit=private.head,
        branch=planned.branch,
        new_branch=planned.new_branch,
        task_id=planned.brief.task_id,
        spec_path=planned.brief.spec_path,
        project=user.project,
        instruction=redactor.for_people(planned.request.instruction),
        status=RunStatus.RUNNING,
        settings=stored_settings(settings),
        options={
            "brief": blobs.put_json(planned.brief.plain()),
            "team": blobs.put_json(team_to_plain(planned.team)),
            "record_to": planned.request.record_to,
            "unsandboxed": planned.request.unsandboxed,
            "sandbox": str(planned.sandbox.level),
            **planned.options,
            **({"first": blobs.put_json(dict(planned.first))} if planned.first else {}),
        },
        nonce=new_nonce(),
        created_at=time.time(),
    )
    fault("begin.files")
    return record


def _subject(
    repository: Repository, request: RunRequest, settings: Settings
) -> tuple[Spec | None, Task | None]:
    if request.instruction:
        return None, None
    user, path = repository.user, request.spec or settings.spec.path or None
    with name_unfinished_session(repository):
        spec = open_spec(
            DiskFiles(user.root),
            path,
            project=user.project,
            here=user.here if request.spec else user.project,
        )
    if settings.spec.require_approval:
        require_approval(repository, spec)
    spec = with_done(spec, request.done)
    if request.task == "next" and not request.again:
        return spec, _next_free(repository, spec)
    return spec, _picked(repository, spec, request.task)


def _subject_there(
    repository: Repository, request: RunRequest, spec: Spec | None
) -> tuple[Spec | None, Task | None]:
    """Return the spec and the task as they are on the branch that the run continues.

    Where the spec is not committed there, it is the one on disk.
    """
    if spec is None:
        return None, None
    with scratch_of(repository) as private:
        files = TreeFiles(private.reader(private.tree_of(private.head)))
        known = any(files.read(task.path) is not None for task in spec.tasks[:1])
        there = open_spec(files, spec.path) if known else spec
        there = with_done(there, request.done)
        if request.task == "next" and not request.again:
            return there, _next_free(repository, there)
        return there, _picked(repository, there, request.task)


def _picked(repository: Repository, spec: Spec, selection: str) -> Task:
    """Return the selected task; raise `UsageError` with what the runs it depends on need."""
    try:
        return pick(spec, selection)
    except MissingDependenciesError as error:
        runs = [run for one in error.waiting for run in _unfinished(repository, spec, one)[:1]]
        choices = "; ".join(
            f"{run.task_id}: {next_commands(run)}" for run in runs if not _works(repository, run)
        )
        if not choices:
            raise
        raise UsageError(f"{error.sentence}; {choices}") from error


def _works(repository: Repository, run: RunRecord) -> bool:
    return is_held(repository.run_lock(run.run_id))


def _next_free(repository: Repository, spec: Spec) -> Task:
    task = pick(spec, "next")
    if found := _unfinished(repository, spec, task):
        _refuse_at_work(repository, task, found[0])
        raise UsageError(
            f"the next task, {task.id}, has an open run; {next_commands(found[0])} (or start "
            "another one with --again)"
        )
    return task


def _refuse_second_run(
    repository: Repository, spec: Spec | None, task: Task | None, request: RunRequest
) -> None:
    if spec is None or task is None or request.again:
        return
    for run in _unfinished(repository, spec, task):
        _refuse_at_work(repository, task, run)
        raise UsageError(
            f"task {task.id} has a run already; {next_commands(run)} "
            "(or start another one with --again)"
        )


def _refuse_at_work(repository: Repository, task: Task, run: RunRecord) -> None:
    lock = repository.run_lock(run.run_id)
    if is_held(lock):
        raise UsageError(
            f"task {task.id} is at work already: run {run.run_id} in {holder(lock)}; nothing was "
            f"paid here; `reviewloop logs -f {run.run_id}` follows it (--again starts another one "
            "beside it)"
        )


def _unfinished(repository: Repository, spec: Spec, task: Task) -> list[RunRecord]:
    """Return the runs of a task that are not over, the newest first."""
    runs = repository.runs.of_task(task.id)
    return [run for run in runs if not run.status.over and not _is_of_another(spec, run)]


def _is_of_another(spec: Spec, run: RunRecord) -> bool:
    """Return whether a run belongs to another spec, or its task has another number now."""
    if run.spec_path != spec.path:
        return True
    known = spec.by_id.get(run.task_id)
    if known is not None and known.title == run.title:
        return False  # the usual case
    return any(task.title == run.title for task in spec.tasks)


def _model_files(settings: Settings) -> set[Path]:
    """Return the files that `script:` and `replay:` models answer from."""
    names = (settings.models.reasoning, settings.models.generation)
    files = (name.partition(":")[2] for name in names if name.startswith(("script:", "replay:")))
    return {Path(file).expanduser().resolve() for file in files}


def _new_run_id(name: str) -> str:
    day = time.strftime("%m%d")
    return f"{safe_branch_name(name)}-{day}-{secrets.token_hex(2)}"


def uncommitted_note(user: UserRepo, what: str, spec: Spec | None = None) -> str:
    """Return a note about what happens to the user's uncommitted changes.

    `what` names the run or runs, `spec` is the one that is read from disk.
    """
    read = tuple(path for path in user.dirty if is_read_from_disk(path, user.project, spec))
    rest = tuple(path for path in user.dirty if path not in read)
    notices = []
    if read:
        notices.append(f"uncommitted, but read from disk for {what}: {_listed(read)}")
    if rest:
        mine = f"your uncommitted changes ({_listed(rest)})"
        notices.append(f"{mine} are not part of {what} and stay untouched")
    return "; ".join(notices)


def _listed(paths: tuple[str, ...]) -> str:
    shown = ", ".join(paths[:3])
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3} more"
