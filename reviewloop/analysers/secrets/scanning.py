"""Finds the secrets of a text and masks them, without moving a line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from reviewloop.analysers.secrets.placeholders import is_documented, is_placeholder
from reviewloop.analysers.secrets.rule import SecretRule
from reviewloop.analysers.secrets.stretches import Lines, Stretches
from reviewloop.analysers.secrets.table import RULES, VENDOR_RULES
from reviewloop.analysers.secrets.words import entropy, reads_like_words

_SHOWN = 4  # characters of a long secret that people may see, to recognise which one it is
_LONG_WORD = re.compile(r"(?<![A-Za-z0-9_\-])[A-Za-z0-9_\-]{16,}")
_ESCAPED = re.compile(r"[nrt](?=[A-Za-z])")


@dataclass(frozen=True)
class SecretHit:
    """One secret in a text; the value itself is not kept."""

    rule: SecretRule
    line: int  # 1-based, counted by LF
    masked: str
    start: int  # offsets of the value in the text
    end: int


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
    return _scan(text, RULES)


def scan_for_vendors(text: str) -> list[SecretHit]:
    """Return the secrets whose own shape betrays them; nothing that is guessed from a name."""
    return _scan(text, VENDOR_RULES)


def mask(text: str) -> str:
    """Return the text with every secret cut to its first characters; lines keep their numbers."""
    parts: list[str] = []
    position = 0
    for hit in scan_text(text):
        if not hit.rule.masks:
            continue
        parts += [text[position : hit.start], hit.masked]
        position = hit.end
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


def _scan(text: str, rules: tuple[SecretRule, ...]) -> list[SecretHit]:
    order = {rule.name: index for index, rule in enumerate(rules)}
    found = [c for c in _candidates(text, rules) if c[0].name in order]
    hits: list[SecretHit] = []
    taken = Stretches()
    lines = Lines(text)
    for rule, start, end in sorted(found, key=lambda c: (order[c[0].name], c[1])):
        if taken.take(start, end):  # the rule that stands first in the table is more telling
            value = masked_value(text[start:end])
            hits.append(SecretHit(rule, lines.number(start), value, start, end))
    return sorted(hits, key=lambda hit: hit.start)


@cache
def _by_prefix() -> dict[str, tuple[SecretRule, ...]]:
    """Rules by the first two characters of the words that their tokens begin with."""
    table: dict[str, tuple[SecretRule, ...]] = {}
    for rule in VENDOR_RULES:
        for key in sorted({prefix[:2] for prefix in rule.word_prefixes}):
            table[key] = (*table.get(key, ()), rule)
    return table


def _candidates(text: str, rules: tuple[SecretRule, ...]) -> Iterator[tuple[SecretRule, int, int]]:
    yield from _at_long_words(text)
    lowered: str | None = None
    for rule in rules:
        if rule.word_prefixes:
            continue
        if rule.ignore_case:
            lowered = text.lower() if lowered is None else lowered
            if not any(needle in lowered for needle in rule.needles):
                continue
        elif not any(needle in text for needle in rule.needles):
            continue
        group: str | int = "secret" if "secret" in rule.pattern.groupindex else 0
        for match in rule.pattern.finditer(text):
            if not _is_harmless(rule, match, match.group(group)):
                yield rule, match.start(group), match.end(group)


def _at_long_words(text: str) -> Iterator[tuple[SecretRule, int, int]]:
    table = _by_prefix()
    for word in _LONG_WORD.finditer(text):
        start = word.start()
        if start and text[start - 1] == "\\" and _ESCAPED.match(text, start):
            start += 1  # the word begins behind an escaped line feed or tab
        for rule in table.get(text[start : start + 2], ()):
            if not text.startswith(rule.word_prefixes, start):
                continue
            match = rule.at_word_start.match(text, start)
            if match and not _is_harmless(rule, match, match.group()):
                yield rule, match.start(), match.end()


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
