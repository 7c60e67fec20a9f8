"""A connection to the shared database, its tables, and errors as sentences."""

import hashlib
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict, TypeVar
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from reviewloop.domain.errors import ExitCode, StoreError, UsageError
from reviewloop.regex import regex

VERSION = 3  # 1 had no figures, 2 no heartbeats; missing tables are added
SIGNS_THAT_LACK = 3  # missed heartbeats after which a worker counts as dead
NAMESPACE = "reviewloop"  # the schema of all tables

TABLES = f"""
CREATE SCHEMA IF NOT EXISTS {NAMESPACE};
CREATE TABLE IF NOT EXISTS batches (
    batch_id text PRIMARY KEY, repository text NOT NULL, branch text NOT NULL,
    created_at double precision NOT NULL,
    about text NOT NULL, record text NOT NULL, account text NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS batches_of ON batches (repository, branch, created_at);
CREATE TABLE IF NOT EXISTS runs (
    run_id text PRIMARY KEY, batch_id text NOT NULL, repository text NOT NULL,
    branch text NOT NULL, status text NOT NULL,
    created_at double precision NOT NULL, updated_at double precision NOT NULL,
    record text NOT NULL, shown text NOT NULL DEFAULT '', proposal text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS runs_of ON runs (repository, branch, created_at);
CREATE TABLE IF NOT EXISTS calls (
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE, number bigint NOT NULL,
    key text NOT NULL, call text NOT NULL, request bytea NOT NULL, reply bytea NOT NULL,
    PRIMARY KEY (run_id, key)
);
CREATE TABLE IF NOT EXISTS files (
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE, path text NOT NULL,
    start bigint NOT NULL, data bytea NOT NULL, PRIMARY KEY (run_id, path, start)
);
CREATE INDEX IF NOT EXISTS files_named ON files (path);
CREATE TABLE IF NOT EXISTS buckets (quota text PRIMARY KEY, bucket text NOT NULL);
CREATE TABLE IF NOT EXISTS figures (
    run_id text PRIMARY KEY, repository text NOT NULL, begun_at double precision NOT NULL,
    record_at double precision NOT NULL, body text NOT NULL
);
CREATE TABLE IF NOT EXISTS specs (
    repository text NOT NULL, path text NOT NULL, born_at double precision NOT NULL,
    PRIMARY KEY (repository, path)
);
CREATE TABLE IF NOT EXISTS heartbeats (
    worker_id bigint PRIMARY KEY, seconds double precision NOT NULL
);
CREATE TABLE IF NOT EXISTS about (version integer NOT NULL);
"""


# A machine that vanishes is noticed after half a minute, which frees its locks. One that is
# suspended in a transaction keeps the limiter's row no longer than these limits.
_SERVER = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "idle_in_transaction_session_timeout": "60s",
}
_CONNECT_SECONDS = 10
_ROWS = 16  # sent at once; each can be a file
SCHEMES = ("postgresql://", "postgres://")
# For a refused connection the driver has no code, only the server's text.
_TO_CORRECT = regex(
    r"authentication failed|no password supplied|is not permitted to log in|no pg_hba\.conf entry"
    r'|(role|database) "[^"]*" does not exist|permission denied for database'
)
_NO_SUCH_HOST = regex(rf"failed to resolve host .*\[Errno {socket.EAI_NONAME}\]")


class ConnectionArguments(TypedDict):
    """What every connection of ours is made with, in the words of libpq."""

    options: str
    connect_timeout: int
    application_name: str
    keepalives_idle: int
    keepalives_interval: int
    keepalives_count: int


def connection_arguments() -> ConnectionArguments:
    """Return the arguments of every connection of ours, besides the URL."""
    options = [f"-c search_path={NAMESPACE}"]
    options += [f"-c {name}={value}" for name, value in _SERVER.items()]
    return {
        "options": " ".join(options),
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "reviewloop",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
    }


def require_address(url: str) -> str:
    """Return the URL of a store; raise `UsageError` for an invalid one, without quoting it."""
    if not url.startswith(SCHEMES):
        raise UsageError(
            "a store is named postgresql://USER@HOST/DATABASE; without one, runs "
            "stand in files of this machine"
        )
    try:
        conninfo_to_dict(url)
        urlsplit(url).port  # noqa: B018  # raises for what is no number
    except (psycopg.ProgrammingError, ValueError):
        raise UsageError(
            "the address of the store cannot be read; write postgresql://USER@HOST:PORT/DATABASE"
        ) from None
    return url


def shown(url: str) -> str:
    """Return host, port and database of a store, without name, password and options."""
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return f"postgresql://{address}{parts.path}"


class OtherReleaseError(UsageError):
    """The tables were made by a later release."""


class AddressError(StoreError):
    """The URL of the store is wrong; trying again helps only once it is corrected."""

    exit_code = ExitCode.USAGE


Value = TypeVar("Value")


