"""Every model reply and tool result of a run, stored before use and never asked for twice.

LangGraph alone pays again for replies it had already received when it is killed between a reply and
the checkpoint after it; this journal closes that gap (DESIGN section 3).
"""

import hashlib
import json
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from reviewloop.dataclass import dataclass
from reviewloop.domain.usage import TokenUsage
from reviewloop.faults import fault
from reviewloop.store.sqlite import open_database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY,
    agent TEXT NOT NULL, step TEXT NOT NULL, finding TEXT NOT NULL,
    cycle INTEGER NOT NULL, round INTEGER NOT NULL, attempt INTEGER NOT NULL, turn INTEGER NOT NULL,
    kind TEXT NOT NULL, request_hash TEXT NOT NULL,
    request BLOB NOT NULL, reply BLOB NOT NULL, usage TEXT NOT NULL,
    seconds REAL NOT NULL, at REAL NOT NULL
);
"""


class CallUsage(TokenUsage, total=False):
    """The usage of one model call."""

    model: str
    estimate: int  # ours, of the input
    attempts: int
    outside: list[str]  # locations that its cage refused an agent


TOKENS: tuple[Literal["input", "output", "cache_read", "cache_write"], ...] = (
    "input",
    "output",
    "cache_read",
    "cache_write",
)
"""The counts of a usage; none overlaps another."""


@dataclass(frozen=True)
class CallKey:
    """The key of a call in a run; with the request's hash it is unique."""

    agent: str
    step: str
    finding: str = ""
    cycle: int = 0
    round: int = 0
    attempt: int = 0
    turn: int = 0


@dataclass(frozen=True)
class CallRecord:
    """One journalled call, as `calls` returns it."""

    key: CallKey
    kind: str  # model | tool | hook
    request_hash: str
    request: Mapping[str, Any]
    reply: Mapping[str, Any]
    usage: Mapping[str, Any]
    seconds: float
    at: float


Result = TypeVar("Result", bound=Mapping[str, object])


