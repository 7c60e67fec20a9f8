"""The approval question as JSON-plain values; the `propose` step fills it in.

Every key may be missing; the screen leaves out missing ones. `findings` holds every finding of the
run (`Finding.model_dump(mode="json")`), `gates` holds `GateResult.plain()` values.
"""

from typing import Any, NamedTuple, TypedDict

from reviewloop.domain.batch_report import Figures, FindingCounts
from reviewloop.domain.gate import GateStatus
from reviewloop.domain.usage import UsageFigures
from reviewloop.render.counts import count_records, requests_left


class BaseInfo(TypedDict, total=False):
    """The base of a run."""

    commit: str  # full id
    branch: str  # target of the commit
    new_branch: bool  # the branch is made at approval
    dirty: list[str]  # uncommitted paths of the user's checkout that the run did not read
    behind: str  # current commit of the branch, if it is not the base
    conflict: str  # why the change does not merge with that commit, if known
    edited: list[str]  # files of the change with uncommitted edits in the checkout


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
    """A file of the change with effects on people, agents or machines outside of the program."""

    path: str
    status: str  # A | M | D | R | T
    kind: str  # pipeline | git hook | editor | agent | lock file ...
    why: str  # completes "it ..."
    unasked: bool  # agents may write it only when a user names it, and no user did


class UserEdits(TypedDict, total=False):
    """A user's edits of the change; empty where they edited nothing."""

    by: str
    paths: list[str]
    unread: list[str]  # of these, edited since the review
    before: str  # the commit of the change before them


class UnreadFile(TypedDict):
    """A file of the change that analysers did not read completely."""

    path: str
    reason: str
    chosen: bool  # the reason comes from the change itself


class TestFigures(TypedDict, total=False):
    """The counts of the test gate; None in the proposal without counts."""

    passed: int
    failed: int
    skipped: int


class CoverageFigures(TypedDict, total=False):
    """Coverage of the change's new lines."""

    covered: float | None  # 0..1; None: not measured
    threshold: float
    reason: str  # why it was not measured
    why: str  # the reason alone


class ReviewerFigures(TypedDict, total=False):
    """The result of one reviewer."""

    name: str
    status: str  # done | failed
    findings: int
    seconds: float
    reason: str  # why it failed
    unnamed: str  # the same with "it" for its name, where it is named


class RoundFigures(TypedDict, total=False):
    """The number of rounds of the change."""

    used: int
    limit: int
    cycle: int  # modifications requested by a user
    repairs: int


class TaskRef(TypedDict):
    """A task of the spec."""

    id: str
    title: str


class SpecProgress(TypedDict, total=False):
    """The progress of the spec after an approval."""

    done: int
    total: int
    newly_eligible: list[TaskRef]


class AgentFigures(UsageFigures, total=False):
    """The usage of one agent, over all steps."""

    agent: str
    model: str
    seconds: float


class Proposal(TypedDict, total=False):
    """Everything a user needs to decide."""

    run: str
    title: str
    task: str  # id in the spec; "" for `run -m`
    spec: str  # path of the spec file
    blocked: str  # why approving is not offered, or ""
    incomplete: list[str]  # reviewers that failed
    base: BaseInfo
    told: list[RejectedRun]  # earlier runs of the task that the implementer was given
    files: list[ProposedFile]
    protected: list[ProtectedFile]
    not_analysed: list[UnreadFile]
    analysers_failed: list[str]  # "name: reason"; their results are unknown
    tests: TestFigures | None
    coverage: CoverageFigures | None
    rounds: RoundFigures
    reviewers: list[ReviewerFigures]
    gates: list[dict[str, Any]]
    governance: list[str]  # why a user is needed in any mode
    findings: list[dict[str, Any]]
    spec_progress: SpecProgress | None
    seconds: float  # active time of the run
    usage: UsageFigures
    agents: list[AgentFigures]
    sandbox: list[str]  # levels of the commands: bubblewrap, landlock, external, none ...
    warnings: list[str]  # further notes, one sentence each
    message: str  # of the proposed commit
    message_ours: str  # its lines on how the change was made and reviewed
    person_edited: UserEdits
    commit: str  # its id; "" when blocked
    base_tree: str  # the change is the difference of these two trees
    tree: str
    moved: str  # of a rebased change: whether it was read there, else ""
    met: list[str]  # files where the new base and such a change overlap, or it differs
    tick_on_disk: str  # the spec file to tick after the commit; "" when the commit has the tick
    unticked: str  # why neither has it


def choices(proposal: Proposal) -> tuple[str, ...]:
    """Return the possible answers of a user, in the order in which they are offered."""
    edit = ("edit",) if proposal.get("files") else ()
    answers = ("approve", "modify", *edit, "skip", "quit", "diff")
    return answers[1:] if proposal.get("blocked") else answers


class Left(NamedTuple):
    """The open findings of a change, and the user's requests that are not done."""

    must_fix: int = 0
    should_fix: int = 0
    requests: int = 0

    @property
    def red(self) -> str:
        """What needs a second look before a commit, in words, or ""."""
        requests = f"{self.requests} {'request' if self.requests == 1 else 'requests'} not done"
        found = f"{self.must_fix} must fix left" if self.must_fix else ""
        return ", ".join(filter(None, (found, requests if self.requests else "")))

    def __str__(self) -> str:
        """Return it in words, or ""."""
        counts = {"must fix": self.must_fix, "should fix": self.should_fix}
        found = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
        requests = f"{self.requests} {'request' if self.requests == 1 else 'requests'} not done"
        return ", ".join(
            filter(None, (f"{found} left" if found else "", requests if self.requests else ""))
        )


def left_of(proposal: Proposal | None) -> Left:
    """Return the open findings and undone requests of a change."""
    records = (proposal or {}).get("findings", ())
    counts = count_records(records)
    return Left(counts.must_fix, counts.should_fix, requests_left(records))


def figures_of(proposal: Proposal | None) -> Figures:
    """Return the figures of a proposal; zeros without one."""
    if proposal is None:
        return Figures()
    counts = count_records(proposal["findings"])
    ran = [gate["status"] for gate in proposal["gates"] if gate["name"] == "test"]
    finished = [status for status in ran if status in {GateStatus.PASSED, GateStatus.FAILED}]
    tests: Any = proposal["tests"]
    return Figures(
        subject=proposal["message"].partition("\n")[0],
        files=len(proposal["files"]),
        moved=proposal.get("moved", ""),
        tests=tests,
        tests_ended=str(finished[-1]) if finished else "",
        coverage=(proposal["coverage"] or {}).get("covered"),
        rounds=proposal["rounds"]["used"],
        modifications=int(proposal["rounds"].get("cycle", 0)),
        findings=FindingCounts(
            left=counts.left,
            must_fix=counts.must_fix,
            fixed=counts.fixed,
            dismissed=counts.dismissed,
            nits=counts.nits,
        )
        if proposal["reviewers"]
        else None,
    )
