"""A stand-in for OpenAI, Anthropic and Ollama on 127.0.0.1, beside Bedrock's, with its answers.

Requests in the form of OpenAI's chat completions, OpenAI's responses or Anthropic's messages are
read as Bedrock's, so that the same parts play them; each client is answered in its own protocol.

    with ModelServer(lambda request: reply("hello")) as server:
        subprocess.run([...], env={**os.environ, **server.openai()})
"""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

from support.bedrock import BedrockServer, Received
from support.bedrock_answers import Answer, stop_reason
from support.bedrock_http import Gone, Handler
from support.bedrock_ledger import now

KEY = "sk-of-the-stand-in"
_LOCAL = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


class ModelServer(BedrockServer):
    """Answers in four protocols; `models` are those it lists, `keyless` servers ask for no key."""

    def __init__(
        self, answer: Callable[[Received], Any], *, models: tuple[str, ...] = (), **options: Any
    ) -> None:
        self.models = models
        self.keyless = False
        self.refused = 0  # requests with a wrong key
        self.handler = _AnyHandler
        super().__init__(answer, **options)

    def openai(self, key: str = KEY) -> dict[str, str]:
        """Return the environment with which OpenAI's client asks this server."""
        return {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": f"{self.url}/v1", **_LOCAL}

    def anthropic(self, key: str = KEY) -> dict[str, str]:
        """Return the environment with which Anthropic's client asks this server."""
        return {"ANTHROPIC_API_KEY": key, "ANTHROPIC_BASE_URL": self.url, **_LOCAL}


class _AnyHandler(Handler):
    streams = "text/event-stream"
    server: Any

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path not in ("/v1/models", "/api/tags"):
            super().do_GET()
            return
        self.server.bedrock.other.append(path)
        listed = self.server.bedrock.models
        if path == "/api/tags":
            self._json(200, {"models": [{"name": name} for name in listed]})
        elif self._is_let_in():
            self._json(200, {"data": [{"id": name, "object": "model"} for name in listed]})

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        if path not in _READ:
            super().do_POST()
            return
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        if not self._is_let_in():
            return
        received = self.server.bedrock.take(path, body["model"], _READ[path](body))
        received.sent = body
        try:
            self._answer_in(received)
        except (OSError, Gone):
            self.close_connection = True
        finally:
            received.ended_at = now()

    def _is_let_in(self) -> bool:
        given = self.headers.get("x-api-key") or self.headers.get("authorization") or ""
        if self.server.bedrock.keyless or given.removeprefix("Bearer ") == KEY:
            return True
        self.server.bedrock.refused += 1
        self._json(401, _error("authentication_error", "Incorrect API key provided"))
        return False

    def _answer_in(self, received: Received) -> None:
        answer = self.server.bedrock.answer_to(received)
        if self._answers_otherwise(answer):
            return
        if answer.status != 200:
            received.status, received.complete = answer.status, True
            self._json(answer.status, _error(answer.error, answer.message), answer.headers)
            return
        size = sum(len(json.dumps(block)) for block in answer.blocks)
        usage = self.server.bedrock.cache.usage(received.model, received.body, max(1, size // 4))
        received.usage, received.status = usage, 200
        written = {"/v1/responses": _as_responses, "/v1/messages": _as_anthropic}
        made = written.get(received.operation, _as_openai)
        self._events(received, answer, list(made(answer, received, usage)))

    def _events(self, received: Received, answer: Answer, events: list[bytes]) -> None:
        self._wait(answer.first_byte or 0.0)
        if answer.stall_after == 0:
            self._wait(answer.stall)
        self.send_response(200)
        self.send_header("content-type", self.streams)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for index, data in enumerate(events):
            if index == answer.cut_after:
                self.connection.shutdown(socket.SHUT_RDWR)
                raise Gone
            if index == answer.end_after:
                if answer.error:
                    name = "" if received.operation == "/v1/chat/completions" else "error"
                    self._chunk(_event(_error(answer.error, answer.message), name))
                self._chunk(b"")
                return
            if index and index == answer.stall_after:
                self._wait(answer.stall)
            if index == 0:
                received.first_sent_at = now()
            self._chunk(data)
        self._chunk(b"")
        received.complete = True


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message, "code": kind}}


def _event(body: Any, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(body)}\n\n".encode()


def _as_openai(answer: Answer, received: Received, usage: dict[str, int]) -> Iterator[bytes]:
    def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
        choices = [] if more else [{"index": 0, "delta": delta, "finish_reason": reason}]
        head = {"id": f"chat-{received.number}", "object": "chat.completion.chunk", "created": 1}
        return _event({**head, "model": received.model, "choices": choices, **more})

    yield chunk({"role": "assistant", "content": ""})
    calls = 0
    for block in answer.blocks:
        if "tool" in block:
            ident = block["id"] or f"call-{received.number}-{calls}"
            function = {"name": block["tool"], "arguments": ""}
            call = {"index": calls, "id": ident, "type": "function", "function": function}
            yield chunk({"tool_calls": [call]})
            piece = {"index": calls, "function": {"arguments": block["raw"]}}
            yield chunk({"tool_calls": [piece]})
            calls += 1
        elif "text" in block:
            yield chunk({"content": block["text"]})
    reasons = {"tool_use": "tool_calls", "end_turn": "stop", "max_tokens": "length"}
    reasons["content_filtered"] = "content_filter"
    yield chunk({}, reasons.get(stop_reason(answer), "stop"))
    sent: dict[str, Any] = received.sent  # type: ignore[attr-defined]
    if answer.usage and sent.get("stream_options", {}).get("include_usage"):
        prompt = usage["totalTokens"] - usage["outputTokens"]
        counted = {"prompt_tokens": prompt, "completion_tokens": usage["outputTokens"]}
        yield chunk({}, usage={**counted, "total_tokens": usage["totalTokens"]})
    yield b"data: [DONE]\n\n"


def _as_responses(answer: Answer, received: Received, usage: dict[str, int]) -> Iterator[bytes]:
    def event(kind: str, **more: Any) -> bytes:
        return _event({"type": kind, "sequence_number": 1, **more}, kind)

    response: dict[str, Any] = {"id": f"resp-{received.number}", "object": "response"}
    response |= {"model": received.model, "created_at": 1, "status": "in_progress", "output": []}
    yield event("response.created", response=response)
    output = []
    for index, block in enumerate(answer.blocks):
        place = {"output_index": index, "item_id": f"item-{received.number}-{index}"}
        item: dict[str, Any] = {"id": place["item_id"], "status": "completed"}
        if "tool" in block:
            ident = block["id"] or f"call-{received.number}-{index}"
            item |= {"type": "function_call", "name": block["tool"], "call_id": ident}
            begun, item = {**item, "arguments": ""}, {**item, "arguments": block["raw"]}
            deltas = [event("response.function_call_arguments.delta", delta=block["raw"], **place)]
        elif "thought" in block:
            item |= {"type": "reasoning", "summary": [], "encrypted_content": block["signature"]}
            begun, deltas = item, []
        else:
            part = {"type": "output_text", "text": block["text"], "annotations": []}
            item |= {"type": "message", "role": "assistant", "content": [part]}
            begun, inside = {**item, "content": []}, {**place, "content_index": 0}
            empty = {**part, "text": ""}
            deltas = [
                event("response.content_part.added", part=empty, **inside),
                event("response.output_text.delta", delta=block["text"], **inside),
                event("response.output_text.done", text=block["text"], **inside),
            ]
        yield event("response.output_item.added", output_index=index, item=begun)
        yield from deltas
        yield event("response.output_item.done", output_index=index, item=item)
        output.append(item)
    counted: dict[str, Any] = {
        "input_tokens": usage["totalTokens"] - usage["outputTokens"],
        "output_tokens": usage["outputTokens"],
        "total_tokens": usage["totalTokens"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    ended = {**response, "output": output, "usage": counted}
    cut = {"max_tokens": "max_output_tokens", "content_filtered": "content_filter"}
    if reason := cut.get(stop_reason(answer)):
        ended |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
        yield event("response.incomplete", response=ended)
    else:
        yield event("response.completed", response={**ended, "status": "completed"})


def _as_anthropic(answer: Answer, received: Received, usage: dict[str, int]) -> Iterator[bytes]:
    def event(kind: str, **more: Any) -> bytes:
        return _event({"type": kind, **more}, kind)

    message: dict[str, Any] = {"id": f"msg-{received.number}", "type": "message"}
    message["role"] = "assistant"
    counted = {"input_tokens": usage["inputTokens"], "output_tokens": 1}
    message |= {"model": received.model, "content": [], "stop_reason": None, "usage": counted}
    yield event("message_start", message=message)
    for index, block in enumerate(answer.blocks):
        if "tool" in block:
            ident = block["id"] or f"toolu-{received.number}-{index}"
            start = {"type": "tool_use", "id": ident, "name": block["tool"], "input": {}}
            delta = {"type": "input_json_delta", "partial_json": block["raw"]}
        else:
            start = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block.get("text", "")}
        yield event("content_block_start", index=index, content_block=start)
        yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    ended = {"stop_reason": stop_reason(answer), "stop_sequence": None}
    counted |= {"output_tokens": usage["outputTokens"]}
    yield event("message_delta", delta=ended, usage=counted)
    yield event("message_stop")


def _from_openai(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request of OpenAI's form in Bedrock's."""
    system, messages = [], []
    for message in body["messages"]:
        said = _texts(message.get("content"))
        if message["role"] in ("system", "developer"):
            system += said
        elif message["role"] == "tool":
            result = {"toolUseId": message["tool_call_id"], "content": said}
            messages.append({"role": "user", "content": [{"toolResult": result}]})
        else:
            uses = [_use(call) for call in message.get("tool_calls") or ()]
            messages.append({"role": message["role"], "content": said + uses})
    functions = [tool["function"] for tool in body.get("tools") or ()]
    return _request(system, messages, functions, "parameters")


def _from_responses(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request of OpenAI's newer form in Bedrock's."""
    system, messages = [], []
    for item in body["input"]:
        kind = item.get("type", "message")
        if kind == "function_call":
            use = {"name": item["name"], "input": json.loads(item["arguments"] or "{}")}
            said = [{"toolUse": {"toolUseId": item["call_id"], **use}}]
            messages.append({"role": "assistant", "content": said})
        elif kind == "function_call_output":
            output = item["output"]
            content = [{"text": output}] if isinstance(output, str) else _texts(output)
            result = {"toolUseId": item["call_id"], "content": content}
            messages.append({"role": "user", "content": [{"toolResult": result}]})
        elif kind == "reasoning":
            signed = {"text": "", "signature": item["encrypted_content"]}
            thought = {"reasoningContent": {"reasoningText": signed}}
            messages.append({"role": "assistant", "content": [thought]})
        elif item["role"] in ("system", "developer"):
            system += _texts(item["content"])
        else:
            messages.append({"role": item["role"], "content": _texts(item["content"])})
    return _request(system, messages, body.get("tools") or [], "parameters")


def _from_anthropic(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request of Anthropic's form in Bedrock's."""
    messages = []
    for message in body["messages"]:
        content: list[dict[str, Any]] = []
        blocks = message["content"]
        for block in [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks:
            if block["type"] == "text":
                content.append({"text": block["text"]})
            elif block["type"] == "tool_use":
                use = {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}
                content.append({"toolUse": use})
            elif block["type"] == "tool_result":
                result = {"toolUseId": block["tool_use_id"], "content": _texts(block["content"])}
                content.append({"toolResult": result})
        messages.append({"role": message["role"], "content": content})
    return _request(_texts(body.get("system")), messages, body.get("tools") or [], "input_schema")


def _request(
    system: list[Any], messages: list[Any], functions: list[Any], schema: str
) -> dict[str, Any]:
    merged: list[dict[str, Any]] = []
    for message in messages:
        if merged and merged[-1]["role"] == message["role"]:
            merged[-1]["content"] += message["content"]
        else:
            merged.append(message)
    tools = [
        {
            "toolSpec": {
                "name": tool["name"],
                "description": tool.get("description", ""),
                "inputSchema": {"json": tool.get(schema, {})},
            }
        }
        for tool in functions
    ]
    return {"system": system, "messages": merged, "toolConfig": {"tools": tools}}


def _use(call: dict[str, Any]) -> dict[str, Any]:
    args = json.loads(call["function"]["arguments"] or "{}")
    return {"toolUse": {"toolUseId": call["id"], "name": call["function"]["name"], "input": args}}


def _texts(content: Any) -> list[dict[str, str]]:
    if isinstance(content, str):
        return [{"text": content}] if content else []
    kinds = ("text", "input_text", "output_text")
    return [{"text": part["text"]} for part in content or () if part.get("type") in kinds]


_READ: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "/v1/chat/completions": _from_openai,
    "/v1/responses": _from_responses,
    "/v1/messages": _from_anthropic,
}
