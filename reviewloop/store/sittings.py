"""When a batch was at work: each sitting from its begin to when it was last seen alive."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from reviewloop.store.sqlite import open_database

FILE = "batches.sqlite"
_BETWEEN = 1.0  # seconds; a sitting that is killed loses this, and what passed without an event
_SCHEMA = """
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
        self._connection = open_database(folder / FILE, _SCHEMA)
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
        closing(open_database(folder / FILE, _SCHEMA)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        rows = cursor.execute(
            "SELECT began_at, seen_at, closed FROM sittings WHERE batch_id = ? ORDER BY began_at",
            (batch_id,),
        ).fetchall()
    return [OneSitting(row["began_at"], row["seen_at"], bool(row["closed"])) for row in rows]
