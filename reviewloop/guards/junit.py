"""Reads JUnit XML, which nearly every test runner can write."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from reviewloop.state import TestCounts

StartHandler = Callable[[str, dict[str, str]], None]
EndHandler = Callable[[str], None]

_BYTES = 64 * 1024 * 1024
_MESSAGE_CHARS = 300


class UnreadableReportError(Exception):
    """A report that is missing, too long, malformed, or tries more than a report needs."""


@dataclass
class Case:
    """One test as the report tells it."""

    name: str
    classname: str = ""
    file: str = ""
    outcome: str = "passed"  # passed | failed | skipped
    message: str = ""

    @property
    def id(self) -> str:
        """What people and pytest call the test: `tests/test_a.py::TestB::test_c`."""
        if not self.file:
            return f"{self.classname}.{self.name}" if self.classname else self.name
        module = self.file.removesuffix(".py").replace("/", ".").replace("\\", ".")
        classes = self.classname.removeprefix(module).strip(".")
        inner = [part for part in classes.split(".") if part]
        return "::".join((self.file, *inner, self.name))


@dataclass
class Report:
    """The tests of one or more files."""

    cases: list[Case] = field(default_factory=list)

    @property
    def counts(self) -> TestCounts:
        """How many passed, failed and were skipped."""
        outcomes = [case.outcome for case in self.cases]
        return TestCounts(
            outcomes.count("passed"), outcomes.count("failed"), outcomes.count("skipped")
        )

    @property
    def failed(self) -> list[Case]:
        """The tests that failed or broke."""
        return [case for case in self.cases if case.outcome == "failed"]


def read_junit(paths: Iterable[Path]) -> Report:
    """Return the tests of the files; raise UnreadableReportError for one that is none."""
    report = Report()
    for path in paths:
        reader = _Reader(report)
        parse_xml(path, reader.start, reader.end)
    return report


class _Reader:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._case: Case | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "testcase":
            name, group = attributes.get("name", ""), attributes.get("classname", "")
            self._case = Case(name, group, attributes.get("file", ""))
        elif self._case is not None and tag in {"failure", "error"}:
            self._case.outcome = "failed"
            self._case.message = attributes.get("message", "")[:_MESSAGE_CHARS]
        elif self._case is not None and tag == "skipped" and self._case.outcome == "passed":
            self._case.outcome = "skipped"

    def end(self, tag: str) -> None:
        if tag == "testcase" and self._case is not None:
            self._report.cases.append(self._case)
            self._case = None


def parse_xml(path: Path, start: StartHandler, end: EndHandler) -> None:
    """Stream an XML file's elements; entities are refused, because a report needs none."""
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, attributes: start(_local(tag), attributes)
    parser.EndElementHandler = lambda tag: end(_local(tag))
    parser.EntityDeclHandler = _refuse_entity
    try:
        if path.stat().st_size > _BYTES:
            raise UnreadableReportError(f"{path.name} is longer than {_BYTES // 1024 // 1024} MB")
        with path.open("rb") as file:
            parser.ParseFile(file)
    except (OSError, expat.ExpatError) as error:
        raise UnreadableReportError(f"{path.name} cannot be read: {error}") from error


def _local(tag: str) -> str:
    return tag.rsplit(":", 1)[-1]


def _refuse_entity(*_: object) -> None:
    raise UnreadableReportError("the report declares entities")
