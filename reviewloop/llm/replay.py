"""Recordings of a run's calls: `--record FILE` writes one, `replay:FILE` answers from it."""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from reviewloop.checkout.files import refuse_links
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ModelError, ModelSetupError, WorkspaceError
from reviewloop.llm.messages import ModelRequest, Reply, Scrub, content_hash, plain_request
from reviewloop.store.journal import CallKey, Journal

FORMAT = "reviewloop-recording"
VERSION = 1


@dataclass(frozen=True)
class Recorded:
    """One recorded call; `content` is the hash of its request independent of its model."""

    key: CallKey
    content: str
    request: Mapping[str, Any]
    reply: Mapping[str, Any]


def export_journal(journal: Journal, path: Path) -> int:
    """Write the journal's model calls to a JSON-lines file and return their number."""
    refuse_links(path.parent)
    count = 0
    partial = path.with_name(path.name + ".part")
    try:
        partial.unlink(missing_ok=True)  # its mode would stay
        with open(partial, "x", encoding="ascii", opener=_for_us_alone) as file:
            file.write(json.dumps({"format": FORMAT, "version": VERSION}) + "\n")
            for call in journal.calls("model"):
                if "lost" in call.reply:
                    continue
                line = {
                    "key": asdict(call.key),
                    "content": content_hash(call.request),
                    "request": call.request,
                    "reply": call.reply,
                }
                file.write(json.dumps(line, sort_keys=True) + "\n")
                count += 1
        partial.replace(path)
    except OSError as error:
        raise WorkspaceError(
            f"{path}: the recording cannot be written ({error}); choose another file"
        ) from error
    return count


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def read_recording(path: Path) -> list[Recorded]:
    """Return the calls of a recording; raise `ModelSetupError` with file and line for another
    file.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return list(_records(file, path))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelSetupError(
            f"{path} cannot be read ({error}); make a recording with --record {path.name}"
        ) from error


def _records(lines: Iterator[str], path: Path) -> Iterator[Recorded]:
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line)
            if number == 1:
                _check_header(value, path)
                continue
            yield Recorded(
                CallKey(**value["key"]), value["content"], value["request"], value["reply"]
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ModelSetupError(
                f"{path}:{number}: not a line of a recording ({error}); record it again"
            ) from error


def _check_header(value: Any, path: Path) -> None:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ModelSetupError(f"{path}: not a recording of reviewloop; make one with --record")
    if value.get("version") != VERSION:
        raise ModelSetupError(
            f"{path}: recorded in version {value.get('version')} of the format, this release "
            f"reads version {VERSION}; record it again"
        )


def first_difference(given: Any, recorded: Any, path: str = "request") -> str | None:
    """Return where two JSON-plain values first differ and how, None if they are equal."""
    if given == recorded and type(given) is type(recorded):
        return None
    if isinstance(given, Mapping) and isinstance(recorded, Mapping):
        for name in [*recorded, *(name for name in given if name not in recorded)]:
            if name not in given or name not in recorded:
                missing = "recorded" if name not in recorded else "asked now"
                return f"{path}.{name} is not in what was {missing}"
            found = first_difference(given[name], recorded[name], f"{path}.{name}")
            if found:
                return found
    if isinstance(given, list) and isinstance(recorded, list):
        for index, (left, right) in enumerate(zip(given, recorded, strict=False)):
            found = first_difference(left, right, f"{path}[{index}]")
            if found:
                return found
        return f"{path} has {len(given)} entries, recorded were {len(recorded)}"
    if isinstance(given, str) and isinstance(recorded, str):
        return _text_difference(given, recorded, path)
    return f"{path} is {given!r:.80}, recorded was {recorded!r:.80}"


def _text_difference(given: str, recorded: str, path: str) -> str:
    pairs = zip(given, recorded, strict=False)
    shorter = min(len(given), len(recorded))
    at = next((index for index, (left, right) in enumerate(pairs) if left != right), shorter)
    line = recorded.count("\n", 0, at) + 1
    start = max(0, at - 20)
    now, then = given[start : at + 40], recorded[start : at + 40]
    return f"{path}, line {line}, character {at}: now {now!r}, recorded {then!r}"


class ReplayProvider:
    """Answers from one recording; `scrub` removes differences between equal requests."""

    def __init__(self, path: Path, *, scrub: Scrub) -> None:
        self._path = path
        self._scrub = scrub
        self._lock = threading.Lock()
        self._calls: list[Recorded] | None = None
        self._index: dict[tuple[str, CallKey], Recorded] = {}

    def ask(self, key: CallKey, request: ModelRequest, on_first: Callable[[], None]) -> Reply:
        """Return the recorded reply; raise `ModelError` with the first difference if there is
        none.
        """
        plain = plain_request(request, self._scrub)
        content = content_hash(plain)
        calls = self._read()
        found = self._index.get((content, key)) or next(
            (call for call in calls if call.content == content and call.key.agent == key.agent),
            None,
        )
        if found is None:
            raise ModelError(self._not_recorded(key, {**plain, "model": ""}, calls))
        on_first()
        reply = Reply.from_plain(found.reply, from_journal=False)
        usage = replace(reply.usage, cost_usd=0.0)
        return replace(reply, usage=usage, model=f"replay:{self._path}", seconds=0.0, attempts=1)

    def warm_up(self) -> None:
        """Read the file."""
        self._read()

    def calls(self) -> list[Recorded]:
        """Return the recorded calls; raise `ModelAccessError` for a file that is no recording."""
        return self._read()

    def _read(self) -> list[Recorded]:
        with self._lock:
            if self._calls is None:
                self._calls = read_recording(self._path)
                self._index = {(call.content, call.key): call for call in self._calls}
            return self._calls

    def _not_recorded(self, key: CallKey, given: dict[str, object], calls: list[Recorded]) -> str:
        where = f"{key.agent}, {key.step}, round {key.round}, turn {key.turn}"
        same_agent = [call for call in calls if call.key.agent == key.agent]
        if not same_agent:
            return (
                f"{self._path} has no call of {key.agent} ({where}); the recorded run did not ask "
                "it: record again with --record"
            )
        nearest = max(same_agent, key=lambda call: _likeness(call.key, key))
        difference = first_difference(given, {**nearest.request, "model": ""})
        return (
            f"{self._path} does not hold this request ({where}); the first difference to the "
            f"recorded one: {difference}; if the change is wanted, record again with --record"
        )


def _likeness(one: CallKey, other: CallKey) -> int:
    left, right = asdict(one), asdict(other)
    weight = {"turn": 2, "step": 2, "finding": 2}
    return sum(weight.get(name, 1) for name in left if left[name] == right[name])
