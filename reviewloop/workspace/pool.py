"""Reads git's objects by their ids, one after the other from the same processes."""

import subprocess
import threading
from typing import NamedTuple

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.git import Git, end_process

_CHUNK = 1 << 16


class _Object(NamedTuple):
    oid: str
    size: int  # bytes
    data: bytes  # as many of them as were asked for


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
        return found.data if found else None

    def size(self, name: str) -> int | None:
        """Return how many bytes an object has, or None when it is missing; see `read`."""
        found = self._read(_object_id(name), 0)
        return found.size if found else None

    def read_tree(self, name: str) -> tuple[str, bytes]:
        """Return the id and the bytes of a tree, or of the tree of a commit.

        Raises WorkspaceError when it is not there.
        """
        found = self._read(f"{_object_id(name)}^{{tree}}", None)
        if found is None:
            raise self._lost(name)
        return found.oid, found.data

    def restart(self) -> None:
        """Let no process go on that does not know of objects which were borrowed meanwhile."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            end_process(process)

    def _read(self, name: str, limit: int | None) -> _Object | None:
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
    ) -> _Object | None:
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
        return _Object(header[0].decode(), size, data)

    def _lost(self, name: str) -> WorkspaceError:
        return WorkspaceError(
            f"git could not read object {name} of {self._git.git_dir}; run `git fsck` there."
        )


def _object_id(name: str) -> str:
    if not name.isalnum():
        raise ValueError(f"not an object id: {name!r}")
    return name
