"""`script:FILE`: replies written by hand, chosen by agent, round, finding and turn.

The reply depends on the request alone, never on earlier ones, so that a run resumed in another
process gets the same replies. Serves the demo and tests of a team's own agents.
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewloop.domain.errors import InterruptedByUserError, ModelError, ModelSetupError
from reviewloop.llm.messages import (
    CHARS_PER_TOKEN,
    ModelRequest,
    Reply,
    ToolCall,
    Usage,
    estimate_tokens,
    map_text,
    spoken_text,
)
from reviewloop.llm.trouble import Diagnosis, ProviderError, Trouble
from reviewloop.store.journal import CallKey

_KEY_FIELDS = ("agent", "step", "finding", "cycle", "round", "attempt", "turn")
_NEAREST_SHOWN = 3


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScriptedCall(_Strict):
    """A tool call of a scripted reply; `{"$file": "name"}` is replaced by a file beside it."""

    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class ScriptedUsage(_Strict):
    """Tokens that a scripted reply pretends to have used."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


class ScriptedReply(_Strict):
    """The reply; in its strings ${name} is replaced by a `capture`, ${finding} by the finding."""

    text: str | list[str] = ""
    tool_calls: list[ScriptedCall] = Field(default_factory=list)
    stop_reason: str = ""
    usage: ScriptedUsage | None = None
    seconds: float = Field(default=0.0, ge=0)
    error: Literal["", "throttled", "unavailable", "timeout", "cut", "access", "overflow"] = ""


class ScriptEntry(ScriptedReply):
    """A reply and the calls that it answers; an absent field matches anything."""

    agent: str | None = None
    step: str | None = None
    finding: str | None = None
    cycle: int | None = None
    round: int | None = None
    attempt: int | None = None
    turn: int | None = None
    when: str | list[str] = Field(default_factory=list)  # all occur in the user's messages
    when_last: str | list[str] = Field(default_factory=list)  # ... in the last message
    # Name -> regular expression with one group.
    capture: dict[str, str] = Field(default_factory=dict)
    turns: list[ScriptedReply] = Field(default_factory=list)  # instead of `turn` and a reply


class Script(_Strict):
    """The file."""

    about: str = ""
    replies: list[ScriptEntry]


