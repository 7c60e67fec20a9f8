"""Parses plain JSON and CSV of tools without a common format."""

import csv
import io
import json
from typing import Any, Literal

from reviewloop.analysis.contract import MUST, NIT, SHOULD, Edit, Fix, Hit, Span
from reviewloop.analysis.tools.layout import Laid, LaidFile
from reviewloop.analysis.tools.tool import ToolReading, UnusableOutput


def parse_json(raw: bytes) -> Any:
    """Return the JSON value of a tool's output; raise UnusableOutput if it is none."""
    try:
        return json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise UnusableOutput("its output is not JSON") from error


def records(value: Any, *keys: str) -> list[dict[str, Any]]:
    """Return the list of objects under `keys`; raise UnusableOutput if there is no list."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, list):
        raise UnusableOutput("its output has another form than expected")
    return [one for one in value if isinstance(one, dict)]


def optional_records(value: Any, *keys: str) -> list[dict[str, Any]]:
    """Return the list of objects under `keys`, [] if there is no list."""
    try:
        return records(value, *keys)
    except UnusableOutput:
        return []


def text_at(value: Any, *keys: str) -> str:
    """Return the string under `keys`, "" for none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def number_at(value: Any, *keys: str, otherwise: int = 0) -> int:
    """Return the whole number under `keys`."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


_MUCH, _TOO_MUCH = 15, 20  # paths through a function
_COLUMNS = 11  # nloc, ccn, tokens, parameters, length, place, file, name, long name, start, end


def read_lizard(raw: bytes, laid: Laid) -> ToolReading:
    """Return a hit for each function with more than 15 paths, more severe from 20 on."""
    reading = ToolReading()
    text = raw.decode("utf-8", "replace").replace("\0", "")
    try:
        for row in csv.reader(io.StringIO(text)):
            if len(row) < _COLUMNS:
                raise UnusableOutput("its output has another form than expected")
            one = laid.find(row[6])
            if one is None:
                raise UnusableOutput("it names a file that it was not given")
            paths, start, end = int(row[1]), int(row[9]), int(row[10])
            if paths <= _MUCH:
                continue
            hit = Hit(
                rule="lizard/complexity",
                path=one.file.path,
                span=one.span(start, end),
                message=f"{row[7]} has {paths} paths through it",
                severity=SHOULD if paths > _TOO_MUCH else NIT,
                identity=row[7],
            )
            reading.hits.append(hit)
    except (ValueError, csv.Error) as error:
        raise UnusableOutput("its output is not the table that was asked for") from error
    return reading


_LEVELS = {"error": MUST, "warning": SHOULD, "info": NIT, "style": NIT}
_PARSING = range(1000, 2000)  # errors of these numbers mean that the rest was not read


def read_shellcheck(raw: bytes, laid: Laid) -> ToolReading:
    """Return the hits of shellcheck's comments; of a script it cannot parse only the last error.

    It reports the line where an error became certain after the one where it may begin.
    """
    reading = ToolReading()
    broken: dict[str, Hit] = {}
    for comment in records(parse_json(raw), "comments"):
        one = laid.find(text_at(comment, "file"))
        if one is None:
            raise UnusableOutput("it names a file that it was not given")
        hit = _hit(comment, one)
        if number_at(comment, "code") in _PARSING and hit.severity is MUST:
            broken[hit.path] = hit
        else:
            reading.hits.append(hit)
    reading.hits += broken.values()
    return reading


def _hit(comment: dict[str, Any], one: LaidFile) -> Hit:
    span = _span(comment)
    return Hit(
        rule=f"shellcheck/SC{number_at(comment, 'code')}",
        path=one.file.path,
        span=one.span(*span),
        message=text_at(comment, "message"),
        severity=_LEVELS.get(text_at(comment, "level"), NIT),
        fix=_fix(comment.get("fix"), one),
    )


def _span(value: dict[str, Any]) -> Span:
    line = number_at(value, "line", otherwise=1)
    return Span(
        line,
        number_at(value, "endLine", otherwise=line),
        number_at(value, "column"),
        number_at(value, "endColumn"),
    )


def _fix(value: Any, one: LaidFile) -> Fix | None:
    if not isinstance(value, dict) or one.rows:
        return None
    edits = []
    for replacement in records(value, "replacements"):
        span = _span(replacement)
        if not (1 <= span.line <= span.end_line <= len(one.lines) and span.column):
            return None
        edits.append(Edit(span, text_at(replacement, "replacement")))
    return Fix(tuple(edits)) if edits else None


_BANDIT = {"HIGH": MUST, "MEDIUM": SHOULD, "LOW": NIT}
_CFN = {"Error": MUST, "Warning": SHOULD, "Informational": NIT}


def read_bandit(raw: bytes, laid: Laid) -> ToolReading:
    """Return bandit's hits; files that this Python cannot parse are listed as failed."""
    value = parse_json(raw)
    reading = ToolReading()
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


def read_cfn_lint(raw: bytes, laid: Laid) -> ToolReading:
    """Return cfn-lint's hits; a template it cannot parse has one that says so."""
    reading = ToolReading()
    for record in records(parse_json(raw)):
        one = _given(laid, text_at(record, "Filename"))
        location = record.get("Location")
        line = number_at(location, "Start", "LineNumber", otherwise=1)
        reading.hits.append(
            Hit(
                rule=f"cfn-lint/{text_at(record, 'Rule', 'Id')}",
                path=one.file.path,
                span=one.span(
                    line,
                    number_at(location, "End", "LineNumber", otherwise=line),
                    number_at(location, "Start", "ColumnNumber"),
                    number_at(location, "End", "ColumnNumber"),
                ),
                message=text_at(record, "Message"),
                severity=_CFN.get(text_at(record, "Level"), NIT),
            )
        )
    return reading


def read_actionlint(raw: bytes, laid: Laid) -> ToolReading:
    """Return actionlint's hits; its kinds serve as rules."""
    reading = ToolReading()
    for record in records(parse_json(raw)):
        one = _given(laid, text_at(record, "filepath"))
        line = number_at(record, "line", otherwise=1)
        column, end = number_at(record, "column"), number_at(record, "end_column")
        span = one.span(line, line, column, end + 1 if end else 0)
        kind = text_at(record, "kind")
        reading.hits.append(
            Hit(f"actionlint/{kind}", one.file.path, span, text_at(record, "message"))
        )
    return reading


def read_checkov(raw: bytes, laid: Laid) -> ToolReading:
    """Return checkov's failed checks; the identity is the resource, as the lines are its block."""
    value = parse_json(raw)
    reading = ToolReading()
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
