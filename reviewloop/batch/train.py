"""Keeps the queue one straight line: what stands on a commit that is not below it is rebased."""

from collections.abc import Collection
from functools import partial

from reviewloop.batch.line import Waiting, base_on, line_up
from reviewloop.batch.moving import do_once_more
from reviewloop.batch.sitting import Sitting
from reviewloop.batch.stands import Stand
from reviewloop.errors import (
    BudgetExhaustedError,
    InterruptedByUserError,
    ModelAccessError,
    ReviewLoopError,
)
from reviewloop.runs.rebasing import ConflictError, rebase
from reviewloop.specs.order import Step
from reviewloop.store.runs import RunRecord, RunStatus


class Train:
    """Brings waiting runs behind each other, in the order of their tasks."""

    def __init__(self, sitting: Sitting) -> None:
        self._sitting = sitting
        self._left: set[str] = set()  # runs that a person has to look at

    def straighten(self) -> bool:
        """Rebase every waiting run that can be; return whether anything changed."""
        changed = False
        while (found := self._next()) is not None:
            step, one, below, done = found
            run = self.bring(step, one.run, below, done)
            if run is not None:
                self._sitting.told.settled(step.task.id, run, run.reason)
                changed = True
            changed = changed or step.task.id not in self._sitting.tried
        return changed

    def bring(
        self, step: Step, run: RunRecord, below: Waiting | None, done: Collection[str]
    ) -> RunRecord | None:
        """Rebase one run onto another, None for the branch; return it if it waits there.

        `done` are the tasks in the commits below it then.
        When it does not fit, or its gates turn red, its task is done once more. What else fails is
        told and concerns this run only; raises what concerns the whole batch.
        """
        sitting = self._sitting
        repository = sitting.look()
        base = base_on(repository, below) if below else None
        stands_on = below.run.run_id if below else ""
        sitting.spending.require()
        sitting.told.begun(step.task.id, run, stands_on or run.branch)
        caps = sitting.caps(run, max(1, sitting.asked.parallel - len(sitting.at_work)))
        try:
            run = rebase(
                repository,
                run.run_id,
                base,
                options={"stands_on": stands_on, "done": sorted(done)},
                listener=partial(sitting.tell, step),
                for_now=caps,
                opened=sitting.opened,
            )
            why = run.reason
        except ConflictError as error:
            why = str(error)
        except (InterruptedByUserError, ModelAccessError):
            raise
        except ReviewLoopError as error:
            short = isinstance(error, BudgetExhaustedError)
            if short and (sitting.at_work or sitting.spending.stopped_by_batch(caps, error)):
                raise
            self._left.add(run.run_id)
            sitting.told.settled(step.task.id, repository.runs.find(run.run_id), str(error))
            return None
        else:
            if run.status is RunStatus.WAITING:
                return run
        self._left.add(run.run_id)
        if not do_once_more(sitting, step, run, why):
            sitting.told.settled(step.task.id, run, why)
        return None

    def _next(self) -> tuple[Step, Waiting, Waiting | None, set[str]] | None:
        """Return the first run to rebase, the one it shall stand on, and the tasks done there."""
        sitting = self._sitting
        sitting.look()
        stands = sitting.stands()
        line = line_up(sitting.head, sitting.waiting(stands))
        steps = {step.task.id: step for step in sitting.order.steps}
        below = line.standing[-1] if line.standing else None
        there = {one.run.task_id for one in line.standing}
        there |= {task for task, one in stands.items() if one.stand is Stand.COMMITTED}
        for one in line.stale:
            step = steps[one.run.task_id]
            if one.run.run_id not in self._left and set(step.needs) <= there:
                return step, one, below, there
        return None
