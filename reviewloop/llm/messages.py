"""Requests to a model and its replies as plain JSON values, independent of the provider."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from math import inf
from pathlib import Path
from typing import Any, Required, TypedDict

from reviewloop.dataclass import dataclass
from reviewloop.domain.usage import TokenUsage
from reviewloop.regex import regex

Scrub = Callable[[str], str]


class Block(TypedDict, total=False):
    """A part of a message; its type decides which keys it has."""

    type: Required[str]  # text, tool_call, tool_result, reasoning, cache_point
    text: str
    id: str  # id of the call
    name: str  # name of the tool
    args: Mapping[str, Any]
    error: bool
    model: str  # provider of the reasoning
    data: Any  # the reasoning, as its provider wants it back


class RecordedEdit(TypedDict):
    """A file after an agent's edits; its text is None if it was deleted."""

    path: str
    old: str  # its earlier path
    mode: str
    text: str | None


class Turn(TypedDict):
    """The result of a coding agent's whole turn."""

    tree: str
    refused: list[str]
    calls: list[Any]
    outside: list[str]
    commands: list[str]
    edits: list[RecordedEdit] | None


class Message(TypedDict):
    """The message of one side."""

    role: str  # user, assistant, tool
    content: list[Block]


CHARS_PER_TOKEN = 4  # a rough rule; only used before the provider has counted

