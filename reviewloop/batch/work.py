"""The work of a batch: begin, move and settle one task after the other, in the order of the spec.

What there is to do is read from the runs before every step, so that a batch that was killed goes on
where it stood.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from reviewloop.batch.autopilot import BY, why_a_person
from reviewloop.batch.line import Waiting, looked_again, waiting_in
from reviewloop.batch.spending import Spending
from reviewloop.batch.stacking import StartingPoint, base_for
from reviewloop.batch.stands import Stand, TaskRun, stands_of, why_held
from reviewloop.errors import (
    BudgetExhaustedError,
    InterruptedByUserError,
    ModelAccessError,
    ReviewLoopError,
    UsageError,
)
from reviewloop.faults import fault
from reviewloop.runs.advance import advance
from reviewloop.runs.answers import worded
from reviewloop.runs.repository import Repository
from reviewloop.runs.start import Wanted, begin, plan
from reviewloop.specs.order import Order, Step
from reviewloop.store.batches import BatchRecord, BatchStore
from reviewloop.store.runs import RunRecord, RunStatus


@dataclass(frozen=True)
class Asked:
    """What the person asked of a batch, beside what its record keeps."""

    until_failure: bool = False
    wanted: Wanted = field(default_factory=Wanted)  # what the plan of every run has in common


class Told(Protocol):
    """Whoever shows a batch to people, and asks them."""

    def begun(self, task: str, run: RunRecord, below: str) -> None:
        """A run was begun or is gone on with; `below` names the run whose commit it starts from."""

    def event(self, task: str, event: Mapping[str, Any]) -> None:
        """A run told something."""

    def settled(self, task: str, run: RunRecord, why: str) -> None:
        """A run stands still; `why` says what a person should know of it."""

    def ask(self, repository: Repository, run: RunRecord) -> tuple[str, str] | None:
        """Return a person's choice and words, None to leave the run in the queue."""


