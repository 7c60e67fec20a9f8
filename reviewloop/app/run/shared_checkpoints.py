"""The checkpoints of runs that machines share: in the database, after what they name is there."""

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
    """Return the saver of a run; it is closed with the database."""
    return _Saver(shared.database, lambda: shared.ship(run_id))


def make_tables(database: Database) -> None:
    """Make LangGraph's tables, or bring them up to date; done again nothing changes."""
    _Saver(database, lambda: None).setup()


class _Saver(PostgresSaver):
    """The saver on a connection that is not its own; a snapshot is there before its checkpoint."""

    def __init__(self, database: Database, ship: Callable[[], None]) -> None:
        super().__init__(database.connection, serde=Plain(database.shown))
        self.lock = cast(Any, database.lock)  # one connection: whoever uses it takes turns
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
    """Return a text as PostgreSQL takes it: its JSON holds no NUL and no half of a character."""
    if not isinstance(value, str):
        return value
    return value.replace("\0", "�").encode("utf-8", "replace").decode()
