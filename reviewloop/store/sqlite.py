"""Opens SQLite files so that they survive a crash."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from reviewloop.domain.errors import WorkspaceError
from reviewloop.store.folders import private_file

_PATIENCE = 30.0  # seconds
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def open_database(path: Path, schema: str, *, patience: float = _PATIENCE) -> sqlite3.Connection:
    """Open (or make) a database whose commits are on disk when they return.

    The connection may be used from several threads if the caller serialises them. `patience` is
    how many seconds it waits for another process. Raises `WorkspaceError` for a file that SQLite
    cannot use.
    """
    try:
        connection = durable_connection(path, patience)
        connection.isolation_level = None  # each statement commits itself
        connection.row_factory = sqlite3.Row
        _patiently(partial(connection.executescript, schema), patience)
    except sqlite3.DatabaseError as error:
        raise WorkspaceError(
            f"{path} cannot be used ({error}); move it aside to start afresh: snapshots of runs "
            f"are kept beside it, in {path.parent / 'runs'}/*/git under refs/reviewloop"
        ) from error
    return connection


def durable_connection(path: Path, patience: float = _PATIENCE) -> sqlite3.Connection:
    """Connect to a database file that only its owner can read, with durable writes.

    As usual in Python, a transaction starts with the first change and ends with `commit`.
    """
    private_file(path)  # first: SQLite's log gets the permissions of the database
    connection = sqlite3.connect(path, check_same_thread=False, timeout=patience)
    _patiently(partial(connection.execute, "PRAGMA journal_mode=WAL"), patience)
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _patiently(do: Callable[[], object], patience: float) -> None:
    """Retry until another process releases the file.

    While two processes make the same new file, SQLite reports "locked" without its timeout.
    """
    until = time.monotonic() + patience
    while True:
        try:
            do()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.02)


def damage_of(path: Path) -> str:
    """Return what SQLite finds wrong with a database file; "" if it is sound or missing."""
    if not path.exists():
        return ""
    try:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise  # locked, or the disk: not the content of the file
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if result == "ok" else str(result)
