"""Asks a model through LangChain: our messages in, one streamed reply out, never repaired."""

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reviewloop.domain.errors import ModelSetupError
from reviewloop.llm.bedrock import BedrockClients, takes_cache_points
from reviewloop.llm.found_providers import key_of, missing_key, own_address
from reviewloop.llm.installing import install_advice, package_problem
from reviewloop.llm.messages import (
    CHARS_PER_TOKEN,
    Block,
    Message,
    ModelRequest,
    Reply,
    ToolCall,
    ToolSpec,
    Usage,
    call_block,
    estimate_tokens,
    parse_arguments,
    text_block,
)
from reviewloop.llm.provider_table import BEDROCK, KNOWN, OLLAMA, OPENAI, Provider
from reviewloop.llm.routing import added_provider, names_a_model, split_model
from reviewloop.llm.trouble import provider_errors
from reviewloop.plugins import Plugin
from reviewloop.settings import Models as ModelSettings
from reviewloop.store.journal import CallKey

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

_BYTES = "$base64"
_THOUGHTS = {"reasoning_content", "thinking", "redacted_thinking", "reasoning"}
_STOP_REASONS = {
    "stop": "end_turn",
    "completed": "end_turn",
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
        usage = Usage(estimate_tokens(request), max(1, size // CHARS_PER_TOKEN), estimated=True)
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
            text = block if isinstance(block, str) else str(block.get("text", ""))
            if text.strip():
                yield text_block(text)
        elif block.get("type") in _THOUGHTS:
            data = {name: value for name, value in block.items() if name != "index"}
            yield {"type": "reasoning", "model": model, "data": to_plain(data)}
        elif block.get("type") == "tool_use" and left:
            yield call_block(left.pop(0))
    yield from (call_block(call) for call in left)


def to_plain(value: Any) -> Any:
    """Return a provider's block as JSON-plain values; encrypted reasoning is bytes."""
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


def _ending(metadata: Mapping[str, Any]) -> str:
    """Return the provider's reason for the end of a reply; "" if it gives none."""
    incomplete = metadata.get("incomplete_details")  # OpenAI's responses
    if isinstance(incomplete, Mapping) and incomplete.get("reason"):
        return str(incomplete["reason"])
    names = ("stopReason", "stop_reason", "finish_reason", "done_reason", "status")
    return next((str(metadata[name]) for name in names if metadata.get(name)), "")


def _stop_reason(metadata: Mapping[str, Any], has_calls: bool) -> str:
    given = _ending(metadata).lower() or "end_turn"
    reason = _STOP_REASONS.get(given, given)
    return "tool_use" if has_calls and reason == "end_turn" else reason


_MOST_CACHE_POINTS = 4
_CACHE_CONTROL = {"cache_control": {"type": "ephemeral"}}
_OLLAMA_CONTEXT = 65_536  # tokens; Ollama's default of some thousand silently truncates prompts
_RESPONSES_ONLY = "gpt-6"
_NOTHING_READ = "No generation chunks"  # LangChain has no class for it
_NAME_THEIR_END = {OPENAI, "anthropic"}
_CACHE_CONTROL_PROVIDERS = {"anthropic", "anthropic_bedrock", "google_anthropic_vertex"}


class LangChainProvider:
    """One model of one provider; the chat model is created at the first call."""

    def __init__(
        self, provider: str, ident: str, settings: ModelSettings, clients: BedrockClients
    ) -> None:
        self._provider = provider
        self._ident = ident
        self._settings = settings
        self._clients = clients
        self._lock = threading.Lock()
        self._made: BaseChatModel | None = None

    def ask(self, key: CallKey, request: ModelRequest, on_first: Callable[[], None]) -> Reply:
        """Stream one reply; raise whatever the provider's library raises."""
        started = time.monotonic()
        model = self._bound(self._model(request.max_tokens), _with_tools_of_history(request))
        chunks: list[Any] = []
        stream = model.stream(self._messages(request))
        if added_provider(self._provider):
            stream = _translate_errors(stream)
        for chunk in _whole_stream(stream):
            if not chunks:
                on_first()
            chunks.append(chunk)
        whole = chunks[0] if len(chunks) == 1 else chunks[0] + chunks[1:]
        if self._names_its_end and not _ending(whole.response_metadata):
            raise ConnectionError("the reply ended before its end")
        reply = read_reply(whole, request)
        name = f"{self._provider}:{self._ident}"
        return replace(reply, model=name, seconds=time.monotonic() - started)

    @property
    def _names_its_end(self) -> bool:
        """Whether a reply without a reason for its end was cut off; Bedrock's client checks
        itself.
        """
        known = KNOWN.get(self._provider)
        return known is not None and (known.client or known.name) in _NAME_THEIR_END

    def warm_up(self) -> None:
        """Import the libraries and create the chat model."""
        self._model(self._settings.max_output_tokens)

    def _model(self, max_tokens: int) -> "BaseChatModel":
        with self._lock:
            if self._made is None:
                self._made = (
                    self._clients.chat_model(self._ident, max_tokens)
                    if self._provider == BEDROCK
                    else _other_model(self._provider, self._ident, self._settings, max_tokens)
                )
            return self._made

    def _bound(self, model: "BaseChatModel", request: ModelRequest) -> Any:
        if self._provider == BEDROCK:
            extra: dict[str, Any] = {"max_tokens": request.max_tokens}
            if request.tools:
                # Passed in Bedrock's own form: LangChain's conversion would rename schema keys.
                extra["tools"] = [_bedrock_tool(tool) for tool in request.tools]
                supported = getattr(model, "supports_tool_choice_values", None) or ()
                choice = _supported_choice(request, supported)
                if choice:
                    extra["tool_choice"] = choice
            return model.bind(**extra)
        if not request.tools:
            return model
        tools = [_openai_tool(tool) for tool in request.tools]
        if request.tool_choice in (None, "auto"):
            return model.bind_tools(tools)
        try:
            return model.bind_tools(tools, tool_choice=request.tool_choice)
        except (ValueError, TypeError, NotImplementedError):  # not every class supports a choice
            return model.bind_tools(tools)

    def _messages(self, request: ModelRequest) -> "list[BaseMessage]":
        from langchain_core.messages import SystemMessage

        converted: list[BaseMessage] = [SystemMessage(request.system)] if request.system else []
        for message in self._with_allowed_cache_points(request.messages):
            converted.extend(self._converted(message))
        return converted

    def _converted(self, message: Message) -> "Iterator[BaseMessage]":
        from langchain_core.messages import HumanMessage, ToolMessage

        if message["role"] == "assistant":
            yield self._assistant(message)
            return
        blocks: list[Any] = []
        results: list[tuple[Block, list[Any]]] = []
        for block in message["content"]:
            if block["type"] == "tool_result":
                text = {"type": "text", "text": block["text"] or "(nothing)"}
                results.append((block, [text]))
            elif block["type"] == "cache_point":
                self._mark(results[-1][1] if results and not blocks else blocks)
            elif block["text"].strip():
                blocks.append({"type": "text", "text": block["text"]})
        for block, content in results:
            status = "error" if block["error"] else "success"
            yield ToolMessage(content=content, tool_call_id=block["id"], status=status)
        if blocks:
            yield HumanMessage(content=blocks)

    def _assistant(self, message: Message) -> "AIMessage":
        from langchain_core.messages import AIMessage

        blocks: list[Any] = []
        calls: list[Any] = []
        thought = False
        for block in message["content"]:
            if block["type"] == "reasoning" and self._is_own(block["model"]):
                blocks.append(from_plain(block["data"]))
                thought = True
            elif block["type"] == "text" and block["text"].strip():
                blocks.append({"type": "text", "text": block["text"]})
            elif block["type"] == "tool_call":
                call = {"id": block["id"], "name": block["name"], "args": block["args"] or {}}
                calls.append(call)
                if thought:  # reasoning may be between calls, so calls need their position too
                    blocks.append(
                        {
                            "type": "tool_use",
                            "id": call["id"],
                            "name": call["name"],
                            "input": call["args"],
                        }
                    )
        return AIMessage(content=blocks or ("" if calls else "(no answer)"), tool_calls=calls)

    def _is_own(self, name: str) -> bool:
        """Whether the model name of a reply is this model in another spelling."""
        return names_a_model(name) and split_model(name) == (self._provider, self._ident)

    def _mark(self, content: list[Any]) -> None:
        """Add a cache point after `content`, in the provider's form."""
        if self._provider == BEDROCK:
            content.append({"cachePoint": {"type": "default"}})
        elif content:
            content[-1] = {**content[-1], **_CACHE_CONTROL}

    def _with_allowed_cache_points(self, messages: tuple[Message, ...]) -> list[Message]:
        """Drop cache points the model would reject; of too many keep the first and the latest."""
        allowed = self._settings.cache and (
            takes_cache_points(self._ident)
            if self._provider == BEDROCK
            else self._provider in _CACHE_CONTROL_PROVIDERS
        )
        total = sum(b["type"] == "cache_point" for m in messages for b in m["content"])
        kept: list[Message] = []
        seen = 0
        for message in messages:
            content = []
            for block in message["content"]:
                if block["type"] == "cache_point":
                    seen += 1
                    if not allowed or 1 < seen <= total - _MOST_CACHE_POINTS + 1:
                        continue
                content.append(block)
            kept.append({**message, "content": content})
        return kept


def _whole_stream(stream: Iterator[Any]) -> Iterator[Any]:
    """Yield a reply; an empty one was cut off, which LangChain reports as a bad value."""
    begun = False
    try:
        for chunk in stream:
            begun = True
            yield chunk
    except ValueError as error:
        if begun or _NOTHING_READ not in str(error):
            raise
        raise ConnectionError("nothing of the reply can be read") from error
    if not begun:
        raise ConnectionError("the reply ended before it began")


def _translate_errors(stream: Iterator[Any]) -> Iterator[Any]:
    """Yield a reply of a third-party provider; its own kinds of errors become ours."""
    try:
        yield from stream
    except provider_errors():
        raise
    except Exception as error:  # its libraries are unknown
        raise ConnectionError(f"{type(error).__name__}: {error}") from error


def _other_model(
    provider: str, ident: str, settings: ModelSettings, max_tokens: int
) -> "BaseChatModel":
    if added := added_provider(provider):
        return _added_model(added, ident, settings, max_tokens)
    from langchain.chat_models import init_chat_model

    arguments: dict[str, Any] = {
        "max_tokens": max_tokens,
        "max_retries": 0,
        "timeout": settings.read_timeout_seconds,
    }
    known = KNOWN.get(provider)
    if known:
        _require_set_up(known, f"{provider}:{ident}", settings)
        arguments |= _reached(known, ident, settings)
    client = known.client if known and known.client else provider
    try:
        try:
            model: BaseChatModel = init_chat_model(ident, model_provider=client, **arguments)
        except TypeError:  # a class without these options uses its own defaults
            model = init_chat_model(ident, model_provider=client)
    except ImportError as error:
        why = str(error).partition(". ")[0]  # without advice for an environment of another kind
        raise ModelSetupError(
            f"{provider}:{ident} needs a package that is not installed ({why}); "
            f"{install_advice(f'langchain-{provider}')}"
        ) from error
    return model


def _added_model(
    plugin: Plugin, ident: str, settings: ModelSettings, max_tokens: int
) -> "BaseChatModel":
    """Return the chat model of a third-party distribution."""
    from langchain_core.language_models import BaseChatModel

    make = plugin.load()
    if not callable(make):
        plugin.fail(TypeError(f"{plugin.reference} is no function"))
    seconds = settings.read_timeout_seconds
    made: object = plugin.shield(make)(ident, max_tokens=max_tokens, timeout=seconds)
    if not isinstance(made, BaseChatModel):
        plugin.fail(TypeError(f"{plugin.reference} gives no BaseChatModel"))
    return made


def _require_set_up(provider: Provider, model: str, settings: ModelSettings) -> None:
    """Raise `ModelSetupError` if the provider's package or key is missing."""
    problem, advice = package_problem(provider)
    if problem:
        raise ModelSetupError(f"{model} cannot be asked: {problem}; {advice}")
    if problem := missing_key(provider, settings, os.environ):
        raise ModelSetupError(f"{model} cannot be asked: {problem}")


def _reached(provider: Provider, ident: str, settings: ModelSettings) -> dict[str, Any]:
    """Return the client's options for its provider beyond the environment."""
    own = own_address(provider, settings, os.environ)
    key = os.environ.get(key_of(provider, os.environ), "")
    if provider.client == OPENAI or provider.name == OPENAI:
        # Servers of other makers count tokens only on request.
        reached: dict[str, Any] = {"stream_usage": True}
        if provider.name == OPENAI and ident.startswith(_RESPONSES_ONLY):
            # It supports tools only there. Nothing stays at the provider, so reasoning is sent
            # along.
            encrypted = ["reasoning.encrypted_content"]
            reached |= {"use_responses_api": True, "store": False, "include": encrypted}
        elif own or provider.client:
            reached["use_responses_api"] = False  # other servers implement the older interface
        if own or provider.client:
            reached["base_url"] = own or provider.address
        return reached | {"api_key": key or "none"}  # the user's own server may need no key
    if provider.name == OLLAMA:
        return {"base_url": own or provider.address, "num_ctx": _OLLAMA_CONTEXT}
    return {"api_key": key}


def _with_tools_of_history(request: ModelRequest) -> ModelRequest:
    """Offer the tools that the history calls even if none are offered now.

    Without any, LangChain rewrites the history's tool calls as prose, which models then imitate.
    """
    if request.tools:
        return request
    blocks = [block for message in request.messages for block in message["content"]]
    names = dict.fromkeys(block["name"] for block in blocks if block["type"] == "tool_call")
    tools = tuple(ToolSpec(name, name, {"type": "object"}) for name in names)
    return replace(request, tools=tools)


def _supported_choice(request: ModelRequest, supported: tuple[str, ...]) -> dict[str, Any] | None:
    choice = request.tool_choice
    if choice is None:
        return None
    if choice not in ("auto", "any") and "tool" in supported:
        return {"tool": {"name": choice}}
    return {"any": {}} if choice != "auto" and "any" in supported else None


def _bedrock_tool(tool: ToolSpec) -> dict[str, Any]:
    described = tool.description or tool.name
    schema = {"json": dict(tool.schema)}
    return {"toolSpec": {"name": tool.name, "description": described, "inputSchema": schema}}


def _openai_tool(tool: ToolSpec) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.schema),
    }
    return {"type": "function", "function": function}
