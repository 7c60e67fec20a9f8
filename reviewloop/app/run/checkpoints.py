"""The checkpoints of a run, on disk or in the shared database; read as plain values only."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import ormsgpack
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
)
from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from psycopg import Cursor
from psycopg.rows import DictRow

from reviewloop.domain.errors import WorkspaceError
from reviewloop.faults import fault
from reviewloop.store.postgres.database import Database
from reviewloop.store.shared import Shared
from reviewloop.store.sqlite import durable_connection

# LangGraph's own, which say where a run stands: the names that may stand in a checkpoint.
_OURS = {
    ("builtins", "set"),
    ("langgraph.types", "Interrupt"),
    ("langgraph.types", "Send"),
    ("langgraph.types", "Command"),
}
_KINDS = {"null", "bytes", "bytearray", "msgpack"}
_NAMED = range(6)  # codes of msgpack extensions that name a module and a type


@contextmanager
def open_checkpoints(
    path: Path, shared: Shared | None = None, run_id: str = ""
) -> Iterator[BaseCheckpointSaver[Any]]:
    """Yield the saver of a run: its own file, made if it is not there, or the shared database."""
    if shared is not None:
        yield open_shared(shared, run_id)
        return
    with closing(durable_connection(path)) as connection:
        yield _Saver(connection, serde=Plain(str(path)))


def number_after(checkpoint_id: str) -> None:
    """Have every later checkpoint of this process come after this one, whatever the clock says.

    The newest checkpoint is the one with the highest id, and an id begins with the time: after a
    clock that jumped back, an answer would be written before the question.
    """
    last = checkpoint_ids.UUID(UUID(checkpoint_id).hex).time
    known = checkpoint_ids._last_v6_timestamp
    checkpoint_ids._last_v6_timestamp = max(last, known or 0)  # type: ignore[assignment]


class _Saver(SqliteSaver):
    """The saver with a point before and after all that it writes."""

    def put(
        self,
        config: Any,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> Any:
        fault("checkpoint.before")
        written = super().put(config, checkpoint, metadata, new_versions)
        fault("checkpoint.after")
        return written

    def put_writes(
        self,
        config: Any,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        fault("writes.before")
        super().put_writes(config, writes, task_id, task_path)
        fault("writes.after")


class Plain(JsonPlusSerializer):
    """Reads plain values and LangGraph's own marks; anything else is a `WorkspaceError`."""

    def __init__(self, place: str) -> None:
        super().__init__(allowed_msgpack_modules=None)
        self._place = place

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return what was stored; raise `WorkspaceError` for what we never write."""
        kind, stored = data
        if kind == "msgpack":
            return self._unpacked(stored)
        if kind not in _KINDS:
            raise self._refused(f"a value of the kind {kind!r}")
        return super().loads_typed(data)

    def _unpacked(self, stored: bytes) -> Any:
        foreign = []  # what the hook raises does not come through

        def hook(code: int, data: bytes) -> Any:
            if code not in _NAMED:
                foreign.append(f"a value of the form {code}")
                raise ValueError(foreign[-1])
            named = _unpack(data, hook)
            if tuple(named[:2]) not in _OURS:
                foreign.append(f"a value of the type {named[0]}.{named[1]}")
                raise ValueError(foreign[-1])
            return self._unpack_ext_hook(code, data)

        try:
            return _unpack(stored, hook)
        except ValueError as error:
            what = foreign[0] if foreign else f"bytes that are no value ({error})"
            raise self._refused(what) from error

    def _refused(self, what: str) -> WorkspaceError:
        return WorkspaceError(
            f"{self._place} holds {what}, which reviewloop never writes there, so it was changed "
            "by something else and is not read; `reviewloop checkout RUN NAME` saves the run's "
            "work as a branch"
        )


def _unpack(data: bytes, hook: Callable[[int, bytes], Any]) -> Any:
    return ormsgpack.unpackb(data, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)


def open_shared(shared: Shared, run_id: str) -> PostgresSaver:
    """Return the saver of a run; it is closed with the database."""
    return _SharedSaver(shared.database, lambda: shared.ship(run_id))


def make_tables(database: Database) -> None:
    """Make LangGraph's tables, or bring them up to date; done again nothing changes."""
    _SharedSaver(database, lambda: None).setup()


class _SharedSaver(PostgresSaver):
    """The saver on a connection that is not its own; a snapshot is there before its checkpoint."""

    def __init__(self, database: Database, ship: Callable[[], None]) -> None:
        super().__init__(database.connection, serde=Plain(database.shown))
        self.lock = cast(Any, database.lock)  # one connection: whoever uses it takes turns
        self._database = database
        self._ship = ship

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Iterator[Cursor[DictRow]]:
        with self._database.told(), super()._cursor(pipeline=pipeline) as cursor:
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
