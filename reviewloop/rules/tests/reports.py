"""Parses coverage and test reports from untrusted code: three formats, no entities, a size
limit.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

StartHandler = Callable[[str, dict[str, str]], None]
EndHandler = Callable[[str], None]

MOST_BYTES = 64 * 1024 * 1024


class UnreadableReportError(Exception):
    """A report that is missing, too long, malformed, or uses forbidden features."""


def parse_xml(name: str, data: bytes, start: StartHandler, end: EndHandler) -> None:
    """Pass a document's elements to the handlers; entities are refused, as reports need none.

    `name` names the report in errors. Raise UnreadableReportError.
    """
    refuse_long(name, len(data))
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, attributes: start(_local(tag), attributes)
    parser.EndElementHandler = lambda tag: end(_local(tag))
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnreadableReportError(f"{name} cannot be read: {error}") from error


def refuse_long(name: str, size: int) -> None:
    """Raise UnreadableReportError for a report of too many bytes."""
    if size > MOST_BYTES:
        raise UnreadableReportError(f"{name} is longer than {MOST_BYTES // 1024 // 1024} MB")


def _local(tag: str) -> str:
    return tag.rsplit(":", 1)[-1]


def _refuse_entity(*_: object) -> None:
    raise UnreadableReportError("the report declares entities")


@dataclass
class FileLines:
    """The executable lines of one file (1-based), by whether a test ran them."""

    executed: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    excluded: set[int] = field(default_factory=set)  # excluded by a comment in the code

    def hit(self, line: int, times: int) -> None:
        """Count a line; one that ran in any of several entries did run."""
        if times > 0:
            self.executed.add(line)
            self.missing.discard(line)
        elif line not in self.executed:
            self.missing.add(line)


Table = dict[str, FileLines]
"""Path in the report, or in the repository -> its lines."""


def read(name: str, data: bytes) -> Table:
    """Return a report's lines by its own paths. Raise UnreadableReportError.

    It may be the JSON of coverage.py, Cobertura's XML or LCOV; `name` names it in errors.
    """
    refuse_long(name, len(data))
    beginning = data[:512].lstrip()
    reader = _read_lcov
    if beginning.startswith(b"{"):
        reader = _read_json
    elif beginning.startswith(b"<"):
        reader = _read_cobertura
    try:
        return reader(name, data)
    except (ValueError, OverflowError, RecursionError) as error:  # code under test may write it
        raise UnreadableReportError(f"{name} holds what no report holds: {error}") from error


def _read_json(name: str, data: bytes) -> Table:
    """Parse the JSON of coverage.py."""
    try:
        files = json.loads(data)["files"]
        return {
            path: FileLines(
                set(_numbers(lines["executed_lines"])),
                set(_numbers(lines["missing_lines"])),
                set(_numbers(lines.get("excluded_lines", ()))),
            )
            for path, lines in files.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{name} is not the JSON of coverage.py: {error!r}"
        raise UnreadableReportError(message) from error


def _numbers(values: Iterable[Any]) -> Iterable[int]:
    return (int(value) for value in values)


def _read_cobertura(name: str, data: bytes) -> Table:
    table: Table = {}
    current: list[FileLines] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "class" and "filename" in attributes:
            current[:] = [table.setdefault(attributes["filename"], FileLines())]
        elif tag == "line" and current and "number" in attributes:
            hits = attributes.get("hits", "0")
            if attributes["number"].isdigit() and hits.isdigit():
                current[0].hit(int(attributes["number"]), int(hits))

    def end(tag: str) -> None:
        if tag == "class":
            current.clear()

    parse_xml(name, data, start, end)
    return table


def _read_lcov(name: str, data: bytes) -> Table:
    table: Table = {}
    current: FileLines | None = None
    for line in data.decode("utf-8", "replace").split("\n"):
        key, _, value = line.strip().partition(":")
        if key == "SF":
            current = table.setdefault(value, FileLines())
        elif key == "DA" and current is not None:
            number, _, rest = value.partition(",")
            times = rest.split(",")[0]
            if number.isdigit() and times.lstrip("-").isdigit():
                current.hit(int(number), int(times))
        elif key == "end_of_record":
            current = None
    if not table:
        raise UnreadableReportError(f"{name} is neither Cobertura, LCOV nor coverage.py JSON")
    return table
