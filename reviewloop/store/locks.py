"""Locks that die with their process: one per repository for writers, one per run."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reviewloop.errors import WorkspaceError


@contextmanager
def hold(path: Path, what: str) -> Iterator[None]:
    """Hold an exclusive lock while the block runs.

    Raises `WorkspaceError` naming the holder's process when somebody else has it. The file stays
    (removing it would race with the next holder); the lock itself ends with the process.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkspaceError(
                f"{what} is in use by {_holder(path)}; wait for it or end it"
            ) from None
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "host": socket.gethostname()}, file)
        file.flush()
        yield


def is_held(path: Path) -> bool:
    """Whether a live process holds this lock."""
    try:
        with path.open("r+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _holder(path: Path) -> str:
    try:
        owner = json.loads(path.read_text(encoding="ascii"))
        return f"process {owner['pid']} on {owner['host']}"
    except (ValueError, KeyError):
        return "another process"
