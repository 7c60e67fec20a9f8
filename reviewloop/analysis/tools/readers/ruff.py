"""Runs ruff so that comments cannot silence its security rules, and parses its output."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reviewloop.analysis.contract import NIT, SHOULD, Edit, Fix, Hit, Span
from reviewloop.analysis.tools.layout import Laid, LaidFile
from reviewloop.analysis.tools.readers.plain import number_at, parse_json, records, text_at
from reviewloop.analysis.tools.readers.ruff_context import assess
from reviewloop.analysis.tools.tool import ToolReading, UnusableOutput
from reviewloop.domain.finding import Severity
from reviewloop.domain.hidden_characters import reorders
from reviewloop.regex import regex

if TYPE_CHECKING:
    from reviewloop.analysis.tools.tool import ToolSession


class RuffSettings(NamedTuple):
    """The rules that a configuration ignores: everywhere, and by pattern of path."""

    ignored: tuple[str, ...] = ()
    by_pattern: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def leaves_out(self, hit: Hit) -> bool:
        """Whether the rule of a hit is ignored in its file."""
        code = hit.rule.partition("/")[2]
        return code.startswith(self.ignored) or any(
            code.startswith(codes) or "ALL" in codes
            for pattern, codes in self.by_pattern
            if _fits(hit.path, pattern)
        )


def ruff_settings(configuration: str) -> RuffSettings:
    """Return what a ruff.toml or pyproject.toml ignores; nothing for none or an unreadable one."""
    if not configuration:
        return RuffSettings()
    try:
        value: Any = tomllib.loads(Path(configuration).read_text("utf-8"))
    except (OSError, ValueError):
        return RuffSettings()
    if Path(configuration).name == "pyproject.toml":
        value = _table(_table(value, "tool"), "ruff")
    tables = (value, _table(value, "lint"))
    ignored = [
        code for t in tables for key in ("ignore", "extend-ignore") for code in _codes(t, key)
    ]
    patterns = [
        (pattern, tuple(_codes(by_file, pattern)))
        for table in tables
        for key in ("per-file-ignores", "extend-per-file-ignores")
        for by_file in [_table(table, key)]
        for pattern in by_file
    ]
    return RuffSettings(tuple(ignored), tuple(patterns))


def _table(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _codes(table: dict[str, Any], key: str) -> Iterator[str]:
    found = table.get(key)
    if isinstance(found, list):
        yield from (code for code in found if isinstance(code, str) and code.isalnum())


def _fits(path: str, pattern: str) -> bool:
    expected = not pattern.startswith("!")
    pattern = pattern.removeprefix("!").removeprefix("./")
    name = path.rpartition("/")[2]
    forms = (path, f"/{path}", name)
    return any(fnmatchcase(form, pattern) for form in forms) == expected


_SYNTAX = "invalid-syntax"
_SILENCING = regex(r"noqa|ruff\s*:|flake8\s*:", re.IGNORECASE)
_UNKNOWN = regex(r"[Uu]nknown rule selector `([A-Z0-9]+)`")
_IMPORT = regex(r"\s*(?:from\s+\S+\s+)?import\b|\s*\w[\w.]*(?:\s+as\s+\w+)?\s*[,)]?\s*(?:#.*)?$")
_FIRST = regex(r"from line (\d{1,7})")
_NAMED = regex(r"`([^`]{1,200})`")
_BY_NAME = {"C901", "F401", "F811", "F821", "F841"}  # distinguished by the name in them


def run_ruff(session: "ToolSession") -> ToolReading:
    """Run all rules ignoring comments, then respecting them on files that have any.

    From the second run everything but the security rules counts: comments may silence only the
    other rules. Files without such comments are read once.
    """
    laid = session.laid
    unknown: set[str] = set()
    reading = session.read_in_parts(laid, lambda p: _once(session, p, unknown, "--ignore-noqa"))
    commented = [one for one in laid.files if _SILENCING.search(one.text)]
    if commented:
        paths = {one.file.path for one in commented}
        heeding = session.read_in_parts(laid.only(commented), lambda p: _once(session, p, unknown))
        reading.failed |= heeding.failed
        reading.hits = [hit for hit in reading.hits if hit.path not in paths or _is_security(hit)]
        reading.hits += [hit for hit in heeding.hits if not _is_security(hit)]
    settings = ruff_settings(session.configuration)
    reported = (hit for hit in reading.hits if not settings.leaves_out(hit) and not _is_meant(hit))
    reading.hits = assess(reported, laid)
    return reading


def _is_meant(hit: Hit) -> bool:
    """Whether a hit is on intended code: a package's re-export, a template that is no Python."""
    if hit.rule == f"ruff/{_SYNTAX}":
        return "{{" in hit.path
    return hit.rule == "ruff/F401" and hit.path.rpartition("/")[2] == "__init__.py"


