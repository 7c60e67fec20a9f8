"""One number of requests at once for all runs of a process: kept, used up, and fairly shared."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from support import bedrock as b
from support.model_requests import asking

from reviewloop.domain.errors import BudgetExhaustedError, InterruptedByUserError
from reviewloop.llm.rate import PROCESS_SLOTS, Slots
from reviewloop.store.journal import CallKey
from reviewloop.store.rates import FileRates

FOUR = {"concurrency": 4}
NOTED = 0.05
"""Seconds by which the server may note an end late; each reply takes four times as long."""


def at_once(ledger):
    """Return the most requests that the server had at one time."""
    deadline = time.monotonic() + 5  # it notes the end of a reply when the caller has it already
    while any(got.ended_at is None for got in ledger) and time.monotonic() < deadline:
        time.sleep(0.005)
    ends = [(got.at, 1) for got in ledger] + [(got.ended_at - NOTED, -1) for got in ledger]
    under_way, most = 0, 0
    for _, change in sorted(ends):
        under_way += change
        most = max(most, under_way)
    return most


def asked(pool, door, name, calls) -> list[Future]:
    """Ask so many times at once."""
    keys = [CallKey(name, "review", turn=turn) for turn in range(calls)]
    return [pool.submit(door.models.ask, key, asking(name)) for key in keys]


def test_runs_beside_each_other_share_the_slots_and_one_alone_has_them_all(bedrock, open_door):
    server = bedrock(lambda request: b.reply("ok").after(0.1))
    one, two = open_door(models=FOUR), open_door(models=FOUR)
    with ThreadPoolExecutor(24) as pool:
        for reply in asked(pool, one, "alone", 8):
            reply.result(20)
        alone = len(server.ledger)
        assert at_once(server.ledger) == 4
        for reply in [*asked(pool, one, "one", 12), *asked(pool, two, "two", 4)]:
            reply.result(20)
    together = server.ledger[alone:]
    assert at_once(together) == 4
    names = [received.said for received in together]
    assert len(names) == 16
    # The second came when the first had twelve in the line; it does not wait for them.
    assert "two" not in names[12:]


def hold(slots, owner, most, order, release):
    """Take a slot in a thread of its own, note it, and keep it until told."""

    def work():
        with slots.one(owner, most, lambda: None):
            order.append(owner)
            release.wait(5)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_free_slot_goes_to_who_holds_fewest_and_there_to_the_oldest():
    slots, order = Slots(), []
    releases = [threading.Event() for _ in range(6)]
    owners = ["a", "a", "a", "a", "b", "c"]  # in this order into the line
    threads = []
    for owner, release in zip(owners, releases, strict=True):
        threads.append(hold(slots, owner, 2, order, release))
        time.sleep(0.02)
    assert order == ["a", "a"]
    for ended, then in ((0, ["b"]), (4, ["b", "c"])):
        releases[ended].set()
        threads[ended].join(5)
        time.sleep(0.05)
        assert order[2:] == then
    for release in releases:
        release.set()
    for thread in threads:
        thread.join(5)
    assert order == ["a", "a", "b", "c", "a", "a"]


def test_who_allows_fewer_at_once_is_not_passed_over_for_ever():
    slots, order = Slots(), []
    holds = [threading.Event() for _ in range(3)]
    first = hold(slots, "many", 2, order, holds[0])
    time.sleep(0.02)
    few = hold(slots, "few", 1, order, holds[1])
    time.sleep(0.02)
    more = hold(slots, "many", 2, order, holds[2])
    time.sleep(0.02)
    assert order == ["many"]
    for event in holds:
        event.set()
    for thread in (first, few, more):
        thread.join(5)
    assert order == ["many", "few", "many"]


@pytest.mark.parametrize(
    ("limits", "error"),
    [({}, InterruptedByUserError), ({"minutes": 0.005}, BudgetExhaustedError)],
)
def test_a_stop_and_the_runs_minutes_end_the_wait_for_a_slot(bedrock, open_door, limits, error):
    server = bedrock(lambda request: "ok")
    door = open_door(models={"concurrency": 1}, limits=limits)
    with PROCESS_SLOTS.one("somebody", 1, lambda: None), ThreadPoolExecutor(1) as pool:
        [reply] = asked(pool, door, "late", 1)
        time.sleep(0.1)
        if error is InterruptedByUserError:
            door.models.stop()
        with pytest.raises(error):
            reply.result(2)
    assert door.models.wait_until_idle(1)
    assert server.ledger == []
    with PROCESS_SLOTS.one("next", 1, lambda: None):  # the place in the line was given up
        pass


def test_who_waits_for_a_quota_or_for_another_attempt_holds_no_slot(bedrock, open_door):
    def answer(request):
        return b.throttle(30) if "slow" in request.said else "ok"

    bedrock(answer)
    one, other = (
        open_door(models={"concurrency": 1}, rates=FileRates()),
        open_door(models={"concurrency": 1}),  # its quota is not the learnt one
    )
    with ThreadPoolExecutor(2) as pool:
        slow = asked(pool, one, "slow", 2)
        until = time.monotonic() + 5
        while not (one.told("model.waiting") and one.told("model.failed")):
            assert time.monotonic() < until
            time.sleep(0.01)
        assert other.models.ask(CallKey("quick", "review"), asking("quick")).text == "ok"
        one.models.stop()
        for reply in slow:
            with pytest.raises(InterruptedByUserError):
                reply.result(2)
