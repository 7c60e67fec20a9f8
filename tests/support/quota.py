"""A provider's quota as the stand-in for Bedrock keeps it: so many requests a second, a few more at
once, and "too many requests" beyond.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.bedrock import Received, reply, throttle
from support.bedrock_ledger import now

from reviewloop.store.rate_bucket import Ceilings


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


@contextmanager
def without_a_pace(state: Path) -> Iterator[None]:
    """Let runs forget at once what they learnt from refusals.

    For plays that refuse at random: no pace that a run could find ends that, so it would go slower
    and slower.
    """
    ending = threading.Event()

    def forget() -> None:
        while not ending.wait(0.1):
            for place in (state / "rates").glob("*"):
                place.unlink(missing_ok=True)

    thread = threading.Thread(target=forget, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


class Unlimited:
    """A limiter that limits nothing, for comparing."""

    def take(self, quota: str, tokens: float, ceilings: Ceilings) -> float:
        """Let it go."""
        return 0.0

    def refuse(self, quota: str, kind: str, sent: float, retry_after: float | None) -> None:
        """Learn nothing."""

    def correct(self, quota: str, tokens: float) -> None:
        """Count nothing."""

    def now(self) -> float:
        """Return no time at all."""
        return 0.0
