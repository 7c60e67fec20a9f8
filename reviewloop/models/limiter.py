"""Wait for one's turn at a quota that all runs of this user share, before a request is sent."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reviewloop.domain.errors import InterruptedByUserError
from reviewloop.models.bedrock import endpoint_of
from reviewloop.models.messages import ModelRequest, Usage, estimated_tokens
from reviewloop.models.retry import ModelUnavailableError
from reviewloop.models.routing import OFFLINE, split_model
from reviewloop.models.silence import OF_THIS_PROCESS as SILENCE
from reviewloop.models.silence import Silence
from reviewloop.models.slots import OF_THIS_PROCESS
from reviewloop.models.trouble import Diagnosis, Trouble
from reviewloop.settings import Models as ModelSettings
from reviewloop.store.journal import CallKey
from reviewloop.store.rates import Ceilings, Rates

LIKELY_OUTPUT = 1000  # tokens a reply is reserved for; most are shorter than the most allowed
_SLICE = 0.5  # seconds between looks at the clock, the stop signal and the quota while waiting
_WORTH_TELLING = 0.05  # seconds


@dataclass(frozen=True)
class Turn:
    """The leave to send one request: of which quota, when it was given, for how many tokens."""

    quota: str  # "" where nothing is limited
    at: float = 0.0
    tokens: int = 0


class Limiter:
    """Gives out turns; `check` raises when the run may not wait any longer (stop, minutes)."""

    def __init__(
        self,
        rates: Rates,
        settings: ModelSettings,
        *,
        place: Callable[[str], str],
        sleep: Callable[[float], bool],
        check: Callable[[], None],
        tell: Callable[..., None],
        silence: Silence = SILENCE,
    ) -> None:
        self._silence = silence
        self._rates = rates
        self._ceilings = Ceilings(settings.requests_per_minute, settings.tokens_per_minute)
        self._at_once = settings.concurrency
        self._endpoint = endpoint_of(settings)
        self._place = place  # region, profile and role of a model: each has a quota of its own
        self._sleep = sleep  # seconds -> whether the person asked to stop meanwhile
        self._check = check
        self._tell = tell

    @contextmanager
    def turn(self, key: CallKey, request: ModelRequest) -> Iterator[Turn]:
        """Wait until this request may be sent and hold its slot; who waits for a quota holds none.

        Waiting is no attempt at the call. It is active time of the run, so its cap on minutes
        ends it.
        """
        told, since = False, self._silence.clock()
        while True:
            with OF_THIS_PROCESS.one(self, self._at_once, self._check):
                turn, wait = self._taken(request)
                if not wait:
                    yield turn
                    return
            self._give_up_where_hopeless(request.model, since)
            if not told and wait >= _WORTH_TELLING:
                told = True
                self._tell("model.waiting", **_who(key), model=request.model, seconds=wait)
            # A little random, or all who wait would come back at the same moment.
            if self._sleep(min(wait, _SLICE) * random.uniform(1.0, 1.1)):  # noqa: S311
                raise InterruptedByUserError(
                    "stopped while waiting for the rate limit; `reviewloop resume` goes on"
                )

    def _taken(self, request: ModelRequest) -> tuple[Turn, float]:
        """Take from the quota; return the turn, or the seconds to wait before trying again."""
        if split_model(request.model)[0] in OFFLINE:
            return Turn(""), 0.0
        quota = self._quota(request.model)
        tokens = estimated_tokens(request) + min(request.max_tokens, LIKELY_OUTPUT)
        wait = self._rates.take(quota, tokens, self._ceilings)
        return Turn(quota, self._rates.now(), tokens), wait

    def seconds_left(self, model: str) -> float:
        """Return how long it is still worth asking a model that refuses every request."""
        return self._silence.seconds_left(self._quota(model))

    def _quota(self, model: str) -> str:
        return f"{model}{self._place(model)} {self._endpoint}".rstrip()

    def _give_up_where_hopeless(self, model: str, since: float) -> None:
        if self._silence.is_hopeless(self._quota(model), since):
            raise ModelUnavailableError(
                f"{model} refuses every request as one too many; wait a little or ask the provider "
                "for a higher quota, or name another model in models.fallbacks, then `reviewloop "
                "resume`"
            )

    def failed(self, turn: Turn, diagnosis: Diagnosis) -> None:
        """Slow all runs down if the provider said that the request was one too many."""
        if not turn.quota:
            return
        if diagnosis.trouble is Trouble.THROTTLED:
            kind = "tokens" if "token" in diagnosis.message.lower() else "requests"
            self._silence.refused(turn.quota)
            self._rates.refuse(turn.quota, kind, turn.at, diagnosis.retry_after)

    def answered(self, turn: Turn, usage: Usage) -> None:
        """Replace the tokens that were guessed by those that count against a quota.

        What is read from a cache does not count on Bedrock (its user guide, prompt caching).
        """
        if turn.quota:
            self._silence.answered(turn.quota)
            used = usage.input + usage.cache_write + usage.output
            unused = 0 if usage.estimated else turn.tokens - used
            self._rates.answered(turn.quota, turn.at, unused)


def _who(key: CallKey) -> dict[str, Any]:
    return {"agent": key.agent, "step": key.step, "finding": key.finding}
