"""Draws up who read what: from the parts of a change and from what each reviewer wrote down."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reviewloop.output.readership import FileRead, PartRead, Readership, Share
from reviewloop.steps.parts import Part, Parts

_NO_ROOM = (
    "the model takes no prompt as long as limits.context_tokens says; "
    "lower limits.context_tokens, and the change is read in parts that fit"
)
Records = Mapping[str, Mapping[str, Any]]
"""Reviewer -> what the step wrote down, for those that began to read."""


def readership(parts: Parts, records: Records, names: Sequence[str], why: str = "") -> Readership:
    """Return who read what; `why` is told of reviewers that wrote nothing down."""
    said = {name: _parts_of(records.get(name, {})) for name in names}
    files = [*_files(parts, said, why)]
    return Readership(tuple(files), tuple(_part(one, said, why) for one in parts.parts))


def _parts_of(record: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    return {part["number"]: part for part in record.get("parts", [])}


def _part(part: Part, said: Mapping[str, Mapping[int, Any]], why: str) -> PartRead:
    by = tuple(name for name, read in said.items() if read.get(part.number, {}).get("read"))
    missed = tuple(
        (name, str(read.get(part.number, {}).get("reason") or why or "did not finish"))
        for name, read in said.items()
        if name not in by
    )
    return PartRead(part.number, len(part.paths), by, missed)


def _files(
    parts: Parts, said: Mapping[str, Mapping[int, Mapping[str, Any]]], why: str
) -> Iterator[FileRead]:
    places: dict[str, list[Part]] = {}
    for part in parts.parts:
        for path in part.paths:
            places.setdefault(path, []).append(part)
    for path, holding in places.items():
        numbers = tuple(part.number for part in holding)
        whole = all(piece.whole for part in holding for piece in part.pieces if piece.path == path)
        shown = {
            name: [n for n in numbers if _saw(read.get(n, {}), path)] for name, read in said.items()
        }
        by = tuple(name for name, seen in shown.items() if len(seen) == len(numbers))
        share: Share = "whole" if whole else "in parts"
        reason = ""
        if not by:
            share = "partly" if any(shown.values()) else "not"
        if len(by) < len(said):
            reason = _reason(path, numbers, said, why)
        yield FileRead(path, share, by, numbers, reason)
    for path, reason in parts.unread.items():
        yield FileRead(path, "not", reason=reason)


def _saw(part: Mapping[str, Any], path: str) -> bool:
    return bool(part.get("read")) and path not in part.get("unshown", ())


def _reason(
    path: str,
    numbers: Sequence[int],
    said: Mapping[str, Mapping[int, Mapping[str, Any]]],
    why: str,
) -> str:
    """Return why somebody did not see a file; the first reason stands for all."""
    for read in said.values():
        for number in numbers:
            part = read.get(number, {})
            if part.get("read"):
                if path in part.get("unshown", ()):
                    return _NO_ROOM
            else:
                return str(part.get("reason") or why or "the reviewer did not finish")
    return why or "the reviewer did not finish"
