"""Reads coverage reports of three formats into one table: which lines ran and which did not."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reviewloop.guards.junit import UnreadableReportError, parse_xml

_BYTES = 64 * 1024 * 1024


@dataclass
class FileLines:
    """The executable lines of one file (1-based), by whether a test ran them."""

    executed: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    excluded: set[int] = field(default_factory=set)  # left out by a comment in the code

    def hit(self, line: int, times: int) -> None:
        """Count a line; one that ran in any of several entries did run."""
        if times > 0:
            self.executed.add(line)
            self.missing.discard(line)
        elif line not in self.executed:
            self.missing.add(line)


Table = dict[str, FileLines]
"""Path in the repository -> its lines."""


def read_report(report: Path, *, folder: Path, known: Collection[str]) -> Table:
    """Return a report's lines for the files in `known`, found by the paths the report has.

    `folder` is the workspace, against which absolute paths are read. Raises UnreadableReportError.
    """
    try:
        if report.stat().st_size > _BYTES:
            raise UnreadableReportError(f"{report.name} is longer than {_BYTES // 1024 // 1024} MB")
        beginning = report.read_bytes()[:512].lstrip()
    except OSError as error:
        raise UnreadableReportError(f"{report.name} cannot be read: {error}") from error
    if beginning.startswith(b"{"):
        table = _read_json(report)
    elif beginning.startswith(b"<"):
        table = _read_cobertura(report)
    else:
        table = _read_lcov(report)
    return _in_repository_terms(table, folder, known)


def _read_json(report: Path) -> Table:
    """Read the JSON of coverage.py."""
    try:
        files = json.loads(report.read_bytes())["files"]
        return {
            path: FileLines(
                set(_numbers(lines["executed_lines"])),
                set(_numbers(lines["missing_lines"])),
                set(_numbers(lines.get("excluded_lines", ()))),
            )
            for path, lines in files.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{report.name} is not the JSON of coverage.py: {error!r}"
        raise UnreadableReportError(message) from error


def _numbers(values: Iterable[Any]) -> Iterable[int]:
    return (int(value) for value in values)


def _read_cobertura(report: Path) -> Table:
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

    parse_xml(report, start, end)
    return table


def _read_lcov(report: Path) -> Table:
    table: Table = {}
    current: FileLines | None = None
    for line in report.read_text(encoding="utf-8", errors="replace").split("\n"):
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
        raise UnreadableReportError(
            f"{report.name} is neither Cobertura, LCOV nor coverage.py JSON"
        )
    return table


def _in_repository_terms(table: Table, folder: Path, known: Collection[str]) -> Table:
    """Name files as the repository does; reports have absolute paths or ones from a source root."""
    result: Table = {}
    for path, lines in table.items():
        name = path.replace("\\", "/")
        for root in (folder, folder.resolve()):
            name = name.removeprefix(f"{root}/")
        name = name.removeprefix("./")
        if name not in known:
            # `src/app/a.py` may stand as `app/a.py`: the one file that ends like it.
            ends = [other for other in known if other.endswith(f"/{name.lstrip('/')}")]
            if len(ends) != 1:
                continue
            name = ends[0]
        result[name] = lines
    return result
