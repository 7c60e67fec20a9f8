"""Compares versions and reads version requirements, each as its ecosystem does."""

import re
from dataclasses import dataclass
from typing import Any

from reviewloop.rules.dependencies.manifest import Ecosystem

Key = tuple[Any, ...]
"""What versions of one ecosystem are compared by; the empty one is less than all."""

LOWEST: Key = ()
_SEMVER = re.compile(
    r"v?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_CLAUSE = re.compile(r"(===|==|~=|!=|>=|<=|=|>|<|\^|~>|~)?\s*v?([0-9xX*][^\s,|]*)")
_PARTS = re.compile(r"\d{1,18}")


@dataclass(frozen=True)
class Span:
    """A run of versions: from `low` up to `high`, which None leaves open."""

    low: Key = LOWEST
    high: Key | None = None
    high_included: bool = False

    def within(self, other: "Span") -> bool:
        """Whether every version of this run lies in the other one."""
        if self.low < other.low:
            return False
        if other.high is None:
            return True
        if self.high is None or self.high > other.high:
            return False
        return self.high < other.high or other.high_included or not self.high_included


def key(ecosystem: Ecosystem, version: str) -> Key | None:
    """Return what a version is compared by, None when it is none."""
    if version == "0":
        return LOWEST
    if ecosystem is Ecosystem.PYPI:
        from packaging.version import InvalidVersion, Version

        try:
            return (Version(version),)
        except InvalidVersion:
            return None
    found = _SEMVER.fullmatch(version.strip())
    if found is None:
        return None
    major, minor, patch, pre = found.groups()
    return (int(major), int(minor or 0), int(patch or 0), *_prerelease(pre))


def _prerelease(text: str | None) -> Key:
    if text is None:
        return (1,)
    parts = (
        (0, int(part), "") if part.isdecimal() and len(part) < 19 else (1, 0, part)
        for part in text.split(".")
    )
    return (0, tuple(parts))


def allowed(ecosystem: Ecosystem, requirement: str) -> Span | None:
    """Return the run of versions a requirement lets in, None when that cannot be told."""
    text = requirement.strip()
    if not text or text in {"*", "latest", "x"}:
        return Span()
    if "||" in text or " - " in text:
        return None
    low, high, included = LOWEST, None, False
    found = False
    for clause in _CLAUSE.finditer(text):
        span = _clause(ecosystem, clause.group(1) or "", clause.group(2))
        found = True
        if span is None:
            return None
        low = max(low, span.low)
        if span.high is not None and (high is None or span.high < high):
            high, included = span.high, span.high_included
    return Span(low, high, included) if found else None


def _clause(ecosystem: Ecosystem, sign: str, version: str) -> Span | None:
    version = version.rstrip(")")
    if sign == "!=":
        return Span()
    if "*" in version or version[-1:] in {"x", "X"}:
        return _wildcard(ecosystem, version)
    at = key(ecosystem, version)
    if at is None:
        return None
    if sign in {">=", ">"}:
        return Span(at)
    if sign in {"<", "<="}:
        return Span(LOWEST, at, sign == "<=")
    numbers = [int(part) for part in _PARTS.findall(version.partition("-")[0])]
    if sign == "^" or (not sign and ecosystem is Ecosystem.CRATES):
        return Span(at, key(ecosystem, _after_caret(numbers)))
    if sign in {"~=", "~>"}:
        return Span(at, key(ecosystem, _next(numbers[:-1] or numbers)))
    if sign == "~":
        return Span(at, key(ecosystem, _next(numbers[:2])))
    if not sign and ecosystem is Ecosystem.NPM and len(numbers) < 3:
        return Span(at, key(ecosystem, _next(numbers)))
    return Span(at, at, high_included=True)


def _wildcard(ecosystem: Ecosystem, version: str) -> Span:
    numbers = [int(part) for part in _PARTS.findall(version)]
    if not numbers:
        return Span()
    low = key(ecosystem, ".".join(map(str, numbers)))
    return Span(low or LOWEST, key(ecosystem, _next(numbers)))


def _next(numbers: list[int]) -> str:
    """Return the first version behind all that begin with these numbers."""
    return ".".join(map(str, [*numbers[:-1], numbers[-1] + 1]))


def _after_caret(numbers: list[int]) -> str:
    """Return the first version that ^ leaves out: the leftmost number but zero may not change."""
    for index, number in enumerate(numbers):
        if number:
            return _next(numbers[: index + 1])
    return _next(numbers)
