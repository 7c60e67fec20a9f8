"""Keeps the queue one straight line: a run whose commit is no longer below is rebased."""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from reviewloop.app.batch.moving import Crew, do_once_more
from reviewloop.app.batch.policy import of_change
from reviewloop.app.batch.session import Session
from reviewloop.app.batch.stack import Beginnings, Waiting, base_on, chain_below, follows, line_up
from reviewloop.app.batch.status import TaskRun, TaskStatus
from reviewloop.app.interrupts import asking
from reviewloop.app.project import Repository
from reviewloop.app.run.changing import ConflictError, rebase
from reviewloop.domain.errors import (
    BudgetExhaustedError,
    InterruptedByUserError,
    ModelAccessError,
    ReviewLoopError,
    UsageError,
    WorkspaceError,
)
from reviewloop.specs.order import Step
from reviewloop.store.locks import holder, is_held
from reviewloop.store.runs import RunRecord, RunStatus

_PATIENCE = 600.0  # seconds for which one process is followed
_LOOK = 0.1
_CALM = 0.5  # so long nobody moves a run: an approval of several takes up one after the other


@dataclass
class Following:
    """What other processes do with runs of a batch; none of its own may be at work."""

    session: Session
    given_up: set[str] = field(default_factory=set)  # runs that are not waited for any longer

    def waits_for(self, run: RunRecord | None, stand: TaskStatus) -> bool:
        """Whether another process moves this run, which may stand elsewhere then."""
        return stand is TaskStatus.RUNNING and run is not None and run.run_id not in self.given_up

    def is_moved(self, run: RunRecord) -> bool:
        """Whether another process has a run that is none of those at work here."""
        return is_held(self.session.repository.run_lock(run.run_id))

    def follow(self) -> bool:
        """Wait until others let go of the runs that keep the line from being straight.

        Returns whether one did. What is in nobody's way is not waited for.
        """
        found = self._in_the_way()
        if not found:
            return False
        locks = [self.session.repository.run_lock(run.run_id) for run in found.values()]
        tasks = " and ".join(found)
        moves = f"{holder(locks[0])} {'moves' if len(found) == 1 else 'and others move'}"
        self.session.told.opened(f"waits for the end of task {tasks}, which {moves}")
        with asking():
            self._wait()
        stands = self.session.stands()
        held = {task for task, run in found.items() if self.is_moved(run)}
        self.given_up |= {found[task].run_id for task in held}
        for task in found.keys() - held:
            if (run := stands[task].run) is not None:
                self.session.told.settled(task, run, run.reason)
        return bool(found.keys() - held)

    def _wait(self) -> None:
        """Wait until nobody moves a run of the batch, for a while, or patience ends."""
        open_ones = [one.run for one in self.session.stands().values() if one.run]
        open_ones = [run for run in open_ones if not run.status.over]
        calm, until = 0.0, time.monotonic() + _PATIENCE
        while calm < _CALM and time.monotonic() < until:
            time.sleep(_LOOK)
            calm = 0.0 if any(map(self.is_moved, open_ones)) else calm + _LOOK

    def _in_the_way(self) -> Mapping[str, RunRecord]:
        """Return by task the runs that others move and that the line has to wait for."""
        stands = self.session.stands()
        runs = {task: one.run for task, one in stands.items() if one.run is not None}
        found = {task: run for task, run in runs.items() if self.waits_for(run, stands[task].stand)}
        waiting = self.session.waiting(stands)
        self.session.look()
        if found or len(line_up(self.session.head, waiting).standing) == len(waiting):
            return found
        # Who is about to move a run has it already, and has not said so yet.
        return {
            task: run
            for task, run in runs.items()
            if stands[task].stand is TaskStatus.WAITING
            and run.run_id not in self.given_up
            and self.is_moved(run)
        }


Still = Callable[[Mapping[str, TaskRun]], Collection[str]]
"""Which tasks stand still for this sitting, however they ended."""


@dataclass(frozen=True)
class _Bringing:
    """A run to be brought: the one it shall stand on, None for the branch, and what is there."""

    step: Step
    run: RunRecord
    below: Waiting | None
    done: Collection[str]  # tasks in the commits below it then

    @property
    def options(self) -> dict[str, Any]:
        """What the run's record keeps about its new place."""
        stands_on = self.below.run.run_id if self.below else ""
        # It fits, so it is not given up any more, as it was to be when the batch was killed.
        return {"stands_on": stands_on, "done": sorted(self.done), "redo": False}


