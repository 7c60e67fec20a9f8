"""What a session leaves to the next one: facts, as `handoff` writes and `session resume` reads."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True)
class Commit:
    """A commit of the branch."""

    id: str
    subject: str
    at: int  # seconds since 1970


@dataclass(frozen=True)
class KeyFile:
    """A file that this session changed."""

    path: str
    added: int
    removed: int
    by: str  # commits, or the run that proposes it

    @property
    def area(self) -> str:
        """The folder that it is grouped under."""
        return self.path.rpartition("/")[0] or "."


@dataclass(frozen=True)
class GitState:
    """Where the checkout stands."""

    branch: str  # "" when HEAD is detached
    head: str  # "" before the first commit
    subject: str
    dirty: tuple[str, ...]  # uncommitted paths, without the handoff itself
    unmerged: tuple[str, ...]  # paths with conflicts
    operation: str  # merge, rebase, ... under way; "" for none
    upstream: str  # "" for none
    remote: str  # where a branch without upstream would be pushed; "" for nowhere
    unpushed: int  # commits that the upstream has not, or no remote where there is no upstream
    behind: int  # commits of the upstream that we have not
    commits: tuple[Commit, ...]  # since the session began, newest first
    changed: tuple[KeyFile, ...]  # by these commits

    @property
    def missing_at(self) -> str:
        """Where the commits that are not pushed are missing, in words."""
        return self.upstream or f"{self.remote}, which has no such branch"


@dataclass(frozen=True)
class Counted:
    """What the last run of a test gate counted."""

    passed: int
    failed: int
    skipped: int
    run: str


@dataclass(frozen=True)
class Step:
    """What a user does next: a command, and why."""

    command: str
    why: str


@dataclass(frozen=True)
class WorkDone:
    """What became of a run in this session."""

    run: str
    title: str
    task: str
    state: str
    commit: str
    rounds: int
    fixed: int  # findings that were fixed
    left: int  # must and should fix that were left
    cost_usd: float | None
    reason: str
    mended: tuple[str, ...] = ()  # findings that were fixed, each with its place
    open: tuple[str, ...] = ()  # findings that were left


@dataclass(frozen=True)
class OpenTask:
    """A task that is still to do."""

    spec: str
    id: str
    title: str
    state: str


@dataclass(frozen=True)
class Progress:
    """How far a spec is."""

    spec: str  # its path
    name: str
    done: int
    total: int


@dataclass(frozen=True)
class CloudResource:
    """Something that the repository's infrastructure code declares, or that a deploy printed."""

    name: str
    kind: str
    where: str  # path:line, or the log of a run


@dataclass(frozen=True)
class Words:
    """What a user said when answering a run, dismissing a finding or handing over."""

    text: str
    choice: Literal["modify", "reject", "dismiss", "note"]
    source: str  # the run, the finding or the day


class Obstacle(StrEnum):
    """What kind of thing has to be done before the work goes on."""

    GIT = "git"  # an operation under way, or conflicts
    RUN = "run"  # that waits, is blocked or stopped
    UNPUSHED = "unpushed"
    BEHIND = "behind"
    MACHINE = "machine"  # what `doctor` finds wrong


@dataclass(frozen=True)
class Blocker:
    """One thing that has to be done before the work goes on."""

    kind: Obstacle
    text: str


@dataclass(frozen=True)
class Handoff:
    """All that is handed over, from facts only."""

    at: float  # seconds since 1970
    since: float  # when the session began
    git: GitState
    blockers: tuple[Blocker, ...] = ()
    steps: tuple[Step, ...] = ()
    progress: tuple[Progress, ...] = ()
    tests: Counted | None = None
    live: tuple[str, ...] = ()  # addresses that a deploy printed
    done: tuple[WorkDone, ...] = ()
    remaining: tuple[OpenTask, ...] = ()
    more_remaining: int = 0
    cloud: tuple[CloudResource, ...] = ()
    files: tuple[KeyFile, ...] = ()
    decisions: tuple[str, ...] = ()  # with where each comes from
    preferences: tuple[str, ...] = ()  # lines of the section, carried on
    states: dict[str, str] = field(default_factory=dict)  # run -> where it stands


@dataclass(frozen=True)
class Left:
    """What a handoff on disk says, as far as it can be compared with what is so now."""

    path: str
    at: float = 0.0
    since: float = 0.0
    branch: str = ""
    head: str = ""
    dirty: tuple[str, ...] = ()
    states: dict[str, str] = field(default_factory=dict)
    is_ours: bool = False  # it has the record that `handoff` writes
    is_edited: bool = False  # somebody changed it since
    sections: dict[str, tuple[str, ...]] = field(default_factory=dict)  # heading -> its lines
