"""Handles what confined commands leave behind: files that may be anything, folders in any state."""

import itertools
import os
import secrets
import shutil
import stat
from pathlib import Path

MOST_BYTES = 256 * 1024 * 1024

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def read_written(path: Path, limit: int = MOST_BYTES) -> bytes:
    """Return a file that a command wrote; nothing but a plain file is opened.

    Raises `FileNotFoundError` when there is none, or something that only looks like one.
    """
    try:
        # Without O_NONBLOCK a pipe put there would wait for its other end for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FileNotFoundError(f"{path} is no file that can be read: {error}") from error
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
        os.close(handle)
        raise FileNotFoundError(f"{path} is no plain file of at most {limit} bytes")
    with os.fdopen(handle, "rb") as file:
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
    """Delete a file or a whole folder, closed and very deep ones too; links are never followed."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError):
        _flatten(path)
        path.rmdir()


def _flatten(path: Path) -> None:
    """Empty a folder: what is below its folders is brought up, until there is nothing left.

    So no path gets long and no file stays open for each level, however deep the folders are.
    """
    path.chmod(stat.S_IRWXU)
    numbers = itertools.count()
    fresh = secrets.token_hex(8)  # commands may have guessed any other name
    top = os.open(path, _FOLDER)
    try:
        while folders := _without_files(top):
            for name in folders:
                inner = os.open(name, _FOLDER, dir_fd=top)
                try:
                    for below in _without_files(inner):
                        up = f"{fresh}-{next(numbers)}"
                        os.rename(below, up, src_dir_fd=inner, dst_dir_fd=top)
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)


def _without_files(folder: int) -> list[str]:
    """Delete the files in an open folder; return the names of the folders in it, made usable."""
    folders = []
    for name in os.listdir(folder):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            os.chmod(name, stat.S_IRWXU, dir_fd=folder)  # moving it writes its `..`
            folders.append(name)
        else:
            os.unlink(name, dir_fd=folder)
    return folders
