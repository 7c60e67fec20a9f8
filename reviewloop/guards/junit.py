"""Parses JUnit XML, which nearly every test runner can write."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from reviewloop.checkout.files import read_written
from reviewloop.domain.gate import TestCounts
from reviewloop.regex import regex
from reviewloop.rules.tests.reports import UnreadableReportError, parse_xml, refuse_long

__all__ = ["Case", "Report", "UnreadableReportError", "read_junit"]

_MESSAGE_CHARS = 300
_MOST_CASES = 500_000
_ASSERTION = regex(
    r"\s*(?:assert\b|(?:[\w.]+\.)?\w*Assert\w*(?:Error|Exception)\b|Failed: )"
    r"|(?:[\w.]+\.)?(?:ComparisonFailure|AssertionFailedError)\b"
)
"""The text of a failed assertion, unlike that of a crash."""


@dataclass
class Case:
    """One test in the report."""

    name: str
    classname: str = ""
    file: str = ""
    outcome: str = "passed"  # passed | failed | skipped
    message: str = ""
    asserted: bool = False  # failed by an assertion of its own, and did not crash before

    @property
    def id(self) -> str:
        """The usual name of the test, also in pytest: `tests/test_a.py::TestB::test_c`."""
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
        """The numbers of passed, failed and skipped tests."""
        outcomes = [case.outcome for case in self.cases]
        return TestCounts(
            outcomes.count("passed"), outcomes.count("failed"), outcomes.count("skipped")
        )

    @property
    def passed(self) -> list[Case]:
        """The tests that passed."""
        return [case for case in self.cases if case.outcome == "passed"]

    @property
    def failed(self) -> list[Case]:
        """The tests that failed or crashed."""
        return [case for case in self.cases if case.outcome == "failed"]

    @property
    def asserted(self) -> list[str]:
        """The ids of those that failed by their own assertion."""
        return [case.id for case in self.failed if case.asserted]

    def names(self, selected: Iterable[str]) -> bool:
        """Whether the report holds each test, and a test of each file or folder, of a selection."""
        held = {(case.classname, case.name) for case in self.cases}
        held |= {(case.classname, _plain_name(case.name)) for case in self.cases}
        groups = [f"{case.classname}." for case in self.cases]
        for one in selected:
            path, _, inner = one.partition("::")
            module = path.removesuffix("/").removesuffix(".py").replace("/", ".")
            *classes, name = inner.partition("[")[0].split("::")
            if inner:
                name += inner[len(inner.partition("[")[0]) :]
                found = (".".join((module, *classes)), name) in held
            else:
                found = any(group.startswith(f"{module}.") for group in groups)
            if not found:
                return False
        return True


def _plain_name(name: str) -> str:
    """Return a test's name without its parameters, which selects all of them."""
    return name.partition("[")[0]


def read_junit(paths: Iterable[Path]) -> Report:
    """Return the tests in the files; raise UnreadableReportError for an invalid one."""
    report = Report()
    for path in paths:
        reader = _Reader(report)
        try:
            refuse_long(path.name, path.stat().st_size)
            data = read_written(path)
        except OSError as error:
            raise UnreadableReportError(f"{path.name} cannot be read: {error}") from error
        parse_xml(path.name, data, reader.start, reader.end)
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
            texts = (attributes.get("type", ""), self._case.message)
            self._case.asserted = tag == "failure" and any(map(_ASSERTION.match, texts))
        elif self._case is not None and tag == "skipped" and self._case.outcome == "passed":
            self._case.outcome = "skipped"

    def end(self, tag: str) -> None:
        if tag == "testcase" and self._case is not None:
            if len(self._report.cases) >= _MOST_CASES:
                raise UnreadableReportError(f"the report has more than {_MOST_CASES} tests")
            self._report.cases.append(self._case)
            self._case = None
