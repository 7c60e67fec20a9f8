"""How fast one quota of a provider may be used: plain numbers and rules, whatever keeps them.

Two token buckets, of requests and of tokens. A bucket is open until a ceiling is set or the
provider refuses a request: then the rate that was refused is halved, and grows back by the same
step each second until it is refused again. What was learnt is forgotten after five quiet minutes.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

LONGEST_WAIT = 60.0  # seconds that a provider's own wish to wait is believed
_MINUTE = 60.0
_BURST = 6  # a ceiling lets a sixth of its minute go at once
_WINDOW, _SLOT = 5.0, 0.25  # seconds over which the rate in use is measured, and how finely
_RECOVERY = 10.0  # seconds from half of a rate back to the whole, or, where that takes longer,
_USED_MEANWHILE = {"requests": 20.0, "tokens": 200_000.0}  # until so much could have been used
_FORGET = 300.0  # seconds without a refusal
_SKEW = 1.0  # seconds; a time further ahead is of a clock that was set back
_LEAST = {"requests": 1 / _MINUTE, "tokens": 1000 / _MINUTE}  # per second; slower is not learnt
_UNIT = {"requests": 1.0, "tokens": 1000.0}  # what may always go at once


class Ceilings(NamedTuple):
    """Most per minute that the person allows; 0 means no ceiling."""

    requests: int = 0
    tokens: int = 0


@dataclass
class Meter:
    """One of the two buckets; times are seconds of one clock that all who share it read."""

    level: float = 0.0  # may be taken at once; below zero after a request larger than the burst
    at: float = 0.0  # when the level was right; 0: nothing was ever limited
    rate: float = 0.0  # per second, learnt at `since`; 0: nothing learnt
    peak: float = 0.0  # the rate that was refused then
    since: float = 0.0
    seen: list[list[float]] = field(default_factory=list)  # [start of a slot, taken in it]

    def allowed(self, kind: str, ceiling: int, now: float) -> tuple[float, float]:
        """Return (per second, most at once); both infinite where nothing limits."""
        rate = burst = math.inf
        if ceiling:
            # Burst and refill of any 60 seconds together stay under the ceiling.
            burst = max(1.0, ceiling / _BURST)
            rate = max(ceiling - burst, ceiling / 2) / _MINUTE
        learnt = self.learnt(kind, now)
        if learnt:
            rate, burst = min(rate, learnt), min(burst, max(_UNIT[kind], learnt))
        return rate, burst

    def learnt(self, kind: str, now: float) -> float:
        """Return the learnt rate as it has recovered by now; 0 where none is known."""
        if not self.rate or now - self.since > _FORGET:
            return 0.0
        recovery = max(_RECOVERY, _USED_MEANWHILE[kind] / self.peak)
        return self.rate + self.peak / 2 / recovery * (now - self.since)

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
        slot = math.floor(now / _SLOT) * _SLOT
        self.seen = [entry for entry in self.seen if entry[0] > now - _WINDOW]
        if self.seen and self.seen[-1][0] == slot:
            self.seen[-1][1] += amount
        else:
            self.seen.append([slot, amount])

    def in_use(self, now: float) -> float:
        """Return the rate in use: that of the last second or of the last seconds, if it is more.

        Rather too much than too little: what is too fast is cut again, too slow costs a minute.
        """
        spans = ((now - _SLOT - 1, 1.0), (now - _WINDOW, _WINDOW))
        return max(sum(n for at, n in self.seen if at > begun) / long for begun, long in spans)

    def cut(self, kind: str, now: float) -> None:
        """Halve the rate in use, because it was refused."""
        # A lone request that is refused says little of the rate: some 2 s until the next one.
        used, learnt = max(self.in_use(now), _UNIT[kind]), self.learnt(kind, now)
        self.peak = max(min(used, learnt) if learnt else used, 2 * _LEAST[kind])
        self.rate, self.since = self.peak / 2, now
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
        if wait > 0:
            return wait
        for kind, need, _ in needs:
            getattr(self, kind).count(need, now)
        return 0.0

    def refuse(self, kind: str, sent: float, retry_after: float | None, now: float) -> None:
        """Learn from a refused request that was sent then; `kind` is what there were too many of.

        Requests that were under way together and are refused together are one refusal.
        """
        meter: Meter = getattr(self, kind)
        if sent >= meter.since:
            meter.cut(kind, now)
        if retry_after:
            self.not_before = max(self.not_before, now + min(retry_after, LONGEST_WAIT))

    def correct(self, tokens: float, now: float) -> None:
        """Give back tokens that were taken and not used, or take those that came on top."""
        self.tokens.count(-tokens, now)

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
            if max(meter.at, meter.since, *(entry[0] for entry in meter.seen)) > latest:
                setattr(bucket, kind, Meter())
        return bucket
