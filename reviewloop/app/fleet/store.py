"""Opens the database that machines share, and makes tables that it lacks when they are wanted."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from reviewloop.app.fleet.jobs import make_queue_tables
from reviewloop.domain.errors import StoreError
from reviewloop.store.postgres.database import TABLES, VERSION, Database

_MAKING = "making tables"
_PATIENCE = 60.0  # seconds for another process that makes them just now


@contextmanager
def opened(url: str, *, make: bool = False) -> Iterator[Database]:
    """Yield the database; `make` what tables it lacks.

    Raises `StoreError` when it cannot be reached, `UsageError` for tables of another release.
    """
    with closing(Database(url)) as database:
        if make and database.version() < VERSION:
            _make(database, url)
        database.require_tables()
        yield database


def _make(database: Database, url: str) -> None:
    # Asked again and again, not waited for inside the database: LangGraph builds its indexes
    # beside others' work, which waits for every statement that is under way.
    until = time.monotonic() + _PATIENCE
    while not database.try_lock(_MAKING):
        if time.monotonic() > until:
            raise StoreError(f"another process makes the tables at {database.shown}; try again")
        time.sleep(0.1)
    try:
        before = database.version()
        if before >= VERSION:
            return
        from reviewloop.app.run.shared_checkpoints import make_tables

        database.execute(TABLES)
        if not before:
            make_queue_tables(database, url)
            make_tables(database)
        with database.transaction():  # last: until here the next one does it again
            database.execute("DELETE FROM about")
            database.execute("INSERT INTO about VALUES (%s)", (VERSION,))
    finally:
        database.unlock(_MAKING)
