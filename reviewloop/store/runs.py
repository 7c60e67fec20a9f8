"""The record of every run: our own small table, read by `status` and `show` without LangGraph."""

import json
import sqlite3
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from reviewloop import __version__
from reviewloop.domain.errors import UsageError
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind
from reviewloop.faults import fault
from reviewloop.store.reasons import legacy_reason, read_reason, stored_reason
from reviewloop.store.sqlite import open_database

SCHEMA_VERSION = 1
"""Raise it when the meaning of a key of the loop's state or the name of a node changes."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, created_at REAL NOT NULL, updated_at REAL NOT NULL,
    status TEXT NOT NULL, record TEXT NOT NULL
);
DROP INDEX IF EXISTS runs_by_age;
CREATE INDEX IF NOT EXISTS runs_by_stamp ON runs (created_at, run_id, updated_at, status);
CREATE TABLE IF NOT EXISTS spent (
    run_id TEXT PRIMARY KEY, updated_at REAL NOT NULL, sums TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS figures (
    run_id TEXT PRIMARY KEY, updated_at REAL NOT NULL, figures TEXT NOT NULL
);
"""

_FEW = 20  # runs read one by one; more are read together

Derived = Literal["spent", "figures"]
"""The table of what is computed from the files of a run: its usage, its figures."""

ANSWERED = "answered"
"""The option of a run with the answer that it applies, until it asks again or is over."""


