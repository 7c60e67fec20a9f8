import json

import pytest

from reviewloop.domain.finding import Severity
from reviewloop.domain.gate import GateStatus, TestCounts
from reviewloop.guards import coverage, untested
from reviewloop.guards import tests as test_gate
from reviewloop.guards.registry import installed_guards, run_all, run_one
from reviewloop.guards.relevant import relevant_tests

OLD = """\
def price(count):
    if count > 10:
        return count * 9
    return count * 10


def label(count):
    return f"{count} pieces"


LIMIT = 3
"""
NEW = (
    OLD.replace("count * 9", "int(count * 0.9)")
    + """

def order(count):
    if count < 0:
        raise ValueError("count")
    return count


def cancel(order):
    # nothing else to do
    return order * -1


def _quiet():
    return None
"""
)
TESTS = """\
from shop.prices import label, order, price


def test_few():
    assert price(1) == 10


def test_order():
    assert order(1) == 1


class TestLabel:
    def test_label(self):
        assert label(2) == "2 pieces"
"""


@pytest.fixture
def shop(project):
    """A package, its tests, and a change of which tests reach a part."""
    old_tests = TESTS.replace("label, order,", "label,").replace(
        "def test_order():\n    assert order(1) == 1\n\n\n", ""
    )
    files = {"shop/__init__.py": "", "shop/prices.py": OLD, "tests/test_prices.py": old_tests}
    project.commit(files)
    return project


@pytest.mark.slow
def test_whole_judgement_of_a_change(shop):
    change = shop.change({"shop/prices.py": NEW, "tests/test_prices.py": TESTS})
    seen = []
    results = {result.name: result for result in run_all(change, on_start=seen.append)}
    assert list(results) == seen
    runs_code = {guard.name: guard.runs_code for guard in installed_guards()}
    assert [runs_code[name] for name in seen] == sorted(runs_code[name] for name in seen)
    assert {"secrets", "branch", "governance", "build"} <= set(seen)
    assert results["build"].summary == "2 changed Python files compile"
    assert results["test"].tests == TestCounts(3, 0, 0)

    covered = results["coverage"]
    # Added and executable: return of price, order (4 lines), cancel (2), _quiet (2).
    assert covered.details == {"new_lines": 9, "missing_lines": 4}
    assert covered.coverage == pytest.approx(5 / 9)
    assert covered.status is GateStatus.WARNING
    assert "56 % of 9 new lines run by tests, wanted 80 %" in covered.summary
    assert {(f.line, f.end_line, f.severity) for f in covered.findings} == {
        (3, None, Severity.SHOULD_FIX),
        (16, None, Severity.SHOULD_FIX),
        (26, None, Severity.SHOULD_FIX),
    }
    finding = next(f for f in covered.findings if f.line == 16)
    assert finding.agents == ("review-test-quality",)
    assert finding.rule == "coverage.new-lines"
    assert 'raise ValueError("count")' in finding.quote

    reached = results["untested"]
    assert reached.status is GateStatus.WARNING
    assert reached.details["functions"] == ["cancel"]
    assert reached.findings[0].severity is Severity.SHOULD_FIX
    assert (reached.findings[0].line, reached.findings[0].end_line) == (20, 22)


@pytest.mark.slow
def test_relevant_tests_are_those_that_ran_the_touched_function(shop, git):
    change = shop.change({"shop/prices.py": NEW, "tests/test_prices.py": TESTS})
    result = test_gate.check(change)
    data = change.logs / result.details["coverage_data"]
    shop.commit({"shop/prices.py": NEW, "tests/test_prices.py": TESTS})

    def relevant(files):
        fix = shop.change(files, label=f"fix-{len(list(shop.state.iterdir()))}-")
        return relevant_tests(data, fix.change, fix.read_base, fix.read_new)

    def edited(old, new):
        return {"shop/prices.py": NEW.replace(old, new)}

    assert relevant(edited("0.9)", "0.90)")) == ("tests/test_prices.py::test_few",)
    assert relevant(edited("pieces", "things")) == ("tests/test_prices.py::TestLabel::test_label",)
    inserted = edited("    return count\n", "    count += 0\n    return count\n")
    assert relevant(inserted) == ("tests/test_prices.py::test_order",)
    assert relevant({"tests/test_prices.py": TESTS + "\n"}) == ("tests/test_prices.py",)
    assert relevant(edited("LIMIT = 3", "LIMIT = 4")) is None  # runs on import
    assert relevant(edited("order * -1", "-order")) is None  # no test runs it
    assert relevant(edited("def order(count)", "def order(count=1)")) is None
    assert relevant({"shop/data.json": "{}"}) is None
    assert relevant(edited("_quiet():", "_quiet():\n    pass\n\n\ndef new():")) is None
    gone = data.with_name("gone")
    assert relevant_tests(gone, change.change, change.read_base, change.read_new) is None


