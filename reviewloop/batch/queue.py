"""The queue: what waits for a person, what stands on what, and approving or rejecting it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from reviewloop.batch.line import Waiting, line_up, looked_again, waiting_in
from reviewloop.batch.stacking import chain_below
from reviewloop.errors import UsageError
from reviewloop.runs.advance import advance
from reviewloop.runs.answers import give_up, is_stopped, worded
from reviewloop.runs.repository import Repository
from reviewloop.store.batches import BatchStore
from reviewloop.store.events import Listener
from reviewloop.store.runs import RunRecord, RunStatus


@dataclass(frozen=True)
class Queue:
    """The runs that wait, in the order in which their commits follow each other."""

    standing: tuple[Waiting, ...]  # each stands on the one before it, the first on the branch
    stale: tuple[Waiting, ...]  # stand on a commit that the branch does not have
    blocked: tuple[RunRecord, ...]

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """All that can be approved."""
        return (*self.standing, *self.stale)


def queue_of(repository: Repository) -> Queue:
    """Return what waits on the branch that is checked out."""
    branch = repository.user.branch
    runs = [run for run in repository.runs.all() if not run.status.over and run.branch == branch]
    runs.sort(key=lambda run: (_places(repository).get(run.task_id, 0), run.created_at))
    line = line_up(repository.user.head or "", waiting_in(repository, runs))
    blocked = tuple(run for run in runs if run.status is RunStatus.BLOCKED)
    return Queue(line.standing, line.stale, blocked)


def to_approve(repository: Repository, named: Sequence[str], *, every: bool) -> list[Waiting]:
    """Return the runs to approve, those first that others stand on.

    Raises `UsageError` for a run that does not wait.
    """
    queue = queue_of(repository)
    if every:
        if not queue.waiting:
            raise UsageError("nothing waits in the queue; `reviewloop status` lists the runs")
        return list(queue.waiting)
    by_id = {one.run.run_id: one for one in queue.waiting}
    wanted: set[str] = set()
    for name in named:
        run = repository.runs.find(name)
        if run.run_id not in by_id:
            raise UsageError(f"run {run.run_id} does not wait for approval (it is {run.status})")
        wanted |= {one.run.run_id for one in chain_below(by_id[run.run_id], queue.waiting)}
    return [one for one in queue.waiting if one.run.run_id in wanted]


def approve_each(
    repository: Repository, chosen: Sequence[Waiting], listener: Listener
) -> Iterator[RunRecord]:
    """Approve runs one after the other and yield each as it is then; stop where one waits on.

    Raises `UsageError` for a run that stands on another commit than the branch has.
    """
    for one in chosen:
        repository = looked_again(repository)
        run = repository.runs.find(one.run.run_id)
        if run.base_commit != repository.user.head:
            raise UsageError(
                f"run {run.run_id} was made on {run.base_commit[:10]}, and {run.branch} is at "
                f"{(repository.user.head or '')[:10]} now"
            )
        answer = worded(run, "approve")
        run = advance(repository, run.run_id, answer=answer, listener=listener)
        yield run
        if run.status is not RunStatus.COMMITTED:
            return


def reject_each(
    repository: Repository, named: Sequence[str], text: str
) -> Iterator[tuple[RunRecord, tuple[RunRecord, ...]]]:
    """Reject runs; yield each with the runs that stood on it and now wait in vain."""
    for name in named:
        run = repository.runs.find(name)
        waiting = queue_of(repository).waiting
        above = tuple(
            one.run
            for one in waiting
            if any(below.run.run_id == run.run_id for below in chain_below(one, waiting)[:-1])
        )
        if is_stopped(run):
            yield give_up(repository, run, text), above
        else:
            yield advance(repository, run.run_id, answer=worded(run, "skip", text)), above


def _places(repository: Repository) -> dict[str, int]:
    if not (repository.folder / "batches.sqlite").exists():
        return {}
    with closing(BatchStore(repository.folder)) as store:
        newest = store.newest()
    return {task: place for place, task in enumerate(newest.tasks)} if newest else {}
