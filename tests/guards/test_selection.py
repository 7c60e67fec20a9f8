"""Runs of selected tests, and the result when the selection did not run."""

import pytest

from reviewloop.domain.gate import GateStatus, TestCounts
from reviewloop.guards import tests as gate
from reviewloop.guards.junit import Case, Report
from reviewloop.guards.relevant import without_covered

REPORT = Report(
    [
        Case("test_a", "tests.test_s", "tests/test_s.py"),
        Case("test_b[x.py::1]", "tests.test_s.TestB", "tests/test_s.py"),
    ]
)


def test_ids_of_files_that_are_selected_whole_are_dropped():
    selected = {"tests/test_s.py::test_a", "tests/test_s.py", "tests/test_z.py::test_t"}
    assert without_covered(selected) == ("tests/test_s.py", "tests/test_z.py::test_t")


@pytest.mark.parametrize(
    ("selected", "held"),
    [
        (["tests/test_s.py::test_a"], True),
        (["tests/test_s.py::TestB::test_b[x.py::1]"], True),
        (["tests/test_s.py::TestB::test_b"], True),
        (["tests/test_s.py"], True),
        (["tests"], True),
        (["tests/"], True),
        (["tests/test_s.py::TestB::test_b[2]"], False),
        (["tests/test_s.py::test_b"], False),
        (["tests/test_s.py", "tests/test_t.py"], False),
        (["tests/test"], False),
    ],
)
def test_a_report_says_whether_it_holds_a_selection(selected, held):
    assert REPORT.names(selected) is held


@pytest.mark.slow
def test_all_tests_run_when_part_of_the_selection_did_not(project):
    # As pytest 8 does with a file beside an id of that file: it runs the id only.
    redact = (
        "def pytest_collection_modifyitems(config, items):\n"
        "    if any('::' in one for one in config.args):\n"
        "        items[:] = [one for one in items if one.name == 'test_a']\n"
    )
    tests = "def test_a():\n    pass\n\n\ndef test_b():\n    assert False\n"
    project.commit({"conftest.py": redact, "test_s.py": tests, "a.py": ""})
    asked = project.change(
        {"a.py": "x = 1\n"}, selection=("test_s.py::test_a", "test_s.py::test_b")
    )
    result = gate.check(asked)
    assert result.status is GateStatus.FAILED
    assert result.tests == TestCounts(passed=1, failed=1, skipped=0)
    assert result.command[-1] == "-q"
