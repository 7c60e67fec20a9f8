"""The work of a batch: which task is taken up when, and what becomes of a finished run."""

import gc
from collections.abc import Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import cache, partial

from reviewloop.app.batch.limits import is_about_money
from reviewloop.app.batch.moving import (
    Crew,
    answered,
    begin_task,
    broken,
    moved,
    take_over,
    taken_up,
)
from reviewloop.app.batch.policy import BY, why_a_person
from reviewloop.app.batch.rebase import Train
from reviewloop.app.batch.session import INTERRUPTED, Refusals, Session, old_failure
from reviewloop.app.batch.spec_changes import changed_since
from reviewloop.app.batch.stack import chain_below, waiting_in
from reviewloop.app.batch.status import TaskRun, TaskStatus
from reviewloop.app.interrupts import all_interruptible, asking
from reviewloop.app.run.view import proposal_of
from reviewloop.domain.errors import (
    BudgetExhaustedError,
    InterruptedByUserError,
    ModelAccessError,
    ReviewLoopError,
    UsageError,
    WorkspaceError,
)
from reviewloop.domain.reason import Reason, ReasonKind, reason
from reviewloop.faults import fault
from reviewloop.render.reasons import sentence
from reviewloop.specs.order import Step
from reviewloop.store.runs import RunRecord, RunStatus


@cache
def spare_the_collector() -> None:
    """Have it not go through all that was imported again; said once a run has ended.

    It did so every few tasks, for a tenth of a second each time. Once per process: what is in
    cycles and alive at that moment is never freed.
    """
    gc.collect()
    gc.freeze()


