"""The files that one commit touches: in git, as checked out, and on disk."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import FilesInTheWayError
from reviewloop.git.lfs import is_content_of, parse_pointer
from reviewloop.git.paths import checked_path, shown
from reviewloop.git.process import Git

_LINK = "120000"
_SUBMODULE = "160000"
_PATHS_PER_CALL = 500


@dataclass(frozen=True)
class Version:
    """The entry of a tree or an index at a path."""

    mode: str
    oid: str


@dataclass(frozen=True)
class Touched:
    """One path of a commit, before and after; None where the path does not exist."""

    path: str
    old: Version | None
    new: Version | None

    @property
    def is_submodule(self) -> bool:
        """Whether either side is a submodule, which is only in the index, never on disk."""
        return any(side is not None and side.mode == _SUBMODULE for side in (self.old, self.new))

    def reversed(self) -> "Touched":
        """Return the reverse change."""
        return Touched(self.path, self.new, self.old)


def touched_files(git: Git, old: str, new: str) -> tuple[Touched, ...]:
    """Return every path that differs between two commits, each checked to stay inside."""
    output = git.run("diff-tree", "-r", "--raw", "-z", "--no-renames", "--full-index", old, new)
    fields = output.split(b"\0")
    found = []
    for facts, raw in zip(fields[0:-1:2], fields[1::2], strict=False):
        old_mode, new_mode, old_id, new_id, _ = facts.decode().removeprefix(":").split(" ")
        path = checked_path(os.fsdecode(raw))
        found.append(Touched(path, _version(old_mode, old_id), _version(new_mode, new_id)))
    return tuple(found)


def _version(mode: str, oid: str) -> Version | None:
    return None if mode == "000000" else Version(mode, oid)


def index_versions(git: Git, paths: Iterable[str]) -> dict[str, tuple[Version, bool]]:
    """Return the index entries of these paths, and whether sparse checkout excludes them."""
    found: dict[str, tuple[Version, bool]] = {}
    todo = list(paths)
    for start in range(0, len(todo), _PATHS_PER_CALL):
        chunk = todo[start : start + _PATHS_PER_CALL]
        output = git.run("ls-files", "--stage", "-t", "-z", "--", *chunk)
        for line in output.split(b"\0"):
            if line:
                facts, _, raw = line.partition(b"\t")
                tag, mode, oid, _ = facts.decode().split(" ")
                found[os.fsdecode(raw)] = (Version(mode, oid), tag == "S")
    return found


class Staging:
    """The files of a commit as checked out: line ends converted, links as links.

    git itself writes them, from a git directory of ours in which no filter is configured.
    """

    def __init__(self, git: Git, folder: Path, commit: str, paths: Sequence[str]) -> None:
        self._disk = Disk(folder / "files")
        self._git = git.with_index(folder / "index", folder / "files")
        (folder / "files").mkdir(parents=True)
        self._git.run("read-tree", commit)
        names = b"".join(os.fsencode(path) + b"\0" for path in paths)
        self._git.run("checkout-index", "-q", "-f", "-z", "--stdin", input=names)

    def content(self, path: str) -> Content:
        """Return the checked-out content of a path."""
        return self._disk.read(path)

    def clean_id(self, path: str, data: bytes) -> str:
        """Return the id of the blob that git would store for these bytes at this path."""
        return self._git.text("hash-object", "--stdin", f"--path={path}", input=data)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Yield a folder for the block; one left by a killed process is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Files:
    """The touched files of one checkout, in both versions."""

    def __init__(
        self,
        disk: Disk,
        touched: Iterable[Touched],
        before: Staging,
        after: Staging,
        *,
        file_modes: bool,
        sparse: frozenset[str],
        mark: str,
    ) -> None:
        self.disk = disk
        self.touched = {file.path: file for file in touched}
        self.before = before
        self.after = after
        self.file_modes = file_modes  # the x bit has a meaning on this disk
        self.sparse = sparse  # paths that a sparse checkout excludes
        self.temporary = f".reviewloop-{mark}-"

    def refuse_edits(self) -> None:
        """Raise WorkspaceError naming files that hold neither the old nor the new content."""
        edited = [path for path, file in self.touched.items() if not self._is_known(file)]
        if edited:
            names = ", ".join(shown(path) for path in edited[:3])
            more = f" and {len(edited) - 3} more" if len(edited) > 3 else ""
            one = len(edited) == 1
            problem = (
                f"{names}{more} in {self.disk.root} {'was' if one else 'were'} edited "
                f"meanwhile; commit, revert or move {'it' if one else 'them'}"
            )
            raise FilesInTheWayError.until(problem)

    def apply_files(self, *, back: bool = False) -> Iterator[str]:
        """Replace the touched files one by one, yielding each path before.

        Removals come first, so that a file can take a folder's name. Each file is read again just
        before: an edit made meanwhile stops it with WorkspaceError.
        """
        source = self.before if back else self.after
        files = [t.reversed() if back else t for t in self.touched.values()]
        files.sort(key=lambda t: t.new is not None)
        for number, file in enumerate(files):
            if file.is_submodule or file.path in self.sparse:
                continue
            yield file.path
            if not self._is_known(self.touched[file.path]):
                self.refuse_edits()
            seen = self.disk.read(file.path)
            if file.new is None:
                if seen.kind is not Kind.FOLDER:
                    self.disk.remove(file.path)
            elif not self._looks_like(file.path, file.new, source, seen):
                content = source.content(file.path)
                self.disk.write(file.path, content, f"{self.temporary}{number}")

    def _is_known(self, file: Touched) -> bool:
        if file.is_submodule:
            return True
        seen = self.disk.read(file.path)
        if file.path in self.sparse and seen.kind is Kind.ABSENT:
            return True
        sides = ((file.new, self.after), (file.old, self.before))
        return any(self._looks_like(file.path, *side, seen) for side in sides) or any(
            self._is_same_to_git(file.path, *side, seen) for side in sides
        )

    def _looks_like(
        self, path: str, version: Version | None, staging: Staging, seen: Content
    ) -> bool:
        """Return whether the disk holds this version as checked out, or as stored."""
        if version is None:
            return self._is_absent(path, seen)
        expected = staging.content(path)
        if seen.kind is not expected.kind:
            return False
        if seen.kind is Kind.LINK:
            return seen.data == expected.data
        if self.file_modes and seen.executable != (version.mode == "100755"):
            return False
        return seen.data == expected.data or _blob_id(seen.data, version.oid) == version.oid

    def _is_same_to_git(
        self, path: str, version: Version | None, staging: Staging, seen: Content
    ) -> bool:
        """Return whether git would store the disk's content as this version, despite other line
        ends.
        """
        if version is None or version.mode == _LINK or seen.kind is not Kind.FILE:
            return False
        if self.file_modes and seen.executable != (version.mode == "100755"):
            return False
        if staging.clean_id(path, seen.data) == version.oid:
            return True
        pointer = parse_pointer(staging.content(path).data)  # of Git LFS, whose filter is not run
        return pointer is not None and is_content_of(seen.data, pointer)

    def _is_absent(self, path: str, seen: Content) -> bool:
        """Return whether there is nothing but files of the change itself, still to be removed."""
        if seen.kind is Kind.FOLDER:
            return all(self._is_ours(below) for below in self.disk.files_below(path))
        return seen.kind is Kind.ABSENT and (not seen.blocker or seen.blocker in self.touched)

    def _is_ours(self, path: str) -> bool:
        return path in self.touched or path.rpartition("/")[2].startswith(self.temporary)


def _blob_id(data: bytes, like: str) -> str:
    algorithm = hashlib.sha1 if len(like) == 40 else hashlib.sha256
    return algorithm(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
