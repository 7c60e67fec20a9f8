"""One prompt writes the shared prefix, the others read it: gates alone, then over HTTP."""

import threading

import pytest
from support import bedrock as b
from support.model_requests import CLAUDE, REPORT

from reviewloop.domain.errors import ModelAccessError
from reviewloop.llm.messages import ModelRequest, cache_point, text_block, user_message
from reviewloop.llm.prefix_gate import PrefixGates
from reviewloop.store.journal import CallKey

REVIEWERS = ["security", "infrastructure", "maintainability", "performance", "test-quality"]


def _request(name: str) -> ModelRequest:
    shared = text_block("the change " * 500)
    message = user_message(shared, cache_point(), text_block(f"You are {name}."))
    return ModelRequest(CLAUDE, "House rules.", (message,), (REPORT,))


def _all_at_once(door, gate, names=REVIEWERS, round_=0):
    outcomes: dict[str, object] = {}

    def ask(name: str) -> None:
        try:
            key = CallKey(name, "review", round=round_)
            outcomes[name] = door.models.ask(key, _request(name), hold=gate)
        except ModelAccessError as error:
            outcomes[name] = error

    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_four_of_five_read_the_prefix_that_the_first_wrote(bedrock, open_door):
    server = bedrock(lambda request: b.reply("ok").after(0.4, first_byte=0.05))
    door = open_door()
    _all_at_once(door, door.models.gates.gate(CLAUDE, "the change"))
    usages = [received.usage for received in server.ledger]
    assert [usage["cacheWriteInputTokens"] > 1000 for usage in usages] == [True] + [False] * 4
    assert [usage["cacheReadInputTokens"] > 1000 for usage in usages] == [False] + [True] * 4
    first = server.ledger[0]
    assert all(received.at >= first.first_sent_at for received in server.ledger[1:])
    assert all(received.at < first.ended_at for received in server.ledger[1:])


def test_without_a_gate_each_one_writes_the_prefix(bedrock, open_door):
    server = bedrock(lambda request: b.reply("ok").after(0.3, first_byte=0.2))
    _all_at_once(open_door(), None)
    assert all(received.usage["cacheWriteInputTokens"] > 1000 for received in server.ledger)


def test_a_failing_first_lets_the_others_go(bedrock, open_door, in_turn):
    server = bedrock(in_turn(b.access_denied(), "ok"))
    door = open_door()
    outcomes = _all_at_once(door, door.models.gates.gate(CLAUDE, "the change"))
    failed = [name for name, outcome in outcomes.items() if isinstance(outcome, ModelAccessError)]
    assert len(failed) == 1
    assert len(server.ledger) == 5


def test_a_journalled_reply_holds_nobody_up(bedrock, open_door):
    bedrock(lambda request: b.reply("ok").after(0.3, first_byte=0.2))
    door = open_door()
    _all_at_once(door, None, names=["security"])
    gate = door.models.gates.gate(CLAUDE, "the change")
    inside = threading.Event()
    leave = threading.Event()

    def hold() -> None:
        with gate.turn():
            inside.set()
            leave.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(5)
    reply = door.models.ask(CallKey("security", "review"), _request("security"), hold=gate)
    leave.set()
    holder.join()
    assert reply.from_journal


def test_gates_of_other_models_and_prefixes_are_others():
    gates = PrefixGates()
    assert gates.gate("m", "p") is gates.gate("m", "p")
    assert gates.gate("m", "p") is not gates.gate("n", "p")
    assert gates.gate("m", "p") is not gates.gate("m", "q")


def _second_goes_in(gate, *, after_first=None, stopped=lambda: False) -> None:
    """Let a second caller in while a first one is inside, who leaves only afterwards."""
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with gate.turn() as place:
            inside.set()
            if after_first:
                after_first(place)
            leave.wait()

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(5)
    with gate.turn(stopped):
        leave.set()
    thread.join()


def test_the_first_event_opens_the_gate():
    waits, began = [], []

    def stopped() -> bool:  # asked by the second one as long as it waits
        waits.append(True)
        if len(waits) == 3:
            began.append(True)
            place_of_first[0].began()
        return False

    place_of_first = []
    _second_goes_in(
        PrefixGates(600).gate("m", "p"), after_first=place_of_first.append, stopped=stopped
    )
    assert began


def test_the_time_limit_opens_the_gate():
    asked = PrefixGates(0.2).gate("m", "p")
    _second_goes_in(asked, after_first=lambda place: place.asks())


def test_a_stop_opens_the_gate():
    _second_goes_in(PrefixGates(600).gate("m", "p"), stopped=lambda: True)


def test_an_error_of_the_first_opens_the_gate():
    gate = PrefixGates(600).gate("m", "p")
    with pytest.raises(ZeroDivisionError), gate.turn():
        raise ZeroDivisionError
    with gate.turn():
        pass
