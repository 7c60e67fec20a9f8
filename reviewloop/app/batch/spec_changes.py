"""Tasks that the spec numbers, names or words otherwise than when their runs began."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from reviewloop.app.batch.status import ids_of, is_called, kept_title
from reviewloop.app.held_values import redactor_for
from reviewloop.app.project import Repository
from reviewloop.app.source import RunSource
from reviewloop.domain.batch_report import KeptRun
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.domain.reason import Reason, ReasonKind, reason
from reviewloop.domain.task import DialectName, Spec, Task
from reviewloop.loop.task_mark import WILL_NOT
from reviewloop.render.reasons import sentence
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.order import Step
from reviewloop.specs.select import called_now, is_done, why_unticked
from reviewloop.specs.task_lines import read_details
from reviewloop.specs.tasks import UNTICKED, locate, read_tasks
from reviewloop.store.batches import BatchRecord
from reviewloop.store.blobs import Blobs
from reviewloop.store.runs import RunRecord, RunStatus


class TaskHeldError(UsageError):
    """A task that cannot begin while a run is of it, or of what had its id."""

    def __init__(self, held: Reason) -> None:
        super().__init__(sentence(held))
        self._held = held

    @property
    def because(self) -> Reason:
        """It as the reason of what was not begun for it."""
        return self._held


def strays_of(repository: Repository, spec: Spec) -> dict[str, Reason]:
    """Return task id -> why it must wait: a run was for it, or for its old id.

    It is not over, or it committed the task and could not tick it. Such a run's task is found by
    its title; where no task has that any more, by its place between others, else by its id.
    """
    found: dict[str, Reason] = {}
    runs = repository.runs.all()
    own = {run.title for run in runs if run.spec_path == spec.path}
    for run in runs:
        here = run.spec_path == spec.path and run.branch == repository.user.branch
        if run.status.over or not here or not run.task_id or _is_known(repository, run, spec):
            continue
        named = _named(repository, run, spec)
        meant = named or _meant(repository, run, spec, own) or ()
        held = _held_by(run, meant, ticks=len(named) == 1)
        for task in [one.id for one in meant if not is_done(spec, one)] or [run.task_id]:
            found.setdefault(task, held)
    return found | _unticked(repository, spec, own)


def runs_by_task(repository: Repository, spec: Spec) -> dict[str, RunRecord]:
    """Return the latest run that is not over of each task, by the id that the task has now."""
    found: dict[str, RunRecord] = {}
    for run in reversed(repository.runs.all()):  # the oldest first
        if run.status.over or not run.task_id or run.spec_path not in {spec.path, spec.tasks_path}:
            continue
        named = [task.id for task in _named(repository, run, spec)]
        if run.task_id in named:
            found[run.task_id] = run
        elif len(named) == 1:
            found[named[0]] = run
    return found


def was_renumbered(repository: Repository, record: BatchRecord, steps: Mapping[str, Step]) -> bool:
    """Whether a batch has runs under ids that are those of other tasks by now."""
    return any(
        run.options.get("batch") == record.batch_id
        and run.task_id in steps
        and not is_called(repository, run, steps[run.task_id].task.title)
        for run in repository.runs.all()
    )


def row_of(repository: RunSource, tasks: Mapping[str, str], run: RunRecord) -> str:
    """Return in which row of a batch with these tasks a run is told: that of its title.

    It has one of its own where its number is another task's by now and it waits or is committed.
    """
    task = run.task_id
    if task in tasks and is_called(repository, run, tasks[task]):
        return task
    if now := ids_of(tasks).get(run.title):
        return now
    stays = run.status is RunStatus.COMMITTED or not run.status.over
    return f"{task} before" if task in tasks and stays else task


def as_numbered_now(record: BatchRecord, spec: Spec) -> tuple[BatchRecord, bool]:
    """Return the record of a batch by the ids that tasks have now, and whether some have others.

    A task that only has another title keeps its place.
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
            now[task] = task  # it has another title, or was removed
    others = any(found != task for task, found in now.items())
    if not others:
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


def _unticked(repository: Repository, spec: Spec, own: Collection[str]) -> dict[str, Reason]:
    """Return the open tasks whose latest run committed them: doing them anew changes nothing."""
    latest: dict[str, RunRecord] = {}
    for run in sorted(repository.runs.all(), key=lambda one: one.created_at):
        if run.spec_path == spec.path and run.branch == repository.user.branch and run.task_id:
            latest[run.title] = run
    found: dict[str, Reason] = {}
    for run in latest.values():
        if run.status is not RunStatus.COMMITTED or not run.evidence.get(UNTICKED):
            continue
        named = _named(repository, run, spec)
        meant = named or _meant(repository, run, spec, own)
        if meant is None:
            meant = [spec.by_id[run.task_id]] if run.task_id in spec.by_id else []
        if not named and any(is_done(spec, task) for task in meant):
            continue  # that is its tick
        for task in meant:
            if not is_done(spec, task):
                by_hand = _ticks_by_hand(run, task, "" if named else _was(meant, task))
                found[task.id] = reason(ReasonKind.ERROR, text=by_hand)
    return found


