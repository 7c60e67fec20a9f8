"""The shared state of a batch session: repository, order, listener, refused tasks."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from functools import cached_property
from typing import Any, Protocol

from reviewloop.app.batch.limits import Spending
from reviewloop.app.batch.policy import not_committed
from reviewloop.app.batch.spec_changes import TaskHeldError
from reviewloop.app.batch.stack import Waiting, approvable_runs
from reviewloop.app.batch.status import (
    TaskRun,
    TaskStatus,
    counting_runs,
    is_called,
    statuses_now,
    why_held,
)
from reviewloop.app.project import Repository
from reviewloop.app.run.branches import reread_repository
from reviewloop.app.run.start import RunRequest
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.domain.event import RunEvent
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.loop.context import RunContext
from reviewloop.specs.order import Order, Step
from reviewloop.store.batches import BatchRecord, BatchStore, LeftToUser, SessionClock
from reviewloop.store.runs import RunRecord, RunStatus


class StatusCache:
    """Caches the statuses of tasks, which each action reads some five times."""

    def __init__(self) -> None:
        self._seen: tuple[object, ...] = ()  # what the cached values depend on
        self._still: dict[str, TaskRun] = {}
        self._moving: dict[str, RunRecord] = {}  # these may end without another save
        self._line: list[Waiting] | None = None  # from runs that stopped
        self._waiting: dict[str, Waiting] = {}

    def statuses(
        self, repository: Repository, of: tuple[str, str, str], titles: Mapping[str, str]
    ) -> Mapping[str, TaskRun]:
        """Return the status of each task in `titles`, in that order.

        The records in it are read-only: the cache returns them again.
        """
        seen = (repository.runs.seen(), of, titles)
        if seen != self._seen:
            found = counting_runs(repository, repository.runs.listed(), of, titles)
            self._moving = {t: run for t, run in found.items() if run.status is RunStatus.RUNNING}
            self._still = statuses_now(repository, found, titles)
            self._seen = seen
            self._line = None
        if not self._moving:
            return self._still
        return {**self._still, **statuses_now(repository, self._moving, self._moving)}

    def waiting(self, repository: Repository, statuses: Mapping[str, TaskRun]) -> list[Waiting]:
        """Return the runs that can be approved, in the order of their tasks."""
        if statuses is not self._still:
            return self._waiting_of(repository, statuses)
        if self._line is None:
            self._line = self._waiting_of(repository, statuses)
        return [*self._line]

    def _waiting_of(self, repository: Repository, statuses: Mapping[str, TaskRun]) -> list[Waiting]:
        found = []
        for run in (one.run for one in statuses.values() if one.run is not None):
            known = self._waiting.get(run.run_id)
            if known is not None and known.run is run:
                found.append(known)
            elif fresh := approvable_runs(repository, [run]):
                self._waiting[run.run_id] = fresh[0]
                found += fresh
        return found


@dataclass(frozen=True)
class BatchOptions:
    """The user's options of a batch that its record does not store."""

    until_failure: bool = False
    parallel: int = 1
    request: RunRequest = field(default_factory=RunRequest)  # shared by the plans of all runs


class BatchListener(Protocol):
    """Shows a batch to the user and asks questions."""

    def opened(self, sentence: str) -> None:
        """Report a sentence about the whole batch: how it starts, or a task that cannot start."""

    def planned(self, titles: Mapping[str, str], left: Collection[str]) -> None:
        """Report all chosen tasks, id -> title in order; those `left` may start now or later."""

    def begun(self, task: str, run: RunRecord, below: str) -> None:
        """Report that a run started or resumed; `below` is the run whose commit is its base."""

    def event(self, task: str, event: RunEvent) -> None:
        """Report an event of a run; called from the thread of that run."""

    def settled(self, task: str, run: RunRecord, why: str) -> None:
        """Report that a run stopped or finished; `why` is what a user should know about it."""

    def ask(self, repository: Repository, run: RunRecord) -> dict[str, str] | None:
        """Return a user's choice and text, None to leave the run in the queue."""


