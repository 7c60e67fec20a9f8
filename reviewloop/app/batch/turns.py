"""Whose turn it is: the first task that can be taken a step further, and which stand still."""

from collections.abc import Collection, Mapping

from reviewloop.app.batch.sitting import Sitting
from reviewloop.app.batch.stands import Stand, TaskRun
from reviewloop.specs.order import Step


class Turns:
    """Goes through the tasks of a sitting in their order; `busy` are those at work."""

    def __init__(self, sitting: Sitting) -> None:
        self._sitting = sitting
        self.short: set[str] = set()  # tasks whose share of the money was too little
        self._passed: set[str] = set()  # tasks that cannot begin, so that nothing waits for them

    def next(self, busy: Collection[str]) -> Step | None:
        """Return the first task that can be taken a step further, None when there is none."""
        stands = self._sitting.stands()
        still = self.standing_still(stands, busy)
        for step in self._sitting.order.steps:
            task = step.task.id
            if task in self._sitting.tried or task in busy or (busy and task in self.short):
                continue
            if stands[task].stand is Stand.STOPPED:
                return step
            free = still.issuperset(step.after)
            if free and self._sitting.start_of(step, stands) is not None:
                return step
        return None

    def standing_still(
        self, stands: Mapping[str, TaskRun], busy: Collection[str] = ()
    ) -> frozenset[str]:
        """Return the tasks that stand still for this sitting, however they ended.

        An open one does when it cannot begin any more: something that it needs failed.
        """
        found: set[str] = set()
        done = self._sitting.tried | self._passed
        for step in self._sitting.order.steps:  # each comes after what it needs
            task, stand = step.task.id, stands[step.task.id].stand
            if task in busy:
                continue
            ended = stand not in {Stand.OPEN, Stand.STOPPED} or task in done
            never = stand is Stand.OPEN and any(
                need in found and not stands[need].stand.carries for need in step.needs
            )
            if ended or never:
                found.add(task)
        return frozenset(found)

    def loosen(self) -> bool:
        """Let the next task begin on less than all that is listed above it; whether that is new."""
        before, self._sitting.loose = self._sitting.loose, True
        return not before

    def pass_over(self) -> bool:
        """Let no task wait any longer for one that cannot begin; return whether one did."""
        stands = self._sitting.stands()
        found = stands.keys() - self.standing_still(stands)
        self._passed |= found
        return bool(found)
