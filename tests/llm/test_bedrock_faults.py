"""Bedrock's failures, over HTTP: outcome, attempts, what may be billed."""

import threading

import pytest
from support import bedrock as b
from support.model_requests import CLAUDE, asking

from reviewloop.domain.errors import ContextOverflowError, ModelAccessError
from reviewloop.llm.retry import ModelUnavailableError, Pacing
from reviewloop.llm.trouble import Diagnosis, Trouble
from reviewloop.store.journal import CallKey

KEY = CallKey("review-security", "review")


@pytest.mark.parametrize(
    ("fault", "lost"),
    [
        (b.throttle(), 0),
        (b.server_error(500), 0),
        (b.server_error(503), 0),
        (b.failure(429, "ModelNotReadyException", "warming up"), 0),
        (b.failure(424, "ModelErrorException", "the model failed"), 0),
        (b.failure(408, "ModelTimeoutException", "took too long"), 1),
        (b.breaks_off(), 1),
        (b.breaks_off(after=0), 1),
        (b.ends_early(), 1),
        (b.fails_inside("throttlingException"), 1),
        (b.fails_inside("modelStreamErrorException"), 1),
        (b.fails_inside("serviceUnavailableException"), 1),
        (b.fails_inside("internalServerException"), 1),
    ],
)
def test_passing_trouble_is_asked_again_and_every_attempt_counted(
    bedrock, open_door, in_turn, fault, lost
):
    server = bedrock(in_turn(fault, "fine"))
    door = open_door()
    reply = door.models.ask(KEY, asking())
    assert (reply.text, reply.attempts, len(server.ledger)) == ("fine", 2, 2)
    failed = door.told("model.failed")
    assert [event["possibly_paid"] for event in failed] == [bool(lost)]
    assert door.budget.spent.calls == 1 + lost
    assert door.budget.spent.estimated == lost


@pytest.mark.parametrize(
    ("fault", "requests"),
    [(b.server_error(), 4), (b.breaks_off(), 3), (b.fails_inside(), 3)],
)
def test_trouble_that_does_not_pass_ends_after_the_allowed_attempts(
    bedrock, open_door, in_turn, fault, requests
):
    server = bedrock(in_turn(fault))
    door = open_door(models={"max_attempts": 4})
    with pytest.raises(ModelUnavailableError, match=f"no reply in {requests} attempts"):
        door.models.ask(KEY, asking())
    assert len(server.ledger) == requests


def test_what_broke_off_is_counted_again_after_a_restart(bedrock, open_door, in_turn):
    bedrock(in_turn(b.breaks_off(), "fine"))
    first = open_door()
    first.models.ask(KEY, asking())
    again = open_door()
    assert again.budget.spent == first.budget.spent
    assert again.budget.spent.calls == 2


def test_a_slow_but_steady_reply_is_no_timeout(bedrock, open_door):
    bedrock(lambda request: b.reply("slow").after(0.3, first_byte=0.2))
    door = open_door(models={"read_timeout_seconds": 0.25})
    assert door.models.ask(KEY, asking()).attempts == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (b.access_denied(), "bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream"),
        (b.expired_credentials(), "have expired; sign in again"),
        (b.unknown_model(), "check the model id and the region"),
        (b.failure(404, "ResourceNotFoundException", "end of life"), "check the model id"),
        (b.failure(403, "UnrecognizedClientException", "token invalid"), "refused the credentials"),
    ],
)
def test_missing_access_is_named_and_never_asked_again(bedrock, open_door, in_turn, fault, words):
    server = bedrock(in_turn(fault))
    door = open_door()
    with pytest.raises(ModelAccessError) as caught:
        door.models.ask(KEY, asking())
    message = str(caught.value)
    assert words in message
    assert CLAUDE in message
    assert "us-east-1" in message
    assert "stand-in" not in message  # the key
    assert len(server.ledger) == 1
    assert door.budget.spent.calls == 0


def test_no_credentials_are_named_before_anything_is_sent(bedrock, open_door, monkeypatch):
    server = bedrock(lambda request: "never")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ModelAccessError, match="no usable AWS credentials"):
        open_door().models.ask(KEY, asking())
    assert server.ledger == []


def test_no_region_is_named(bedrock, open_door, monkeypatch):
    bedrock(lambda request: "never")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ModelAccessError, match=r"set AWS_REGION or models\.region"):
        open_door().models.ask(KEY, asking())


def test_the_region_is_read_from_either_variable(bedrock, open_door, monkeypatch):
    bedrock(lambda request: "ok")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert open_door().models.ask(KEY, asking()).text == "ok"


def test_nobody_listening_means_nothing_was_paid(open_door, monkeypatch, bedrock):
    server = bedrock(lambda request: "never")
    server.close()
    door = open_door(models={"max_attempts": 2})
    with pytest.raises(ModelUnavailableError, match="nothing was paid"):
        door.models.ask(KEY, asking())
    assert door.budget.spent.calls == 0


@pytest.mark.parametrize(
    "fault", [b.too_long(), b.fails_inside("validationException", after=1)], ids=["start", "inside"]
)
def test_a_request_that_is_too_long_has_to_shrink(bedrock, open_door, in_turn, fault):
    if fault.status == 200:
        fault = b.Answer(error="validationException", message="Input is too long", end_after=1)
    server = bedrock(in_turn(fault))
    with pytest.raises(ContextOverflowError, match=r"limits\.context_tokens"):
        open_door().models.ask(KEY, asking())
    assert len(server.ledger) == 1


def test_one_failing_call_leaves_the_calls_beside_it_alone(bedrock, open_door):
    def answer(request):
        return b.access_denied() if "fail" in request.said else f"answer to {request.said}"

    bedrock(answer)
    door = open_door()
    results: dict[str, object] = {}

    def ask(name: str) -> None:
        try:
            results[name] = door.models.ask(CallKey(name, "review"), asking(name)).text
        except ModelAccessError as error:
            results[name] = type(error)

    names = ["one", "two", "fail", "four", "five"]
    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {name: f"answer to {name}" for name in names} | {"fail": ModelAccessError}
    assert results == expected


def test_a_wish_to_wait_is_granted_up_to_the_longest_delay():
    pacing = Pacing(first=1, throttled_first=2, longest=60)
    throttled = Diagnosis(Trouble.THROTTLED, "ThrottlingException", "wait")
    assert 1 <= pacing.delay(throttled, 1) <= 2
    assert 16 <= pacing.delay(throttled, 5) <= 32
    asked = Diagnosis(Trouble.THROTTLED, "ThrottlingException", "wait", retry_after=40)
    assert pacing.delay(asked, 1) == 40
    patient = Diagnosis(Trouble.THROTTLED, "ThrottlingException", "wait", retry_after=4000)
    assert pacing.delay(patient, 1) == 60


def test_waiting_longer_than_the_run_may_last_is_not_begun(bedrock, open_door, in_turn):
    server = bedrock(in_turn(b.throttle()))
    door = open_door(limits={"minutes": 0.05}, pacing=Pacing(throttled_first=60, longest=60))
    with pytest.raises(ModelUnavailableError):
        door.models.ask(KEY, asking())
    assert len(server.ledger) == 1
