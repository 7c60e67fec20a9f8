"""Reads the files of a tree from git's objects; no path of the file system is ever opened."""

import os
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.git import Git, end_process
from reviewloop.workspace.paths import shown
from reviewloop.workspace.search import Hit, grep_tree, match_paths

__all__ = ["Entry", "Hit", "Kind", "ObjectPool", "TreeReader", "match_paths"]

Kind = Literal["file", "executable", "symlink", "submodule"]

_CHUNK = 1 << 16


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


class ObjectPool:
    """Processes of `git cat-file --batch`, one per thread that reads at the same time."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._closed = False

    def read(self, name: str, limit: int | None = None) -> bytes | None:
        """Return the bytes of an object (at most `limit` of them), or None when it is missing.

        `name` is an object id; anything else raises ValueError.
        """
        found = self._read(_object_id(name), limit)
        return found and found[1]

    def read_tree(self, name: str) -> tuple[str, bytes]:
        """Return the id and the bytes of a tree, or of the tree of a commit.

        Raises WorkspaceError when it is not there.
        """
        found = self._read(f"{_object_id(name)}^{{tree}}", None)
        if found is None:
            raise self._lost(name)
        return found

    def restart(self) -> None:
        """Let no process go on that does not know of objects which were borrowed meanwhile."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            end_process(process)

    def _read(self, name: str, limit: int | None) -> tuple[str, bytes] | None:
        process = self._take()
        try:
            found = self._ask(process, name, limit)
        except BaseException:
            end_process(process)  # its output is at an unknown place
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(process)
                return found
        end_process(process)
        return found

    def close(self) -> None:
        """End all idle processes; the pool starts none that stay afterwards."""
        with self._lock:
            self._closed = True
        self.restart()

    def _take(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.poll() is None:
                    return process
                end_process(process)
        return self._git.start("cat-file", "--batch")

    def _ask(
        self, process: "subprocess.Popen[bytes]", name: str, limit: int | None
    ) -> tuple[str, bytes] | None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("cat-file was started without pipes")
        try:
            process.stdin.write(name.encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise self._lost(name) from None
        header = process.stdout.readline().split()
        if len(header) == 2 and header[1] == b"missing":
            return None
        if len(header) != 3:
            raise self._lost(name)
        size = int(header[2])
        wanted = size if limit is None else min(size, limit)
        data = process.stdout.read(wanted)
        rest = size + 1 - wanted
        while rest > 0 and (skipped := process.stdout.read(min(rest, _CHUNK))):
            rest -= len(skipped)
        if len(data) != wanted or rest:
            raise self._lost(name)
        return header[0].decode(), data

    def _lost(self, name: str) -> WorkspaceError:
        return WorkspaceError(
            f"git could not read object {name} of {self._git.git_dir}; run `git fsck` there."
        )


def _object_id(name: str) -> str:
    if not name.isalnum():
        raise ValueError(f"not an object id: {name!r}")
    return name


class TreeReader:
    """One tree: its files, their contents and searches in them. Threads may share it."""

    def __init__(self, git: Git, pool: ObjectPool, tree: str) -> None:
        self.tree = tree
        self._git = git
        self._pool = pool
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] | None = None

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
        entry = self.entry(path)
        if entry is None or entry.kind == "submodule":
            return None
        data = self._pool.read(entry.oid, limit)
        if data is None:
            raise WorkspaceError(
                f"The content of {shown(path)} (object {entry.oid}) is not in the repository; "
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

    def _by_path(self) -> dict[str, Entry]:
        with self._lock:
            if self._entries is None:
                output = self._git.run("ls-tree", "-r", "-l", "-z", "--full-tree", self.tree)
                self._entries = dict(_parse_entry(line) for line in output.split(b"\0") if line)
            return self._entries


def _parse_entry(line: bytes) -> tuple[str, Entry]:
    facts, _, raw_path = line.partition(b"\t")
    mode, _kind, oid, size = facts.split()
    path = os.fsdecode(raw_path)
    entry = Entry(path, mode.decode(), oid.decode(), int(size) if size.isdigit() else 0)
    return path, entry
