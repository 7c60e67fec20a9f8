"""Where each task of a batch stands: read from the runs, so nothing can be remembered wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reviewloop.runs.repository import Repository
from reviewloop.specs.order import Step
from reviewloop.store.locks import is_held
from reviewloop.store.runs import RunRecord, RunStatus


class Stand(StrEnum):
    """How far a task of a batch is."""

    OPEN = "open"  # nothing was begun
    RUNNING = "running"
    STOPPED = "stopped"  # on its way: the batch goes on with it
    WAITING = "waiting"  # finished, in the queue
    COMMITTED = "committed"
    BLOCKED = "blocked"  # a guard-rail stands in the way
    REJECTED = "rejected"

    @property
    def carries(self) -> bool:
        """Whether tasks that need this one may start."""
        return self in {Stand.WAITING, Stand.COMMITTED}

    @property
    def fails(self) -> bool:
        """Whether tasks that need this one cannot start until a person does something."""
        return self in {Stand.BLOCKED, Stand.REJECTED}


_STANDS = {
    RunStatus.WAITING: Stand.WAITING,
    RunStatus.BLOCKED: Stand.BLOCKED,
    RunStatus.COMMITTED: Stand.COMMITTED,
    RunStatus.SKIPPED: Stand.REJECTED,
    RunStatus.UNDONE: Stand.REJECTED,
}


@dataclass(frozen=True)
class TaskRun:
    """A task's run, if it has one, and where it stands."""

    stand: Stand
    run: RunRecord | None = None


def runs_of_batch(
    repository: Repository, batch_id: str, spec_path: str
) -> dict[str, list[RunRecord]]:
    """Return task id -> runs, the one that counts first.

    Runs of the batch, and others on its spec that are not over: the batch takes these up. Only
    those for the branch that is checked out.
    """
    found: dict[str, list[RunRecord]] = {}
    for run in repository.runs.all():
        mine = run.options.get("batch") == batch_id
        here = run.spec_path == spec_path and run.branch == repository.user.branch
        if run.task_id and here and (mine or not run.status.over):
            found.setdefault(run.task_id, []).append(run)
    for runs in found.values():
        runs.sort(key=lambda r: (not r.status.over, r.created_at, r.updated_at), reverse=True)
    return found


def stand_of(repository: Repository, run: RunRecord | None) -> Stand:
    """Return where a task with this run stands."""
    if run is None:
        return Stand.OPEN
    if run.status is RunStatus.SKIPPED and run.options.get("redo"):
        return Stand.OPEN  # it is done once more, on what is below it now
    if run.status in _STANDS:
        return _STANDS[run.status]
    return Stand.RUNNING if is_held(repository.run_lock(run.run_id)) else Stand.STOPPED


def stands_of(
    repository: Repository, batch_id: str, spec_path: str, tasks: Iterable[str]
) -> dict[str, TaskRun]:
    """Return where each of the tasks stands."""
    runs = runs_of_batch(repository, batch_id, spec_path)
    newest = {task: runs[task][0] if task in runs else None for task in tasks}
    return {task: TaskRun(stand_of(repository, run), run) for task, run in newest.items()}


def why_held(step: Step, stands: Mapping[str, TaskRun]) -> str:
    """Return why a task cannot start although nothing of it was begun, "" when it may."""
    for need in step.needs:
        stand = stands[need].stand
        if stand.fails:
            return f"waits for {need}, which is {stand}"
        if not stand.carries:
            return f"waits for {need}, which is not finished"
    return ""
