"""The record of every batch: its tasks, its options, and its sessions."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, field, fields
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from reviewloop.dataclass import dataclass
from reviewloop.domain.batch_report import (
    Cost,
    EarlierTries,
    Figures,
    KeptRun,
    RunReport,
    TaskReport,
)
from reviewloop.domain.reason import NO_REASON, Reason
from reviewloop.domain.stored import read_stored
from reviewloop.faults import fault
from reviewloop.store.reasons import StoredReason, legacy_reason, read_reason, stored_reason
from reviewloop.store.runs import RunRecord
from reviewloop.store.sqlite import open_database

FILE = "batches.sqlite"
_BETWEEN = 1.0  # seconds; a killed session loses this, and what passed without an event
_SESSIONS_SCHEMA = """
CREATE TABLE IF NOT EXISTS sittings (
    batch_id TEXT NOT NULL, began_at REAL NOT NULL, seen_at REAL NOT NULL,
    closed INTEGER NOT NULL,
    PRIMARY KEY (batch_id, began_at)
);
"""


class Session(NamedTuple):
    """The times of a session; one that is not `closed` was interrupted or is in progress."""

    began: float
    seen: float
    closed: bool


class SessionClock:
    """Records one session while it lasts; thread-safe."""

    def __init__(self, folder: Path, batch_id: str, now: Callable[[], float] = time.time) -> None:
        self._connection = open_database(folder / FILE, _SESSIONS_SCHEMA)
        self._batch, self._now, self._lock = batch_id, now, Lock()
        self._began = self._seen = now()
        self._write()

    def seen(self) -> None:
        """Record that the batch is in progress; cheap when it was just recorded."""
        with self._lock:
            if self._now() - self._seen >= _BETWEEN:
                self._write()

    def close(self) -> None:
        """End the session."""
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


def sessions_of(folder: Path, batch_id: str) -> list[Session]:
    """Return the sessions of a batch, the oldest first."""
    if not (folder / FILE).exists():
        return []
    with (
        closing(open_database(folder / FILE, _SESSIONS_SCHEMA)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        rows = cursor.execute(
            "SELECT began_at, seen_at, closed FROM sittings WHERE batch_id = ? ORDER BY began_at",
            (batch_id,),
        ).fetchall()
    return [Session(row["began_at"], row["seen_at"], bool(row["closed"])) for row in rows]


_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    batch_id TEXT PRIMARY KEY, created_at REAL NOT NULL, record TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class LeftToUser:
    """Why a batch left a run to a user; valid while its proposal and the branch are the same."""

    proposal: str
    head: str  # the commit of the branch
    because: Reason


@dataclass
class BatchRecord:
    """One batch. A run names its batch in its own record, so the two cannot disagree."""

    batch_id: str
    spec_path: str
    mode: str
    tasks: dict[str, str] = field(default_factory=dict)  # id -> title, as listed
    left_out: list[str] = field(default_factory=list)  # open tasks it cannot do, with reasons
    held: dict[str, Reason] = field(default_factory=dict)  # id -> why it was not started
    refused: list[str] = field(default_factory=list)  # ids of tasks that could not start
    needs: dict[str, list[str]] = field(default_factory=dict)  # id -> tasks to be done before
    said: dict[str, LeftToUser] = field(default_factory=dict)  # by run
    # id -> rows of deleted runs, the oldest first
    kept: dict[str, list[KeptRun]] = field(default_factory=dict)
    budget_usd: float | None = None
    deadline: float = 0.0  # seconds since the epoch; 0 for none
    branch: str = ""  # target of its commits; "" in records of earlier releases
    head: str = ""  # the commit of the branch when it started
    until_failure: bool = False  # the last session stops at a failure
    ended: bool = False  # it cannot continue without a user
    because: Reason = NO_REASON  # why it stopped early
    created_at: float = 0.0
    updated_at: float = 0.0

    def plain(self) -> dict[str, object]:
        """Return the record as JSON-plain values."""
        left = {
            run: {**vars(one), "because": stored_reason(one.because)}
            for run, one in self.said.items()
        }
        return {
            **vars(self),
            "held": {task: stored_reason(why) for task, why in self.held.items()},
            "said": left,
            "because": stored_reason(self.because),
            "kept": {task: [_plain_run(one) for one in runs] for task, runs in self.kept.items()},
        }


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
        return batch_of(json.loads(rows[0]["record"])) if rows else None

    def newest(self, spec_path: str = "") -> BatchRecord | None:
        """Return the latest batch, of one spec if it is named."""
        found = (one for one in self.all() if spec_path in ("", one.spec_path))
        return next(found, None)

    def all(self) -> list[BatchRecord]:
        """Return all batches, the newest first."""
        with closing(self._connection.cursor()) as cursor:
            rows = cursor.execute("SELECT record FROM batches ORDER BY created_at DESC").fetchall()
        return [batch_of(json.loads(row["record"])) for row in rows]

    def delete(self, batch_id: str) -> None:
        """Delete a batch that started nothing."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute("DELETE FROM batches WHERE batch_id = ?", (batch_id,))


