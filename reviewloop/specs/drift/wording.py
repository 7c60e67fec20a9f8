"""Tells whether two texts say the same: spaces, order, punctuation and emphasis mean nothing."""

import re
from collections.abc import Mapping

from reviewloop.specs.drift.spec_names import unset

_MARKER = re.compile(r"^\s*(?:[-*+]\s+|\d+[.)]\s+|#{1,6}\s+|>\s*|\|\s*)+(?:\[[ xX~-]\]\s+)?")
_BREAK = re.compile(r"[.;:!?,|()\"“”„‘’«»\[\]{}]+(?=\s|$)|[(\"“”„‘’«»\[\]{}|]+|\s[-–—]\s|\n")
_CLAUSE = re.compile(r"\b(?=(?:when|if|while|where|given|unless)\b)")
_DROPPED = re.compile(r"\bthen\b")
_JOINED = re.compile(r"\s+(and|or)\s+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_TOKEN = re.compile(r"-?\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?|[%$€£°<>=≤≥≠±₂&@#/]|\d+|_")


def clauses(text: str) -> tuple[tuple[str, ...], ...]:
    """Return what a text says: its clauses as words, in an order that does not depend on its own.

    Within a clause the order of the words counts: there it has a meaning.
    """
    found: list[tuple[str, ...]] = []
    flat = "\n".join(_MARKER.sub("", unset(line)) for line in text.splitlines())
    flat = _THOUSANDS.sub("", flat).casefold()
    flat = re.sub(r"(?<=\w)[-‐‑](?=[^\W\d])", " ", flat)
    flat = re.sub(r"\n(?!\n)(?=\s*\S)", " ", flat) if "\n\n" not in flat else flat
    for part in _BREAK.split(flat):
        for clause in _CLAUSE.split(_DROPPED.sub(" \0 ", part)):
            for piece in clause.split("\0"):
                bits = _JOINED.split(f" {piece} ")
                found += [words for bit in bits if (words := tuple(_TOKEN.findall(bit)))]
    return tuple(sorted(found))


def same_meaning(one: str, other: str) -> bool:
    """Whether two texts differ in nothing that has a meaning."""
    return " ".join(one.split()) == " ".join(other.split()) or clauses(one) == clauses(other)


def changed_words(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of `before` that say something else now, and those that are gone, by key.

    What another key says now has only been moved.
    """
    present = {clauses(text) for text in now.values()}
    return {
        key: text
        for key, text in before.items()
        if clauses(text) not in present and not same_meaning(text, now.get(key, ""))
    }
