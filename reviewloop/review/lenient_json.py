"""Reads JSON as models write it: one object, in prose or a code fence, with common mistakes.

Accepted are comments, trailing commas, single quotes, Python's True, False and None, NaN (as null)
and raw line ends in strings. Refused are an incomplete object, a duplicate key, and several
objects, because each would be a guess.
"""

import re
from typing import Any

from reviewloop.regex import regex

_DEEPEST = 60
_OBJECTS_TRIED = 200  # braces to try; a reply with more is no answer
_SPACE = regex(r"(?:\s+|//[^\n]*|#[^\n]*)*+")
_NUMBER = regex(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = regex(r"-?[A-Za-z]+")
_PLAIN = {'"': regex(r'[^"\\]+'), "'": regex(r"[^'\\]+")}
_ESCAPE = regex(r"u([0-9a-fA-F]{4})|(.)", re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None, "none": None, "nan": None}
_WORDS |= {"infinity": None, "-infinity": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class NotOneObjectError(ValueError):
    """There is no object, or more than one; the message says which."""


def the_one_object(text: str) -> tuple[dict[str, object], tuple[int, int]]:
    """Return the only JSON object in a text and its span; raise NotOneObjectError."""
    if text.lstrip().startswith("["):
        raise NotOneObjectError("a list stands where one JSON object must stand")
    found: list[tuple[dict[str, object], tuple[int, int]]] = []
    problem, at, tried = "there is no JSON object in it", text.find("{"), 0
    reader = _Reader(text)
    while at >= 0 and tried < _OBJECTS_TRIED and len(found) < 2:
        tried += 1
        try:
            value, end = reader.value(at, 0)
        except (ValueError, IndexError) as error:
            problem = str(error) if isinstance(error, ValueError) else "the object is cut off"
            if reader.begins(at):  # an object inside of a broken one is only part of it
                raise NotOneObjectError(problem) from None
            end = at + 1
        else:
            found.append((value, (at, end)))
        at = text.find("{", end)
    if not found:
        raise NotOneObjectError(problem)
    if len(found) > 1:
        raise NotOneObjectError("it holds more than one JSON object, and only one can be meant")
    return found[0]


class _Reader:
    """Reads values at positions of a text; each method returns (value, position after it)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._comment = (0, 0)  # cache of the last comment found

    def begins(self, at: int) -> bool:
        """Return whether a brace starts an object, not prose."""
        at = self._past_space(at + 1)
        return self._text[at : at + 1] in {'"', "'", "}"}

    def value(self, at: int, depth: int) -> tuple[Any, int]:
        """Return the value at a position."""
        if depth > _DEEPEST:
            raise ValueError("it is nested too deeply")
        sign = self._text[at]
        if sign == "{":
            return self._object(at + 1, depth)
        if sign == "[":
            return self._list(at + 1, depth)
        if sign in "\"'":
            return self._string(at)
        for pattern in (_NUMBER, _WORD):
            match = pattern.match(self._text, at)
            if match and pattern is _NUMBER:
                return _number(match.group()), match.end()
            if match and match.group().lower() in _WORDS:
                return _WORDS[match.group().lower()], match.end()
        raise ValueError(f"what stands at character {at} is not JSON")

    def _object(self, at: int, depth: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        while True:
            at = self._past_space(at)
            if self._text[at] == "}":
                return found, at + 1
            if self._text[at] not in "\"'":
                raise ValueError(f"no key stands at character {at}")
            key, at = self._string(at)
            at = self._past_space(at)
            if self._text[at] != ":":
                raise ValueError(f"the key {key!r} has no value")
            if key in found:
                raise ValueError(f"the key {key!r} is given twice")
            found[key], at = self.value(self._past_space(at + 1), depth + 1)
            at = self._past_comma(at, "}")

    def _list(self, at: int, depth: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        while True:
            at = self._past_space(at)
            if self._text[at] == "]":
                return found, at + 1
            item, at = self.value(at, depth + 1)
            found.append(item)
            at = self._past_comma(at, "]")

    def _string(self, at: int) -> tuple[str, int]:
        quote, parts = self._text[at], []
        at += 1
        while self._text[at] != quote:
            plain = _PLAIN[quote].match(self._text, at)
            if plain:
                parts.append(plain.group())
                at = plain.end()
                continue
            match = _ESCAPE.match(self._text, at + 1)
            if match is None:
                raise IndexError(at)
            code, sign = match.groups()
            parts.append(chr(int(code, 16)) if code else _ESCAPES.get(sign, sign))
            at = match.end()
        joined = "".join(parts).encode("utf-16", "surrogatepass")  # surrogate pairs
        return joined.decode("utf-16", "replace"), at + 1

    def _past_space(self, at: int) -> int:
        while True:
            match = _SPACE.match(self._text, at)
            at = match.end() if match else at
            end = self._end_of_comment(at) if self._text.startswith("/*", at) else -1
            if end < 0:
                return at
            at = end

    def _end_of_comment(self, at: int) -> int:
        """Return the position after the `/* ... */` at a position, -1 if it is not closed.

        A comment inside of another ends where that one ends.
        """
        begin, end = self._comment
        if not begin <= at <= end - 4:
            close = self._text.find("*/", at + 2)
            self._comment = at, close + 2 if close >= 0 else len(self._text) + 4
            end = self._comment[1]
        return end if end <= len(self._text) else -1

    def _past_comma(self, at: int, closing: str) -> int:
        at = self._past_space(at)
        if self._text[at] == ",":
            return at + 1
        if self._text[at] != closing:
            raise ValueError(f"a comma is missing at character {at}")
        return at


def _number(text: str) -> int | float:
    """Return a number, also with leading zeros, which JSON does not allow."""
    return int(text) if text.lstrip("-").isdecimal() else float(text)


def written_answer(text: str, shown: str) -> dict[str, object] | None:
    """Return the answer that a model wrote as text, or None if that is not certain.

    It must be the only object in the text and not empty (an empty list in prose does not mean "no
    findings"), and must not be in what the model was `shown`: a quotation is not an answer.
    """
    try:
        value, (start, end) = the_one_object(text)
    except NotOneObjectError:
        return None
    is_quoted = _letters(text[start:end]) in _letters(shown)
    return None if is_quoted or not any(value.values()) else value


def _letters(text: str) -> str:
    """Return only the letters, as shown lines have numbers and diff marks between them."""
    return "".join(filter(str.isalpha, text))
