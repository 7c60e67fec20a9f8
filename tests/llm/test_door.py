"""Access to models: answered calls are never repeated, stops are clean, failures use a fallback."""

import os
import threading

import pytest
from support import bedrock as b
from support.model_requests import CLAUDE, NOVA, asking

from reviewloop.domain.errors import InterruptedByUserError, ModelAccessError, ModelError
from reviewloop.llm.messages import text_block, tool_message, tool_result, user_message
from reviewloop.llm.retry import Pacing
from reviewloop.store.journal import CallKey

KEY = CallKey("review-security", "review")
LANGSMITH = ("LANGSMITH_GATEWAY", "LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2")


def test_an_answered_call_is_never_asked_again(bedrock, open_door):
    server = bedrock(lambda request: b.reply("hello", b.tool_use("report", {"a_b": [1]})))
    live = open_door().models.ask(KEY, asking())
    door = open_door()
    again = door.models.ask(KEY, asking())
    assert len(server.ledger) == 1
    assert again.from_journal
    assert not live.from_journal
    assert (again.text, again.tool_calls, again.usage) == (live.text, live.tool_calls, live.usage)
    assert door.budget.spent.calls == 1
    assert door.told("model.reply")[0]["from_journal"] is True


def test_another_request_or_another_place_in_the_run_is_asked(bedrock, open_door):
    server = bedrock(lambda request: "ok")
    door = open_door()
    door.models.ask(KEY, asking("one"))
    door.models.ask(KEY, asking("two"))
    door.models.ask(CallKey("review-security", "review", round=1), asking("one"))
    assert len(server.ledger) == 3


def test_what_differs_between_equal_requests_does_not_count(bedrock, open_door):
    server = bedrock(lambda request: "ok")
    for nonce in ("n-123", "n-456"):
        door = open_door(canonical=lambda text, nonce=nonce: text.replace(nonce, "NONCE"))
        door.models.ask(KEY, asking(f"<{nonce}>the diff</{nonce}>"))
    assert len(server.ledger) == 1


def test_secrets_are_masked_in_what_is_used_and_what_is_kept(bedrock, open_door, tmp_path):
    answer = b.reply("key is hunter2\x00\x1b[31m", b.tool_use("report", {"a_b": ["hunter2"]}))
    bedrock(lambda request: answer)
    door = open_door(redact=lambda text: text.replace("hunter2", "***"))
    live = door.models.ask(KEY, asking())
    assert live.text == "key is ***\ufffd\ufffd[31m"
    assert live.tool_calls[0].args == {"a_b": ["***"]}
    [call] = door.journal.calls()
    assert "hunter2" not in str(call)
    again = open_door().models.ask(KEY, asking())
    assert (again.text, again.tool_calls) == (live.text, live.tool_calls)


def test_usage_is_kept_per_agent_and_step(bedrock, open_door):
    bedrock(lambda request: "ok")
    door = open_door()
    door.models.ask(KEY, asking())
    door.models.ask(CallKey("fix", "fix", finding="f1"), asking())
    rows = [(agent, step, usage["model"]) for agent, step, usage, _ in door.journal.usage_rows()]
    assert rows == [("review-security", "review", CLAUDE), ("fix", "fix", CLAUDE)]
    assert all(usage["cost_usd"] > 0 for _, _, usage, _ in door.journal.usage_rows())


@pytest.mark.parametrize("fault", [b.server_error(), b.access_denied(), b.unknown_model()])
def test_a_fallback_answers_when_the_first_model_cannot(bedrock, open_door, fault):
    server = bedrock(lambda request: fault if "claude" in request.model else "from nova")
    door = open_door(models={"fallbacks": [CLAUDE, NOVA], "max_attempts": 2})
    reply = door.models.ask(KEY, asking())
    assert (reply.text, reply.model) == ("from nova", NOVA)
    assert reply.attempts == len(server.ledger)
    assert door.told("model.fallback")[0]["to"] == NOVA
    assert open_door().models.ask(KEY, asking()).model == NOVA
    assert server.ledger[-1].usage["totalTokens"] == door.budget.spent.tokens


def test_no_fallback_is_asked_for_a_request_that_is_too_long(bedrock, open_door, in_turn):
    server = bedrock(in_turn(b.too_long()))
    with pytest.raises(ModelError):
        open_door(models={"fallbacks": [NOVA]}).models.ask(KEY, asking())
    assert len(server.ledger) == 1


def test_when_all_fallbacks_fail_the_first_failure_is_told_with_the_others(bedrock, open_door):
    bedrock(lambda r: b.access_denied() if "claude" in r.model else b.server_error())
    door = open_door(models={"fallbacks": [NOVA], "max_attempts": 1})
    with pytest.raises(ModelAccessError, match=r"no access to .*the fallbacks failed too: .*nova"):
        door.models.ask(KEY, asking())


