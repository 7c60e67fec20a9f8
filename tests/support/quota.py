"""A provider's quota as the stand-in for Bedrock keeps it: so many requests a second, a few more at
once, and "too many requests" beyond.
"""

import threading
from collections.abc import Callable
from typing import Any

from support.bedrock import Received, reply, throttle
from support.bedrock_ledger import now

from reviewloop.store.rates import Ceilings


class Quota:
    """Answers what is within the quota and counts what is not."""

    def __init__(self, per_second: float, at_once: float, retry_after: float | None = None) -> None:
        self.refused = 0
        self._rate, self._most, self._after = per_second, at_once, retry_after
        self._level, self._at = at_once, now()
        self._lock = threading.Lock()

    def __call__(self, received: Received, answer: Callable[[Received], Any] | None = None) -> Any:
        """Return the answer, or a refusal."""
        with self._lock:
            time = now()
            grown = self._level + (time - self._at) * self._rate
            self._level, self._at = min(self._most, grown), time
            if self._level < 1:
                self.refused += 1
                return throttle(self._after)
            self._level -= 1
        return answer(received) if answer else reply("ok")


class Unlimited:
    """A limiter that limits nothing, for comparing."""

    def take(self, quota: str, tokens: float, ceilings: Ceilings) -> float:
        """Let it go."""
        return 0.0

    def refuse(self, quota: str, kind: str, sent: float, retry_after: float | None) -> None:
        """Learn nothing."""

    def answered(self, quota: str, sent: float, tokens: float) -> None:
        """Count nothing."""

    def now(self) -> float:
        """Return no time at all."""
        return 0.0
