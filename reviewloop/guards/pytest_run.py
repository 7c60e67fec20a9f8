"""Runs pytest for its status, its counts, and the lines that each test covers."""

import configparser
import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Any

from reviewloop.checkout.files import remove_tree
from reviewloop.dataclass import dataclass
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.git.repository import path_in_repository
from reviewloop.guards.against_base import Outcome, compare_with_base
from reviewloop.guards.base import GuardInput, is_test_file
from reviewloop.guards.commands import command_result, could_not_run
from reviewloop.guards.detect import Surroundings, table
from reviewloop.guards.junit import Report, UnreadableReportError, read_junit
from reviewloop.guards.plan import DetectedGate
from reviewloop.sandbox.run import CommandResult

PLUGIN = "reviewloop_contexts"

SOURCE = """\
import os

import pytest

_config = os.environ.get("REVIEWLOOP_COVERAGE")
_running = [""]
_worker = None

if _config:
    import coverage

    if os.environ.get("PYTEST_XDIST_WORKER") and coverage.Coverage.current() is None:
        _worker = coverage.Coverage(config_file=_config)
        _worker.start()


def _switch(name):
    measurement = coverage.Coverage.current() if _config else None
    if measurement is not None:
        measurement.switch_context(name)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config):
    # Two measurements in one process undo each other, and a part of the tests cannot reach a
    # minimum that is meant for all of them.
    early_config.known_args_namespace.no_cov = True
    yield


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    _running[0] = item.nodeid
    _switch(item.nodeid)
    yield
    _running[0] = ""
    _switch("")


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef):
    shared = fixturedef.scope != "function"
    if shared:
        _switch("")
    yield
    if shared:
        _switch(_running[0])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish():
    if _worker is not None:
        _worker.stop()
        _worker.save()
"""


_COPIED = (
    ("run", "omit"),
    ("run", "concurrency"),
    ("run", "patch"),
    ("run", "sigterm"),
    ("report", "omit"),
    ("report", "exclude_lines"),
    ("report", "exclude_also"),
)
_FILES = (
    (".coveragerc", ""),
    ("setup.cfg", "coverage:"),
    ("tox.ini", "coverage:"),
)
_NEVER_MEASURED = ("*/node_modules/*", "*/site-packages/*")


def write_config(change: GuardInput, target: Path, data: Path) -> None:
    """Write a coverage configuration file that measures the whole workspace.

    The project's exclusions come from the base, so that a change cannot exclude itself.
    """
    kept = _project_values(change)
    reused = [f"*/{name.strip('/')}/*" for name in change.settings.gates.reuse]
    omit = [*_NEVER_MEASURED, *reused, *kept.pop(("run", "omit"), "").splitlines()]
    values: dict[tuple[str, str], str] = {
        **kept,
        ("run", "data_file"): str(data),
        ("run", "parallel"): "true",
        ("run", "relative_files"): "true",
        ("run", "source"): str(change.folder()),
        ("run", "omit"): "\n".join(line.strip() for line in omit if line.strip()),
        ("run", "disable_warnings"): "no-data-collected\nmodule-not-measured\ncouldnt-parse",
        ("report", "include_namespace_packages"): "true",
        ("report", "ignore_errors"): "true",
    }
    parser = configparser.RawConfigParser(delimiters=("=",))
    for (section, key), value in values.items():
        if not parser.has_section(section):
            parser.add_section(section)
        parser.set(section, key, value)
    with target.open("w", encoding="utf-8") as file:
        parser.write(file)


def _of_project(change: GuardInput, name: str) -> bytes | None:
    return change.read_base(path_in_repository(change.env.project, name))


def _project_values(change: GuardInput) -> dict[tuple[str, str], str]:
    names = frozenset((*(name for name, _ in _FILES), "pyproject.toml"))
    files = Surroundings(partial(_of_project, change), names, Path(), (), "")
    for name, prefix in _FILES:
        values = _from_ini(files.text(name), prefix)
        if values:
            return values
    tool = table(files.toml("pyproject.toml"), "tool", "coverage")
    found: dict[tuple[str, str], str] = {}
    for section, key in _COPIED:
        value = _as_text(table(tool, section).get(key))
        if value:
            found[section, key] = value
    return found


def _from_ini(text: str, prefix: str) -> dict[tuple[str, str], str]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    found = {}
    for section, key in _COPIED:
        value = parser.get(prefix + section, key, fallback=None)
        if value:
            found[section, key] = value
    return found


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


