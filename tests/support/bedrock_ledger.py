"""The stand-in's ledger of requests, and its imitation of Bedrock's prompt cache."""

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
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
    """Remembers prefixes up to each cache point, from the first event of the reply on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: set[str] = set()

    def usage(self, model: str, body: dict[str, Any], output: int) -> dict[str, int]:
        """Return what a request arriving now is billed as, in tokens of four characters."""
        prefixes = _prefixes(model, body)
        total = _tokens(without_cache_points(_ordered(body)))
        with self._lock:
            known = [size for name, size in prefixes if name in self._known]
        read = max(known, default=0)
        write = max([size for _, size in prefixes], default=0) - read
        usage = {
            "inputTokens": max(1, total - read - write),
            "outputTokens": output,
            "totalTokens": max(1, total - read - write) + read + write + output,
        }
        if prefixes:
            usage |= {"cacheReadInputTokens": read, "cacheWriteInputTokens": write}
        return usage

    def remember(self, model: str, body: dict[str, Any]) -> None:
        """Keep the prefixes of a request whose reply begins."""
        with self._lock:
            self._known |= {name for name, _ in _prefixes(model, body)}


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


def _prefixes(model: str, body: dict[str, Any]) -> list[tuple[str, int]]:
    before: list[Any] = [model]
    found = []
    for part in _ordered(body):
        if "cachePoint" in part:
            found.append((_digest(before), _tokens(before[1:])))
        else:
            before.append(part)
    return found


def _tokens(value: Any) -> int:
    return len(json.dumps(value)) // 4


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
