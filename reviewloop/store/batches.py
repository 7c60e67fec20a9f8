"""The record of every batch: which tasks it took up and how, and when it was at work."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from reviewloop.faults import fault
from reviewloop.store.sqlite import open_database

FILE = "batches.sqlite"
_BETWEEN = 1.0  # seconds; a sitting that is killed loses this, and what passed without an event
_SITTINGS_SCHEMA = """
CREATE TABLE IF NOT EXISTS sittings (
    batch_id TEXT NOT NULL, began_at REAL NOT NULL, seen_at REAL NOT NULL,
    closed INTEGER NOT NULL,
    PRIMARY KEY (batch_id, began_at)
);
"""


class OneSitting(NamedTuple):
    """When a batch was at work; one that was not `closed` was cut off, or is under way."""

    began: float
    seen: float
    closed: bool


class SittingClock:
    """Writes down one sitting while it lasts; may be told from any thread."""

    def __init__(self, folder: Path, batch_id: str, now: Callable[[], float] = time.time) -> None:
        self._connection = open_database(folder / FILE, _SITTINGS_SCHEMA)
        self._batch, self._now, self._lock = batch_id, now, Lock()
        self._began = self._seen = now()
        self._write()

    def seen(self) -> None:
        """Note that the batch is at work still; cheap when it was noted just now."""
        with self._lock:
            if self._now() - self._seen >= _BETWEEN:
                self._write()

    def close(self) -> None:
        """End the sitting."""
        with self._lock:
            self._write(closed=True)
            self._connection.close()

    def _write(self, *, closed: bool = False) -> None:
        self._seen = max(self._now(), self._began)
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(
                "INSERT OR REPLACE INTO sittings VALUES (?, ?, ?, ?)",
                (self._batch, self._began, self._seen, closed),
            )


def sittings_of(folder: Path, batch_id: str) -> list[OneSitting]:
    """Return the sittings of a batch, the oldest first."""
    if not (folder / FILE).exists():
        return []
    with (
        closing(open_database(folder / FILE, _SITTINGS_SCHEMA)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        rows = cursor.execute(
            "SELECT began_at, seen_at, closed FROM sittings WHERE batch_id = ? ORDER BY began_at",
            (batch_id,),
        ).fetchall()
    return [OneSitting(row["began_at"], row["seen_at"], bool(row["closed"])) for row in rows]


_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    batch_id TEXT PRIMARY KEY, created_at REAL NOT NULL, record TEXT NOT NULL
);
"""


@dataclass
class BatchRecord:
    """One batch. A run names its batch in its own record, so the two cannot disagree."""

    batch_id: str
    spec_path: str
    mode: str
    tasks: dict[str, str] = field(default_factory=dict)  # id -> title, as listed
    left_out: list[str] = field(default_factory=list)  # open tasks it cannot do, with reasons
    held: dict[str, str] = field(default_factory=dict)  # id -> why it was not begun, at the end
    refused: list[str] = field(default_factory=list)  # ids of those that could not be begun
    needs: dict[str, list[str]] = field(default_factory=dict)  # id -> tasks it cannot begin without
    # run -> what it proposed, the branch's commit, and why the batch left it to a person then
    said: dict[str, list[str]] = field(default_factory=dict)
    # id -> rows of the account of runs that were deleted, the oldest first
    kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    budget_usd: float | None = None
    deadline: float = 0.0  # seconds since the epoch; 0 for none
    branch: str = ""  # where its commits go; "" in records of releases that did not write it
    head: str = ""  # the commit of the branch when it began
    until_failure: bool = False  # whether the last sitting was to stop at a failure
    ended: bool = False  # nothing is left to be done by itself
    reason: str = ""  # why it stopped before its end
    created_at: float = 0.0
    updated_at: float = 0.0

    def plain(self) -> dict[str, Any]:
        """Return the record as JSON-plain values."""
        return asdict(self)


class BatchStore:
    """The batches of one repository."""

    def __init__(self, folder: Path) -> None:
        self._connection = open_database(folder / "batches.sqlite", _SCHEMA)

    def close(self) -> None:
        """Close the table."""
        self._connection.close()

    def save(self, record: BatchRecord) -> None:
        """Insert or replace a record."""
        record.updated_at = time.time()
        record.created_at = record.created_at or record.updated_at
        fault("batch.before")
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(
                "INSERT OR REPLACE INTO batches VALUES (?, ?, ?)",
                (record.batch_id, record.created_at, json.dumps(record.plain())),
            )
        fault("batch.after")

    def find(self, batch_id: str) -> BatchRecord | None:
        """Return the batch of this id, None when there is none."""
        with closing(self._connection.cursor()) as cursor:
            rows = cursor.execute(
                "SELECT record FROM batches WHERE batch_id = ?", (batch_id,)
            ).fetchall()
        return _record(json.loads(rows[0]["record"])) if rows else None

    def newest(self, spec_path: str = "") -> BatchRecord | None:
        """Return the latest batch, of one spec if it is named."""
        found = (one for one in self.all() if spec_path in ("", one.spec_path))
        return next(found, None)

    def all(self) -> list[BatchRecord]:
        """Return all batches, the newest first."""
        with closing(self._connection.cursor()) as cursor:
            rows = cursor.execute("SELECT record FROM batches ORDER BY created_at DESC").fetchall()
        return [_record(json.loads(row["record"])) for row in rows]

    def delete(self, batch_id: str) -> None:
        """Forget a batch that began nothing."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute("DELETE FROM batches WHERE batch_id = ?", (batch_id,))


def _record(body: Mapping[str, Any]) -> BatchRecord:
    """Return the record; fields of another release are passed over."""
    known = {f.name for f in fields(BatchRecord)}
    return BatchRecord(**{name: body[name] for name in body if name in known})
