"""Ask a model through LangChain: our messages in, one streamed reply out."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reviewloop.domain.errors import ModelSetupError
from reviewloop.models.bedrock import BedrockClients, takes_cache_points
from reviewloop.models.found import key_of, missing_key, own_address
from reviewloop.models.installing import install_advice, package_problem
from reviewloop.models.langchain_reply import from_plain, read_reply
from reviewloop.models.messages import (
    Message,
    ModelRequest,
    Reply,
    ToolSpec,
)
from reviewloop.models.provider_table import BEDROCK, KNOWN, OLLAMA, OPENAI, Provider
from reviewloop.models.routing import names_a_model, split_model
from reviewloop.settings import Models as ModelSettings
from reviewloop.store.journal import CallKey

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

_MOST_CACHE_POINTS = 4
_CACHE_CONTROL = {"cache_control": {"type": "ephemeral"}}
_OLLAMA_CONTEXT = 65_536  # tokens; Ollama's default of some thousand cuts prompts off in silence
_RESPONSES_ONLY = "gpt-6"
_CACHE_CONTROL_PROVIDERS = {"anthropic", "anthropic_bedrock", "google_anthropic_vertex"}


class LangChainProvider:
    """One model of one provider; the chat model is made at the first call."""

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
        """Stream one reply; raises whatever the provider's library raises."""
        started = time.monotonic()
        model = self._bound(self._model(request.max_tokens), _with_tools_of_history(request))
        chunks: list[Any] = []
        for chunk in model.stream(self._messages(request)):
            if not chunks:
                on_first()
            chunks.append(chunk)
        if not chunks:
            raise ConnectionError("the reply ended before it began")
        whole = chunks[0] if len(chunks) == 1 else chunks[0] + chunks[1:]
        reply = read_reply(whole, request)
        name = f"{self._provider}:{self._ident}"
        return replace(reply, model=name, seconds=time.monotonic() - started)

    def warm_up(self) -> None:
        """Import the libraries and make the chat model."""
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
        except (ValueError, TypeError, NotImplementedError):  # not every class takes a choice
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
        said: list[Any] = []
        results: list[tuple[Mapping[str, Any], list[Any]]] = []
        for block in message["content"]:
            if block["type"] == "tool_result":
                text = {"type": "text", "text": block["text"] or "(nothing)"}
                results.append((block, [text]))
            elif block["type"] == "cache_point":
                self._mark(results[-1][1] if results and not said else said)
            elif block["text"].strip():
                said.append({"type": "text", "text": block["text"]})
        for block, content in results:
            status = "error" if block["error"] else "success"
            yield ToolMessage(content=content, tool_call_id=block["id"], status=status)
        if said:
            yield HumanMessage(content=said)

    def _assistant(self, message: Message) -> "AIMessage":
        from langchain_core.messages import AIMessage

        said: list[Any] = []
        calls: list[Any] = []
        thought = False
        for block in message["content"]:
            if block["type"] == "reasoning" and self._is_own(block["model"]):
                said.append(from_plain(block["data"]))
                thought = True
            elif block["type"] == "text" and block["text"].strip():
                said.append({"type": "text", "text": block["text"]})
            elif block["type"] == "tool_call":
                call = {"id": block["id"], "name": block["name"], "args": block["args"] or {}}
                calls.append(call)
                if thought:  # thoughts may stand between calls, so calls need their place too
                    said.append(
                        {
                            "type": "tool_use",
                            "id": call["id"],
                            "name": call["name"],
                            "input": call["args"],
                        }
                    )
        return AIMessage(content=said or ("" if calls else "(no answer)"), tool_calls=calls)

    def _is_own(self, name: str) -> bool:
        """Whether a model of a reply is this one, however it was spelled."""
        return names_a_model(name) and split_model(name) == (self._provider, self._ident)

    def _mark(self, content: list[Any]) -> None:
        """Write a cache point after what is in `content`, the way the provider spells it."""
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


def _other_model(
    provider: str, ident: str, settings: ModelSettings, max_tokens: int
) -> "BaseChatModel":
    from langchain.chat_models import init_chat_model

    wanted: dict[str, Any] = {
        "max_tokens": max_tokens,
        "max_retries": 0,
        "timeout": settings.read_timeout_seconds,
    }
    known = KNOWN.get(provider)
    if known:
        _require_set_up(known, f"{provider}:{ident}", settings)
        wanted |= _reached(known, ident, settings)
    client = known.client if known and known.client else provider
    try:
        try:
            model: BaseChatModel = init_chat_model(ident, model_provider=client, **wanted)
        except TypeError:  # a class that knows none of these takes its own defaults
            model = init_chat_model(ident, model_provider=client)
    except ImportError as error:
        why = str(error).partition(". ")[0]  # without advice for an environment of another kind
        raise ModelSetupError(
            f"{provider}:{ident} needs a package that is not installed ({why}); "
            f"{install_advice(f'langchain-{provider}')}"
        ) from error
    return model


def _require_set_up(provider: Provider, model: str, settings: ModelSettings) -> None:
    """Raise `ModelSetupError` where the provider's package or key is missing."""
    problem, advice = package_problem(provider)
    if problem:
        raise ModelSetupError(f"{model} cannot be asked: {problem}; {advice}")
    if problem := missing_key(provider, settings, os.environ):
        raise ModelSetupError(f"{model} cannot be asked: {problem}")


def _reached(provider: Provider, ident: str, settings: ModelSettings) -> dict[str, Any]:
    """Return how a client reaches its provider, beyond what it reads from the environment."""
    own = own_address(provider, settings, os.environ)
    key = os.environ.get(key_of(provider, os.environ), "")
    if provider.client == OPENAI or provider.name == OPENAI:
        # Servers of other makers count tokens only when asked to.
        reached: dict[str, Any] = {"stream_usage": True}
        if provider.name == OPENAI and ident.startswith(_RESPONSES_ONLY):
            # It takes tools there only. Nothing stays at the provider, so thoughts come along.
            encrypted = ["reasoning.encrypted_content"]
            reached |= {"use_responses_api": True, "store": False, "include": encrypted}
        elif own or provider.client:
            reached["use_responses_api"] = False  # what others serve is the older interface
        if own or provider.client:
            reached["base_url"] = own or provider.address
        return reached | {"api_key": key or "none"}  # a server of one's own may need no key
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
    wanted = request.tool_choice
    if wanted is None:
        return None
    if wanted not in ("auto", "any") and "tool" in supported:
        return {"tool": {"name": wanted}}
    return {"any": {}} if wanted != "auto" and "any" in supported else None


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