class ScriptProvider:
    """Answers from one script file."""

    def __init__(self, path: Path, *, stopped: Callable[[float], bool]) -> None:
        self._path = path
        self._stopped = stopped  # waits for the seconds; returns whether the user asked to stop
        self._lock = threading.Lock()
        self._entries: Sequence[ScriptEntry] | None = None

    def ask(self, key: CallKey, request: ModelRequest, on_first: Callable[[], None]) -> Reply:
        """Return the most specific reply that matches; raise `ModelError` if none does."""
        started = time.monotonic()
        words = spoken_text(request.messages)
        last = spoken_text(request.messages[-1:], ("user", "tool"))
        fitting = [entry for entry in self._read() if _fits(entry, key, words, last)]
        if not fitting:
            raise ModelError(self._no_reply(key, words))
        entry = max(fitting, key=_specificity)  # the first one of equals
        if self._stopped(entry.seconds / 10):
            raise InterruptedByUserError().resuming("stopped; ", " goes on")
        if entry.error:
            message = f"{self._path} says so for {_named(key)}"
            raise ProviderError(Diagnosis(Trouble(entry.error), "scripted", message))
        on_first()
        self._stopped(entry.seconds * 9 / 10)
        return self._reply(entry, key, request, words, time.monotonic() - started)

    def warm_up(self) -> None:
        """Read the file."""
        self._read()

    def entries(self) -> Sequence[ScriptEntry]:
        """Return all entries; raise `ModelSetupError` for a file that cannot be read."""
        return self._read()

    def _read(self) -> Sequence[ScriptEntry]:
        with self._lock:
            if self._entries is None:
                self._entries = _parsed(self._path, _text_of(self._path))
            return self._entries

    def _reply(
        self, entry: ScriptEntry, key: CallKey, request: ModelRequest, words: str, seconds: float
    ) -> Reply:
        names = {"finding": key.finding} | _captured(entry, words, self._path)

        def fill(text: str) -> str:
            return re.sub(r"\$\{(\w+)\}", lambda m: names.get(m[1], m[0]), text)

        calls = tuple(
            ToolCall(_call_id(key, number), call.name, map_text(self._included(call.args), fill))
            for number, call in enumerate(entry.tool_calls)
        )
        text = fill(entry.text if isinstance(entry.text, str) else "\n".join(entry.text))
        if entry.usage:
            usage = Usage(**entry.usage.model_dump(), cost_usd=0.0)
        else:
            written = len(text) + sum(len(json.dumps(call.args)) for call in calls)
            output = max(1, written // CHARS_PER_TOKEN)
            usage = Usage(estimate_tokens(request), output, cost_usd=0.0, estimated=True)
        stop = entry.stop_reason or ("tool_use" if calls else "end_turn")
        return Reply(text, calls, stop, usage, model=f"script:{self._path}", seconds=seconds)

    def _included(self, value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"$file"}:
                return _text_of(self._path.parent / str(value["$file"]))
            return {name: self._included(item) for name, item in value.items()}
        return [self._included(item) for item in value] if isinstance(value, list) else value

    def _no_reply(self, key: CallKey, words: str) -> str:
        near = sorted(self._read(), key=lambda entry: -_likeness(entry, key, words))
        shown = (
            "; ".join(_described(entry) for entry in near[:_NEAREST_SHOWN]) or "the script is empty"
        )
        return f"{self._path} has no reply for {_named(key)}; the nearest entries: {shown}"


@lru_cache(maxsize=4)  # each run of a batch opens the same script
def _parsed(path: Path, data: str) -> Sequence[ScriptEntry]:
    return tuple(_entries_in(path, data))


def _entries_in(path: Path, data: str) -> Iterator[ScriptEntry]:
    try:
        script = Script.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ModelSetupError(f"{path}: {where}: {first['msg']}; correct the script") from error
    for entry in script.replies:
        if not entry.turns:
            yield entry
            continue
        shared = entry.model_dump(exclude=set(ScriptedReply.model_fields) | {"turns", "turn"})
        for turn, reply in enumerate(entry.turns):
            yield ScriptEntry(**shared, **reply.model_dump(), turn=turn)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelSetupError(
            f"{path} cannot be read ({error}); name an existing UTF-8 file"
        ) from error


def _listed(words: str | list[str]) -> list[str]:
    return [words] if isinstance(words, str) else words


def _fits(entry: ScriptEntry, key: CallKey, words: str, last: str) -> bool:
    return (
        all(getattr(entry, name) in (None, getattr(key, name)) for name in _KEY_FIELDS)
        and all(word in words for word in _listed(entry.when))
        and all(word in last for word in _listed(entry.when_last))
    )


def _specificity(entry: ScriptEntry) -> int:
    given = sum(getattr(entry, name) is not None for name in _KEY_FIELDS)
    return given + len(_listed(entry.when)) + len(_listed(entry.when_last))


def _likeness(entry: ScriptEntry, key: CallKey, words: str) -> int:
    same = sum(getattr(entry, name) in (None, getattr(key, name)) for name in _KEY_FIELDS)
    return (
        same + 3 * (entry.agent == key.agent) + all(word in words for word in _listed(entry.when))
    )


def _captured(entry: ScriptEntry, words: str, path: Path) -> dict[str, str]:
    found = {}
    for name, pattern in entry.capture.items():
        match = re.search(pattern, words)
        if match is None:
            raise ModelError(f"{path}: capture {name!r} ({pattern}) is not in what was asked")
        found[name] = match[1] if match.groups() else match[0]
    return found


def _call_id(key: CallKey, number: int) -> str:
    digest = hashlib.sha256(f"{key}/{number}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"call_{digest[:12]}"


def _named(key: CallKey) -> str:
    return ", ".join(f"{name} {getattr(key, name)!r}" for name in _KEY_FIELDS)


def _described(entry: ScriptEntry) -> str:
    fields = (*_KEY_FIELDS, "when", "when_last")
    given = {name: getattr(entry, name) for name in fields}
    return json.dumps({name: value for name, value in given.items() if value not in (None, [])})
