import pytest

from reviewloop.domain.gate import TestCounts
from reviewloop.guards.coverage import read_report
from reviewloop.guards.junit import UnreadableReportError, read_junit
from reviewloop.guards.tests import count_tests


@pytest.mark.parametrize(
    ("kind", "text", "counts"),
    [
        ("pytest", "==== 2 failed, 5 passed, 1 skipped, 1 error in 0.12s ====", (5, 3, 1)),
        ("pytest", "3 passed in 0.01s", (3, 0, 0)),
        ("unittest", "Ran 4 tests in 0.001s\n\nFAILED (failures=1, skipped=1)", (2, 1, 1)),
        ("unittest", "Ran 4 tests in 0.001s\n\nOK", (4, 0, 0)),
        (
            "cargo",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n"
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            (4, 2, 1),
        ),
        ("go", "--- PASS: TestA (0.0s)\n    --- PASS: TestA/b\n--- FAIL: TestB\nFAIL", (1, 1, 0)),
        ("go", "?   \texample.com/a\t[no test files]", (0, 0, 0)),
        ("maven", "[INFO] Tests run: 4, Failures: 1, Errors: 1, Skipped: 1\n", (1, 2, 1)),
        ("node", "Tests:       1 failed, 2 skipped, 5 passed, 8 total", (5, 1, 2)),
        ("node", "      Tests  1 failed | 5 passed (6)", (5, 1, 0)),
        ("node", "# tests 3\n# pass 2\n# fail 1\n# cancelled 0\n# skipped 0\n# todo 0", (2, 1, 0)),
        ("node", "ℹ tests 1\nℹ pass 1\nℹ fail 0", (1, 0, 0)),
        ("node", "  5 passing (3ms)\n  1 pending\n  2 failing", (5, 2, 1)),
        ("make", "Ran 4 tests in 0.001s\n\nOK", (4, 0, 0)),
    ],
)
def test_closing_lines_are_counted(kind, text, counts):
    assert count_tests(kind, text) == TestCounts(*counts)


def test_unknown_output_has_no_count():
    assert count_tests("command", "all good\n") is None


def junit(tmp_path, text):
    path = tmp_path / "report.xml"
    path.write_text(text)
    return read_junit([path])


def test_junit_of_maven(tmp_path):
    report = junit(
        tmp_path,
        '<testsuite name="a.ShopTest"><testcase name="adds" classname="a.ShopTest"/>'
        '<testcase name="fails" classname="a.ShopTest"><error message="m">x</error></testcase>'
        '<testcase name="later" classname="a.ShopTest"><skipped/></testcase></testsuite>',
    )
    assert report.counts == TestCounts(1, 1, 1)
    assert [case.id for case in report.failed] == ["a.ShopTest.fails"]


def test_junit_ids_are_those_pytest_takes(tmp_path):
    report = junit(
        tmp_path,
        '<testsuites><testsuite><testcase name="test_a[x/y.py]" classname="tests.test_s.TestB" '
        'file="tests/test_s.py"><failure message="m"/></testcase></testsuite></testsuites>',
    )
    assert [case.id for case in report.failed] == ["tests/test_s.py::TestB::test_a[x/y.py]"]


def test_report_with_entities_is_refused(tmp_path):
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><testsuite name="&c;"/>'
    with pytest.raises(UnreadableReportError, match="entities"):
        junit(tmp_path, bomb)


def test_cut_off_report_is_refused(tmp_path):
    with pytest.raises(UnreadableReportError, match="cannot be read"):
        junit(tmp_path, "<testsuite><testcase name='a'")


COBERTURA = (
    '<?xml version="1.0" ?><!DOCTYPE coverage SYSTEM "http://cobertura.example/coverage-04.dtd">'
    '<coverage><packages><package><classes><class filename="shop/a.py"><lines>'
    '<line number="1" hits="2"/><line number="2" hits="0"/></lines></class></classes></package>'
    "</packages></coverage>"
)
LCOV = "TN:\nSF:/build/src/shop/a.py\nDA:1,2\nDA:2,0\nend_of_record\n"
JSON = (
    '{"files": {"src/shop/a.py": {"executed_lines": [1], "missing_lines": [2],'
    ' "excluded_lines": []}, "other.py": {"executed_lines": [1], "missing_lines": []}}}'
)


@pytest.mark.parametrize("text", [COBERTURA, LCOV, JSON])
def test_coverage_reports_of_three_formats(tmp_path, text):
    path = tmp_path / "report"
    path.write_text(text)
    from pathlib import Path

    table = read_report(path, folder=Path("/build"), known=["src/shop/a.py", "b.py"])
    assert list(table) == ["src/shop/a.py"]
    assert table["src/shop/a.py"].executed == {1}
    assert table["src/shop/a.py"].missing == {2}


@pytest.mark.parametrize("text", ["", "{}", "hello", "<coverage>", '{"files": [1]}'])
def test_report_of_another_kind_is_refused(tmp_path, text):
    path = tmp_path / "report"
    path.write_text(text)
    with pytest.raises(UnreadableReportError):
        read_report(path, folder=tmp_path, known=["a.py"])
