"""The schemas of reviewers' answers, and reading them: leniently in form, strictly in content."""

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity
from reviewloop.llm.messages import without_doubles
from reviewloop.regex import regex
from reviewloop.render.untrusted import without_escapes
from reviewloop.review.anchoring import ReportedFinding

REPORT_FINDINGS = "report_findings"
REPORT_RESOLUTION = "report_resolution"

_FINDING: dict[str, Any] = {
    "type": "object",
    "required": ["severity", "title", "why", "suggestion", "path", "quote"],
    "properties": {
        "severity": {"type": "string", "enum": ["must_fix", "should_fix", "nit"]},
        "title": {"type": "string"},
        "why": {"type": "string", "description": "the risk, cost or impact in your field"},
        "suggestion": {"type": "string", "description": "what to do, concretely"},
        "path": {"type": "string", "description": "empty: the whole change"},
        "line": {"type": "integer", "description": "first line in the new file, if known"},
        "quote": {
            "type": "string",
            "description": "1 to 10 lines of code, copied exactly",
        },
        "category": {
            "type": "string",
            "description": "injection, xss, crypto, secrets, encryption, permissions, ...",
        },
        "confidence": {"type": "string", "enum": ["high", "medium", "low"]},
        "replacement": {"type": "string", "description": "exact new lines for the quote, if known"},
    },
}

_VERDICT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "verdict", "reason"],
    "properties": {
        "id": {"type": "string", "description": "of the evidence, such as E3"},
        "verdict": {"type": "string", "enum": ["confirm", "raise", "lower", "reject"]},
        "reason": {"type": "string"},
    },
}

FINDINGS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["findings"],
    "properties": {
        "evidence": {
            "type": "array",
            "items": _VERDICT,
            "description": "a verdict on each piece of evidence that is marked as yours",
        },
        "findings": {
            "type": "array",
            "items": _FINDING,
            "description": "what you found beyond the evidence",
        },
    },
}

DEEP_SCHEMA: dict[str, Any] = {
    **FINDINGS_SCHEMA,
    "properties": {
        **FINDINGS_SCHEMA["properties"],
        "fixed": {
            "type": "array",
            "description": "open findings that what was pushed fixes; leave out what you cannot "
            "show",
            "items": {
                "type": "object",
                "required": ["id", "quote"],
                "properties": {
                    "id": {"type": "string", "description": "id of the open finding"},
                    "quote": {
                        "type": "string",
                        "description": "pushed code that fixes it, copied exactly",
                    },
                },
            },
        },
    },
}
"""The arguments of `report_findings` for the review of a push."""

RESOLUTION_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["resolutions", "new_findings"],
    "properties": {
        "resolutions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "resolved", "quote", "reason"],
                "properties": {
                    "id": {"type": "string", "description": "id of the finding"},
                    "resolved": {"type": "boolean"},
                    "quote": {
                        "type": "string",
                        "description": "code of the fixed file that shows it, copied exactly",
                    },
                    "reason": {"type": "string"},
                },
            },
        },
        "new_findings": {
            "type": "array",
            "items": _FINDING,
            "description": "problems that the fixes themselves introduced",
        },
    },
}

KNOWN_FIELDS = frozenset(_FINDING["properties"]) | {
    *DEEP_SCHEMA["properties"],
    *RESOLUTION_SCHEMA["properties"],
    *("rule", "end_line"),  # read, but not requested: verdicts and quotes hold it
    "file",  # read as path
    "fix",  # read as suggestion
}
"""Names of known fields in answers; others are ignored, and logged."""


MAX_FINDINGS = 200
_MAX_TITLE, _MAX_TEXT, _MAX_CODE = 120, 4000, 20_000  # characters
_NAME = regex(r"(?!.*://)[\w@./:+-]+(?: [\w./:+-]+){0,5}")
_CONTROLS = regex(r"[\x00-\x08\x0b-\x1f\x7f]")
_MOST_DIGITS = 9  # of a line number; Python refuses numbers of thousands of digits
_LINES = regex(r"\s*(\d{1,9})\s*(?:-|–|\.\.)\s*(\d{1,9})\s*")
_OUTSIDE = regex(r"[/~]|[A-Za-z]:[/\\]|\w+://|(?:.*/)?\.\.(?:/|$)")

