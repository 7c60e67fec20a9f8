"""Reads a text as if what nobody sees in it were not there, and tells where what is left stood."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from reviewloop.domain.hidden_characters import HIDDEN_RANGES
from reviewloop.secrets.stretches import Stretch

_RETURN = 0x0D  # in front of a line feed it is a part of the line's end


def _escapes(ranges: list[tuple[int, int]]) -> str:
    """Return the pattern of JSON's escapes of hidden characters; halves of pairs are emoji."""
    by_head: dict[str, str] = {}
    for first, last in ranges:
        if first < 0x10000 and first != 0xD800:
            for code in range(first, last + 1):
                head, sign = f"{code:04x}"[:3], f"{code:04x}"[3]
                by_head[head] = by_head.get(head, "") + sign
    heads = "|".join(f"{head}[{signs}]" for head, signs in by_head.items())
    return rf"\\u(?i:{heads})"


def _without_return() -> list[tuple[int, int]]:
    around = next(r for r in HIDDEN_RANGES if r[0] <= _RETURN <= r[1])
    others = [r for r in HIDDEN_RANGES if r is not around]
    return [(around[0], _RETURN - 1), (_RETURN + 1, around[1]), *others]


_RANGES = _without_return()
_SIGNS = "".join(f"{chr(first)}-{chr(last)}" for first, last in _RANGES)
_SIGN = re.compile(f"[{_SIGNS}]")
_MARKS = r"⟦U\+[0-9A-F]{4,6}⟧|<U\+[0-9A-F]{4,6}>"  # how they are shown to models and people
_LONE_RETURN = re.compile(r"\r(?!\n)")
_ESCAPE = re.compile(_escapes(_RANGES))
_UNSEEN = re.compile(
    rf"(?:\x1b\[[0-?]*[ -/]*[@-~]|[{_SIGNS}]|{_LONE_RETURN.pattern}|{_MARKS}|{_ESCAPE.pattern})++"
)


class Seen:
    """What is left of a text without what nobody sees; only made when there is any of that."""

    def __init__(self, text: str, first: int) -> None:
        """Take the text and where to look from."""
        parts = _UNSEEN.split(text[first:])
        parts[0] = text[:first] + parts[0]
        self._starts = [0, *accumulate(map(len, parts[:-1]))]
        self._origins = [0, *(match.end() for match in _UNSEEN.finditer(text, first))]
        self.text = "".join(parts)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where a stretch of at least one character stands in the text itself."""
        return self._at(start), self._at(end - 1) + 1

    def _at(self, offset: int) -> int:
        piece = bisect_right(self._starts, offset) - 1
        return self._origins[piece] + offset - self._starts[piece]


def seen(text: str) -> Seen | None:
    """Return the text without what nobody sees, or None when everything in it is seen.

    Not seen are characters that `show_hidden` marks, their marks and JSON escapes, and the
    sequences that colour a terminal.
    """
    first = 1 if text.startswith("\ufeff") else 0
    found = _SIGN.search(text, first) is not None
    found = found or "⟦U+" in text or "<U+" in text
    found = found or text.count("\r") > text.count("\r\n")
    found = found or ("\\u" in text and _ESCAPE.search(text) is not None)
    return Seen(text, first) if found and _UNSEEN.search(text, first) else None


def only_seen(text: str) -> str:
    """Return the text without what nobody sees."""
    return _UNSEEN.sub("", text)


def through_unseen(text: str, find: Callable[[str], Iterable[Stretch]]) -> Iterator[Stretch]:
    """Yield what `find` finds in the text and in what is seen of it, as stretches of the text.

    When something is not seen they are in no order, and may overlap.
    """
    yield from find(text)
    bare = seen(text)
    if bare:
        for start, end, name in find(bare.text):
            yield Stretch(*bare.original(start, end), name)
