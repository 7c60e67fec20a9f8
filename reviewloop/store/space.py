"""Whether a reply could still be kept: asked before it is paid for."""

import errno
import os
import shutil
from pathlib import Path

from reviewloop.errors import WorkspaceError
from reviewloop.faults import fault

LEAST_FREE = 64 * 1024 * 1024  # bytes; a reply is small, what a run does with it is not
_PROBE = "room"
_BLOCK = bytes(4096)

DISK_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG}
)
"""What a disk that is full, broken, or not ours to write answers."""


def require_room(folder: Path) -> None:
    """Raise `WorkspaceError` unless this folder's disk takes more; nothing may be paid for then.

    A block is really written: a disk that went read-only or broke shows it only now.
    """
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise WorkspaceError(
            f"only {free // 1024 // 1024} MB are free on the disk that holds {folder}, too few to "
            "keep what a model answers; free some space, then `reviewloop resume`: nothing was "
            "paid for"
        )
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
        raise WorkspaceError(
            f"{folder} cannot be written ({error.strerror}), so no answer of a model could be "
            "kept; put that right, then `reviewloop resume`: nothing was paid for"
        ) from error
