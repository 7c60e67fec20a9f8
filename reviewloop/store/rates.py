"""One limiter for all processes of a user: a small locked file for each quota."""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from reviewloop.store.places import private_folder, state_root
from reviewloop.store.rate_bucket import Ceilings, RateBucket

_PATIENCE = 1.0  # seconds for somebody who was stopped while holding a lock of microseconds
_LARGEST = 4096  # bytes; a file is some 1500


class Rates(Protocol):
    """Where the buckets stand: files on one machine, a database for many."""

    def take(self, quota: str, tokens: float, ceilings: Ceilings) -> float:
        """Take one request; return 0, or the seconds to wait before trying again."""
        ...

    def refuse(self, quota: str, kind: str, sent: float, retry_after: float | None) -> None:
        """Learn from a refused request; `kind` is "requests" or "tokens", `sent` from `now`."""
        ...

    def answered(self, quota: str, sent: float, tokens: float) -> None:
        """Learn from a reply, and give back tokens that were taken and not used."""
        ...

    def now(self) -> float:
        """Return the time by the clock that all who share the buckets read."""
        ...


class FileRates:
    """Buckets in a folder, by default in the user's state folder.

    A lock ends with its process, and a file that is damaged starts anew.
    A limiter is a courtesy: where a file cannot be written or its lock is not to be had, requests
    go without it, and the provider says when they are too many.
    """

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._given = folder
        self._clock = clock

    def take(self, quota: str, tokens: float, ceilings: Ceilings) -> float:
        """Take one request; return 0, or the seconds to wait before trying again."""
        wait = 0.0
        with suppress(OSError), self._changing(quota) as bucket:
            wait = bucket.take(tokens, ceilings, self.now())
        return wait

    def refuse(self, quota: str, kind: str, sent: float, retry_after: float | None) -> None:
        """Learn from a refused request."""
        with suppress(OSError), self._changing(quota) as bucket:
            bucket.refuse(kind, sent, retry_after, self.now())

    def answered(self, quota: str, sent: float, tokens: float) -> None:
        """Learn from a reply, and give back tokens that were taken and not used."""
        with suppress(OSError), self._changing(quota) as bucket:
            bucket.answered(sent, tokens, self.now())

    def now(self) -> float:
        """Return the time of day: the processes of a machine share it, and so do its reboots."""
        return self._clock()

    def place(self, quota: str) -> Path:
        """Return the file of a quota."""
        name = hashlib.sha256(quota.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        return self._folder / f"{name}.json"

    @property
    def _folder(self) -> Path:
        """The folder, looked up at each use: who never asks a model leaves no trace."""
        return self._given or state_root() / "rates"

    @contextmanager
    def _changing(self, quota: str) -> Iterator[RateBucket]:
        if not self._folder.is_dir():
            private_folder(self._folder)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(self.place(quota), flags, 0o600)
        try:
            _lock(file)
            bucket = _read(os.pread(file, _LARGEST, 0), self.now())
            yield bucket
            # Not synced: after a power cut a rate is learnt anew, which costs a refusal or two.
            written = os.pwrite(file, json.dumps(bucket.plain()).encode("ascii"), 0)
            os.ftruncate(file, written)
        finally:
            os.close(file)


def _lock(file: int) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.0005)


def _read(data: bytes, now: float) -> RateBucket:
    try:
        return RateBucket.from_plain(json.loads(data), now)
    except (ValueError, TypeError, KeyError):  # empty, torn, or of another release
        return RateBucket()
