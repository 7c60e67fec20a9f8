"""The report of a batch as values: the outcome of each task and run, and their cost."""

from collections.abc import Mapping
from dataclasses import field

from reviewloop.dataclass import dataclass
from reviewloop.domain.reason import NO_REASON, Reason


@dataclass(frozen=True)
class Cost:
    """Calls, tokens, money and active time.

    `unpriced` counts calls without a known price, `estimated` those without a token count, as their
    replies were interrupted.
    """

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0
    unpriced: int = 0
    estimated: int = 0
    seconds: float = 0.0

    def plus(self, other: "Cost", sign: int = 1) -> "Cost":
        """Return the sum."""
        return Cost(
            self.calls + sign * other.calls,
            self.tokens + sign * other.tokens,
            self.usd + sign * other.usd,
            self.unpriced + sign * other.unpriced,
            self.estimated + sign * other.estimated,
            self.seconds + sign * other.seconds,
        )

    def rounded(self) -> "Cost":
        """Return it rounded as shown: sums are made of rounded values, so that they add up."""
        usd, seconds = round(self.usd, 6), round(self.seconds, 1)
        return Cost(self.calls, self.tokens, usd, self.unpriced, self.estimated, seconds)

    def plain(self) -> dict[str, int | float]:
        """Return it as JSON-plain values."""
        return {**vars(self.rounded())}


@dataclass(frozen=True)
class FindingCounts:
    """The findings of a change by outcome; `must_fix` is part of `left`."""

    left: int = 0
    must_fix: int = 0
    fixed: int = 0
    dismissed: int = 0
    nits: int = 0


@dataclass(frozen=True)
class Figures:
    """The figures of a run, as far as it got."""

    subject: str = ""  # the first line of the commit's message
    files: int | None = None  # None while no change is finished
    moved: str = ""  # of a rebased change: whether it was read there
    tests: Mapping[str, int] | None = None  # passed, failed, skipped
    tests_ended: str = ""  # passed | failed
    coverage: float | None = None
    rounds: int = 0
    modifications: int = 0
    findings: FindingCounts | None = None  # None when the change was not read


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """The part of a batch report about one run."""

    state: str  # a `TaskStatus`, or redone | undone
    title: str = ""
    run: str = ""  # "" if not started
    step: str = ""
    because: Reason = NO_REASON
    exit_code: int = 0
    below: str = ""  # the run whose commit is its base, "" for the branch
    branch: str = ""
    commit: str = ""
    approved_by: str = ""
    figures: Figures = field(default_factory=Figures)
    cost: Cost = field(default_factory=Cost)  # since it belongs to this batch
    before: Cost = field(default_factory=Cost)  # until then


@dataclass(frozen=True, kw_only=True)
class KeptRun(RunReport):
    """The stored row of a deleted run of a batch."""

    created_at: float = 0.0  # 0: written by a release that did not store it


@dataclass(frozen=True)
class EarlierTries:
    """Runs of a task before the last one, the oldest first."""

    runs: tuple[tuple[str, Reason], ...]  # each with the reason why it was not the last
    cost: Cost


@dataclass(frozen=True, kw_only=True)
class TaskReport(RunReport):
    """The outcome of a task: its last run, with the cost of all of them."""

    task: str
    earlier: EarlierTries | None = None
    refused: bool = False  # it could not start
    chosen: bool = True  # by the last command
    next: str = ""  # what a user can do


@dataclass(frozen=True)
class Totals:
    """The sums of a batch."""

    runs: int = 0
    cost: Cost = field(default_factory=Cost)
    before: Cost = field(default_factory=Cost)
    sessions: int = 0
    wall_seconds: float | None = None  # None where workers did it


@dataclass(frozen=True, kw_only=True)
class BatchReport:
    """The report of a batch."""

    batch: str  # "": there was no batch
    spec: str
    branch: str
    mode: str
    state: str  # running | stopped | ended
    because: Reason
    left_out: tuple[str, ...]
    began_at: float
    reported_at: float
    budget_usd: float | None
    deadline: float | None
    totals: Totals
    tasks: tuple[TaskReport, ...]
    remote: str = ""  # of a batch that workers do

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of tasks by state."""
        counts: dict[str, int] = {}
        for task in self.tasks:
            counts[task.state] = counts.get(task.state, 0) + 1
        return counts


@dataclass(frozen=True)
class QueueEntry:
    """A run that waits for a user."""

    report: TaskReport
    note: str = ""  # what approving it does first
    remote: str = ""  # the remote of its branch, for a worker's run
    proposed: str = ""  # the commit that it proposes, for a worker's run


@dataclass(frozen=True)
class ApproveAll:
    """What an approval of everything does with which runs."""

    commits: tuple[str, ...]
    brings: tuple[str, ...]  # rebases them, and asks again
    holds: tuple[str, ...]
    sentence: str  # the same as a sentence


@dataclass(frozen=True)
class OtherBranch:
    """The runs that wait on a branch that is not checked out."""

    branch: str
    runs: tuple[str, ...]
    next: str  # the command to run there
    sentence: str  # the same as a sentence


@dataclass(frozen=True)
class QueueReport:
    """The queue."""

    branch: str | None  # "" for several, None when HEAD is detached
    entries: tuple[QueueEntry, ...]
    approve_all: ApproveAll | None = None  # None where several branches are shown
    head: str | None = None  # of the branch that is checked out
    elsewhere: tuple[OtherBranch, ...] | None = None  # None: unknown, as workers have the runs
