"""Finds the secrets of a text and masks them, without moving a line."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from reviewloop.analysers.secrets.table import RULES, SecretRule

_SHOWN = 4  # characters of a secret that people may see, to recognise which one it is


@dataclass(frozen=True)
class SecretHit:
    """One secret in a text; the value itself is not kept."""

    rule: SecretRule
    line: int  # 1-based, counted by LF
    masked: str
    start: int  # offsets of the value in the text
    end: int


# Values that vendors print in their documentation: they open nothing.
_DOCUMENTED = (
    "IOSFODNN7EXAMPLE",
    "I44QH8DHBEXAMPLE",
    "wJalrXUtnFEMI/K7MDENG",
    "je7MtGbClwBF/2Zp9Utk/",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq",  # the storage emulator's
    ".eyJzdWIiOiIxMjM0NTY3ODkwIiwi",  # jwt.io's
)
_PLACEHOLDER = re.compile(
    r"example|placeholder|change_?-?me|your[_\-]|dummy|redacted|xxxxx|\*\*\*|\.\.\.|0123456789abcdef"
    r"|abcdefghij|1234567890",
    re.IGNORECASE,
)
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
    hits: list[SecretHit] = []
    taken: list[tuple[int, int]] = []
    for rule, start, end in _candidates(text):
        if any(start < other_end and other_start < end for other_start, other_end in taken):
            continue  # the rule that stands first in the table is the more telling one
        taken.append((start, end))
        line = text.count("\n", 0, start) + 1
        hits.append(SecretHit(rule, line, _masked(text[start:end]), start, end))
    return sorted(hits, key=lambda hit: hit.start)


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


def _candidates(text: str) -> Iterator[tuple[SecretRule, int, int]]:
    lowered: str | None = None
    for rule in RULES:
        if rule.pattern.flags & re.IGNORECASE:
            lowered = text.lower() if lowered is None else lowered
            if not any(hint.lower() in lowered for hint in rule.hints):
                continue
        elif not any(hint in text for hint in rule.hints):
            continue
        for match in rule.pattern.finditer(text):
            group = "secret" if "secret" in rule.pattern.groupindex else 0
            if not _is_harmless(rule, match, match.group(group)):
                yield rule, match.start(group), match.end(group)


def _is_harmless(rule: SecretRule, match: re.Match[str], value: str) -> bool:
    if any(known in value for known in _DOCUMENTED) or _PLACEHOLDER.search(value):
        return True
    if rule.name == "database-url":
        user, password, host = match.group("user"), unquote(value), match.group("host")
        return (
            _LOCAL_HOST.fullmatch(host) is not None
            or password.lower() in _WEAK_PASSWORDS
            or password == user
        )
    return _entropy(value) < rule.entropy


def _entropy(value: str) -> float:
    counts = (value.count(character) / len(value) for character in set(value))
    return -sum(share * math.log2(share) for share in counts)


def _masked(value: str) -> str:
    """Keep what identifies the secret, and its line feeds so that line numbers stay right."""
    first, *rest = value.split("\n")
    return "\n".join([f"{first[:_SHOWN]}…", *("…" for _ in rest)])
