"""A rate limiter for all processes of a user, in locked files: how fast a provider may be used."""

import fcntl
import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from reviewloop.store.folders import private_folder, state_root

_MINUTE = 60.0
_WINDOW, _SLOT = 5.0, 0.25  # seconds over which the current rate is measured, and the slot length
_RECOVERY = 10.0  # seconds from half of a rate back to the whole, or, if that takes longer,
_USED_MEANWHILE = {"requests": 20.0, "tokens": 200_000.0}  # until this much could have been used
_FORGET = 300.0  # seconds without a refusal
_LEAST = {"requests": 1 / _MINUTE, "tokens": 1000 / _MINUTE}  # per second; the lowest learnt rate
UNIT = {"requests": 1.0, "tokens": 1000.0}  # may always be sent at once

_LAST = 20.0  # requests over which the refused share is measured
_TRIAL_SECONDS = 1.0  # minimum; refusals take some time to arrive
_TRIAL = {0: 10, 1: 20}  # requests, by refusals: a single one may be chance
_SHORT_TRIAL = 8  # requests, with more refusals
_MOST = 2  # refusals, if they are the larger part, that cut a pace on trial
_FAR, _FAR_ON_TRIAL = 3.0, 1.5  # standard deviations above the usual share of refusals
_FADE = 0.7  # factor of that share when it did not explain the refusals
_PERHAPS = 0.05  # the assumed share where little is known