@pytest.mark.slow
def test_what_shared_fixtures_run_belongs_to_no_single_test(shop):
    tests = (
        "import pytest\nfrom shop.prices import price\n\n\n"
        "@pytest.fixture(scope='module')\ndef cheap():\n    return price(1)\n\n\n"
        "def test_a(cheap):\n    assert cheap\n\n\ndef test_b(cheap):\n    assert cheap\n"
    )
    change = shop.change({"tests/test_prices.py": tests})
    result = test_gate.check(change)
    data = change.logs / result.details["coverage_data"]
    fix = shop.change({"shop/prices.py": OLD.replace("* 10", "* 11")}, label="fix-")
    assert relevant_tests(data, fix.change, fix.read_base, fix.read_new) is None


@pytest.mark.slow
def test_workers_of_xdist_are_measured_too(shop):
    pytest.importorskip("xdist")
    shop.commit({"pytest.ini": "[pytest]\naddopts = -p xdist.plugin -n 2\n"})
    change = shop.change({"shop/prices.py": NEW, "tests/test_prices.py": TESTS})
    result = test_gate.check(change)
    assert result.tests == TestCounts(3, 0, 0)
    assert coverage.check(change).details == {"new_lines": 9, "missing_lines": 4}


@pytest.mark.slow
def test_hard_threshold_stops_the_change(shop, with_settings):
    with_settings(gates={"coverage": {"hard": True}})
    change = shop.change({"shop/prices.py": NEW, "tests/test_prices.py": TESTS})
    test_gate.check(change)
    assert coverage.check(change).status is GateStatus.FAILED


@pytest.mark.slow
def test_change_cannot_excuse_its_own_lines(shop):
    excuse = "[tool.coverage.run]\nomit = ['shop/*']\n"
    files = {"shop/prices.py": NEW, "tests/test_prices.py": TESTS, "pyproject.toml": excuse}
    change = shop.change(files)
    test_gate.check(change)
    assert coverage.check(change).details["new_lines"] == 9


@pytest.mark.slow
def test_what_the_project_excludes_is_respected(shop):
    shop.commit({".coveragerc": "[report]\nexclude_also =\n    raise ValueError\n"})
    change = shop.change({"shop/prices.py": NEW, "tests/test_prices.py": TESTS})
    test_gate.check(change)
    result = coverage.check(change)
    assert result.details == {"new_lines": 8, "missing_lines": 3, "excluded_lines": 1}


def test_unmeasured_is_not_green(project):
    change = project.change({"README.md": "x\n"})
    for result in (coverage.check(change), untested.check(change)):
        assert result.status is GateStatus.NOT_DETECTED
        assert "measured for pytest only" in result.summary


def test_coverage_can_be_switched_off(shop, with_settings):
    with_settings(gates={"coverage": {"enabled": False}})
    change = shop.change({"shop/prices.py": NEW})
    assert run_one("coverage", change).status is GateStatus.OFF
    assert run_one("untested", change).status is GateStatus.OFF


def test_report_of_a_custom_runner_is_read(project, with_settings):
    lcov = "SF:src/a.js\\nDA:1,1\\nDA:2,0\\nDA:3,1\\nend_of_record\\n"
    command = ("sh", "-c", f"printf '{lcov}' > lcov.info")
    with_settings(gates={"test": {"command": command}, "coverage": {"report": "lcov.info"}})
    change = project.change({"src/a.js": "export function add(a, b) {\n  return a + b\n}\n"})
    test_gate.check(change)
    result = coverage.check(change)
    assert result.coverage == pytest.approx(2 / 3)
    assert "src/a.js: no test runs lines 2" in result.excerpt


def test_report_that_was_not_written_is_said(project, with_settings):
    with_settings(gates={"coverage": {"report": "coverage.xml"}})
    result = coverage.check(project.change({"README.md": "x\n"}))
    assert result.status is GateStatus.NOT_DETECTED
    assert "did not write coverage.xml" in result.summary


def test_hard_stop_keeps_the_repositorys_commands_from_running(project):
    project.commit({"Makefile": "test:\n\ttouch ../ran\n"})
    change = project.change({"README.md": "x\n"}, branch="main")
    results = {result.name: result for result in run_all(change)}
    assert results["branch"].status is GateStatus.HARD_STOP
    assert results["test"].status is GateStatus.NOT_VERIFIABLE
    assert results["test"].summary == "not run: branch stopped the change"
    assert not (project.state / "ran").exists()
    json.dumps([result.plain() for result in results.values()])


@pytest.mark.slow
def test_no_test_runs_on_code_that_does_not_compile(shop):
    results = {r.name: r for r in run_all(shop.change({"shop/prices.py": "def f(:\n"}))}
    assert results["build"].status is GateStatus.FAILED
    assert "SyntaxError" in results["build"].excerpt
    assert 'File "shop/prices.py", line 1' in results["build"].excerpt.replace("./", "")
    assert results["test"].summary == "not run: the build failed"
