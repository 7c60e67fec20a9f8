"""The queue: what waits for a person, what stands on what, and approving or rejecting it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from reviewloop.batch.line import Waiting, base_on, line_up, looked_again, waiting_in
from reviewloop.batch.stacking import chain_below
from reviewloop.errors import UsageError
from reviewloop.runs.advance import advance
from reviewloop.runs.answers import give_up, is_stopped, worded
from reviewloop.runs.rebasing import rebase
from reviewloop.runs.repository import Repository
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.select import is_done
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
    places = _places(repository)
    runs.sort(key=lambda run: (places.get(run.task_id, 0), run.created_at))
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
        wanted |= _with_all_below(by_id[run.run_id], queue.waiting)
    return [one for one in queue.waiting if one.run.run_id in wanted]


def _with_all_below(top: Waiting, waiting: Sequence[Waiting]) -> set[str]:
    """Return a run with those that it stands on and those of the tasks that its own needs."""
    found: set[str] = set()
    todo = [top]
    while todo:
        one = todo.pop()
        if one.run.run_id in found:
            continue
        found.add(one.run.run_id)
        needs = one.run.options.get("needs", ())
        todo += chain_below(one, waiting)
        todo += [
            other
            for other in waiting
            if other.run.task_id in needs and other.run.spec_path == one.run.spec_path
        ]
    return found


def approve_each(
    repository: Repository, chosen: Sequence[Waiting], listener: Listener
) -> Iterator[RunRecord]:
    """Approve runs one after the other and yield each as it is then.

    From the first that does not stand on the branch's commit on, runs are not approved but brought
    behind each other, so that a person can look at what they are now. Stops at one that cannot be.
    """
    below: Waiting | None = None
    for one in chosen:
        repository = looked_again(repository)
        run = repository.runs.find(one.run.run_id)
        if below is None and run.base_commit == repository.user.head:
            answer = worded(one.run, "approve")  # for what was there when it was chosen
            run = advance(repository, run.run_id, answer=answer, listener=listener)
            yield run
            if run.status is not RunStatus.COMMITTED:
                return
            continue
        if below is None or run.base_commit != below.commit:
            _require_needed(repository, run, below)
            chain = chain_below(below, queue_of(repository).waiting) if below else ()
            options = {
                "stands_on": below.run.run_id if below else "",
                "done": [other.run.task_id for other in chain],
            }
            base = base_on(repository, below) if below else None
            run = rebase(repository, run.run_id, base, options=options, listener=listener)
        yield run
        found = waiting_in(repository, [run])
        if not found:
            return
        below = found[0]


def _require_needed(repository: Repository, run: RunRecord, below: Waiting | None) -> None:
    """Refuse to bring a run where something that its task needs is missing."""
    if not run.task_id or not run.options.get("needs"):
        return
    spec = open_spec(DiskFiles(repository.user.root), run.spec_path)
    waiting = queue_of(repository).waiting
    there = {one.run.task_id for one in chain_below(below, waiting)} if below else set()
    for need in run.options["needs"]:
        task = spec.by_id.get(need)
        if need not in there and task is not None and not is_done(spec, task):
            raise UsageError(
                f"task {run.task_id} needs task {need}, which is neither done nor waiting below "
                f"it; reject run {run.run_id}, and `reviewloop batch` does it anew"
            )


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
