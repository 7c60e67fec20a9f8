"""What commands ask of runs, wherever these stand: on this machine, or in a store of many."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from reviewloop.domain.batch_report import BatchReport, QueueReport
from reviewloop.domain.errors import ExitCode
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
"""Why a task was not begun that waits for a worker."""


@dataclass(frozen=True)
class RunState:
    """A run, and where it stands as people read it."""

    run: RunRecord
    state: str
    reason: str


@dataclass(frozen=True)
class Overview:
    """How far everything is; `accounts` are of batches, the newest first."""

    kind: str  # under which `--json` prints it
    runs: tuple[RunState, ...]
    accounts: tuple[BatchReport, ...]
    lists_runs: bool  # they come before the account, which then is told where it says more
    note: str = ""


@dataclass(frozen=True)
class Listing:
    """What waits for a user."""

    kind: str  # under which `--json` prints it
    report: QueueReport


@dataclass(frozen=True)
class Seen:
    """What a run proposes, as far as it can be seen from here."""

    proposal: "Proposal"
    lines: Callable[[str], list[str] | None]  # of a file, None where it is not at hand
    diff: Callable[[], str]


@dataclass(frozen=True)
class TasksInWork:
    """What runs say of the tasks of a spec, by their ids."""

    runs: Mapping[str, tuple[str, str]]  # the run, "" for none, and where it stands
    held: Mapping[str, str]  # why a batch does not begin it
    elsewhere: Mapping[str, str]  # the branch that has its commit, and is not checked out


@dataclass(frozen=True)
class Sent:
    """What became of an answer that workers carry out later."""

    run: str
    choice: str
    what: str = "queued"  # queued | answered | held | blocked | refused
    why: str = ""
    next: str = ""  # the command that goes on from here
    code: ExitCode = ExitCode.CLEAN
    first: bool = False  # nobody named it: others that were named build on it or need it
    rebased_onto: str | None = None  # the branch onto which it is rebased first, "" for none

    def plain(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        row: dict[str, object] = {"run": self.run, "choice": self.choice, "first": self.first}
        row |= {"what": self.what, "why": self.why, "next": self.next, "exit_code": int(self.code)}
        return row if self.rebased_onto is None else {**row, "brought_to": self.rebased_onto}


@dataclass(frozen=True)
class Caps:
    """The caps that a user raised for one run, None for those as they were."""

    usd: float | None = None
    tokens: int | None = None
    minutes: float | None = None
    turns: int | None = None

    def settings(self) -> dict[str, float]:
        """Return them by the names that settings have."""
        return {f"limits.{name}": cap for name, cap in vars(self).items() if cap is not None}


@dataclass(frozen=True)
class Rejected:
    """A run that was rejected, and {run that stood on it: the command that goes on with that}."""

    run: RunRecord
    left: Mapping[str, str]


@dataclass(frozen=True)
class Resumed:
    """The run that goes on, the tasks that were queued for it, and why nobody takes them now."""

    run: RunRecord
    added: tuple[str, ...]
    unattended: str


@dataclass(frozen=True)
class Cleaning:
    """What would be deleted, and what stays."""

    lines: tuple[str, ...]
    kept: tuple[RunRecord, ...]  # because only they hold their work
    going: tuple[RunRecord, ...]  # because they are not over
    count: int
    more: bool  # what has no name goes as well: ended jobs, batches without runs
    delete: Callable[[], Sequence[str]]  # returns sentences on what could not be


@dataclass(frozen=True)
class Enqueued:
    """What was queued: the batch, where it will be done, and the tasks that were not queued yet.

    `notes` say what workers do otherwise than this checkout; `report` is the account as it is now.
    """

    batch_id: str  # "" for none
    branch: str
    address: str
    added: tuple[str, ...]
    notes: tuple[str, ...]
    report: BatchReport


class User(Protocol):
    """Who answers: is asked what has to be known, moves a run, and hears what became of it."""

    def sure(self, run_id: str, red: int) -> bool:
        """Return whether a run is to be committed with `red` must-fix findings left.

        Raises `UsageError` where nobody said so and nobody can be asked.
        """
        ...

    def agrees(self, run_id: str, red: int) -> bool:
        """Return the same, False where nobody can be asked."""
        ...

    def move(
        self,
        repository: "Repository",
        run: RunRecord,
        choice: str = "",
        text: str = "",
        overrides: Mapping[str, Any] | None = None,
    ) -> ExitCode:
        """Move a run here with an answer, if it is one, and return how that ended."""
        ...

    def ended(self, repository: "Repository", run: RunRecord) -> ExitCode:
        """Hear of a run that is over."""
        ...

    def sent(self, run_id: str, choice: str) -> ExitCode:
        """Hear that workers carry an answer out."""
        ...

    def queued(self, resumed: Resumed) -> ExitCode:
        """Hear that workers go on with a run."""
        ...


class Workers(Protocol):
    """Who does what is queued, on other machines."""

    def enqueue(self, request: "BatchRequest", remote: str) -> Enqueued:
        """Queue the tasks of a batch; see `app.fleet.enqueue`."""
        ...


class Fleet(Protocol):
    """Runs, queue, answers and events of one machine or of many."""

    @property
    def workers(self) -> Workers | None:
        """Who does queued tasks, None where the command does them itself."""
        ...

    def close(self) -> None:
        """Give back what was opened."""
        ...

    def overview(self) -> Overview:
        """Return how far all runs and batches are."""
        ...

    def find(self, named: str | None) -> RunRecord:
        """Return the named run, or the latest one; raise `UsageError` when there is none."""
        ...

    def proposal(self, run: RunRecord) -> "Proposal | None":
        """Return what a run proposes, None when it has not come so far."""
        ...

    def looked(self, run: RunRecord) -> AbstractContextManager[Seen]:
        """Lend what there is to see of a run; raise `UsageError` when that is nothing yet."""
        ...

    def events(self, run: RunRecord, *, follow: bool) -> Iterator[Mapping[str, Any]]:
        """Yield what a run did; with `follow` until nobody moves it any more."""
        ...

    def metrics(self) -> Sequence["RunMetrics"]:
        """Return the figures of all runs, also of those that were deleted."""
        ...

    def births(self, rows: Iterable["RunMetrics"]) -> Mapping[str, float]:
        """Return when the specs of committed runs came into their repositories."""
        ...

    def tasks(self, user: "UserRepo", spec: "Spec") -> TasksInWork:
        """Return what runs say of the tasks of a spec, on the branch that is checked out."""
        ...

    def waiting(self, branch: str) -> Listing:
        """Return what waits for a user, of a branch where it is named."""
        ...

    def one_waiting(self, named: str | None) -> tuple[RunRecord, str]:
        """Return the named run, or the only one that waits, and why approving rebases it first."""
        ...

    def answer(self, named: str | None, choice: str, text: str, user: User) -> ExitCode:
        """Answer the named run, or the only one that asks."""
        ...

    def edited(self, named: str | None, choice: str) -> "tuple[Repository, RunRecord]":
        """Return the run whose change a user edits, and where its files are."""
        ...

    def resume(self, named: str | None, caps: Caps, user: User) -> ExitCode:
        """Go on with a run that stopped, under these caps."""
        ...

    def approve_queued(
        self, names: Sequence[str], branch: str, user: User
    ) -> "Iterable[Approved | Sent]":
        """Approve runs and what they build on or need; with no name all that waits on a branch."""
        ...

    def reject_queued(self, names: Sequence[str], text: str) -> "Iterable[Rejected | Sent]":
        """Reject runs."""
        ...

    def branch(self) -> str | None:
        """Return the branch that is checked out, None where that does not matter."""
        ...

    def undo(self, named: str | None) -> Sequence[str]:
        """Take back a commit and say what was done; raise `UsageError` saying what helps."""
        ...

    def checkout(self, named: str, name: str, *, before_edit: bool) -> str:
        """Make the branch `name` with the work of a run; return its commit."""
        ...

    def cleaning(self, older_than: int | None, *, with_work: bool, metrics: bool) -> Cleaning:
        """Return what can be deleted; nothing is yet."""
        ...