def _once(session: "ToolSession", laid: Laid, unknown: set[str], *extra: str) -> ToolReading:
    """Run ruff; rules that it does not know (another version's) are left out in a second try."""
    command, *others = session.arguments(laid)
    while True:
        try:
            output = session.start([command, *extra, *_without(others, unknown)])
            return read_ruff(output.stdout, laid)
        except UnusableOutput as error:
            named = _UNKNOWN.search(str(error))
            if named is None or named.group(1) in unknown:
                raise
            unknown.add(named.group(1))


def _without(arguments: Sequence[str], unknown: set[str]) -> list[str]:
    if not unknown:
        return list(arguments)
    return [
        ",".join(code for code in given.split(",") if code not in unknown)
        if before in ("--select", "--ignore")
        else given
        for before, given in zip(("", *arguments), arguments, strict=False)
    ]


def _is_security(hit: Hit) -> bool:
    return bool(re.match(r"ruff/S\d", hit.rule))


def read_ruff(raw: bytes, laid: Laid) -> ToolReading:
    """Return the hits in ruff's JSON; files with syntax errors have one hit that says so."""
    reading = ToolReading()
    broken: set[str] = set()
    for record in records(parse_json(raw)):
        one = laid.find(text_at(record, "filename"))
        if one is None:
            raise UnusableOutput("it names a file that it was not given")
        hit = _hit(record, one)
        if hit.rule == f"ruff/{_SYNTAX}":
            if one.file.path in broken:
                continue  # errors after the first one mostly follow from it
            broken.add(one.file.path)
        reading.hits.append(hit)
    return reading


def _hit(record: dict[str, Any], one: LaidFile) -> Hit:
    name = text_at(record, "name")
    code = text_at(record, "code") or name  # rules without a code use their name
    message = text_at(record, "message")
    if name == _SYNTAX or code == _SYNTAX:
        code, message = _SYNTAX, f"The file cannot be parsed: {message}"
    span = one.span(
        number_at(record, "location", "row", otherwise=1),
        number_at(record, "end_location", "row"),
        number_at(record, "location", "column"),
        number_at(record, "end_location", "column"),
    )
    named = _NAMED.search(message) if code in _BY_NAME else None
    severity = NIT if code == "F811" and _imported_twice(message, span, one) else None
    if code == "PLE2502":
        severity = _of_reordering("\n".join(one.lines[span.line - 1 : span.end_line]))
    return Hit(
        rule=f"ruff/{code}",
        path=one.file.path,
        span=span,
        message=message,
        severity=severity,
        fix=_fix(record.get("fix"), one),
        identity=named.group(1) if named else "",
    )


def _of_reordering(text: str) -> Severity | None:
    if not reorders(text):
        return NIT
    return None if reorders(text, around_isolates=True) else SHOULD


def _imported_twice(message: str, span: Span, one: LaidFile) -> bool:
    """Whether only an import is repeated, which loses nothing."""
    first = _FIRST.search(message)
    numbers = (int(first.group(1)) if first else 0, span.line)
    lines = one.lines
    return all(0 < number <= len(lines) and _IMPORT.match(lines[number - 1]) for number in numbers)


def _fix(value: Any, one: LaidFile) -> Fix | None:
    if not isinstance(value, dict) or one.rows:
        return None
    edits = []
    for edit in records(value, "edits"):
        span = Span(
            number_at(edit, "location", "row"),
            number_at(edit, "end_location", "row"),
            number_at(edit, "location", "column"),
            number_at(edit, "end_location", "column"),
        )
        if not 1 <= span.line <= span.end_line <= len(one.lines) or not span.column:
            return None
        edits.append(Edit(span, text_at(edit, "content")))
    safe = text_at(value, "applicability") == "safe"
    return Fix(tuple(edits), text_at(value, "message"), safe) if edits else None