_UNHASHED = {"cache_point", "reasoning"}
_BROKEN = regex("[\ud800-\udfff\x00]")
_CONTROLS = regex("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class ToolSpec:
    """A tool as the model sees it; `schema` is the JSON schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]


WHOLE_TURN = "turn"
"""The stop reason of a coding agent's reply: it has already used its tools."""


@dataclass(frozen=True)
class Taken:
    """The tree with an agent's edits, and why others of them were reverted."""

    tree: str
    refused: tuple[str, ...] = ()
    # As the agent made them; None if they are too large.
    edits: tuple[RecordedEdit, ...] | None = ()


def _keep_nothing(_reply: "Reply") -> None:
    return None


@dataclass(frozen=True)
class Hands:
    """What a coding agent with a whole turn works with; models need none of it.

    `call` runs one of the request's tools, `check` returns the problem of an answer, `taken`
    returns the current state of its files; `received` stores an answer before the turn ends.
    """

    tree: Callable[[], AbstractContextManager[Path]]
    call: Callable[[str, Mapping[str, Any]], tuple[str, bool]]
    check: Callable[[Mapping[str, Any], bool], str]
    ending: str
    seconds: float
    calls: int
    taken: Callable[[], "Taken"] | None = None  # None: it only reads
    received: Callable[["Reply"], None] = _keep_nothing
    usd: float = inf  # most cost, as far as it reports that
    tokens: float = inf  # most tokens, as far as it reports them before its end


@dataclass(frozen=True)
class ModelRequest:
    """One call; `tool_choice` is None, "auto", "any" or the name of a tool.

    `hands` do not belong to the request's content or hash.
    """

    model: str
    system: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str | None = None
    max_tokens: int = 8192
    hands: Hands | None = None


@dataclass(frozen=True)
class ToolCall:
    """A tool call of the model; `args` is None if its text is not one JSON object."""

    id: str
    name: str
    args: dict[str, Any] | None
    raw: str = ""
    error: str = ""


@dataclass(frozen=True)
class Usage:
    """Tokens of one call; the four counts do not overlap, and a cost of None is unknown."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cost_usd: float | None = None
    estimated: bool = False

    def figures(self) -> TokenUsage:
        """Return them for an event, and for the journal."""
        return {
            "input": self.input,
            "output": self.output,
            "cache_read": self.cache_read,
            "cache_write": self.cache_write,
            "cost_usd": self.cost_usd,
            "estimated": self.estimated,
        }

    @property
    def total(self) -> int:
        """All tokens, those read from a cache included."""
        return self.input + self.output + self.cache_read + self.cache_write


@dataclass(frozen=True)
class Reply:
    """A model's reply; `stop_reason` is one of end_turn, tool_use, max_tokens, refusal,
    content_filtered, stop_sequence, malformed, or the provider's own word.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    stop_reason: str = "end_turn"
    usage: Usage = Usage()
    model: str = ""
    seconds: float = 0.0
    from_journal: bool = False
    attempts: int = 1
    content: tuple[Block, ...] = ()  # all blocks in order, only with reasoning
    turn: Turn | None = None  # of a whole turn: its tree, refused requests, its calls

    def plain(self) -> dict[str, object]:
        """Return the reply as JSON-plain values for the journal."""
        record = asdict(self)
        record["tool_calls"] = list(record["tool_calls"])
        record["content"] = list(record["content"])
        del record["from_journal"]
        if self.turn is None:
            del record["turn"]
        return record

    @classmethod
    def from_plain(cls, record: object, *, from_journal: bool = True) -> "Reply":
        """Rebuild a reply from the result of `plain`; raise ValueError for another kind."""
        if not isinstance(record, Mapping):
            raise ValueError("a stored reply is an object")
        values = dict(record)  # blocks go back to their model as they are
        values["tool_calls"] = tuple(ToolCall(**call) for call in values["tool_calls"])
        values["usage"] = Usage(**values["usage"])
        values["content"] = tuple(values.get("content", ()))
        return cls(**values, from_journal=from_journal)


def text_block(text: str) -> Block:
    """Return a block of text."""
    return {"type": "text", "text": text}


def cache_point() -> Block:
    """Return the mark of the end of a cacheable prefix."""
    return {"type": "cache_point"}


def tool_result(call_id: str, text: str, *, error: bool) -> Block:
    """Return the block that answers the tool call with this id."""
    return {"type": "tool_result", "id": call_id, "text": text, "error": error}


def user_message(*blocks: Block) -> Message:
    """Return a message of the user."""
    return {"role": "user", "content": list(blocks)}


def tool_message(results: Iterable[Block]) -> Message:
    """Return the message that answers all tool calls of the reply before it."""
    return {"role": "tool", "content": list(results)}


def assistant_message(reply: Reply) -> Message:
    """Return the reply as history; empty content for an empty reply.

    A model with reasoning needs its signed reasoning back, unchanged and in the same position.
    """
    if reply.content:
        return {"role": "assistant", "content": list(reply.content)}
    content: list[Block] = [text_block(reply.text)] if reply.text.strip() else []
    content += [call_block(call) for call in reply.tool_calls]
    return {"role": "assistant", "content": content}


def call_block(call: ToolCall) -> Block:
    """Return a tool call as history; arguments that were not JSON are sent back empty."""
    return {"type": "tool_call", "id": call.id, "name": call.name, "args": call.args or {}}


def plain_request(request: ModelRequest, scrub: Scrub) -> dict[str, Any]:
    """Return the request as JSON-plain values without differences between equal requests.

    Left out are cache points, reasoning, the ids of tool calls and whatever `scrub` removes
    (nonces, temporary paths).
    """
    names: dict[str, str] = {}
    messages = []
    for message in request.messages:
        kept = [block for block in message["content"] if block["type"] not in _UNHASHED]
        content = [_renamed(block, names) for block in kept]
        messages.append({"role": message["role"], "content": content})
    record = {
        "model": request.model,
        "system": request.system,
        "messages": messages,
        "tools": [vars(tool) for tool in request.tools],
        "tool_choice": request.tool_choice,
        "max_tokens": request.max_tokens,
    }
    scrubbed: dict[str, Any] = map_text(record, scrub)
    return scrubbed


def canonical_bytes(plain: Mapping[str, Any]) -> bytes:
    """Return a JSON-plain value in its one canonical form."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode("ascii")


def request_hash(plain: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the result of `plain_request`."""
    return hashlib.sha256(canonical_bytes(plain)).hexdigest()


def content_hash(plain: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plain request independent of its model: the key of `replay:`."""
    return request_hash({**plain, "model": ""})


def map_text(value: Any, change: Scrub, *, keys: bool = False) -> Any:
    """Return a JSON-plain value with every string inside it changed; the keys only on request."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {
            change(str(key)) if keys else key: map_text(item, change, keys=keys)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [map_text(item, change, keys=keys) for item in value]
    return value


def storable(text: str) -> str:
    """Replace characters that files or databases change: NUL and halves of surrogate pairs."""
    return _BROKEN.sub("�", text)


def redact_reply(reply: Reply, redact: Scrub) -> Reply:
    """Return the reply with every string storable and passed through `redact`.

    Done before a reply is recorded or used, so that a resumed run equals a live one.
    """

    def clean(text: str) -> str:
        return redact(storable(text))

    thoughts = [block for block in reply.content if block["type"] == "reasoning"]
    has_changed = (
        map_text(thoughts, clean) != thoughts
    )  # signed, so they can only be kept or dropped
    return replace(
        reply,
        content=()
        if has_changed
        else tuple(
            block if block["type"] == "reasoning" else map_text(block, clean)
            for block in reply.content
        ),
        text=clean(_CONTROLS.sub("�", reply.text)),
        turn=None if reply.turn is None else _redacted_turn(reply.turn, clean),
        tool_calls=tuple(
            replace(
                call,
                name=clean(call.name),
                args=None if call.args is None else map_text(call.args, clean, keys=True),
                raw=clean(call.raw),
                error=clean(call.error),
            )
            for call in reply.tool_calls
        ),
    )


def _redacted_turn(turn: Turn, clean: Scrub) -> Turn:
    redacted: Turn = map_text(turn, clean)
    return {**redacted, "tree": turn["tree"]}


def parse_arguments(raw: str) -> tuple[dict[str, Any] | None, str]:
    """Return (arguments, "") or (None, problem) for the JSON of a model.

    A cut-off object is never completed by guessing, and a duplicate key would hide data.
    """
    if not raw.strip():
        return {}, ""
    try:
        value = json.loads(raw, object_pairs_hook=without_doubles, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return None, str(error)
    if not isinstance(value, dict):
        return None, f"expected a JSON object, got {type(value).__name__}"
    return value, ""


def estimate_tokens(request: ModelRequest) -> int:
    """Estimate the tokens of a request without a count."""
    size = len(request.system)
    for message in request.messages:
        size += sum(len(_block_text(block)) for block in message["content"])
    size += sum(len(t.name) + len(t.description) + len(json.dumps(t.schema)) for t in request.tools)
    return max(1, size // CHARS_PER_TOKEN)


def spoken_text(messages: Sequence[Message], roles: tuple[str, ...] = ("user",)) -> str:
    """Return the text of all messages of these roles, tool results included."""
    return "\n".join(
        _block_text(block)
        for message in messages
        if message["role"] in roles
        for block in message["content"]
    )


def _block_text(block: Block) -> str:
    if block["type"] == "tool_call":
        return f"{block['name']} {json.dumps(block['args'])}"
    return str(block.get("text", ""))


def _renamed(block: Block, names: dict[str, str]) -> Block:
    if "id" not in block:
        return block
    return {**block, "id": names.setdefault(block["id"], f"call-{len(names) + 1}")}


def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, object]:
    """Return a JSON object of these pairs; raise ValueError for a duplicate key."""
    result = dict(pairs)
    if len(result) < len(pairs):
        counted = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counted.items() if count > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
