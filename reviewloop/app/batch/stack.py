"""The stack of runs that wait for approval: the base of each is the commit below it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from shlex import quote
from typing import NamedTuple

from reviewloop.app.batch.status import TaskRun, TaskStatus
from reviewloop.app.project import Repository
from reviewloop.app.run_source import RunSource
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.reason import Reason, ReasonKind, naming, reason
from reviewloop.git.commits import Base
from reviewloop.specs.order import Order, Step
from reviewloop.store.locks import hold
from reviewloop.store.runs import ANSWERED, CONFLICT, RunRecord, RunStatus, is_stopped


@dataclass(frozen=True)
class Waiting:
    """A finished run and the commit that it proposes."""

    run: RunRecord
    commit: str  # only in the run's private repository


@dataclass(frozen=True)
class Line:
    """The waiting runs: `stacked` follow the branch without a gap, `stale` have another base."""

    stacked: tuple[Waiting, ...]
    stale: tuple[Waiting, ...]


def base_on(repository: Repository, below: Waiting) -> Base:
    """Return the base of a run that is built on this one."""
    private = repository.run_folder(below.run.run_id) / "git"
    return Base(below.commit, private, below.run.base_commit, repository.folder / "line")


def approvable_runs(repository: RunSource, records: Iterable[RunRecord]) -> list[Waiting]:
    """Return the runs that can be approved, in the given order."""
    return _proposed(repository, (one for one in records if one.status is RunStatus.WAITING))


def landing_runs(repository: RunSource, records: Iterable[RunRecord]) -> list[Waiting]:
    """Return the runs that can be approved, or are approved and not committed yet."""
    return _proposed(
        repository, (one for one in records if one.status is RunStatus.WAITING or is_landing(one))
    )


def is_landing(record: RunRecord) -> bool:
    """Return whether a run was approved and its commit is in progress or was interrupted."""
    return is_stopped(record) and record.options.get(ANSWERED) == "approve"


def _proposed(repository: RunSource, records: Iterable[RunRecord]) -> list[Waiting]:
    proposed = ((record, repository.commit_of(record)) for record in records)
    return [Waiting(record, commit) for record, commit in proposed if commit]


def line_up(head: str, waiting: Sequence[Waiting]) -> Line:
    """Return the stack above `head`; of several runs on one commit, the first is in it."""
    above: dict[str, Waiting] = {}
    for one in reversed(waiting):
        above[one.run.base_commit] = one
    stacked: dict[str, Waiting] = {}
    at = head
    while (following := above.get(at)) is not None and following.run.run_id not in stacked:
        stacked[following.run.run_id] = following
        at = following.commit
    stale = tuple(one for one in waiting if one.run.run_id not in stacked)
    return Line(tuple(stacked.values()), stale)


def in_stacks(waiting: Sequence[Waiting]) -> list[Waiting]:
    """Return the runs with each stack together, the lowest first.

    Stacks, and runs on the same commit, keep the given order, except that a task comes after those
    it needs.
    """
    commits = {one.commit for one in waiting}
    roots = [one for one in waiting if one.run.base_commit not in commits]
    on: dict[str, list[Waiting]] = {}
    for one in waiting:
        on.setdefault(one.run.base_commit, []).append(one)
    stacks = [_stack(root, on) for root in roots]
    ordered: list[Waiting] = []
    while stacks:
        later = {(one.run.spec_path, one.run.task_id) for stack in stacks for one in stack}
        ready = (stack for stack in stacks if not _needs_of(stack) & later)
        stacks.remove(first := next(ready, stacks[0]))
        ordered += first
    known = {one.run.run_id for one in ordered}
    return [*ordered, *(one for one in waiting if one.run.run_id not in known)]


def _stack(root: Waiting, on: Mapping[str, Sequence[Waiting]]) -> list[Waiting]:
    found, todo = [], [root]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += reversed([other for other in on.get(one.commit, ()) if other not in found])
    return found


def _needs_of(stack: Sequence[Waiting]) -> set[tuple[str, str]]:
    """Return the tasks that a stack needs and does not hold."""
    own = {(one.run.spec_path, one.run.task_id) for one in stack}
    runs = [one.run for one in stack]
    needs = {(run.spec_path, need) for run in runs for need in run.options.get("needs", ())}
    return needs - own


@dataclass(frozen=True)
class StartingPoint:
    """The base of a run; `chain` are the waiting runs below it, the lowest first."""

    chain: tuple[Waiting, ...] = ()
    done: frozenset[str] = field(default_factory=frozenset)  # tasks in the commits of the chain

    @property
    def run_id(self) -> str:
        """The run that it is built on, "" for the branch."""
        return self.chain[-1].run.run_id if self.chain else ""

    def base(self, repository: Repository) -> Base | None:
        """Return the commit to start from, None for the head of the branch."""
        return base_on(repository, self.chain[-1]) if self.chain else None


def base_for(
    step: Step,
    statuses: Mapping[str, TaskRun],
    waiting: Sequence[Waiting],
    *,
    head: str,
    deep: bool,
    above: Iterable[str] = (),
    loose: bool = False,
) -> StartingPoint | None:
    """Return where a task's run starts, None while no commit holds everything that it needs.

    `above` are the tasks listed before it: it is built on those that wait, and with `loose` on as
    many as one commit holds. With `deep` it is built on all waiting runs, so that approving the
    queue needs no rebase; else on no other, so that timing does not matter.
    """
    needed = _waiting_of(step.needs, statuses)
    wished = needed | _waiting_of(above, statuses)
    tops = _tops([one for one in waiting if one.run.run_id in needed])
    tops += _tops([one for one in waiting if one.run.run_id in wished])
    tops += _tops(waiting) if deep else []
    by_commit = {one.commit: one for one in waiting}
    chains = [(), *(_chain(one, by_commit) for one in {one.commit: one for one in tops}.values())]
    # Committed tasks are in the branch, so a chain has to start there.
    fitting = [
        (len(wished & runs), chain)
        for chain in chains
        if needed <= (runs := {one.run.run_id for one in chain}) and starts_at_head(chain, head)
    ]
    most = max((held for held, _ in fitting), default=-1)
    if most < (0 if loose else len(wished)):
        return None
    best = [chain for held, chain in fitting if held == most]
    chain = (max if deep else min)(best, key=len)
    return StartingPoint(tuple(chain), frozenset(one.run.task_id for one in chain))


def listed_above(order: Order, step: Step) -> tuple[str, ...]:
    """Return the tasks that a task follows only by the order of the list, and those that these
    follow.
    """
    steps = {one.task.id: one for one in order.steps}
    found: dict[str, None] = {}
    todo = list(step.after)
    while todo:
        task = todo.pop()
        if task in steps and task not in found:
            found[task] = None
            todo += [*steps[task].after, *steps[task].needs]
    return tuple(found)


def _waiting_of(tasks: Iterable[str], statuses: Mapping[str, TaskRun]) -> set[str]:
    """Return the ids of the runs of those tasks that wait."""
    found = (statuses[task] for task in tasks)
    return {
        one.run.run_id for one in found if one.status is TaskStatus.WAITING and one.run is not None
    }


def starts_at_head(chain: Sequence[Waiting], head: str) -> bool:
    """Return whether a chain starts at the current commit of the branch."""
    return not chain or chain[0].run.base_commit == head


def chain_below(top: Waiting, waiting: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """Return a waiting run and those below it, the lowest first."""
    return _chain(top, {one.commit: one for one in waiting})


def _chain(top: Waiting, by_commit: Mapping[str, Waiting]) -> tuple[Waiting, ...]:
    chain = [top]
    met = {top.commit}
    while (below := by_commit.get(chain[-1].run.base_commit)) is not None:
        if below.commit in met:
            break
        met.add(below.commit)
        chain.append(below)
    return tuple(reversed(chain))


def _tops(waiting: Sequence[Waiting]) -> list[Waiting]:
    """Return the runs that no other is built on."""
    below = {one.run.base_commit for one in waiting}
    return [one for one in waiting if one.commit not in below]


def keep_conflict(repository: Repository, run_id: str, onto: str, why: str) -> None:
    """Record that a run does not merge with this commit."""
    lock = repository.run_lock(run_id)
    with suppress(WorkspaceError), hold(lock, f"run {run_id}"):  # else another process has it
        run = repository.runs.find(run_id)
        run.options[CONFLICT] = [run.proposal, onto, why]
        repository.runs.save(run)


class Conflict(NamedTuple):
    """Why a run cannot be rebased, and the command that helps."""

    why: str
    next: str
    runs: tuple[str, ...] = ()  # that it names, beside the one that it is about

    def __str__(self) -> str:
        """Return it in the words of the approval that found it."""
        return f"{self.why}; next: `{self.next}`"


def conflict_below(
    repository: RunSource, one: Waiting, waiting: Sequence[Waiting]
) -> Conflict | None:
    """Return why a run cannot be rebased: it, or a run below it, does not merge."""
    there = {repository.head, *(other.commit for other in waiting)}
    for lower in chain_below(one, waiting):
        proposal, onto, why = lower.run.options.get(CONFLICT, ("", "", ""))
        if why and proposal == lower.run.proposal and onto in there:
            mine = lower.run.run_id == one.run.run_id
            prefix = "" if mine else f"builds on {lower.run.run_id}, which "
            following = after_conflict(repository, lower.run)
            below = () if mine else (lower.run.run_id,)
            return Conflict(f"{prefix}does not merge: {why}", following, below)
    return None


def no_merge(met: Conflict) -> Reason:
    """Return that a run does not merge as the reason why it waits."""
    return naming(reason(ReasonKind.ERROR, text=f"{met}, or reject it"), *met.runs)


def conflict_with(run: RunRecord, head: str | None) -> str:
    """Return the recorded reason why a run does not merge with this commit, or ""."""
    why = run.conflict_with(head or "")
    return f"does not merge: {why}" if why else ""


def after_conflict(repository: RunSource, run: RunRecord) -> str:
    """Return the command for a run that does not merge: a batch does its task again."""
    if not run.task_id or run.options.get("redo_of"):
        return f"reviewloop checkout {run.run_id} NAME"
    by_task = {
        one.task_id: one
        for one in repository.runs.all()
        if one.branch == run.branch and not one.status.over and one.spec_path == run.spec_path
    }
    tasks, todo = [], [run.task_id]
    while todo:  # a task is done only after the tasks it needs
        task = todo.pop()
        if task in by_task and task not in tasks:
            tasks.append(task)
            todo += by_task[task].options.get("needs", ())
    return f"reviewloop batch --spec {quote(run.spec_path)} --tasks {quote(','.join(tasks[::-1]))}"


class Beginnings:
    """Computes from the order alone which tasks each task is built on."""

    def __init__(self, order: Order) -> None:
        self._wished: dict[str, set[str]] = {}
        self._before: dict[str, set[str]] = {}
        for step in order.steps:  # each comes after all tasks it can be built on
            wished = {*step.needs, *listed_above(order, step)} & self._before.keys()
            self._wished[step.task.id] = wished
            self._before[step.task.id] = wished.union(*(self._before[one] for one in wished))

    def before(self, task: str) -> set[str]:
        """Return all tasks in the commits below a task."""
        return self._before[task]

    def alone(self, task: str) -> bool:
        """Return whether it can start without a rebase: one stack holds all tasks below it."""
        todo = [task]
        while todo:  # at most one of these tasks holds all the others
            wished = self._wished[todo.pop()]
            todo += [one for one in wished if wished - {one} <= self.before(one)]
            if not wished:
                return True
        return False