_SYNONYMS = {
    "must_fix": Severity.MUST_FIX,
    "must fix": Severity.MUST_FIX,
    "must": Severity.MUST_FIX,
    "🔴": Severity.MUST_FIX,
    "red": Severity.MUST_FIX,
    "critical": Severity.MUST_FIX,
    "blocker": Severity.MUST_FIX,
    "high": Severity.MUST_FIX,
    "error": Severity.MUST_FIX,
    "should_fix": Severity.SHOULD_FIX,
    "should fix": Severity.SHOULD_FIX,
    "should": Severity.SHOULD_FIX,
    "🟡": Severity.SHOULD_FIX,
    "yellow": Severity.SHOULD_FIX,
    "major": Severity.SHOULD_FIX,
    "medium": Severity.SHOULD_FIX,
    "moderate": Severity.SHOULD_FIX,
    "warning": Severity.SHOULD_FIX,
    "nit": Severity.NIT,
    "🟢": Severity.NIT,
    "green": Severity.NIT,
    "minor": Severity.NIT,
    "low": Severity.NIT,
    "info": Severity.NIT,
    "note": Severity.NIT,
    "trivial": Severity.NIT,
}


@dataclass(frozen=True)
class Intake:
    """The findings read from an answer, the errors in the rest, and what was cut."""

    findings: tuple[ReportedFinding, ...] = ()
    problems: tuple[str, ...] = ()  # for the repair turn, then why something was dropped
    unclear: tuple[str, ...] = ()  # worth a repair turn, but nothing is dropped
    outside: tuple[str, ...] = ()  # dropped at once: they name files outside of the repository
    unknown: tuple[str, ...] = ()  # unknown fields, ignored
    cut: int = 0


@dataclass(frozen=True)
class Resolution:
    """The verdict of quick-review on one finding."""

    finding: str
    resolved: bool
    quote: str
    reason: str


@dataclass(frozen=True)
class ReReview:
    """The whole answer of quick-review."""

    resolutions: tuple[Resolution, ...] = ()
    new_findings: Intake = field(default_factory=Intake)
    problems: tuple[str, ...] = ()


def read_findings(arguments: Any) -> Intake:
    """Return the findings in the arguments of a `report_findings` call, in any accepted form."""
    items, problem = _list_of(arguments, "findings")
    if problem:
        return Intake(problems=(problem,))
    found: list[ReportedFinding] = []
    problems: list[str] = []
    unclear: list[str] = []
    outside: list[str] = []
    for number, item in enumerate(items, 1):
        result = _finding(item)
        if isinstance(result, str):
            problems.append(f"finding {number}: {result}")
        elif _OUTSIDE.match(result.path.replace("\\", "/")):
            outside.append(f"{result.title} ({result.path[:200]})")
        else:
            found.append(result)
            if result.quote.strip() and not result.path:
                unclear.append(f"finding {number}: no path given; name the file of the quote")
    found.sort(key=lambda finding: finding.severity.rank)
    return Intake(
        tuple(found[:MAX_FINDINGS]),
        tuple(problems),
        unclear=tuple(unclear),
        outside=tuple(outside),
        unknown=_unknown_fields(arguments, items),
        cut=max(0, len(found) - MAX_FINDINGS),
    )


def read_resolutions(arguments: Any) -> ReReview:
    """Return the verdicts of a `report_resolution` call; an unclear one counts as not resolved."""
    value = decode_nested_json(arguments)
    items, problem = _list_of(value, "resolutions")
    if problem:
        return ReReview(problems=(problem,))
    resolutions = []
    problems = []
    for number, raw in enumerate(items, 1):
        item = decode_nested_json(raw)
        if not isinstance(item, Mapping) or not item.get("id"):
            problems.append(f"resolution {number} names no finding id")
            continue
        resolved = item.get("resolved")
        resolutions.append(
            Resolution(
                finding=str(item["id"]),
                resolved=resolved is True or str(resolved).lower() in {"true", "yes", "resolved"},
                quote=_text(item.get("quote"), _MAX_TEXT),
                reason=_text(item.get("reason"), _MAX_TEXT),
            )
        )
    fresh = Intake()
    if isinstance(value, Mapping) and value.get("new_findings"):
        fresh = read_findings({"findings": value["new_findings"]})
    return ReReview(tuple(resolutions), fresh, tuple(problems) + fresh.problems)