_LEFT_TO_USER = {RunStatus.WAITING, RunStatus.BLOCKED}


class ReportListener:
    """Passes calls on to a listener and records what the report needs; see `BatchListener`."""

    def __init__(
        self,
        listener: BatchListener,
        repository: Repository,
        store: BatchStore,
        record: BatchRecord,
        clock: SessionClock | None = None,  # workers share a session, so none measures its time
    ) -> None:
        self._listener, self.clock = listener, clock
        self._repository, self._store, self._record = repository, store, record

    def opened(self, sentence: str) -> None:
        """Pass on a sentence about the whole batch."""
        self._listener.opened(sentence)

    def planned(self, titles: Mapping[str, str], left: Collection[str]) -> None:
        """Pass on the chosen tasks."""
        self._listener.planned(titles, left)

    def begun(self, task: str, run: RunRecord, below: str) -> None:
        """Pass on that a run is in progress, and drop the stored reason about it.

        The reason why it could not be committed stays: it is only rebased.
        """
        self._seen()
        if not (
            run.status is RunStatus.WAITING and self._kept(run).kind is ReasonKind.NOT_COMMITTED
        ):
            self._record.said.pop(run.run_id, None)
        self._listener.begun(task, run, below)

    def event(self, task: str, event: RunEvent) -> None:
        """Pass on an event of a run, from any thread."""
        self._seen()
        self._listener.event(task, event)

    def settled(self, task: str, run: RunRecord, why: str, *, stacked: bool = False) -> None:
        """Pass on that a run stopped or finished; store the reason if its record does not hold it.

        `stacked`: the reason is only its base, which the report finds by itself.
        """
        self._seen()
        if kept := self._to_keep(run, why, stacked=stacked):
            head = self._repository.head_of(self._repository.user.branch or "")
            self._record.said[run.run_id] = LeftToUser(run.proposal, head, kept)
            self._store.save(self._record)
        self._listener.settled(task, run, why)

    def ask(self, repository: Repository, run: RunRecord) -> dict[str, str] | None:
        """Pass on a question, and the answer."""
        return self._listener.ask(repository, run)

    def _to_keep(self, run: RunRecord, why: str, *, stacked: bool) -> Reason:
        """Return the reason that the report needs and no record holds."""
        if run.status is RunStatus.WAITING and run.reason:
            return not_committed(run)  # a rebase removes the reason from its record
        if why and why != run.reason and run.status in _LEFT_TO_USER:
            return NO_REASON if stacked else reason(ReasonKind.ERROR, text=why)
        return NO_REASON if why else self._kept(run)

    def _kept(self, run: RunRecord) -> Reason:
        left = self._record.said.get(run.run_id)
        return left.because if left else NO_REASON

    def _seen(self) -> None:
        if self.clock is not None:
            self.clock.seen()


