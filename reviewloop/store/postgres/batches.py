"""The batches that workers share: which tasks, on which branch of which repository."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from reviewloop.domain.errors import UsageError
from reviewloop.domain.reason import Reason
from reviewloop.store.batches import BatchRecord, batch_of
from reviewloop.store.postgres.database import Database
from reviewloop.store.reasons import stored_reason

_FOUND = ("held", "said", "refused", "kept", "ended", "because")  # what workers write of a record


@dataclass(frozen=True)
class About:
    """Where the work of a batch is done, and what was decided when it was enqueued."""

    repository: str  # key; the same for all addresses of it that differ only in how one gets there
    name: str  # of the folder in which workers have it
    address: str  # of the remote, without a password
    branch: str
    identity: tuple[str, str] | None  # author of the commits: who enqueued
    flags: Mapping[str, Any]  # settings of the command line
    object_format: str  # sha1 | sha256
    trusted: str  # digest of the repository's commands that the user agreed to; "" for none
    project: str = ""  # the folder of the project that the work is done in
    no_hooks: bool = False  # none of the repository's hooks fires
    hooks: Sequence[Sequence[str]] = ()  # digest, name and act of each hook that the user trusts

    @property
    def lock(self) -> str:
        """Names the branch: one worker at a time works on it."""
        return f"{self.repository}/{self.branch}"


@dataclass(frozen=True)
class SharedBatch:
    """A batch as the database has it; `account` is what was told last about its tasks."""

    record: BatchRecord
    about: About
    account: Mapping[str, Any]


class SharedBatches:
    """The table of batches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: BatchRecord, about: About) -> None:
        """Insert a batch, or replace what it shall do."""
        values = (
            record.batch_id,
            about.repository,
            about.branch,
            record.created_at,
            json.dumps({f.name: getattr(about, f.name) for f in fields(about)}),
            json.dumps(record.plain()),
        )
        self._database.execute(
            "INSERT INTO batches VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (batch_id) "
            "DO UPDATE SET about = excluded.about, record = excluded.record",
            values,
        )

    def settle(self, record: BatchRecord, account: Mapping[str, object]) -> None:
        """Write what a worker found; what the user asked for meanwhile stays."""
        with self._database.transaction():
            rows = self._database.execute(
                "SELECT record FROM batches WHERE batch_id = %s FOR UPDATE", (record.batch_id,)
            )
            kept = json.loads(rows[0]["record"])
            found = record.plain()
            kept |= {name: found[name] for name in _FOUND}
            self._database.execute(
                "UPDATE batches SET record = %s, account = %s WHERE batch_id = %s",
                (json.dumps(kept), json.dumps(account), record.batch_id),
            )

    def explain(self, batch_id: str, because: Reason) -> None:
        """Write why a job of a batch could not be done."""
        with self._database.transaction():
            rows = self._database.execute(
                "SELECT record FROM batches WHERE batch_id = %s FOR UPDATE", (batch_id,)
            )
            kept = {**json.loads(rows[0]["record"]), "because": stored_reason(because)}
            self._database.execute(
                "UPDATE batches SET record = %s WHERE batch_id = %s",
                (json.dumps(kept), batch_id),
            )

    def get(self, batch_id: str) -> SharedBatch:
        """Return one batch; raise `UsageError` when there is none of this id."""
        rows = self._database.execute("SELECT * FROM batches WHERE batch_id = %s", (batch_id,))
        if not rows:
            raise UsageError(f"there is no batch {batch_id} in {self._database.shown}")
        return _batch(rows[0])

    def all(self, repository: str = "", branch: str = "") -> list[SharedBatch]:
        """Return the batches, the newest first; of one branch if it is named."""
        rows = self._database.execute(
            "SELECT * FROM batches WHERE (%(r)s = '' OR repository = %(r)s) "
            "AND (%(b)s = '' OR branch = %(b)s) ORDER BY created_at DESC",
            {"r": repository, "b": branch},
        )
        return [_batch(row) for row in rows]


def _batch(row: Mapping[str, Any]) -> SharedBatch:
    body = json.loads(row["record"])
    about = json.loads(row["about"])
    about["identity"] = tuple(about["identity"]) if about["identity"] else None
    return SharedBatch(batch_of(body), About(**about), json.loads(row["account"] or "{}"))
