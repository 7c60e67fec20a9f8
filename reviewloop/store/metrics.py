"""The figures of every run, kept when the run itself is deleted: counts, names, times, money.

It holds no code and no text of a finding or spec. docs/stats.md defines each figure.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.store.sqlite import open_database

FILE = "metrics.sqlite"
VERSION = 1
"""Of the table and its rows; raise it when a figure changes its meaning. New figures do not."""

_PATIENCE = 2.0  # seconds; a run must not wait longer for a reader of the figures
_SCHEMA = """
CREATE TABLE IF NOT EXISTS figures (
    run_id TEXT PRIMARY KEY, begun_at REAL NOT NULL, record_at REAL NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS specs (path TEXT PRIMARY KEY, born_at REAL NOT NULL);
"""


@dataclass(frozen=True)
class FindingCount:
    """The number of findings with the same reviewers, severity and status."""

    agents: tuple[str, ...]
    severity: str
    status: str
    count: int


@dataclass(frozen=True)
class RunMetrics:
    """The figures of one run, when it last stopped or ended."""

    run_id: str
    kind: str  # task | checkpoint (nothing was changed) | change (`run -m`) | fix (of findings)
    status: str
    begun_at: float
    record_at: float  # when the record with these figures was saved
    task_id: str = ""
    spec_path: str = ""
    committed_at: float = 0.0  # 0: it was not
    first_review: str = "none"  # clean | findings | incomplete | unknown | none
    decision: str = ""  # approved | autopilot | rejected | redone | given_up; "": none yet
    modifications: int = 0
    taken_over: bool = False  # rejected, with its work saved as a branch
    rounds: int = 0
    seconds: float = 0.0
    calls: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    usd: float | None = None  # None: the price of a call is unknown
    new_lines: int | None = None  # that tests could run; None: not measured
    missing_lines: int = 0
    findings: tuple[FindingCount, ...] = ()
    dismissed_by_people: int = 0  # of the red and yellow ones; the others by reviewers
    complexity_before: int | None = None  # of the changed files; None: not measured
    complexity_after: int = 0
    public_names: int | None = None  # in the change; None: not measured
    described_names: int = 0
    arch_findings: int = 0  # of rules about the architecture
    copy_findings: int = 0  # of code that is there already
    called: str = ""  # hash of the task's title, as ids can change; "": of an earlier release

    @property
    def task(self) -> tuple[str, str, str]:
        """The key of a task; a run of `run -m` is a task of its own."""
        return (
            (self.spec_path, self.task_id, self.called) if self.task_id else ("", self.run_id, "")
        )


class MetricsStore:
    """The figures of one repository's runs."""

    def __init__(self, folder: Path) -> None:
        """Open or create the file in a repository's folder.

        Raises `WorkspaceError` when it is damaged, in use for longer than two seconds, or written
        by a newer release.
        """
        self._path = folder / FILE
        try:
            self._connection = open_database(self._path, _SCHEMA, patience=_PATIENCE)
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        except (sqlite3.Error, OSError, WorkspaceError) as error:
            raise _unusable(self._path, error.__cause__ or error) from error
        if version > VERSION:
            self._connection.close()
            raise WorkspaceError(
                f"{self._path} was written by a newer reviewloop (version {version}, this one "
                f"reads {VERSION}); use that release, or delete the figures with "
                "`reviewloop clean --metrics`"
            )
        if not version:
            with self._cursor() as cursor:
                cursor.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def save(self, rows: Iterable[RunMetrics]) -> None:
        """Insert or replace rows, all of them or none."""
        values = [(r.run_id, r.begun_at, r.record_at, json.dumps(asdict(r))) for r in rows]
        with self._cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.executemany("INSERT OR REPLACE INTO figures VALUES (?, ?, ?, ?)", values)
            cursor.execute("COMMIT")

    def all(self) -> list[RunMetrics]:
        """Return every row, oldest run first."""
        with self._cursor() as cursor:
            rows = cursor.execute("SELECT body FROM figures ORDER BY begun_at, run_id").fetchall()
        return [row_of(json.loads(row["body"])) for row in rows]

    def stamps(self) -> dict[str, float]:
        """Return run -> when the record of its row was saved."""
        with self._cursor() as cursor:
            rows = cursor.execute("SELECT run_id, record_at FROM figures").fetchall()
        return {row["run_id"]: row["record_at"] for row in rows}

    def spec_dates(self) -> dict[str, float]:
        """Return when each spec was added to the repository, as far as it is known."""
        with self._cursor() as cursor:
            rows = cursor.execute("SELECT path, born_at FROM specs").fetchall()
        return {row["path"]: row["born_at"] for row in rows}

    def save_birth(self, path: str, at: float) -> None:
        """Store when a spec was added to the repository."""
        with self._cursor() as cursor:
            cursor.execute("INSERT OR REPLACE INTO specs VALUES (?, ?)", (path, at))

    @contextmanager
    def _cursor(self) -> Iterator[sqlite3.Cursor]:
        """Yield a cursor; an SQLite error is rolled back and raised as a `WorkspaceError`."""
        try:
            with closing(self._connection.cursor()) as cursor:
                yield cursor
        except (sqlite3.Error, OSError) as error:
            if self._connection.in_transaction:
                self._connection.rollback()
            raise _unusable(self._path, error) from error


def figures_kept(folder: Path) -> list[RunMetrics]:
    """Return the figures of a repository's runs, none where they cannot be read."""
    if not (folder / FILE).exists():
        return []
    try:
        with closing(MetricsStore(folder)) as store:
            return store.all()
    except WorkspaceError:
        return []  # `reviewloop stats` reports why


def files_of_metrics(folder: Path) -> list[Path]:
    """Return the existing files of the figures."""
    return [path for end in ("", "-wal", "-shm") if (path := folder / f"{FILE}{end}").exists()]


def row_of(body: dict[str, Any]) -> RunMetrics:
    """Return the figures of a row; those of another release are ignored."""
    known = {f.name for f in fields(RunMetrics)}
    values = {name: value for name, value in body.items() if name in known}
    counts = (FindingCount(**{**one, "agents": tuple(one["agents"])}) for one in body["findings"])
    return RunMetrics(**{**values, "findings": tuple(counts)})


def _unusable(path: Path, error: BaseException) -> WorkspaceError:
    if "locked" in str(error):
        return WorkspaceError(f"{path} is in use by another process; try again")
    return WorkspaceError(
        f"{path} cannot be used ({error}); `reviewloop clean --metrics` deletes it, and the "
        "figures of runs that are still there are taken in again"
    )
