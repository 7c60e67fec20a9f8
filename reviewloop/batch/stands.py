"""Where each task of a batch stands: read from the runs, so nothing can be remembered wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from reviewloop.runs.held_values import masking_for
from reviewloop.runs.repository import Repository
from reviewloop.specs.order import Step
from reviewloop.store.batches import BatchRecord
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


def branch_of(repository: Repository, record: BatchRecord) -> str:
    """Return the branch of a batch, also where its record was written without one."""
    return record.branch or _branch(repository, record.batch_id, repository.runs.all())


def runs_of_batch(
    repository: Repository,
    batch_id: str,
    spec_path: str,
    titles: Mapping[str, str] | None = None,
    branch: str = "",
) -> dict[str, list[RunRecord]]:
    """Return task id -> runs, the one that counts first; only of tasks that `titles` names by id.

    Runs of the batch, and others on its spec that are not over: the batch takes these up. Only
    those for its branch, which may not be checked out, and for tasks that were called the same: ids
    are given anew when somebody inserts a task.
    """
    found: dict[str, list[RunRecord]] = {}
    everything = repository.runs.all()
    branch = branch or _branch(repository, batch_id, everything)
    for run in everything:
        mine = run.options.get("batch") == batch_id
        here = run.spec_path == spec_path and run.branch == branch
        if not here or not run.task_id or (run.status.over and not mine):
            continue
        title = run.title if titles is None else titles.get(run.task_id)
        if title is not None and is_called(repository, run, title):
            found.setdefault(run.task_id, []).append(run)
    for runs in found.values():
        runs.sort(key=lambda r: (not r.status.over, r.created_at, r.updated_at), reverse=True)
    return found


def is_called(repository: Repository, run: RunRecord, title: str) -> bool:
    """Whether the task of a run had this title; its record holds it without secrets."""
    user = repository.user
    return title == run.title or _as_kept(user.root, user.git_dir, title) == run.title


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
    repository: Repository,
    batch_id: str,
    spec_path: str,
    titles: Mapping[str, str],
    branch: str = "",
) -> dict[str, TaskRun]:
    """Return where each of the tasks stands that `titles` names by id; see `runs_of_batch`."""
    runs = runs_of_batch(repository, batch_id, spec_path, titles, branch)
    newest = {task: runs[task][0] if task in runs else None for task in titles}
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


def _branch(repository: Repository, batch_id: str, runs: Iterable[RunRecord]) -> str:
    """Return the branch of a batch's runs; of one that has none, the branch that is checked out."""
    first = next((run for run in runs if run.options.get("batch") == batch_id), None)
    return first.branch if first else repository.user.branch or ""


@lru_cache(maxsize=1024)
def _as_kept(root: Path, git_dir: Path, title: str) -> str:
    return masking_for(root, git_dir).for_people(title)
