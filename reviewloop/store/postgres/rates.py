"""A limiter shared by the workers of all machines: a row for each quota."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from reviewloop.store.postgres.database import Database
from reviewloop.store.rates import Ceilings, RateBucket


class SharedRates:
    """Buckets in the database, by its clock, as the clocks of machines differ.

    Raises `StoreError` when the database is away.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        [row] = database.execute("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
        self._ahead = row.number("now") - time.monotonic()

    def take(self, quota: str, tokens: float, ceilings: Ceilings) -> float:
        """Take one request; return 0, or the seconds to wait before trying again."""
        with self._changing(quota) as bucket:
            return bucket.take(tokens, ceilings, self.now())

    def refuse(self, quota: str, kind: str, sent: float, retry_after: float | None) -> None:
        """Learn from a refused request."""
        with self._changing(quota) as bucket:
            bucket.refuse(kind, sent, retry_after, self.now())

    def answered(self, quota: str, sent: float, tokens: float) -> None:
        """Learn from a reply, and return unused tokens."""
        with self._changing(quota) as bucket:
            bucket.answered(sent, tokens, self.now())

    def now(self) -> float:
        """Return the time by the clock of the database."""
        return self._ahead + time.monotonic()

    @contextmanager
    def _changing(self, quota: str) -> Iterator[RateBucket]:
        name = hashlib.sha256(quota.encode("utf-8", "surrogatepass")).hexdigest()
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO buckets VALUES (%s, '') ON CONFLICT DO NOTHING", (name,)
            )
            [row] = self._database.execute(
                "SELECT bucket FROM buckets WHERE quota = %s FOR UPDATE", (name,)
            )
            bucket = _read(row.text("bucket"), self.now())
            yield bucket
            self._database.execute(
                "UPDATE buckets SET bucket = %s WHERE quota = %s",
                (json.dumps(bucket.plain()), name),
            )


def _read(text: str, now: float) -> RateBucket:
    try:
        return RateBucket.from_plain(json.loads(text), now)
    except (ValueError, TypeError, KeyError):  # new, or of another release
        return RateBucket()
