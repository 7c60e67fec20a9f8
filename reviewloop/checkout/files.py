"""Reads, replaces and deletes files below a folder without following a link out of it."""

import contextlib
import itertools
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.faults import fault
from reviewloop.git.paths import checked_path, parents, shown
from reviewloop.store.own_writes import record_write

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Kind(Enum):
    """What kind of entry a path is."""

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
        """Return the entry at a path; below a parent that is no real folder it is absent."""
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
        """Write a file or link atomically; `temporary` is a name to use beside it.

        Missing folders are made. A regular file keeps the permissions of its predecessor, except x.
        """
        with self._parent(path, make=True) as (folder, name):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            if content.kind is Kind.LINK:
                os.symlink(content.data, os.fsencode(temporary), dir_fd=folder)
            else:
                _write_new(folder, temporary, content, _permissions(folder, name))
            fault("disk.temp")
            record_write(self.root / path, content.data)
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=folder)  # an empty folder that git does not track
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)

    def remove(self, path: str) -> None:
        """Delete a file and the folders that become empty; a missing one is fine."""
        try:
            with self._parent(path) as (folder, name):
                record_write(self.root / path, None)
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


def rewrite(root: Path, files: Mapping[str, tuple[bytes, bytes]]) -> list[str]:
    """Replace old contents with new ones and return the paths that were written.

    `files` maps a path relative to `root` to (content it must hold, content to write). All are
    checked before the first is written; raises WorkspaceError when one has changed. Modes stay as
    they are. A path through a symbolic link is refused.
    """
    for path, (old, _) in files.items():
        _require(root, path, old)
    for path, (old, new) in files.items():
        target = _require(root, path, old)
        mode = stat.S_IMODE(target.lstat().st_mode)
        handle, name = tempfile.mkstemp(prefix=".reviewloop-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(new)
            Path(name).chmod(mode)
            record_write(target, new)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return list(files)


def _require(root: Path, path: str, old: bytes) -> Path:
    target = root / checked_path(path)
    inside = target.parent.resolve().is_relative_to(root.resolve())
    if not inside or target.is_symlink() or not target.is_file():
        raise WorkspaceError(
            f"{shown(path)} is no plain file of the checkout; nothing was written."
        )
    if target.read_bytes() != old:
        raise WorkspaceError(
            f"{shown(path)} is not what was reviewed (edited meanwhile, or converted when it was "
            "read); nothing was written."
        )
    return target


def refuse_links(path: str | Path) -> None:
    """Raise `UsageError` for a path inside a checkout that is, or goes through, a link.

    Also for a pipe or a device there. Links outside of any checkout are the user's own.
    """
    parts = Path(path).parts
    here = "/" if os.path.isabs(path) else os.path.realpath(".")  # noqa: PTH117 - text
    for number, name in enumerate(parts):
        if name == "..":
            here = os.path.dirname(here)  # noqa: PTH120 - `here` has no links
            continue
        component = os.path.join(here, name)  # noqa: PTH118 - text
        try:
            mode = os.lstat(component).st_mode
        except OSError:
            return  # missing or unreadable: writing reports it
        if _is_odd(mode, last=number + 1 == len(parts)) and (root := _checkout(here)):
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
            raise UsageError(
                f"{path} is not written: {component} is {kind} in the repository {root}; "
                "name another file"
            )
        here = os.path.realpath(component)


def _is_odd(mode: int, *, last: bool) -> bool:
    return stat.S_ISLNK(mode) or (last and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)))


def _checkout(folder: str) -> str:
    """Return the checkout around a folder, or ""."""
    while not os.path.lexists(os.path.join(folder, ".git")):  # noqa: PTH118 - text
        above = os.path.dirname(folder)  # noqa: PTH120 - text
        if above == folder:
            return ""
        folder = above
    return folder


MOST_BYTES = 256 * 1024 * 1024

_WRITTEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def read_written(path: Path, limit: int = MOST_BYTES) -> bytes:
    """Return a file that a command wrote; opens plain files only.

    Raises `FileNotFoundError` for a missing file or any other kind of entry.
    """
    try:
        # Without O_NONBLOCK, opening a pipe would block for ever.
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
    """Delete a file or a whole folder, also unreadable and very deep ones; links are not
    followed.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError):
        _flatten(path)
        path.rmdir()


def _flatten(path: Path) -> None:
    """Empty a folder by moving the content of its folders up, until nothing is left.

    So paths stay short and few files are open, however deep the folders are.
    """
    path.chmod(stat.S_IRWXU)
    numbers = itertools.count()
    fresh = secrets.token_hex(8)  # commands may have guessed any other name
    top = os.open(path, _WRITTEN_FOLDER)
    try:
        while folders := _without_files(top):
            for name in folders:
                inner = os.open(name, _WRITTEN_FOLDER, dir_fd=top)
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
    """Delete the files in an open folder; return the names of its folders, made accessible."""
    folders = []
    for name in os.listdir(folder):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            os.chmod(name, stat.S_IRWXU, dir_fd=folder)  # moving it writes its `..`
            folders.append(name)
        else:
            os.unlink(name, dir_fd=folder)
    return folders
