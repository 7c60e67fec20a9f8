"""Whose turn it is: the first task that can be taken a step further, and which stand still."""

from collections.abc import Collection, Mapping

from reviewloop.batch.sitting import Sitting
from reviewloop.batch.stands import Stand, TaskRun
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
        for step in self._sitting.order.steps:
            task = step.task.id
            if task in self._sitting.tried or task in busy or (busy and task in self.short):
                continue
            if stands[task].stand is Stand.STOPPED:
                return step
            free = all(self.is_over(one, stands, busy) for one in step.after)
            if free and self._sitting.start_of(step, stands) is not None:
                return step
        return None

    def is_over(self, task: str, stands: Mapping[str, TaskRun], busy: Collection[str]) -> bool:
        """Whether a task stands still for this sitting, however it ended."""
        if task in busy:
            return False
        if stands[task].stand not in {Stand.OPEN, Stand.STOPPED}:
            return True
        tried = task in self._sitting.tried or task in self._passed
        return tried or self._never(task, stands, busy)

    def stands_still(self, task: str, stands: Mapping[str, TaskRun]) -> bool:
        """Whether a task stands still while none is at work."""
        return self.is_over(task, stands, ())

    def loosen(self) -> bool:
        """Let the next task begin on less than all that is listed above it; whether that is new."""
        before, self._sitting.loose = self._sitting.loose, True
        return not before

    def pass_over(self) -> bool:
        """Let no task wait any longer for one that cannot begin; return whether one did."""
        stands = self._sitting.stands()
        found = {task for task in stands if not self.is_over(task, stands, ())}
        self._passed |= found
        return bool(found)

    def _never(self, task: str, stands: Mapping[str, TaskRun], busy: Collection[str]) -> bool:
        """Whether an open task cannot begin in this sitting: something that it needs failed."""
        step = next(step for step in self._sitting.order.steps if step.task.id == task)
        return stands[task].stand is Stand.OPEN and any(
            self.is_over(need, stands, busy) and not stands[need].stand.carries
            for need in step.needs
        )
