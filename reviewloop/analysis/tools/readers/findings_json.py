"""Reads the JSON of tools that list their findings: bandit, cfn-lint, actionlint, checkov."""

from typing import Any, Literal

from reviewloop.analysis.contract import MUST, NIT, SHOULD, Hit
from reviewloop.analysis.tools.layout import Laid, LaidFile
from reviewloop.analysis.tools.readers.parsing import (
    number_at,
    optional_records,
    parsed,
    records,
    text_at,
)
from reviewloop.analysis.tools.tool import Reading, UnusableOutput

_BANDIT = {"HIGH": MUST, "MEDIUM": SHOULD, "LOW": NIT}
_CFN = {"Error": MUST, "Warning": SHOULD, "Informational": NIT}


def read_bandit(raw: bytes, laid: Laid) -> Reading:
    """Return bandit's hits; files that this Python cannot parse are listed as failed."""
    value = parsed(raw)
    reading = Reading()
    for record in records(value, "results"):
        one = _given(laid, text_at(record, "filename"))
        line = number_at(record, "line_number", otherwise=1)
        rows = record.get("line_range")
        numbers = [n for n in rows if isinstance(n, int)] if isinstance(rows, list) else []
        end = max([line, *numbers])
        column = one.characters(line, number_at(record, "col_offset"))
        end_column = one.characters(end, number_at(record, "end_col_offset"))
        reading.hits.append(
            Hit(
                rule=f"bandit/{text_at(record, 'test_id')}",
                path=one.file.path,
                span=one.span(line, end, column, end_column),
                message=" ".join(text_at(record, "issue_text").split()),
                severity=_BANDIT.get(text_at(record, "issue_severity"), NIT),
                confidence=_confidence(text_at(record, "issue_confidence")),
            )
        )
    for error in optional_records(value, "errors"):
        one = _given(laid, text_at(error, "filename"))
        reading.failed[one.file.path] = text_at(error, "reason") or "it could not be read"
    return reading


def _confidence(word: str) -> Literal["high", "medium", "low"]:
    if word == "HIGH":
        return "high"
    return "medium" if word == "MEDIUM" else "low"


def read_cfn_lint(raw: bytes, laid: Laid) -> Reading:
    """Return cfn-lint's hits; a template it cannot parse has one that says so."""
    reading = Reading()
    for record in records(parsed(raw)):
        one = _given(laid, text_at(record, "Filename"))
        place = record.get("Location")
        line = number_at(place, "Start", "LineNumber", otherwise=1)
        reading.hits.append(
            Hit(
                rule=f"cfn-lint/{text_at(record, 'Rule', 'Id')}",
                path=one.file.path,
                span=one.span(
                    line,
                    number_at(place, "End", "LineNumber", otherwise=line),
                    number_at(place, "Start", "ColumnNumber"),
                    number_at(place, "End", "ColumnNumber"),
                ),
                message=text_at(record, "Message"),
                severity=_CFN.get(text_at(record, "Level"), NIT),
            )
        )
    return reading


def read_actionlint(raw: bytes, laid: Laid) -> Reading:
    """Return actionlint's hits; its kinds serve as rules."""
    reading = Reading()
    for record in records(parsed(raw)):
        one = _given(laid, text_at(record, "filepath"))
        line = number_at(record, "line", otherwise=1)
        column, end = number_at(record, "column"), number_at(record, "end_column")
        span = one.span(line, line, column, end + 1 if end else 0)
        kind = text_at(record, "kind")
        reading.hits.append(
            Hit(f"actionlint/{kind}", one.file.path, span, text_at(record, "message"))
        )
    return reading


def read_checkov(raw: bytes, laid: Laid) -> Reading:
    """Return checkov's failed checks; its identity is the resource, as its lines are its block."""
    value = parsed(raw)
    reading = Reading()
    for part in value if isinstance(value, list) else [value]:
        for record in optional_records(part, "results", "failed_checks"):
            one = _given(laid, text_at(record, "file_abs_path"))
            rows = record.get("file_line_range")
            line, end = rows if isinstance(rows, list) and len(rows) == 2 else (1, 1)
            resource = text_at(record, "resource")
            name = text_at(record, "check_name")
            reading.hits.append(
                Hit(
                    rule=f"checkov/{text_at(record, 'check_id')}",
                    path=one.file.path,
                    span=one.span(int(line), int(end)),
                    message=f"{name} ({resource})" if resource else name,
                    identity=resource,
                )
            )
        for path in _parse_errors(part):
            reading.failed[_given(laid, path).file.path] = "it could not be parsed"
    return reading


def _parse_errors(part: Any) -> list[str]:
    results = part.get("results") if isinstance(part, dict) else None
    errors = results.get("parsing_errors") if isinstance(results, dict) else None
    return [one for one in errors if isinstance(one, str)] if isinstance(errors, list) else []


def _given(laid: Laid, named: str) -> LaidFile:
    one = laid.find(named)
    if one is None:
        raise UnusableOutput("it names a file that it was not given")
    return one
