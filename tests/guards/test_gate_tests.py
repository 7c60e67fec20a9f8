import pytest

from reviewloop.domain.gate import GateStatus, TestCounts
from reviewloop.guards import tests as gate
from reviewloop.guards.against_base import evaluate_tests
from reviewloop.guards.plan import DetectedGate

SHOP = "def price(count):\n    if count > 10:\n        return count * 9\n    return count * 10\n"
TESTS = (
    "import pytest\nfrom shop import price\n\n\n"
    "def test_few_cost_full_price():\n    assert price(2) == 20\n\n\n"
    "@pytest.mark.skip(reason='later')\ndef test_later():\n    pass\n"
)


def test_passing_tests_are_counted(project):
    project.commit({"shop.py": SHOP, "tests/test_shop.py": TESTS})
    result = gate.check(project.change({"shop.py": SHOP + "\n\nLIMIT = 3\n"}))
    assert result.status is GateStatus.PASSED
    assert result.tests == TestCounts(passed=1, failed=0, skipped=1)
    assert result.command == ("python", "-m", "pytest", "-q")
    assert result.exit_code == 0
    assert result.seconds > 0


def test_failing_test_is_named_with_its_assertion(project):
    project.commit({"shop.py": SHOP, "tests/test_shop.py": TESTS})
    change = project.change({"shop.py": SHOP.replace("* 10", "* 11")})
    result = gate.check(change)
    assert result.status is GateStatus.FAILED
    assert result.details["failed"] == ["tests/test_shop.py::test_few_cost_full_price"]
    assert "1 failed, 0 passed: tests/test_shop.py::test_few_cost_full_price" in result.summary
    assert "assert 22 == 20" in result.excerpt
    assert str(change.folder()) not in result.excerpt
    assert (change.logs / result.log).is_file()


@pytest.mark.slow
def test_broken_import_is_a_failure(project):
    project.commit({"shop.py": SHOP, "tests/test_shop.py": TESTS})
    result = gate.check(project.change({"shop.py": "import nowhere_to_be_found\n"}))
    assert result.status is GateStatus.FAILED
    assert "nowhere_to_be_found" in result.excerpt


def test_no_test_is_never_green(project):
    project.commit({"pytest.ini": "[pytest]\n", "shop.py": SHOP})
    result = gate.check(project.change({"shop.py": SHOP + "\n"}))
    assert result.status is GateStatus.NOT_DETECTED
    assert "no test ran" in result.summary


@pytest.mark.slow
def test_configured_command_that_runs_no_test_fails(project, with_settings):
    with_settings(gates={"test": {"command": ("pytest", "-q")}})
    project.commit({"shop.py": SHOP})
    result = gate.check(project.change({"shop.py": SHOP + "\n"}))
    assert result.status is GateStatus.FAILED
    assert "gates.test.command is set" in result.summary


@pytest.mark.slow
def test_tests_that_end_python_early_are_not_green(project):
    project.commit({"shop.py": SHOP, "tests/test_shop.py": TESTS})
    cheat = "import os\n\n\ndef test_nothing():\n    os._exit(0)\n"
    result = gate.check(project.change({"tests/test_shop.py": cheat}))
    assert result.status is GateStatus.ERROR
    assert "report" in result.summary


def test_nothing_detected_says_what_was_looked_for(project):
    result = gate.check(project.change({"README.md": "# other\n"}))
    assert result.status is GateStatus.NOT_DETECTED
    assert result.summary.startswith("no test gate detected; looked for pytest")


def test_gate_switched_off_is_shown_as_such(project, with_settings):
    with_settings(gates={"test": {"enabled": False}})
    project.commit({"shop.py": SHOP, "tests/test_shop.py": TESTS})
    assert gate.check(project.change({"shop.py": "x = 1\n"})).status is GateStatus.OFF


def test_missing_program_is_said_and_not_green(project):
    project.commit({"Cargo.toml": '[package]\nname = "a"\n'})
    result = gate.check(project.change({"README.md": "x\n"}, search_path="/nonexistent"))
    assert result.status is GateStatus.NOT_VERIFIABLE
    assert "cargo is not installed" in result.summary


@pytest.mark.slow
def test_selected_tests_run_alone(project):
    more = TESTS + "\n\ndef test_many_are_cheaper():\n    assert price(20) == 180\n"
    project.commit({"shop.py": SHOP, "tests/test_shop.py": more})
    ident = "tests/test_shop.py::test_many_are_cheaper"
    result = gate.check(project.change({"shop.py": SHOP + "\n"}, selection=(ident,)))
    assert result.tests == TestCounts(passed=1, failed=0, skipped=0)
    assert "coverage_data" not in result.details


