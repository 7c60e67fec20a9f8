"""Opens the checkpoints of a run: a file, or the database that machines share."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
)
from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.checkpoint.sqlite import SqliteSaver

from reviewloop.app.run.plain_values import Plain
from reviewloop.faults import fault
from reviewloop.store.shared import Shared
from reviewloop.store.sqlite import durable_connection


@contextmanager
def open_checkpoints(
    path: Path, shared: Shared | None = None, run_id: str = ""
) -> Iterator[BaseCheckpointSaver[Any]]:
    """Yield the saver of a run: its own file, created if missing, or the shared database."""
    if shared is not None:
        from reviewloop.app.run.shared_checkpoints import open_shared

        yield open_shared(shared, run_id)
        return
    with closing(durable_connection(path)) as connection:
        yield _Saver(connection, serde=Plain(str(path)))


def number_after(checkpoint_id: str) -> None:
    """Give every later checkpoint of this process a higher id than this one.

    The newest checkpoint is the one with the highest id, and an id starts with the time: after a
    clock that jumped back, an answer would sort before its question.
    """
    last = checkpoint_ids.UUID(UUID(checkpoint_id).hex).time
    known = checkpoint_ids._last_v6_timestamp
    highest = max(last, known or 0)
    checkpoint_ids._last_v6_timestamp = highest  # type: ignore[assignment] # declared as None


class _Saver(SqliteSaver):
    """A saver with fault points before and after each write."""

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
