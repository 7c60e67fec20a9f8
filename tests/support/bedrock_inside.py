"""Asks the stand-in for Bedrock of this process by a call instead of over HTTP.

Signing a request, sending it, and taking a stream of events apart cost thirty milliseconds of CPU a
turn, and a pair of clients seventy. A test that is about something else gets the same events from
the same server without them: what LangChain hands to its client is what the server is asked, and
`tests/llm/test_stand_in.py` holds both ways against each other. What goes wrong (errors, replies
that break off or stall) still travels: then the real client asks.
"""

import base64
import json
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
from support.bedrock_answers import Answer, stop_reason
from support.bedrock_ledger import MOST_POINTS, Received, now, points

if TYPE_CHECKING:
    from support.bedrock import BedrockServer

KEY = "stand-in"
_ENDPOINTS = {
    "bedrock-runtime": "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "bedrock": "AWS_ENDPOINT_URL_BEDROCK",
}
_servers: dict[str, "BedrockServer"] = {}


def answer_inside(server: "BedrockServer") -> None:
    """Let clients that this process makes for the address of a server ask it by a call."""
    _servers[server.url] = server


def answer_no_more(server: "BedrockServer") -> None:
    """Undo `answer_inside`."""
    _servers.pop(server.url, None)


class _Session:
    """What `boto3.Session` is called for; the real one is made when it is needed."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._made: Any = None

    def client(self, service: str, **options: Any) -> Any:
        address = options.get("endpoint_url") or os.environ.get(_ENDPOINTS.get(service, ""), "")
        server = _servers.get(address)
        if server is None or not self._signs_in_plainly():
            return self._real().client(service, **options)
        return _Client(server, self._region(), lambda: self._real().client(service, **options))

    def _signs_in_plainly(self) -> bool:
        given = {name for name, value in self._options.items() if value}
        return given <= {"region_name"} and os.environ.get("AWS_ACCESS_KEY_ID") == KEY

    def _region(self) -> str:
        return str(self._options.get("region_name") or os.environ["AWS_DEFAULT_REGION"])

    def _real(self) -> Any:
        if self._made is None:
            self._made = _RealSession(**self._options)
        return self._made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)


_RealSession = boto3.Session
boto3.Session = _Session  # type: ignore[misc, assignment]


class _Meta:
    def __init__(self, region: str) -> None:
        self.region_name = region


class _Client:
    """A client of `bedrock-runtime` or `bedrock`, as far as LangChain's model and ours use it."""

    def __init__(self, server: "BedrockServer", region: str, real: Callable[[], Any]) -> None:
        self.meta = _Meta(region)
        self._server = server
        self._real = real
        self._made: Any = None

    def converse_stream(self, **asked: Any) -> dict[str, Any]:
        server = self._server
        body = json.loads(json.dumps(asked, default=_as_sent))
        received = server.take("converse-stream", body.pop("modelId"), body)
        answer = server.answer_to(received)
        if _goes_wrong(answer) or points(body) > MOST_POINTS:
            server.answer_over_http(received, answer)
            response: dict[str, Any] = self.__getattr__("converse_stream")(**asked)
            return response
        received.usage = server.cache.usage(received.model, body, _output(answer))
        received.status = 200
        server.wait(answer.first_byte or 0.0)
        server.cache.remember(received.model, body)
        received.first_sent_at = now()
        return {
            "ResponseMetadata": {"HTTPStatusCode": 200},
            "stream": _told(server, received, answer),
        }

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._real()
        return getattr(self._made, name)


def _told(server: "BedrockServer", received: Received, answer: Answer) -> Iterator[dict[str, Any]]:
    """Yield the events of a reply, each block as one piece."""
    try:
        yield {"messageStart": {"role": "assistant"}}
        server.wait((answer.seconds or 0.0) - (answer.first_byte or 0.0))
        for index, block in enumerate(answer.blocks):
            place = {"contentBlockIndex": index}
            if "tool" in block:
                use = {
                    "toolUseId": block["id"] or f"use-{received.number}-{index}",
                    "name": block["tool"],
                }
                yield {"contentBlockStart": {"start": {"toolUse": use}, **place}}
                delta: dict[str, Any] = {"toolUse": {"input": block["raw"]}}
            else:
                delta = {"text": block["text"]}
            yield {"contentBlockDelta": {"delta": delta, **place}}
            yield {"contentBlockStop": place}
        yield {"messageStop": {"stopReason": stop_reason(answer)}}
        if answer.usage:
            yield {"metadata": {"usage": {**received.usage}, "metrics": {"latencyMs": 1}}}
        received.complete = True
    finally:
        received.ended_at = now()


def _goes_wrong(answer: Answer) -> bool:
    """Whether a reply is about its way here: refused, broken off, stalled, or thought aloud."""
    broken = (answer.cut_after, answer.end_after, answer.stall_after)
    thinks = any("thought" in block for block in answer.blocks)
    return (
        answer.status != 200
        or bool(answer.error or answer.instead)
        or broken != (None, None, None)
        or thinks
    )


def _output(answer: Answer) -> int:
    size = sum(len(json.dumps(block)) for block in answer.blocks)
    return max(1, size // 4) if answer.output_tokens is None else answer.output_tokens


def _as_sent(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")
