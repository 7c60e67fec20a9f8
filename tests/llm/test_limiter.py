"""One limiter for all runs: two processes on one quota, with visible waiting that can be ended."""

import importlib
import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from support.bedrock import BedrockServer, reply, throttle
from support.model_requests import CLAUDE, NOVA, asking
from support.quota import Quota, Unlimited

from reviewloop.domain.errors import BudgetExhaustedError, InterruptedByUserError
from reviewloop.llm.budget import Budget
from reviewloop.llm.door import Models
from reviewloop.llm.prefix_gate import PrefixGates
from reviewloop.llm.retry import ModelUnavailableError, Pacing
from reviewloop.settings import Settings
from reviewloop.store.journal import CallKey, Journal
from reviewloop.store.rates import FileRates

KEY = CallKey("a", "review")
NOON, WAITING = 1_700_000_000.0, "model.waiting"
CALLS, TOGETHER = 12, 6


def _work(folder: Path, name: str, urls: tuple[str, str]) -> None:
    """Ask one server without a limiter, then the other with the shared one."""
    pacing = Pacing(first=0.01, throttled_first=0.1, longest=1)
    for url, rates in zip(urls, (Unlimited(), FileRates(folder / "rates")), strict=True):
        settings = Settings.model_validate({"models": {"max_attempts": 20, "endpoint_url": url}})
        journal = Journal(folder / f"{name}-{type(rates).__name__}.sqlite")
        budget = Budget(settings.limits)
        models = Models(settings, journal, budget=budget, pacing=pacing, rates=rates)
        with ThreadPoolExecutor(TOGETHER) as pool:
            keys = [CallKey(name, "review", turn=turn) for turn in range(CALLS)]
            list(pool.map(partial(models.ask, request=asking()), keys))


@pytest.mark.slow
def test_two_processes_that_share_what_they_learn_are_refused_less(tmp_path, monkeypatch):
    """Both reach the quota first without the limiter, then with it; the server counts."""
    importlib.import_module("langchain_aws")  # here, so that neither has to
    alone, shared = Quota(per_second=20, at_once=4), Quota(per_second=20, at_once=4)
    slow = partial(BedrockServer, seconds=0.05, over_http=True)
    one, two = slow(alone), slow(shared)
    for name, value in one.env().items():
        monkeypatch.setenv(name, value)
    fork = multiprocessing.get_context("fork")
    processes = [
        fork.Process(target=_work, args=(tmp_path, name, (one.url, two.url))) for name in "ab"
    ]
    for process in processes:  # before the servers' threads; their ports are open already
        process.start()
    with one, two:
        for process in processes:
            process.join(50)
        assert [process.exitcode for process in processes] == [0, 0]
        asked = [len(server.ledger) for server in (one, two)]
    assert [asked[0] - alone.refused, asked[1] - shared.refused] == [2 * CALLS, 2 * CALLS]
    assert alone.refused > 0.3 * asked[0]
    assert shared.refused < alone.refused / 2


def test_a_refusal_slows_down_the_other_runs_and_they_say_so(bedrock, open_door, in_turn):
    server = bedrock(in_turn(throttle(0.4), "fine"))
    first, other = (
        open_door(models={"max_attempts": 1}, rates=FileRates()),
        open_door(rates=FileRates()),
    )
    with pytest.raises(ModelUnavailableError):
        first.models.ask(CallKey("first", "review"), asking())
    reply_ = other.models.ask(CallKey("other", "review"), asking())
    assert reply_.attempts == 1  # waiting is none
    [waited] = other.told("model.waiting")
    assert (waited["agent"], waited["model"]) == ("other", CLAUDE)
    assert waited["seconds"] > 0.3
    assert server.ledger[1].at - server.ledger[0].at >= 0.4
    other.models.ask(CallKey("another", "review"), asking(model=NOVA))  # a quota of its own
    assert len(other.told("model.waiting")) == 1


def test_waiting_ends_with_the_persons_stop_and_with_the_runs_minutes(bedrock, open_door):
    server = bedrock(lambda request: throttle(50))
    door = open_door(models={"max_attempts": 1}, rates=FileRates())
    with pytest.raises(ModelUnavailableError):
        door.models.ask(KEY, asking())
    short = open_door(limits={"minutes": 0.005}, rates=FileRates())
    with pytest.raises(BudgetExhaustedError, match=r"limits\.minutes"):
        short.models.ask(KEY, asking())
    threading.Timer(0.2, door.models.stop).start()
    with pytest.raises(InterruptedByUserError, match="rate limit"):
        door.models.ask(KEY, asking())
    assert len(server.ledger) == 1


@pytest.mark.slow
def test_a_ceiling_of_the_settings_holds_without_any_refusal(bedrock, open_door):
    server = bedrock(lambda request: reply("ok"))
    rates = FileRates(clock=lambda: NOON + sum(one["seconds"] for one in door.told(WAITING)))
    door = open_door(models={"requests_per_minute": 600}, rates=rates)
    for turn in range(105):  # no time passes but what is waited for
        door.models.ask(replace(KEY, turn=turn), asking())
    assert len(door.told(WAITING)) == 5  # a hundred at once, then 500 a minute
    assert sum(one["seconds"] for one in door.told(WAITING)) == pytest.approx(5 * 60 / 500)
    assert len(server.ledger) == 105


@pytest.mark.slow
def test_who_leads_may_wait_for_the_quota_longer_than_the_gate_does():
    gate = PrefixGates(0.2).gate("m", "p")
    went = []

    def follow() -> None:
        with gate.turn():
            went.append(time.monotonic())

    with gate.turn() as place:
        follower = threading.Thread(target=follow)
        follower.start()
        time.sleep(0.3)  # for a slot, before anything is asked
        for _ in range(4):  # refused and asked again: the limit is for one reply to begin
            time.sleep(0.1)
            place.asks()
        assert not went
        place.began()
        follower.join(5)
    assert went