def batch_of(body: Mapping[str, Any]) -> BatchRecord:
    """Return the record that `plain` wrote; fields of another release are ignored."""
    known = {f.name for f in fields(BatchRecord)}
    values = {name: body[name] for name in body if name in known}
    values["held"] = {task: _reason(why) for task, why in body.get("held", {}).items()}
    values["said"] = {run: _left(one) for run, one in body.get("said", {}).items()}
    values["because"] = _reason(body.get("because", body.get("reason", "")))
    values["kept"] = {
        task: [kept_run(one) for one in runs] for task, runs in body.get("kept", {}).items()
    }
    return BatchRecord(**values)


def _plain_run(run: KeptRun) -> dict[str, Any]:
    """Return a stored run as JSON-plain values, with its text for earlier releases."""
    values = {**vars(run), **asdict(run.figures), "cost": run.cost.plain()}
    del values["figures"]
    values |= {"before": run.before.plain(), "stands_on": values.pop("below")}
    return values | {"because": stored_reason(run.because), "why": run.because.text("text")}


def kept_run(body: Mapping[str, Any]) -> KeptRun:
    """Return a deleted run from a record of any release."""
    return KeptRun(**_run_values(body), created_at=body.get("created_at", 0.0))


def task_report(body: Mapping[str, Any]) -> TaskReport:
    """Return the row of a task from printed or stored JSON."""
    earlier = body.get("earlier")
    each = [(one["run"], legacy_reason(one["why"])) for one in earlier["each"]] if earlier else []
    return TaskReport(
        **_run_values(body),
        task=body["task"],
        earlier=EarlierTries(tuple(each), cost_of(earlier)) if earlier else None,
        refused=body.get("refused", False),
        chosen=body.get("chosen", True),
        next=body.get("next", ""),
    )


@dataclass(frozen=True)
class StoredRow:
    """What a worker reported of a run that asks: whoever looks at it needs no clone."""

    report: TaskReport
    proposed: str  # the commit, "" for none
    proposal: str  # the blob of what it proposed then
    reason: str  # that it had then


def stored_row(row: Mapping[str, object], because: Reason, proposed: str, run: RunRecord) -> str:
    """Return what is stored of a run: its `row` of the queue, and what it was like then."""
    then = {"proposed": proposed, "of": [run.proposal, run.reason]}
    return json.dumps({**row, "because": stored_reason(because), **then})


def read_row(stored: str) -> StoredRow | None:
    """Return what `stored_row` wrote, in any release; None where nothing was."""
    if not stored:
        return None
    body = json.loads(stored)
    proposal, because = body.get("of", ("", ""))
    return StoredRow(task_report(body), str(body.get("proposed", "")), proposal, because)


_RUN = frozenset(one.name for one in fields(RunReport)) - {"because", "figures", "cost", "before"}


def _run_values(body: Mapping[str, Any]) -> dict[str, Any]:
    stored = body.get("because")
    return {
        **{name: body[name] for name in _RUN & body.keys()},
        "because": _reason(stored if stored is not None else body.get("why", "")),
        "below": body.get("stands_on", ""),
        "figures": figures_of(body),
        "cost": cost_of(body.get("cost")),
        "before": cost_of(body.get("before")),
    }


def figures_of(body: Mapping[str, object]) -> Figures:
    """Return the figures in a record; what it does not name is as in a run without a proposal."""
    return read_stored(Figures, {name: body[name] for name in body if body[name] is not None})


def cost_of(body: Mapping[str, object] | None) -> Cost:
    """Return the cost in a record, zero without one."""
    return read_stored(Cost, body) if body else Cost()


def _left(stored: Mapping[str, Any] | Sequence[str]) -> LeftToUser:
    if isinstance(stored, Mapping):
        return LeftToUser(stored["proposal"], stored["head"], _reason(stored["because"]))
    proposal, head, why = stored
    return LeftToUser(proposal, head, legacy_reason(why))


def _reason(stored: StoredReason | str) -> Reason:
    return legacy_reason(stored) if isinstance(stored, str) else read_reason(stored, "")
