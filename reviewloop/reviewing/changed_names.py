"""Tells in a few lines which public names a change touches, for who reads another part of it."""

from collections.abc import Callable, Iterable, Iterator

from reviewloop.workspace.diff import Change, FileChange
from reviewloop.workspace.outline import Symbol, language_of, outline
from reviewloop.workspace.outline_rules import CONTAINERS

Read = Callable[[str], str | None]

_OUTLINED = 400  # files that are parsed at most
_LARGEST = 200_000  # characters of a file that is parsed
_NAMES_SHOWN = 12  # of one file
_DATA = frozenset({"json", "yaml", "css", "html"})


def changed_names(change: Change, before: Read, after: Read, room: int) -> str:
    """Return a line for each file with the public names it adds, changes or removes.

    `before` and `after` read a file of the two trees. At most about `room` characters; how many
    files had no room is said.
    """
    lines: list[str] = []
    hidden = 0
    for number, file in enumerate(change.files):
        names = list(_names(file, before, after)) if number < _OUTLINED else []
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


def _names(file: FileChange, before: Read, after: Read) -> Iterator[str]:
    if file.binary or file.submodule or language_of(file.path) in {None, *_DATA}:
        return
    old = _public(file.old_path or file.path, before) if file.status != "A" else []
    new = _public(file.path, after) if file.status != "D" else []
    known = {symbol.name: symbol.signature for symbol in old}
    for symbol in new:
        if symbol.name not in known:
            yield f"+ {symbol.signature or symbol.name}"
        elif known[symbol.name] != symbol.signature:
            yield f"{known[symbol.name] or symbol.name} => {symbol.signature or symbol.name}"
        elif symbol.kind not in CONTAINERS and _touched(symbol, file.added_ranges):
            yield f"~ {symbol.name}"
    left = {symbol.name for symbol in new}
    for name in known:
        if name not in left:
            yield f"- {name}"


def _public(path: str, read: Read) -> list[Symbol]:
    text = read(path)
    if text is None or len(text) > _LARGEST:
        return []
    return [s for s in outline(path, text) if not s.name.rpartition(".")[2].startswith("_")]


def _touched(symbol: Symbol, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= symbol.end_line and symbol.line <= last for first, last in ranges)
