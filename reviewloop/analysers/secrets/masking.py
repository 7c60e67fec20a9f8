"""Hides secrets in everything that leaves or is stored, and puts them back where they stood."""

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from reviewloop.analysers.secrets.held import Held
from reviewloop.analysers.secrets.scanning import mask, scan_text

_MARK = "⟦secret:"
_PLACEHOLDER = re.compile(r"⟦secret:([A-Za-z0-9_.\-]{1,60}):[0-9a-f]{6}⟧")
_NO_NAME = re.compile(r"[^A-Za-z0-9_.\-]+")


class MisplacedSecretError(ValueError):
    """A new text holds the placeholder of a secret where the secret did not stand before."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder)
        self.placeholder = placeholder


class _Stretch(NamedTuple):
    start: int
    end: int
    label: str


class Masking:
    """What hides secrets in one run: the values this machine holds, and what vendors' rules find.

    `key` numbers the placeholders: equal values of runs with the same key have the same number,
    and without the key the number says nothing about the value. Lines keep their numbers.
    """

    def __init__(self, held: Held | None = None, key: bytes = b"") -> None:
        self._held = held or Held()
        self._key = key

    def for_models(self, text: str) -> str:
        """Return the text with every secret as `⟦secret:KIND:NUMBER⟧`; twice is the same as once.

        A secret of several lines has one placeholder in each of them.
        """
        return self._shown(text)[0]

    def for_people(self, text: str) -> str:
        """Return the text with held values as placeholders and others cut: `ghp_…`."""
        return mask(self.held(text))

    def held(self, text: str) -> str:
        """Return the text with only the held values hidden, as `⟦secret:NAME:NUMBER⟧`."""
        return "".join(_pieces(text, self._held_in(text), self._placeholder))

    def names_in(self, text: str) -> tuple[str, ...]:
        """Return the names of the held values that a text gives away."""
        return self._held.names_in(text)

    def restored(self, old: str, new: str) -> str:
        """Return what to write when a model changed the shown form of `old` to `new`.

        Raises `MisplacedSecretError` when a line with a placeholder is not one of the old text,
        as often as it stood there; indentation may change.
        """
        if _MARK not in new:
            return new
        shown, values = self._shown(old)
        left = Counter(line.strip() for line in shown.split("\n"))
        for line in new.split("\n"):
            if _MARK in line:
                left[line.strip()] -= 1
                if left[line.strip()] < 0:
                    found = _PLACEHOLDER.search(line)
                    raise MisplacedSecretError(found.group() if found else f"{_MARK}…")
        return _PLACEHOLDER.sub(lambda match: values.get(match.group(), match.group()), new)

    def number(self, text: str) -> str:
        """Return six hexadecimal digits that stand for a text and tell nothing about it."""
        data = text.encode("utf-8", "surrogatepass")
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()[:6]

    def _shown(self, text: str) -> tuple[str, dict[str, str]]:
        """Return the text as models see it, and what its placeholders stand for."""
        values: dict[str, str] = {}

        def placed(value: str, label: str) -> str:
            placeholder = self._placeholder(value, label)
            values[placeholder] = value
            return placeholder

        found = [*self._held_in(text), *_issued_by_vendors(text)]
        return "".join(_pieces(text, _joined(found), placed)), values

    def _placeholder(self, value: str, label: str) -> str:
        return f"{_MARK}{label}:{self.number(value)}⟧"

    def _held_in(self, text: str) -> list[_Stretch]:
        return [_Stretch(p.start, p.end, self._label(p.name)) for p in self._held.places(text)]

    def _label(self, name: str) -> str:
        label = _NO_NAME.sub("-", name)[:60]
        return "held" if not label or self._held.places(label) else label


def canonical(text: str) -> str:
    """Return the text with placeholders without their numbers, which differ between machines."""
    return _PLACEHOLDER.sub(r"⟦secret:\1⟧", text) if _MARK in text else text


def _issued_by_vendors(text: str) -> Iterator[_Stretch]:
    from reviewloop.analysers.secrets.guesses import vendors_by_name  # its patterns take a while

    for hit in scan_text(text):
        if hit.rule.masks:
            yield _Stretch(hit.start, hit.end, hit.rule.name)
    for rule, start, end in vendors_by_name(text):
        yield _Stretch(start, end, rule.name)


def _joined(stretches: list[_Stretch]) -> list[_Stretch]:
    """Return the stretches in order; what overlaps becomes one, named by its first."""
    result: list[_Stretch] = []
    for stretch in sorted(stretches, key=lambda s: (s.start, -s.end)):
        if result and stretch.start < result[-1].end:
            before = result.pop()
            stretch = _Stretch(before.start, max(before.end, stretch.end), before.label)
        result.append(stretch)
    return result


def _pieces(
    text: str, stretches: list[_Stretch], placed: Callable[[str, str], str]
) -> Iterator[str]:
    """Yield the text with the stretches replaced, line by line so that line feeds stay."""
    position = 0
    for stretch in stretches:
        yield text[position : stretch.start]
        lines = text[stretch.start : stretch.end].split("\n")
        yield "\n".join(placed(line, stretch.label) if line.strip() else line for line in lines)
        position = stretch.end
    yield text[position:]
