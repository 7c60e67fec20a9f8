"""Copies a run's folder to the database, and rebuilds it from there.

It copies blobs, git objects and refs of the run's private repository, journal, events, logs.
Checkpoints are only in the database. Workspace and environment are rebuilt from these.
"""

import hashlib
import json
import os
import secrets
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from reviewloop.domain.errors import WorkspaceError
from reviewloop.faults import fault
from reviewloop.store.folders import private_file, private_folder
from reviewloop.store.journal import CallUsage, Journal
from reviewloop.store.postgres.database import Database, Row

LARGEST = 64 * 1024 * 1024  # bytes of one file
LARGEST_LOG = 1024 * 1024  # bytes; longer ones stay at the worker
ABOUT = "git/reviewloop.json"
EVENTS, _JOURNAL = "events.jsonl", "journal.sqlite"
_KIND, _REQUEST, _REPLY, _USAGE = 7, 9, 10, 11  # columns of a call after its key, see `Journal`
_LARGEST_OBJECT = 1 << 30  # bytes of a git object; a small file may unpack to anything
_HEX = frozenset("0123456789abcdef")


class Replica:
    """Copies what is new in one run's folder to the database; thread-safe."""

    def __init__(self, folder: Path, database: Database, run_id: str) -> None:
        self._folder, self._database, self._run = folder, database, run_id
        rows = database.execute(
            "SELECT path, max(start + length(data)) AS upto FROM files WHERE run_id = %s "
            "GROUP BY path",
            (run_id,),
        )
        self._there: dict[str, int] = {row.text("path"): row.count("upto") for row in rows}
        self._texts: dict[str, bytes] = {}  # last copy of files that change
        [last] = database.execute(
            "SELECT coalesce(max(number), 0) AS number FROM calls WHERE run_id = %s", (run_id,)
        )
        self._calls = last.count("number")

    def ship(self) -> None:
        """Copy everything new in one transaction."""
        with self._database.lock:
            files = [*self._written_once(), *self._changing()]
            calls = self._new_calls()
            events = self._new_events()
            if not (files or calls or events):
                return
            fault("ship.before")
            with self._database.transaction():
                for path, data in files:
                    self._put(path, 0, data)
                if events:
                    self._put(EVENTS, self._there.get(EVENTS, 0), events)
                for number, row in calls:
                    self._put_call(number, row)
            self._there |= {path: len(data) for path, data in files}
            self._there[EVENTS] = self._there.get(EVENTS, 0) + len(events)
            self._calls = calls[-1][0] if calls else self._calls
            fault("ship.after")

    def _put(self, path: str, start: int, data: bytes) -> None:
        if len(data) > LARGEST:
            raise WorkspaceError(
                f"{self._folder / path} has {len(data) >> 20} MB, and the database takes at most "
                f"{LARGEST >> 20} MB of one file"
            )
        self._database.execute(
            "INSERT INTO files VALUES (%s, %s, %s, %s) ON CONFLICT (run_id, path, start) "
            "DO UPDATE SET data = excluded.data",
            (self._run, path, start, data),
        )

    def _put_call(self, number: int, row: tuple[Any, ...]) -> None:
        key, *rest = row
        request, reply = rest[_REQUEST], rest[_REPLY]
        rest[_REQUEST] = rest[_REPLY] = None
        self._database.execute(
            "INSERT INTO calls VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (self._run, number, key, json.dumps(rest), request, reply),
        )

    def _written_once(self) -> Iterator[tuple[str, bytes]]:
        """Yield blobs and git objects, which are named by their content."""
        objects = self._folder / "git/objects"
        folders = [self._folder / "blobs"]
        if objects.is_dir():
            folders += [target for target in objects.iterdir() if _is_hex(target.name, 2)]
        for folder in folders:
            if not folder.is_dir():
                continue
            inside = f"{folder.relative_to(self._folder)}/"
            for entry in os.scandir(folder):
                path = inside + entry.name
                if path not in self._there and _is_hex(entry.name):
                    yield path, Path(entry).read_bytes()

    def _changing(self) -> Iterator[tuple[str, bytes]]:
        """Yield the refs of the run and its logs, if they changed."""
        refs = self._folder / "git/refs/reviewloop"
        targets = [p for p in refs.rglob("*") if p.is_file() and not p.name.startswith("tmp_")]
        targets += [self._folder / ABOUT]
        logs = self._folder / "logs"
        targets += [p for p in logs.rglob("*") if p.is_file() and not p.is_symlink()]
        for target in targets:
            if not target.is_file() or target.stat().st_size > LARGEST_LOG:
                continue
            path, data = str(target.relative_to(self._folder)), target.read_bytes()
            if self._texts.get(path) != data:
                self._texts[path] = data
                yield path, data

    def _new_events(self) -> bytes:
        target = self._folder / EVENTS
        if not target.exists():
            return b""
        with target.open("rb") as file:
            file.seek(self._there.get(EVENTS, 0))
            data = file.read()
        return data[: data.rfind(b"\n") + 1]

    def _new_calls(self) -> list[tuple[int, tuple[Any, ...]]]:
        target = self._folder / _JOURNAL
        if not target.exists():
            return []
        with closing(Journal(target)) as journal:
            return journal.rows_after(self._calls)


