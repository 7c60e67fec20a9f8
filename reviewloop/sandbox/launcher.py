"""The program between reviewloop and a command: it ends all processes that the command started.

Started as `python -I -S -c "… main()" PARENT GRACE NAME=VALUE... -- PROGRAM ARGV0 ARG...`, so
it may use the standard library only. On Linux it adopts daemons of the command (subreaper), ends
when its parent does, and limits the number of processes and the memory; elsewhere the caller's kill
of the process group has to suffice. If a process cannot be ended, it kills itself with SIGUSR2. The
other options confine the command: see `sandbox/confine.py`.
"""

import ctypes
import os
import resource
import sys
import time

MYPY = False
if MYPY:
    import signal
else:  # the base of `signal`, without its enumerations, which take a third of our time
    import _signal as signal

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"
_WATCH_SECONDS = 0.05
_FULL_LOOK = 5  # every n-th check is a full one
_REAPED = 1000  # dead processes at a time; some are replaced as fast as they are reaped
_NAMED = 20  # processes that could not be ended, listed
_PATIENCE = 8  # half milliseconds; a namespace's first process ends by itself after the command
_OURS = (signal.SIGTERM, signal.SIGALRM)
_LONGEST_KILL = 5.0  # seconds
_NO_NEW_PRIVILEGES = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # of Landlock
_ABI_QUESTION, _PATH_BENEATH, _REFER = 1, 1, 1 << 13
_SIGNALS_SINCE, _SIGNALS = 6, 2  # its first version that confines signals, and the right's bit
TOO_MUCH = 125


class _Ended(BaseException):
    """The parent requested the end, or has ended."""


class _TooMuchError(BaseException):
    """The command exceeds a limit."""


def main() -> int:
    """Run the command; return its exit code, 128 + n when signal n ended it."""
    parent, grace = int(sys.argv[1]), float(sys.argv[2])
    end = sys.argv.index("--")
    options, program, argv = sys.argv[3:end], sys.argv[end + 1], sys.argv[end + 2 :]
    watch = _Watch(parent, options)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGALRM, watch.look)
    signal.setitimer(signal.ITIMER_REAL, _WATCH_SECONDS)
    if _LINUX:
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if "landlock=on" in options:
            _keep_signals_in(libc, parent)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code = 128 + signal.SIGTERM
    child = 0
    try:
        _end_when_orphaned(parent)  # it may have died before the death signal was set
        # A signal between the fork and the command must not run our handlers in the child.
        signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)
        child = os.fork()
        if child == 0:
            _become(program, argv, options)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
        code = _wait(child)
        _raised.append(_Ended())  # from here on, leftovers of the command are killed first
    except _TooMuchError as error:
        os.write(2, f"\nreviewloop: the command was ended: {error}\n".encode())
        code = TOO_MUCH
    except _Ended:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if child and os.getppid() == parent:
            os.killpg(os.getpgrp(), signal.SIGTERM)
            _wait(child, time.monotonic() + grace)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if _LINUX and not _kill_descendants():
        left = " ".join(str(pid) for pid, _ in _descendants()[:_NAMED])
        os.write(2, f"\nreviewloop: these processes could not be ended: {left}\n".encode())
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGUSR2)
    return code


_signals_stay_in: list[bool] = []


def _keep_signals_in(libc: ctypes.CDLL, parent: int) -> None:
    """Restrict our signals to our descendants, so that "kill all" is safe.

    Without effect on kernels that cannot do it.
    """
    zero, none = ctypes.c_size_t(0), ctypes.c_uint(0)
    if libc.syscall(_CREATE_RULESET, None, zero, _ABI_QUESTION) < _SIGNALS_SINCE:
        return
    # Every domain refuses to move files between folders unless it is allowed: it is, everywhere.
    rights = (ctypes.c_uint64 * 3)(_REFER, 0, _SIGNALS)
    ruleset = libc.syscall(_CREATE_RULESET, rights, ctypes.c_size_t(24), none)
    if ruleset < 0:
        return
    top = os.open("/", os.O_PATH | os.O_CLOEXEC)
    rule = _REFER.to_bytes(8, sys.byteorder) + top.to_bytes(4, sys.byteorder)
    libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, none)
    os.close(top)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.syscall(_RESTRICT_SELF, ruleset, none)
    os.close(ruleset)
    try:
        os.kill(parent, 0)
    except PermissionError:
        _signals_stay_in.append(True)  # verified, as "kill all" would otherwise end the machine
    except ProcessLookupError:
        return


_raised: list[BaseException] = []


def _raise_once(error: BaseException) -> None:
    """Raise the first reason to end; a second one must not interrupt its handling."""
    if not _raised:
        _raised.append(error)
        raise error


def _end(*_: object) -> None:
    _raise_once(_Ended())


def _end_when_orphaned(parent: int) -> None:
    if os.getppid() != parent:
        _raise_once(_Ended())


