"""Reads which tests ran a line from coverage's data, which the judged code may have forged.

The file is a database: views in it could compute without end, and names in it become arguments of
a later command. So only plain tables are read, for a limited time, and only what looks like a test.
"""

import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

_TABLES = ("file", "context", "line_bits")
_SECONDS = 10.0
_STEPS = 10_000  # of the database's machine between two looks at the clock
_LONGEST = 1024 * 1024  # bytes of one value
_MOST = 64 * 1024 * 1024  # bytes of what is recorded for one file
_TEST = re.compile(r"[^\s:@-][^\n\r\0:]*::[^\n\r\0]+")


class FileContexts:
    """Which tests ran the lines of one file; an empty id stands for code outside of a test."""

    def __init__(self, rows: list[tuple[str, bytes]]) -> None:
        self._rows = rows

    def at(self, line: int) -> set[str]:
        """Return the ids of the tests that ran a line."""
        byte, bit = divmod(line, 8)
        return {
            context
            for context, bits in self._rows
            if byte < len(bits) and bits[byte] >> bit & 1  # unpacked, forged ones fill the memory
        }


class CoverageContexts:
    """The contexts of one data file; one that cannot be believed says nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, name: str) -> FileContexts:
        """Return what is recorded for a file of the repository."""
        found, total = [], 0
        try:
            for context, bits in self._rows(name):
                if not isinstance(context, str) or not isinstance(bits, bytes):
                    return FileContexts([])
                total += len(context) + len(bits)
                if total > _MOST or (context and not _TEST.fullmatch(context)):
                    return FileContexts([])
                found.append((context, bits))
        except (sqlite3.Error, OverflowError, UnicodeError):
            return FileContexts([])
        return FileContexts(found)

    def _rows(self, name: str) -> Iterator[tuple[object, object]]:
        database = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro&immutable=1", uri=True
        )
        try:
            deadline = time.monotonic() + _SECONDS
            database.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            database.execute("PRAGMA trusted_schema = OFF")
            if not _is_plain(database):
                return
            yield from database.execute(
                "SELECT context.context, line_bits.numbits FROM line_bits "
                "JOIN context ON context.id = line_bits.context_id "
                "JOIN file ON file.id = line_bits.file_id WHERE file.path = ?",
                (name,),
            )
        finally:
            database.close()


def _is_plain(database: sqlite3.Connection) -> bool:
    """Whether there are tables and their own indexes only, of plain columns."""
    kinds = database.execute("SELECT DISTINCT type, sql IS NULL FROM sqlite_master").fetchall()
    if not {("table", 0)} <= set(kinds) <= {("table", 0), ("index", 1)}:
        return False
    for table in _TABLES:
        columns = database.execute(f"PRAGMA table_xinfo({table})").fetchall()
        if not columns or any(column[6] for column in columns):  # hidden: it is computed
            return False
    return True