def rebuild(folder: Path, database: Database, run_id: str) -> bytes:
    """Write a run's folder, which must not exist; return the content of `ABOUT`.

    Raises `WorkspaceError` for a file whose content does not match its name.
    """
    for name in (folder, folder / "logs", folder / "blobs"):
        private_folder(name)
    about = b""
    files = database.stream(
        "SELECT path, data FROM files WHERE run_id = %s ORDER BY path, start", (run_id,)
    )
    with closing(files):
        for row in files:
            path, data = row.text("path"), row.data("data")
            if path == ABOUT:
                about = data
                continue
            _require_plain(path, data)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with private_file(target).open("ab") as file:
                file.write(data)
    calls = database.stream("SELECT * FROM calls WHERE run_id = %s ORDER BY number", (run_id,))
    with closing(calls), closing(Journal(folder / _JOURNAL)) as journal:
        journal.take_rows(_columns(row) for row in calls)
    return about


def usage_of_calls(database: Database, runs: Sequence[str]) -> dict[str, list[CallUsage]]:
    """Return run -> usage of its stored model calls, without reading their texts."""
    found: dict[str, list[CallUsage]] = {run_id: [] for run_id in runs}
    for row in database.execute(
        "SELECT run_id, call FROM calls WHERE run_id = ANY(%s)", (list(runs),)
    ):
        columns = json.loads(row.text("call"))
        if columns[_KIND] == "model":
            found[row.text("run_id")].append(json.loads(columns[_USAGE]))
    return found


def holder_of(database: Database, commit: str) -> str:
    """Return a run that made this commit, or ""."""
    rows = database.execute(
        "SELECT run_id FROM files WHERE path = %s LIMIT 1",
        (f"git/objects/{commit[:2]}/{commit[2:]}",),
    )
    return rows[0].text("run_id") if rows else ""


def fetch_objects(database: Database, run_id: str, git_dir: Path) -> None:
    """Write the git objects that a run made into another git directory."""
    objects = database.stream(
        "SELECT path, data FROM files WHERE run_id = %s AND path LIKE 'git/objects/%%'", (run_id,)
    )
    with closing(objects):
        for row in objects:
            path, data = row.text("path"), row.data("data")
            _require_plain(path, data)
            target = git_dir / path.removeprefix("git/")
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                whole = target.with_name(f"tmp_obj_{secrets.token_hex(6)}")  # git's own prefix
                whole.write_bytes(data)
                whole.replace(target)


def _columns(row: Row) -> tuple[Any, ...]:
    rest = json.loads(row.text("call"))
    rest[_REQUEST], rest[_REPLY] = row.data("request"), row.data("reply")
    return (row.text("key"), *rest)


def _require_plain(path: str, data: bytes) -> None:
    """Raise for a path that is never written: whoever writes the database must not write elsewhere
    here.
    """
    parts = path.split("/")
    if ".." in parts or not all(parts) or parts[0] not in {"blobs", "git", "logs", EVENTS}:
        raise WorkspaceError(f"the database names a file {path!r} of a run, which is none")
    if parts[0] == "blobs" and hashlib.sha256(data).hexdigest() != parts[-1]:
        raise WorkspaceError(f"{path} in the database is damaged; its run cannot go on")
    if parts[0] == "git":
        if parts[1] == "objects" and _name_of(data, "".join(parts[2:])) == "".join(parts[2:]):
            return
        if parts[1:3] == ["refs", "reviewloop"]:
            return
        raise WorkspaceError(f"{path} in the database is damaged; its run cannot go on")


def _name_of(data: bytes, expected: str) -> str:
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(data, _LARGEST_OBJECT)
    except zlib.error:
        return ""
    if not unpacking.eof:
        return ""
    method = "sha1" if len(expected) == 40 else "sha256"
    return hashlib.new(method, content, usedforsecurity=False).hexdigest()


def _is_hex(name: str, length: int = 0) -> bool:
    return set(name) <= _HEX and len(name) in ((length,) if length else (38, 62, 64))