class Work:
    """One sitting of a batch, whose lock the caller holds."""

    def __init__(
        self,
        repository: Repository,
        store: BatchStore,
        record: BatchRecord,
        order: Order,
        asked: Asked,
        spending: Spending,
        told: Told,
    ) -> None:
        self.repository = repository
        self._store = store
        self._record = record
        self._order = order
        self._asked = asked
        self._spending = spending
        self._told = told
        self._tried: set[str] = set()
        self.began = False

    def do(self) -> None:
        """Do everything that can be done now; raise what stopped it before its end."""
        while (step := self._next()) is not None:
            self._tried.add(step.task.id)
            self._spending.require()
            run = self._move(step)
            if run is not None:
                self._settle(step, run)
            if self._asked.until_failure and (run is None or run.status is RunStatus.BLOCKED):
                self._record.reason = f"stopped at task {step.task.id} (--until-failure)"
                break
        self._end()

    def stands(self) -> dict[str, TaskRun]:
        """Return where every task of the order stands."""
        ids = [step.task.id for step in self._order.steps]
        return stands_of(self.repository, self._record.batch_id, self._record.spec_path, ids)

    def _next(self) -> Step | None:
        """Return the first task that can be taken a step further, None when there is none."""
        stands = self.stands()
        for step in self._order.steps:
            if step.task.id in self._tried:
                continue
            stand = stands[step.task.id].stand
            to_judge = stand is Stand.WAITING and self._record.mode != "queue"
            if to_judge or stand is Stand.STOPPED or self._start(step, stands) is not None:
                return step
        return None

    def _start(self, step: Step, stands: Mapping[str, TaskRun]) -> StartingPoint | None:
        """Return where a task starts that has no run yet and may have one."""
        if stands[step.task.id].stand is not Stand.OPEN or why_held(step, stands):
            return None
        head = self.repository.user.head or ""
        waiting = self._waiting(stands)
        return base_for(step, stands, waiting, head=head, mode=self._record.mode)

    def _waiting(self, stands: Mapping[str, TaskRun]) -> list[Waiting]:
        runs = [stands[step.task.id].run for step in self._order.steps]
        return waiting_in(self.repository, [run for run in runs if run is not None])

    def _move(self, step: Step) -> RunRecord | None:
        """Bring a task's run to where it stands still; None when it could not get there."""
        self.repository = looked_again(self.repository)
        run = self.stands()[step.task.id].run
        if run is not None and run.status is RunStatus.WAITING:
            return run
        try:
            run, below = (run, "") if run is not None else self._begin(step)
        except UsageError as error:
            if not self.began:
                raise  # nothing of this repository can begin: one sentence is enough
            self._record.held[step.task.id] = str(error)
            return None
        self.began = True
        run = self._taken(run)
        self._told.begun(step.task.id, run, below)
        caps = self._spending.caps(run)
        try:
            return advance(
                self.repository,
                run.run_id,
                listener=lambda event: self._told.event(step.task.id, event),
                overrides=caps,
            )
        except (InterruptedByUserError, ModelAccessError):
            raise
        except ReviewLoopError as error:
            if self._spending.stopped_by_batch(caps, error):
                self._spending.require()
                raise BudgetExhaustedError(
                    f"the batch's caps leave no room for the next call of task {step.task.id}; "
                    "nothing is lost: go on with `reviewloop batch` and a higher --budget-usd or "
                    "a later --deadline"
                ) from error
            stopped = self.repository.runs.find(run.run_id)
            self._told.settled(step.task.id, stopped, stopped.reason)
            return None

    def _begin(self, step: Step) -> tuple[RunRecord, str]:
        stands = self.stands()
        place = self._start(step, stands)
        if place is None:
            raise UsageError(f"task {step.task.id} waits for changes that stand side by side")
        done = place.done | {t for t, one in stands.items() if one.stand is Stand.COMMITTED}
        wanted = replace(
            self._asked.wanted,
            task=step.task.id,
            spec=self._record.spec_path,
            base=place.base(self.repository),
            done=frozenset(done),
        )
        planned = plan(self.repository, wanted)
        options = {
            **planned.options,
            "batch": self._record.batch_id,
            "done": sorted(done),
            "stands_on": place.run_id,
        }
        fault("batch.begin")
        return begin(self.repository, replace(planned, options=options)), place.run_id

    def _taken(self, run: RunRecord) -> RunRecord:
        """Make a run that was begun by itself one of the batch."""
        if not run.options.get("batch"):
            run.options["batch"] = self._record.batch_id
            self.repository.runs.save(run)
        return run

    def _settle(self, step: Step, run: RunRecord) -> None:
        """Answer a finished run as the mode says, or leave it in the queue."""
        why = run.reason
        if run.status is RunStatus.WAITING and self._record.mode == "autopilot":
            run, why = self._by_autopilot(step, run)
        elif run.status in {RunStatus.WAITING, RunStatus.BLOCKED} and self._record.mode == "each":
            run = self._by_person(step, run)
            why = run.reason
        fault("batch.settled")
        self._told.settled(step.task.id, run, why)

    def _by_autopilot(self, step: Step, run: RunRecord) -> tuple[RunRecord, str]:
        (found,) = waiting_in(self.repository, [run]) or (None,)
        if found is None:
            return run, run.reason
        self.repository = looked_again(self.repository)
        why = why_a_person(found.proposal)
        if not why and run.base_commit != self.repository.user.head:
            why = "it stands on a change that waits for a person"
        if why:
            return run, why
        answer = {"choice": "approve", "by": BY, "text": "", "proposal": run.proposal}
        run = self._answered(step, run, answer)
        return run, run.reason

    def _by_person(self, step: Step, run: RunRecord) -> RunRecord:
        while run.status in {RunStatus.WAITING, RunStatus.BLOCKED}:
            chosen = self._told.ask(self.repository, run)
            if chosen is None:
                break
            run = self._answered(step, run, worded(run, *chosen))
        return run

    def _answered(self, step: Step, run: RunRecord, answer: Mapping[str, str]) -> RunRecord:
        self.repository = looked_again(self.repository)
        return advance(
            self.repository,
            run.run_id,
            answer=answer,
            listener=lambda event: self._told.event(step.task.id, event),
        )

    def _end(self) -> None:
        """Write down why tasks were not begun, and that nothing is left to be done by itself."""
        stands = self.stands()
        for step in self._order.steps:
            task = step.task.id
            if stands[task].stand is Stand.OPEN and task not in self._record.held:
                self._record.held[task] = why_held(step, stands) or "was not begun"
        stopped = any(one.stand is Stand.STOPPED for one in stands.values())
        self._record.ended = not stopped and not self._record.reason
        self._store.save(self._record)
