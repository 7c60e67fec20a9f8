"""The batches that workers share: which tasks, on which branch of which repository."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.reason import Reason
from reviewloop.store.batches import BatchRecord, batch_of
from reviewloop.store.postgres.database import Database, Row
from reviewloop.store.reasons import stored_reason

_FOUND = ("held", "said", "refused", "kept", "ended", "because")  # keys that workers write


@dataclass(frozen=True)
class About:
    """The repository and branch of a batch, and the options when it was queued."""

    repository: str  # key; the same for all URLs of it that differ only in protocol and user
    name: str  # of its folder at workers
    address: str  # of the remote, without a password
    branch: str
    identity: tuple[str, str] | None  # author of the commits: the user who queued it
    flags: Mapping[str, Any]  # settings of the command line
    object_format: str  # sha1 | sha256
    trusted: str  # digest of the repository's commands that the user trusts; "" for none
    project: str = ""  # the project's folder
    no_hooks: bool = False  # do not fire the repository's hooks
    hooks: Sequence[Sequence[str]] = ()  # digest, name and act of each hook that the user trusts

    @property
    def lock(self) -> str:
        """The lock of the branch, which one worker at a time holds."""
        return f"{self.repository}/{self.branch}"


@dataclass(frozen=True)
class SharedBatch:
    """A batch of the database; `account` is the last report of its tasks."""

    record: BatchRecord
    about: About
    account: Mapping[str, Any]


class SharedBatches:
    """The table of batches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: BatchRecord, about: About) -> None:
        """Insert a batch, or replace its tasks and options."""
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
        """Store the results of a worker; the user's changes meanwhile stay."""
        with self._database.transaction():
            rows = self._database.execute(
                "SELECT record FROM batches WHERE batch_id = %s FOR UPDATE", (record.batch_id,)
            )
            kept = json.loads(rows[0].text("record"))
            found = record.plain()
            kept |= {name: found[name] for name in _FOUND}
            self._database.execute(
                "UPDATE batches SET record = %s, account = %s WHERE batch_id = %s",
                (json.dumps(kept), json.dumps(account), record.batch_id),
            )

    def explain(self, batch_id: str, because: Reason) -> None:
        """Store why a job of a batch failed."""
        with self._database.transaction():
            rows = self._database.execute(
                "SELECT record FROM batches WHERE batch_id = %s FOR UPDATE", (batch_id,)
            )
            kept = {**json.loads(rows[0].text("record")), "because": stored_reason(because)}
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


def _batch(row: Row) -> SharedBatch:
    body = json.loads(row.text("record"))
    about = json.loads(row.text("about"))
    about["identity"] = tuple(about["identity"]) if about["identity"] else None
    return SharedBatch(batch_of(body), About(**about), json.loads(row.text("account") or "{}"))
