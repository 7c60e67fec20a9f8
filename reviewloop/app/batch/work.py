"""Runs a session: takes snapshots, and carries out the actions of `schedule`."""

import gc
from collections.abc import Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache

from reviewloop.app.batch.limits import is_about_money
from reviewloop.app.batch.policy import BY, why_a_user
from reviewloop.app.batch.rebase import Following, Rebases
from reviewloop.app.batch.run_steps import (
    ActiveRuns,
    adopt_run,
    adopt_runs,
    advance_task,
    answer_run,
    begin_task,
    record_crash,
)
from reviewloop.app.batch.schedule import (
    SETTLED,
    Action,
    Answer,
    Begin,
    End,
    Follow,
    GoOn,
    LeaveToUser,
    Loosen,
    PassOver,
    Rebase,
    Snapshot,
    decide,
    schedule,
)
from reviewloop.app.batch.session import INTERRUPTED, Refusals, Session, old_failure
from reviewloop.app.batch.spec_changes import changed_since
from reviewloop.app.interrupts import all_interruptible, interruptible_question
from reviewloop.app.run.answers import build_answer
from reviewloop.app.run.view import proposal_of
from reviewloop.domain.errors import (
    BudgetExhaustedError,
    InterruptedByUserError,
    ModelAccessError,
    ReviewLoopError,
    UsageError,
    WorkspaceError,
)
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.faults import fault
from reviewloop.loop.approval_act import Act
from reviewloop.render.reasons import sentence
from reviewloop.specs.order import Step
from reviewloop.store.runs import RunRecord, RunStatus


@cache
def freeze_objects() -> None:
    """Exclude the objects alive now from garbage collection; called once a run has ended.

    Collecting them took a tenth of a second every few tasks. Once per process: cycles alive at that
    moment are never freed.
    """
    gc.collect()
    gc.freeze()


Flying = dict["Future[RunRecord]", tuple[Step, RunRecord, Mapping[str, float]]]


@dataclass
class _State:
    """The state of a session between actions."""

    stale: bool = True  # the repository may have changed since it was read
    straightening: bool = False
    followed: bool = False
    loose: bool = False
    closing: bool = False  # nothing new starts
    asks: bool = True


