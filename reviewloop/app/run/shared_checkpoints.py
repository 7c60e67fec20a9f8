"""Stores the checkpoints of runs in the shared database, each after the snapshot it names."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import Cursor
from psycopg.rows import DictRow

from reviewloop.app.run.plain_values import Plain
from reviewloop.faults import fault
from reviewloop.store.postgres.database import Database
from reviewloop.store.shared import Shared


def open_shared(shared: Shared, run_id: str) -> PostgresSaver:
    """Return the saver of a run; closing the database closes it."""
    return _Saver(shared.database, lambda: shared.ship(run_id))


def make_tables(database: Database) -> None:
    """Create or migrate LangGraph's tables; safe to repeat."""
    _Saver(database, lambda: None).setup()


class _Saver(PostgresSaver):
    """A saver on a shared connection; it stores a snapshot before the checkpoint that names it."""

    def __init__(self, database: Database, ship: Callable[[], None]) -> None:
        super().__init__(database.connection, serde=Plain(database.shown))
        self.lock = cast(Any, database.lock)  # one connection: its users take turns
        self._database = database
        self._ship = ship

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Iterator[Cursor[DictRow]]:
        with self._database.errors_named(), super()._cursor(pipeline=pipeline) as cursor:
            yield cursor

    def put(
        self,
        config: Any,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> Any:
        self._ship()
        fault("checkpoint.before")
        values = {name: _storable(value) for name, value in checkpoint["channel_values"].items()}
        kept = cast(Checkpoint, {**checkpoint, "channel_values": values})
        written = super().put(config, kept, metadata, new_versions)
        fault("checkpoint.after")
        return written

    def put_writes(
        self,
        config: Any,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        self._ship()
        fault("writes.before")
        super().put_writes(config, writes, task_id, task_path)
        fault("writes.after")


def _storable(value: Any) -> Any:
    """Return a text that PostgreSQL's JSON accepts: without NUL and lone surrogates."""
    if not isinstance(value, str):
        return value
    return value.replace("\0", "�").encode("utf-8", "replace").decode()
