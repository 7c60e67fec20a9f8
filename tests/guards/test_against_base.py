"""The evaluation of a change's tests against the results of its base."""

import pytest

from reviewloop.domain.gate import GateStatus, TestCounts
from reviewloop.guards import tests as gate
from reviewloop.guards.against_base import Outcome, Ran, compare_with_base
from reviewloop.guards.plan import DetectedGate

ENTRY = DetectedGate("test", "pytest", ("pytest",), "tests/test_a.py")
BASE = Ran(1, 2, 2, green=("a", "b"), red=("old",), flaky=("shaky",))


def outcome(green: str, red: str, code: int = 1, skipped: int = 0) -> Outcome:
    good, bad = green.split(), red.split()
    counts = TestCounts(len(good), len(bad), skipped)
    return Outcome(code, counts, frozenset(good), tuple(bad))


@pytest.mark.parametrize(
    ("ran", "status", "summary"),
    [
        (outcome("a b", "old"), "passed", "2 passed; 1 test was red before this change: old"),
        (outcome("a b", "shaky"), "passed", "2 passed; 1 flaky test: shaky"),
        (outcome("a b old shaky", "", 0), "passed", "4 passed"),
        (outcome("a", "b old"), "failed", "1 failed, 1 passed: b; 1 test was red before"),
        (outcome("a b", "new old"), "failed", "1 failed, 2 passed: new; 1 test was red before"),
        (outcome("a b", "old", 2), "failed", "1 failed, 2 passed: old"),
        (
            outcome("a", "old"),
            "needs_person",
            "1 test that passed before this change did not",
        ),
        (outcome("a", "", 0, 1), "needs_person", "1 passed, 1 skipped; 1 test that passed before"),
        (outcome("", "old"), "needs_person", "2 tests that passed before this change did"),
    ],
)
def test_only_what_the_change_broke_blocks(ran, status, summary):
    said = compare_with_base(ENTRY, ran, BASE, None)
    assert (said.status, summary in said.summary) == (status, True), said.summary


def test_a_test_that_passes_alone_is_flaky_and_needs_a_person():
    said = compare_with_base(ENTRY, outcome("a", "b old"), BASE, lambda names: frozenset({"b"}))
    assert said.status is GateStatus.NEEDS_USER
    assert said.details["reasons"] == ["failed, then passed alone, so it is not stable: b"]
    assert said.ran is not None
    assert (said.ran.red, said.ran.flaky) == (("old",), ("b",))


def test_many_red_tests_are_not_tried_again():
    names = " ".join(f"t{number}" for number in range(30))
    said = compare_with_base(ENTRY, outcome("a b", names), BASE, lambda names: frozenset(names))
    assert said.status is GateStatus.FAILED


@pytest.mark.parametrize(
    ("passed", "failed", "code", "status"),
    [
        (5, 2, 2, "needs_person"),
        (6, 1, 2, "needs_person"),
        (5, 3, 2, "failed"),
        (4, 2, 2, "failed"),
        (5, 2, 3, "failed"),
        (4, 0, 0, "needs_person"),
        (5, 0, 0, "passed"),
    ],
)
def test_a_runner_that_names_no_test_is_compared_by_its_counts(passed, failed, code, status):
    base = Ran(2, 5, 2) if failed else Ran(0, 5, 0)
    ran = Outcome(code, TestCounts(passed, failed, 0))
    assert compare_with_base(ENTRY, ran, base, None).status == status


def test_without_a_base_red_is_red():
    said = compare_with_base(ENTRY, outcome("a", "old"), None, None)
    assert (said.status, said.summary) == (GateStatus.FAILED, "1 failed, 1 passed: old")


def test_what_is_known_survives_its_file():
    assert Ran.from_plain(BASE.plain()) == BASE


@pytest.mark.slow
def test_pytest_names_flaky_and_red_tests_and_runs_on_past_broken_files(project):
    shaky = (
        "import pathlib\n\n\ndef test_shaky():\n    mark = pathlib.Path('mark')\n"
        "    seen = mark.exists()\n    mark.touch()\n    assert seen\n"
    )
    files = {
        "pytest.ini": "[pytest]\naddopts = -x\n",
        "test_a_broken.py": "import nowhere\n",
        "test_b_shaky.py": shaky,
        "test_c_fine.py": "def test_fine():\n    pass\n",
    }
    project.commit(files)
    asked = project.change({}, base_tests={})
    gate.check(asked)
    (ran,) = asked.tests_ran.values()
    assert ran.green == ("test_c_fine.py::test_fine",)
    assert ran.flaky == ("test_b_shaky.py::test_shaky",)
    assert len(ran.red) == 1
    known = dict(asked.tests_ran)
    after = gate.check(project.change({"a.py": "x = 1\n"}, base_tests=known, label="after-"))
    assert after.status is GateStatus.PASSED, after.summary
    assert after.summary.startswith("1 passed; 1 test was red before this change: ")
    assert after.summary.endswith("; 1 flaky test: test_b_shaky.py::test_shaky")
