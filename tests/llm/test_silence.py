"""A provider that refuses everything is given up in time; one that sometimes answers is not."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from support.model_requests import CLAUDE, asking

from reviewloop.llm.messages import Reply, Usage
from reviewloop.llm.paid_call import Asking
from reviewloop.llm.prefix_gate import GateTurn
from reviewloop.llm.rate import PATIENCE, Limiter, Silence
from reviewloop.llm.retry import ModelUnavailableError, Pacing, Patience
from reviewloop.llm.trouble import Diagnosis, ProviderError, Trouble
from reviewloop.settings import Models
from reviewloop.store.journal import CallKey
from reviewloop.store.rates import FileRates

REFUSED = ProviderError(Diagnosis(Trouble.THROTTLED, "ThrottlingException", "too many requests"))


class Clock:
    """Time that passes only when somebody waits; who waits longest is passed by the others."""

    def __init__(self):
        self.now = 1000.0
        self._lock = threading.Lock()

    def __call__(self):
        with self._lock:
            return self.now

    def sleep(self, seconds):
        with self._lock:
            self.now += seconds
        return False


class Provider:
    """Refuses what `refuses` says so of, by the number of the request."""

    def __init__(self, refuses):
        self.asked = 0
        self._refuses = refuses

    def get(self, name):
        return self

    def scope(self, name):
        return ""

    def ask(self, key, request, on_first):
        self.asked += 1
        if self._refuses(self.asked):
            raise REFUSED
        return Reply("ok", usage=Usage(10, 10))


@pytest.fixture
def asker(tmp_path):
    """Return a function (what is refused) -> (ask once, clock, provider)."""

    def make(refuses, fallbacks=()):
        clock, provider = Clock(), Provider(refuses)
        limiter = Limiter(
            FileRates(tmp_path / "rates", clock),
            Models(),
            scope=provider.scope,
            sleep=clock.sleep,
            check=lambda: None,
            notify=lambda *_, **__: None,
            silence=Silence(clock),
        )
        asking_ = Asking(
            provider,
            fallbacks=fallbacks,
            limiter=limiter,
            patience=Patience(6, Pacing(), clock.sleep, lambda: math.inf),
            notify=lambda *_, **__: None,
            on_lost=lambda *_: None,
            check=lambda: None,
        )
        numbers = iter(range(1000))

        def ask():
            return asking_.ask(CallKey("a", "review", turn=next(numbers)), asking(), GateTurn())

        return ask, clock, provider

    return make


def test_a_provider_that_throttles_every_call_is_given_up_within_two_minutes(asker):
    """A review: one reviewer leads, the others follow, and each asks for several parts."""
    ask, clock, provider = asker(lambda number: True)
    began = clock()
    for _ in range(5 * 4):
        with pytest.raises(ModelUnavailableError, match=r"one too many|higher quota") as caught:
            ask()
    assert CLAUDE in str(caught.value)
    assert caught.value.exit_code == 5
    assert clock() - began <= PATIENCE + 30
    assert provider.asked < 40


def test_fallbacks_that_throttle_every_call_too_are_given_up_within_three_minutes(asker):
    others = tuple(f"bedrock_converse:other-{number}" for number in range(3))
    ask, clock, provider = asker(lambda number: True, others)
    began = clock()
    for _ in range(5 * 4):
        with pytest.raises(ModelUnavailableError, match="the fallbacks failed too") as caught:
            ask()
        assert all(other in str(caught.value) for other in others)
    assert clock() - began <= 180
    assert provider.asked < 60


def test_a_fallback_that_answers_keeps_its_whole_patience(asker):
    """The first model is refused for good; a fallback may be slow to take requests, too."""
    times = []
    ask, *_ = asker(lambda number: times.append(number) or len(times) % 2, ("ollama:b",))
    assert [ask().text for _ in range(10)] == ["ok"] * 10


def test_reviewers_side_by_side_give_up_together(asker):
    ask, clock, _ = asker(lambda number: True)
    began = clock()

    def one(_):
        with suppress(ModelUnavailableError):
            ask()

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(one, range(5)))
    assert clock() - began <= 2 * PATIENCE


def test_a_quota_of_six_requests_a_minute_is_survived(asker):
    passed = [0.0]

    def refuses(number):
        if clock() - passed[0] < 10:
            return True
        passed[0] = clock()
        return False

    ask, clock, provider = asker(refuses)
    assert [ask().text for _ in range(40)] == ["ok"] * 40
    assert provider.asked > 40


def test_half_a_minute_in_which_nothing_passes_is_survived(asker):
    times = []
    ask, clock, _ = asker(lambda number: times.append(number) or clock() < 1030)
    assert ask().text == "ok"
    assert ask().text == "ok"


def test_after_a_while_it_is_tried_again(asker):
    until = [math.inf]
    ask, clock, provider = asker(lambda number: clock() < until[0])
    for _ in range(3):
        with pytest.raises(ModelUnavailableError):
            ask()
    clock.sleep(400)
    until[0] = clock()
    before = provider.asked
    assert ask().text == "ok"
    assert provider.asked == before + 1


def test_the_reply_of_one_run_tells_the_others_that_it_goes_on():
    clock = Clock()
    silence = Silence(clock)
    silence.refused("q")
    clock.sleep(PATIENCE - 1)
    silence.answered("q")
    assert silence.seconds_left("q") == math.inf
    assert not silence.is_hopeless("q", 0.0)
