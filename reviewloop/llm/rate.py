"""Waits before a request for a turn at a quota that all runs of this user share."""

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import InterruptedByUserError
from reviewloop.domain.event import Emit, EventFacts
from reviewloop.llm.bedrock import endpoint_of
from reviewloop.llm.messages import ModelRequest, Usage, estimate_tokens
from reviewloop.llm.retry import ModelUnavailableError
from reviewloop.llm.routing import OFFLINE, split_model
from reviewloop.llm.trouble import Diagnosis, Trouble
from reviewloop.settings import Models as ModelSettings
from reviewloop.store.journal import CallKey
from reviewloop.store.rates import Ceilings, Rates

PATIENCE = 120.0  # seconds without a single reply: two windows of a quota per minute
OF_ALL = 150.0  # seconds without a reply of any model: the most that fallbacks add
RECENT = 60.0  # seconds after a refusal during which no other request is tried
_FORGET = 600.0  # seconds without a refusal


@dataclass
class _Refusals:
    since: float
    last: float


class Silence:
    """Remembers, for each quota, the time since which all requests were refused.

    One for all runs of a process, so that a reply to one informs the others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._refusals: dict[str, _Refusals] = {}
        self._of_all: _Refusals | None = None  # since the last reply of any model

    def refused(self, quota: str) -> None:
        """Record a refusal."""
        now = self.clock()
        with self._lock:
            self._refusals[quota] = _once_more(self._refusals.get(quota), now)
            self._of_all = _once_more(self._of_all, now)

    def answered(self, quota: str) -> None:
        """Record a reply: the provider accepts requests."""
        with self._lock:
            self._refusals.pop(quota, None)
            self._of_all = None

    def seconds_left(self, quota: str) -> float:
        """Return how long retrying is still useful; infinite without refusals."""
        with self._lock:
            known = self._refusals.get(quota)
            return math.inf if known is None else self._end(known) - self.clock()

    def is_hopeless(self, quota: str, waiting_since: float) -> bool:
        """Whether a request that waits since then should give up without being sent."""
        with self._lock:
            known, now = self._refusals.get(quota), self.clock()
            if known is None or now < self._end(known):
                return False
            return now - known.last < RECENT or now - waiting_since >= PATIENCE

    def _end(self, known: _Refusals) -> float:
        """Return when to give up a quota: fallbacks are tried as long as the total patience
        lasts.
        """
        end = known.since + PATIENCE
        return end if self._of_all is None else min(end, self._of_all.since + OF_ALL)


def _once_more(known: _Refusals | None, now: float) -> _Refusals:
    if known is None or now - known.last > _FORGET:
        return _Refusals(now, now)
    return _Refusals(known.since, now)


OF_THIS_PROCESS = Silence()


_SLOT_SLICE = 0.1  # seconds between looks at the clock and the stop signal while waiting


@dataclass(frozen=True, eq=False)
class _Ticket:
    """A position in the queue: its owner, and the most requests of all owners together."""

    owner: object
    most: int


class Slots:
    """A queue before the provider, shared by all runs of a process.

    The next slot goes to the owner with the fewest, and of its requests to the oldest. So a run
    alone has all of them, and one with many requests keeps none from starting.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: Counter[object] = Counter()
        self._line: list[_Ticket] = []

    @contextmanager
    def one(self, owner: object, most: int, check: Callable[[], None]) -> Iterator[None]:
        """Wait for a slot and hold it; at most `most` requests of all owners are under way then.

        `check` raises when `owner` may not wait any longer, or not send any more.
        """
        ticket = _Ticket(owner, most)
        self._wait(ticket, check)
        try:
            check()  # the slot may have come with the end
            yield
        finally:
            self._give_back(owner)

    def _wait(self, mine: _Ticket, check: Callable[[], None]) -> None:
        with self._changed:
            self._line.append(mine)
            try:
                # The first in the queue waits although another owner allows more; or it would never
                # be sent.
                while self._first() is not mine or self._held.total() >= mine.most:
                    self._changed.wait(_SLOT_SLICE)
                    check()
                self._held[mine.owner] += 1
            finally:
                self._line.remove(mine)
                self._changed.notify_all()  # another ticket is first now, and may be sent as well

    def _first(self) -> _Ticket:
        return min(self._line, key=lambda ticket: self._held[ticket.owner])

    def _give_back(self, owner: object) -> None:
        with self._changed:
            self._held[owner] -= 1
            self._held += Counter()  # owners without slots are dropped
            self._changed.notify_all()