class Row(dict[str, object]):
    """A row of a result; a column is read as what it has to be, else raises `StoreError`."""

    def text(self, name: str) -> str:
        """Return a column of text."""
        return self._of(name, str)

    def count(self, name: str) -> int:
        """Return a column of whole numbers."""
        return self._of(name, int)

    def number(self, name: str) -> float:
        """Return a column of numbers."""
        value = self[name]
        return float(value) if isinstance(value, int) else self._of(name, float)

    def data(self, name: str) -> bytes:
        """Return a column of bytes."""
        value = self[name]
        return bytes(value) if isinstance(value, memoryview) else self._of(name, bytes)

    def values_of(self, name: str) -> dict[str, object]:
        """Return a column with a JSON object."""
        return self._of(name, dict)

    def _of(self, name: str, kind: type[Value]) -> Value:
        value = self[name]
        if not isinstance(value, kind):
            raise StoreError(f"the store holds {type(value).__name__} where {name} is a {kind}")
        return value


def _rows(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
    make = dict_row(cursor)
    return lambda values: Row(make(values))


class Database:
    """A connection with autocommit; threads may share it."""

    def __init__(self, url: str) -> None:
        self.shown = shown(url)
        self.lock = threading.RLock()
        try:
            self.connection = psycopg.connect(
                require_address(url),
                autocommit=True,
                row_factory=_rows,
                **connection_arguments(),
            )
        except (psycopg.Error, UnicodeError) as error:
            raise unreachable(error, url) from None

    def close(self) -> None:
        """Close the connection, which releases its locks."""
        self.connection.close()

    @contextmanager
    def errors_named(self) -> Iterator[None]:
        """Turn the driver's errors into a `StoreError`, a missing right into a `UsageError`."""
        try:
            yield
        except psycopg.errors.InsufficientPrivilege as error:
            raise UsageError(
                f"the role of this store lacks a right at {self.shown} ({reason_of(error, '')}); "
                f"let it make and own the schema {NAMESPACE}"
            ) from error
        except psycopg.Error as error:
            raise StoreError(
                f"the database at {self.shown} did not do what it was asked "
                f"({reason_of(error, '')}); nothing is lost: a run goes on from its last "
                "finished step"
            ) from error

    def execute(
        self, statement: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> list[Row]:
        """Run one statement and return its rows."""
        with self.lock, self.errors_named(), self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def stream(self, statement: str, values: Sequence[object]) -> Generator[Row, None, None]:
        """Yield the rows of one statement, a few at a time, as they may be large together."""
        with self.transaction(), self.connection.cursor(name="stream") as cursor:
            cursor.itersize = _ROWS
            yield from cursor.execute(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run all statements of the block or none."""
        with self.lock, self.errors_named(), self.connection.transaction():
            yield

    def try_lock(self, name: str) -> bool:
        """Take a lock that ends with this connection; return whether it was free."""
        [row] = self.execute("SELECT pg_try_advisory_lock(%s) AS got", (lock_number(name),))
        return bool(row["got"])

    def unlock(self, name: str) -> None:
        """Release a lock."""
        self.execute("SELECT pg_advisory_unlock(%s)", (lock_number(name),))

    def version(self) -> int:
        """Return the version of the tables, 0 when there are none."""
        [row] = self.execute("SELECT to_regclass(%s) IS NOT NULL AS there", (f"{NAMESPACE}.about",))
        if not row["there"]:
            return 0
        rows = self.execute("SELECT version FROM about")
        return rows[0].count("version") if rows else 0

    def require_tables(self) -> None:
        """Raise `UsageError` unless the tables exist and are of this release."""
        version = self.version()
        if not version:
            raise UsageError(
                f"the database at {self.shown} holds nothing of reviewloop yet; "
                "`reviewloop batch --store` begins"
            )
        if version < VERSION:
            raise UsageError(
                f"the tables at {self.shown} are of version {version}, and this release reads "
                f"{VERSION}: `reviewloop batch` or `worker` of this release brings them there"
            )
        if version != VERSION:
            raise OtherReleaseError(
                f"the tables at {self.shown} are of version {version}, and this release reads "
                f"{VERSION}: use the release that made them, or another database"
            )


def lock_number(name: str) -> int:
    """Return the number of a lock for PostgreSQL."""
    digest = hashlib.sha256(f"reviewloop {name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def unreachable(error: psycopg.Error | UnicodeError, url: str) -> StoreError:
    """Return the error for a failed connection."""
    reason = reason_of(error, url)
    if isinstance(error, UnicodeError) or _NO_SUCH_HOST.search(reason):
        return AddressError(
            f"the host of the database at {shown(url)} is not known ({reason}); correct the host "
            "of the store's address"
        )
    if _TO_CORRECT.search(reason):
        return AddressError(
            f"the database at {shown(url)} does not let us in ({reason}); correct user, password, "
            "host and database of the store's address"
        )
    return StoreError(
        f"the database at {shown(url)} cannot be reached ({reason}); "
        "nothing is lost: try again when it can be"
    )


def reason_of(error: Exception, url: str) -> str:
    """Return the first line of the driver's error, without a password."""
    sentence = " ".join((str(error).splitlines() or [type(error).__name__])[0].split())
    password = urlsplit(url).password if url else None
    return sentence.replace(password, "***") if password else sentence
