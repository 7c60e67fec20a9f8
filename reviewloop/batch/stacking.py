"""Where the run of a task starts: on the branch, or on the commit of a run that waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reviewloop.batch.line import Waiting, base_on
from reviewloop.batch.stands import Stand, TaskRun
from reviewloop.runs.repository import Repository
from reviewloop.specs.order import Step
from reviewloop.workspace.stacked import Base


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
) -> StartingPoint | None:
    """Return where a task's run starts, None while no commit holds everything that it needs.

    With `deep` a run stands on all that waits, so that approving the queue needs no rebase, else
    only on what it needs: then it does not matter which other runs have finished by now.
    """
    needed = {
        run.run_id
        for need in step.needs
        if stands[need].stand is Stand.WAITING and (run := stands[need].run) is not None
    }
    by_id = {one.run.run_id: one for one in waiting}
    tops = [by_id[run_id] for run_id in needed]
    tops += _tops(waiting) if deep else []
    chains = [(), *(chain_below(one, waiting) for one in tops)]
    # What is committed already is in the branch, so a chain has to begin there.
    fitting = [
        chain
        for chain in chains
        if needed <= {one.run.run_id for one in chain} and follows(chain, head)
    ]
    if not fitting:
        return None
    chain = (max if deep else min)(fitting, key=len)
    return StartingPoint(tuple(chain), frozenset(one.run.task_id for one in chain))


def follows(chain: Sequence[Waiting], head: str) -> bool:
    """Whether a chain begins at the commit that the branch has now."""
    return not chain or chain[0].run.base_commit == head


def chain_below(top: Waiting, waiting: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """Return a waiting run and those it stands on, the lowest first."""
    by_commit = {one.commit: one for one in waiting}
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
