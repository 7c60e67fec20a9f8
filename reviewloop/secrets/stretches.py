"""Keeps the stretches of a text that are spoken for, and turns offsets into lines and columns."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from reviewloop.analysis.contract import Span


class Stretch(NamedTuple):
    """A part of a text, by offsets, and what stands there."""

    start: int
    end: int
    name: str


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the stretches in order; what overlaps becomes one, named by its first."""
    result: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda s: (s.start, -s.end)):
        if result and stretch.start < result[-1].end:
            before = result.pop()
            stretch = Stretch(before.start, max(before.end, stretch.end), before.name)
        result.append(stretch)
    return result


class Stretches:
    """Stretches of one text that do not overlap."""

    def __init__(self) -> None:
        self._all: list[tuple[int, int]] = []

    def take(self, start: int, end: int) -> bool:
        """Take a stretch; False when a part of it is taken already."""
        at = bisect_left(self._all, (start, start))
        if at < len(self._all) and self._all[at][0] < end:
            return False
        if at and self._all[at - 1][1] > start:
            return False
        insort(self._all, (start, end))
        return True


class Lines:
    """The lines of one text, by offset."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _starts(self) -> list[int]:
        starts, at = [0], self._text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self._text.find("\n", at + 1)
        return starts

    def number(self, offset: int) -> int:
        """Return the 1-based number of the line that an offset lies in."""
        return bisect_right(self._starts, offset)

    def span(self, start: int, end: int) -> Span:
        """Return the place of a stretch; whole lines when it goes over several."""
        line, last = self.number(start), self.number(max(start, end - 1))
        if last > line:
            return Span(line, last)
        first = self._starts[line - 1]
        return Span(line, line, start - first + 1, end - first + 1)
