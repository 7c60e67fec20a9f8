"""The stand-in's ledger of requests, and its imitation of Bedrock's prompt cache."""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass
class Received:
    """One request as the server saw it, and what became of its reply; times are monotonic."""

    number: int
    at: float
    operation: str  # converse | converse-stream | count-tokens
    model: str
    body: dict[str, Any]
    agent: str = ""  # what the test's `agent_of` made of it
    usage: dict[str, int] = field(default_factory=dict)
    first_sent_at: float | None = None
    ended_at: float | None = None
    status: int = 0
    complete: bool = False  # the whole reply was sent to a client that was still there

    @property
    def system(self) -> str:
        """The system text."""
        return "\n".join(block.get("text", "") for block in self.body.get("system", []))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages as sent."""
        found: list[dict[str, Any]] = self.body.get("messages", [])
        return found

    @property
    def said(self) -> str:
        """All text of the user, tool results left out."""
        return "\n".join(
            block["text"]
            for message in self.messages
            if message["role"] == "user"
            for block in message["content"]
            if "text" in block
        )

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools offered."""
        offered = self.body.get("toolConfig", {}).get("tools", [])
        return tuple(tool["toolSpec"]["name"] for tool in offered if "toolSpec" in tool)

    @property
    def turn(self) -> int:
        """How often the model has already answered in this conversation."""
        return sum(message["role"] == "assistant" for message in self.messages)

    @property
    def results(self) -> list[str]:
        """Texts of the tool results in the last message."""
        last = self.messages[-1]["content"] if self.messages else []
        return [
            "".join(part.get("text", "") for part in block["toolResult"]["content"])
            for block in last
            if "toolResult" in block
        ]

    @property
    def digest(self) -> str:
        """The same for the same request to the same model, cache points aside."""
        return _digest([self.model, without_cache_points(self.body)])


def without_cache_points(value: Any) -> Any:
    """Return a request body without its cache points."""
    if isinstance(value, dict):
        return {name: without_cache_points(item) for name, item in value.items()}
    if isinstance(value, list):
        kept = [item for item in value if not (isinstance(item, dict) and "cachePoint" in item)]
        return [without_cache_points(item) for item in kept]
    return value


class PromptCache:
    """Bills like Bedrock's prompt cache (its user guide, "Prompt caching", read in 2026).

    A prefix that ends at a cache point is written when the reply begins, if it is long enough for
    the model, and kept for five minutes from its last use. A later request reads the longest such
    prefix of its own: one that ends at its cache points or, with Claude, up to 20 blocks before
    one of them. Tools, then system, then messages. Nova caches no tools.
    """

    def __init__(self, seconds: float = 300.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, float] = {}  # prefix -> last use
        self._seconds = seconds
        self._clock = clock

    def usage(self, model: str, body: dict[str, Any], output: int) -> dict[str, int]:
        """Return what a request arriving now is billed as, in tokens of four characters."""
        blocks = _blocks(model, body)
        total = blocks[-1].tokens if blocks else 0
        marked = _marked(model, blocks)
        with self._lock:
            since = self._clock() - self._seconds
            read = 0
            for at in marked:
                seen = (
                    blocks[max(0, at - _LOOKBACK) : at + 1] if _is_claude(model) else [blocks[at]]
                )
                for block in seen:
                    if self._known.get(block.digest, since) > since:
                        self._known[block.digest] = self._clock()
                        read = max(read, block.tokens)
        write = max([blocks[at].tokens for at in marked], default=0)
        write = max(0, write - read)
        usage = {
            "inputTokens": max(1, total - read - write),
            "outputTokens": output,
            "totalTokens": max(1, total - read - write) + read + write + output,
        }
        if points(body):
            usage |= {"cacheReadInputTokens": read, "cacheWriteInputTokens": write}
        return usage

    def remember(self, model: str, body: dict[str, Any]) -> None:
        """Keep the prefixes of a request whose reply begins."""
        blocks = _blocks(model, body)
        with self._lock:
            for at in _marked(model, blocks):
                self._known[blocks[at].digest] = self._clock()


MOST_POINTS = 4  # in one request; more are rejected
_LOOKBACK = 20  # blocks
_LEAST = {"opus": 4096, "haiku": 4096, "nova": 1000}  # tokens before a point is honoured
_LEAST_ELSE = 1024


@dataclass(frozen=True)
class _Block:
    """A block with the prefix that it ends: its hash, its tokens, whether a point follows."""

    digest: str
    tokens: int
    marked: bool
    tool: bool


def points(body: dict[str, Any]) -> int:
    """Return how many cache points a request has."""
    return sum("cachePoint" in part for part in _ordered(body))


def least(model: str) -> int:
    """Return how many tokens must stand before a cache point of this model."""
    return next((n for name, n in _LEAST.items() if name in model), _LEAST_ELSE)


def _is_claude(model: str) -> bool:
    return "claude" in model


def _marked(model: str, blocks: list[_Block]) -> list[int]:
    return [
        at
        for at, block in enumerate(blocks)
        if block.marked and block.tokens >= least(model) and (_is_claude(model) or not block.tool)
    ]


def _blocks(model: str, body: dict[str, Any]) -> list[_Block]:
    digest, size = hashlib.sha256(model.encode()), 0
    found: list[_Block] = []
    for part in _ordered(body):
        if "cachePoint" in part:
            if found:
                found[-1] = replace(found[-1], marked=True)
            continue
        text = json.dumps(without_cache_points(part), sort_keys=True)
        digest.update(text.encode() + b"\0")
        size += len(text)
        if list(part) != ["role"]:
            tool = "toolSpec" in part
            found.append(_Block(digest.hexdigest(), size // 4, False, tool))
    return found


def now() -> float:
    """Return the clock of the ledger."""
    return time.monotonic()


def _ordered(body: dict[str, Any]) -> list[Any]:
    """Return the request's parts in the order in which Bedrock caches them."""
    parts: list[Any] = list(body.get("toolConfig", {}).get("tools", []))
    parts += body.get("system", [])
    for message in body.get("messages", []):
        parts.append({"role": message["role"]})
        parts += message["content"]
    return parts


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
