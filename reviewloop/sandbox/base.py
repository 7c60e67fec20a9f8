"""What a sandbox is told, and what it makes of a command line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Level(StrEnum):
    """How commands are kept apart from the machine, strongest first."""

    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    SEATBELT = "sandbox-exec"
    EXTERNAL = "external"  # a user says that the whole of reviewloop runs in a container
    NONE = "none"


@dataclass(frozen=True)
class Limits:
    """The most that one command may use, with everything it starts."""

    processes: int = 1024
    memory_mb: int = 8192
    file_mb: int = 4096  # of one file


@dataclass(frozen=True)
class Mount:
    """A folder that is shown at another path where mounts are possible, elsewhere at its own."""

    source: Path
    target: Path
    write: bool = False


@dataclass(frozen=True)
class Network:
    """The ports of this machine that a command may use where it has no network of its own."""

    connect: tuple[int, ...] = ()
    listen: tuple[int, ...] = ()


@dataclass(frozen=True)
class Grants:
    """The places a command may use; everything else is absent or refused."""

    work: Path  # the workspace, writable
    over: Path | None = None  # the checkout's path: shows the workspace where mounts are possible
    write: tuple[Path, ...] = ()
    read: tuple[Path, ...] = ()  # may lie inside `over`: installed dependencies, git's objects
    mounts: tuple[Mount, ...] = ()
    network: Network = Network()


@dataclass(frozen=True)
class Started:
    """What to start in a command's stead, and the launcher's options."""

    argv: tuple[str, ...]
    options: tuple[str, ...] = ()


class Method(Protocol):
    """One way to confine commands."""

    @property
    def level(self) -> Level:
        """Which rung of the ladder it is."""
        ...

    def start(self, argv: Sequence[str], cwd: Path, grants: Grants, limits: Limits) -> Started:
        """Return how to start argv, whose program is an absolute path, in `cwd`."""
        ...


@dataclass(frozen=True)
class Unconfined:
    """No sandbox: for EXTERNAL, and for NONE where a user accepted it."""

    level: Level = Level.NONE

    def start(self, argv: Sequence[str], cwd: Path, grants: Grants, limits: Limits) -> Started:
        """Return argv as it is, under the limits that need no sandbox."""
        del cwd, grants
        return Started(tuple(argv), limit_options(limits))


@dataclass(frozen=True)
class Sandbox:
    """The level in force, and how it came about."""

    method: Method = field(default_factory=Unconfined)
    limits: Limits = Limits()
    refused: tuple[str, ...] = ()  # why each stronger level is not in force, a sentence each
    gaps: tuple[str, ...] = ()  # what this level lets through on this machine
    requested: str = "auto"  # the one level that was tried, or all

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
        """Whether commands find the workspace at the path of the user's checkout."""
        return self.level is Level.BUBBLEWRAP


@dataclass(frozen=True)
class Confinement:
    """A sandbox with the places that one kind of command needs."""

    find: Callable[[], Sandbox]  # asked when the first command starts: proving costs 0.1 s
    grants: Grants

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox; ReviewLoopError when there is none and nobody accepted that."""
        return self.find()

    def start(self, argv: Sequence[str], cwd: Path) -> Started:
        """Return how to start argv, whose program is an absolute path, in `cwd`."""
        sandbox = self.sandbox
        return sandbox.method.start(argv, cwd, self.grants, sandbox.limits)


_THREADS_PER_USER = 4096  # counts what the user runs besides, on kernels before 5.14


def limit_options(limits: Limits) -> tuple[str, ...]:
    """Return the launcher's options for the limits."""
    return (
        f"limit-FSIZE={limits.file_mb << 20}",
        f"limit-NPROC={max(_THREADS_PER_USER, limits.processes)}",
        f"watch-processes={limits.processes}",
        f"watch-memory={limits.memory_mb}",
    )
