"""Tells in a few lines which public names a change touches, for who reads another part of it."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from reviewloop.workspace.diff import Change, FileChange
from reviewloop.workspace.outline import Symbol, language_of, outline
from reviewloop.workspace.outline_rules import CONTAINERS

Read = Callable[[str], str | None]

_OUTLINED = 400  # files that are parsed at most
_LARGEST = 200_000  # characters of a file that is parsed
_NAMES_SHOWN = 12  # of one file
_DATA = frozenset({"json", "yaml", "css", "html"})


class TouchedName(NamedTuple):
    """A public name that a change adds (+), removes (-), changes (=>) or whose code it touches."""

    how: str  # + | - | => | ~
    name: str  # `Class.method`
    text: str  # as a person reads it


def changed_names(change: Change, before: Read, after: Read, room: int) -> str:
    """Return a line for each file with the public names it adds, changes or removes.

    `before` and `after` read a file of the two trees. At most about `room` characters; how many
    files had no room is said.
    """
    lines: list[str] = []
    hidden = 0
    for number, file in enumerate(change.files):
        known = touched_names(file, before, after) if number < _OUTLINED else ()
        names = [touched.text for touched in known]
        if not names:
            hidden += number >= _OUTLINED
            continue
        more = f"; and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        line = f"{file.path}: {'; '.join(names[:_NAMES_SHOWN])}{more}"
        room -= len(line) + 1
        if room < 0:
            hidden += 1
        else:
            lines.append(line)
    if hidden:
        lines.append(f"(the names of {hidden} more files have no room here)")
    return "\n".join(lines)


def has_names(path: str) -> bool:
    """Whether the public names of such a file can be told."""
    return language_of(path) not in {None, *_DATA}


def touched_names(file: FileChange, before: Read, after: Read) -> Iterator[TouchedName]:
    """Yield the public names of a file that a change touches; none where they cannot be told."""
    if file.binary or file.submodule or not has_names(file.path):
        return
    old = _public(file.old_path or file.path, before) if file.status != "A" else []
    new = _public(file.path, after) if file.status != "D" else []
    known = {symbol.name: symbol.signature for symbol in old}
    for symbol in new:
        name, now = symbol.name, symbol.signature or symbol.name
        if name not in known:
            yield TouchedName("+", name, f"+ {now}")
        elif known[name] != symbol.signature:
            yield TouchedName("=>", name, f"{known[name] or name} => {now}")
        elif symbol.kind not in CONTAINERS and _touched(symbol, file.added_ranges):
            yield TouchedName("~", name, f"~ {name}")
    left = {symbol.name for symbol in new}
    for name in known:
        if name not in left:
            yield TouchedName("-", name, f"- {name}")


def _public(path: str, read: Read) -> list[Symbol]:
    text = read(path)
    if text is None or len(text) > _LARGEST:
        return []
    return [s for s in outline(path, text) if not s.name.rpartition(".")[2].startswith("_")]


def _touched(symbol: Symbol, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= symbol.end_line and symbol.line <= last for first, last in ranges)
