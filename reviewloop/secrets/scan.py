"""Finds vendors' secrets in a text, despite invisible characters in them."""

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from itertools import accumulate
from typing import NamedTuple
from urllib.parse import unquote

from reviewloop.analysis.contract import Span
from reviewloop.dataclass import dataclass
from reviewloop.domain.hidden_characters import HIDDEN_RANGES
from reviewloop.regex import regex
from reviewloop.secrets.names import entropy, reads_like_words
from reviewloop.secrets.values import is_documented, is_placeholder
from reviewloop.secrets.vendors import SECRET_RULES, VENDOR_RULES, SecretRule


class Stretch(NamedTuple):
    """A part of a text, by offsets, with a name."""

    start: int
    end: int
    name: str


def join_stretches(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the stretches in order; overlapping ones are joined under the name of the first."""
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
        """Add a stretch; return False if it overlaps an earlier one."""
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
        """Return the 1-based number of the line at an offset."""
        return bisect_right(self._starts, offset)

    def span(self, start: int, end: int) -> Span:
        """Return the span of a stretch; whole lines if it has several."""
        line, last = self.number(start), self.number(max(start, end - 1))
        if last > line:
            return Span(line, last)
        first = self._starts[line - 1]
        return Span(line, line, start - first + 1, end - first + 1)


_RETURN = 0x0D  # before a line feed it belongs to the line's end


def _escapes(ranges: list[tuple[int, int]]) -> str:
    """Return the pattern of JSON's escapes of invisible characters; halves of pairs are emoji."""
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
_SIGN = regex(f"[{_SIGNS}]")
_MARKS = r"⟦U\+[0-9A-F]{4,6}⟧|<U\+[0-9A-F]{4,6}>"  # how models and users see them
_LONE_RETURN = regex(r"\r(?!\n)")
_ESCAPE = regex(_escapes(_RANGES))
_INVISIBLE = regex(
    rf"(?:\x1b\[[0-?]*[ -/]*[@-~]|[{_SIGNS}]|{_LONE_RETURN.pattern}|{_MARKS}|{_ESCAPE.pattern})++"
)


class Visible:
    """A text without its invisible parts; only created if it has any."""

    def __init__(self, text: str, first: int) -> None:
        """Take the text and the offset to start from."""
        parts = _INVISIBLE.split(text[first:])
        parts[0] = text[:first] + parts[0]
        self._starts = [0, *accumulate(map(len, parts[:-1]))]
        self._origins = [0, *(match.end() for match in _INVISIBLE.finditer(text, first))]
        self.text = "".join(parts)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets in the original text of a stretch of at least one character."""
        return self._at(start), self._at(end - 1) + 1

    def _at(self, offset: int) -> int:
        piece = bisect_right(self._starts, offset) - 1
        return self._origins[piece] + offset - self._starts[piece]


def visible_part(text: str) -> Visible | None:
    """Return the text without invisible parts, or None if it has none.

    Invisible are characters that `show_hidden` marks, their marks and JSON escapes, and the
    sequences that colour a terminal.
    """
    first = 1 if text.startswith("\ufeff") else 0
    found = _SIGN.search(text, first) is not None
    found = found or "⟦U+" in text or "<U+" in text
    found = found or text.count("\r") > text.count("\r\n")
    found = found or ("\\u" in text and _ESCAPE.search(text) is not None)
    return Visible(text, first) if found and _INVISIBLE.search(text, first) else None


def without_invisible(text: str) -> str:
    """Return the text without invisible parts."""
    return _INVISIBLE.sub("", text)


def find_through_invisible(
    text: str, find: Callable[[str], Iterable[Stretch]]
) -> Iterator[Stretch]:
    """Yield the results of `find` in the text and in its visible part, as stretches of the text.

    If there are invisible parts they have no order, and may overlap.
    """
    yield from find(text)
    bare = visible_part(text)
    if bare:
        for start, end, name in find(bare.text):
            yield Stretch(*bare.original(start, end), name)


_KEPT_CHARACTERS = 4  # characters of a long secret that users may see, to identify it
_LONG_WORD = regex(r"(?<![A-Za-z0-9_\-])[A-Za-z0-9_\-]{16,}")
_ESCAPED = regex(r"[nrt](?=[A-Za-z])")
_Match = tuple[SecretRule, int, int]
_Candidate = tuple[SecretRule, int, int, re.Match[str]]


@dataclass(frozen=True)
class SecretHit:
    """One secret in a text, without the value itself."""

    rule: SecretRule
    line: int  # 1-based, counted by LF
    redacted: str
    start: int  # offsets of the value in the text
    end: int


class _Rules:
    """Rules that are searched together, with the words required in a text for each."""

    def __init__(self, rules: tuple[SecretRule, ...]) -> None:
        self.all = rules
        self.order = {rule.name: number for number, rule in enumerate(rules)}

    @cached_property
    def needles(self) -> tuple[tuple[str, int], ...]:
        """Required words with the number of their rule."""
        return self._needles(lowered=False)

    @cached_property
    def lowered_needles(self) -> tuple[tuple[str, int], ...]:
        """The same for rules that ignore case."""
        return self._needles(lowered=True)

    def _needles(self, *, lowered: bool) -> tuple[tuple[str, int], ...]:
        return tuple(
            (needle, number)
            for number, rule in enumerate(self.all)
            if rule.ignore_case is lowered and not rule.word_prefixes
            for needle in rule.needles
        )


_ALL = _Rules(SECRET_RULES)
_VENDORS = _Rules(VENDOR_RULES)
_REDACTING = _Rules(tuple(rule for rule in SECRET_RULES if rule.redacts))
_LOCAL_HOST = regex(
    r"localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|[^.]+|(?:.+\.)?example\.(?:com|org|net)"
    r"|.+\.(?:test|local|localhost|invalid|example)",
    re.IGNORECASE,
)
_WEAK_PASSWORDS = frozenset(
    (
        *("password", "passwd", "pass", "secret", "postgres", "mysql", "root", "test", "admin"),
        *("guest", "redis", "user", "changeme", "mongo", "rabbitmq", "hunter2", "qwerty"),
        *("1234", "12345", "123456", "12345678"),
    )
)


def scan_text(text: str) -> list[SecretHit]:
    """Return every secret in the text, in order; one stretch of text is one hit."""
    return _scan(text, _ALL)


def scan_for_vendors(text: str) -> list[SecretHit]:
    """Return the secrets with a format of their own, without guesses from a name."""
    return _scan(text, _VENDORS)


def stretches_to_redact(text: str) -> Iterator[Stretch]:
    """Yield (start, end, name of the rule) of the parts that models must not see, in order."""
    for rule, start, end in _find(text, _REDACTING):
        yield Stretch(start, end, rule.name)


def redact_value(value: str) -> str:
    """Return the identifying part of a secret with its line feeds, so that line numbers stay."""
    first, *rest = value.split("\n")
    kept = first[: min(_KEPT_CHARACTERS, max(1, len(value) // 4))]
    return "\n".join([f"{kept}…", *("…" for _ in rest)])


def _scan(text: str, rules: _Rules) -> list[SecretHit]:
    lines = Lines(text)
    return [
        SecretHit(rule, lines.number(start), redact_value(text[start:end]), start, end)
        for rule, start, end in _find(text, rules)
    ]


def _find(text: str, rules: _Rules) -> list[_Match]:
    """Return the matches of the rules, in order, without overlap."""
    order = rules.order
    candidates = [c for c in _candidates(text, rules) if c[0].name in order]
    if not candidates:
        return []
    candidates.sort(key=lambda c: (order[c[0].name], c[1]))
    hits: list[_Match] = []
    taken = bytearray(len(text))
    for rule, start, end, match in candidates:
        if taken.find(1, start, end) >= 0:  # the first rule of the table is more specific
            continue
        if not _is_harmless(rule, match, text[start:end]):
            taken[start:end] = b"\1" * (end - start)
            hits.append((rule, start, end))
    return sorted(hits, key=lambda hit: hit[1])


@cache
def _by_prefix() -> dict[str, tuple[SecretRule, ...]]:
    """Rules by the first two characters of their tokens' prefixes."""
    table: dict[str, tuple[SecretRule, ...]] = {}
    for rule in VENDOR_RULES:
        for key in sorted({prefix[:2] for prefix in rule.word_prefixes}):
            table[key] = (*table.get(key, ()), rule)
    return table


def _candidates(text: str, rules: _Rules) -> Iterator[_Candidate]:
    yield from _at_long_words(text)
    lowered = text.lower()
    numbers = {number for needle, number in rules.needles if needle in text}
    numbers |= {number for needle, number in rules.lowered_needles if needle in lowered}
    for number in sorted(numbers):
        rule = rules.all[number]
        group: str | int = "secret" if "secret" in rule.pattern.groupindex else 0
        for match in rule.pattern.finditer(text):
            yield rule, match.start(group), match.end(group), match


def _at_long_words(text: str) -> Iterator[_Candidate]:
    table = _by_prefix()
    for word in _LONG_WORD.finditer(text):
        start = word.start()
        if start and text[start - 1] == "\\" and _ESCAPED.match(text, start):
            start += 1  # the word starts after an escaped line feed or tab
        for rule in table.get(text[start : start + 2], ()):
            if not text.startswith(rule.word_prefixes, start):
                continue
            match = rule.at_word_start.match(text, start)
            if match:
                yield rule, match.start(), match.end(), match


def _is_harmless(rule: SecretRule, match: re.Match[str], value: str) -> bool:
    if is_documented(value) or is_placeholder(value) or _repeats(value):
        return True
    if rule.name == "database-url":
        user, password, host = match.group("user"), unquote(value), match.group("host")
        return (
            _LOCAL_HOST.fullmatch(host) is not None
            or password.lower() in _WEAK_PASSWORDS
            or password == user
        )
    if len(value) < 200 and not any(c.isdigit() for c in value[6:]) and reads_like_words(value):
        return True  # an identifier that starts like a token
    return entropy(value) < rule.entropy


_LONGEST_PERIOD = 24


def _repeats(value: str) -> bool:
    """Whether a long value is one short piece over and over, as nobody draws it."""
    signs = "".join(c for c in value if c.isalnum())
    if len(signs) < 4 * _LONGEST_PERIOD:
        return False
    period = signs.find(signs[:10], 1)
    return 0 < period <= _LONGEST_PERIOD and all(
        one == other for one, other in zip(signs, signs[period:], strict=False)
    )
