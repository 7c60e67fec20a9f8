"""The stand-in for Bedrock gives the same answers over HTTP and by a call."""

import time
from dataclasses import replace
from functools import partial

import pytest
from support import bedrock as b

from reviewloop.llm.bedrock import open_session
from reviewloop.llm.messages import (
    ModelRequest,
    Reply,
    ToolSpec,
    assistant_message,
    cache_point,
    text_block,
    tool_message,
    tool_result,
    user_message,
)
from reviewloop.llm.providers import Providers
from reviewloop.settings import Settings
from reviewloop.store.journal import CallKey

MODEL = "bedrock_converse:anthropic.claude-sonnet-4-v1:0"
KEY = CallKey("implement", "implement")

SCHEMA = {
    "type": "object",
    "properties": {"file_path": {"type": "string"}, "nested_list": {"type": "array"}},
}
ANSWERS = {
    "words": b.reply("first\n", "second \U0001f642"),
    "calls": b.reply(
        "I look.",
        b.tool_use("fs_read", {"file_path": "a_b.py", "nested_list": [{"a_b": "x" * 3000}]}),
        b.tool_use("fs_read", raw='{"file_path": '),
    ),
    "nothing": b.empty(),
    "limit": b.cut_short("as far as"),
    "no usage": b.reply("hm", usage=False),
    "thoughts": b.reply(b.thought("I wonder"), "so be it"),
}
ERRORS = {
    "throttled": b.throttle(2),
    "denied": b.access_denied(),
    "too long": b.too_long(),
    "down": b.server_error(503),
    "inside": b.fails_inside(),
    "breaks off": b.breaks_off(),
    "ends early": b.ends_early(),
}


def conversation(reply: Reply, model: str) -> ModelRequest:
    """Return a request that has what ours have: tools, results, cache points, odd white space."""
    results = [
        tool_result(call.id, text, error=error)
        for call, text, error in zip(
            reply.tool_calls, ("  read \n", ""), (False, True), strict=False
        )
    ]
    answered = [tool_message([*results, cache_point()])] if results else []
    return ModelRequest(
        model,
        "You are\n\na reviewer. ",
        (
            user_message(text_block(" shared \n"), cache_point(), text_block("# Your part")),
            assistant_message(reply),
            *answered,
            user_message(text_block("Go on.\n"), text_block("  "), cache_point()),
        ),
        (ToolSpec("fs_read", "Reads.", SCHEMA),),
        "any",
        1000,
    )


def both_ways(bedrock, answer: b.Answer) -> list[tuple[list, list[b.Received]]]:
    """Return what came back, and the ledger, over HTTP and by a call."""
    seen = []
    for over_http in (True, False):
        server = bedrock(lambda received: answer, over_http=over_http)
        provider = Providers(Settings().models, scrub=str, stopped=lambda seconds: False)
        told: list[object] = []
        reply, begun = Reply(""), partial(told.append, "first")
        for _ in range(2):
            request = conversation(reply, MODEL)
            try:
                reply = provider.get(MODEL).ask(KEY, request, begun)
            except Exception as error:  # noqa: BLE001 - each is told
                told.append((type(error).__name__, str(error)))
            else:
                told.append(replace(reply, seconds=0.0))
        while not all(received.ended_at for received in server.ledger):
            time.sleep(0.001)  # the server is not done with a reply when the client has it
        seen.append((told, server.ledger))
    return seen


@pytest.mark.parametrize("answer", [*ANSWERS.values(), *ERRORS.values()], ids=[*ANSWERS, *ERRORS])
def test_both_ways_are_the_same(bedrock, answer):
    (told, sent), (told_inside, sent_inside) = both_ways(bedrock, answer)
    assert told_inside == told
    assert [r.body for r in sent_inside] == [r.body for r in sent]
    for name in ("operation", "model", "digest", "usage", "status", "complete", "number"):
        assert [getattr(r, name) for r in sent_inside] == [getattr(r, name) for r in sent], name


def test_who_is_somebody_else_or_asks_elsewhere_goes_over_http(bedrock, monkeypatch):
    server = bedrock(lambda received: "hello", over_http=False)
    inside = open_session(Settings().models).client("bedrock-runtime")
    assert type(inside).__module__ == "support.bedrock_inside"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of somebody else")
    assert hasattr(open_session(Settings().models).client("bedrock-runtime"), "exceptions")
    assert server.ledger == []
