"""Read what LangChain streamed back as our reply, without repairing what the model wrote."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reviewloop.models.messages import (
    CHARS_PER_TOKEN,
    Block,
    ModelRequest,
    Reply,
    ToolCall,
    Usage,
    call_block,
    estimated_tokens,
    parse_arguments,
    text_block,
)

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

_BYTES = "$base64"
_THOUGHTS = {"reasoning_content", "thinking", "redacted_thinking", "reasoning"}
_STOP_REASONS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "length": "max_tokens",
    "max_output_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "content_filter": "content_filtered",
    "guardrail_intervened": "content_filtered",
    "safety": "content_filtered",
    "malformed_model_output": "malformed",
    "malformed_tool_use": "malformed",
    "malformed_function_call": "malformed",
}


def read_reply(message: "AIMessage", request: ModelRequest) -> Reply:
    """Return a LangChain message as our reply; usage is estimated when the provider gave none."""
    calls = tuple(_tool_calls(message))
    text = _text(message)
    usage = _usage(message)
    if usage is None:
        size = len(text) + sum(len(call.raw) or len(json.dumps(call.args)) for call in calls)
        usage = Usage(estimated_tokens(request), max(1, size // CHARS_PER_TOKEN), estimated=True)
    stop = _stop_reason(message.response_metadata, bool(calls))
    content = tuple(_blocks_in_order(message, calls, request.model))
    thought = any(block["type"] == "reasoning" for block in content)
    return Reply(text, calls, stop, usage, content=content if thought else ())


def _blocks_in_order(
    message: "AIMessage", calls: tuple[ToolCall, ...], model: str
) -> Iterator[Block]:
    left = list(calls)
    for block in message.content if isinstance(message.content, list) else ():
        if isinstance(block, str) or block.get("type") == "text":
            said = block if isinstance(block, str) else str(block.get("text", ""))
            if said.strip():
                yield text_block(said)
        elif block.get("type") in _THOUGHTS:
            data = {name: value for name, value in block.items() if name != "index"}
            yield {"type": "reasoning", "model": model, "data": to_plain(data)}
        elif block.get("type") == "tool_use" and left:
            yield call_block(left.pop(0))
    yield from (call_block(call) for call in left)


def to_plain(value: Any) -> Any:
    """Return a provider's block as JSON-plain values; encrypted thoughts are bytes."""
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode("ascii")}
    if isinstance(value, Mapping):
        return {name: to_plain(item) for name, item in value.items()}
    return [to_plain(item) for item in value] if isinstance(value, list) else value


def from_plain(value: Any) -> Any:
    """Undo `to_plain`."""
    if isinstance(value, Mapping):
        if set(value) == {_BYTES}:
            return base64.b64decode(value[_BYTES])
        return {name: from_plain(item) for name, item in value.items()}
    return [from_plain(item) for item in value] if isinstance(value, list) else value


def _text(message: "AIMessage") -> str:
    if isinstance(message.content, str):
        return message.content
    parts = []
    for block in message.content:
        if isinstance(block, str):
            parts.append(block)
        elif block.get("type") == "text":
            parts.append(str(block.get("text", "")))
    return "".join(parts)


def _tool_calls(message: "AIMessage") -> Iterator[ToolCall]:
    # The raw pieces, not LangChain's tool_calls: it completes cut-off JSON by guessing.
    pieces = getattr(message, "tool_call_chunks", None)
    if pieces:
        for number, piece in enumerate(pieces):
            raw = piece.get("args") or ""
            args, problem = parse_arguments(raw)
            yield ToolCall(
                id=piece.get("id") or f"call-{number}",
                name=piece.get("name") or "",
                args=args,
                raw=raw if args is None else "",
                error=problem,
            )
        return
    for number, call in enumerate(message.tool_calls):
        yield ToolCall(call["id"] or f"call-{number}", call["name"], dict(call["args"]))
    for number, broken in enumerate(message.invalid_tool_calls):
        yield ToolCall(
            id=broken["id"] or f"broken-{number}",
            name=broken["name"] or "",
            args=None,
            raw=str(broken["args"] or ""),
            error=broken["error"] or "not valid JSON",
        )


def _usage(message: "AIMessage") -> Usage | None:
    counted = message.usage_metadata
    if not counted:
        return None
    details: Mapping[str, Any] = counted.get("input_token_details") or {}
    read = int(details.get("cache_read") or 0)
    written = sum(
        int(details.get(name) or 0)
        for name in ("cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
    )
    fresh = max(0, counted["input_tokens"] - read - written)
    return Usage(fresh, counted["output_tokens"], read, written)


def _stop_reason(metadata: Mapping[str, Any], has_calls: bool) -> str:
    names = ("stopReason", "stop_reason", "finish_reason", "done_reason")
    incomplete = metadata.get("incomplete_details")  # OpenAI's responses
    if isinstance(incomplete, Mapping) and incomplete.get("reason"):
        metadata = {"stop_reason": incomplete["reason"]}
    said = str(next((metadata[name] for name in names if metadata.get(name)), "end_turn")).lower()
    reason = _STOP_REASONS.get(said, said)
    return "tool_use" if has_calls and reason == "end_turn" else reason
