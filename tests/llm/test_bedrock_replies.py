"""Requests to Bedrock and the parsing of replies, over HTTP with a real client."""

import json
from dataclasses import replace

import pytest
from support import bedrock as b
from support.bedrock_ledger import points
from support.model_requests import CLAUDE, NOVA, REPORT, asking

from reviewloop.llm.messages import (
    ModelRequest,
    Reply,
    ToolCall,
    assistant_message,
    cache_point,
    text_block,
    tool_message,
    tool_result,
    user_message,
)
from reviewloop.store.journal import CallKey

OLDER_CLAUDE = "bedrock_converse:us.anthropic.claude-sonnet-4-20250514-v1:0"
KEY = CallKey("implement", "implement")
POINT = {"cachePoint": {"type": "default"}}


def test_text_and_tool_calls_come_back_with_their_arguments(ask_once):
    args = {"findings": [{"title": "ü" * 200, "line": 3}]}
    reply, _ = ask_once(b.reply("I looked.", b.tool_use("report", args, ident="u1")), asking())
    assert reply.text == "I looked."
    assert reply.tool_calls == (ToolCall("u1", "report", args),)
    assert reply.stop_reason == "tool_use"
    assert reply.model == CLAUDE
    assert not reply.usage.estimated


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ('{"findings": [{"ti', "Unterminated string"),
        ('{"a": 1} {"b": 2}', "Extra data"),
        ('{"a": 1, "a": 2}', "given twice"),
        ("[1]", "expected a JSON object, got list"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("{'a': 1}", "Expecting property name"),
    ],
)
def test_arguments_that_are_no_json_object_are_never_repaired_by_guessing(ask_once, raw, error):
    reply, _ = ask_once(b.malformed("report", raw), asking())
    [call] = reply.tool_calls
    assert (call.name, call.args, call.raw) == ("report", None, raw)
    assert error in call.error


def test_a_tool_call_without_arguments_has_empty_ones(ask_once):
    reply, _ = ask_once(b.malformed("report", ""), asking())
    [call] = reply.tool_calls
    assert call.args == {}


@pytest.mark.parametrize(
    ("answer", "stop_reason"),
    [
        (b.reply("done"), "end_turn"),
        (b.cut_short("half a sen"), "max_tokens"),
        (b.cut_short(b.tool_use("report", raw='{"a":')), "max_tokens"),
        (b.filtered(), "content_filtered"),
        (b.reply("no", stop_reason="guardrail_intervened"), "content_filtered"),
        (b.reply("I will not.", stop_reason="refusal"), "refusal"),
        (b.reply("x", stop_reason="malformed_tool_use"), "malformed"),
        (b.empty(), "end_turn"),
    ],
)
def test_the_reason_a_reply_ended_is_told(ask_once, answer, stop_reason):
    reply, _ = ask_once(answer, asking())
    assert reply.stop_reason == stop_reason


def test_an_empty_reply_is_a_reply_without_text(ask_once):
    reply, _ = ask_once(b.empty(), asking())
    assert (reply.text, reply.tool_calls) == ("", ())


def test_missing_usage_is_estimated_and_marked(ask_once):
    reply, _ = ask_once(b.reply("x" * 400, usage=False), asking("y" * 4000))
    usage = reply.usage
    assert usage.estimated
    assert usage.output == 100
    assert 1000 <= usage.input < 1100


def test_the_counts_of_usage_do_not_overlap(bedrock, open_door):
    bedrock(lambda request: "ok")
    door = open_door()
    request = ModelRequest(
        CLAUDE, "", (user_message(text_block("z" * 8000), cache_point(), text_block("you")),)
    )
    first = door.models.ask(KEY, request).usage
    second = door.models.ask(CallKey("other", "implement"), request).usage
    assert first.cache_read == 0
    assert first.cache_write > 1000
    assert (second.cache_read, second.cache_write) == (first.cache_write, 0)
    assert first.input == second.input < 100
    assert second.cost_usd < first.cost_usd


def _history(*results: tuple[str, bool]) -> tuple[dict, ...]:
    calls = tuple(ToolCall(f"id{n}", "report", {"a_b": n}) for n in range(len(results)))
    return (
        user_message(text_block("go")),
        assistant_message(Reply("thinking", calls)),
        tool_message(
            [tool_result(f"id{n}", text, error=error) for n, (text, error) in enumerate(results)]
            + [cache_point()]
        ),
    )


def test_history_reaches_bedrock_in_its_own_form(ask_once):
    history = _history(("fine", False), ("broken", True))
    request = ModelRequest(CLAUDE, "sys", history, (REPORT,), max_tokens=500)
    body = ask_once("ok", request)[1].body
    assert body["system"] == [{"text": "sys"}]
    assert body["inferenceConfig"]["maxTokens"] == 500
    assert body["messages"][1]["content"] == [
        {"text": "thinking"},
        {"toolUse": {"toolUseId": "id0", "name": "report", "input": {"a_b": 0}}},
        {"toolUse": {"toolUseId": "id1", "name": "report", "input": {"a_b": 1}}},
    ]
    results = body["messages"][2]["content"]
    assert [part["toolResult"]["status"] for part in results[:2]] == ["success", "error"]
    assert results[2] == POINT
    [tool] = body["toolConfig"]["tools"]
    assert tool["toolSpec"]["inputSchema"]["json"] == REPORT.schema


def test_tools_of_the_history_are_offered_even_if_none_are_now(ask_once):
    _, received = ask_once("ok", ModelRequest(CLAUDE, "", _history(("fine", False))))
    assert received.tools == ("report",)
    assert "toolUse" in json.dumps(received.messages)


