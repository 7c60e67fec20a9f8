"""Cuts the diff of one file into pieces of a bounded length: between hunks, else inside of them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_FILE = "diff --git "


@dataclass(frozen=True)
class Piece:
    """A part of a file's diff that can be read alone; `number` counts from 1 to `of`."""

    path: str
    text: str
    first: int = 0  # lines of the new file that it shows; 0 for none
    last: int = 0
    number: int = 1
    of: int = 1

    @property
    def whole(self) -> bool:
        """Whether it is all of the file's diff."""
        return self.of == 1


@dataclass(frozen=True)
class _Block:
    head: str  # of its file
    text: str  # with its own `@@` line
    first: int
    last: int


def cut(path: str, patch: str, room: int) -> tuple[Piece, ...]:
    """Return the diff of a file in pieces of at most `room` characters, in its order.

    None are returned when it cannot be cut: a line, or the head of the file, is too long.
    """
    if len(patch) <= room:
        return (Piece(path, patch),)
    blocks = list(_blocks(patch, room))
    if not blocks or any(len(block.head) + len(block.text) > room for block in blocks):
        return ()
    groups: list[list[_Block]] = []
    left = 0
    for block in blocks:
        new_head = not groups or groups[-1][-1].head != block.head
        size = len(block.text) + (len(block.head) if new_head else 0)
        if not groups or size > left:
            groups.append([])
            left, size = room, len(block.text) + len(block.head)
        groups[-1].append(block)
        left -= size
    pieces = [_piece(path, group) for group in groups]
    return tuple(replace(p, number=n, of=len(pieces)) for n, p in enumerate(pieces, 1))


def _piece(path: str, blocks: Sequence[_Block]) -> Piece:
    text, head = "", ""
    for block in blocks:
        if block.head != head:
            text += block.head
            head = block.head
        text += block.text
    shown = [block for block in blocks if block.last]
    first = min((block.first for block in shown), default=0)
    return Piece(path, text, first, max((block.last for block in shown), default=0))


def _blocks(patch: str, room: int) -> Iterator[_Block]:
    """Yield the hunks, those that are too long in parts of their own.

    Lines of a hunk begin with a sign, so what begins otherwise is a hunk's or a file's head.
    """
    head: list[str] = []
    hunk: list[str] = []
    for line in [*patch.splitlines(keepends=True), ""]:
        begins = _HUNK.match(line) is not None or line.startswith(_FILE) or not line
        if begins and hunk:
            yield from _parts("".join(head), hunk, room)
            hunk = []
        if _HUNK.match(line) or hunk:
            hunk.append(line)
        elif line.startswith(_FILE):
            head = [line]
        else:
            head.append(line)


def _parts(head: str, hunk: Sequence[str], room: int) -> Iterator[_Block]:
    old, new = map(int, _HUNK.findall(hunk[0])[0])
    if len(head) + sum(map(len, hunk)) <= room:
        yield _block(head, hunk[0], hunk[1:], new)
        return
    reserve = room - len(head) - 80  # for an `@@` line
    some: list[str] = []
    size = 0
    for line in [*hunk[1:], ""]:
        if some and (not line or size + len(line) > reserve):
            minus = sum(text[:1] in "- " for text in some)
            plus = sum(text[:1] in "+ " for text in some)
            yield _block(head, f"@@ -{old},{minus} +{new},{plus} @@\n", some, new)
            old, new = old + minus, new + plus
            some, size = [], 0
        some.append(line)
        size += len(line)


def _block(head: str, mark: str, lines: Sequence[str], new: int) -> _Block:
    plus = sum(text[:1] in ("+", " ") for text in lines)
    return _Block(head, mark + "".join(lines), new if plus else 0, new + plus - 1 if plus else 0)
