"""Opening SQLite files the one way that survives a crash."""

import sqlite3
from pathlib import Path

from reviewloop.errors import WorkspaceError


def open_database(path: Path, schema: str) -> sqlite3.Connection:
    """Open (or make) a database whose commits are on disk when they return.

    The connection may be used from several threads if the caller serialises them.
    """
    try:
        connection = sqlite3.connect(
            path, check_same_thread=False, timeout=30, isolation_level=None
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(schema)
    except sqlite3.DatabaseError as error:
        raise WorkspaceError(
            f"{path} cannot be used ({error}); move it aside to start afresh: snapshots of runs "
            "are kept beside it"
        ) from error
    path.chmod(0o600)
    return connection
