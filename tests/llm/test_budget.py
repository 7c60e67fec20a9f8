"""Caps on tokens, money and minutes stop a run before it pays more, with advice to resume."""

import threading
import time

import pytest
from support.model_requests import asking

from reviewloop.domain.errors import BudgetExhaustedError, InterruptedByUserError
from reviewloop.llm.budget import Budget, Spent
from reviewloop.llm.messages import Usage
from reviewloop.settings import Limits
from reviewloop.store.journal import CallKey


def _budget(**limits) -> Budget:
    return Budget(Limits(**limits))


def test_a_cap_on_tokens_names_itself_what_was_spent_and_the_way_on():
    budget = _budget(tokens=1000)
    budget.add(Usage(input=600, output=200, cache_read=150, cache_write=50, cost_usd=0.25))
    with pytest.raises(BudgetExhaustedError) as caught:
        budget.check()
    message = str(caught.value)
    assert "limits.tokens" in message
    assert "1,000 of 1,000 tokens" in message
    assert "$0.25" in message
    assert "`reviewloop resume --budget-tokens 2000`" in message


def test_the_cap_that_is_proposed_is_enough_for_the_next_call():
    budget = _budget(tokens=9_000, usd=1)
    budget.add(Usage(input=6_884, cost_usd=0.5))
    with (
        pytest.raises(BudgetExhaustedError, match="`reviewloop resume --budget-tokens 72000`"),
        budget.call(tokens=30_000, usd=None),
    ):
        pass
    with (
        pytest.raises(BudgetExhaustedError, match="`reviewloop resume --budget-usd 4`"),
        budget.call(tokens=1, usd=2.1),
    ):
        pass
    late = Budget(Limits(minutes=1), seconds_used=130)
    with pytest.raises(BudgetExhaustedError, match="`reviewloop resume --minutes 4`"):
        late.check()


def test_a_cap_on_money_stops():
    budget = _budget(usd=1)
    budget.add(Usage(input=1, cost_usd=1.01))
    with pytest.raises(BudgetExhaustedError, match=r"\$1\.01 of \$1\.00"):
        budget.check()


def test_a_cap_on_minutes_counts_earlier_active_time():
    budget = Budget(Limits(minutes=1), seconds_used=61)
    with pytest.raises(BudgetExhaustedError, match="`reviewloop resume --minutes 2`"):
        budget.check()
    assert budget.seconds_left() < 0


def test_no_time_passes_while_a_person_thinks(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    budget = Budget(Limits(minutes=1), seconds_used=30)
    now += 2
    with budget.paused():
        now += 5000
        assert budget.seconds == 32
    now += 4
    assert budget.seconds == 36


def test_an_unknown_price_is_said_and_tokens_are_still_capped():
    budget = _budget(tokens=100)
    budget.add(Usage(input=100, cost_usd=None))
    assert budget.spent.cost == "unknown"
    with pytest.raises(BudgetExhaustedError, match="cost unknown"):
        budget.check()
    budget.add(Usage(input=1, cost_usd=0.5))
    assert budget.spent.cost == "more than $0.50 (some prices unknown)"


def test_a_call_that_does_not_fit_any_more_is_not_begun():
    budget = Budget(Limits(tokens=1000), spent=Spent(calls=1, input=900))
    with pytest.raises(BudgetExhaustedError, match="the next call needs about 200 tokens"):
        budget.call(tokens=200, usd=None).__enter__()


def test_parallel_calls_do_not_slip_under_the_cap_together():
    budget = _budget(tokens=900)
    under_way, most, refused = 0, 0, 0
    lock = threading.Lock()

    def call() -> None:
        nonlocal under_way, most, refused
        try:
            with budget.call(tokens=400, usd=0.0):
                with lock:
                    under_way += 1
                    most = max(most, under_way)
                time.sleep(0.05)
                with lock:
                    under_way -= 1
                budget.add(Usage(input=300, cost_usd=0.0))
        except BudgetExhaustedError:
            with lock:
                refused += 1

    threads = [threading.Thread(target=call) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
    assert refused == 3
    assert budget.spent.tokens == 600


def test_waiting_for_room_ends_with_a_stop():
    budget = _budget(tokens=100)
    with budget.call(tokens=80, usd=None), pytest.raises(InterruptedByUserError):
        budget.call(tokens=80, usd=None, stopped=lambda: True).__enter__()


def test_a_run_stops_at_its_cap_and_goes_on_with_a_higher_one(bedrock, open_door):
    server = bedrock(lambda request: "ok " * 400)
    low = {"tokens": 3000}
    door = open_door(limits=low)
    keys = [CallKey("implement", "implement", turn=turn) for turn in range(10)]
    answered = 0
    with pytest.raises(BudgetExhaustedError):
        for key in keys:
            door.models.ask(key, asking("x" * 2000))
            answered += 1
    assert answered == len(server.ledger) == 2
    with pytest.raises(BudgetExhaustedError):
        open_door(limits=low).models.ask(keys[answered], asking("x" * 2000))
    higher = open_door(limits={"tokens": 30_000})
    for key in keys:
        higher.models.ask(key, asking("x" * 2000))
    assert len(server.ledger) == 10
    assert higher.budget.spent.calls == 10
