"""Reads what linters print: one adapter per tool, each returns None for output it cannot read."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from reviewloop.findings import Severity


@dataclass(frozen=True)
class Remark:
    """One hit of a linter; lines are 1-based."""

    path: str
    line: int
    end_line: int
    rule: str
    message: str
    severity: Severity
    fix: str = ""


Reader = Callable[[str], list[Remark] | None]


def _careful(read: Reader) -> Reader:
    """Return a reader for which any output is harmless: a linter's plug-ins are code under test."""

    @wraps(read)
    def reader(text: str) -> list[Remark] | None:
        try:
            return read(text)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return None

    return reader


# Rules that point at what can go wrong, not at how it looks (letters of ruff's and flake8's rules).
_TELLING = re.compile(
    r"(?:F|E9|B|S|C90|PLE|PLW|PLR09|ASYNC|PERF|TRY|BLE|DTZ|A|ARG|RET50|SIM115|LOG|PT|W605)\d*$"
)


@_careful
def read_ruff(text: str) -> list[Remark] | None:
    """Read `ruff check --output-format json`."""
    items = _json_list(text)
    if items is None:
        return None
    return [
        Remark(
            str(item.get("filename", "")),
            _line(item, "location"),
            max(_line(item, "location"), _line(item, "end_location")),
            str(item.get("code") or item.get("name") or "unnamed"),
            str(item.get("message", "")) or "ruff reports this line",
            _python_severity(str(item.get("code") or "")),
            str((item.get("fix") or {}).get("message") or ""),
        )
        for item in items
    ]


@_careful
def read_eslint(text: str) -> list[Remark] | None:
    """Read `eslint --format json`: errors are yellow, warnings are green."""
    files = _json_list(text)
    if files is None:
        return None
    return [
        Remark(
            str(file.get("filePath", "")),
            int(message.get("line") or 1),
            int(message.get("endLine") or message.get("line") or 1),
            str(message.get("ruleId") or "parsing"),
            str(message.get("message", "")) or "ESLint reports this line",
            Severity.SHOULD_FIX if message.get("severity") == 2 else Severity.NIT,
        )
        for file in files
        for message in file.get("messages", ())
        if isinstance(message, dict)
    ]


@_careful
def read_flake8(text: str) -> list[Remark] | None:
    """Read flake8's default lines, `path:line:column: CODE message`."""
    remarks = []
    for line in filter(None, text.split("\n")):
        match = re.fullmatch(r"(.+?):(\d+):\d+: ([A-Z]+\d+) (.*)", line)
        if match is None:
            return None
        path, number, rule, message = match.groups()
        severity = _python_severity(rule)
        remarks.append(Remark(path, int(number), int(number), rule, message, severity))
    return remarks


@_careful
def read_bandit(text: str) -> list[Remark] | None:
    """Read `bandit --format json`; red is what is both severe and certain."""
    document = _json_object(text)
    if document is None or not isinstance(document.get("results"), list):
        return None
    return [
        Remark(
            str(item.get("filename", "")),
            int(item.get("line_number") or 1),
            max(int(line) for line in item.get("line_range") or (item.get("line_number") or 1,)),
            str(item.get("test_id", "bandit")),
            str(item.get("issue_text", "")) or "bandit reports this line",
            _bandit_severity(item),
        )
        for item in document["results"]
        if isinstance(item, dict)
    ]


def _python_severity(rule: str) -> Severity:
    return Severity.SHOULD_FIX if _TELLING.match(rule) else Severity.NIT


def _bandit_severity(item: dict[str, Any]) -> Severity:
    severity = str(item.get("issue_severity", "")).upper()
    confidence = str(item.get("issue_confidence", "")).upper()
    if severity == "LOW":
        return Severity.NIT
    certain = severity == "HIGH" and confidence == "HIGH"
    return Severity.MUST_FIX if certain else Severity.SHOULD_FIX


def _line(item: dict[str, Any], key: str) -> int:
    place = item.get(key)
    return int(place.get("row") or 1) if isinstance(place, dict) else 1


def _json_list(text: str) -> list[dict[str, Any]] | None:
    """Return the array that the output holds; tools print warnings before and after it."""
    value = _embedded(text, "[", "]")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return None
    return value


def _json_object(text: str) -> dict[str, Any] | None:
    value = _embedded(text, "{", "}")
    return value if isinstance(value, dict) else None


def _embedded(text: str, opening: str, closing: str) -> Any:
    start, end = text.find(opening), text.rfind(closing)
    if start < 0 or end < start:
        return None
    try:
        return json.loads(text[start : end + 1])
    except ValueError:
        return None
