"""Lets one of several equal prompts write the provider's cache before the others read it.

Agents that share a long prefix start together; if all were sent at once, each would pay for writing
it. The first one is sent, the others follow when its reply begins.
"""

import hashlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SLICE = 0.05  # seconds between looks at the stop signal while waiting


class GateTurn:
    """A position in the queue of a gate; it reports the progress of the request."""

    def __init__(self, gate: "PrefixGate | None" = None, *, leads: bool = False) -> None:
        self._gate = gate
        self._leads = leads

    def asks(self) -> None:
        """Record that the request is sent now: earlier waiting is no delay of a reply.

        That wait has no limit here: the others would wait for the same slot and the same quota.
        """
        if self._gate and self._leads:
            self._gate.renew()

    def began(self) -> None:
        """Record that the reply's first event has arrived."""
        if self._gate:
            self._gate.open()


class PrefixGate:
    """One shared prefix of one model: closed until the first reply begins, then open for good."""

    def __init__(self, limit_seconds: float) -> None:
        self._limit = limit_seconds
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._until: float | None = None  # unlimited until the first request is sent

    @contextmanager
    def turn(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[GateTurn]:
        """Wait for a turn; yield the position that reports the progress of the request.

        The first caller is sent at once. The others follow when its reply begins, when it leaves
        (answered or failed), when the time limit has passed since it was sent, or when `stopped`
        returns true.
        """
        with self._lock:
            first = self._until is None
            if first:
                self._until = math.inf
        if not first:
            self._wait(stopped)
            yield GateTurn(self)
            return
        try:
            yield GateTurn(self, leads=True)
        finally:
            self._open.set()

    def open(self) -> None:
        """Let all callers through, from now on."""
        self._open.set()

    def renew(self) -> None:
        """Restart the time limit."""
        with self._lock:
            self._until = time.monotonic() + self._limit

    def _wait(self, stopped: Callable[[], bool]) -> None:
        while not self._open.is_set() and not stopped():
            with self._lock:
                left = (self._until or 0.0) - time.monotonic()
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
        """Return the gate of all requests with this prefix to this model."""
        name = hashlib.sha256(f"{model}\0{prefix}".encode("utf-8", "surrogatepass")).hexdigest()
        with self._lock:
            return self._gates.setdefault(name, PrefixGate(self._limit))
