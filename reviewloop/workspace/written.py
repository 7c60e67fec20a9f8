"""Handles what confined commands leave behind: files that may be anything, folders in any state."""

import os
import shutil
import stat
from pathlib import Path

MOST_BYTES = 256 * 1024 * 1024


def read_written(path: Path, limit: int = MOST_BYTES) -> bytes:
    """Return a file that a command wrote; nothing but a plain file is opened.

    Raises `FileNotFoundError` when there is none, or something that only looks like one.
    """
    try:
        # Without O_NONBLOCK a pipe put there would wait for its other end for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FileNotFoundError(f"{path} is no file that can be read: {error}") from error
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
            raise FileNotFoundError(f"{path} is no plain file of at most {limit} bytes")
        return file.read(limit)


def take_written(source: Path, target: Path) -> bool:
    """Copy a command's file to where no command can change it; False if there is none."""
    target.unlink(missing_ok=True)
    try:
        data = read_written(source)
    except FileNotFoundError:
        return False
    target.write_bytes(data)
    return True


def remove_tree(path: Path) -> None:
    """Delete a file or a whole folder; links are removed, never followed."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        path.chmod(stat.S_IRWXU)
        for folder, names, _ in os.walk(path):
            for name in names:
                below = Path(folder, name)
                if not below.is_symlink():
                    below.chmod(stat.S_IRWXU)
        shutil.rmtree(path)
