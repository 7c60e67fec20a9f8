"""The table of runs shared by machines, alone and beside a worker's own table."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from reviewloop.domain.reason import Reason
from reviewloop.store.batches import StoredRow, read_row
from reviewloop.store.postgres.batches import About
from reviewloop.store.postgres.database import Database, Row
from reviewloop.store.reasons import read_note, stored_note
from reviewloop.store.runs import RunRecord, RunStatus, RunStore, record_of


class ShownRun(NamedTuple):
    """A run with what a worker reported of it last, and what the latest answer to it came to."""

    run: RunRecord
    row: StoredRow | None
    note: Reason

    def is_about(self, run: RunRecord) -> bool:
        """Whether the run proposed the same then, for the same reason."""
        return self.row is not None and (self.row.proposal, self.row.reason) == (
            run.proposal,
            run.reason,
        )


_SHOWN = "SELECT record, shown, note FROM runs"


def _shown(row: Row) -> ShownRun:
    return ShownRun(
        record_of(json.loads(row.text("record"))),
        read_row(row.text("shown")),
        read_note(row.text("note")),
    )


class SharedRuns(RunStore):
    """The runs of all repositories in a database, without any files."""

    where = 'this store (`--store ""` looks on this machine)'

    def __init__(self, database: Database) -> None:
        self._database = database

    def close(self) -> None:
        """Do nothing: the connection is not this table's."""

    def again(self) -> "SharedRuns":
        """Return the table for another thread."""
        return self

    def save(self, record: RunRecord) -> None:
        """Replace an existing record."""
        record.updated_at = time.time()
        self._database.execute(
            "UPDATE runs SET status = %s, updated_at = %s, record = %s WHERE run_id = %s",
            (str(record.status), record.updated_at, _written(record), record.run_id),
        )

    def location_of(self, record: RunRecord) -> str:
        """Return where a run works: a store has many repositories."""
        rows = self._database.execute(
            "SELECT about FROM batches WHERE batch_id = %s", (record.options.get("batch", ""),)
        )
        address = json.loads(rows[0].text("about"))["address"] if rows else ""
        location = super().location_of(record)
        return f"{location} of {address}" if address else location

    def together(self) -> AbstractContextManager[None]:
        """Write everything in a block or nothing."""
        return self._database.transaction()

    def insert(self, record: RunRecord, about: About) -> None:
        """Add a run; an existing one stays."""
        self._database.execute(
            "INSERT INTO runs VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                record.run_id,
                record.options.get("batch", ""),
                about.repository,
                about.branch,
                str(record.status),
                record.created_at,
                record.updated_at,
                _written(record),
            ),
        )

    def all(self) -> list[RunRecord]:
        """Return every run, newest first."""
        rows = self._database.execute("SELECT record FROM runs ORDER BY created_at DESC")
        return [record_of(json.loads(row.text("record"))) for row in rows]

    def all_shown(self) -> list[ShownRun]:
        """Return (run, its row in the queue, its note) of every run, newest first."""
        return [*map(_shown, self._database.execute(f"{_SHOWN} ORDER BY created_at DESC"))]

    def of_task(self, task_id: str) -> list[RunRecord]:
        """Return the runs of a task, of whatever spec and branch, newest first."""
        return [run for run in self.all() if run.task_id == task_id]

    def _of_id(self, run_id: str) -> RunRecord | None:
        rows = self._database.execute("SELECT record FROM runs WHERE run_id = %s", (run_id,))
        return record_of(json.loads(rows[0].text("record"))) if rows else None

    def of(self, about: About) -> list[RunRecord]:
        """Return the runs of a branch, newest first."""
        rows = self._database.execute(
            "SELECT record FROM runs WHERE repository = %s AND branch = %s "
            "ORDER BY created_at DESC",
            (about.repository, about.branch),
        )
        return [record_of(json.loads(row.text("record"))) for row in rows]

    def stamps(self) -> dict[str, tuple[RunStatus, float]]:
        """Return run -> (status, when its record was saved)."""
        rows = self._database.execute("SELECT run_id, status, updated_at FROM runs")
        return {
            row.text("run_id"): (RunStatus(row.text("status")), row.number("updated_at"))
            for row in rows
        }

    def saved_at(self, about: About) -> dict[str, float]:
        """Return run -> when its record was saved, for a branch."""
        rows = self._database.execute(
            "SELECT run_id, updated_at FROM runs WHERE repository = %s AND branch = %s",
            (about.repository, about.branch),
        )
        return {row.text("run_id"): row.number("updated_at") for row in rows}

    def delete(self, run_id: str) -> None:
        """Delete a run and everything stored under it."""
        self._database.execute("DELETE FROM runs WHERE run_id = %s", (run_id,))

    def show(self, run_id: str, row: str, proposal: Mapping[str, object], diff: str) -> None:
        """Store the queue's row of a run, and what a user needs to see before they answer."""
        self._database.execute(
            "UPDATE runs SET shown = %s, proposal = %s WHERE run_id = %s",
            (row, json.dumps({"proposal": proposal, "diff": diff}), run_id),
        )

    def proposal(self, run_id: str) -> tuple[Mapping[str, object], str]:
        """Return the proposal of a run and its diff, both empty while it has none."""
        [row] = self._database.execute("SELECT proposal FROM runs WHERE run_id = %s", (run_id,))
        kept = json.loads(row.text("proposal") or '{"proposal": {}, "diff": ""}')
        return kept["proposal"], kept["diff"]

    def note(self, run_id: str, because: Reason, sentence: str) -> None:
        """Store what the latest answer to a run came to, with its sentence."""
        self._database.execute(
            "UPDATE runs SET note = %s WHERE run_id = %s",
            (stored_note(because, sentence), run_id),
        )

    def shown_of(self, run_id: str) -> ShownRun | None:
        """Return a run with what is known of it here, None where there is no such run."""
        rows = self._database.execute(f"{_SHOWN} WHERE run_id = %s", (run_id,))
        return next(map(_shown, rows), None)


class WorkerRuns(RunStore):
    """A worker's own table; each record is also copied to the shared one, with the run's folder."""

    def __init__(
        self, folder: Path, shared: SharedRuns, about: About, ship: Callable[[str], None]
    ) -> None:
        super().__init__(folder)
        self._shared, self._about, self._ship = shared, about, ship

    def again(self) -> "WorkerRuns":
        """Return the table for another thread."""
        return WorkerRuns(self._folder, self._shared, self._about, self._ship)

    def save(self, record: RunRecord) -> None:
        """Insert or replace a record here and there; what it references is stored first."""
        super().save(record)
        with self._shared.together():
            self._shared.insert(record, self._about)
            self._shared.save(record)
            self._ship(record.run_id)  # last: it remembers what it copied

    def take(self, record: RunRecord) -> None:
        """Insert or replace a record from the shared table."""
        super().save(record)


def _written(record: RunRecord) -> str:
    return json.dumps(record.plain())
