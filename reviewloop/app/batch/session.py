"""What all parts of a batch share while it works: the repository, order, listeners, refusals."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from reviewloop.app.batch.limits import Spending
from reviewloop.app.batch.policy import not_committed
from reviewloop.app.batch.spec_changes import TaskHeldError
from reviewloop.app.batch.stack import Waiting, waiting_in
from reviewloop.app.batch.status import (
    TaskRun,
    TaskStatus,
    counting,
    is_called,
    statuses_now,
    why_held,
)
from reviewloop.app.project import Repository
from reviewloop.app.run.branches import looked_again
from reviewloop.app.run.start import RunRequest
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.loop.context import RunContext
from reviewloop.specs.order import Order, Step
from reviewloop.store.batches import BatchRecord, BatchStore, LeftToUser, SessionClock
from reviewloop.store.runs import RunRecord, RunStatus


class StatusCache:
    """What the last look found; each task of a batch asks for it some five times."""

    def __init__(self) -> None:
        self._seen: tuple[object, ...] = ()  # what it is true of
        self._still: dict[str, TaskRun] = {}
        self._moving: dict[str, RunRecord] = {}  # these may end without being saved again
        self._line: list[Waiting] | None = None  # what waits, by what stands still
        self._waiting: dict[str, Waiting] = {}

    def statuses(
        self, repository: Repository, of: tuple[str, str, str], titles: Mapping[str, str]
    ) -> Mapping[str, TaskRun]:
        """Return where each of the tasks stands that `titles` names, in that order.

        Nobody changes the records in it: they are those of the next look as well.
        """
        seen = (repository.runs.seen(), of, titles)
        if seen != self._seen:
            found = counting(repository, repository.runs.looked(), of, titles)
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
            elif fresh := waiting_in(repository, [run]):
                self._waiting[run.run_id] = fresh[0]
                found += fresh
        return found


@dataclass(frozen=True)
class BatchOptions:
    """What the user asked of a batch, beside what its record keeps."""

    until_failure: bool = False
    parallel: int = 1
    request: RunRequest = field(
        default_factory=RunRequest
    )  # what the plan of every run has in common


class BatchListener(Protocol):
    """Whoever shows a batch to people, and asks them."""

    def opened(self, sentence: str) -> None:
        """Something to know of the whole batch: how it begins, or that a task of it cannot."""

    def planned(self, titles: Mapping[str, str], left: Collection[str]) -> None:
        """All tasks that were chosen, by id in their order; `left` may begin now or later."""

    def begun(self, task: str, run: RunRecord, below: str) -> None:
        """A run was begun or is gone on with; `below` names the run whose commit it starts from."""

    def event(self, task: str, event: Mapping[str, Any]) -> None:
        """A run told something; called from the thread of that run."""

    def settled(self, task: str, run: RunRecord, why: str) -> None:
        """A run stands still; `why` says what a user should know of it."""

    def ask(self, repository: Repository, run: RunRecord) -> dict[str, str] | None:
        """Return a user's choice and words, None to leave the run in the queue."""


_LEFT_TO_USER = {RunStatus.WAITING, RunStatus.BLOCKED}