@dataclass
class Pace:
    """The learnt pace of requests or tokens; times are in seconds of one shared clock."""

    rate: float = 0.0  # per second, learnt at `since`; 0: nothing learnt
    peak: float = 0.0  # the refused rate at that time
    since: float = 0.0
    seen: list[list[float]] = field(default_factory=list)  # [start of a slot, amount in it]
    last: float = 0.0  # time of the last refusal
    sent: float = 0.0  # requests since the cut while it is on trial, else of the last ones
    refused: float = 0.0  # of these
    anyway: float = 0.0  # the share refused at any pace; 0: unknown
    trial: bool = False
    home: float = 0.0  # the pace to restore when cuts do not help
    top: float = 0.0  # the pace before the first of the cuts; 0: do not rise to it
    passed: float = -1.0  # the share that passed at the earlier pace, on trial too; -1: none
    barren: bool = False  # nothing passed at the earlier pace
    rising: bool = False  # doubled since the cut

    def learnt(self, kind: str, now: float) -> float:
        """Return the learnt rate, recovered until now; 0 where none is known."""
        if not self.rate:
            return 0.0
        recovery = max(_RECOVERY, _USED_MEANWHILE[kind] / self.peak)
        if now - max(self.since, self.last) > max(_FORGET, 2 * recovery):
            return 0.0
        if self.held:
            return self.rate
        return self.rate + self.peak / 2 / recovery * (now - self.since)

    @property
    def held(self) -> bool:
        """Whether the pace stays constant, so that its effect can be compared."""
        return self.trial and self.refused > 0

    def send(self, kind: str, now: float) -> None:
        """Count a request; end the trial of a cut after enough of them."""
        enough = self.sent >= _TRIAL.get(round(self.refused), _SHORT_TRIAL)
        if self.trial and enough and now - self.since >= _TRIAL_SECONDS:
            self._assess(kind, now)
        if now - self.last > _FORGET:
            self.anyway = 0.0
        fade = 1.0 if self.trial else 1 - 1 / _LAST
        self.sent, self.refused = self.sent * fade + 1, self.refused * fade

    def refuse(self, kind: str, sent: float, now: float) -> None:
        """Learn from a refused request that was sent at `sent`.

        Parallel requests that are refused together count as one refusal.
        """
        self.last = now
        if sent < self.since:
            return
        self.refused += 1
        if not self.trial:
            if self.refused > self._expected():
                self.barren, self.passed = False, -1.0
                self.anyway *= _FADE
                self.cut(kind, now)
                self.home = self.top = self.peak
        elif self.rising:
            self.top = 0.0
            self.cut(kind, now)
        elif self._most_are_refused():
            self.barren, self.passed = self.refused >= self.sent, -1.0
            self.home = self.peak
            self.cut(kind, now)

    def answered(self, sent: float) -> None:
        """Learn from a reply to a request that was sent at `sent`."""
        far = self.trial and self.passed < 0 and 4 * self.peak <= self.top
        if far and not self.refused and sent >= self.since:
            self.rate, self.peak, self.rising = 2 * self.rate, 2 * self.peak, True

    def cut(self, kind: str, now: float) -> None:
        """Halve the current rate after a refusal, and put the half on trial."""
        used, learnt = self.in_use(now), self.learnt(kind, now)
        if self.passed >= 0:  # to compare it with what was really sent meanwhile
            used = min(used, self._tried(now))
        # A single refused request says little about the rate: some 2 s until the next one.
        used = max(used, UNIT[kind])
        self.peak = max(min(used, learnt) if learnt else used, 2 * _LEAST[kind])
        self.rate, self.since = self.peak / 2, now
        self.trial, self.rising, self.sent, self.refused = True, False, 0.0, 0.0

    def in_use(self, now: float) -> float:
        """Return the current rate: of the last second, or of the window if that is higher.

        Too high is better than too low: a high rate is cut again, a low one costs a minute.
        """
        spans = ((now - _SLOT - 1, 1.0), (now - _WINDOW, _WINDOW))
        return max(sum(n for at, n in self.seen if at > begun) / long for begun, long in spans)

    def _tried(self, now: float) -> float:
        """Return the current rate since the cut; refused callers send less for a while."""
        taken = sum(n for at, n in self.seen if at >= self.since)
        return taken / min(max(now - self.since, 1.0), _WINDOW)

    def note(self, amount: float, now: float) -> None:
        """Record an amount for the current rate."""
        slot = math.floor(now / _SLOT) * _SLOT
        self.seen = [entry for entry in self.seen if entry[0] > now - _WINDOW]
        if self.seen and self.seen[-1][0] == slot:
            self.seen[-1][1] += amount
        else:
            self.seen.append([slot, amount])

    def _expected(self) -> float:
        """Return how many refusals are usual."""
        share = self.anyway
        count = self.sent if self.trial else max(self.sent, _LAST / 2)
        far = _FAR_ON_TRIAL if self.trial else _FAR
        return share * count + far * math.sqrt(share * (1 - share) * count)

    def _most_are_refused(self) -> bool:
        """Return whether a pace on trial is clearly too fast, so that the trial can end."""
        enough = self.refused >= _MOST or self.barren
        return enough and self.refused > max(self.sent / 2, self._expected())

    def _assess(self, kind: str, now: float) -> None:
        """End the trial of a cut: keep it if it helped, cut again, or go back."""
        passed = 1 - self.refused / self.sent
        if self.refused <= max(1.0, self._expected()):
            share = 1 - passed
            if self.anyway:
                share = min(self.anyway, self.anyway + (share - self.anyway) / 3)
            if self.passed >= 0:  # a few were refused at twice the pace
                share = max(share, _PERHAPS)
            self._settle(share, now)
        elif self.passed >= 0 and passed <= (self.passed + min(1.0, 2 * self.passed)) / 2:
            # Nearer to the earlier share than to what a quota would pass at half the pace.
            self.rate, self.peak = max(self.home, self.peak), max(self.top, self.peak)
            self._settle(1 - (passed + self.passed) / 2, now)
        else:
            self.home = self.peak if self.passed >= 0 else self.home
            self.passed = passed
            self.cut(kind, now)

    def _settle(self, share: float, now: float) -> None:
        """End the trial: the pace grows from here, with this usual share of refusals."""
        if self.held:
            self.since = now
        self.trial, self.passed = False, -1.0
        self.anyway = share
        self.sent, self.refused = _LAST, _LAST * self.anyway


LONGEST_WAIT = 60.0  # seconds; the longest accepted wait of a provider

_BURST = 6  # a sixth of a ceiling's minute may be sent at once
_INSTANT = 1e-6  # seconds; the resolution of the clock
_SKEW = 1.0  # seconds; a later time is of a clock that was set back


class Ceilings(NamedTuple):
    """The user's limits per minute; 0 means no limit."""

    requests: int = 0
    tokens: int = 0


@dataclass
class Meter(Pace):
    """One of the two buckets: its level, and the pace at which it fills."""

    level: float = 0.0  # available at once; negative after a request larger than the burst
    at: float = 0.0  # time of that level; 0: never limited

    def allowed(self, kind: str, ceiling: int, now: float) -> tuple[float, float]:
        """Return (per second, most at once); both infinite without a limit."""
        rate = burst = math.inf
        if ceiling:
            # Burst and refill of any 60 seconds together stay below the ceiling.
            burst = max(1.0, ceiling / _BURST)
            rate = max(ceiling - burst, ceiling / 2) / _MINUTE
        learnt = self.learnt(kind, now)
        if learnt:
            most = UNIT[kind] if self.held else max(UNIT[kind], learnt)
            rate, burst = min(rate, learnt), min(burst, most)
        return rate, burst

    def fill(self, rate: float, burst: float, now: float) -> None:
        """Add what became available since the last call; infinite rates need no level."""
        if math.isinf(rate):
            return
        grown = self.level + rate * max(0.0, now - self.at) if self.at else burst
        self.level, self.at = min(burst, grown), now

    def count(self, amount: float, now: float) -> None:
        """Take from the level and record it for the current rate."""
        if self.at:
            self.level -= amount
        self.note(amount, now)

    def cut(self, kind: str, now: float) -> None:
        """Slow down, starting with an empty bucket."""
        super().cut(kind, now)
        self.level, self.at = min(self.level, 0.0), now


