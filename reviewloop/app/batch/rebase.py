"""Rebases waiting runs so that the queue is one stack."""

import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from reviewloop.app.batch.policy import of_change
from reviewloop.app.batch.run_steps import ActiveRuns, redo_task
from reviewloop.app.batch.schedule import Rebase
from reviewloop.app.batch.session import Session
from reviewloop.app.batch.stack import base_on, line_up
from reviewloop.app.batch.status import TaskStatus
from reviewloop.app.interrupts import interruptible_question
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

_PATIENCE = 600.0  # seconds to wait for another process
_LOOK = 0.1
_CALM = 0.5  # seconds without a change: an approval of several handles one after the other


@dataclass
class Following:
    """Waits for other processes that advance runs of a batch while none of its own is in
    progress.
    """

    session: Session
    given_up: set[str] = field(default_factory=set)  # runs that are not waited for any more

    def waits_for(self, run: RunRecord | None, status: TaskStatus) -> bool:
        """Return whether another process advances this run, which may get another base."""
        return status is TaskStatus.RUNNING and run is not None and run.run_id not in self.given_up

    def is_moved(self, run: RunRecord) -> bool:
        """Return whether another process holds a run that is not in progress here."""
        return is_held(self.session.repository.run_lock(run.run_id))

    def follow(self) -> bool:
        """Wait until other processes release the runs that break the stack.

        Returns whether one did. Other runs are not waited for.
        """
        found = self._in_the_way()
        if not found:
            return False
        locks = [self.session.repository.run_lock(run.run_id) for run in found.values()]
        tasks = " and ".join(found)
        moves = f"{holder(locks[0])} {'moves' if len(found) == 1 else 'and others move'}"
        self.session.listener.opened(f"waits for the end of task {tasks}, which {moves}")
        with interruptible_question():
            self._wait()
        statuses = self.session.statuses()
        held = {task for task, run in found.items() if self.is_moved(run)}
        self.given_up |= {found[task].run_id for task in held}
        for task in found.keys() - held:
            if (run := statuses[task].run) is not None:
                self.session.listener.settled(task, run, run.reason)
        return bool(found.keys() - held)

    def _wait(self) -> None:
        """Wait until no process has advanced a run of the batch for `_CALM`, at most
        `_PATIENCE`.
        """
        open_ones = [one.run for one in self.session.statuses().values() if one.run]
        open_ones = [run for run in open_ones if not run.status.over]
        calm, until = 0.0, time.monotonic() + _PATIENCE
        while calm < _CALM and time.monotonic() < until:
            time.sleep(_LOOK)
            calm = 0.0 if any(map(self.is_moved, open_ones)) else calm + _LOOK

    def _in_the_way(self) -> Mapping[str, RunRecord]:
        """Return task -> run, of those in other processes that the stack has to wait for."""
        statuses = self.session.statuses()
        runs = {task: one.run for task, one in statuses.items() if one.run is not None}
        found = {
            task: run for task, run in runs.items() if self.waits_for(run, statuses[task].status)
        }
        waiting = self.session.waiting(statuses)
        self.session.look()
        if found or len(line_up(self.session.head, waiting).stacked) == len(waiting):
            return found
        # A process that is about to advance a run holds its lock before its record says so.
        return {
            task: run
            for task, run in runs.items()
            if statuses[task].status is TaskStatus.WAITING
            and run.run_id not in self.given_up
            and self.is_moved(run)
        }


