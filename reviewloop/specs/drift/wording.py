"""Compares the meaning of two texts: spaces, order, punctuation and emphasis do not count."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from reviewloop.regex import regex

_BULLET = regex(r"^(\s*)[*+](\s)")
_EMPHASIS = regex(r"\*+|`+|(?<![A-Za-z0-9])_+(?=\S)|(?<=\S)_+(?![A-Za-z0-9])")
_MARKER = regex(r"^\s*(?:[-*+]\s+|\d+[.)]\s+|#{1,6}\s+|>\s*|\|\s*)+(?:\[[ xX~-]\]\s+)?")
_BREAK = regex(r"[.;:!?,|()\[\]{}]+(?=\s|$)|[(\[\]{}|]+|\s[-–—]\s")
_CLAUSE = regex(r"\b(?=(?:when|if|while|where|given|unless)\b)")
_DROPPED = regex(r"\bthen\b")
_JOINED = regex(r"\s+(and|or)\s+")
_THOUSANDS = regex(r"(?<=\d),(?=\d{3}\b)")
_TOKEN = regex(r"-?\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?|[%$€£°<>=≤≥≠±₂&@#/]|\d+|_")


Words = tuple[str, ...]


def unset(text: str) -> str:
    """Return a line without emphasis and code ticks."""
    return _EMPHASIS.sub("", _BULLET.sub(r"\1-\2", text))


def clauses(text: str) -> tuple[Words, ...]:
    """Return the clauses of a text as words, in an order independent of the text's.

    Within a clause the order of the words counts, as it changes the meaning.
    """
    found: list[Words] = []
    for line in _lines(text):
        for part in _BREAK.split(line):
            for clause in _CLAUSE.split(_DROPPED.sub(" \0 ", part)):
                for piece in clause.split("\0"):
                    bits = _JOINED.split(f" {piece} ")
                    found += [words for bit in bits if (words := _words(bit))]
    return tuple(sorted(found))


def _words(text: str) -> Words:
    return tuple(_TOKEN.findall(text))


def _lines(text: str) -> list[str]:
    """Return the logical lines of a text: a continued line is joined."""
    found: list[str] = []
    goes_on = False
    for line in text.splitlines():
        if goes_on and line.strip() and not _MARKER.match(line):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
        goes_on = bool(line.strip())
    plain = "\n".join(_MARKER.sub("", unset(line)) for line in found)
    plain = _THOUSANDS.sub("", plain).casefold()
    return re.sub(r"(?<=\w)[-‐‑](?=[^\W\d])", " ", plain).split("\n")


def same_meaning(one: str, other: str) -> bool:
    """Whether two texts have the same meaning."""
    return not set(_keys(one)).isdisjoint(_keys(other))


@lru_cache(maxsize=16384)
def _keys(text: str) -> tuple[tuple[object, ...], ...]:
    """Return keys of a text; texts of the same meaning share one: all words in a row, or all
    clauses.
    """
    return _words(" ".join(_lines(text))), ("clauses", *clauses(text))


Meanings = frozenset[tuple[object, ...]]


def meanings_of(texts: Iterable[str]) -> Meanings:
    """Return the meanings of texts, to check whether another one matches any of them."""
    return frozenset(key for text in texts for key in _keys(text))


def changed_words(before: Mapping[str, str], now: Meanings) -> dict[str, str]:
    """Return the texts of `before` whose meaning changed, and those that are gone, by key.

    A text that is now under another key only moved.
    """
    return {key: text for key, text in before.items() if now.isdisjoint(_keys(text))}