def decode_nested_json(value: Any) -> Any:
    """Decode the most common mistake, JSON inside a JSON string; not with a duplicate key."""
    if isinstance(value, str):
        try:
            return json.loads(value, strict=False, object_pairs_hook=without_doubles)
        except (ValueError, RecursionError):
            return value
    return value


def _list_of(arguments: Any, key: str) -> tuple[list[Any], str]:
    value = decode_nested_json(arguments)
    if isinstance(value, Mapping):
        if key in value:
            value = decode_nested_json(value[key])
        elif "title" in value or "id" in value:
            value = [value]  # a single finding instead of a list
        else:
            return [], f"the answer has no {key!r} list"
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list):
        return [], f"{key!r} must be a list, not {type(value).__name__}"
    return value, ""


def _finding(raw: Any) -> ReportedFinding | str:
    item = decode_nested_json(raw)
    if not isinstance(item, Mapping):
        return f"must be an object, not {type(item).__name__}"
    severity = _SYNONYMS.get(str(item.get("severity", "")).strip().lower())
    if severity is None:
        given = _text(repr(item.get("severity")), 60)
        return f"severity {given} is not one of must_fix, should_fix, nit"
    title = _text(item.get("title"), _MAX_TITLE)
    if not title:
        return "title is missing"
    line, end_line = _line(item.get("line")), _line(item.get("end_line"))
    if lines := _LINES.fullmatch(str(item.get("line"))):
        line, end_line = int(lines[1]) or None, int(lines[2])
    if line and end_line and end_line < line:
        end_line = None
    return ReportedFinding(
        severity=severity,
        title=title,
        why=_text(item.get("why"), _MAX_TEXT),
        suggestion=_text(item.get("suggestion") or item.get("fix"), _MAX_TEXT),
        path=_text(item.get("path") or item.get("file"), 4096)
        .replace("\n", "")
        .replace("\t", "")
        .strip(),
        line=line,
        end_line=end_line,
        quote=_text(item.get("quote"), _MAX_TEXT, strip=False),
        category=_name(item.get("category"), 60),
        confidence=_confidence(item.get("confidence")),
        replacement=_code(item.get("replacement")),
        rule=_name(item.get("rule"), 120),
    )


def _unknown_fields(arguments: Any, items: list[Any]) -> tuple[str, ...]:
    """Return the names of fields that no schema has, at the top and in the findings."""
    top = decode_nested_json(arguments)
    names = set(top) if isinstance(top, Mapping) else set()
    for item in items[:MAX_FINDINGS]:
        names |= set(item) if isinstance(item, Mapping) else set()
    return tuple(sorted(_text(name, 60) for name in names - KNOWN_FIELDS))


def _text(value: Any, limit: int, *, strip: bool = True) -> str:
    """Return text that every store and screen accepts: no lone surrogates, no control
    characters.
    """
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    text = without_escapes(text.encode("utf-8", "replace").decode("utf-8"))
    text = _CONTROLS.sub("", text)
    if strip:
        text = text.strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _name(value: Any, limit: int) -> str:
    """Return the name of a rule or category, "" for an invalid one: it becomes an id in reports."""
    text = _text(value, limit)
    return text if _NAME.fullmatch(text) else ""


def _code(value: Any) -> str | None:
    """Return exact new lines, None for those that cannot be kept exactly, as a cut fix is another
    fix.
    """
    if not isinstance(value, str) or not value or len(value) > _MAX_CODE:
        return None
    return value if _text(value, _MAX_CODE, strip=False) == value.replace("\r", "") else None


def _line(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value) if len(value.strip()) <= _MOST_DIGITS else None
    return value if isinstance(value, int) and value > 0 else None


def _confidence(value: Any) -> str:
    text = str(value).lower()
    return text if text in {"high", "medium", "low"} else "medium"
