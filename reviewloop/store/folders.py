"""The folders of reviewloop's own files, and the check for free space."""

import errno
import os
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from threading import Lock

from reviewloop.domain.errors import WorkspaceError
from reviewloop.faults import fault

_OTHERS = 0o077
_MAKING = Lock()


def state_root() -> Path:
    """Return the state folder, created if missing and readable by its owner only.

    `REVIEWLOOP_STATE_DIR` has priority over `XDG_STATE_HOME/reviewloop`, then
    `~/.local/state/reviewloop`.
    """
    named = os.environ.get("REVIEWLOOP_STATE_DIR")
    if named:
        root = Path(named)
    else:
        base = os.environ.get("XDG_STATE_HOME")
        root = (Path(base) if base else Path.home() / ".local" / "state") / "reviewloop"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return root


def repository_folder(repository_key: str) -> Path:
    """Return the folder of one repository."""
    return private_folder(private_folder(state_root() / "repositories") / repository_key)


def run_folder(repository_key: str, run_id: str) -> Path:
    """Return one run's folder."""
    return private_folder(private_folder(repository_folder(repository_key) / "runs") / run_id)


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter; restrict an existing one."""
    try:
        info = path.stat()
    except FileNotFoundError:
        info = None
    if info is None or not stat.S_ISDIR(info.st_mode):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        info = path.stat()
    if info.st_mode & _OTHERS and info.st_uid == os.geteuid():
        path.chmod(0o700)
    return path


def private_file(path: Path) -> Path:
    """Make an empty file that only its owner can read, unless it exists; return its path.

    An existing one is not even opened: closing it would release the locks that SQLite of this
    process holds on it, and another process would remove the log being written. While one is made,
    no other thread may find and open it: its locks would be released by our closing.
    """
    with _MAKING, suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return path


_BYTES = 32


def own_key() -> bytes:
    """Return the key, made at first use; where it cannot be stored it lasts for this process."""
    try:
        path = state_root() / "own.key"
    except OSError:
        return secrets.token_bytes(_BYTES)
    found = _read(path)
    if found:
        return found
    partial = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    made = secrets.token_bytes(_BYTES)
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(made)
        try:
            os.link(partial, path)  # the first of several processes wins
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    except OSError:
        return made
    return _read(path) or made


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError:
        return b""
    return data if len(data) == _BYTES else b""


LEAST_FREE = 64 * 1024 * 1024  # bytes; a reply is small, its effects may not be
_PROBE = "room"
_BLOCK = bytes(4096)

DISK_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG}
)
"""The errors of a disk that is full, broken, or not writable by us."""


def require_room(folder: Path) -> None:
    """Raise `WorkspaceError` unless this folder's disk has room; nothing may be paid for then.

    A block is really written: only that shows a disk that became read-only or broke.
    """
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        text = (
            f"only {free // 1024 // 1024} MB are free on the disk that holds {folder}, too few to "
            "keep what a model answers; free some space, then "
        )
        raise WorkspaceError(text).resuming(text, ": nothing was paid for")
    file = folder / _PROBE
    try:
        fault("room.write", file)
        probe = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(probe, _BLOCK)
            os.fsync(probe)
        finally:
            os.close(probe)
    except OSError as error:
        text = (
            f"{folder} cannot be written ({error.strerror}), so no answer of a model could be "
            "kept; put that right, then "
        )
        raise WorkspaceError(text).resuming(text, ": nothing was paid for") from error