class Journal:
    """One SQLite file per run; safe to use from the threads of the reviewers.

    `kept` is called after a reply is stored and before it is used.
    """

    def __init__(self, path: Path, kept: Callable[[], None] | None = None) -> None:
        self._lock = threading.Lock()
        self._connection = open_database(path, _SCHEMA)
        self._kept = kept

    def close(self) -> None:
        """Close the file; the journal cannot be used afterwards."""
        self._connection.close()

    def lookup(self, key: CallKey, *request_hashes: str) -> dict[str, object] | None:
        """Return the stored reply of this call to the first of these requests that has one."""
        for request_hash in request_hashes:
            with self._lock, closing(self._connection.cursor()) as cursor:
                row = cursor.execute(
                    "SELECT reply FROM calls WHERE key = ?", (_row_key(key, request_hash),)
                ).fetchone()
            if row:
                return _unpack(row["reply"])
        return None

    def record(
        self,
        key: CallKey,
        request_hash: str,
        kind: str,
        *,
        request: Mapping[str, object],
        reply: Mapping[str, object],
        usage: Mapping[str, object],
        seconds: float,
    ) -> None:
        """Store a reply durably; after this it is never paid for again."""
        values = (
            _row_key(key, request_hash),
            *asdict(key).values(),
            kind,
            request_hash,
            _pack(request),
            _pack(reply),
            json.dumps(dict(usage), sort_keys=True),
            seconds,
            time.time(),
        )
        marks = ",".join("?" * len(values))  # nothing else is put into the statement
        fault("journal.before")
        with self._lock, closing(self._connection.cursor()) as cursor:
            cursor.execute(f"INSERT OR IGNORE INTO calls VALUES ({marks})", values)  # noqa: S608 - marks
        if self._kept is not None:
            self._kept()
        fault("journal.after")

    def once(
        self,
        key: CallKey,
        request: Mapping[str, object],
        do: Callable[[], Result],
        kind: str = "tool",
    ) -> Result:
        """Return the stored result of this tool call, or call `do` and store its result.

        `request` and the result are JSON-plain, of the type that `do` returns. `do` may run twice
        if the process dies in the middle, so it must be idempotent.
        """
        request_hash = hash_of(request)
        found = self.lookup(key, request_hash)
        if found is not None:
            return cast(Result, found)  # `do` made it, and JSON kept it
        started = time.monotonic()
        result = do()
        self.record(
            key,
            request_hash,
            kind,
            request=request,
            reply=result,
            usage={},
            seconds=time.monotonic() - started,
        )
        return result

    def calls(self, kind: str | None = None) -> Iterator[CallRecord]:
        """Yield the calls, oldest first."""
        with self._lock, closing(self._connection.cursor()) as cursor:
            rows = cursor.execute(
                "SELECT * FROM calls WHERE ?1 IS NULL OR kind = ?1 ORDER BY rowid", (kind,)
            ).fetchall()
        for row in rows:
            yield CallRecord(
                key=CallKey(
                    row["agent"],
                    row["step"],
                    row["finding"],
                    row["cycle"],
                    row["round"],
                    row["attempt"],
                    row["turn"],
                ),
                kind=row["kind"],
                request_hash=row["request_hash"],
                request=_unpack(row["request"]),
                reply=_unpack(row["reply"]),
                usage=json.loads(row["usage"]),
                seconds=row["seconds"],
                at=row["at"],
            )

    def rows_after(self, number: int) -> list[tuple[int, tuple[Any, ...]]]:
        """Return (number, columns) of the calls after that number, for another journal."""
        with self._lock, closing(self._connection.cursor()) as cursor:
            rows = cursor.execute(
                "SELECT rowid AS number, * FROM calls WHERE rowid > ? ORDER BY rowid", (number,)
            ).fetchall()
        return [(row["number"], tuple(row)[1:]) for row in rows]

    def take_rows(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert what `rows_after` of another journal of the same run returned, in order."""
        with self._lock, closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN")
            for row in rows:
                marks = ",".join("?" * len(row))  # only placeholders are inserted
                cursor.execute(f"INSERT OR IGNORE INTO calls VALUES ({marks})", row)  # noqa: S608 - marks
            cursor.execute("COMMIT")

    def usages_of(self, step: str) -> list[tuple[CallKey, CallUsage]]:
        """Return key and usage of the model calls of a step, without unpacking bodies."""
        with self._lock, closing(self._connection.cursor()) as cursor:
            rows = cursor.execute(
                "SELECT agent, step, finding, cycle, round, attempt, turn, usage FROM calls "
                "WHERE kind = 'model' AND step = ? ORDER BY rowid",
                (step,),
            ).fetchall()
        return [(CallKey(*row[:7]), json.loads(row["usage"])) for row in rows]

    def usage_rows(self) -> list[tuple[str, str, CallUsage, float]]:
        """Return (agent, step, usage, seconds) of every model call, without unpacking bodies."""
        with self._lock, closing(self._connection.cursor()) as cursor:
            rows = cursor.execute(
                "SELECT agent, step, usage, seconds FROM calls WHERE kind = 'model' ORDER BY rowid"
            ).fetchall()
        return [(r["agent"], r["step"], json.loads(r["usage"]), r["seconds"]) for r in rows]


_USAGES = "SELECT usage FROM calls WHERE kind = 'model' ORDER BY rowid"


def stored_usages(path: Path) -> list[CallUsage]:
    """Return the usage of every model call in the journal of a run, also of one in progress.

    A journal that no process has open is read as a plain file, without locks and a log, as a list
    of runs reads thousands. If it changed meanwhile it is read again.
    """
    file, log = str(path), f"{path}-wal"
    if (before := _stamp(file)) is None:
        return []
    if _stamp(log) is None:
        address = f"{path.absolute().as_uri()}?immutable=1"
        with suppress(sqlite3.DatabaseError):
            with closing(sqlite3.connect(address, uri=True)) as connection:
                rows = connection.execute(_USAGES).fetchall()
            if _stamp(file) == before and _stamp(log) is None:
                usages: list[CallUsage] = json.loads(f"[{','.join(u for (u,) in rows)}]")
                return usages
    with closing(Journal(path)) as journal:
        return [usage for _, _, usage, _ in journal.usage_rows()]


def _stamp(path: str) -> tuple[int, int, int] | None:
    """Return values that change with a file, None for a missing one."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a `Path` costs more than the call, thousands of times
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def hash_of(value: Mapping[str, object]) -> str:
    """Return the SHA-256 of a JSON-plain value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _row_key(key: CallKey, request_hash: str) -> str:
    return hash_of({**asdict(key), "request": request_hash})


def _pack(value: Mapping[str, Any]) -> bytes:
    return zlib.compress(json.dumps(value, sort_keys=True).encode("ascii"), 6)


def _unpack(data: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(zlib.decompress(data))
    return value
