"""Handles tasks whose number, title or text in the spec changed after their runs started."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from reviewloop.app.batch.status import ids_of, is_called, kept_title
from reviewloop.app.project import Repository
from reviewloop.app.redactors import redactor_for
from reviewloop.app.run_source import RunSource
from reviewloop.domain.batch_report import KeptRun
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.domain.task import DialectName, Spec, Task
from reviewloop.loop.task_mark import WILL_NOT
from reviewloop.render.reasons import sentence
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.order import Step
from reviewloop.specs.select import find_renamed, is_done, why_unticked
from reviewloop.specs.task_lines import read_details
from reviewloop.specs.tasks import UNTICKED, locate, read_tasks
from reviewloop.store.batches import BatchRecord
from reviewloop.store.blobs import Blobs
from reviewloop.store.runs import RunRecord, RunStatus


class TaskHeldError(UsageError):
    """A task that cannot start while there is a run of it, or of the task that had its id."""

    def __init__(self, held: Reason) -> None:
        super().__init__(sentence(held))
        self._held = held

    @property
    def because(self) -> Reason:
        """Return it as the reason why the task was not started."""
        return self._held


def tasks_held_by_runs(repository: Repository, spec: Spec) -> dict[str, Reason]:
    """Return task id -> why it must wait: it, or the task with its old id, has a run.

    The run is not over, or it committed the task and could not tick it. Its task is found by title;
    where no task has that title, by its position between others, else by its id.
    """
    found: dict[str, Reason] = {}
    runs = repository.runs.all()
    own = {run.title for run in runs if run.spec_path == spec.path}
    for run in runs:
        here = run.spec_path == spec.path and run.branch == repository.user.branch
        if (
            run.status.over
            or not here
            or not run.task_id
            or _task_is_unchanged(repository, run, spec)
        ):
            continue
        named = _tasks_titled_like(repository, run, spec)
        possible = named or _tasks_titled_before(repository, run, spec, own) or ()
        held = _held_by(run, possible, ticks=len(named) == 1)
        for task in [one.id for one in possible if not is_done(spec, one)] or [run.task_id]:
            found.setdefault(task, held)
    return found | _committed_but_open(repository, spec, own)


def runs_by_task(repository: Repository, spec: Spec) -> dict[str, RunRecord]:
    """Return the latest run of each task that is not over, by the current id of the task."""
    found: dict[str, RunRecord] = {}
    for run in reversed(repository.runs.all()):  # the oldest first
        if run.status.over or not run.task_id or run.spec_path not in {spec.path, spec.tasks_path}:
            continue
        named = [task.id for task in _tasks_titled_like(repository, run, spec)]
        if run.task_id in named:
            found[run.task_id] = run
        elif len(named) == 1:
            found[named[0]] = run
    return found


def was_renumbered(repository: Repository, record: BatchRecord, steps: Mapping[str, Step]) -> bool:
    """Return whether a batch has runs under ids that belong to other tasks now."""
    return any(
        run.options.get("batch") == record.batch_id
        and run.task_id in steps
        and not is_called(repository, run, steps[run.task_id].task.title)
        for run in repository.runs.all()
    )


def row_of(repository: RunSource, tasks: Mapping[str, str], run: RunRecord) -> str:
    """Return the id of the row for a run in a batch with these tasks: that of its title.

    It gets a row of its own where its id belongs to another task now and it waits or is committed.
    """
    task = run.task_id
    if task in tasks and is_called(repository, run, tasks[task]):
        return task
    if now := ids_of(tasks).get(run.title):
        return now
    stays = run.status is RunStatus.COMMITTED or not run.status.over
    return f"{task} before" if task in tasks and stays else task


def renumbered(record: BatchRecord, spec: Spec) -> tuple[BatchRecord, bool]:
    """Return the record of a batch with current task ids, and whether any id changed.

    A task with only another title keeps its id.
    """
    titles = {task.id: task.title for task in spec.tasks}
    ids = ids_of(titles)
    now: dict[str, str] = {}
    for task, title in record.tasks.items():
        same = titles.get(task) == title
        now[task] = task if same else ids.get(title, "")
    taken = {*now.values()}
    there = {*titles.values()}
    for task, found in now.items():
        if not found and task not in taken and record.tasks[task] not in there:
            now[task] = task  # its title changed, or it was removed
    if all(found == task for task, found in now.items()):
        tasks = {task: titles.get(task, title) for task, title in record.tasks.items()}
        return replace(record, tasks=tasks), False
    listed = {found: titles.get(found, record.tasks[task]) for task, found in now.items() if found}
    needs = {
        now[task]: [now.get(need, need) or need for need in found]
        for task, found in record.needs.items()
        if now.get(task)
    }
    kept: dict[str, list[KeptRun]] = {}
    for task, runs in record.kept.items():
        for run in runs:
            other = f"{task} before" if task in listed and listed[task] != run.title else task
            kept.setdefault(ids.get(run.title, other), []).append(run)
    return replace(record, tasks=listed, needs=needs, kept=kept), True


def _committed_but_open(
    repository: Repository, spec: Spec, own: Collection[str]
) -> dict[str, Reason]:
    """Return the open tasks whose latest run committed them: doing them again changes nothing."""
    latest: dict[str, RunRecord] = {}
    for run in sorted(repository.runs.all(), key=lambda one: one.created_at):
        if run.spec_path == spec.path and run.branch == repository.user.branch and run.task_id:
            latest[run.title] = run
    found: dict[str, Reason] = {}
    for run in latest.values():
        if run.status is not RunStatus.COMMITTED or not run.evidence.get(UNTICKED):
            continue
        named = _tasks_titled_like(repository, run, spec)
        possible = named or _tasks_titled_before(repository, run, spec, own)
        if possible is None:
            possible = [spec.by_id[run.task_id]] if run.task_id in spec.by_id else []
        if not named and any(is_done(spec, task) for task in possible):
            continue  # its tick
        for task in possible:
            if not is_done(spec, task):
                earlier = 0 if named else len(possible)
                found[task.id] = _ticked_by_hand(run, task, earlier)
    return found


def _tasks_titled_before(
    repository: Repository, run: RunRecord, spec: Spec, own: Collection[str]
) -> list[Task] | None:
    """Return the tasks that may have had the title of a run, None where that is unknown.

    A task in `own` has a run under its own title, so it is another one or was done again.
    """
    found = find_renamed(repository.user, spec.tasks, run.title)
    if found is None:
        return None
    return [task for task in found if kept_title(repository, task.title) not in own]


def _tasks_titled_like(repository: Repository, run: RunRecord, spec: Spec) -> list[Task]:
    return [task for task in spec.tasks if is_called(repository, run, task.title)]


def _task_is_unchanged(repository: Repository, run: RunRecord, spec: Spec) -> bool:
    return any(
        task.id == run.task_id and is_called(repository, run, task.title) for task in spec.tasks
    )


def _ticked_by_hand(run: RunRecord, task: Task, earlier: int) -> Reason:
    """Return why a task waits whose commit could not tick it.

    `earlier` is how many tasks may have had the title of the run, 0 where this one has it still.
    """
    return reason(
        ReasonKind.NOT_TICKED,
        done_by=run.run_id,
        title=run.title,
        commit=run.commit[:10],
        task=task.id,
        where=task.where,
        earlier=earlier,
    )


def _held_by(run: RunRecord, possible: Sequence[Task], *, ticks: bool) -> Reason:
    by_hand = not ticks and run.status == "waiting"
    return reason(
        ReasonKind.OTHER_RUN,
        run=run.run_id,
        status=str(run.status),
        title=run.title,
        task=run.task_id,
        by_hand=by_hand,
        where=possible[0].where if by_hand and len(possible) == 1 else "",
    )


_TASK = TypeAdapter(Task)


def changed_since(repository: Repository, run: RunRecord) -> Reason:
    """Return how the task of a run was changed since the run started, `NO_REASON` if not.

    A new number, of the task or of a dependency, is no change; nor is a removed dependency.
    """
    was, listed = _task_then_and_tasks_now(repository, run)
    if was is None:
        return NO_REASON
    try:
        now = locate(listed, was)
    except WorkspaceError:
        return NO_REASON  # nor is it ticked, which is reported
    if _text(now) != _text(was) and _text_kept(repository, now) != _text(was):
        return reason(ReasonKind.TASK_CHANGED, task=now.id, where=now.where)
    if lacks := _added_dependency(run, was, now, listed):
        return reason(ReasonKind.NEED_ADDED, task=now.id, need=lacks)
    return NO_REASON


def why_not_tickable(repository: Repository, run: RunRecord) -> str:
    """Return why approving a run cannot tick its task in the spec as it is now, or ""."""
    was, listed = _task_then_and_tasks_now(repository, run)
    if was is None:
        return ""
    try:
        locate(listed, was)
    except WorkspaceError as error:
        return WILL_NOT + why_unticked(repository.user, listed, was, error)
    return ""


def _task_then_and_tasks_now(
    repository: Repository, run: RunRecord
) -> tuple[Task | None, tuple[Task, ...]]:
    """Return the task as the run got it, and the list of tasks on disk."""
    folder, brief = repository.run_folder(run.run_id) / "blobs", run.options.get("brief")
    here = run.task_id and run.branch == repository.user.branch
    if not (here and brief and (folder / brief).exists()):
        return None, ()
    was = _task_of_brief(folder, brief)
    data = DiskFiles(repository.user.root).read(was.path) if was else None
    if was is None or data is None:
        return None, ()
    return was, _listed(data, was.path, was.dialect)


@lru_cache(maxsize=4096)
def _task_of_brief(folder: Path, brief: str) -> Task | None:
    """Return the task of a brief; the content of a blob never changes."""
    found = Blobs(folder).get_json(brief)["spec_task"]
    return None if found is None else _TASK.validate_python(found)


@lru_cache(maxsize=4)
def _listed(data: bytes, path: str, dialect: DialectName) -> tuple[Task, ...]:
    return read_tasks(data, path, dialect).tasks


def _text(task: Task) -> list[str]:
    """Return the lines of a task without its dependencies, which are numbers of other tasks."""
    lines = [line.rstrip() for line in task.body.splitlines() if line.strip()]
    return [line for line in lines if not read_details("", [line]).declares_depends]


def _text_kept(repository: Repository, task: Task) -> list[str]:
    """Return the same lines redacted, as a run's files hold them."""
    redact = redactor_for(repository.user.root, repository.user.git_dir).redact_held
    return [redact(line) for line in _text(task)]


def _added_dependency(run: RunRecord, was: Task, now: Task, listed: Sequence[Task]) -> str:
    """Return an open task that was added to this one's dependencies since its run started."""
    called = run.options.get("needs_called", {})
    by_id = {task.id: task for task in listed} if now.depends else {}
    done = {*run.options.get("done", ())}
    for need in now.depends:
        task = by_id.get(need)
        known = need in was.depends if need not in called else False
        if task is None or task.state == "done" or task.title in called.values():
            continue
        if not (known or need in done):
            return need
    return ""


def runs_needed_by(run: RunRecord, others: Iterable[RunRecord]) -> dict[str, str]:
    """Return run id -> id under which the task of `run` needs that run's task.

    Inserting a task into a spec changes ids, so another task may have the id now.
    """
    if not run.options.get("needs"):
        return {}
    called = run.options.get("needs_called", {})
    mine = [one for one in others if one.spec_path == run.spec_path and one.run_id != run.run_id]
    found: dict[str, str] = {}
    for need in run.options["needs"]:
        title = called.get(need, "")
        same_id = [one for one in mine if one.task_id == need and title in {"", one.title}]
        named = [one for one in mine if title and one.title == title]
        found |= {one.run_id: need for one in same_id or named}
    return found
