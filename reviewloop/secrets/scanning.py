"""Finds the secrets of a text and masks them, without moving a line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from urllib.parse import unquote

from reviewloop.secrets.placeholders import is_documented, is_placeholder
from reviewloop.secrets.rule import SecretRule
from reviewloop.secrets.stretches import Lines, Stretch, joined
from reviewloop.secrets.table import RULES, VENDOR_RULES
from reviewloop.secrets.unseen import through_unseen
from reviewloop.secrets.words import entropy, reads_like_words

_SHOWN = 4  # characters of a long secret that people may see, to recognise which one it is
_LONG_WORD = re.compile(r"(?<![A-Za-z0-9_\-])[A-Za-z0-9_\-]{16,}")
_ESCAPED = re.compile(r"[nrt](?=[A-Za-z])")
_Found = tuple[SecretRule, int, int]
_Candidate = tuple[SecretRule, int, int, re.Match[str]]


@dataclass(frozen=True)
class SecretHit:
    """One secret in a text; the value itself is not kept."""

    rule: SecretRule
    line: int  # 1-based, counted by LF
    masked: str
    start: int  # offsets of the value in the text
    end: int


class _Rules:
    """Rules that are looked for together, with what a text must hold for one to be tried."""

    def __init__(self, rules: tuple[SecretRule, ...]) -> None:
        self.all = rules
        self.order = {rule.name: number for number, rule in enumerate(rules)}

    @cached_property
    def needles(self) -> tuple[tuple[str, int], ...]:
        """Words with the number of their rule."""
        return self._needles(lowered=False)

    @cached_property
    def lowered_needles(self) -> tuple[tuple[str, int], ...]:
        """The same of rules that ignore case."""
        return self._needles(lowered=True)

    def _needles(self, *, lowered: bool) -> tuple[tuple[str, int], ...]:
        return tuple(
            (needle, number)
            for number, rule in enumerate(self.all)
            if rule.ignore_case is lowered and not rule.word_prefixes
            for needle in rule.needles
        )


_ALL = _Rules(RULES)
_VENDORS = _Rules(VENDOR_RULES)
_MASKING = _Rules(tuple(rule for rule in RULES if rule.masks))
_LOCAL_HOST = re.compile(
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
    """Return the secrets whose own shape betrays them; nothing that is guessed from a name."""
    return _scan(text, _VENDORS)


def masked_stretches(text: str) -> Iterator[Stretch]:
    """Yield (start, end, name of the rule) of what models must not see, in order."""
    for rule, start, end in _found(text, _MASKING):
        yield Stretch(start, end, rule.name)


def mask(text: str) -> str:
    """Return the text with every secret cut to its first characters; lines keep their numbers.

    A secret is found although hidden characters stand inside of it.
    """
    parts: list[str] = []
    position = 0
    for start, end, _ in joined(through_unseen(text, masked_stretches)):
        parts += [text[position:start], masked_value(text[start:end])]
        position = end
    return "".join((*parts, text[position:]))


def masked_value(value: str) -> str:
    """Keep what identifies a secret, and its line feeds so that line numbers stay right."""
    first, *rest = value.split("\n")
    shown = first[: min(_SHOWN, max(1, len(value) // 4))]
    return "\n".join([f"{shown}…", *("…" for _ in rest)])


def hide(line: str, column: int, end_column: int) -> str:
    """Return a line with the secret in it masked; columns are a hit's: 1-based, end exclusive."""
    secret = masked_value(line[column - 1 : end_column - 1])
    return f"{line[: column - 1]}{secret}{line[end_column - 1 :]}"


def _scan(text: str, rules: _Rules) -> list[SecretHit]:
    lines = Lines(text)
    return [
        SecretHit(rule, lines.number(start), masked_value(text[start:end]), start, end)
        for rule, start, end in _found(text, rules)
    ]


def _found(text: str, rules: _Rules) -> list[_Found]:
    """Return what the rules find, in order, without overlap."""
    order = rules.order
    candidates = [c for c in _candidates(text, rules) if c[0].name in order]
    if not candidates:
        return []
    candidates.sort(key=lambda c: (order[c[0].name], c[1]))
    hits: list[_Found] = []
    taken = bytearray(len(text))
    for rule, start, end, match in candidates:
        if taken.find(1, start, end) >= 0:  # the rule that stands first in the table tells more
            continue
        if not _is_harmless(rule, match, text[start:end]):
            taken[start:end] = b"\1" * (end - start)
            hits.append((rule, start, end))
    return sorted(hits, key=lambda hit: hit[1])


@cache
def _by_prefix() -> dict[str, tuple[SecretRule, ...]]:
    """Rules by the first two characters of the words that their tokens begin with."""
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
            start += 1  # the word begins behind an escaped line feed or tab
        for rule in table.get(text[start : start + 2], ()):
            if not text.startswith(rule.word_prefixes, start):
                continue
            match = rule.at_word_start.match(text, start)
            if match:
                yield rule, match.start(), match.end(), match


def _is_harmless(rule: SecretRule, match: re.Match[str], value: str) -> bool:
    if is_documented(value) or is_placeholder(value):
        return True
    if rule.name == "database-url":
        user, password, host = match.group("user"), unquote(value), match.group("host")
        return (
            _LOCAL_HOST.fullmatch(host) is not None
            or password.lower() in _WEAK_PASSWORDS
            or password == user
        )
    if len(value) < 200 and not any(c.isdigit() for c in value[6:]) and reads_like_words(value):
        return True  # an identifier that begins like a token
    return entropy(value) < rule.entropy
