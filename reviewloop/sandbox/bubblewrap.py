"""The first level: bubblewrap, name spaces and a root that holds only what is granted."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from reviewloop.sandbox.base import Grants, Level, Limits, Started, limit_options
from reviewloop.sandbox.confine import FILTER_FD

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Programs and libraries of the system: links to /usr, or folders of their own."""

ETC = (
    "alternatives",
    "crypto-policies",
    "fonts",
    "group",
    "hosts",
    "ld.so.cache",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "ca-certificates",
    "pki/ca-trust",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "protocols",
    "services",
    "ssl/ca-bundle.pem",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
)
"""What of /etc programs need; none of it is secret on a sane system."""

HIDDEN = Path("/usr/local/etc")
"""Settings of the machine below its programs: npm's registry tokens stand there, say."""

_IN_MEMORY = ("/tmp", "/run", "/var/tmp", "/dev/shm")  # noqa: S108 - empty, of the sandbox alone
_SHARE = 4  # each of them gets this part of the limit on memory
_HELP_SECONDS = 10.0  # it answers at once, or it is none
_KERNEL = ("/sys/devices/system/cpu", "/sys/fs/cgroup")  # how many processors there are
_FLAGS = (
    "--unshare-user",
    "--unshare-ipc",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--hostname",
    "localhost",
    "--die-with-parent",
    "--new-session",
    "--cap-drop",
    "ALL",
)


@dataclass(frozen=True)
class Bubblewrap:
    """Runs commands through the bubblewrap program."""

    program: Path
    level: Level = Level.BUBBLEWRAP
    sizes: bool = False  # whether this release can bound folders in memory

    def start(self, argv: Sequence[str], cwd: Path, grants: Grants, limits: Limits) -> Started:
        """Return bubblewrap's command line; its filter stands at a fixed file descriptor."""
        words = [str(self.program), *_FLAGS, "--proc", "/proc", "--dev", "/dev"]
        # What is written there is memory that no process is charged for.
        bound = ["--size", str((limits.memory_mb << 20) // _SHARE)] if self.sizes else []
        for place in _IN_MEMORY:
            words += [*bound, "--tmpfs", place]
        for target, source, flag in sorted(_mounts(grants), key=lambda mount: len(mount[0].parts)):
            words += [flag, str(source), str(target)]
            if target == Path("/usr") and HIDDEN.is_dir():
                words += ["--tmpfs", str(HIDDEN), "--remount-ro", str(HIDDEN)]
        # For an administrator bubblewrap leaves /proc/sys writable: its owner is he, without a name
        # space in between, and `core_pattern` names a program that the kernel starts.
        words += ["--remount-ro", "/proc", "--remount-ro", "/"]
        words += ["--seccomp", str(FILTER_FD), "--chdir", str(cwd)]
        return Started((*words, "--", *argv), ("filter=pass", *limit_options(limits)))


def can_bound_folders(program: Path) -> bool:
    """Whether this bubblewrap knows `--size`, which came with 0.7."""
    try:
        file = program.stat()
        return b"--size" in _help_of(program, file.st_mtime_ns, file.st_size)
    except (OSError, subprocess.SubprocessError):
        return False


@lru_cache(maxsize=4)
def _help_of(program: Path, *_file: int) -> bytes:
    """Ask a program, and again once its file is another: each task of a batch wants to know."""
    done = subprocess.run([program, "--help"], capture_output=True, timeout=_HELP_SECONDS, cwd="/")
    return done.stdout + done.stderr


def _mounts(grants: Grants) -> Iterator[tuple[Path, Path, str]]:
    """Yield (target, source, flag); those further down are mounted later, over the others."""
    for name in SYSTEM:
        place = Path(name)
        if place.is_symlink():
            yield place, Path(os.readlink(place)), "--symlink"  # noqa: PTH115 - kept as it is
        elif place.is_dir():
            yield place, place, "--ro-bind"
    for place in (*(Path("/etc", name) for name in ETC), *map(Path, _KERNEL)):
        if place.is_symlink() and place.resolve().is_relative_to("/usr"):
            yield place, Path(os.readlink(place)), "--symlink"  # noqa: PTH115 - no mount needed
        elif place.exists():
            yield place, place, "--ro-bind-try"  # each costs a sixth of a millisecond
    for place in dict.fromkeys(grants.read):
        if place.exists() and not _is_system(place) and not _behind_link(place, grants):
            yield place, place, "--ro-bind"
    if grants.over is not None and grants.over != grants.work:
        yield grants.over, grants.work, "--bind"
    for place in dict.fromkeys((grants.work, *grants.write)):
        yield place, place, "--bind"


def _is_system(place: Path) -> bool:
    return any(place.is_relative_to(name) for name in SYSTEM)


def _behind_link(place: Path, grants: Grants) -> bool:
    """Whether the workspace has a link, or a file as a folder, where a place is to be mounted.

    bubblewrap makes the folders it mounts on, and follows links while the machine's own root still
    stands beside the new one: `package -> /oldroot/home` would make them in somebody's home.
    """
    for root in filter(None, (grants.over, grants.work)):
        if place == root or not place.is_relative_to(root):
            continue
        below = place.relative_to(root).parts
        for number in range(1, len(below) + 1):
            inner = grants.work.joinpath(*below[:number])
            if inner.is_symlink():
                return True
            if inner.exists() and inner.is_dir() != (number < len(below) or place.is_dir()):
                return True
    return False
