"""Fault points at which a test makes this process fail, to prove that a resumed run loses nothing.

Only the variable `REVIEWLOOP_FAULT` enables them. Its value is `name`, or `name:k` for the k-th
time the point is passed (counted from 1), and the action: `name:k=action` with one of `ACTIONS`, by
default SIGKILL. The value `@FILE` writes the name of every point that is passed into FILE, one a
line, and nothing fails.
"""

import errno
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

VARIABLE = "REVIEWLOOP_FAULT"
EXIT = 99  # exit code after the action `exit`

_DAY = 86_400.0
_TORN = 100  # bytes cut from the end of a torn write
_SLEEP = 2.0

_counting = threading.Lock()


class FaultError(RuntimeError):
    """The exception of the action `raise`: an unexpected failure."""


def fault(name: str, file: Path | None = None) -> None:
    """Fail here if the environment says so; `file` is the file being written at this point.

    Raises `FaultError` or `OSError` (disk full) if selected; most actions do not return.
    """
    selected = os.environ.get(VARIABLE)
    if selected is not None:
        _passed(name, selected, file)


def _passed(name: str, selected: str, file: Path | None) -> None:
    if selected.startswith("@"):
        with open(selected[1:], "a", encoding="utf-8") as passed:  # noqa: PTH123 - called very often
            passed.write(f"{name}\n")
        return
    with _counting:  # the variable is the counter, so that a process needs no other state
        point, _, action = os.environ.get(VARIABLE, "").partition("=")
        point, _, number = point.partition(":")
        if point != name:
            return
        left = int(number or 1) - 1
        os.environ[VARIABLE] = f"{name}:{left}={action}" if left else "-"
    if not left:
        ACTIONS[action or "kill"](name, file)


def _send(number: signal.Signals) -> Callable[[str, Path | None], None]:
    return lambda name, file: os.kill(os.getpid(), number)


def _raise(name: str, file: Path | None) -> NoReturn:
    raise FaultError(f"made to fail at {name}")


def _exit(name: str, file: Path | None) -> NoReturn:
    os._exit(EXIT)


def _full(name: str, file: Path | None) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file) if file else None)


def _tear(name: str, file: Path | None) -> None:
    """Cut off the end of the last write, as a power failure may, and die."""
    if file is not None and file.is_file():
        _cut(file, file.stat().st_size)
    for opened in _open_logs():
        _cut(opened, _end_of_log(opened))
    os.kill(os.getpid(), signal.SIGKILL)


def _cut(file: Path, size: int) -> None:
    os.truncate(file, max(0, size - _TORN))


def _open_logs() -> set[Path]:
    """Return SQLite's write-ahead logs that this process has open; none without /proc."""
    found = set()
    for descriptor in Path("/proc/self/fd").glob("*"):
        try:
            path = descriptor.readlink()
        except OSError:
            continue
        if path.name.endswith("-wal") and path.is_file():
            found.add(path)
    return found


def _end_of_log(file: Path) -> int:
    """Return the end of the last valid frame: older frames may follow it in the file."""
    index = file.with_name(file.name.removesuffix("-wal") + "-shm").read_bytes()[:48]
    if len(index) < 48:
        return file.stat().st_size
    page = int.from_bytes(index[14:16], "little")
    frames = int.from_bytes(index[16:20], "little")
    return min(file.stat().st_size, 32 + frames * (24 + (65536 if page == 1 else page)))


def _jump(seconds: float) -> Callable[[str, Path | None], None]:
    def jump(name: str, file: Path | None) -> None:
        real = time.time
        time.time = lambda: real() + seconds

    return jump


def _sleep(name: str, file: Path | None) -> None:
    time.sleep(_SLEEP)


ACTIONS: dict[str, Callable[[str, Path | None], None]] = {
    "kill": _send(signal.SIGKILL),
    "term": _send(signal.SIGTERM),
    "int": _send(signal.SIGINT),
    "raise": _raise,
    "exit": _exit,
    "enospc": _full,
    "torn": _tear,
    "clock+": _jump(_DAY),
    "clock-": _jump(-_DAY),
    "sleep": _sleep,
}
"""The actions at a point, by their names in the variable."""
