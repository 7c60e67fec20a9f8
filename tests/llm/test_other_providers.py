"""The real clients of OpenAI and Anthropic over loopback: replies, tools, failures."""

from dataclasses import replace

import pytest
from support import bedrock as b
from support.model_requests import REPORT, asking
from support.model_server import ModelServer

from reviewloop.domain.errors import ModelAccessError, ModelSetupError
from reviewloop.llm.messages import assistant_message, tool_message, tool_result
from reviewloop.llm.retry import ModelUnavailableError, RequestRejectedError
from reviewloop.store.journal import CallKey

KEY = CallKey("review-security", "review")
MODELS = {
    "responses": "openai:gpt-6.1-sol",
    "completions": "openai:gpt-5.1",
    "messages": "anthropic:claude-sonnet-5-5",
}


@pytest.fixture(params=MODELS.values(), ids=list(MODELS))
def model(request):
    return request.param


@pytest.fixture
def provider(model):
    return model.partition(":")[0]


@pytest.fixture
def serve(provider, monkeypatch):
    """Return a function that starts a server and points the provider's client at it."""
    servers = []

    def start(answer, **options):
        server = ModelServer(answer, **options).start()
        servers.append(server)
        for name, value in getattr(server, provider)().items():
            monkeypatch.setenv(name, value)
        return server

    yield start
    for server in servers:
        server.close()


def ask(door, model, **options):
    return door.models.ask(KEY, asking(model=model, **options))


def test_a_reply_comes_with_its_tool_calls_and_true_counts(serve, model, open_door):
    server = serve(lambda request: b.reply("Read.", b.tool_use("report", {"a_b": 1})))
    reply = ask(open_door(), model)
    assert (reply.text, reply.stop_reason, reply.attempts) == ("Read.", "tool_use", 1)
    assert [(call.name, call.args) for call in reply.tool_calls] == [("report", {"a_b": 1})]
    assert not reply.usage.estimated
    assert reply.usage.input == server.ledger[0].usage["inputTokens"]
    assert reply.usage.cost_usd > 0
    assert server.ledger[0].system == "You review code."
    assert server.ledger[0].tools == (REPORT.name,)


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize(
    ("fault", "lost"),
    [
        (b.throttle(), 0),
        (b.server_error(500), 0),
        (b.server_error(503), 0),
        (b.failure(529, "overloaded_error", "Overloaded"), 0),
        (b.breaks_off(), 1),
        (b.fails_inside("overloaded_error"), 1),
        (b.fails_inside("api_error"), 1),
    ],
    ids=[
        "throttled",
        "500",
        "503",
        "overloaded",
        "breaks off",
        "overloaded inside",
        "error inside",
    ],
)
def test_passing_trouble_is_asked_again(serve, model, open_door, in_turn, fault, lost):
    server = serve(in_turn(fault, "fine"))
    door = open_door()
    reply = ask(door, model)
    assert (reply.text, reply.attempts, len(server.ledger)) == ("fine", 2, 2)
    assert [told["possibly_paid"] for told in door.told("model.failed")] == [bool(lost)]
    assert door.budget.spent.calls == 1 + lost


def test_the_history_goes_back_as_it_was(serve, model, open_door, in_turn):
    thought = [b.thought("hm", "sealed")] if "gpt-6" in model else []
    server = serve(in_turn(b.reply(*thought, "I look.", b.tool_use("report", {"a_b": 1})), "done"))
    door = open_door()
    request = asking(model=model)
    first = door.models.ask(KEY, request)
    again = (*request.messages, assistant_message(first))
    again += (tool_message([tool_result(first.tool_calls[0].id, "read", error=False)]),)
    reply = door.models.ask(replace(KEY, turn=1), replace(request, messages=again))
    assert (reply.text, reply.stop_reason) == ("done", "end_turn")
    sent = server.ledger[1]
    assert sent.results == ["read"]
    [said] = [message for message in sent.messages if message["role"] == "assistant"]
    assert [next(iter(block)) for block in said["content"]][-2:] == ["text", "toolUse"]
    assert ("reasoningContent" in said["content"][0]) is bool(thought)


def test_a_reply_that_reaches_its_limit_says_so(serve, model, open_door):
    serve(lambda request: b.cut_short("half a"))
    assert ask(open_door(), model).stop_reason == "max_tokens"


def test_a_reply_that_breaks_off_for_ever_may_have_been_billed(serve, model, open_door):
    server = serve(lambda request: b.breaks_off())
    with pytest.raises(ModelUnavailableError, match="may have been billed") as caught:
        ask(open_door(), model)
    assert "nothing was paid" not in str(caught.value)
    assert len(server.ledger) == 3
    assert caught.value.exit_code == 5


def test_a_silence_inside_a_reply_is_a_timeout(serve, model, open_door):
    server = serve(lambda request: b.stalls(5, after=2))
    door = open_door(models={"read_timeout_seconds": 0.3})
    with pytest.raises(ModelUnavailableError, match=r"models\.read_timeout_seconds"):
        ask(door, model)
    assert len(server.ledger) == 2


def test_a_server_that_is_not_there_costs_nothing(serve, model, open_door):
    serve(lambda request: "never").close()
    with pytest.raises(ModelUnavailableError, match="nothing was paid"):
        ask(open_door(models={"max_attempts": 2}), model)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (b.failure(403, "permission_error", "not for you"), "may not use this model"),
        (b.failure(404, "not_found_error", "no such model"), "has no model"),
        (b.failure(429, "insufficient_quota", "insufficient_quota: pay"), "no credit left"),
    ],
)
def test_missing_access_is_named_and_never_asked_again(serve, model, open_door, fault, words):
    server = serve(lambda request: fault)
    with pytest.raises(ModelAccessError, match=words):
        ask(open_door(), model)
    assert len(server.ledger) == 1


def test_a_wrong_key_is_one_sentence_and_is_not_shown(
    serve, model, provider, open_door, monkeypatch
):
    server = serve(lambda request: "never")
    name = f"{provider.upper()}_API_KEY"
    monkeypatch.setenv(name, "sk-wrong-key")
    with pytest.raises(ModelAccessError, match=f"refused the key in {name}; check it") as caught:
        ask(open_door(), model)
    assert "sk-wrong-key" not in str(caught.value)
    assert (server.ledger, server.refused) == ([], 1)


def test_a_wrong_request_is_asked_once(serve, model, open_door):
    server = serve(lambda request: b.failure(400, "invalid_request_error", "no such parameter"))
    with pytest.raises(RequestRejectedError, match="no such parameter"):
        ask(open_door(), model)
    assert len(server.ledger) == 1


@pytest.mark.parametrize(("value", "words"), [("", "is set but empty"), (None, "is not set")])
def test_a_missing_key_is_one_sentence_before_anything_is_sent(
    model, provider, open_door, monkeypatch, value, words
):
    name = f"{provider.upper()}_API_KEY"
    if value is not None:
        monkeypatch.setenv(name, value)
    with pytest.raises(ModelSetupError, match=f"{name} {words}") as caught:
        ask(open_door(), model)
    assert caught.value.exit_code == 2