class RunStatus(StrEnum):
    """The status of a run."""

    RUNNING = "running"
    PAUSED = "paused"  # resumable: interrupted, out of budget, model away
    WAITING = "waiting"  # for a user's approval
    BLOCKED = "blocked"  # by a guard-rail; a user can modify or reject
    COMMITTED = "committed"
    SKIPPED = "skipped"
    UNDONE = "undone"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen, by itself or by an answer."""
        return self in _OVER


_OVER = frozenset({RunStatus.COMMITTED, RunStatus.SKIPPED, RunStatus.UNDONE})
OPEN = tuple(status for status in RunStatus if not status.over)
"""The statuses in which a run can be answered or continues."""
RESUMABLE = (RunStatus.RUNNING, RunStatus.PAUSED)
_WORDS = {RunStatus.PAUSED: "stopped", RunStatus.SKIPPED: "rejected"}  # as shown to people


CONFLICT = "conflict"
"""Option of a run that did not merge: its proposal, the commit for the rebase, the reason."""


@dataclass
class RunRecord:
    """The record of a run, besides its state, findings and journal."""

    run_id: str
    repository: str  # the user's checkout
    title: str
    base_commit: str
    branch: str  # target of the commit
    new_branch: bool = False  # the branch is made at approval
    task_id: str = ""
    spec_path: str = ""
    project: str = ""  # the project's folder; "": the root
    instruction: str = ""  # of `run -m`
    status: RunStatus = RunStatus.RUNNING
    step: str = ""
    reason: str = ""  # for people; decisions read `because`, see `explain`
    because: Reason = NO_REASON
    exit_code: int = 0
    incomplete: list[str] = field(default_factory=list)  # reviewers that failed
    commit: str = ""
    approved_by: str = ""
    proposal: str = ""  # blob id
    settings: dict[str, Any] = field(default_factory=dict)  # at the start of the run
    options: dict[str, Any] = field(default_factory=dict)  # record_to, team, ...
    evidence: dict[str, Any] = field(default_factory=dict)  # approver, agents, models, gates
    nonce: str = ""  # of the fences around untrusted text
    active_seconds: float = 0.0
    schema_version: int = SCHEMA_VERSION
    release: str = __version__  # of reviewloop, at the start
    created_at: float = 0.0
    updated_at: float = 0.0

    def explain(self, because: Reason, sentence: str) -> None:
        """Set the reason of its status, and the sentence for people."""
        self.because, self.reason = because, sentence

    def plain(self) -> dict[str, object]:
        """Return the record as JSON-plain values."""
        body = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**body, "because": stored_reason(self.because)}

    def conflict_with(self, commit: str) -> str:
        """Return why its proposal does not merge with a commit, if known; else ""."""
        proposal, onto, why = self.options.get(CONFLICT, ("", "", ""))
        return str(why) if (proposal, onto) == (self.proposal, commit) else ""


class RunStore:
    """The runs of one repository, newest first."""

    where = "this repository"  # in sentences about its runs

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection = open_database(folder / "runs.sqlite", _SCHEMA)
        self._read: dict[str, tuple[float, RunRecord]] = {}  # cache, as parsing is most of the cost
        self._listed: tuple[RunRecord, ...] = ()  # all of `_read`, newest first
        self._version = -1  # of the table when it was read; negative: read it again
        self._looks = 0  # reads with changes
        self._settings: list[dict[str, Any]] = []  # shared, as most runs have the same
        self._left_out: frozenset[str] = frozenset()
        self._derived: dict[Derived, dict[str, tuple[float, str]]] = {}  # read on first use

    def close(self) -> None:
        """Close the table."""
        self._connection.close()

    def again(self) -> "RunStore":
        """Return the table again, for another thread; the caller closes it."""
        other = RunStore(self._folder)
        other.leave_out(self._left_out)
        return other

    def leave_out(self, run_ids: Iterable[str]) -> None:
        """Leave these runs out while this table is open."""
        self._left_out = frozenset(run_ids)
        self._version = -1

    def save(self, record: RunRecord) -> None:
        """Insert or replace a record."""
        record.updated_at = time.time()
        record.created_at = record.created_at or record.updated_at
        body = record.plain()
        self._read.pop(record.run_id, None)
        self._version = -1
        fault("record.before")
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?)",
                (
                    record.run_id,
                    record.created_at,
                    record.updated_at,
                    str(record.status),
                    json.dumps(body),
                ),
            )
        fault("record.after")

    def all(self) -> list[RunRecord]:
        """Return every run, newest first."""
        self._look()
        return [_copied(one) for one in self._listed]

    def listed(self) -> tuple[RunRecord, ...]:
        """Return every run, newest first, from the cache: read-only."""
        self._look()
        return self._listed

    def of_task(self, task_id: str) -> list[RunRecord]:
        """Return the runs of a task, of whatever spec and branch, newest first."""
        self._look()
        return [_copied(one) for one in self._listed if one.task_id == task_id]

    def seen(self) -> int:
        """Return a number that changes whenever a run of this table was saved or deleted."""
        self._look()
        return self._looks

    def _look(self) -> None:
        """Read what was saved since the last call."""
        with closing(self._connection.cursor()) as cursor:
            # Before the rows: what is saved meanwhile must be found by the next call.
            (version,) = cursor.execute("PRAGMA data_version").fetchone()
            if version == self._version:
                return
            rows = cursor.execute(
                "SELECT run_id, updated_at FROM runs ORDER BY created_at DESC, run_id DESC"
            ).fetchall()
        stamps: dict[str, float] = dict(map(tuple, rows))
        known = {name: one for name, one in self._read.items() if one[0] == stamps.get(name)}
        if changed := [name for name in stamps if name not in known]:
            known |= {
                row["run_id"]: (row["updated_at"], self._kept(row)) for row in self._of(changed)
            }
        self._read = known
        names = (name for name in stamps if name in known and name not in self._left_out)
        self._listed = tuple(known[name][1] for name in names)
        self._version = version
        self._looks += 1

    def _kept(self, row: sqlite3.Row) -> RunRecord:
        """Return a record for the cache, sharing equal values with others."""
        record = _record(row)
        if "done" in record.options:  # a thousand tasks, in each of a thousand records
            record.options["done"] = [*map(sys.intern, record.options["done"])]
        same = (known for known in reversed(self._settings) if known == record.settings)
        if (settings := next(same, None)) is None:
            self._settings.append(record.settings)
        else:
            record.settings = settings
        return record

    def _of(self, run_ids: Sequence[str]) -> list[sqlite3.Row]:
        """Return the rows of some runs, or of all where that is less work."""
        columns = "SELECT run_id, updated_at, record FROM runs"
        with closing(self._connection.cursor()) as cursor:
            if len(run_ids) > _FEW:
                return cursor.execute(columns).fetchall()
            rows = (cursor.execute(f"{columns} WHERE run_id = ?", (one,)) for one in run_ids)
            return [row for found in rows for row in found.fetchall()]

    def stamps(self) -> dict[str, tuple[RunStatus, float]]:
        """Return run -> (status, when its record was saved), without reading records."""
        with closing(self._connection.cursor()) as cursor:
            rows = cursor.execute("SELECT run_id, status, updated_at FROM runs").fetchall()
        return {r["run_id"]: (RunStatus(r["status"]), r["updated_at"]) for r in rows}

    def find(self, name: str, statuses: Collection[RunStatus] = ()) -> RunRecord:
        """Return the run with this id, or of this task, or with this unique id prefix.

        Of several only those with a status in `statuses` count; without it those that are not
        over, if there are any. Raises `UsageError` when there is none or more than one.
        """
        if (exact := self._of_id(name)) is not None:
            return exact
        runs = self.all()
        of_task = [run for run in runs if name and run.task_id == name]
        # Not of task 2.1 or 20, when 2 is meant.
        matches = of_task or [run for run in runs if run.run_id.startswith(name)]
        meant = matches
        if len(matches) > 1:
            meant = [run for run in matches if run.status in (statuses or OPEN)]
        if len(meant) == 1:
            return meant[0]
        named = f"of task {name}" if of_task else f"whose id starts with {name!r}"
        if matches and not meant and statuses:
            *others, last = (_WORDS.get(status, str(status)) for status in statuses)
            states = f"{', '.join(others)} or {last}" if others else last
            raise UsageError(f"no run {named} is {states}: {self._described(matches)}")
        if matches:
            more = "name the run" if of_task else "give more of the id"
            raise UsageError(
                f"there are several runs {named}: {self._described(meant or matches)}; {more}"
            )
        raise UsageError(
            f"there is no run {name!r}, and none of task {name!r}, in {self.where}; "
            "`reviewloop status` lists the runs"
        )

    def _described(self, runs: Iterable[RunRecord]) -> str:
        """Return descriptions that distinguish runs."""
        return ", ".join(f"{r.run_id} ({in_words(r)}; {self.location_of(r)})" for r in runs)

    def _of_id(self, run_id: str) -> RunRecord | None:
        """Return the run of this id, without reading another."""
        if run_id in self._left_out:
            return None
        with closing(self._connection.cursor()) as cursor:
            rows = cursor.execute("SELECT record FROM runs WHERE run_id = ?", (run_id,)).fetchall()
        return _record(rows[0]) if rows else None

    def location_of(self, record: RunRecord) -> str:
        """Return where a run works, for sentences that distinguish runs."""
        return f"{record.spec_path}, on {record.branch}"

    def only(self, statuses: Sequence[RunStatus], doing: str) -> RunRecord:
        """Return the only run with one of these statuses; raise with a hint for none or several."""
        matches = [run for run in self.all() if run.status in statuses]
        if len(matches) == 1:
            return matches[0]
        if matches:
            names = ", ".join(run.run_id for run in matches)
            raise UsageError(f"more than one run could be meant: {names}; name the one to {doing}")
        stopped = [run.run_id for run in self.all() if is_stopped(run)]
        if stopped and doing != "resume":
            raise UsageError(
                f"there is no run to {doing}: {stopped[0]} stopped on its way; "
                f"`reviewloop resume {stopped[0]}` goes on"
            )
        raise UsageError(f"there is no run to {doing}; `reviewloop status` lists the runs")

    def derived(self, what: Derived, record: RunRecord) -> dict[str, object] | None:
        """Return the stored usage or figures of a finished run; None if they are to be computed.

        What was stored before the record's last save does not count: the run may have continued
        since.
        """
        if not record.status.over:
            return None
        if what not in self._derived:
            with closing(self._connection.cursor()) as cursor:
                rows = cursor.execute(f"SELECT * FROM {what}").fetchall()  # noqa: S608 # our names
            self._derived[what] = {run_id: (updated_at, text) for run_id, updated_at, text in rows}
        updated_at, text = self._derived[what].get(record.run_id, (0.0, ""))
        if updated_at != record.updated_at:
            return None
        found: dict[str, object] = json.loads(text)
        return found

    def keep(self, what: Derived, values: Iterable[tuple[RunRecord, Mapping[str, object]]]) -> None:
        """Store the usage or figures of finished runs, so that lists need not open their files."""
        rows = [(run.run_id, run.updated_at, json.dumps(one)) for run, one in values]
        if not rows:
            return
        with closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN")
            cursor.executemany(
                f"INSERT OR REPLACE INTO {what} VALUES (?, ?, ?)",  # noqa: S608 # our names
                rows,
            )
            cursor.execute("COMMIT")
        self._derived.pop(what, None)

    def delete(self, run_id: str) -> None:
        """Delete a run."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))
            cursor.execute("DELETE FROM spent WHERE run_id = ?", (run_id,))
            cursor.execute("DELETE FROM figures WHERE run_id = ?", (run_id,))
        self._version = -1


