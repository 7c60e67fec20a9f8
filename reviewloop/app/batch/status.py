"""The status of each task of a batch, computed from the runs."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from enum import StrEnum

from reviewloop.app.project import Repository
from reviewloop.app.run_source import RunSource
from reviewloop.dataclass import dataclass
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.git.transfer import has_commit
from reviewloop.specs.order import Step
from reviewloop.store.batches import BatchRecord, BatchStore
from reviewloop.store.runs import RunRecord, RunStatus

ANEW = "anew"
"""An option of a finished run: a later session of its batch redoes its task."""


class TaskStatus(StrEnum):
    """The status of a task in a batch."""

    OPEN = "open"  # not started
    RUNNING = "running"
    STOPPED = "stopped"  # the batch resumes it
    WAITING = "waiting"  # finished, in the queue
    COMMITTED = "committed"
    BLOCKED = "blocked"  # by a guard-rail
    REJECTED = "rejected"

    @property
    def carries(self) -> bool:
        """Return whether tasks that need this one may start."""
        return self in {TaskStatus.WAITING, TaskStatus.COMMITTED}

    @property
    def fails(self) -> bool:
        """Return whether tasks that need this one have to wait for a user."""
        return self in {TaskStatus.BLOCKED, TaskStatus.REJECTED}


_STATUSES = {
    RunStatus.WAITING: TaskStatus.WAITING,
    RunStatus.BLOCKED: TaskStatus.BLOCKED,
    RunStatus.COMMITTED: TaskStatus.COMMITTED,
    RunStatus.SKIPPED: TaskStatus.REJECTED,
    RunStatus.UNDONE: TaskStatus.REJECTED,
}


@dataclass(frozen=True)
class TaskRun:
    """The status of a task, and its run if it has one."""

    status: TaskStatus
    run: RunRecord | None = None


def branch_of(repository: RunSource, record: BatchRecord) -> str:
    """Return the branch of a batch, also for a record without one."""
    return record.branch or _branch(repository, record.batch_id, repository.runs.all())


def newest_here(repository: Repository, store: BatchStore, spec: str = "") -> BatchRecord | None:
    """Return the latest batch of the branch checked out, of one spec if it is named."""
    branch = repository.user.branch
    for record in store.all():
        if spec in ("", record.spec_path) and branch_of(repository, record) == branch:
            return record if is_of(repository, record) else None
    return None


def newest_batch(repository: Repository) -> BatchRecord | None:
    """Return the latest batch of the branch checked out, else the latest of all, or None.

    Batches of an earlier repository at this path do not count.
    """
    if not (repository.folder / "batches.sqlite").exists():
        return None
    with closing(BatchStore(repository.folder)) as store:
        mine = (record for record in store.all() if is_of(repository, record))
        return newest_here(repository, store) or next(mine, None)


def is_of(repository: Repository, record: BatchRecord) -> bool:
    """Return whether a batch belongs to this repository, not to an earlier one at its path."""
    return not record.head or has_commit(repository.user.git_dir, record.head)


def is_called(repository: RunSource, run: RunRecord, title: str) -> bool:
    """Return whether the task of a run had this title; its record holds it redacted."""
    return _is_same(repository, run.title, title)


def kept_title(repository: RunSource, title: str) -> str:
    """Return a title as records hold it, redacted."""
    return repository.stored_title(title)


def status_of(repository: RunSource, run: RunRecord | None) -> TaskStatus:
    """Return the status of a task with this run."""
    if run is None:
        return TaskStatus.OPEN
    if run.status is RunStatus.SKIPPED and run.options.get("redo"):
        return TaskStatus.OPEN  # it is done again on another base
    if run.status.over and run.options.get(ANEW):
        return TaskStatus.OPEN
    if run.status in _STATUSES:
        return _STATUSES[run.status]
    return TaskStatus.RUNNING if repository.is_at_work(run.run_id) else TaskStatus.STOPPED


def statuses_of(
    repository: RunSource,
    batch_id: str,
    spec_path: str,
    titles: Mapping[str, str],
    branch: str = "",
) -> dict[str, TaskRun]:
    """Return the status of each task in `titles`, which are by id.

    Runs of the batch count, and runs of its spec that are not over, which the batch takes over:
    only those for its branch, and for tasks with the same title, as inserting a task changes ids.
    """
    runs = repository.runs.all()
    branch = branch or _branch(repository, batch_id, runs)
    return statuses_now(
        repository, counting_runs(repository, runs, (batch_id, spec_path, branch), titles), titles
    )


def statuses_now(
    repository: RunSource, counts: Mapping[str, RunRecord], tasks: Iterable[str]
) -> dict[str, TaskRun]:
    """Return the status of each task, by the run that counts for it."""
    now = {task: up_to_date(repository, run) for task, run in counts.items()}
    return {task: TaskRun(status_of(repository, now.get(task)), now.get(task)) for task in tasks}


def counting_runs(
    repository: RunSource,
    runs: Iterable[RunRecord],
    of: tuple[str, str, str],
    titles: Mapping[str, str],
) -> dict[str, RunRecord]:
    """Return task -> the one of `runs` that counts for it; see `statuses_of`.

    `of` is a batch: its id, the path of its spec and its branch.
    """
    found: dict[str, RunRecord] = {}
    batch_id, spec_path, branch = of
    for run in runs:
        mine = run.options.get("batch") == batch_id
        here = run.spec_path == spec_path and run.branch == branch
        if not here or run.task_id not in titles or (run.status.over and not mine):
            continue
        if is_called(repository, run, titles[run.task_id]):
            other = found.get(run.task_id)
            found[run.task_id] = run if other is None else max(other, run, key=_counts)
    return found


def statuses_reported(repository: RunSource, record: BatchRecord) -> dict[str, TaskRun]:
    """Return the status of a batch's tasks, also those committed under other ids."""
    branch = branch_of(repository, record)
    found = statuses_of(repository, record.batch_id, record.spec_path, record.tasks, branch)
    ids = ids_of(record.tasks)
    for run in repository.runs.all():  # the newest first
        task = ids.get(run.title, "")
        mine = run.options.get("batch") == record.batch_id and run.task_id != task
        if task and mine and run.status is RunStatus.COMMITTED and found[task].run is None:
            found[task] = TaskRun(status_of(repository, run), run)
    return found


