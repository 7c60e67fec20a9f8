"""Where the run of a task starts: on the branch, or on the commit of a run that waits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reviewloop.app.batch.line import Waiting, base_on
from reviewloop.app.batch.stands import Stand, TaskRun
from reviewloop.app.project import Repository
from reviewloop.git.commits import Base
from reviewloop.specs.order import Order, Step


@dataclass(frozen=True)
class StartingPoint:
    """Where a run starts; `chain` are the waiting runs below it, the lowest first."""

    chain: tuple[Waiting, ...] = ()
    done: frozenset[str] = field(default_factory=frozenset)  # tasks in the commits of the chain

    @property
    def run_id(self) -> str:
        """The run it stands on, "" for the branch itself."""
        return self.chain[-1].run.run_id if self.chain else ""

    def base(self, repository: Repository) -> Base | None:
        """Return the commit to start from, None for the branch itself."""
        return base_on(repository, self.chain[-1]) if self.chain else None


def base_for(
    step: Step,
    stands: Mapping[str, TaskRun],
    waiting: Sequence[Waiting],
    *,
    head: str,
    deep: bool,
    above: Iterable[str] = (),
    loose: bool = False,
) -> StartingPoint | None:
    """Return where a task's run starts, None while no commit holds everything that it needs.

    `above` are tasks that are only listed before it: it stands on those that wait as well, and with
    `loose` on as many of them as one commit holds. With `deep` a run stands on all that waits, so
    that approving the queue needs no rebase, else on nothing more: then it does not matter which
    other runs have finished by now.
    """
    needed = _waiting_of(step.needs, stands)
    wished = needed | _waiting_of(above, stands)
    tops = _tops([one for one in waiting if one.run.run_id in needed])
    tops += _tops([one for one in waiting if one.run.run_id in wished])
    tops += _tops(waiting) if deep else []
    by_commit = {one.commit: one for one in waiting}
    chains = [(), *(_chain(one, by_commit) for one in {one.commit: one for one in tops}.values())]
    # What is committed already is in the branch, so a chain has to begin there.
    fitting = [
        (len(wished & runs), chain)
        for chain in chains
        if needed <= (runs := {one.run.run_id for one in chain}) and follows(chain, head)
    ]
    most = max((held for held, _ in fitting), default=-1)
    if most < (0 if loose else len(wished)):
        return None
    best = [chain for held, chain in fitting if held == most]
    chain = (max if deep else min)(best, key=len)
    return StartingPoint(tuple(chain), frozenset(one.run.task_id for one in chain))


def listed_above(order: Order, step: Step) -> tuple[str, ...]:
    """Return the tasks that a task comes after only because it is listed below them, and theirs."""
    steps = {one.task.id: one for one in order.steps}
    found: dict[str, None] = {}
    todo = list(step.after)
    while todo:
        task = todo.pop()
        if task in steps and task not in found:
            found[task] = None
            todo += [*steps[task].after, *steps[task].needs]
    return tuple(found)


def _waiting_of(tasks: Iterable[str], stands: Mapping[str, TaskRun]) -> set[str]:
    """Return the runs of those of the tasks that wait."""
    found = (stands[task] for task in tasks)
    return {one.run.run_id for one in found if one.stand is Stand.WAITING and one.run is not None}


def follows(chain: Sequence[Waiting], head: str) -> bool:
    """Whether a chain begins at the commit that the branch has now."""
    return not chain or chain[0].run.base_commit == head


def chain_below(top: Waiting, waiting: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """Return a waiting run and those it stands on, the lowest first."""
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
    """Return the runs on which no other stands."""
    below = {one.run.base_commit for one in waiting}
    return [one for one in waiting if one.commit not in below]
