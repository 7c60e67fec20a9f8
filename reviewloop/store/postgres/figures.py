"""The figures of all workers' runs, kept when the runs are deleted: see `metrics`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from reviewloop.store.metrics import RunMetrics, row_of
from reviewloop.store.postgres.database import Database


class SharedFigures:
    """The tables of figures; `repository` is the key of one (`About.repository`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self,
        repository: str,
        branch: str,
        rows: Iterable[RunMetrics],
        spec_dates: Mapping[str, float],
    ) -> None:
        """Insert or replace rows of a branch, and store when specs were added to the repository."""
        with self._database.transaction():
            for row in rows:
                body = json.dumps({**asdict(row), "branch": branch})
                self._database.execute(
                    "INSERT INTO figures VALUES (%s, %s, %s, %s, %s) ON CONFLICT (run_id) DO "
                    "UPDATE SET record_at = excluded.record_at, body = excluded.body",
                    (row.run_id, repository, row.begun_at, row.record_at, body),
                )
            for path, at in spec_dates.items():
                self._database.execute(
                    "INSERT INTO specs VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    (repository, path, at),
                )

    def stamps(self, repository: str) -> dict[str, float]:
        """Return run -> when the record of its row was saved."""
        rows = self._database.execute(
            "SELECT run_id, record_at FROM figures WHERE repository = %s", (repository,)
        )
        return {row.text("run_id"): row.number("record_at") for row in rows}

    def all(self) -> list[tuple[str, str, RunMetrics]]:
        """Return every row with its repository and branch, oldest run first."""
        rows = self._database.execute(
            "SELECT repository, body FROM figures ORDER BY begun_at, run_id"
        )
        found = [(row.text("repository"), json.loads(row.text("body"))) for row in rows]
        return [(key, body.get("branch", ""), row_of(body)) for key, body in found]

    def spec_dates(self) -> dict[tuple[str, str], float]:
        """Return when each spec was added to its repository, as far as it is known."""
        rows = self._database.execute("SELECT repository, path, born_at FROM specs")
        return {(row.text("repository"), row.text("path")): row.number("born_at") for row in rows}

    def delete(self) -> None:
        """Delete all figures."""
        with self._database.transaction():
            self._database.execute("DELETE FROM figures")
            self._database.execute("DELETE FROM specs")
