"""Chooses the strongest sandbox level of this machine that passes its proof."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from reviewloop.git.process import find_program
from reviewloop.sandbox import levels, seccomp
from reviewloop.sandbox.base import Level, Limits, Method, Sandbox, Unconfined
from reviewloop.sandbox.levels import Bubblewrap, can_bound_folders
from reviewloop.sandbox.proof import escapes

_RESTRICTION = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")


def choose(
    *, requested: str = "auto", external: bool = False, limits: Limits | None = None
) -> Sandbox:
    """Return the sandbox for this machine; its level is NONE when no level works.

    `requested` is the only level to use, or "auto"; `external` says that a user declared the whole
    process to be contained already. Each level is proven once per process.
    """
    limits = limits or Limits()
    refused: list[str] = []
    for level, find in _LADDER.items():
        if requested not in {"auto", level}:
            continue
        method, problem = _proven(level, find)
        if method is not None:
            gaps = method.gaps if isinstance(method, levels.Landlock) else ()
            return Sandbox(method, limits, tuple(refused), gaps, requested)
        if not problem and requested == level:
            problem = "this system does not have it"
        if problem:
            refused.append(f"{level}: {problem}")
    level = Level.EXTERNAL if external else Level.NONE
    return Sandbox(Unconfined(level), limits, tuple(refused), (), requested)


def _bubblewrap() -> Method | str:
    if sys.platform != "linux":
        return ""
    program = find_program("bwrap")
    if program is None:
        return "the program bwrap is not installed"
    if not seccomp.supported():
        return "its system-call filter does not know this processor"
    return Bubblewrap(program, sizes=can_bound_folders(program))


def _landlock() -> Method | str:
    if sys.platform != "linux":
        return ""
    version = levels.kernel_version()
    if version == 0:
        return "the kernel does not offer it (Linux 6.2 or newer is needed)"
    if not seccomp.supported():
        return "its system-call filter does not know this processor"
    return levels.Landlock(version)


def _seatbelt() -> Method | str:
    if sys.platform != "darwin":
        return ""
    return levels.Seatbelt() if levels.PROGRAM.exists() else "sandbox-exec is missing"


_LADDER: dict[Level, Callable[[], Method | str]] = {
    Level.BUBBLEWRAP: _bubblewrap,
    Level.LANDLOCK: _landlock,
    Level.SEATBELT: _seatbelt,
}


def _proven(level: Level, find: Callable[[], Method | str]) -> tuple[Method | None, str]:
    found = find()
    if isinstance(found, str):
        return None, found
    problem = _trial(found)
    if problem is None:
        return found, ""
    if level is Level.BUBBLEWRAP and _restricted():
        problem += " (this system keeps unprivileged programs from making name spaces)"
    return None, problem


_tried: dict[Method, str | None] = {}


def _trial(method: Method) -> str | None:
    if method not in _tried:
        _tried[method] = escapes(Sandbox(method))
    return _tried[method]


def _restricted() -> bool:
    try:
        return _RESTRICTION.read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False


def how_to_improve(sandbox: Sandbox) -> Iterator[str]:
    """Yield what a user can do for a stronger level on this machine, a sentence each."""
    if sandbox.requested != "auto":
        yield f"let the strongest be found: sandbox.level is {sandbox.requested}, not auto"
    if sandbox.level is Level.BUBBLEWRAP or sys.platform != "linux":
        return
    if find_program("bwrap") is None:
        yield "install bubblewrap with the system's package manager (apt, dnf or pacman)"
    if _restricted():
        yield (
            "allow bubblewrap to make name spaces: put an AppArmor profile for /usr/bin/bwrap into "
            "/etc/apparmor.d (docs/sandbox.md has it) and reload it; the sysctl "
            "kernel.apparmor_restrict_unprivileged_userns=0 does it for every program"
        )


def runs_in_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether this machine works without a user watching."""
    return any(
        environ.get(name, "").lower() not in {"", "0", "false"} for name in ("CI", "GITHUB_ACTIONS")
    )