def _meant(
    repository: Repository, run: RunRecord, spec: Spec, own: Collection[str]
) -> list[Task] | None:
    """Return the tasks one of which had the title of a run, None where nobody knows.

    One that has a run under its own title is another one, or was done once more; `own` are these.
    """
    found = called_now(repository.user, spec.tasks, run.title)
    if found is None:
        return None
    return [task for task in found if kept_title(repository, task.title) not in own]


def _named(repository: Repository, run: RunRecord, spec: Spec) -> list[Task]:
    return [task for task in spec.tasks if is_called(repository, run, task.title)]


def _is_known(repository: Repository, run: RunRecord, spec: Spec) -> bool:
    return any(
        task.id == run.task_id and is_called(repository, run, task.title) for task in spec.tasks
    )


def _was(meant: Sequence[Task], task: Task) -> str:
    sure = "was" if len(meant) == 1 else "may have been"
    return f", as task {task.id} {sure} called before,"


def _ticks_by_hand(run: RunRecord, task: Task, called: str) -> str:
    return (
        f"run {run.run_id} committed '{run.title}' ({run.commit[:10]}){called} and could not "
        f"tick it: tick {task.where} by hand, or `reviewloop run {task.id}` does it once more"
    )


def _held_by(run: RunRecord, meant: Sequence[Task], *, ticks: bool) -> Reason:
    answer = "approve or reject it" if run.status == "waiting" else "reject it"
    which = f"tick {meant[0].where}" if len(meant) == 1 else "tick its task"
    by_hand = "" if ticks or run.status != "waiting" else f"; approved, {which} by hand"
    what = (
        f"is of '{run.title}', which was task {run.task_id} when it began; {answer} first "
        f"(`reviewloop queue`){by_hand}, then the same command goes on"
    )
    return reason(ReasonKind.OTHER_RUN, run=run.run_id, status=str(run.status), what=what)


_TASK = TypeAdapter(Task)


def changed_since(repository: Repository, run: RunRecord) -> str:
    """Return how the task of a run was changed since the run began, "" where it was not.

    A new number, of the task or of one that it waits for, is no change; nor is one that is gone.
    """
    was, listed = _then_and_now(repository, run)
    if was is None:
        return ""
    try:
        now = locate(listed, was)
    except WorkspaceError:
        return ""  # nor is it ticked, which is told
    if _text(now) != _text(was) and _text_kept(repository, now) != _text(was):
        return f"the text of task {now.id} changed after its run began ({now.where})"
    if lacks := _new_need(run, was, now, listed):
        return f"task {now.id} waits for {lacks} now, as it did not when its run began"
    return ""


def foretold_untick(repository: Repository, run: RunRecord) -> str:
    """Return why approving a run cannot tick its task as the spec is now, "" where it can."""
    was, listed = _then_and_now(repository, run)
    if was is None:
        return ""
    try:
        locate(listed, was)
    except WorkspaceError as error:
        return WILL_NOT + why_unticked(repository.user, listed, was, error)
    return ""


def _then_and_now(repository: Repository, run: RunRecord) -> tuple[Task | None, tuple[Task, ...]]:
    """Return the task as the run was told it, and the list of tasks as it is on disk."""
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
    """Return the task of a brief; what an id names never changes."""
    found = Blobs(folder).get_json(brief)["spec_task"]
    return None if found is None else _TASK.validate_python(found)


@lru_cache(maxsize=4)
def _listed(data: bytes, path: str, dialect: DialectName) -> tuple[Task, ...]:
    return read_tasks(data, path, dialect).tasks


def _text(task: Task) -> list[str]:
    """Return the lines below a task without what it waits for: there stand numbers of others."""
    lines = [line.rstrip() for line in task.body.splitlines() if line.strip()]
    return [line for line in lines if not read_details("", [line]).declares_depends]


def _text_kept(repository: Repository, task: Task) -> list[str]:
    """Return the same as a run's files hold it, without secrets."""
    redact = redactor_for(repository.user.root, repository.user.git_dir).redact_held
    return [redact(line) for line in _text(task)]


def _new_need(run: RunRecord, was: Task, now: Task, listed: Sequence[Task]) -> str:
    """Return an open task that this one declares to wait for, and did not when its run began."""
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


def needed_of(run: RunRecord, others: Iterable[RunRecord]) -> dict[str, str]:
    """Return {run id: id under which the task of `run` needs its task} of those it needs.

    Ids are given anew when somebody inserts a task, so that another task may have this one by now.
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
