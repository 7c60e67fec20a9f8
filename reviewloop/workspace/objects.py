"""Reads the files of a tree from git's objects; no path of the file system is ever opened."""

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.folders import FOLDER, SUBMODULE, find
from reviewloop.workspace.git import Git
from reviewloop.workspace.paths import shown
from reviewloop.workspace.pool import ObjectPool
from reviewloop.workspace.search import Hit, grep_tree, match_paths

__all__ = ["Entry", "Hit", "Kind", "TreeReader", "match_paths"]

Kind = Literal["file", "executable", "symlink", "submodule"]

_FEW = 8  # files to ask for one by one; for more the whole tree is listed, which takes a process
_REMEMBERED = 200_000  # sizes of files


@dataclass(frozen=True)
class Entry:
    """One file of a tree."""

    path: str  # bytes that are no UTF-8 stand as lone surrogates (os.fsdecode)
    mode: str  # "100644", "100755", "120000" or "160000"
    oid: str
    size: int  # bytes; 0 for submodules and for what a partial clone left behind

    @property
    def kind(self) -> Kind:
        """What the mode means."""
        kinds: dict[str, Kind] = {
            "100755": "executable",
            "120000": "symlink",
            "160000": "submodule",
        }
        return kinds.get(self.mode, "file")


class TreeReader:
    """One tree: its files, their contents and searches in them. Threads may share it."""

    def __init__(self, git: Git, pool: ObjectPool, tree: str) -> None:
        self.tree = tree
        self._git = git
        self._pool = pool
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] | None = None
        self._looked_up = 0

    def entries(self) -> tuple[Entry, ...]:
        """Return all files of the tree, sorted as git sorts them."""
        return tuple(self._by_path().values())

    def entry(self, path: str) -> Entry | None:
        """Return the file at exactly this path, or None (also for folders)."""
        return self._by_path().get(path)

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        """Return the content of a file (at most `limit` bytes), or None when there is none.

        A symbolic link is never followed: its content is the text of its target (`entry` tells
        its kind). Folders and submodules have no content.
        """
        oid = self._file_at(path)
        if not oid:
            return None
        data = self._pool.read(oid, limit)
        if data is None:
            raise WorkspaceError(
                f"The content of {shown(path)} (object {oid}) is not in the repository; "
                "fetch the missing objects, then run again."
            )
        return data

    def list_dir(self, path: str = "") -> tuple[str, ...] | None:
        """Return the names in a folder, folders with a final `/`, or None if it does not exist."""
        prefix = "" if path in {"", "."} else path.rstrip("/") + "/"
        names = set()
        for entry in self._by_path():
            if entry.startswith(prefix):
                name, slash, _ = entry[len(prefix) :].partition("/")
                names.add(name + slash)
        return tuple(sorted(names)) if names or not prefix else None

    def glob(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that match a gitignore-style pattern; `{a,b}` alternatives work too."""
        return tuple(match_paths(pattern, self._by_path()))

    def grep(
        self,
        pattern: str,
        *,
        paths: Iterable[str] = (),
        ignore_case: bool = False,
        fixed: bool = False,
        limit: int = 200,
    ) -> list[Hit]:
        """Return up to `limit` lines that match, from text files only.

        `paths` are files or folders, taken literally; none means the whole tree. The pattern is
        a Perl-compatible expression (extended POSIX where git was built without), or plain text
        with `fixed`. Raises WorkspaceError for a bad pattern and after 30 seconds.
        """
        return grep_tree(
            self._git,
            self.tree,
            pattern,
            paths=paths,
            ignore_case=ignore_case,
            fixed=fixed,
            limit=limit,
        )

    def _file_at(self, path: str) -> str:
        """Return the id of a file or link, "" when there is none."""
        with self._lock:
            self._looked_up += 1
            listed = self._entries is not None or self._looked_up > _FEW
        if listed:
            entry = self.entry(path)
            return "" if entry is None or entry.kind == "submodule" else entry.oid
        held = find(self._pool, self.tree, [path]).get(path)
        return "" if held is None or held.mode in {FOLDER, SUBMODULE} else held.oid

    def _by_path(self) -> dict[str, Entry]:
        with self._lock:
            if self._entries is None:
                self._entries = {entry.path: entry for entry in self._listed()}
            return self._entries

    def _listed(self) -> list[Entry]:
        """Read the tree; git opens each file for its size, so those known already are not asked.

        Between two runs of a batch, and two trees of a run, few files differ.
        """
        if _sizes:
            lines = self._lines()
            sizes = {one.oid: _sizes.get(one.oid) for one in lines if one.mode != SUBMODULE}
            new = [oid for oid, size in sizes.items() if size is None]
            if len(new) <= _FEW:
                sizes |= {oid: self._pool.size(oid) for oid in new}
                _remember((oid, sizes[oid]) for oid in new)
                return [Entry(*one[:3], sizes.get(one.oid) or 0) for one in lines]
        lines = self._lines("-l")
        _remember((one.oid, one.size) for one in lines)
        return [Entry(*one[:3], one.size or 0) for one in lines]

    def _lines(self, *more: str) -> list["_Line"]:
        output = self._git.run("ls-tree", "-r", *more, "-z", "--full-tree", self.tree)
        return [_parsed(line) for line in output.split(b"\0") if line]


class _Line(NamedTuple):
    path: str
    mode: str
    oid: str
    size: int | None  # None where git did not tell


_sizes: dict[str, int] = {}  # of files by their ids, which name one content for ever


def _remember(sizes: Iterable[tuple[str, int | None]]) -> None:
    found = {oid: size for oid, size in sizes if size is not None}
    if len(_sizes) + len(found) > _REMEMBERED:
        _sizes.clear()
    _sizes.update(found)


def _parsed(line: bytes) -> _Line:
    facts, _, raw_path = line.partition(b"\t")
    mode, _kind, oid, *told = facts.split()
    size = int(told[0]) if told and told[0].isdigit() else None
    return _Line(os.fsdecode(raw_path), mode.decode(), oid.decode(), size)