PROCESS_SLOTS = Slots()


LIKELY_OUTPUT = 1000  # tokens reserved for a reply; most are shorter than the limit
_SLICE = 0.5  # seconds between looks at the clock, the stop signal and the quota while waiting
_WORTH_REPORTING = 0.05  # seconds


@dataclass(frozen=True)
class Turn:
    """The permission to send one request: its quota, time and tokens."""

    quota: str  # "" without a limit
    at: float = 0.0
    tokens: int = 0


class Limiter:
    """Issues turns; `check` raises when the run may not wait any longer (stop, minutes)."""

    def __init__(
        self,
        rates: Rates,
        settings: ModelSettings,
        *,
        scope: Callable[[str], str],
        sleep: Callable[[float], bool],
        check: Callable[[], None],
        notify: Emit,
        silence: Silence = OF_THIS_PROCESS,
    ) -> None:
        self._silence = silence
        self._rates = rates
        self._ceilings = Ceilings(settings.requests_per_minute, settings.tokens_per_minute)
        self._at_once = settings.concurrency
        self._endpoint = endpoint_of(settings)
        self._scope = scope  # region, profile and role of a model: each has a quota of its own
        self._sleep = sleep  # waits for the seconds; returns whether the user asked to stop
        self._check = check
        self._notify = notify

    @contextmanager
    def turn(self, key: CallKey, request: ModelRequest) -> Iterator[Turn]:
        """Wait until this request may be sent and hold its slot; waiting for a quota holds none.

        Waiting is no attempt at the call. It is active time of the run, so its cap on minutes ends
        it.
        """
        reported, since = False, self._silence.clock()
        while True:
            with PROCESS_SLOTS.one(self, self._at_once, self._check):
                turn, wait = self._taken(request)
                if not wait:
                    yield turn
                    return
            self._give_up_where_hopeless(request.model, since)
            if not reported and wait >= _WORTH_REPORTING:
                reported = True
                facts: EventFacts = {**_who(key), "model": request.model, "seconds": wait}
                self._notify("model.waiting", **facts)
            # A little random, or all that wait would retry at the same moment.
            if self._sleep(min(wait, _SLICE) * random.uniform(1.0, 1.1)):  # noqa: S311 - see above
                raise InterruptedByUserError().resuming(
                    "stopped while waiting for the rate limit; ", " goes on"
                )

    def _taken(self, request: ModelRequest) -> tuple[Turn, float]:
        """Take from the quota; return the turn, or the seconds to wait before trying again."""
        if split_model(request.model)[0] in OFFLINE:
            return Turn(""), 0.0
        quota = self._quota(request.model)
        tokens = estimate_tokens(request) + min(request.max_tokens, LIKELY_OUTPUT)
        wait = self._rates.take(quota, tokens, self._ceilings)
        return Turn(quota, self._rates.now(), tokens), wait

    def seconds_left(self, model: str) -> float:
        """Return how long retrying a model that refuses every request is still useful."""
        return self._silence.seconds_left(self._quota(model))

    def _quota(self, model: str) -> str:
        return f"{model}{self._scope(model)} {self._endpoint}".rstrip()

    def _give_up_where_hopeless(self, model: str, since: float) -> None:
        if self._silence.is_hopeless(self._quota(model), since):
            raise ModelUnavailableError(
                f"{model} refuses every request as one too many; wait a little or ask the provider "
                "for a higher quota, or name another model in models.fallbacks, then `reviewloop "
                "resume`"
            )

    def failed(self, turn: Turn, diagnosis: Diagnosis) -> None:
        """Slow all runs down if the provider refused the request for its rate."""
        if not turn.quota:
            return
        if diagnosis.trouble is Trouble.THROTTLED:
            kind = "tokens" if "token" in diagnosis.message.lower() else "requests"
            self._silence.refused(turn.quota)
            self._rates.refuse(turn.quota, kind, turn.at, diagnosis.retry_after)

    def answered(self, turn: Turn, usage: Usage) -> None:
        """Replace the estimated tokens by those that count against a quota.

        Tokens read from a cache do not count on Bedrock (its user guide, prompt caching).
        """
        if turn.quota:
            self._silence.answered(turn.quota)
            used = usage.input + usage.cache_write + usage.output
            unused = 0 if usage.estimated else turn.tokens - used
            self._rates.answered(turn.quota, turn.at, unused)


def _who(key: CallKey) -> EventFacts:
    return {"agent": key.agent, "step": key.step, "finding": key.finding}