class Rebases:
    """Rebases waiting runs onto each other, one at a time or beside runs in progress."""

    def __init__(self, session: Session, answered: Collection[str] = ()) -> None:
        self._session, self._answered = session, answered
        self._following = Following(session)
        self.kept: set[str] = set()  # runs that a user has to look at
        self.beside: set[str] = set()  # runs that are rebased beside those in progress

    def report(self, step: Step, run: RunRecord) -> None:
        """Report that a run waits; under autopilot only once it was answered, with the reason."""
        session, why = self._session, run.reason
        if session.record.mode == "autopilot":
            if run.run_id not in self._answered:
                return
            why = why or of_change(session.repository, run)
        session.listener.settled(step.task.id, run, why)

    def send(
        self, action: Rebase, pool: ThreadPoolExecutor, active: ActiveRuns
    ) -> "tuple[Future[RunRecord], tuple[Step, RunRecord, Mapping[str, float]]]":
        """Start to rebase a run beside those in progress."""
        session, run = self._session, action.run
        caps = self._begin(action)
        session.at_work[run.run_id] = (run, caps)
        self.beside.add(run.run_id)
        future = pool.submit(self._rebased, session.repository, action, caps, active)
        return future, (action.step, run, caps)

    def _begin(self, action: Rebase) -> dict[str, Any]:
        """Report that a rebase starts; return the caps of the run for it."""
        session, run = self._session, action.run
        session.spending.require()
        session.listener.begun(action.step.task.id, run, action.options["stands_on"] or run.branch)
        return session.caps(run, max(1, session.options.parallel - len(session.at_work)))

    def landed(self, step: Step, run: RunRecord, future: "Future[RunRecord]") -> RunRecord | None:
        """Return the run of a future, None when it was reported already.

        A run that does not fit its new base, or whose gates turned red, is done again. Raises what
        the future raises.
        """
        if run.run_id not in self.beside:
            return future.result()
        self.beside.discard(run.run_id)
        fits = False
        try:
            run = future.result()
            fits, why = run.status is RunStatus.WAITING, run.reason
        except ConflictError as error:
            why = str(error)
        except ReviewLoopError as error:
            if self._is_taken(run, error):
                return None
            self.kept.add(run.run_id)
            raise
        if fits or not self._give_up(step, run, why):
            return run if fits or run.status is RunStatus.BLOCKED else None
        return None

    def rebase(self, action: Rebase) -> RunRecord | None:
        """Rebase one run; return it if it waits afterwards.

        When it does not fit, or its gates turn red, its task is done again. Other errors of this
        run are reported; errors of the whole batch are raised.
        """
        session, step, run = self._session, action.step, action.run
        repository = session.repository
        caps = self._begin(action)
        try:
            run = self._rebased(repository, action, caps)
            why = run.reason
        except ConflictError as error:
            why = str(error)
        except (InterruptedByUserError, ModelAccessError):
            raise
        except ReviewLoopError as error:
            if self._is_taken(run, error):
                return None
            short = isinstance(error, BudgetExhaustedError)
            by_batch = session.spending.stopped_by_batch(action.run, caps, error)
            if by_batch or (short and session.at_work):
                raise
            self.kept.add(run.run_id)
            session.listener.settled(step.task.id, repository.runs.find(run.run_id), str(error))
            return None
        else:
            if run.status is RunStatus.WAITING:
                return run
        if not self._give_up(step, run, why) and run.status is RunStatus.BLOCKED:
            session.listener.settled(step.task.id, run, why)
        return None

    def _is_taken(self, run: RunRecord, error: ReviewLoopError) -> bool:
        """Return whether another process holds the run: it is rebased when that releases it."""
        in_use = isinstance(error, (UsageError, WorkspaceError))
        return in_use and self._following.is_moved(run)

    def _give_up(self, step: Step, run: RunRecord, why: str) -> bool:
        """Have a task done again on the new base, or report why its run stays; return if it is."""
        self.kept.add(run.run_id)
        if redo_task(self._session, step, run, why):
            return True
        if run.status is RunStatus.WAITING:
            now = self._session.repository.runs.find(run.run_id)
            same = now.status is RunStatus.WAITING  # else it was answered meanwhile
            self._session.listener.settled(step.task.id, now, why if same else now.reason)
        return False

    def _rebased(
        self,
        repository: Repository,
        action: Rebase,
        caps: Mapping[str, Any],
        active: ActiveRuns | None = None,
    ) -> RunRecord:
        """Rebase a run; callable from a thread, so it opens its own connection to the runs."""
        session, run_id = self._session, action.run.run_id
        with closing(repository.runs.again()) as runs:
            try:
                return rebase(
                    replace(repository, runs=runs),
                    run_id,
                    base_on(repository, action.below) if action.below else None,
                    options=action.options,
                    listener=partial(session.report, action.step),
                    for_now=caps,
                    opened=session.opened,
                )
            finally:
                if active is not None:
                    active.closed(run_id)
