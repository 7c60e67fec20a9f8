"""Code under test can write any report: no forgery hangs or crashes its parser."""

import json
import os
import sqlite3
import time
from pathlib import Path

import pytest
from support.growth import ends

from reviewloop.guards import lint, pytest_run, tests
from reviewloop.guards.against_base import needs_local_network
from reviewloop.guards.coverage import read_report
from reviewloop.guards.junit import read_junit
from reviewloop.guards.relevant import CoverageContexts
from reviewloop.guards.tests import count_tests
from reviewloop.rules.tests.reports import UnreadableReportError

COVERAGE_REPORTS = {
    "a number without end": '{"files": {"a.py": {"executed_lines": [1e999], "missing_lines": []}}}',
    "deep": '{"files": ' + "[" * 100_000,
    "a list": '{"files": []}',
    "digits that are none": '<a><class filename="a.py"><line number="²" hits="1"/></class></a>',
    "thousands of digits": f"SF:a.py\nDA:{'9' * 5000},1\n",
    "two signs": "SF:a.py\nDA:1,--1\n",
}


@pytest.mark.parametrize("name", COVERAGE_REPORTS)
def test_forged_coverage_is_unreadable(tmp_path: Path, name: str) -> None:
    report = tmp_path / "report"
    report.write_text(COVERAGE_REPORTS[name])
    with pytest.raises(UnreadableReportError):
        read_report(report, folder=tmp_path, known=["a.py"])


def test_reports_that_are_no_files_are_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "target/surefire-reports/TEST-pipe.xml"
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    with pytest.raises(UnreadableReportError):
        read_junit([pipe])
    with pytest.raises(UnreadableReportError):
        read_report(pipe, folder=tmp_path, known=[])
    assert tests._report(tmp_path, "maven", time.time()) is None


def test_reports_behind_a_link_are_somebody_elses(tmp_path: Path) -> None:
    work, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    for folder in (work / "target", elsewhere):
        folder.mkdir(parents=True)
    (elsewhere / "TEST-a.xml").write_text("<testsuite><testcase name='a'/></testsuite>")
    (work / "target/surefire-reports").symlink_to(elsewhere)
    assert tests._report(work, "maven", time.time()) is None
    (work / "target/surefire-reports").unlink()
    elsewhere.rename(work / "target/surefire-reports")
    report = tests._report(work, "maven", time.time())
    assert report is not None
    assert report.counts.passed == 1


@pytest.mark.slow
@pytest.mark.parametrize("text", ["\n" * 300_000, " \n" * 300_000, f"{'9' * 5000} passed in 1s"])
def test_no_output_takes_long_to_count(text: str) -> None:
    assert ends(lambda: count_tests("command", text))
    count_tests(
        "command", f"1 passed in 1s\nTests: {'9' * 5000} passed\nRan {'9' * 5000} tests in "
    )
    assert ends(lambda: needs_local_network("permission denied\n" * 50_000))
    assert not needs_local_network("permission denied\n" * 50_000)
    assert needs_local_network("socket\n" + "\n" * 5 + "permission denied")


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        ("eslint", '[{"filePath": "a.js", "messages": [{"line": "first"}]}]'),
        ("eslint", '[{"filePath": "a.js", "messages": 5}]'),
        ("ruff", '[{"fix": "text", "filename": "a.py"}]'),
        ("ruff", '[{"filename": "a.py", "location": {"row": 1e999}}]'),
        ("ruff", "[" * 100_000 + "]" * 100_000),
        ("flake8", f"a.py:{'9' * 5000}:1: E501 long"),
        ("bandit", '{"results": [{"line_range": 1}]}'),
    ],
)
def test_forged_remarks_are_no_report(reader: str, text: str) -> None:
    assert getattr(lint, f"read_{reader}")(text) is None


def database(path: Path, context: str, *statements: str) -> CoverageContexts:
    """Return the contexts of data like coverage's, in which one test ran lines 1 and 9 of a.py."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as data:
        for table in (
            "file (id integer primary key, path text, unique (path))",
            "context (id integer primary key, context text, unique (context))",
            "line_bits (file_id integer, context_id integer, numbits blob)",
        ):
            data.execute(f"CREATE TABLE {table}")
        data.execute("INSERT INTO file VALUES (1, 'a.py')")
        data.execute("INSERT INTO context VALUES (1, ?)", (context,))
        data.execute("INSERT INTO line_bits VALUES (1, 1, ?)", (b"\x02\x02",))
        for statement in statements:
            data.execute(statement)
    data.close()
    return CoverageContexts(path)


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x"


def test_forged_coverage_data_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "coverage.data"
    good = "tests/test_a.py::test_a[x y]"
    contexts = database(path, good).of("a.py")
    assert [line for line in range(100) if contexts.at(line) == {good}] == [1, 9]
    assert not database(path, good).of("b.py").at(1)
    for option in ("--collect-only", "-pevil::x", "@file::x", "a\n::b", "word"):
        assert not database(path, option).of("a.py").at(1)
    for statement in (
        "UPDATE line_bits SET numbits = 'text'",
        "UPDATE context SET context = x'ff'",
        "ALTER TABLE line_bits RENAME TO other",
        "ALTER TABLE line_bits ADD COLUMN more AS (zeroblob(900000000))",
        f"CREATE VIEW more AS {ENDLESS} FROM c",
    ):
        assert not database(path, good, statement).of("a.py").at(1)
    view = (
        f"CREATE VIEW line_bits AS {ENDLESS} AS file_id, 1 AS context_id, x'02' AS numbits FROM c"
    )
    assert not database(path, good, "DROP TABLE line_bits", view).of("a.py").at(1)
    path.write_bytes(os.urandom(5000))
    assert not CoverageContexts(path).of("a.py").at(1)
    path.write_text(json.dumps({}))
    assert not CoverageContexts(path).of("a.py").at(1)


def test_folders_in_place_of_reports_make_way(project) -> None:
    project.commit({"a.py": "x = 1\n"})
    change = project.change({"a.py": "x = 2\n"})
    change.folder()
    names = ("report.xml", pytest_run.COVERAGE_DATA, f"{pytest_run.COVERAGE_DATA}.1")
    for name in names:
        (change.written(name) / "inside").mkdir(parents=True)
    report = change.written("report.xml")
    result = pytest_run._start(change, ["true"], (), report, change.log("true.log"))
    assert result.exit_code == 0
    measured = pytest_run._Coverage(change)
    assert not any(change.written(name).exists() for name in names)
    change.written(f"{pytest_run.COVERAGE_DATA}.1").mkdir()
    change.written(pytest_run.COVERAGE_DATA).mkdir()
    assert measured.finish() == {}
