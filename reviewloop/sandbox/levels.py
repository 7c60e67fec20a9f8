"""The levels of the sandbox: bubblewrap, Landlock and, on macOS, sandbox-exec."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from reviewloop.dataclass import dataclass
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
"""The files in /etc that programs need; none of them is secret on a sane system."""

HIDDEN = Path("/usr/local/etc")
"""Machine settings below its programs, for example npm's registry tokens."""

_IN_MEMORY = ("/tmp", "/run", "/var/tmp", "/dev/shm")  # noqa: S108 - empty, of the sandbox alone
_SHARE = 4  # each of them gets this part of the memory limit
_HELP_SECONDS = 10.0  # a working program answers at once
_KERNEL = ("/sys/devices/system/cpu", "/sys/fs/cgroup")  # the number of processors
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
    sizes: bool = False  # this release can limit folders in memory

    def start(self, argv: Sequence[str], cwd: Path, grants: Grants, limits: Limits) -> Started:
        """Return bubblewrap's command line; its filter has a fixed file descriptor."""
        words = [str(self.program), *_FLAGS, "--proc", "/proc", "--dev", "/dev"]
        # Files there are memory that counts for no process.
        bound = ["--size", str((limits.memory_mb << 20) // _SHARE)] if self.sizes else []
        for path in _IN_MEMORY:
            words += [*bound, "--tmpfs", path]
        for target, source, flag in sorted(_mounts(grants), key=lambda mount: len(mount[0].parts)):
            words += [flag, str(source), str(target)]
            if target == Path("/usr") and HIDDEN.is_dir():
                words += ["--tmpfs", str(HIDDEN), "--remount-ro", str(HIDDEN)]
        # For an administrator bubblewrap leaves /proc/sys writable: its owner is he, without a
        # namespace in between, and `core_pattern` names a program that the kernel starts.
        words += ["--remount-ro", "/proc", "--remount-ro", "/"]
        words += ["--seccomp", str(FILTER_FD), "--chdir", str(cwd)]
        return Started((*words, "--", *argv), ("filter=pass", *limit_options(limits)))


def can_bound_folders(program: Path) -> bool:
    """Return whether this bubblewrap has `--size`, added in 0.7."""
    try:
        file = program.stat()
        return b"--size" in _help_of(program, file.st_mtime_ns, file.st_size)
    except (OSError, subprocess.SubprocessError):
        return False


@lru_cache(maxsize=4)
def _help_of(program: Path, *_file: int) -> bytes:
    """Return a program's help, cached until its file changes, as each task of a batch needs it."""
    done = subprocess.run([program, "--help"], capture_output=True, timeout=_HELP_SECONDS, cwd="/")
    return done.stdout + done.stderr


Mount = tuple[Path, Path, str]
"""Target, source, flag."""


def _mounts(grants: Grants) -> Iterator[Mount]:
    """Yield all of them; deeper targets are mounted later, over the others."""
    yield from _system_mounts()
    for path in dict.fromkeys(grants.read):
        if path.exists() and not _is_system(path) and not _behind_link(path, grants):
            yield path, path, "--ro-bind"
    if grants.over is not None and grants.over != grants.work:
        yield grants.over, grants.work, "--bind"
    for path in dict.fromkeys((grants.work, *grants.write)):
        yield path, path, "--bind"
    for one in grants.mounts:
        yield one.target, one.source, "--bind" if one.write else "--ro-bind"


@lru_cache(maxsize=1)  # each command asks, and nothing that we run can change it
def _system_mounts() -> tuple[Mount, ...]:
    return tuple(_find_system_mounts())


def _find_system_mounts() -> Iterator[Mount]:
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            yield path, Path(os.readlink(path)), "--symlink"  # noqa: PTH115 - kept as it is
        elif path.is_dir():
            yield path, path, "--ro-bind"
    for path in (*(Path("/etc", name) for name in ETC), *map(Path, _KERNEL)):
        if path.is_symlink() and path.resolve().is_relative_to("/usr"):
            yield path, Path(os.readlink(path)), "--symlink"  # noqa: PTH115 - no mount needed
        elif path.exists():
            yield path, path, "--ro-bind-try"  # each takes a sixth of a millisecond


def _is_system(path: Path) -> bool:
    return path.is_absolute() and "".join(path.parts[:2]) in SYSTEM


def _behind_link(path: Path, grants: Grants) -> bool:
    """Return whether the workspace has a link, or a file as a folder, on the path of a mount.

    bubblewrap creates the folders it mounts on, and follows links while the machine's own root is
    still mounted beside the new one: `package -> /oldroot/home` would create them in a home folder.
    """
    for root in filter(None, (grants.over, grants.work)):
        if path == root or not path.is_relative_to(root):
            continue
        below = path.relative_to(root).parts
        for number in range(1, len(below) + 1):
            inner = grants.work.joinpath(*below[:number])
            if inner.is_symlink():
                return True
            if inner.exists() and inner.is_dir() != (number < len(below) or path.is_dir()):
                return True
    return False


_DEVICES = ("null", "zero", "full", "random", "urandom")
_LANDLOCK_KERNEL = ("/proc", "/sys/devices/system/cpu", "/sys/fs/cgroup")
_SIGNALS_SINCE = 6


@dataclass(frozen=True)
class Landlock:
    """Runs commands directly, after the launcher has confined itself."""

    version: int
    level: Level = Level.LANDLOCK

    def start(self, argv: Sequence[str], cwd: Path, grants: Grants, limits: Limits) -> Started:
        """Return argv unchanged, with the launcher's options that confine it."""
        del cwd
        read = (
            *_system(),
            *(f"/etc/{name}" for name in ETC),
            *_LANDLOCK_KERNEL,
            *map(str, grants.read),
            *(str(one.source) for one in grants.mounts if not one.write),
        )
        shown = (one.source for one in grants.mounts if one.write)
        devices = (Path("/dev", name) for name in _DEVICES)
        write = (grants.work, *grants.write, *shown, *devices)
        options = [f"list={path}" for path in HIDDEN.parents[:-1]]
        options += [f"read={path}" for path in dict.fromkeys(read)]
        options += [f"write={path}" for path in dict.fromkeys(write)]
        options += [f"connect={port}" for port in grants.network.connect]
        options += [f"listen={port}" for port in grants.network.listen]
        sockets = "tcp" if grants.network.connect else "on"
        options += ["landlock=on", f"filter={sockets}", *limit_options(limits)]
        return Started(tuple(argv), tuple(options))

    @property
    def gaps(self) -> tuple[str, ...]:
        """Return what this level does not prevent."""
        found = [
            "no local network and no shared memory, so tests that need them fail",
            "command lines of your other processes can be read, and they could be made slower",
            "modes and times of your own files could be changed, not their contents",
            "existence, size and times of any file, and where links lead, can be seen",
        ]
        if self.version < _SIGNALS_SINCE:
            found.append("your other processes could be signalled (Linux 6.12 prevents it)")
        return tuple(found)


@lru_cache(maxsize=1)  # each command needs it, and nothing that we run can change it
def _system() -> tuple[str, ...]:
    """Return the paths of the system's programs, without `HIDDEN` if it is not empty."""
    try:
        if not any(HIDDEN.iterdir()):
            return SYSTEM
    except OSError:
        return SYSTEM
    outer, inner = HIDDEN.parents[1], HIDDEN.parents[0]
    shown = [path for path in outer.iterdir() if path != inner]
    shown += [path for path in inner.iterdir() if path != HIDDEN]
    return (*map(str, shown), *(name for name in SYSTEM if name != str(outer)))


def kernel_version() -> int:
    """Return the kernel's Landlock version, 0 when it has none."""
    if sys.platform != "linux":
        return 0
    from reviewloop.sandbox import confine

    return confine.landlock_version()


PROGRAM = Path("/usr/bin/sandbox-exec")

_SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/System",
    "/Library/Developer",
    "/Library/Frameworks",
    "/Library/Preferences/Logging",
    "/private/etc/ssl",
    "/private/etc/passwd",
    "/private/etc/group",
    "/private/etc/hosts",
    "/private/etc/localtime",
    "/private/var/db/timezone",
    "/private/var/db/dyld",
    "/private/var/select",
    "/opt/homebrew",
    "/dev",
)
_ANY_PORT = '(allow network-outbound (remote ip "localhost:*"))'
_RULES = """(version 1)
(deny default)
(allow process-fork)
(allow process-exec)
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow sysctl-read)
(allow ipc-posix-sem)
(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow mach-lookup (global-name "com.apple.logd"))
(allow file-read-metadata)
(allow file-read* (literal "/"))
(allow network-bind (local ip "localhost:*"))
(allow network-inbound (local ip "localhost:*"))
(allow network-outbound (remote ip "localhost:*"))
(allow file-write* (literal "/dev/null") (literal "/dev/zero"))
"""


@dataclass(frozen=True)
class Seatbelt:
    """Runs commands through sandbox-exec."""

    program: Path = PROGRAM
    level: Level = Level.SEATBELT

    def start(self, argv: Sequence[str], cwd: Path, grants: Grants, limits: Limits) -> Started:
        """Return sandbox-exec's command line with the whole profile as an argument."""
        del cwd
        profile = _RULES
        if ports := grants.network.connect:  # else all ports of this machine
            own = "".join(f'(remote ip "localhost:{port}")' for port in ports)
            profile = profile.replace(_ANY_PORT, f"(allow network-outbound {own})")
        shown = [one.source for one in grants.mounts if not one.write]
        changed = [one.source for one in grants.mounts if one.write]
        for path in (*map(Path, _SYSTEM), *_both((*grants.read, *shown))):
            profile += f"(allow file-read* (subpath {_quoted(path)}))\n"
        for path in _both((grants.work, *grants.write, *changed)):
            profile += f"(allow file-read* file-write* (subpath {_quoted(path)}))\n"
        return Started((str(self.program), "-p", profile, *argv), limit_options(limits))


def _both(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return paths as written and as the kernel resolves them: /tmp is /private/tmp."""
    return tuple(dict.fromkeys(form for path in paths for form in (path, path.resolve())))


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