@dataclass
class Session:
    """One session of a batch, whose lock the caller holds."""

    repository: Repository
    store: BatchStore
    record: BatchRecord
    order: Order
    options: BatchOptions
    spending: Spending
    listener: ReportListener
    tried: set[str] = field(default_factory=set)  # tasks that this session has started or resumed
    # Runs in progress with their caps: what these may still spend is not available.
    at_work: dict[str, tuple[RunRecord, Mapping[str, Any]]] = field(default_factory=dict)
    opened: Callable[[RunContext], None] | None = None  # called with each run that opens
    strays: Mapping[str, Reason] = field(default_factory=dict)  # task -> why it waits for a user
    looks: StatusCache = field(default_factory=StatusCache)

    @property
    def head(self) -> str:
        """The commit of the branch when it was last read."""
        return self.repository.user.head or ""

    def look(self) -> Repository:
        """Read the repository again, which the last approval has changed, and return it.

        Raises `WorkspaceError` when another branch is checked out, on which no task was started.
        """
        found, mine = reread_repository(self.repository), self.repository.user.branch
        if found.user.branch != mine:
            other = found.user.branch or "no branch"
            problem = f"the batch works on {mine}, and meanwhile {other} was checked out"
            way = f"`git switch {mine}`, then the same command goes on"
            raise WorkspaceError(f"{problem}; nothing is lost: {way}").in_brief(problem)
        self.repository = found
        return found

    def caps(self, run: RunRecord, sharing: int = 1) -> dict[str, Any]:
        """Return the caps of a run; `sharing` runs divide what those in progress leave."""
        return self.spending.caps(run, sharing, self.at_work.values())

    def statuses(self) -> Mapping[str, TaskRun]:
        """Return the status of every task of the order; its records are read-only."""
        of = (self.record.batch_id, self.record.spec_path, self.repository.user.branch or "")
        return self.looks.statuses(self.repository, of, self._titles)

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {step.task.id: step.task.title for step in self.order.steps}

    def waiting(self, statuses: Mapping[str, TaskRun]) -> list[Waiting]:
        """Return the runs of the batch that wait, in the order of their tasks."""
        return self.looks.waiting(self.repository, statuses)

    def require_free(self, step: Step) -> None:
        """Raise `UsageError` for a task that has a run elsewhere, or under another id."""
        task, here = step.task, self.repository.user.branch
        if task.id in self.strays:
            raise TaskHeldError(self.strays[task.id])
        for run in self.repository.runs.of_task(task.id):
            mine = run.spec_path == self.record.spec_path
            away = mine and not run.status.over and run.branch != here
            if away and is_called(self.repository, run, task.title):
                raise UsageError(
                    f"task {task.id} has a run for {run.branch} already: {run.run_id} "
                    f"({run.status}); answer it there first"
                )

    def end(self) -> None:
        """Record why tasks were not started, and whether anything is left to do."""
        statuses, record = self.statuses(), self.record
        for step in self.order.steps:
            task = step.task.id
            if statuses[task].status is TaskStatus.OPEN and task not in record.held:
                record.held[task] = why_held(step, statuses)
        stopped = any(one.status is TaskStatus.STOPPED for one in statuses.values())
        record.ended = not stopped and not record.because
        self.store.save(record)

    def report(self, step: Step, event: RunEvent) -> None:
        """Pass on an event of a run."""
        self.listener.event(step.task.id, event)


INTERRUPTED = "interrupted; nothing is lost: the same command goes on"


class Refusals:
    """Collects the tasks that could not start; reports them once another started, or at the end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._unreported: list[tuple[Step, UsageError]] = []

    def add(self, step: Step, error: UsageError) -> None:
        """Add a task that cannot start; it counts as failed."""
        self._session.record.held[step.task.id] = error.because
        self._session.record.refused.append(step.task.id)
        self._unreported.append((step, error))

    def report(self) -> None:
        """Report those not reported yet, task by task."""
        for step, error in self._unreported:
            self._session.listener.opened(
                f"{step.task.id} {step.task.title}: cannot begin: {error}"
            )
        self._unreported.clear()

    def end(self, *, began: bool) -> None:
        """Raise the error if no task started and all have the same; else report the rest."""
        if not began and len({str(error) for _, error in self._unreported}) == 1:
            raise self._unreported[0][1]
        self.report()


def old_failure(session: Session) -> Reason:
    """Return why nothing is started: a task is still blocked and the batch stops at failures.

    None in the mode `each`, which asks about every task, also that one.
    """
    if not session.options.until_failure or session.record.mode == "each":
        return NO_REASON
    statuses = session.statuses()
    blocked = next((task for task, one in statuses.items() if one.status is TaskStatus.BLOCKED), "")
    return reason(ReasonKind.STILL_BLOCKED, task=blocked) if blocked else NO_REASON
