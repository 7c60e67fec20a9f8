"""The inputs of a sandbox, and the command line that it returns."""

from collections.abc import Callable, Sequence
from dataclasses import field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from reviewloop.dataclass import dataclass


class Level(StrEnum):
    """How commands are isolated from the machine, strongest first."""

    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    SEATBELT = "sandbox-exec"
    EXTERNAL = "external"  # the user declares that all of reviewloop runs in a container
    NONE = "none"


@dataclass(frozen=True)
class Limits:
    """The limits of one command with all its children."""

    processes: int = 1024
    memory_mb: int = 8192
    file_mb: int = 4096  # of one file


@dataclass(frozen=True)
class Mount:
    """A folder shown at another path where mounts are possible, else at its own."""

    source: Path
    target: Path
    write: bool = False


@dataclass(frozen=True)
class Network:
    """The ports of this machine for a command without a network of its own."""

    connect: tuple[int, ...] = ()
    listen: tuple[int, ...] = ()


@dataclass(frozen=True)
class Grants:
    """The paths that a command may use; all others are absent or refused."""

    work: Path  # the workspace, writable
    over: Path | None = None  # the checkout's path: shows the workspace where mounts are possible
    write: tuple[Path, ...] = ()
    read: tuple[Path, ...] = ()  # may be inside `over`: installed dependencies, git's objects
    mounts: tuple[Mount, ...] = ()
    network: Network = Network()


@dataclass(frozen=True)
class Started:
    """The command line to start instead, and the launcher's options."""

    argv: tuple[str, ...]
    options: tuple[str, ...] = ()


class Method(Protocol):
    """One way to confine commands."""

    @property
    def level(self) -> Level:
        """The level of this method."""
        ...

    def start(self, argv: Sequence[str], cwd: Path, grants: Grants, limits: Limits) -> Started:
        """Return how to start argv, whose program is an absolute path, in `cwd`."""
        ...


@dataclass(frozen=True)
class Unconfined:
    """No sandbox: for EXTERNAL, and for NONE where a user accepted it."""

    level: Level = Level.NONE

    def start(self, argv: Sequence[str], cwd: Path, grants: Grants, limits: Limits) -> Started:
        """Return argv unchanged, with the limits that need no sandbox."""
        del cwd, grants
        return Started(tuple(argv), limit_options(limits))


@dataclass(frozen=True)
class Sandbox:
    """The chosen level, and why no stronger one."""

    method: Method = field(default_factory=Unconfined)
    limits: Limits = Limits()
    refused: tuple[str, ...] = ()  # why each stronger level is not used, a sentence each
    gaps: tuple[str, ...] = ()  # what this level does not prevent on this machine
    requested: str = "auto"  # the only level that was tried, or all

    @property
    def level(self) -> Level:
        """The level's name, for reports."""
        return self.method.level

    @property
    def is_proven(self) -> bool:
        """Whether attempts to escape were made and failed."""
        return self.level in {Level.BUBBLEWRAP, Level.LANDLOCK, Level.SEATBELT}

    @property
    def mounts_over(self) -> bool:
        """Whether commands see the workspace at the path of the user's checkout."""
        return self.level is Level.BUBBLEWRAP


@dataclass(frozen=True)
class Confinement:
    """A sandbox with the paths that one kind of command needs."""

    find: Callable[[], Sandbox]  # called when the first command starts: the proof takes 0.1 s
    grants: Grants

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox; raises ReviewLoopError when there is none and no acceptance of that."""
        return self.find()

    def start(self, argv: Sequence[str], cwd: Path) -> Started:
        """Return how to start argv, whose program is an absolute path, in `cwd`."""
        sandbox = self.sandbox
        return sandbox.method.start(argv, cwd, self.grants, sandbox.limits)


_THREADS_PER_USER = 4096  # includes the user's other programs, on kernels before 5.14


def limit_options(limits: Limits) -> tuple[str, ...]:
    """Return the launcher's options for the limits."""
    return (
        f"limit-FSIZE={limits.file_mb << 20}",
        f"limit-NPROC={max(_THREADS_PER_USER, limits.processes)}",
        f"watch-processes={limits.processes}",
        f"watch-memory={limits.memory_mb}",
    )
