"""Finds where a text exposes a held value, surely enough to accuse a change."""

import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from reviewloop.secrets.names import reads_like_words
from reviewloop.secrets.redaction import Redactor
from reviewloop.secrets.scan import Lines, without_invisible
from reviewloop.secrets.values import is_random

_ONLY_WORDS = re.compile(r"[A-Za-z]+(?:[-_./: ]+[A-Za-z]+)*")


class Exposure(NamedTuple):
    """A stretch that exposes a held value; offsets in the text."""

    start: int
    end: int
    name: str  # the variable, key or setting that holds the value
    drawn: bool  # looks drawn by a machine: there is no harmless reason for it to stand here

    @property
    def what(self) -> str:
        """What stands there, in words, without the value."""
        return f"the value of {self.name}, which this machine holds"


def find_exposures(text: str, redactor: Redactor) -> list[Exposure]:
    """Return the places of held values, in order: drawn ones in part, others only as a whole.

    Words alone are left out, because the same words stand in harmless code.
    """
    found = []
    values = redactor.values
    for start, end, name in values.places(text):
        written = without_invisible(text[start:end])
        # A part of a drawn value may be its beginning of words, as in prod-service-key-8f3a….
        drawn = is_random(written) or (values.is_drawn(name) and not _reads_like_words(written))
        if drawn or (values.is_whole(written) and not _is_words(written)):
            found.append(Exposure(start, end, redactor.label(name), drawn))
    return found


def _reads_like_words(part: str) -> bool:
    mixed = any(c.islower() for c in part) and any(c.isupper() for c in part)
    return reads_like_words(part) and not (mixed and any(c.isdigit() for c in part))


def _is_words(value: str) -> bool:
    return bool(_ONLY_WORDS.fullmatch(value)) and reads_like_words(value)


def find_new_exposures(
    old: str, new: str, added: Callable[[int], bool], redactor: Redactor
) -> list[tuple[int, Exposure]]:
    """Return (line, place) of what the added lines of a file expose that it did not before.

    `added` tells whether a line number of the new text was added. Of each value as many places
    count as known as the old text held, untouched lines first.
    """
    found = find_exposures(new, redactor)
    if not found:
        return []
    lines = Lines(new)
    known = Counter(place.name for place in find_exposures(old, redactor))
    placed = [(lines.number(place.start), place) for place in found]
    fresh = []
    for line, place in sorted(placed, key=lambda item: added(item[0])):
        if known[place.name] > 0:
            known[place.name] -= 1
        elif added(line):
            fresh.append((line, place))
    return fresh
