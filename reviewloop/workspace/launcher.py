"""The small program between reviewloop and a command: nothing the command started outlives it.

Started by path as `python -I -S launcher.py PARENT_PID GRACE PROGRAM ARGV0 ARG...`, so it may use
the standard library only. On Linux it adopts what the command daemonises (subreaper) and ends when
its parent does; elsewhere the caller's kill of the process group is all there is.
"""

import ctypes
import os
import resource
import signal
import sys
import time
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"


class _Ended(BaseException):
    """The parent asked for the end, or is gone."""


def main() -> int:
    """Run the command; answer with its exit code, 128 + n when signal n ended it."""
    parent, grace, program = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGALRM, lambda *_: _end_when_orphaned(parent))
    signal.setitimer(signal.ITIMER_REAL, 1.0, 1.0)
    if _LINUX:
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code = 128 + signal.SIGTERM
    child = 0
    try:
        _end_when_orphaned(parent)  # it may have died before the death signal was armed
        child = os.fork()
        if child == 0:
            _become(program, sys.argv[4:])
        code = _wait(child)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except _Ended:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if child and os.getppid() == parent:
            os.killpg(os.getpgrp(), signal.SIGTERM)
            _wait(child, time.monotonic() + grace)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if _LINUX:
        _kill_descendants()
    return code


def _end(*_: int | FrameType | None) -> None:
    raise _Ended


def _end_when_orphaned(parent: int) -> None:
    if os.getppid() != parent:
        raise _Ended


def _become(program: str, argv: list[str]) -> None:
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)  # Python ignores two of them, and that is inherited
    try:
        os.execv(program, argv)  # noqa: S606 - argv only is the point
    except OSError as error:
        os.write(2, f"reviewloop: {program} could not be started: {error.strerror}\n".encode())
        os._exit(126)


def _wait(child: int, until: float | None = None) -> int:
    while True:
        try:
            pid, status = os.waitpid(-1, 0 if until is None else os.WNOHANG)
        except ChildProcessError:
            return 0
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if until is not None and pid == 0:
            if time.monotonic() > until:
                return 0
            time.sleep(0.01)


def _kill_descendants() -> None:
    """Kill children until none is left: each death hands its own children to us."""
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        for pid in _children():
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def _children() -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - pathlib takes 10 ms more
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == os.getpid() and state != b"Z":
            found.append(int(name))
    return found


if __name__ == "__main__":
    sys.exit(main())
