"""Reads and replaces single files below a folder without ever following a link out of it."""

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from reviewloop.faults import fault
from reviewloop.workspace.paths import parents

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Kind(Enum):
    """What stands at a path."""

    ABSENT = "absent"
    FILE = "file"
    LINK = "link"
    FOLDER = "folder"
    OTHER = "other"


@dataclass(frozen=True)
class Content:
    """A file's bytes (a link's target) and its x bit."""

    kind: Kind
    data: bytes = b""
    executable: bool = False
    blocker: str = ""  # ABSENT because this parent is a file or a link


ABSENT = Content(Kind.ABSENT)


class Disk:
    """The files below one folder. Paths are relative, with `/`, as git writes them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> Content:
        """Return what stands at a path; a parent that is no real folder makes it absent."""
        try:
            with self._parent(path) as (folder, name):
                return _read(folder, name)
        except FileNotFoundError:
            return ABSENT
        except NotADirectoryError:
            return Content(Kind.ABSENT, blocker=self._blocker(path))

    def files_below(self, path: str) -> list[str]:
        """Return all files below a folder, links included and not followed."""
        found = []
        for folder, names, files in os.walk(self.root / path):
            relative = Path(folder).relative_to(self.root)
            links = [name for name in names if Path(folder, name).is_symlink()]
            found += [str(relative / name) for name in (*files, *links)]
        return found

    def write(self, path: str, content: Content, temporary: str) -> None:
        """Put a file or link at a path in one step; `temporary` is a name to use beside it.

        Missing folders are made. A regular file keeps the permissions of its predecessor, x apart.
        """
        with self._parent(path, make=True) as (folder, name):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            if content.kind is Kind.LINK:
                os.symlink(content.data, os.fsencode(temporary), dir_fd=folder)
            else:
                _write_new(folder, temporary, content, _permissions(folder, name))
            fault("disk.temp")
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=folder)  # an empty folder that git does not know of
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)

    def remove(self, path: str) -> None:
        """Remove a file and the folders that are empty without it; absent is fine."""
        try:
            with self._parent(path) as (folder, name):
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    os.unlink(name, dir_fd=folder)
                os.fsync(folder)
        except (FileNotFoundError, NotADirectoryError):
            pass
        for above in reversed(parents(path)):
            try:
                with self._parent(above) as (folder, name):
                    os.rmdir(name, dir_fd=folder)
            except OSError:
                return

    @contextmanager
    def _parent(self, path: str, make: bool = False) -> Iterator[tuple[int, str]]:
        *above, name = path.split("/")
        folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in above:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=folder)
                inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder, name
        finally:
            os.close(folder)

    def _blocker(self, path: str) -> str:
        for above in parents(path):
            if not stat.S_ISDIR((self.root / above).lstat().st_mode):
                return above
        return ""


def _read(folder: int, name: str) -> Content:
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(found.st_mode):
        return Content(Kind.LINK, os.readlink(os.fsencode(name), dir_fd=folder))
    if stat.S_ISDIR(found.st_mode):
        return Content(Kind.FOLDER)
    if not stat.S_ISREG(found.st_mode):
        return Content(Kind.OTHER)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with open(os.open(name, flags, dir_fd=folder), "rb") as file:  # noqa: PTH123 - a descriptor
        return Content(Kind.FILE, file.read(), bool(found.st_mode & stat.S_IXUSR))


def _permissions(folder: int, name: str) -> int | None:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return stat.S_IMODE(found.st_mode) if stat.S_ISREG(found.st_mode) else None


def _write_new(folder: int, name: str, content: Content, permissions: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(name, flags, 0o777 if content.executable else 0o666, dir_fd=folder)
    try:
        if permissions is not None:
            readers = (permissions & 0o444) >> 2
            os.fchmod(file, permissions | readers if content.executable else permissions & ~0o111)
        view = memoryview(content.data)
        while view:
            view = view[os.write(file, view) :]
        os.fsync(file)
    finally:
        os.close(file)
