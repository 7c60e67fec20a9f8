"""The port of runs, with two adapters: this machine, and a store that many share."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from reviewloop.dataclass import dataclass
from reviewloop.domain.batch_report import BatchReport, QueueReport
from reviewloop.domain.errors import ExitCode
from reviewloop.domain.event import RunEvent
from reviewloop.domain.reason import ReasonKind, reason
from reviewloop.store.runs import RunRecord

if TYPE_CHECKING:
    from reviewloop.app.batch.approve import Approved
    from reviewloop.app.batch.start import BatchRequest
    from reviewloop.app.project import Repository
    from reviewloop.domain.task import Spec
    from reviewloop.git.repository import UserRepo
    from reviewloop.render.proposal import Proposal
    from reviewloop.store.metrics import RunMetrics


QUEUED = reason(ReasonKind.QUEUED)
"""The reason of a task that waits for a worker."""


@dataclass(frozen=True)
class RunState:
    """A run, and its status as shown to people."""

    run: RunRecord
    state: str
    reason: str


@dataclass(frozen=True)
class Overview:
    """All runs and batches; `accounts` are reports of batches, the newest first."""

    kind: str  # the key of `--json`
    runs: tuple[RunState, ...]
    accounts: tuple[BatchReport, ...]
    lists_runs: bool  # runs come before the report, which is shown only where it adds something
    note: str = ""


@dataclass(frozen=True)
class Listing:
    """The queue."""

    kind: str  # the key of `--json`
    report: QueueReport


@dataclass(frozen=True)
class Seen:
    """The proposal of a run, with its files and diff as far as they are available."""

    proposal: "Proposal"
    lines: Callable[[str], list[str] | None]  # of a file, None where it is not available
    diff: Callable[[], str]


@dataclass(frozen=True)
class TasksInWork:
    """The runs of the tasks of a spec, by task id."""

    runs: Mapping[str, tuple[str, str]]  # (run or "", status)
    held: Mapping[str, str]  # why a batch does not start it
    elsewhere: Mapping[str, str]  # the branch with its commit, not checked out


@dataclass(frozen=True)
class Sent:
    """The outcome of sending an answer that workers carry out later."""

    run: str
    choice: str
    what: str = "queued"  # queued | answered | held | blocked | refused
    why: str = ""
    next: str = ""  # the command that continues
    code: ExitCode = ExitCode.CLEAN
    first: bool = False  # not named: named runs build on it or need it
    rebased_onto: str | None = None  # the branch that it is rebased onto first, or ""

    def plain(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        row: dict[str, object] = {"run": self.run, "choice": self.choice, "first": self.first}
        row |= {"what": self.what, "why": self.why, "next": self.next, "exit_code": int(self.code)}
        return row if self.rebased_onto is None else {**row, "brought_to": self.rebased_onto}


@dataclass(frozen=True)
class Caps:
    """The caps that a user raised for one run; None keeps the earlier value."""

    usd: float | None = None
    tokens: int | None = None
    minutes: float | None = None
    turns: int | None = None

    def settings(self) -> dict[str, float]:
        """Return them by their names in the settings."""
        return {f"limits.{name}": cap for name, cap in vars(self).items() if cap is not None}


@dataclass(frozen=True)
class Rejected:
    """A rejected run; `left` maps each run built on it to the command that continues that one."""

    run: RunRecord
    left: Mapping[str, str]


@dataclass(frozen=True)
class Resumed:
    """The resumed run, the tasks queued for it, and why no worker takes them now."""

    run: RunRecord
    added: tuple[str, ...]
    unattended: str


@dataclass(frozen=True)
class Cleaning:
    """What would be deleted, and what stays."""

    lines: tuple[str, ...]
    kept: tuple[RunRecord, ...]  # because nothing else holds their work
    going: tuple[RunRecord, ...]  # because they are not over
    count: int
    more: bool  # also things without a name: ended jobs, batches without runs
    delete: Callable[[], Sequence[str]]  # returns notes about failures


@dataclass(frozen=True)
class Enqueued:
    """The outcome of queueing: the batch, its branch, and the tasks that are newly queued.

    `notes` say how workers differ from this checkout; `report` is that of the batch now.
    """

    batch_id: str  # "" for none
    branch: str
    address: str
    added: tuple[str, ...]
    notes: tuple[str, ...]
    report: BatchReport


class User(Protocol):
    """The user side of an answer: confirms, advances a run, and receives the outcome."""

    def sure(self, run_id: str, red: int) -> bool:
        """Return whether a run is to be committed with `red` must-fix findings left.

        Raises `UsageError` where no option says so and no user can be asked.
        """
        ...

    def agrees(self, run_id: str, red: int) -> bool:
        """Return the same, but False where no user can be asked."""
        ...

    def move(
        self,
        repository: "Repository",
        run: RunRecord,
        choice: str = "",
        text: str = "",
        overrides: Mapping[str, Any] | None = None,
    ) -> ExitCode:
        """Advance a run here, with an answer if there is one; return the exit code."""
        ...

    def ended(self, repository: "Repository", run: RunRecord) -> ExitCode:
        """Receive a run that is over."""
        ...

    def sent(self, run_id: str, choice: str) -> ExitCode:
        """Receive that workers carry out an answer."""
        ...

    def queued(self, resumed: Resumed) -> ExitCode:
        """Receive that workers resume a run."""
        ...


class Workers(Protocol):
    """Does queued tasks on other machines."""

    def enqueue(self, request: "BatchRequest", remote: str) -> Enqueued:
        """Queue the tasks of a batch; see `app.fleet.enqueue`."""
        ...


class Fleet(Protocol):
    """Runs, queue, answers and events of one machine or of many."""

    @property
    def workers(self) -> Workers | None:
        """What does queued tasks, None where the command does them itself."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...

    def overview(self) -> Overview:
        """Return the status of all runs and batches."""
        ...

    def find(self, named: str | None) -> RunRecord:
        """Return the named run, or the latest one; raise `UsageError` when there is none."""
        ...

    def proposal(self, run: RunRecord) -> "Proposal | None":
        """Return the proposal of a run, None when it has none yet."""
        ...

    def opened(self, run: RunRecord) -> AbstractContextManager[Seen]:
        """Yield the view of a run; raise `UsageError` when it has nothing to show yet."""
        ...

    def events(self, run: RunRecord, *, follow: bool) -> Iterator[RunEvent]:
        """Yield the events of a run; with `follow`, until it stops or ends."""
        ...

    def metrics(self) -> Sequence["RunMetrics"]:
        """Return the figures of all runs, deleted ones included."""
        ...

    def spec_dates(self, rows: Iterable["RunMetrics"]) -> Mapping[str, float]:
        """Return when the specs of committed runs were added to their repositories."""
        ...

    def tasks(self, user: "UserRepo", spec: "Spec") -> TasksInWork:
        """Return the runs of the tasks of a spec, on the branch checked out."""
        ...

    def waiting(self, branch: str) -> Listing:
        """Return the queue of a branch, or of all."""
        ...

    def one_waiting(self, named: str | None) -> tuple[RunRecord, str]:
        """Return the named run, or the only one that waits, and why approving rebases it first."""
        ...

    def answer(self, named: str | None, choice: str, text: str, user: User) -> ExitCode:
        """Answer the named run, or the only one that asks."""
        ...

    def edited(self, named: str | None, choice: str) -> "tuple[Repository, RunRecord]":
        """Return the run whose change a user edits, and its repository."""
        ...

    def resume(self, named: str | None, caps: Caps, user: User) -> ExitCode:
        """Resume a stopped run under these caps."""
        ...

    def approve_queued(
        self, names: Sequence[str], branch: str, user: User
    ) -> "Iterable[Approved | Sent]":
        """Approve runs and those they build on or need; with no name, all that wait on a branch."""
        ...

    def reject_queued(self, names: Sequence[str], text: str) -> "Iterable[Rejected | Sent]":
        """Reject runs."""
        ...

    def branch(self) -> str | None:
        """Return the branch checked out, None where it does not matter."""
        ...

    def undo(self, named: str | None) -> Sequence[str]:
        """Undo a commit; return notices. Raises `UsageError` with the command that helps."""
        ...

    def checkout(self, named: str, name: str, *, before_edit: bool) -> str:
        """Create the branch `name` with the work of a run; return its commit."""
        ...

    def cleaning(self, older_than: int | None, *, with_work: bool, metrics: bool) -> Cleaning:
        """Return what can be deleted; delete nothing yet."""
        ...
