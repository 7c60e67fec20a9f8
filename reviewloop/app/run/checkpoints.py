"""The checkpoints of a run: written through to the disk, and read back as plain values only.

LangGraph rebuilds whatever type a checkpoint names, by importing it and calling it. Somebody who
can write the file could so run code (CVE-2026-28277); ours holds plain values, and anything else
in it is refused before it is imported.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import ormsgpack
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
)
from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from reviewloop.domain.errors import WorkspaceError
from reviewloop.faults import fault
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
        from reviewloop.app.run.shared_checkpoints import open_shared

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