class Work:
    """Starts and resumes tasks until none is left that can go now."""

    def __init__(self, session: Session, active: ActiveRuns | None = None) -> None:
        self._session = session
        self._active = active or ActiveRuns()
        session.opened = self._active.opened
        self._flying: Flying = {}
        self._answered: set[str] = set()  # runs that autopilot or the user has answered
        self._alone: set[str] = set()  # tasks whose share of the budget was too small
        self._passed: set[str] = set()  # tasks that cannot start, so nothing waits for them
        self._rebases = Rebases(session, self._answered)
        self._following = Following(session)
        self._refusals = Refusals(session)
        self._state = _State()
        self._trouble: ReviewLoopError | None = None
        self.began = False

    def do(self) -> None:
        """Do everything that can be done now; raise the error that stopped it early."""
        session = self._session
        with (
            all_interruptible(self._active.contexts, INTERRUPTED),
            ThreadPoolExecutor(max_workers=session.options.parallel) as pool,
        ):
            self._work(pool)
        self._refusals.end(began=self.began)
        session.end()

    def _work(self, pool: ThreadPoolExecutor) -> None:
        state = self._state
        adopt_runs(self._session)
        if why := old_failure(self._session):
            self._stop_at(why)
            self._session.listener.opened(sentence(why))
        state.straightening = not state.closing
        while True:
            try:
                action = self._next()
                if isinstance(action, End):
                    break
                self._carry_out(action, pool)
            except ReviewLoopError as error:
                self._trouble = self._trouble or error
        if self._trouble is not None:
            self._refusals.report()
            raise self._trouble

    def _next(self) -> Action:
        """Return the next action; locks of other processes are checked only for a rebase."""
        if self._trouble is None and self._state.stale:
            self._session.look()
            self._state.stale = False
        moved: set[str] = set()
        while True:
            action = schedule(self._snapshot(moved))
            if not (isinstance(action, Rebase) and self._following.is_moved(action.run)):
                return action
            moved.add(action.run.run_id)

    def _snapshot(self, moved: Collection[str] = ()) -> Snapshot:
        session, state = self._session, self._state
        tasks = session.statuses()
        return Snapshot(
            session.order,
            tasks,
            session.waiting(tasks),
            session.head,
            mode=session.record.mode,
            parallel=session.options.parallel,
            busy=frozenset(step.task.id for step, _, _ in self._flying.values()),
            tried=frozenset(session.tried),
            alone=frozenset(self._alone),
            passed=frozenset(self._passed),
            answered=frozenset(self._answered),
            kept=frozenset(self._rebases.kept),
            moved=frozenset(moved),
            given_up=frozenset(self._following.given_up),
            rebasing=bool(self._rebases.beside),
            straightening=state.straightening,
            followed=state.followed,
            loose=state.loose,
            closing=state.closing,
            asks=state.asks and not isinstance(self._trouble, InterruptedByUserError),
            failed=self._trouble is not None,
        )

    def _carry_out(self, action: Action, pool: ThreadPoolExecutor) -> None:
        state = self._state
        state.straightening, state.followed = False, False
        if isinstance(action, Begin | GoOn):
            self._take_up(action, pool)
            return  # nothing has happened that could change the repository
        state.stale = True
        if isinstance(action, Rebase):
            state.straightening = not action.beside
            self._rebase(action, pool)
        elif isinstance(action, Answer):
            self._answer(action.step, action.run)
        elif isinstance(action, Follow):
            state.followed = not self._following.follow()
        elif isinstance(action, Loosen):
            state.loose = True
        elif isinstance(action, PassOver):
            self._passed |= action.tasks
        else:
            self._wait()

    # Starting

    def _rebase(self, action: Rebase, pool: ThreadPoolExecutor) -> None:
        if action.beside:
            sent = self._rebases.send(action, pool, self._active)
            self._flying[sent[0]] = sent[1]
        elif (run := self._rebases.rebase(action)) is not None:
            self._rebases.report(action.step, run)

    def _take_up(self, action: Begin | GoOn, pool: ThreadPoolExecutor) -> None:
        """Start or resume one task."""
        session, step, task = self._session, action.step, action.step.task.id
        session.spending.require()
        session.tried.add(task)
        below = ""
        try:
            if isinstance(action, Begin):
                session.require_free(step)
                run, below = begin_task(session, step, action.start), action.start.run_id
            else:
                run = adopt_run(session, action.run)
        except UsageError as error:
            self._refusals.add(step, error)
            if self.began:
                self._refusals.report()
            if session.options.until_failure:
                self._stop_at(reason(ReasonKind.FAILURE_STOPS, task=task))
            return
        except WorkspaceError as error:
            if isinstance(action, Begin):
                raise
            session.listener.settled(task, action.run, str(error))  # another process has it
            return
        self.began, self._state.loose = True, False
        self._refusals.report()
        slots = 1 if task in self._alone else session.options.parallel - len(self._flying)
        caps = session.caps(run, slots)
        session.at_work[run.run_id] = (run, caps)
        session.listener.begun(task, run, below)
        future = pool.submit(
            advance_task, session, self._active, session.repository, step, run, caps
        )
        self._flying[future] = (step, run, caps)

    def _stop_at(self, because: Reason) -> None:
        """Start nothing more."""
        self._session.record.because, self._state.closing = because, True

    # Settling

    def _wait(self) -> None:
        for future in wait(self._flying, return_when=FIRST_COMPLETED).done:
            step, run, caps = self._flying.pop(future)
            del self._session.at_work[run.run_id]
            found = self._landed(step, run, caps, future)
            self._trouble = self._trouble or found
            freeze_objects()

    def _landed(
        self,
        step: Step,
        run: RunRecord,
        caps: Mapping[str, float],
        future: "Future[RunRecord]",
    ) -> ReviewLoopError | None:
        """Handle a run that stopped or finished; return the error that stops the batch, if any."""
        session, task = self._session, step.task.id
        failed = False
        try:
            landed = self._rebases.landed(step, run, future)
            if landed is None:
                return None
            run = landed
        except (InterruptedByUserError, ModelAccessError) as error:
            return error
        except ReviewLoopError as error:
            by_batch = session.spending.stopped_by_batch(run, caps, error)
            again = by_batch and self._may_have_more(task, error)
            run = session.repository.runs.find(run.run_id)
            if by_batch and not again:
                session.listener.settled(task, run, run.reason)
                return session.spending.why_spent(task)
            failed = not again
        except Exception as error:  # noqa: BLE001  # of this task; the others are not its business
            run, failed = record_crash(session, run, error), True
        if run.status not in SETTLED or session.record.mode == "queue":
            session.listener.settled(task, run, run.reason)
        if session.options.until_failure and (failed or run.status is RunStatus.BLOCKED):
            self._stop_at(reason(ReasonKind.FAILURE_STOPS, task=task))
        return None

    def _may_have_more(self, task: str, error: ReviewLoopError) -> bool:
        """Return whether a run only used up its share of the budget: it resumes when others end."""
        one_at_a_time = self._session.options.parallel == 1
        if task in self._alone or one_at_a_time or not is_about_money(error):
            return False
        self._alone.add(task)
        self._session.tried.discard(task)
        return True

    def _answer(self, step: Step, run: RunRecord) -> None:
        """Answer a finished run according to the mode, once all tasks before it have ended."""
        self._answered.add(run.run_id)
        if self._session.record.mode == "autopilot":
            self._by_autopilot(step, run)
        elif not self._by_user(step, run):
            self._state.asks = False
            return
        fault("batch.settled")

    def _by_autopilot(self, step: Step, run: RunRecord) -> None:
        session = self._session
        while True:
            session.look()
            decision = decide(self._snapshot(), step, run, self._why_a_user(run))
            if not isinstance(decision, Rebase):
                break
            rebased = self._rebased(decision)
            if rebased is None:
                return
            run = rebased
        why, stacked = "", False
        if isinstance(decision, LeaveToUser):
            why = sentence(decision.because)
            stacked = decision.because.kind is ReasonKind.BUILDS_ON
        else:
            answer = build_answer(run, "approve", act=Act("autopilot", BY))
            try:
                run = answer_run(session, step, run, answer)
                why = run.reason
            except (UsageError, WorkspaceError) as error:  # it was answered elsewhere
                session.look()
                run, why = session.repository.runs.find(run.run_id), str(error)
        session.listener.settled(step.task.id, run, why, stacked=stacked)

    def _rebased(self, action: Rebase) -> RunRecord | None:
        """Rebase a run onto the branch; one short of money is rebased when others end."""
        try:
            return self._rebases.rebase(action)
        except BudgetExhaustedError as error:
            if not self._session.at_work or not self._may_have_more(action.step.task.id, error):
                raise
            self._answered.discard(action.run.run_id)
            return None

    def _why_a_user(self, run: RunRecord) -> Reason:
        repository = self._session.repository
        proposal = proposal_of(repository, run) if run.status is RunStatus.WAITING else None
        why = why_a_user(proposal, changed_since(repository, run)) if proposal else run.reason
        return reason(ReasonKind.ERROR, text=why) if why else NO_REASON

    def _by_user(self, step: Step, run: RunRecord) -> bool:
        """Ask until the run is over; return whether the user continues."""
        session = self._session
        while run.status in SETTLED:
            with interruptible_question():
                chosen = session.listener.ask(session.repository, run)
            if chosen is None:
                self._stop_at(reason(ReasonKind.USER, text="a person stopped it"))
                return False
            try:
                run = answer_run(session, step, run, chosen)
            except (InterruptedByUserError, ModelAccessError, BudgetExhaustedError):
                raise
            except ReviewLoopError as error:  # about this task only
                session.listener.settled(
                    step.task.id, session.repository.runs.find(run.run_id), str(error)
                )
                return True
        session.listener.settled(step.task.id, run, run.reason)
        return True
