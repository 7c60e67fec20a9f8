"""How fast one quota of a provider may be used: plain numbers and rules, whatever keeps them.

Two token buckets, of requests and of tokens. A bucket is open until a ceiling is set or the
provider refuses a request: then `pace` learns from that, and tells the rate. What was learnt is
forgotten after five quiet minutes.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from reviewloop.store.pace import UNIT, Pace

LONGEST_WAIT = 60.0  # seconds that a provider's own wish to wait is believed
_MINUTE = 60.0
_BURST = 6  # a ceiling lets a sixth of its minute go at once
_INSTANT = 1e-6  # seconds; a time of day is no finer
_SKEW = 1.0  # seconds; a time further ahead is of a clock that was set back


class Ceilings(NamedTuple):
    """Most per minute that the person allows; 0 means no ceiling."""

    requests: int = 0
    tokens: int = 0


@dataclass
class Meter(Pace):
    """One of the two buckets: what is in it, and the pace at which it fills."""

    level: float = 0.0  # may be taken at once; below zero after a request larger than the burst
    at: float = 0.0  # when the level was right; 0: nothing was ever limited

    def allowed(self, kind: str, ceiling: int, now: float) -> tuple[float, float]:
        """Return (per second, most at once); both infinite where nothing limits."""
        rate = burst = math.inf
        if ceiling:
            # Burst and refill of any 60 seconds together stay under the ceiling.
            burst = max(1.0, ceiling / _BURST)
            rate = max(ceiling - burst, ceiling / 2) / _MINUTE
        learnt = self.learnt(kind, now)
        if learnt:
            most = UNIT[kind] if self.held else max(UNIT[kind], learnt)
            rate, burst = min(rate, learnt), min(burst, most)
        return rate, burst

    def fill(self, rate: float, burst: float, now: float) -> None:
        """Add what has become free since the last look; infinite rates need no level."""
        if math.isinf(rate):
            return
        grown = self.level + rate * max(0.0, now - self.at) if self.at else burst
        self.level, self.at = min(burst, grown), now

    def count(self, amount: float, now: float) -> None:
        """Take from the level and remember it for the rate in use."""
        if self.at:
            self.level -= amount
        self.note(amount, now)

    def cut(self, kind: str, now: float) -> None:
        """Slow down, beginning with an empty bucket."""
        super().cut(kind, now)
        self.level, self.at = min(self.level, 0.0), now


@dataclass
class RateBucket:
    """What all processes together know of one quota."""

    requests: Meter = field(default_factory=Meter)
    tokens: Meter = field(default_factory=Meter)
    not_before: float = 0.0  # the provider's own wish

    def take(self, tokens: float, ceilings: Ceilings, now: float) -> float:
        """Take one request of so many tokens; return 0, or the seconds to wait before asking again.

        Nothing is taken where there is something to wait for, so nobody who waits holds anything.
        """
        wait = max(0.0, self.not_before - now)
        needs = (("requests", 1.0, ceilings.requests), ("tokens", tokens, ceilings.tokens))
        for kind, need, ceiling in needs:
            meter: Meter = getattr(self, kind)
            rate, burst = meter.allowed(kind, ceiling, now)
            meter.fill(rate, burst, now)
            missing = min(need, burst) - meter.level
            if not math.isinf(rate) and missing > 0:
                wait = max(wait, missing / rate)
        if wait > _INSTANT:
            return wait
        for kind, need, _ in needs:
            meter = getattr(self, kind)
            meter.count(need, now)
            meter.send(kind, now)
        return 0.0

    def refuse(self, kind: str, sent: float, retry_after: float | None, now: float) -> None:
        """Learn from a refused request that was sent then; `kind`: what there were too many of."""
        meter: Meter = getattr(self, kind)
        meter.refuse(kind, sent, now)
        if retry_after:
            self.not_before = max(self.not_before, now + min(retry_after, LONGEST_WAIT))

    def answered(self, sent: float, tokens: float, now: float) -> None:
        """Learn from a reply to a request that was sent then.

        So many tokens were taken and not used; where it is negative, more were used than taken.
        """
        self.tokens.count(-tokens, now)
        self.requests.answered(sent)
        self.tokens.answered(sent)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON-plain values."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], now: float) -> "RateBucket":
        """Rebuild it; times ahead of the clock are those of a clock that was set back."""
        latest = now + _SKEW
        bucket = cls(Meter(**plain["requests"]), Meter(**plain["tokens"]), plain["not_before"])
        if bucket.not_before > latest + LONGEST_WAIT:
            bucket.not_before = 0.0
        for kind in ("requests", "tokens"):
            meter: Meter = getattr(bucket, kind)
            if max(meter.at, meter.since, meter.last, *(entry[0] for entry in meter.seen)) > latest:
                setattr(bucket, kind, Meter())
        return bucket
