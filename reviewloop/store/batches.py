"""The record of every batch: which tasks it took up and how; what became of them, runs tell."""

import json
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from reviewloop.faults import fault
from reviewloop.store.sqlite import open_database

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
    tasks: dict[str, str] = field(default_factory=dict)  # id -> title, in the order of the work
    left_out: list[str] = field(default_factory=list)  # open tasks it cannot do, with reasons
    held: dict[str, str] = field(default_factory=dict)  # id -> why it was not begun, at the end
    refused: list[str] = field(default_factory=list)  # ids of those that could not be begun
    budget_usd: float | None = None
    deadline: float = 0.0  # seconds since the epoch; 0 for none
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

    def newest(self, spec_path: str = "") -> BatchRecord | None:
        """Return the latest batch, of one spec if it is named."""
        with closing(self._connection.cursor()) as cursor:
            rows = cursor.execute("SELECT record FROM batches ORDER BY created_at DESC").fetchall()
        known = {f.name for f in fields(BatchRecord)}
        for row in rows:
            body = json.loads(row["record"])
            if spec_path in ("", body["spec_path"]):
                return BatchRecord(**{name: body[name] for name in body if name in known})
        return None