def is_stopped(record: RunRecord) -> bool:
    """Return whether the run stopped on its way: it can be resumed, or ended."""
    return record.status in RESUMABLE


def in_words(record: RunRecord) -> str:
    """Return the status of a run for people."""
    if record.status is RunStatus.SKIPPED and record.options.get("redo"):
        return "redone"
    return _WORDS.get(record.status, str(record.status))


def _copied(record: RunRecord) -> RunRecord:
    """Return a copy of a record that the caller may change."""
    found = object.__new__(RunRecord)  # an eighth of the time of `replace`: batches can be long
    found.__dict__ = {
        **record.__dict__,
        "incomplete": [*record.incomplete],
        "settings": {**record.settings},
        "options": {**record.options},
        "evidence": {**record.evidence},
    }
    return found


def _record(row: sqlite3.Row) -> RunRecord:
    return record_of(json.loads(row["record"]))


def record_of(body: Mapping[str, Any]) -> RunRecord:
    """Return the record with the fields in `body`; those of another release are ignored."""
    values = {name: body[name] for name in RunRecord.__dataclass_fields__ if name in body}
    values["status"] = RunStatus(values["status"])
    because = read_reason(values.get("because"), values.get("reason", ""))
    is_old = because.kind is ReasonKind.LEGACY
    values["because"] = legacy_reason(because.text("text")) if is_old else because
    return RunRecord(**values)