@dataclass
class RateBucket:
    """The shared state of one quota."""

    requests: Meter = field(default_factory=Meter)
    tokens: Meter = field(default_factory=Meter)
    not_before: float = 0.0  # the provider's wait

    def take(self, tokens: float, ceilings: Ceilings, now: float) -> float:
        """Take one request with its tokens; return 0, or the seconds to wait before trying again.

        Nothing is taken while there is a wait, so a waiting caller holds nothing.
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
        """Learn from a refused request that was sent at `sent`; `kind`: what was too much."""
        meter: Meter = getattr(self, kind)
        meter.refuse(kind, sent, now)
        if retry_after:
            self.not_before = max(self.not_before, now + min(retry_after, LONGEST_WAIT))

    def answered(self, sent: float, tokens: float, now: float) -> None:
        """Learn from a reply to a request that was sent at `sent`.

        `tokens` were taken and not used; if negative, more were used than taken.
        """
        self.tokens.count(-tokens, now)
        self.requests.answered(sent)
        self.tokens.answered(sent)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON-plain values."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], now: float) -> "RateBucket":
        """Rebuild it; times in the future are of a clock that was set back."""
        latest = now + _SKEW
        bucket = cls(_meter(plain["requests"]), _meter(plain["tokens"]), plain["not_before"])
        if bucket.not_before > latest + LONGEST_WAIT:
            bucket.not_before = 0.0
        for kind in ("requests", "tokens"):
            meter: Meter = getattr(bucket, kind)
            if max(meter.at, meter.since, meter.last, *(entry[0] for entry in meter.seen)) > latest:
                setattr(bucket, kind, Meter())
        return bucket


def _meter(plain: Mapping[str, Any]) -> Meter:
    """Rebuild a meter without the fields that only other releases know."""
    return Meter(**{key: plain[key] for key in plain if key in _METER})


_METER = {one.name for one in fields(Meter)}
_PATIENCE = 1.0  # seconds; a holder of this short lock may have been stopped
_LARGEST = 4096  # bytes; a usual file has 1500


class Rates(Protocol):
    """Stores the buckets: files on one machine, a database for many."""

    def take(self, quota: str, tokens: float, ceilings: Ceilings) -> float:
        """Take one request; return 0, or the seconds to wait before trying again."""
        ...

    def refuse(self, quota: str, kind: str, sent: float, retry_after: float | None) -> None:
        """Learn from a refused request; `kind` is "requests" or "tokens", `sent` from `now`."""
        ...

    def answered(self, quota: str, sent: float, tokens: float) -> None:
        """Learn from a reply, and return unused tokens."""
        ...

    def now(self) -> float:
        """Return the time by the clock that all users of the buckets share."""
        ...


class FileRates:
    """Buckets in a folder, by default in the user's state folder.

    A lock ends with its process, and a damaged file starts again. The limiter is optional: where a
    file cannot be written or locked, requests are sent without it, and the provider refuses those
    that are too many.
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
        """Learn from a reply, and return unused tokens."""
        with suppress(OSError), self._changing(quota) as bucket:
            bucket.answered(sent, tokens, self.now())

    def now(self) -> float:
        """Return the time of day, which is shared by a machine's processes, also after a reboot."""
        return self._clock()

    def path(self, quota: str) -> Path:
        """Return the file of a quota."""
        name = hashlib.sha256(quota.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        return self._folder / f"{name}.json"

    @property
    def _folder(self) -> Path:
        """The folder, created on use: without a model call it leaves no trace."""
        return self._given or state_root() / "rates"

    @contextmanager
    def _changing(self, quota: str) -> Iterator[RateBucket]:
        if not self._folder.is_dir():
            private_folder(self._folder)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(self.path(quota), flags, 0o600)
        try:
            _lock(file)
            bucket = _read(os.pread(file, _LARGEST, 0), self.now())
            yield bucket
            # Not synced: after a power cut a rate is learnt again, which costs a refusal or two.
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
