"""How long a provider has refused every request: the moment at which waiting on is of no use."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

PATIENCE = 120.0  # seconds without a single reply: two windows of a quota per minute
OF_ALL = 150.0  # seconds without a reply of any model: what fallbacks may add to that
RECENT = 60.0  # seconds after a refusal in which nobody needs to try for himself
_FORGET = 600.0  # seconds without a refusal


@dataclass
class _Refusals:
    since: float
    last: float


class Silence:
    """Remembers, for each quota, since when nothing but refusals came from it.

    One for all runs of a process, so that the replies of one tell the others that it goes on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._refusals: dict[str, _Refusals] = {}
        self._of_all: _Refusals | None = None  # since the last reply of any model

    def refused(self, quota: str) -> None:
        """Note that a request was one too many."""
        now = self.clock()
        with self._lock:
            self._refusals[quota] = _once_more(self._refusals.get(quota), now)
            self._of_all = _once_more(self._of_all, now)

    def answered(self, quota: str) -> None:
        """Note a reply: the provider takes requests."""
        with self._lock:
            self._refusals.pop(quota, None)
            self._of_all = None

    def seconds_left(self, quota: str) -> float:
        """Return how long it is still worth asking; infinite where nothing was refused."""
        with self._lock:
            known = self._refusals.get(quota)
            return math.inf if known is None else self._end(known) - self.clock()

    def is_hopeless(self, quota: str, waiting_since: float) -> bool:
        """Whether somebody who waits for a turn since then should give up without asking."""
        with self._lock:
            known, now = self._refusals.get(quota), self.clock()
            if known is None or now < self._end(known):
                return False
            return now - known.last < RECENT or now - waiting_since >= PATIENCE

    def _end(self, known: _Refusals) -> float:
        """Return when to give up a quota: a fallback is asked as long as patience in all lasts."""
        end = known.since + PATIENCE
        return end if self._of_all is None else min(end, self._of_all.since + OF_ALL)


def _once_more(known: _Refusals | None, now: float) -> _Refusals:
    if known is None or now - known.last > _FORGET:
        return _Refusals(now, now)
    return _Refusals(known.since, now)


OF_THIS_PROCESS = Silence()