_NO_TESTS = 5  # pytest's exit codes
_USAGE = 4
_MOST_ASSERTED = 50  # most names in a result
_MOST_SELECTED = 400  # beyond this many ids all tests are run

_REPORT = "test-pytest.xml"
COVERAGE_DATA = "coverage.data"
COVERAGE_JSON = "coverage.json"


def run_pytest(change: GuardInput, entry: DetectedGate) -> GateResult:
    """Run pytest under coverage if the project's environment has it, else alone.

    A selection of tests is run without coverage, which would be incomplete. All tests run when its
    report lacks something of the selection: tests that did not run prove nothing.
    """
    log = change.log("test-pytest.log")
    selected = change.selection
    if selected is not None and 0 < len(selected) <= _MOST_SELECTED:
        one = _ran(change, entry, log, selected)
        if one.is_about(selected):
            return _evaluate_run(change, entry, one)
    if _parts(entry.argv)[0] == "python" and _measures_coverage(change):
        coverage = _Coverage(change)
        one = _ran(change, entry, log, coverage=coverage)
        if one.written or not one.result.exit_code:
            return _evaluate_run(change, entry, replace(one, details=coverage.finish()))
    return _evaluate_run(change, entry, _ran(change, entry, log))


@dataclass(frozen=True)
class _Ran:
    """One ended run of pytest, with its report."""

    result: CommandResult
    report: Report | None
    problem: str  # with the report
    written: bool  # there is a report, readable or not
    selected: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)

    def is_about(self, selected: Sequence[str]) -> bool:
        """Whether the report has all selected tests, or running more would not help."""
        if could_not_run(self.result):
            return True
        if self.result.exit_code in {_NO_TESTS, _USAGE} or self.report is None:
            return False
        return self.report.names(selected)


def _ran(
    change: GuardInput,
    entry: DetectedGate,
    log: Path,
    selected: tuple[str, ...] = (),
    coverage: "_Coverage | None" = None,
) -> _Ran:
    interpreter, arguments = _parts(entry.argv)
    report = change.written(_REPORT)
    argv, variables = [interpreter], {}
    if coverage is not None:
        argv, variables = coverage.argv, coverage.variables
    if change.base_tests is not None:  # one failed test of the base must not hide all others
        arguments = (*arguments, "--continue-on-collection-errors", "--maxfail=0")
    result = _start(change, argv, [*arguments, *selected], report, log, variables)
    taken = change.take(_REPORT)
    problem = "pytest ended without its report, so it is not known what ran"
    try:
        read = read_junit([taken]) if taken is not None else None
    except UnreadableReportError as error:
        read, problem = None, f"pytest's report is unusable: {error}"
    return _Ran(result, read, problem, taken is not None, selected)


def _start(
    change: GuardInput,
    interpreter: Sequence[str],
    arguments: Sequence[str],
    report: Path,
    log: Path,
    variables: dict[str, str] | None = None,
) -> CommandResult:
    remove_tree(report)  # an earlier command may have left anything there
    argv = [*interpreter, "-m", "pytest", f"--junitxml={report}", "-o", "junit_family=xunit1"]
    argv += ["-o", f"cache_dir={change.written('pytest-cache')}", "--color=no"]
    argv += ["-p", PLUGIN]
    if change.env.python_origin == "reviewloop":
        # Installed with our own dependencies; the project does not use it, and it costs 1.2 s.
        argv += ["-p", "no:langsmith_plugin"]
    variables = {**_plugin_path(change), **(variables or {})}
    return change.run([*argv, *arguments], gate="test", log=log, variables=variables)


