"""Tells where a text gives away a value this machine holds, surely enough to accuse a change.

Hiding may take a harmless word out of a text; a finding must not name one as a secret.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from reviewloop.secrets.masking import Masking
from reviewloop.secrets.stretches import Lines
from reviewloop.secrets.unseen import only_seen
from reviewloop.secrets.values import is_random
from reviewloop.secrets.words import reads_like_words

_ONLY_WORDS = re.compile(r"[A-Za-z]+(?:[-_./: ]+[A-Za-z]+)*")


class GivenAway(NamedTuple):
    """A place that gives a held value away; offsets in the text."""

    start: int
    end: int
    name: str  # the variable, key or setting that holds the value
    drawn: bool  # looks drawn by a machine: there is no harmless reason for it to stand here

    @property
    def what(self) -> str:
        """What stands there, in words, without the value."""
        return f"the value of {self.name}, which this machine holds"


def given_away(text: str, masking: Masking) -> list[GivenAway]:
    """Return the places of held values, in order: drawn ones in part, others only as a whole.

    Words alone are left out, because the same words stand in harmless code.
    """
    found = []
    values = masking.values
    for start, end, name in values.places(text):
        written = only_seen(text[start:end])
        # A part of a drawn value may be its beginning of words, as in prod-service-key-8f3a….
        drawn = is_random(written) or (values.is_drawn(name) and not _reads_like_words(written))
        if drawn or (values.is_whole(written) and not _is_words(written)):
            found.append(GivenAway(start, end, masking.label(name), drawn))
    return found


def _reads_like_words(part: str) -> bool:
    mixed = any(c.islower() for c in part) and any(c.isupper() for c in part)
    return reads_like_words(part) and not (mixed and any(c.isdigit() for c in part))


def _is_words(value: str) -> bool:
    return bool(_ONLY_WORDS.fullmatch(value)) and reads_like_words(value)


def newly_given_away(
    old: str, new: str, added: Callable[[int], bool], masking: Masking
) -> list[tuple[int, GivenAway]]:
    """Return (line, place) of what the added lines of a file give away that it did not before.

    `added` tells whether a line number of the new text was added. Of each value as many places
    count as known as the old text held, untouched lines first.
    """
    found = given_away(new, masking)
    if not found:
        return []
    lines = Lines(new)
    known = Counter(place.name for place in given_away(old, masking))
    placed = [(lines.number(place.start), place) for place in found]
    fresh = []
    for line, place in sorted(placed, key=lambda item: added(item[0])):
        if known[place.name] > 0:
            known[place.name] -= 1
        elif added(line):
            fresh.append((line, place))
    return fresh
