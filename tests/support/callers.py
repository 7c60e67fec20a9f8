"""Callers of one provider through one bucket, on a clock of their own: an hour in a second."""

import heapq
import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from reviewloop.store.rates import Ceilings, RateBucket

NOON = 1_700_000_000.0
LOOK = 0.5  # seconds between two looks of who waits (models/limiter.py)
NEWS = 0.05  # seconds until a refusal is known


class Asked(Protocol):
    """Whatever gives out turns: a bucket, or nothing at all."""

    def take(self, tokens: float, ceilings: Ceilings, now: float) -> float: ...
    def refuse(self, kind: str, sent: float, retry_after: float | None, now: float) -> None: ...
    def answered(self, sent: float, tokens: float, now: float) -> None: ...


class Open:
    """Gives every turn at once, for comparing."""

    def take(self, tokens: float, ceilings: Ceilings, now: float) -> float:
        """Let it go."""
        return 0.0

    def refuse(self, kind: str, sent: float, retry_after: float | None, now: float) -> None:
        """Learn nothing."""

    def answered(self, sent: float, tokens: float, now: float) -> None:
        """Learn nothing."""


@dataclass
class Provider:
    """Refuses a share at random, and what goes beyond so many requests a minute."""

    share: float = 0.0
    a_minute: float = 0.0  # 0: any number
    at_once: float = 1.0
    changes: Sequence[tuple[float, Mapping[str, float]]] = ()  # (second, what is so from then on)
    chance: random.Random = field(default_factory=lambda: random.Random(77))
    _free: float = 0.0
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._free = self.at_once

    def refuses(self, now: float) -> bool:
        """Return whether it refuses the request that comes at this second."""
        for second, what in self.changes:
            if now >= second:
                vars(self).update(what)
        if self.chance.random() < self.share:
            return True
        if not self.a_minute:
            return False
        self._free = min(self.at_once, self._free + (now - self._at) * self.a_minute / 60)
        self._at = now
        if self._free < 1:
            return True
        self._free -= 1
        return False


@dataclass
class Seen:
    """When requests were sent, answered and refused, in seconds from the beginning."""

    sent: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    lost: int = 0  # calls whose last attempt was refused

    @property
    def share_refused(self) -> float:
        """Return which share of the requests was refused."""
        return len(self.refused) / len(self.sent)


def between(moments: Sequence[float], begin: float, end: float) -> int:
    """Return how many of these moments lie between two."""
    return sum(begin <= moment < end for moment in moments)


def play(
    provider: Provider,
    *,
    seconds: float,
    bucket: Asked | None = None,
    callers: int = 5,
    reply: float = 2.0,
    retry_after: float | None = None,
    attempts: int = 8,
    enough: float = math.inf,
) -> Seen:
    """Return what callers see who always have something to ask and ask again what was refused.

    A call fails after so many `attempts`, and another begins. It ends early with `enough` answers.
    """
    bucket, seen, chance = bucket or RateBucket(), Seen(), random.Random(1)
    order, line = itertools.count(), list[tuple[float, int, str, Any]]()

    def then(when: float, what: str, *told: float) -> None:
        heapq.heappush(line, (when, next(order), what, told))

    for _ in range(callers):
        then(chance.random() * NEWS, "ask", 0)
    while line[0][0] < seconds and len(seen.answered) < enough:
        now, _, what, told = heapq.heappop(line)
        if what == "ask":
            wait = bucket.take(1000, Ceilings(), NOON + now)
            if wait:
                then(now + min(wait, LOOK) * chance.uniform(1, 1.1), "ask", *told)
                continue
            seen.sent.append(now)
            refused = provider.refuses(now)
            after = NEWS if refused else reply
            then(now + after * chance.uniform(0.5, 1.5), "no" if refused else "yes", now, *told)
        elif what == "yes":
            seen.answered.append(now)
            bucket.answered(NOON + told[0], 0, NOON + now)
            then(now + 0.001, "ask", 0)
        else:
            seen.refused.append(now)
            bucket.refuse("requests", NOON + told[0], retry_after, NOON + now)
            failures = told[1] % attempts + 1
            seen.lost += failures == attempts
            longest = min(60.0, 2.0**failures)
            wait = max(chance.uniform(longest / 2, longest), retry_after or 0.0)
            then(now + wait, "ask", failures)
    return seen