class Train:
    """Brings waiting runs behind each other, in the order of their tasks.

    A run is brought when all tasks before its own stand still, so that what is below it does not
    depend on which run is faster.
    """

    def __init__(self, session: Session, judged: Collection[str] = ()) -> None:
        self._session, self._judged = session, judged
        self._following = Following(session)
        self._left: set[str] = set()  # runs that a person has to look at
        self._sent: set[str] = set()  # runs that are brought beside others at work

    def close_up(self, still: Still) -> bool:
        """Straighten the line, or wait for who moves a run of it; return whether it changed."""
        return self.straighten(still) or self._following.follow()

    def straighten(self, still: Still) -> bool:
        """Rebase every waiting run that can be; return whether anything changed."""
        changed = False
        while (found := self._next(still)) is not None:
            step = found.step
            run = self.bring(step, found.run, found.below, found.done)
            if run is not None:
                self._tell(step, run)
                changed = True
            changed = changed or step.task.id not in self._session.tried
        return changed

    def _tell(self, step: Step, run: RunRecord) -> None:
        """Tell that a run waits; what autopilot has not looked at yet, it does now, and tells."""
        session, why = self._session, run.reason
        if session.record.mode == "autopilot":
            if run.run_id not in self._judged:
                return
            why = why or of_change(session.repository, run)
        session.told.settled(step.task.id, run, why)

    def send(
        self, pool: ThreadPoolExecutor, crew: Crew, still: Still
    ) -> "tuple[Future[RunRecord], tuple[Step, RunRecord, Mapping[str, float]]] | None":
        """Begin to bring the next run beside those at work; return it, None if there is none.

        Only where all finished runs wait: else each is answered, in its turn, where it stands. One
        at a time, because the next one stands on it.
        """
        session = self._session
        if self._sent or session.record.mode != "queue" or self._in_line():
            return None
        found = self._next(still, before_others_begin=False)
        if found is None:
            return None
        run = found.run
        session.spending.require()
        session.told.begun(found.step.task.id, run, found.options["stands_on"] or run.branch)
        caps = session.caps(run, max(1, session.asked.parallel - len(session.at_work)))
        session.at_work[run.run_id] = (run, caps)
        self._sent.add(run.run_id)
        future = pool.submit(self._rebased, session.repository, found, caps, crew)
        return future, (found.step, run, caps)

    def landed(self, step: Step, run: RunRecord, future: "Future[RunRecord]") -> RunRecord | None:
        """Return the run of a future, None when all there is to say of it was said.

        One that does not fit where it was sent, or whose gates turned red, is done once more.
        Raises what the future raises.
        """
        if run.run_id not in self._sent:
            return future.result()
        self._sent.discard(run.run_id)
        fits = False
        try:
            run = future.result()
            fits, why = run.status is RunStatus.WAITING, run.reason
        except ConflictError as error:
            why = str(error)
        except ReviewLoopError as error:
            if self._is_taken(run, error):
                return None
            self._left.add(run.run_id)
            raise
        if fits or not self._give_up(step, run, why):
            return run if fits or run.status is RunStatus.BLOCKED else None
        return None

    def bring(
        self, step: Step, run: RunRecord, below: Waiting | None, done: Collection[str]
    ) -> RunRecord | None:
        """Rebase one run onto another, None for the branch; return it if it waits there.

        `done` are the tasks in the commits below it then.
        When it does not fit, or its gates turn red, its task is done once more. What else fails is
        told and concerns this run only; raises what concerns the whole batch.
        """
        session = self._session
        repository = session.look()
        found = _Bringing(step, run, below, done)
        session.spending.require()
        session.told.begun(step.task.id, run, found.options["stands_on"] or run.branch)
        caps = session.caps(run, max(1, session.asked.parallel - len(session.at_work)))
        try:
            run = self._rebased(repository, found, caps)
            why = run.reason
        except ConflictError as error:
            why = str(error)
        except (InterruptedByUserError, ModelAccessError):
            raise
        except ReviewLoopError as error:
            if self._is_taken(run, error):
                return None
            short = isinstance(error, BudgetExhaustedError)
            by_batch = session.spending.stopped_by_batch(found.run, caps, error)
            if by_batch or (short and session.at_work):
                raise
            self._left.add(run.run_id)
            session.told.settled(step.task.id, repository.runs.find(run.run_id), str(error))
            return None
        else:
            if run.status is RunStatus.WAITING:
                return run
        if not self._give_up(step, run, why) and run.status is RunStatus.BLOCKED:
            session.told.settled(step.task.id, run, why)
        return None

    def _is_taken(self, run: RunRecord, error: ReviewLoopError) -> bool:
        """Whether another process was quicker: it is brought when that has let go of it."""
        in_use = isinstance(error, (UsageError, WorkspaceError))
        return in_use and self._following.is_moved(run)

    def _give_up(self, step: Step, run: RunRecord, why: str) -> bool:
        """Have a task done once more on top of what is there, or tell why it stays as it is."""
        self._left.add(run.run_id)
        if do_once_more(self._session, step, run, why):
            return True
        if run.status is RunStatus.WAITING:
            now = self._session.repository.runs.find(run.run_id)
            same = now.status is RunStatus.WAITING  # else somebody answered it meanwhile
            self._session.told.settled(step.task.id, now, why if same else now.reason)
        return False

    def _rebased(
        self,
        repository: Repository,
        found: _Bringing,
        caps: Mapping[str, Any],
        crew: Crew | None = None,
    ) -> RunRecord:
        """Rebase a run; a thread may do it, so it has a connection of its own to the runs."""
        session, run_id = self._session, found.run.run_id
        with closing(repository.runs.again()) as runs:
            try:
                return rebase(
                    replace(repository, runs=runs),
                    run_id,
                    base_on(repository, found.below) if found.below else None,
                    options=found.options,
                    listener=partial(session.tell, found.step),
                    for_now=caps,
                    opened=session.opened,
                )
            finally:
                if crew is not None:
                    crew.closed(run_id)

    def _in_line(self) -> bool:
        """Whether all that waits stands in one line on the branch as it was last looked at."""
        waiting = self._session.waiting(self._session.stands())
        return len(line_up(self._session.head, waiting).standing) == len(waiting)

    def _next(self, still: Still, *, before_others_begin: bool = True) -> _Bringing | None:
        """Return the first run to rebase, if all tasks before its own stand still."""
        session = self._session
        session.look()
        stands = session.stands()
        waiting = session.waiting(stands)
        line = line_up(session.head, waiting).standing
        places = {one.run.run_id: place for place, one in enumerate(line)}
        if len(places) == len(waiting):
            return None
        by_task = {one.run.task_id: one for one in waiting}
        there = {task for task, one in stands.items() if one.stand is TaskStatus.COMMITTED}
        over, top = still(stands), 0  # so many of the line are below what comes next
        for step in session.order.steps:
            one, now = by_task.get(step.task.id), stands[step.task.id]
            if one is not None and one.run.run_id in session.at_work:
                return None  # it has only just finished: its thread still has it
            if self._following.waits_for(now.run, now.stand):
                return None  # nobody knows yet where it will stand
            if one is not None and one.run.run_id in places:
                top = max(top, places[one.run.run_id] + 1)
            elif one is not None:
                done = there.union(other.run.task_id for other in line[:top])
                if self._may_go(step, one, done):
                    if self._following.is_moved(one.run):
                        return None
                    if before_others_begin or not self._stood_on(step, one, stands, waiting):
                        return _Bringing(step, one.run, line[top - 1] if top else None, done)
                    return None  # what comes after it stands on it
            if step.task.id not in over:
                return None
        return None

    @cached_property
    def _beginnings(self) -> Beginnings:
        return Beginnings(self._session.order)

    def _may_go(self, step: Step, one: Waiting, there: Collection[str]) -> bool:
        return one.run.run_id not in self._left and set(step.needs) <= set(there)

    def _stood_on(
        self,
        step: Step,
        one: Waiting,
        stands: Mapping[str, TaskRun],
        waiting: Collection[Waiting],
    ) -> bool:
        """Whether a task will begin on this run where it stands: that must not depend on time."""
        if not follows(chain_below(one, list(waiting)), self._session.head):
            return False
        beginnings = self._beginnings
        return any(
            stands[other.task.id].stand is TaskStatus.OPEN
            and step.task.id in beginnings.before(other.task.id)
            and beginnings.alone(other.task.id)
            and not any(stands[need].stand.fails for need in beginnings.before(other.task.id))
            for other in self._session.order.steps
        )