@pytest.mark.parametrize(
    ("model", "choice", "sent"),
    [
        (OLDER_CLAUDE, "report", {"tool": {"name": "report"}}),
        (OLDER_CLAUDE, "any", {"any": {}}),
        (OLDER_CLAUDE, None, None),
        (CLAUDE, "report", None),
        (NOVA, "report", {"tool": {"name": "report"}}),
        ("bedrock_converse:mistral.mistral-large-2407-v1:0", "report", {"any": {}}),
        ("bedrock_converse:openai.gpt-oss-120b-1:0", "report", None),
    ],
)
def test_a_choice_of_tool_is_sent_as_far_as_the_model_takes_it(ask_once, model, choice, sent):
    _, received = ask_once(b.calls("report", {}), asking(model=model, tool_choice=choice))
    assert received.body["toolConfig"].get("toolChoice") == sent


def test_models_that_cannot_stream_tools_answer_whole(ask_once):
    answer = b.reply("hm", b.tool_use("report", {"a_b": 1}, ident="x"))
    model = "bedrock_converse:mistral.mistral-large-2407-v1:0"
    reply, received = ask_once(answer, asking(model=model))
    assert received.operation == "converse"
    assert reply.tool_calls == (ToolCall("x", "report", {"a_b": 1}),)
    assert reply.stop_reason == "tool_use"


@pytest.mark.parametrize(
    ("model", "settings", "points"),
    [
        (CLAUDE, {}, 2),
        (NOVA, {}, 2),
        (CLAUDE, {"cache": False}, 0),
        ("bedrock_converse:meta.llama3-1-70b-instruct-v1:0", {}, 0),
    ],
)
def test_cache_points_are_sent_where_they_are_allowed(bedrock, open_door, model, settings, points):
    server = bedrock(lambda request: "ok")
    messages = (
        user_message(text_block("shared"), cache_point(), text_block("persona"), cache_point()),
    )
    open_door(models=settings).models.ask(KEY, ModelRequest(model, "", messages))
    assert json.dumps(server.ledger[0].body).count("cachePoint") == points


def test_of_too_many_cache_points_the_first_and_the_latest_stay(ask_once):
    blocks = [part for n in range(6) for part in (text_block(f"part {n}"), cache_point())]
    _, received = ask_once("ok", ModelRequest(CLAUDE, "", (user_message(*blocks),)))
    content = received.messages[0]["content"]
    marked = [content[n - 1]["text"] for n, part in enumerate(content) if part == POINT]
    assert marked == ["part 0", "part 3", "part 4", "part 5"]


def test_thoughts_go_back_unchanged_and_where_they_stood(bedrock, open_door):
    thinking = (
        b.thought("First " * 40, "s1"),
        b.text("I look."),
        b.thought("Then.", "s2"),
        b.tool_use("report", {"a_b": 1}, ident="u1"),
    )
    server = bedrock(lambda request: b.reply(*thinking) if request.turn == 0 else "done")
    door = open_door()
    request = asking()
    reply = door.models.ask(KEY, request)
    assert (reply.text, len(reply.tool_calls)) == ("I look.", 1)
    reply = open_door().models.ask(KEY, request)  # as a resumed run reads it
    answered = tool_message([tool_result("u1", "fine", error=False)])
    history = (*request.messages, assistant_message(reply), answered)
    following = ModelRequest(CLAUDE, request.system, history, (REPORT,))
    assert door.models.ask(CallKey("implement", "implement", turn=1), following).text == "done"
    assert server.ledger[1].messages[1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "First " * 40, "signature": "s1"}}},
        {"text": "I look."},
        {"reasoningContent": {"reasoningText": {"text": "Then.", "signature": "s2"}}},
        {"toolUse": {"toolUseId": "u1", "name": "report", "input": {"a_b": 1}}},
    ]


def test_another_model_is_not_shown_these_thoughts(bedrock, open_door):
    server = bedrock(lambda request: b.reply(b.thought("Hm."), "Yes.") if not request.turn else "k")
    door = open_door()
    request = asking()
    history = (*request.messages, assistant_message(door.models.ask(KEY, request)))
    messages = (*history, user_message(text_block("go on")))
    door.models.ask(KEY, ModelRequest(NOVA, "", messages))
    assert server.ledger[1].messages[1]["content"] == [{"text": "Yes."}]


def test_an_application_profile_is_resolved_to_its_model(bedrock, open_door):
    server = bedrock(lambda request: b.calls("report", {}))
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    open_door().models.ask(KEY, asking(model=f"bedrock_converse:{arn}", tool_choice="report"))
    assert server.ledger[0].model == arn
    assert server.ledger[0].body["toolConfig"]["toolChoice"] == {"tool": {"name": "report"}}
    assert any("inference-profiles" in path for path in server.other)


def test_a_role_is_assumed_before_asking(bedrock, open_door):
    server = bedrock(lambda request: "ok")
    door = open_door(models={"role_arn": "arn:aws:iam::123456789012:role/reviewer"})
    assert door.models.ask(KEY, asking()).text == "ok"
    assert server.other == ["/"]


def test_the_endpoint_of_the_settings_wins_over_the_environment(bedrock, open_door, monkeypatch):
    server = bedrock(lambda request: "ok")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:1")
    door = open_door(models={"endpoint_url": server.url})
    assert door.models.ask(KEY, asking()).text == "ok"


def test_the_everyday_name_of_bedrock_is_converse_with_cache_points(ask_once):
    request = asking("Shared.", model="bedrock:global.anthropic.claude-sonnet-5-5")
    [message] = request.messages
    marked = {**message, "content": [*message["content"], {"type": "cache_point"}]}
    reply, received = ask_once("fine", replace(request, messages=(marked,)))
    assert received.operation == "converse-stream"
    assert points(received.body) == 1
    assert not reply.usage.estimated
    assert reply.usage.output > 0
