"""What the approval screen shows, as JSON-plain values: the `propose` step fills it in.

Every key may be missing; the screen leaves out what it is not told. `findings` holds every finding
of the run (`Finding.model_dump(mode="json")`), `gates` holds `GateResult.plain()` values.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

from reviewloop.render.counts import BY_USER, count_records, requests_left


class BaseInfo(TypedDict, total=False):
    """What the run is based on."""

    commit: str  # full id
    branch: str  # where the commit will go
    new_branch: bool  # the branch is made at approval
    dirty: list[str]  # uncommitted paths of the user's checkout that the run read nothing from
    behind: str  # where the branch is now, when it is not where the run took it from
    conflict: str  # why the change is known not to merge with where the branch is now
    edited: list[str]  # files of the change that are uncommitted in the checkout now


class RejectedRun(TypedDict):
    """An earlier run of the task that a user rejected."""

    run: str
    why: str  # the user's words


class ProposedFile(TypedDict, total=False):
    """One file of the change."""

    path: str
    old_path: str  # of a rename
    status: str  # A | M | D | R | T
    added: int
    removed: int
    binary: bool


class ProtectedFile(TypedDict):
    """A file of the change that acts on people, agents or machines beyond the program."""

    path: str
    status: str  # A | M | D | R | T
    kind: str  # pipeline | git hook | editor | agent | lock file ...
    why: str  # completes "it ..."
    unasked: bool  # agents may write it only when a user names it, and nobody did


class UnreadFile(TypedDict):
    """A file of the change that analysers did not read as a whole."""

    path: str
    reason: str
    chosen: bool  # the change itself brings the reason


class TestFigures(TypedDict, total=False):
    """What the test gate counted; None in the proposal when nothing was counted."""

    passed: int
    failed: int
    skipped: int


class CoverageFigures(TypedDict, total=False):
    """Coverage of the change's new lines."""

    covered: float | None  # 0..1; None: not measured
    threshold: float
    reason: str  # why it was not measured
    why: str  # the same without the words that it was not measured


class ReviewerFigures(TypedDict, total=False):
    """How one reviewer's reading ended."""

    name: str
    status: str  # done | failed
    findings: int
    seconds: float
    reason: str  # why it failed


class RoundFigures(TypedDict, total=False):
    """How often the change went round."""

    used: int
    limit: int
    cycle: int  # modifications a user asked for
    repairs: int


class TaskRef(TypedDict):
    """A task of the spec."""

    id: str
    title: str


class SpecProgress(TypedDict, total=False):
    """The spec as it will stand after the approval."""

    done: int
    total: int
    newly_eligible: list[TaskRef]


class UsageFigures(TypedDict, total=False):
    """Tokens and money; `cost_usd` is None when any price is unknown."""

    calls: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    cost_usd: float | None
    estimated: bool
    cached_share: float  # of the input, 0..1
    input_equivalents: int  # what the input cost, in plain input tokens: write 1.25, read 0.1


class AgentFigures(UsageFigures, total=False):
    """What one agent used, over all steps."""

    agent: str
    model: str
    seconds: float


class Proposal(TypedDict, total=False):
    """Everything a user needs to say yes or no."""

    run: str
    title: str
    task: str  # id in the spec; "" for `run -m`
    spec: str  # path of the spec file
    blocked: str  # why approving is not offered; "" when it is
    incomplete: list[str]  # reviewers that failed
    base: BaseInfo
    told: list[RejectedRun]  # what the implementer was told of earlier runs of the task
    files: list[ProposedFile]
    protected: list[ProtectedFile]
    not_analysed: list[UnreadFile]
    analysers_failed: list[str]  # "name: reason": what they would have said is not known
    tests: TestFigures | None
    coverage: CoverageFigures | None
    rounds: RoundFigures
    reviewers: list[ReviewerFigures]
    gates: list[dict[str, Any]]
    governance: list[str]  # why a user is needed whatever the mode
    findings: list[dict[str, Any]]
    spec_progress: SpecProgress | None
    seconds: float  # active time of the run
    usage: UsageFigures
    agents: list[AgentFigures]
    sandbox: list[str]  # levels that commands ran at: bubblewrap, landlock, external, none ...
    warnings: list[str]  # what else the user should know, one sentence each
    message: str  # of the proposed commit
    message_ours: str  # the lines of it that say how the change was made and reviewed
    person_edited: Mapping[str, Any]  # by, paths, unread, before: see `steps.edited`
    commit: str  # its id; "" when blocked
    base_tree: str  # the change is what lies between these two trees
    tree: str
    moved: str  # of a change brought onto another commit: whether it was read there; "" else
    met: list[str]  # files in which what came below such a change meets it, or it differs by that
    tick_on_disk: str  # the spec file to tick after the commit; "" when the commit holds the tick
    unticked: str  # why neither holds it


def choices(proposal: Proposal) -> tuple[str, ...]:
    """Return the answers a user may give, in the order they are offered."""
    edit = ("edit",) if proposal.get("files") else ()
    answers = ("approve", "modify", *edit, "skip", "quit", "diff")
    return answers[1:] if proposal.get("blocked") else answers


def is_request(finding: Mapping[str, Any]) -> bool:
    """Return whether this is what a user asked for with `modify`: done or not, it is no finding."""
    return BY_USER in finding["agents"]


class Left(NamedTuple):
    """How much of a change is not as it should be: findings that act, and wishes not done."""

    must_fix: int = 0
    should_fix: int = 0
    requests: int = 0

    @property
    def red(self) -> str:
        """What deserves a second look before a commit, in words; "" for nothing."""
        requests = f"{self.requests} {'request' if self.requests == 1 else 'requests'} not done"
        found = f"{self.must_fix} must fix left" if self.must_fix else ""
        return ", ".join(filter(None, (found, requests if self.requests else "")))

    def __str__(self) -> str:
        """Return it in words, "" for nothing."""
        counts = {"must fix": self.must_fix, "should fix": self.should_fix}
        found = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
        requests = f"{self.requests} {'request' if self.requests == 1 else 'requests'} not done"
        return ", ".join(
            filter(None, (f"{found} left" if found else "", requests if self.requests else ""))
        )


def left_of(proposal: Proposal | None) -> Left:
    """Return what findings a change still has, and how many wishes were not done."""
    records = (proposal or {}).get("findings", ())
    counts = count_records(records)
    return Left(counts.must_fix, counts.should_fix, requests_left(records))