def test_after_a_stop_no_call_begins_and_those_under_way_are_kept(bedrock, open_door):
    arrived = threading.Event()

    def answer(request):
        arrived.set()
        return b.reply("kept").after(0.3)

    server = bedrock(answer)
    door = open_door()
    replies: list[str] = []
    thread = threading.Thread(target=lambda: replies.append(door.models.ask(KEY, asking()).text))
    thread.start()
    arrived.wait(5)
    door.models.stop()
    with pytest.raises(InterruptedByUserError, match="reviewloop resume"):
        door.models.ask(CallKey("other", "review"), asking())
    assert door.models.wait_until_idle(5)
    thread.join()
    assert replies == ["kept"]
    assert open_door().models.ask(KEY, asking()).from_journal
    assert len(server.ledger) == 1


def test_a_stop_ends_the_wait_before_another_attempt(bedrock, open_door, in_turn):
    server = bedrock(in_turn(b.server_error()))
    door = open_door(pacing=Pacing(first=600, longest=600))
    threading.Timer(0.2, door.models.stop).start()
    with pytest.raises(InterruptedByUserError):
        door.models.ask(KEY, asking())
    assert len(server.ledger) == 1


def test_an_answered_call_is_still_answered_after_a_stop(bedrock, open_door):
    bedrock(lambda request: "ok")
    door = open_door()
    door.models.ask(KEY, asking())
    door.models.stop()
    assert door.models.ask(KEY, asking()).from_journal


def test_without_a_model_a_step_says_that_it_needs_one(open_door):
    with pytest.raises(ModelError, match="needs a model and the model is `none`"):
        open_door().models.ask(KEY, asking(model="none"))


def test_langsmith_of_the_shell_is_switched_off(bedrock, open_door, monkeypatch):
    server = bedrock(lambda request: "ok")
    for name in LANGSMITH:
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv("LANGSMITH_GATEWAY", "http://127.0.0.1:1")
    door = open_door()
    assert {name: os.environ.get(name) for name in LANGSMITH} == {
        "LANGSMITH_GATEWAY": None,
        "LANGSMITH_TRACING": "false",
        "LANGCHAIN_TRACING_V2": None,
    }
    door.models.ask(KEY, asking())
    assert len(server.ledger) == 1


def test_langsmith_stays_on_for_who_asked_for_it(bedrock, open_door, monkeypatch):
    bedrock(lambda request: "ok")
    monkeypatch.setenv("LANGSMITH_RUNS_ENDPOINTS", "{}")
    open_door(models={"tracing": True}).models.ask(KEY, asking())
    assert os.environ["LANGSMITH_RUNS_ENDPOINTS"] == "{}"


def test_warming_up_in_the_background_never_fails_loudly(bedrock, open_door, monkeypatch):
    bedrock(lambda request: "ok")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    door = open_door()
    door.models.warm_up([CLAUDE, "nosuch:model", "script:missing.json", "what"])
    for thread in threading.enumerate():
        if thread.name == "warm-up":
            thread.join(10)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert door.models.ask(KEY, asking()).text == "ok"


def test_a_provider_without_its_package_is_named(open_door):
    with pytest.raises(ModelAccessError, match="the package langchain-groq is not installed"):
        open_door().models.ask(KEY, asking(model="groq:llama"))


def test_an_unknown_provider_is_named(open_door):
    with pytest.raises(ModelError, match="nosuch"):
        open_door(models={"max_attempts": 1}).models.ask(KEY, asking(model="nosuch:model"))


def test_tool_ids_do_not_make_a_request_another_one(bedrock, open_door):
    server = bedrock(lambda request: "ok")
    for ident in ("toolu_1", "toolu_2"):
        call = {"type": "tool_call", "id": ident, "name": "report", "args": {}}
        messages = (
            user_message(text_block("go")),
            {"role": "assistant", "content": [call]},
            tool_message([tool_result(ident, "fine", error=False)]),
        )
        request = asking()
        request = type(request)(request.model, "", messages, request.tools)
        open_door().models.ask(KEY, request)
    assert len(server.ledger) == 1


@pytest.mark.slow
def test_warming_up_is_never_cut_off_by_the_end_of_the_process(open_door, monkeypatch):
    """A daemon inside the native code of a client aborted `approve`: "exception not rethrown"."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    open_door().models.warm_up(("openai:gpt-5.1",))
    [thread] = [one for one in threading.enumerate() if one.name == "warm-up"]
    assert not thread.daemon
    thread.join()