class TaskTurns:
    """Goes through the tasks of a sitting in their order; `busy` are those at work."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.short: set[str] = set()  # tasks whose share of the money was too little
        self._passed: set[str] = set()  # tasks that cannot begin, so that nothing waits for them

    def next(self, busy: Collection[str]) -> Step | None:
        """Return the first task that can be taken a step further, None when there is none."""
        stands = self._session.stands()
        still = self.standing_still(stands, busy)
        for step in self._session.order.steps:
            task = step.task.id
            if task in self._session.tried or task in busy or (busy and task in self.short):
                continue
            if stands[task].stand is TaskStatus.STOPPED:
                return step
            free = still.issuperset(step.after)
            if free and self._session.start_of(step, stands) is not None:
                return step
        return None

    def standing_still(
        self, stands: Mapping[str, TaskRun], busy: Collection[str] = ()
    ) -> frozenset[str]:
        """Return the tasks that stand still for this sitting, however they ended.

        An open one does when it cannot begin any more: something that it needs failed.
        """
        found: set[str] = set()
        done = self._session.tried | self._passed
        for step in self._session.order.steps:  # each comes after what it needs
            task, stand = step.task.id, stands[step.task.id].stand
            if task in busy:
                continue
            ended = stand not in {TaskStatus.OPEN, TaskStatus.STOPPED} or task in done
            never = stand is TaskStatus.OPEN and any(
                need in found and not stands[need].stand.carries for need in step.needs
            )
            if ended or never:
                found.add(task)
        return frozenset(found)

    def loosen(self) -> bool:
        """Let the next task begin on less than all that is listed above it; whether that is new."""
        before, self._session.loose = self._session.loose, True
        return not before

    def pass_over(self) -> bool:
        """Let no task wait any longer for one that cannot begin; return whether one did."""
        stands = self._session.stands()
        found = stands.keys() - self.standing_still(stands)
        self._passed |= found
        return bool(found)


Flying = dict["Future[RunRecord]", tuple[Step, RunRecord, Mapping[str, float]]]
_SETTLED = {RunStatus.WAITING, RunStatus.BLOCKED}


class Work:
    """Takes up tasks until nothing is left that can be done now."""

    def __init__(self, session: Session, crew: Crew | None = None) -> None:
        self._session = session
        self._crew = crew or Crew()
        session.opened = self._crew.opened
        self._judged: set[str] = set()  # runs that autopilot or the person has looked at
        self._train = Train(session, self._judged)
        self._turns = TaskTurns(session)
        self._refusals = Refusals(session)
        self._closing = False  # nothing new is begun
        self.began = False

    def do(self) -> None:
        """Do everything that can be done now; raise what stopped it before its end."""
        session = self._session
        with (
            all_interruptible(self._crew.contexts, INTERRUPTED),
            ThreadPoolExecutor(max_workers=session.asked.parallel) as pool,
        ):
            self._work(pool)
        self._refusals.end(began=self.began)
        session.end()

    def _work(self, pool: ThreadPoolExecutor) -> None:
        flying: Flying = {}
        trouble: ReviewLoopError | None = None
        take_over(self._session)
        if why := old_failure(self._session):
            self._stop_at(why)
            self._session.told.opened(sentence(why))
        else:
            self._train.straighten(self._turns.standing_still)
        while True:
            try:
                if not isinstance(trouble, InterruptedByUserError):  # who stops it is not asked
                    self._judge(flying)
                while trouble is None and len(flying) < self._session.asked.parallel:
                    if not (self._send(flying, pool) or self._take_up(flying, pool)):
                        break
            except ReviewLoopError as error:
                trouble = trouble or error
            if not flying:
                if trouble is not None:
                    self._refusals.tell()
                    raise trouble
                turns = self._turns
                if self._closing or not (
                    self._train.close_up(turns.standing_still)
                    or turns.loosen()
                    or turns.pass_over()
                ):
                    return
                continue
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                step, run, caps = flying.pop(future)
                del self._session.at_work[run.run_id]
                found = self._landed(step, run, caps, future)
                trouble = trouble or found
                spare_the_collector()

    # Beginning

    def _send(self, flying: Flying, pool: ThreadPoolExecutor) -> bool:
        """Begin to bring a finished run behind those before it; return whether there was one."""
        if self._closing:
            return False
        busy = _tasks(flying)
        sent = self._train.send(pool, self._crew, partial(self._turns.standing_still, busy=busy))
        if sent is not None:
            flying[sent[0]] = sent[1]
        return sent is not None

    def _take_up(self, flying: Flying, pool: ThreadPoolExecutor) -> bool:
        """Begin or go on with one task; return whether there was one."""
        session = self._session
        session.look()
        step = None if self._closing else self._turns.next(_tasks(flying))
        if step is None:
            return False
        task = step.task.id
        session.spending.require()
        session.tried.add(task)
        run = session.stands()[task].run
        below = ""
        try:
            if run is None or run.status.over:
                session.require_free(step)
                run, below = begin_task(session, step)
            run = taken_up(session, run)
        except UsageError as error:
            self._refusals.add(step, error)
            if self.began:
                self._refusals.tell()
            if session.asked.until_failure:
                self._stop_at(reason(ReasonKind.FAILURE_STOPS, task=task))
            return True
        except WorkspaceError as error:
            if run is None or run.status.over:
                raise
            session.told.settled(task, run, str(error))  # somebody else moves it now
            return True
        self.began, session.loose = True, False
        self._refusals.tell()
        slots = 1 if task in self._turns.short else session.asked.parallel - len(flying)
        caps = session.caps(run, slots)
        session.at_work[run.run_id] = (run, caps)
        session.told.begun(task, run, below)
        future = pool.submit(moved, session, self._crew, session.repository, step, run, caps)
        flying[future] = (step, run, caps)
        return True

    def _stop_at(self, because: Reason) -> None:
        """Begin nothing more."""
        self._session.record.because, self._closing = because, True

    # Settling

    def _landed(
        self,
        step: Step,
        run: RunRecord,
        caps: Mapping[str, float],
        future: "Future[RunRecord]",
    ) -> ReviewLoopError | None:
        """Take in a run that stands still; return what stops the whole batch, if it does."""
        session, task = self._session, step.task.id
        failed = False
        try:
            landed = self._train.landed(step, run, future)
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
                session.told.settled(task, run, run.reason)
                return session.spending.why_spent(task)
            failed = not again
        except Exception as error:  # noqa: BLE001  # of this task; the others are not its business
            run, failed = broken(session, run, error), True
        if run.status not in _SETTLED or session.record.mode == "queue":
            session.told.settled(task, run, run.reason)
        if session.asked.until_failure and (failed or run.status is RunStatus.BLOCKED):
            self._stop_at(reason(ReasonKind.FAILURE_STOPS, task=task))
        return None

    def _may_have_more(self, task: str, error: ReviewLoopError) -> bool:
        """Whether a run only used up its share of the money: it goes on when others are done."""
        short, alone = self._turns.short, self._session.asked.parallel == 1
        if task in short or alone or not is_about_money(error):
            return False
        short.add(task)
        self._session.tried.discard(task)
        return True

    def _judge(self, flying: Flying) -> None:
        """Answer finished runs as the mode says, each when all tasks before it stand still."""
        if self._session.record.mode == "queue":
            return
        busy = _tasks(flying)
        stands = self._session.stands()
        still = self._turns.standing_still(stands, busy)
        for step in self._session.order.steps:
            if step.task.id not in still and not self._closing:
                return
            run = stands[step.task.id].run
            if run is None or run.status not in _SETTLED or run.run_id in self._judged:
                continue
            self._judged.add(run.run_id)
            if self._session.record.mode == "autopilot":
                self._by_autopilot(step, run)
            elif not self._by_person(step, run):
                return
            stands = self._session.stands()
            still = self._turns.standing_still(stands, busy)
            fault("batch.settled")

    def _by_autopilot(self, step: Step, run: RunRecord) -> None:
        session, why, stacked = self._session, run.reason, False
        session.look()
        stands = session.stands()
        found = next(iter(waiting_in(session.repository, [run])), None)
        if found is not None:
            why = self._why_a_person(run)
            done = {task for task, one in stands.items() if one.stand is TaskStatus.COMMITTED}
            below = chain_below(found, session.waiting(stands))[:-1]
            missing = [need for need in step.needs if need not in done]
            if not why and below:
                base = below[-1].run.run_id
                stacked, on = True, {"run": base, "which": "waits for a person"}
                why = sentence(reason(ReasonKind.BUILDS_ON, **on))
            if not why and missing:
                why = f"it needs task {missing[0]}, which is not committed"
            if not why and run.base_commit != session.head:
                brought = self._brought(step, run, done)
                if brought is None:
                    return
                run, why = brought, self._why_a_person(brought)
            if not why:
                answer = {"choice": "approve", "by": BY, "text": "", "proposal": run.proposal}
                try:
                    run = answered(session, step, run, answer)
                    why = run.reason
                except (UsageError, WorkspaceError) as error:  # somebody answers it, too
                    session.look()
                    run, why = session.repository.runs.find(run.run_id), str(error)
        session.told.settled(step.task.id, run, why, stacked=stacked)

    def _brought(self, step: Step, run: RunRecord, done: set[str]) -> RunRecord | None:
        """Bring a run to the branch; what is short of money meanwhile does that when others end."""
        try:
            return self._train.bring(step, run, None, done)
        except BudgetExhaustedError as error:
            if not self._session.at_work or not self._may_have_more(step.task.id, error):
                raise
            self._judged.discard(run.run_id)
            return None

    def _why_a_person(self, run: RunRecord) -> str:
        repository = self._session.repository
        proposal = proposal_of(repository, run)
        return why_a_person(proposal, changed_since(repository, run)) if proposal else run.reason

    def _by_person(self, step: Step, run: RunRecord) -> bool:
        """Ask until the run is over; return whether the person goes on."""
        session = self._session
        while run.status in _SETTLED:
            with asking():
                chosen = session.told.ask(session.repository, run)
            if chosen is None:
                self._stop_at(reason(ReasonKind.USER, text="a person stopped it"))
                return False
            try:
                run = answered(session, step, run, chosen)
            except (InterruptedByUserError, ModelAccessError, BudgetExhaustedError):
                raise
            except ReviewLoopError as error:  # of this task only
                session.told.settled(
                    step.task.id, session.repository.runs.find(run.run_id), str(error)
                )
                return True
        session.told.settled(step.task.id, run, run.reason)
        return True


def _tasks(flying: Flying) -> set[str]:
    return {step.task.id for step, _, _ in flying.values()}