@pytest.mark.slow
def test_selection_of_a_test_that_is_gone_runs_all(project):
    project.commit({"shop.py": SHOP, "tests/test_shop.py": TESTS})
    gone = ("tests/test_shop.py::test_that_was_renamed",)
    result = gate.check(project.change({"shop.py": SHOP + "\n"}, selection=gone))
    assert result.status is GateStatus.PASSED
    assert result.tests == TestCounts(passed=1, failed=0, skipped=1)


@pytest.mark.slow
def test_command_past_its_time_fails(project, with_settings):
    with_settings(gates={"test": {"timeout_seconds": 1.0, "command": ("sleep", "30")}})
    result = gate.check(project.change({"README.md": "x\n"}))
    assert result.status is GateStatus.FAILED
    assert "did not finish within 1 seconds" in result.summary


@pytest.mark.slow
def test_unittest_is_used_where_nothing_asks_for_pytest(project, with_settings):
    with_settings(gates={"test": {"command": ("python", "-m", "unittest", "discover", "-s", "t")}})
    case = (
        "import unittest\nfrom shop import price\n\n\nclass Prices(unittest.TestCase):\n"
        "    def test_two(self):\n        self.assertEqual(price(2), 20)\n\n"
        "    @unittest.skip('later')\n    def test_more(self):\n        pass\n"
    )
    project.commit({"shop.py": SHOP, "t/test_shop.py": case})
    result = gate.check(project.change({"README.md": "x\n"}))
    assert result.status is GateStatus.PASSED
    assert result.tests == TestCounts(passed=1, failed=0, skipped=1)


def test_make_target_is_counted_by_what_it_prints(project):
    project.commit({"Makefile": "test:\n\t@echo '3 passed, 1 skipped in 0.02s'\n"})
    result = gate.check(project.change({"README.md": "x\n"}))
    assert result.tests == TestCounts(passed=3, failed=0, skipped=1)
    assert result.command == ("make", "test")


@pytest.mark.slow
def test_package_json_script_runs_and_is_counted(project):
    test = "const t = require('node:test');\nt('adds', () => {});\n"
    package = '{"scripts": {"test": "node --test sum.test.js"}}'
    project.commit({"package.json": package, "sum.test.js": test})
    result = gate.check(project.change({"README.md": "x\n"}))
    if result.status is GateStatus.NOT_VERIFIABLE:
        assert "npm is not installed" in result.summary
    else:
        assert result.tests == TestCounts(passed=1, failed=0, skipped=0)


@pytest.mark.slow
def test_two_languages_are_one_result(project):
    project.commit(
        {
            "shop.py": SHOP,
            "tests/test_shop.py": TESTS,
            "Cargo.toml": '[package]\nname = "a"\n',
        }
    )
    result = gate.check(project.change({"README.md": "x\n"}, search_path="/nonexistent"))
    assert result.status is GateStatus.NOT_VERIFIABLE
    assert result.tests == TestCounts(passed=1, failed=0, skipped=1)
    assert [entry["status"] for entry in result.details["commands"]] == [
        "passed",
        "not_verifiable",
    ]


def test_all_skipped_is_no_evidence():
    entry = DetectedGate("test", "pytest", ("pytest",), "pytest.ini configures pytest")
    status, summary = evaluate_tests(entry, 0, TestCounts(0, 0, 4), ())
    assert status is GateStatus.NOT_DETECTED
    assert "all 4 tests were skipped" in summary


def test_unknown_count_is_said():
    entry = DetectedGate("test", "command", ("x",), "gates.test.command")
    assert evaluate_tests(entry, 0, None, ()) == (
        GateStatus.PASSED,
        "tests passed; the runner did not say how many",
    )


@pytest.mark.slow
def test_first_tests_of_a_project_are_run(project):
    project.commit({"shop.py": SHOP})
    result = gate.check(project.change({"tests/test_shop.py": TESTS}))
    assert result.tests == TestCounts(passed=1, failed=0, skipped=1)


def test_change_cannot_replace_what_judges_it(project):
    project.commit({"Makefile": "test:\n\t@echo '1 failed in 0.1s'; exit 1\n"})
    easy = '{"scripts": {"test": "true"}}'
    change = project.change({"package.json": easy, "pytest.ini": "[pytest]\n"})
    assert gate.check(change).status is GateStatus.FAILED
