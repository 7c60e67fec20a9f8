"""What is asked of a model and what it answers, in plain JSON values, whatever the provider."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, Required, TypedDict

Scrub = Callable[[str], str]


class Block(TypedDict, total=False):
    """A part of a message; which keys it has goes by its type."""

    type: Required[str]  # text, tool_call, tool_result, reasoning, cache_point
    text: str
    id: str  # of the call
    name: str  # of the tool
    args: Mapping[str, Any]
    error: bool
    model: str  # whose thought it is
    data: Any  # the thought, as its provider wants it back


class RecordedEdit(TypedDict):
    """A file as an agent left it; its text is None where it is gone."""

    path: str
    old: str  # its path before
    mode: str
    text: str | None


class Turn(TypedDict):
    """What an agent did in a whole turn that it held by itself."""

    tree: str
    refused: list[str]
    calls: list[Any]
    outside: list[str]
    commands: list[str]
    edits: list[RecordedEdit] | None


class Message(TypedDict):
    """What one side says."""

    role: str  # user, assistant, tool
    content: list[Block]


CHARS_PER_TOKEN = 4  # a rough rule; only used before the provider has counted

_UNHASHED = {"cache_point", "reasoning"}
_BROKEN = re.compile("[\ud800-\udfff\x00]")
_CONTROLS = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class ToolSpec:
    """A tool as the model sees it; `schema` is the JSON schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]


WHOLE_TURN = "turn"
"""The stop reason of an agent's reply: it has used its tools already, and was asked twice."""


@dataclass(frozen=True)
class Taken:
    """The tree that an agent's edits made, and why others of them were taken back."""

    tree: str
    refused: tuple[str, ...] = ()
    # As the agent made them; None where they are too large.
    edits: tuple[RecordedEdit, ...] | None = ()


def _keep_nothing(_reply: "Reply") -> None:
    return None


@dataclass(frozen=True)
class Hands:
    """What an agent works with that holds a whole turn by itself; models need none of it.

    `call` runs one of the request's tools, `check` says what is wrong with an answer, `taken`
    returns what its files are by now; `received` keeps an answer before the turn has ended.
    """

    tree: Callable[[], AbstractContextManager[Path]]
    call: Callable[[str, Mapping[str, Any]], tuple[str, bool]]
    check: Callable[[Mapping[str, Any], bool], str]
    ending: str
    seconds: float
    calls: int
    taken: Callable[[], "Taken"] | None = None  # None: it only reads
    received: Callable[["Reply"], None] = _keep_nothing
    usd: float = inf  # the most that it may cost, as far as it tells
    tokens: float = inf  # the most that it may use, as far as it tells before its end


@dataclass(frozen=True)
class ModelRequest:
    """One call; `tool_choice` is None, "auto", "any" or the name of a tool.

    `hands` are no part of what is asked: they change nothing in its hash.
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
    """A tool the model wants run; `args` is None when what it wrote is not one JSON object."""

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

    @property
    def total(self) -> int:
        """All tokens, those read from a cache included."""
        return self.input + self.output + self.cache_read + self.cache_write


@dataclass(frozen=True)
class Reply:
    """What came back; `stop_reason` is one of end_turn, tool_use, max_tokens, refusal,
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
    content: tuple[Block, ...] = ()  # all blocks in order, only if the model thought aloud
    turn: Turn | None = None  # of a whole turn: the tree it left, what was refused, its calls

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
    def from_plain(cls, record: Mapping[str, Any], *, from_journal: bool = True) -> "Reply":
        """Rebuild a reply that `plain` wrote."""
        values = dict(record)
        values["tool_calls"] = tuple(ToolCall(**call) for call in values["tool_calls"])
        values["usage"] = Usage(**values["usage"])
        values["content"] = tuple(values.get("content", ()))
        return cls(**values, from_journal=from_journal)


def text_block(text: str) -> Block:
    """Return a block of text."""
    return {"type": "text", "text": text}


def cache_point() -> Block:
    """Return the mark up to which the prompt is worth keeping in the provider's cache."""
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
    """Return the reply as history; empty content when the model said nothing.

    A model that thinks wants its signed thoughts back, unchanged and where they stood.
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
    """Return the request as JSON-plain values without what differs between equal requests.

    Cache points, thoughts, the ids of tool calls and whatever `scrub` removes (nonces, temporary
    paths) change nothing in what is asked.
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
    """Return the SHA-256 of a request as `plain_request` returns it."""
    return hashlib.sha256(canonical_bytes(plain)).hexdigest()


def content_hash(plain: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plain request whatever model it was for: what `replay:` goes by."""
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
    """Replace what no file or database keeps unchanged: NUL and halves of surrogate pairs."""
    return _BROKEN.sub("�", text)


def redacted_reply(reply: Reply, redact: Scrub) -> Reply:
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
    """Return (arguments, "") or (None, what is wrong) for the JSON a model wrote.

    A cut-off object is never completed by guessing, and a key given twice would hide data.
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


def estimated_tokens(request: ModelRequest) -> int:
    """Return roughly how many tokens the request has, for when nobody has counted."""
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
    """Return a JSON object of these pairs; raise ValueError for a key given twice."""
    result = dict(pairs)
    if len(result) < len(pairs):
        counted = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counted.items() if count > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