class _Watch:
    """Ends a command that exceeds a limit, and everything once the parent has ended."""

    def __init__(self, parent: int, options: list[str]) -> None:
        self._parent = parent
        self._most = {}
        for option in [option for option in options if option.startswith("watch-")]:
            options.remove(option)  # the other options are for the command's process
            name, _, value = option.removeprefix("watch-").partition("=")
            self._most[name] = int(value)
        self._looks = 0
        self._before = 0
        self._shared = 0
        if _LINUX and self._most:
            self._before = _tasks()
            self._shared = _shared_memory()
            _go_first()

    def look(self, *_: object) -> None:
        """Check the limits; called by a timer, which is set again after each check.

        With thousands of processes a check takes longer than the pause, and one interrupted by the
        next would never finish.
        """
        self._look()
        if not _raised:
            signal.setitimer(signal.ITIMER_REAL, _WATCH_SECONDS)

    def _look(self) -> None:
        _end_when_orphaned(self._parent)
        if not _LINUX or not self._most:
            return
        self._looks += 1
        most = self._most["processes"]
        if self._looks % _FULL_LOOK and _tasks() - self._before <= most:
            return
        found = _descendants()
        if len(found) > most:
            _raise_once(_TooMuchError(f"{len(found)} processes, and {most} are allowed"))
        megabytes = sum(int(stat[21]) for _, stat in found) * os.sysconf("SC_PAGE_SIZE") >> 20
        if megabytes > self._most["memory"]:
            megabytes = _shared_counted_once(found)
        if megabytes <= self._most["memory"] and self._has_shared(megabytes):
            megabytes += _in_files(found) >> 20
        if megabytes > self._most["memory"]:
            text = f"{megabytes} MB of memory, and {self._most['memory']} are allowed"
            _raise_once(_TooMuchError(text))

    def _has_shared(self, megabytes: int) -> bool:
        """Return whether the machine's shared memory grew beyond the limit."""
        grown = _shared_memory() - self._shared >> 20
        return grown > 0 and megabytes + grown > self._most["memory"]


def _shared_memory() -> int:
    """Return the bytes of memory on this machine that are files without a disk."""
    try:
        with open("/proc/meminfo", "rb") as file:
            for line in file:
                if line.startswith(b"Shmem:"):
                    return int(line.split()[1]) << 10
    except OSError:
        return 0
    return 0


def _in_files(found: list[tuple[int, list[bytes]]]) -> int:
    """Return the bytes of unnamed files in memory that processes hold open."""
    held: dict[tuple[int, int], int] = {}
    for pid, _ in found:
        folder = f"/proc/{pid}/fd"
        try:
            for name in os.listdir(folder):
                path = f"{folder}/{name}"
                if os.readlink(path).startswith("/memfd:"):
                    file = os.stat(path)
                    held[file.st_dev, file.st_ino] = file.st_blocks * 512
        except OSError:  # it ended, or closed the file
            continue
    return sum(held.values())


def _shared_counted_once(found: list[tuple[int, list[bytes]]]) -> int:
    """Return the megabytes of processes, with memory shared by forks counted once."""
    kilobytes = 0
    for pid, stat in found:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                lines = file.read().split(b"\n")
            kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith(b"Pss:"))
        except OSError:  # it ended, or is not readable
            kilobytes += int(stat[21]) * os.sysconf("SC_PAGE_SIZE") >> 10
    return kilobytes >> 10


def _tasks() -> int:
    """Return the number of tasks of the machine, threads included, with a single read."""
    with open("/proc/loadavg", "rb") as file:
        return int(file.read().split()[3].partition(b"/")[2])


def _go_first() -> None:
    """Get scheduled before multiplying processes: administrators have no limit of processes.

    Children fall back to normal. For other users the limit works and this is refused.
    """
    first = os.sched_param(os.sched_get_priority_min(os.SCHED_FIFO))
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, first)
    except OSError:
        return


def _become(program: str, argv: list[str], options: list[str]) -> None:
    for number in (signal.SIGPIPE, signal.SIGXFSZ, *_OURS):
        signal.signal(number, signal.SIG_DFL)  # Python ignores two of them, which children inherit
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
    try:
        if options:
            sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
            from sandbox import confine  # type: ignore[import-not-found] # a package only to us

            confine.apply(options)
        os.execv(program, argv)  # noqa: S606 - argv only is the point
    except OSError as error:
        os.write(2, f"reviewloop: {program} could not be started: {error.strerror}\n".encode())
    finally:
        os._exit(126)  # after any error: an unconfined command must not start


def _wait(child: int, until: float | None = None) -> int:
    while True:
        try:
            pid, status = os.waitpid(-1, 0 if until is None else os.WNOHANG)
        except ChildProcessError:
            return 0
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if until is not None:
            if time.monotonic() > until:  # also while others end without a pause
                return 0
            if pid == 0:
                time.sleep(0.01)


def _kill_descendants() -> bool:
    """Kill children until none is left: each death makes its own children ours.

    Return whether all are dead.
    """
    deadline = time.monotonic() + _LONGEST_KILL
    patience = _PATIENCE
    while time.monotonic() < deadline:
        try:
            for _ in range(_REAPED):
                if not os.waitpid(-1, os.WNOHANG)[0]:
                    break
        except ChildProcessError:
            return True
        if patience:
            patience -= 1
            time.sleep(0.0005)
            continue
        if _signals_stay_in:  # in one step, while nothing can fork
            _kill(-1, signal.SIGKILL)
            time.sleep(0.001)
            continue
        # Stop all of them before the first dies: multiplying processes would be faster than us.
        living = [pid for pid, stat in _descendants() if stat[0] != b"Z"]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in living:
                _kill(pid, number)
        time.sleep(0.005)
    return False


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return  # it ended by itself, or is killed with its namespace


def _descendants() -> list[tuple[int, list[bytes]]]:
    """Return pid and fields of `stat` (from the state on) of all our descendants."""
    children: dict[int, list[tuple[int, list[bytes]]]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                stat = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        children.setdefault(int(stat[1]), []).append((int(name), stat))
    found = children.get(os.getpid(), [])
    for pid, _ in found:  # grows while it is read
        found += children.get(pid, [])
    return found
