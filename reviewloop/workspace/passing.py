"""A temporary folder for one look at a repository; what killed processes left is deleted."""

import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "reviewloop-look-"


@contextmanager
def passing_folder() -> Iterator[Path]:
    """Lend a folder below the temporary one, and delete it afterwards."""
    _sweep(tempfile.gettempdir(), os.getpid())
    folder, held = _made()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _made() -> tuple[Path, int]:
    """Make a folder and hold its lock, by which others see that it is in use."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):  # somebody swept it before it was locked
            if (held := _locked(folder)) is not None:
                return folder, held


def _locked(folder: Path, *, must: bool = False) -> int | None:
    """Return the handle that holds a folder's lock, None while somebody else does.

    Where folders cannot be locked, as on NFS, the handle holds nothing unless it `must`: nobody
    sweeps there. Raises `OSError` then.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        if must:
            os.close(handle)
            raise
    try:
        same = folder.stat().st_ino == os.fstat(handle).st_ino
    except OSError:
        same = False
    if same:
        return handle
    os.close(handle)
    return None


@functools.lru_cache(maxsize=1)
def _sweep(temporary: str, process: int) -> None:
    """Delete folders of this user that nobody holds: once in a process is enough."""
    for folder in Path(temporary).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.lstat().st_uid != os.geteuid():
                continue
            if (held := _locked(folder, must=True)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(held)
