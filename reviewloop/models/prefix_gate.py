"""Let one of several equal prompts write the provider's cache before the others read it.

Agents that share a long prefix start together; if all were sent at once, each would pay for
writing it. The first one goes, the others follow when its reply begins.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SLICE = 0.05  # seconds between looks at the stop signal while waiting


class PrefixGate:
    """One shared prefix of one model: closed until the first reply begins, then open for good."""

    def __init__(self, limit_seconds: float) -> None:
        self._limit = limit_seconds
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._until: float | None = None

    @contextmanager
    def turn(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[Callable[[], None]]:
        """Wait for one's turn; yields what to call when the reply's first event has arrived.

        The first caller goes at once. The others go when it calls back, when it leaves (answered
        or failed), when the time limit has passed since it went, or when `stopped` says so.
        """
        with self._lock:
            first = self._until is None
            if self._until is None:
                self._until = time.monotonic() + self._limit
            until = self._until
        if not first:
            self._wait(until, stopped)
            yield self._open.set
            return
        try:
            yield self._open.set
        finally:
            self._open.set()

    def _wait(self, until: float, stopped: Callable[[], bool]) -> None:
        while not self._open.is_set() and not stopped():
            left = until - time.monotonic()
            if left <= 0:
                return
            self._open.wait(min(left, _SLICE))


class PrefixGates:
    """The gates of a run, one per model and shared prefix."""

    def __init__(self, limit_seconds: float = 20.0) -> None:
        self._limit = limit_seconds
        self._lock = threading.Lock()
        self._gates: dict[str, PrefixGate] = {}

    def gate(self, model: str, prefix: str) -> PrefixGate:
        """Return the gate that all who send this prefix to this model go through."""
        name = hashlib.sha256(f"{model}\0{prefix}".encode("utf-8", "surrogatepass")).hexdigest()
        with self._lock:
            return self._gates.setdefault(name, PrefixGate(self._limit))
