"""Parses SARIF 2.1.0, the format most tools share."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from reviewloop.analysis.contract import MUST, NIT, SHOULD, Edit, Fix, Hit, Span
from reviewloop.analysis.tools.layout import Laid, LaidFile
from reviewloop.analysis.tools.readers.plain import (
    number_at,
    optional_records,
    parse_json,
    records,
    text_at,
)
from reviewloop.analysis.tools.tool import Reader, ToolReading, UnusableOutput
from reviewloop.regex import regex

Columns = Literal["as declared", "characters", "bytes"]
_LEVELS = {"error": MUST, "warning": SHOULD, "note": NIT, "none": NIT}
_NO_PROBLEM = {"pass", "notApplicable", "informational"}
_SHORT = regex(r"^[\w.-]+\(([\w./-]+)\)$")  # "eslint(no-eval)"


def sarif(
    family: str,
    *,
    columns: Columns = "as declared",
    drop: str = "",
    levels: bool = True,
    syntax_rule: str = "",
) -> Reader:
    """Return a parser whose rule ids are `family/` and the tool's id, without the prefix `drop`.

    `columns` is for tools that count differently than they declare, `levels` False for those with
    meaningless levels. Of `syntax_rule` only the first hit in a file is reported: the others follow
    from it.
    """

    def read(raw: bytes, laid: Laid) -> ToolReading:
        reading = ToolReading()
        broken: set[str] = set()
        for run in records(parse_json(raw), "runs"):
            results = optional_records(run, "results")
            _refuse_failed(run, results)
            unit = columns if columns != "as declared" else text_at(run, "columnKind")
            defaults = dict(_default_levels(run))
            for result in results:
                hit = _hit(result, family, drop, unit, defaults, laid)
                if hit is None or (hit.rule == f"{family}/{syntax_rule}" and hit.path in broken):
                    continue
                if hit.rule == f"{family}/{syntax_rule}":
                    broken.add(hit.path)
                reading.hits.append(hit if levels else replace(hit, severity=None))
        return reading

    return read


def _refuse_failed(run: dict[str, Any], results: list[dict[str, Any]]) -> None:
    invocations = optional_records(run, "invocations")
    if not results and any(one.get("executionSuccessful") is False for one in invocations):
        raise UnusableOutput("it says itself that it failed")


def _default_levels(run: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for rule in optional_records(run, "tool", "driver", "rules"):
        yield text_at(rule, "id"), text_at(rule, "defaultConfiguration", "level")


def _hit(
    result: dict[str, Any],
    family: str,
    drop: str,
    unit: str,
    levels: dict[str, str],
    laid: Laid,
) -> Hit | None:
    if result.get("suppressions") or text_at(result, "kind") in _NO_PROBLEM:
        return None
    rule = text_at(result, "ruleId") or text_at(result, "rule", "id")
    level = text_at(result, "level") or levels.get(rule) or "warning"
    locations = optional_records(result, "locations")
    if not locations:
        return None
    one = _file(locations[0], laid)
    short = _SHORT.match(rule)
    code = short.group(1) if short else rule.removeprefix(drop)
    return Hit(
        rule=f"{family}/{code}",
        path=one.file.path,
        span=_span(_region(locations[0]), one, unit),
        message=" ".join(text_at(result, "message", "text").split()),
        severity=_LEVELS.get(level, SHOULD),
        related=tuple(_related(result, one, unit, laid)),
        fix=_fix(result, one, unit, laid),
    )


def _file(location: dict[str, Any], laid: Laid) -> LaidFile:
    one = laid.find(text_at(location, "physicalLocation", "artifactLocation", "uri"))
    if one is None:
        raise UnusableOutput("it names a file that it was not given")
    return one


def _region(location: dict[str, Any]) -> dict[str, Any]:
    physical = location.get("physicalLocation")
    region = physical.get("region") if isinstance(physical, dict) else None
    return region if isinstance(region, dict) else {}


def _span(region: dict[str, Any], one: LaidFile, unit: str) -> Span | None:
    line = number_at(region, "startLine")
    if not line:
        return None
    end_line = number_at(region, "endLine", otherwise=line)
    column = _column(region, "startColumn", line, one, unit)
    end_column = _column(region, "endColumn", end_line, one, unit)
    if column and not end_column:
        end_column = 1 << 30  # up to the end of the line
    return one.span(line, end_line, column, end_column)


def _column(region: dict[str, Any], key: str, line: int, one: LaidFile, unit: str) -> int:
    column = number_at(region, key)
    if column and unit == "bytes":
        return one.characters(line, column - 1)
    if column and unit == "utf16CodeUnits":
        return one.characters(line, column - 1, "utf-16-le")
    return column


def _related(
    result: dict[str, Any], one: LaidFile, unit: str, laid: Laid
) -> Iterator[tuple[Span, str]]:
    for location in optional_records(result, "relatedLocations"):
        where = text_at(location, "physicalLocation", "artifactLocation", "uri")
        span = _span(_region(location), one, unit) if laid.find(where) is one else None
        if span is not None:
            yield span, text_at(location, "message", "text")


def _fix(result: dict[str, Any], one: LaidFile, unit: str, laid: Laid) -> Fix | None:
    fixes = optional_records(result, "fixes")
    if not fixes or one.rows:
        return None
    edits = []
    for change in optional_records(fixes[0], "artifactChanges"):
        if laid.find(text_at(change, "artifactLocation", "uri")) is not one:
            return None
        for replacement in optional_records(change, "replacements"):
            edit = _edit(replacement, one, unit)
            if edit is None:
                return None
            edits.append(edit)
    return Fix(tuple(edits), text_at(fixes[0], "description", "text")) if edits else None


def _edit(replacement: dict[str, Any], one: LaidFile, unit: str) -> Edit | None:
    region = replacement.get("deletedRegion")
    if not isinstance(region, dict):
        return None
    line = number_at(region, "startLine")
    end_line = number_at(region, "endLine", otherwise=line)
    column = _column(region, "startColumn", line, one, unit)
    end_column = _column(region, "endColumn", end_line, one, unit)
    if not (1 <= line <= end_line <= len(one.lines) and column and end_column):
        return None
    span = Span(line, end_line, column, end_column)
    return Edit(span, text_at(replacement, "insertedContent", "text"))