def _plugin_path(change: GuardInput) -> dict[str, str]:
    """Write the plugin into a folder of its own and return the variables to import it."""
    folder = change.given("plugins")
    folder.mkdir(exist_ok=True)
    (folder / f"{PLUGIN}.py").write_text(SOURCE, encoding="utf-8")
    paths = (str(folder), change.env.env.get("PYTHONPATH", ""))
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _evaluate_run(change: GuardInput, entry: DetectedGate, one: _Ran) -> GateResult:
    report, exit_code = one.report, one.result.exit_code
    red = tuple(case.id for case in report.failed) if report else ()
    outcome = Outcome(
        0 if exit_code == _NO_TESTS and not red else exit_code,
        report.counts if report else None,
        frozenset(case.id for case in report.passed) if report else frozenset(),
        red,
        ran_all=not one.selected,
    )
    known = change.base_result(entry)
    ended_itself = could_not_run(one.result) is None
    loaded = frozenset(case.id for case in report.failed if case.classname) if report else None
    retry = partial(_again, change, entry, loaded) if loaded and ended_itself else None
    comparison = compare_with_base(entry, outcome, known, retry)
    if ended_itself and comparison.ran is not None:
        change.tests_ran[entry.command] = comparison.ran
    status, summary = comparison.status, comparison.summary
    if report is None and status is GateStatus.PASSED:
        status, summary = GateStatus.ERROR, one.problem
    return command_result(
        change,
        entry,
        one.result,
        status=status,
        summary=summary,
        tests=outcome.counts,
        argv=(*entry.argv, *one.selected),
        details={**one.details, **comparison.details, **assertion_failures(report)},
    )


def assertion_failures(report: Report | None) -> dict[str, list[str]]:
    """Return the tests that failed by an assertion of their own, for a result's details."""
    names = report.asserted[:_MOST_ASSERTED] if report else []
    return {"asserted": names} if names else {}


def _again(
    change: GuardInput, entry: DetectedGate, loaded: frozenset[str], tests: tuple[str, ...]
) -> frozenset[str]:
    """Run tests again, alone, and return those that pass; files that fail to load keep failing."""
    ids = tuple(test for test in tests if test in loaded)
    if not ids:
        return frozenset()
    again = _ran(change, entry, change.log("test-pytest-again.log"), ids)
    if again.report is None or again.result.exit_code in {_NO_TESTS, _USAGE}:
        return frozenset()
    return frozenset(case.id for case in again.report.passed)


def _parts(argv: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Split a pytest command into its interpreter and pytest's own arguments."""
    if argv[1:3] == ("-m", "pytest"):
        return argv[0] if "/" in argv[0] else "python", argv[3:]
    return "python", argv[1:]


def has_package(change: GuardInput, name: str) -> bool:
    """Whether the project's Python environment has a package; nothing is imported."""
    return any((site / name / "__init__.py").is_file() for site in change.env.source.visible)


def _measures_coverage(change: GuardInput) -> bool:
    settings = change.settings.gates.coverage
    return settings.enabled and not settings.report and has_package(change, "coverage")


class _Coverage:
    """One measurement: configuration before, data and report after the run."""

    def __init__(self, change: GuardInput) -> None:
        self._change = change
        self._data = change.written(COVERAGE_DATA)
        for leftover in self._data.parent.glob(f"{self._data.name}*"):
            remove_tree(leftover)
        for name in (COVERAGE_DATA, COVERAGE_JSON):
            change.log(name).unlink(missing_ok=True)
        self._config = change.given("coverage.rc")
        write_config(change, self._config, self._data)
        self.argv = ["python", "-m", "coverage", "run", f"--rcfile={self._config}"]
        self.variables = {
            "COVERAGE_CORE": "ctrace",  # the newer core cannot distinguish tests
            "REVIEWLOOP_COVERAGE": str(self._config),
        }

    def finish(self) -> dict[str, object]:
        """Write the report on the changed files; return the names of the written files."""
        parts = sorted(self._data.parent.glob(f"{self._data.name}.*"))
        if len(parts) == 1:
            remove_tree(self._data)
            parts[0].replace(self._data)
        elif parts:
            self._call("combine")
        kept = self._change.take(COVERAGE_DATA)
        if kept is None:
            return {}
        details: dict[str, object] = {"coverage_data": kept.name}
        files = measured_files(self._change)
        if files:
            target = self._change.written(COVERAGE_JSON)
            self._call("json", "-q", "-o", str(target), f"--include={','.join(files)}")
            report = self._change.take(COVERAGE_JSON)
            if report is not None:
                details["coverage_json"] = report.name
        return details

    def _call(self, command: str, *arguments: str) -> None:
        argv = ["python", "-m", "coverage", command, f"--rcfile={self._config}", *arguments]
        log = self._change.log("coverage.log")
        with contextlib.suppress(FileNotFoundError):
            self._change.run(argv, gate="test", log=log)


def measured_files(change: GuardInput) -> list[str]:
    """Return the changed Python files for coverage, relative to the working folder."""
    return [
        change.relative(file.path)
        for file in change.change.files
        if file.path.endswith(".py") and file.added and not is_test_file(file.path)
    ]
