"""Reads shellcheck's json1."""

from typing import Any

from reviewloop.analysis.contract import MUST, NIT, SHOULD, Edit, Fix, Hit, Span
from reviewloop.analysis.tools.layout import Laid, LaidFile
from reviewloop.analysis.tools.readers.parsing import number_at, parsed, records, text_at
from reviewloop.analysis.tools.tool import Reading, UnusableOutput

_LEVELS = {"error": MUST, "warning": SHOULD, "info": NIT, "style": NIT}
_PARSING = range(1000, 2000)  # errors of these numbers mean that the rest was not read


def read_shellcheck(raw: bytes, laid: Laid) -> Reading:
    """Return the hits of shellcheck's comments; of a script it cannot parse only the last error.

    It reports where the error became certain after where it thinks that it began.
    """
    reading = Reading()
    broken: dict[str, Hit] = {}
    for comment in records(parsed(raw), "comments"):
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
