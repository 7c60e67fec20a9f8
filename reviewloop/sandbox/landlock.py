"""The second level: the kernel's Landlock and a system-call filter, put on by our own launcher.

It mounts nothing, so the checkout is simply not readable; it has no network at all, not even a
local one; and the kernel checks no `chmod`, `chown` or `utime` (Landlock, "Current limitations").
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from reviewloop.sandbox.base import Grants, Level, Limits, Started, limit_options
from reviewloop.sandbox.bubblewrap import ETC, HIDDEN, SYSTEM

_DEVICES = ("null", "zero", "full", "random", "urandom")
_KERNEL = ("/proc", "/sys/devices/system/cpu", "/sys/fs/cgroup")
_SIGNALS_SINCE = 6


@dataclass(frozen=True)
class Landlock:
    """Runs commands as they are, after the launcher has confined itself."""

    version: int
    level: Level = Level.LANDLOCK

    def start(self, argv: Sequence[str], cwd: Path, grants: Grants, limits: Limits) -> Started:
        """Return argv as it is, with the launcher's options that confine it."""
        del cwd
        read = (*_system(), *(f"/etc/{name}" for name in ETC), *_KERNEL, *map(str, grants.read))
        write = (grants.work, *grants.write, *(Path("/dev", name) for name in _DEVICES))
        options = [f"list={place}" for place in HIDDEN.parents[:-1]]
        options += [f"read={place}" for place in dict.fromkeys(read)]
        options += [f"write={place}" for place in dict.fromkeys(write)]
        options += ["landlock=on", "filter=on", *limit_options(limits)]
        return Started(tuple(argv), tuple(options))

    @property
    def gaps(self) -> tuple[str, ...]:
        """Return what this level lets through."""
        found = [
            "no local network and no shared memory, so tests that need them fail",
            "command lines of your other processes can be read, and they could be made slower",
            "modes and times of your own files could be changed, not their contents",
            "existence, size and times of any file, and where links lead, can be seen",
        ]
        if self.version < _SIGNALS_SINCE:
            found.append("your other processes could be signalled (Linux 6.12 prevents it)")
        return tuple(found)


@lru_cache(maxsize=1)  # each command asks, and nothing that we run can change it
def _system() -> tuple[str, ...]:
    """Return the places of the system's programs, `HIDDEN` left out if there is anything in it."""
    try:
        if not any(HIDDEN.iterdir()):
            return SYSTEM
    except OSError:
        return SYSTEM
    outer, inner = HIDDEN.parents[1], HIDDEN.parents[0]
    shown = [place for place in outer.iterdir() if place != inner]
    shown += [place for place in inner.iterdir() if place != HIDDEN]
    return (*map(str, shown), *(name for name in SYSTEM if name != str(outer)))


def kernel_version() -> int:
    """Return the kernel's Landlock version, 0 when it has none."""
    if sys.platform != "linux":
        return 0
    from reviewloop.sandbox import confine

    return confine.landlock_version()
