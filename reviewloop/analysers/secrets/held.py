"""Finds the secrets that this machine holds in a text, however the text spells them."""

from collections.abc import Iterable
from typing import NamedTuple

from reviewloop.analysers.secrets.encodings import SHORTEST, Form, forms_of

_GRAM = 6  # characters of a form that are looked up at once
_STEP = SHORTEST - _GRAM + 1  # whatever is found holds a gram at a multiple of this


class Place(NamedTuple):
    """A stretch of a text that gives a held value away; `name` says whose value."""

    start: int
    end: int
    name: str


class Held:
    """The values of a run by their names, built once; threads may share it.

    Values shorter than 8 characters are left out: they would take harmless words out of texts.
    """

    def __init__(self, values: Iterable[tuple[str, str]] = ()) -> None:
        self._forms: list[tuple[Form, str]] = []
        self._grams: dict[str, list[tuple[int, int]]] = {}  # gram -> (form, offset in it)
        seen: set[str] = set()
        for name, value in values:
            if len(value) < SHORTEST or value in seen:
                continue
            seen.add(value)
            for form in dict.fromkeys(forms_of(value)):
                self._add(form, name)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def places(self, text: str) -> list[Place]:
        """Return the stretches of the text that give a value away, in order, without overlap."""
        grams = self._grams
        if not grams:
            return []
        found: list[Place] = []
        for at in [i for i in range(0, len(text), _STEP) if text[i : i + _GRAM] in grams]:
            if found and at + _GRAM <= found[-1].end:
                continue
            place = self._around(text, at)
            if place is None:
                continue
            while found and found[-1].end > place.start:
                before = found.pop()
                place = Place(
                    min(before.start, place.start), max(before.end, place.end), place.name
                )
            found.append(place)
        return found

    def names_in(self, text: str) -> tuple[str, ...]:
        """Return whose values the text gives away, each once."""
        return tuple(dict.fromkeys(place.name for place in self.places(text)))

    def _add(self, form: Form, name: str) -> None:
        number = len(self._forms)
        self._forms.append((form, name))
        for offset in range(len(form.text) - _GRAM + 1):
            self._grams.setdefault(form.text[offset : offset + _GRAM], []).append((number, offset))

    def _around(self, text: str, at: int) -> Place | None:
        """Return the longest stretch around a gram that is long enough to give a value away."""
        best: Place | None = None
        for number, offset in self._grams[text[at : at + _GRAM]]:
            form, name = self._forms[number]
            start, end = _common(text, at, form.text, offset)
            if end - start >= form.least and (best is None or end - start > best.end - best.start):
                best = Place(start, end, name)
        return best


def _common(text: str, at: int, form: str, offset: int) -> tuple[int, int]:
    """Return how far text and form agree to both sides of these places."""
    left = 0
    while left < at and left < offset and text[at - left - 1] == form[offset - left - 1]:
        left += 1
    right, most = _GRAM, min(len(text) - at, len(form) - offset)
    while right < most and text[at + right] == form[offset + right]:
        right += 1
    return at - left, at + right