class ReportListener:
    """Stands between a batch and whoever shows it to people; see `BatchListener`."""

    def __init__(
        self,
        listener: BatchListener,
        repository: Repository,
        store: BatchStore,
        record: BatchRecord,
        clock: SessionClock | None = None,  # workers sit together, so none tells the time
    ) -> None:
        self._listener, self.clock = listener, clock
        self._repository, self._store, self._record = repository, store, record

    def opened(self, sentence: str) -> None:
        """Hand on how the batch begins."""
        self._listener.opened(sentence)

    def planned(self, titles: Mapping[str, str], left: Collection[str]) -> None:
        """Hand on what there is to do."""
        self._listener.planned(titles, left)

    def begun(self, task: str, run: RunRecord, below: str) -> None:
        """Hand on that a run is at work: what was said of it before holds no more.

        But for why it could not be committed: it is only rebased behind others.
        """
        self._seen()
        if not (
            run.status is RunStatus.WAITING and self._kept(run).kind is ReasonKind.NOT_COMMITTED
        ):
            self._record.said.pop(run.run_id, None)
        self._listener.begun(task, run, below)

    def event(self, task: str, event: Mapping[str, Any]) -> None:
        """Hand on what a run told; from any thread."""
        self._seen()
        self._listener.event(task, event)

    def settled(self, task: str, run: RunRecord, why: str, *, stacked: bool = False) -> None:
        """Hand on that a run stands still, and keep why when that stands nowhere else.

        `stacked`: it is only for what it builds on, and what that is the account finds out.
        """
        self._seen()
        if kept := self._to_keep(run, why, stacked=stacked):
            head = self._repository.head_of(self._repository.user.branch or "")
            self._record.said[run.run_id] = LeftToUser(run.proposal, head, kept)
            self._store.save(self._record)
        self._listener.settled(task, run, why)

    def ask(self, repository: Repository, run: RunRecord) -> dict[str, str] | None:
        """Hand on a question, and the answer."""
        return self._listener.ask(repository, run)

    def _to_keep(self, run: RunRecord, why: str, *, stacked: bool) -> Reason:
        """Return what the account has to know that stands nowhere else."""
        if run.status is RunStatus.WAITING and run.reason:
            return not_committed(run)  # its record forgets that when it is rebased elsewhere
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
    tried: set[str] = field(default_factory=set)  # tasks that were taken up in this session
    # Runs at work with the caps they have: what these may still spend is not left.
    at_work: dict[str, tuple[RunRecord, Mapping[str, Any]]] = field(default_factory=dict)
    opened: Callable[[RunContext], None] | None = None  # told of each run that begins to work
    strays: Mapping[str, Reason] = field(default_factory=dict)  # task -> why it waits for a user
    looks: StatusCache = field(default_factory=StatusCache)

    @property
    def head(self) -> str:
        """The commit of the branch when it was last looked at."""
        return self.repository.user.head or ""

    def look(self) -> Repository:
        """Look at the repository again, which the last approval has changed, and return it.

        Raises `WorkspaceError` when another branch is checked out: no task was begun for that one.
        """
        found, mine = looked_again(self.repository), self.repository.user.branch
        if found.user.branch != mine:
            other = found.user.branch or "no branch"
            problem = f"the batch works on {mine}, and meanwhile {other} was checked out"
            way = f"`git switch {mine}`, then the same command goes on"
            raise WorkspaceError(f"{problem}; nothing is lost: {way}").in_brief(problem)
        self.repository = found
        return found

    def caps(self, run: RunRecord, sharing: int = 1) -> dict[str, Any]:
        """Return the caps for a run; `sharing` runs divide what those at work leave."""
        return self.spending.caps(run, sharing, self.at_work.values())

    def statuses(self) -> Mapping[str, TaskRun]:
        """Return where every task of the order stands; nobody changes the records in it."""
        of = (self.record.batch_id, self.record.spec_path, self.repository.user.branch or "")
        return self.looks.statuses(self.repository, of, self._titles)

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {step.task.id: step.task.title for step in self.order.steps}

    def waiting(self, statuses: Mapping[str, TaskRun]) -> list[Waiting]:
        """Return the runs of the batch that wait, in the order of their tasks."""
        return self.looks.waiting(self.repository, statuses)

    def require_free(self, step: Step) -> None:
        """Raise `UsageError` for a task that has a run elsewhere, or under another number."""
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
        """Write down why tasks were not begun, and whether anything is left to be done."""
        statuses, record = self.statuses(), self.record
        for step in self.order.steps:
            task = step.task.id
            if statuses[task].status is TaskStatus.OPEN and task not in record.held:
                record.held[task] = why_held(step, statuses)
        stopped = any(one.status is TaskStatus.STOPPED for one in statuses.values())
        record.ended = not stopped and not record.because
        self.store.save(record)

    def report(self, step: Step, event: Mapping[str, Any]) -> None:
        """Hand on what a run told."""
        self.listener.event(step.task.id, event)


INTERRUPTED = "interrupted; nothing is lost: the same command goes on"


class Refusals:
    """Collects what kept tasks from beginning; it is told once another began, or at the end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._unreported: list[tuple[Step, UsageError]] = []

    def add(self, step: Step, error: UsageError) -> None:
        """Take a task that cannot begin for failed."""
        self._session.record.held[step.task.id] = error.because
        self._session.record.refused.append(step.task.id)
        self._unreported.append((step, error))

    def report(self) -> None:
        """Tell what was not told yet, task by task."""
        for step, error in self._unreported:
            self._session.listener.opened(
                f"{step.task.id} {step.task.title}: cannot begin: {error}"
            )
        self._unreported.clear()

    def end(self, *, began: bool) -> None:
        """Raise what kept every task from beginning, if it was the same; else tell the rest."""
        if not began and len({str(error) for _, error in self._unreported}) == 1:
            raise self._unreported[0][1]
        self.report()


def old_failure(session: Session) -> Reason:
    """Return why nothing is begun: what is blocked still was to stop the batch; none to go on.

    Who is asked at every task can answer that one, too.
    """
    if not session.options.until_failure or session.record.mode == "each":
        return NO_REASON
    statuses = session.statuses()
    blocked = next((task for task, one in statuses.items() if one.status is TaskStatus.BLOCKED), "")
    return reason(ReasonKind.STILL_BLOCKED, task=blocked) if blocked else NO_REASON
