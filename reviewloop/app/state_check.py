"""Checks whether the state of a run can be resumed, and builds the errors if not."""

import errno
import sqlite3
from pathlib import Path

from reviewloop.domain.errors import ReviewLoopError, UsageError, WorkspaceError
from reviewloop.store.runs import SCHEMA_VERSION, RunRecord
from reviewloop.store.sqlite import damage_of

CHECKPOINTS, JOURNAL = "checkpoints.sqlite", "journal.sqlite"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOT_WRITABLE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


def require_sound_state(folder: Path, run_id: str) -> None:
    """Raise `WorkspaceError` if a database of the run is damaged; snapshots are not in it."""
    for name in (JOURNAL, CHECKPOINTS):
        try:
            damage = damage_of(folder / name)
        except sqlite3.DatabaseError as error:
            raise unusable_state(error, run_id) from error
        if damage:
            raise WorkspaceError(
                f"the state of run {run_id} is damaged ({name}: {damage}), so it cannot go on; "
                f"its snapshots are kept elsewhere: `reviewloop checkout {run_id} NAME` saves the "
                "latest as a branch"
            )


def other_release(record: RunRecord, version: int) -> ReviewLoopError:
    """Return the error for a run whose state another release of reviewloop wrote."""
    return UsageError(
        f"run {record.run_id} was begun by reviewloop {record.release} (state version {version}, "
        f"this one reads {SCHEMA_VERSION}): finish it with that release, or save its work with "
        f"`reviewloop checkout {record.run_id} NAME`"
    )


def is_damaged(error: sqlite3.DatabaseError | OSError) -> bool:
    """Return whether the state itself is damaged, not the disk that holds it."""
    code = getattr(error, "sqlite_errorcode", None)
    not_writable = code is not None and code & 0xFF in _NOT_WRITABLE
    return not (isinstance(error, OSError) or not_writable or _is_full(error))


def _is_full(error: sqlite3.DatabaseError | OSError) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) in _FULL


def unusable_disk(error: sqlite3.DatabaseError | OSError, what: str, resume: str) -> WorkspaceError:
    """Return the error for a disk that cannot hold the state of `what`; see `is_damaged`."""
    if _is_full(error):
        return WorkspaceError(
            f"the disk that holds the state of {what} is full; free some space, then `{resume}`"
        )
    return WorkspaceError(
        f"the disk that holds the state of {what} cannot be written ({error}); put that "
        f"right, then `{resume}`"
    )


def unusable_state(error: sqlite3.DatabaseError | OSError, run_id: str) -> WorkspaceError:
    """Return the error for a run's state that cannot be written or read."""
    if not is_damaged(error):
        return unusable_disk(error, f"run {run_id}", f"reviewloop resume {run_id}")
    return WorkspaceError(
        f"the state of run {run_id} cannot be used ({error}); "
        f"`reviewloop checkout {run_id} NAME` still saves its work as a branch"
    )