def ids_of(titles: Mapping[str, str]) -> dict[str, str]:
    """Return title -> id, of tasks with a unique title."""
    count = Counter(titles.values())
    return {title: task for task, title in titles.items() if count[title] == 1}


def statuses_in(
    repository: Repository, record: BatchRecord, doing: Collection[str] = ()
) -> dict[str, TaskRun]:
    """Return the status of a batch's tasks, also those whose committed runs were deleted.

    For tasks in `doing` only existing runs count: the spec has them open again.
    """
    found = statuses_reported(repository, record)
    there = {run.run_id for run in repository.runs.all()}
    for task, one in found.items():
        kept = [one for one in record.kept.get(task, ()) if one.run not in there]
        if task in doing or one.status is not TaskStatus.OPEN or not kept:
            continue
        last = kept[-1]
        later = one.run is None or last.created_at > one.run.created_at
        same = _is_same(repository, last.title, record.tasks[task])
        if last.state == TaskStatus.COMMITTED and later and same:
            found[task] = TaskRun(TaskStatus.COMMITTED)
    return found


def _is_same(repository: RunSource, kept: str, title: str) -> bool:
    return title == kept or kept_title(repository, title) == kept


def _counts(run: RunRecord) -> tuple[bool, float, float]:
    """Return the sort key of a task's runs: the greatest counts."""
    return not run.status.over, run.created_at, run.updated_at


def up_to_date(repository: RunSource, run: RunRecord) -> RunRecord:
    """Return a run, read again if it may have ended since.

    Its process saves the record before it frees the lock; otherwise the run would seem interrupted.
    """
    if run.status is not RunStatus.RUNNING or repository.is_at_work(run.run_id):
        return run
    return repository.runs.find(run.run_id)


def why_held(step: Step, statuses: Mapping[str, TaskRun]) -> Reason:
    """Return why a task that was not started cannot start, none when it can."""
    for need in step.needs:
        status = statuses[need].status
        if status.fails:
            return reason(ReasonKind.NEED_OPEN, need=need, status=str(status))
        if not status.carries:
            return reason(ReasonKind.NEED_OPEN, need=need)
    return NO_REASON


def is_answered(because: Reason, blocked: Collection[str], tasks: Collection[str]) -> bool:
    """Return whether a batch stopped for a blocked task that was answered since."""
    task = because.text("task")
    return because.kind is ReasonKind.STILL_BLOCKED and task in tasks and task not in blocked


def _branch(repository: RunSource, batch_id: str, runs: Iterable[RunRecord]) -> str:
    """Return the branch of a batch's runs; without runs, the branch checked out."""
    first = next((run for run in runs if run.options.get("batch") == batch_id), None)
    return first.branch if first else repository.branch or ""
