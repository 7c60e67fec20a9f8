"""A handoff as values: the facts that `handoff` writes and `session resume` reads."""

from dataclasses import field
from enum import StrEnum
from typing import Literal

from reviewloop.dataclass import dataclass


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
        """Return the folder that it is grouped under."""
        return self.path.rpartition("/")[0] or "."


@dataclass(frozen=True)
class GitState:
    """The git state of the checkout."""

    branch: str  # "" when HEAD is detached
    head: str  # "" before the first commit
    subject: str
    dirty: tuple[str, ...]  # uncommitted paths, without the handoff itself
    unmerged: tuple[str, ...]  # paths with conflicts
    operation: str  # merge, rebase, ... in progress; "" for none
    upstream: str  # "" for none
    remote: str  # where a branch without upstream would be pushed, or ""
    unpushed: int  # commits missing at the upstream, or without one at any remote
    behind: int  # commits of the upstream that are missing here
    commits: tuple[Commit, ...]  # since the start of the session, newest first
    changed: tuple[KeyFile, ...]  # by these commits

    @property
    def missing_at(self) -> str:
        """The place that lacks the unpushed commits, in words."""
        return self.upstream or f"{self.remote}, which has no such branch"


@dataclass(frozen=True)
class Counted:
    """The counts of the last run of a test gate."""

    passed: int
    failed: int
    skipped: int
    run: str


@dataclass(frozen=True)
class Step:
    """A command that a user runs next, and why."""

    command: str
    why: str


@dataclass(frozen=True)
class WorkDone:
    """The outcome of a run in this session."""

    run: str
    title: str
    task: str
    state: str
    commit: str
    rounds: int
    fixed: int  # findings that were fixed
    left: int  # open must-fix and should-fix findings
    cost_usd: float | None
    reason: str
    mended: tuple[str, ...] = ()  # fixed findings, each with its location
    open: tuple[str, ...] = ()  # open findings


@dataclass(frozen=True)
class OpenTask:
    """A task that is not done."""

    spec: str
    id: str
    title: str
    state: str


@dataclass(frozen=True)
class Progress:
    """The progress of a spec."""

    spec: str  # its path
    name: str
    done: int
    total: int


@dataclass(frozen=True)
class CloudResource:
    """Something that infrastructure code declares, or that a deploy printed."""

    name: str
    kind: str
    where: str  # path:line, or the log of a run


@dataclass(frozen=True)
class Words:
    """A user's text when answering a run, dismissing a finding or handing over."""

    text: str
    choice: Literal["modify", "reject", "dismiss", "note"]
    source: str  # the run, the finding or the day


class Obstacle(StrEnum):
    """The kind of a blocker."""

    GIT = "git"  # an operation in progress, or conflicts
    RUN = "run"  # that waits, is blocked or stopped
    UNPUSHED = "unpushed"
    BEHIND = "behind"
    MACHINE = "machine"  # a problem found by `doctor`


@dataclass(frozen=True)
class Blocker:
    """Something to do before the work continues."""

    kind: Obstacle
    text: str


@dataclass(frozen=True)
class Handoff:
    """All facts of a handoff."""

    at: float  # seconds since 1970
    since: float  # start of the session
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
    decisions: tuple[str, ...] = ()  # with their sources
    preferences: tuple[str, ...] = ()  # lines of the section, kept from handoff to handoff
    states: dict[str, str] = field(default_factory=dict)  # run -> status


@dataclass(frozen=True)
class Left:
    """A handoff on disk, as far as it can be compared with the current state."""

    path: str
    at: float = 0.0
    since: float = 0.0
    branch: str = ""
    head: str = ""
    dirty: tuple[str, ...] = ()
    states: dict[str, str] = field(default_factory=dict)
    is_ours: bool = False  # it has the record that `handoff` writes
    is_edited: bool = False  # changed since it was written
    sections: dict[str, tuple[str, ...]] = field(default_factory=dict)  # heading -> its lines
