"""Locks that end with their process: one per repository for writers, one per run."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.faults import fault
from reviewloop.store.folders import private_file

_LOOKS, _BETWEEN = 3, 0.02  # a check whether it is held holds it for a moment
_PATIENCE = 5.0  # seconds that such checks may take


@contextmanager
def hold(path: Path, what: str, about: str = "") -> Iterator[None]:
    """Hold an exclusive lock while the block runs; `about` is shown to others.

    Raises `WorkspaceError` naming the holder's process when another one has it. The file stays
    (removing it would race with the next holder); the lock itself ends with the process, and its
    child processes do not keep it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with private_file(path).open("a+", encoding="ascii") as file:
        if not _locked(file):
            raise WorkspaceError(
                f"{what} is in use by {holder(path)}; wait for it or end it"
            ) from None
        _sign(file, about)
        fault("lock.acquired")
        yield
    fault("lock.released")


@contextmanager
def wait_for(path: Path, what: str, seconds: float = 30.0) -> Iterator[None]:
    """Hold a lock that others hold only briefly; raise what `hold` raises after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        with ExitStack() as held:
            try:
                held.enter_context(hold(path, what))
            except WorkspaceError:
                if time.monotonic() >= until:
                    raise
                time.sleep(_BETWEEN)
                continue
            yield
            return


@contextmanager
def share(path: Path, what: str) -> Iterator[None]:
    """Hold a shared lock while the block runs, which excludes `hold`.

    Raises `WorkspaceError` naming the holder's process when one holds it exclusively.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with private_file(path).open("a+", encoding="ascii") as file:
        if not _takes(file, fcntl.LOCK_SH):
            raise WorkspaceError(f"{what} is in use by {holder(path)}; wait for it or end it")
        _sign(file, "")  # of several sharers the last is named
        yield


def is_held(path: Path) -> bool:
    """Return whether a live process holds this lock."""
    try:
        with path.open("r+", encoding="ascii") as file:
            _flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _flock(file: IO[str], kind: int) -> None:
    """Take or release a lock; BlockingIOError when another process has it."""
    try:
        fcntl.flock(file, kind)
    except (BlockingIOError, InterruptedError):
        raise
    except OSError as error:
        raise UsageError(
            f"{file.name}: its file system gives no locks ({error.strerror}); name a state folder "
            "on another one with REVIEWLOOP_STATE_DIR"
        ) from error


def is_held_by(path: Path, process: int) -> bool:
    """Return whether this process, of this machine, took a lock last."""
    try:
        owner = json.loads(path.read_text(encoding="ascii"))
        return bool(owner["pid"] == process and owner["host"] == socket.gethostname())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def holder(path: Path) -> str:
    """Return the last holder of this lock, in words."""
    try:
        owner = json.loads(path.read_text(encoding="ascii"))
        about = f", {owner['about']}" if owner.get("about") else ""
        since = time.localtime(owner["since"])
        day = "" if since[:3] == time.localtime()[:3] else "%Y-%m-%d "
        shown = time.strftime(f"{day}%H:%M", since)
        return f"process {owner['pid']} on {owner['host']} since {shown}{about}"
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return "another process"


def _sign(file: IO[str], about: str) -> None:
    file.seek(0)
    file.truncate()
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
    json.dump({**owner, "about": about}, file)
    file.flush()


def _locked(file: IO[str]) -> bool:
    until, looks = time.monotonic() + _PATIENCE, 0
    while looks < _LOOKS and time.monotonic() < until:
        if _takes(file, fcntl.LOCK_EX):
            return True
        # On a busy machine a check may be stopped while it holds the lock: that is no holder.
        if _takes(file, fcntl.LOCK_SH):
            _flock(file, fcntl.LOCK_UN)
        else:
            looks += 1
        if looks < _LOOKS:
            time.sleep(_BETWEEN)
    return False


def _takes(file: IO[str], kind: int) -> bool:
    try:
        _flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
