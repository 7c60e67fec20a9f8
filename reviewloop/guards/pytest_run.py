"""Runs pytest for its verdict, its counts, and which test reaches which line."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from reviewloop.guards.base import GuardInput, is_test_file
from reviewloop.guards.commands import ended
from reviewloop.guards.coverage_config import write_config
from reviewloop.guards.junit import Report, UnreadableReportError, read_junit
from reviewloop.guards.plan import DetectedGate
from reviewloop.guards.pytest_plugin import PLUGIN, SOURCE
from reviewloop.guards.verdicts import judge_tests
from reviewloop.state import GateResult, GateStatus
from reviewloop.workspace.run import CommandResult
from reviewloop.workspace.written import remove_tree

_NO_TESTS = 5  # pytest's exit codes
_USAGE = 4
_MOST_SELECTED = 400  # beyond this many ids all tests are run
_FAILED_KEPT = 50

_REPORT = "test-pytest.xml"
COVERAGE_DATA = "coverage.data"
COVERAGE_JSON = "coverage.json"


def run_pytest(change: GuardInput, entry: DetectedGate) -> GateResult:
    """Run pytest under coverage where the project's environment has it, else alone.

    A selection of tests is run without coverage, which would only be part of the truth.
    """
    report, log = change.written(_REPORT), change.log("test-pytest.log")
    interpreter, arguments = _parts(entry.argv)
    selected = change.selection
    if selected is not None and 0 < len(selected) <= _MOST_SELECTED:
        result = _start(change, [interpreter], [*arguments, *selected], report, log)
        if result.exit_code not in {_NO_TESTS, _USAGE}:  # a selected test may be gone by now
            return _judged(change, entry, result)
    if interpreter == "python" and _measures_coverage(change):
        coverage = _Coverage(change)
        result = _start(change, coverage.argv, arguments, report, log, coverage.variables)
        if report.exists() or not result.exit_code:
            return _judged(change, entry, result, coverage.finish())
    result = _start(change, [interpreter], arguments, report, log)
    return _judged(change, entry, result)


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
        # Came along with our own dependencies; the project knows nothing of it, and it costs 1.2 s.
        argv += ["-p", "no:langsmith_plugin"]
    variables = {**_plugin_path(change), **(variables or {})}
    return change.run([*argv, *arguments], gate="test", log=log, variables=variables)


def _plugin_path(change: GuardInput) -> dict[str, str]:
    """Write the plugin into a folder of its own and return what makes it importable."""
    folder = change.given("plugins")
    folder.mkdir(exist_ok=True)
    (folder / f"{PLUGIN}.py").write_text(SOURCE, encoding="utf-8")
    places = (str(folder), change.env.env.get("PYTHONPATH", ""))
    return {"PYTHONPATH": os.pathsep.join(filter(None, places))}


def _judged(
    change: GuardInput,
    entry: DetectedGate,
    result: CommandResult,
    details: dict[str, object] | None = None,
) -> GateResult:
    details = dict(details or {})
    report: Report | None = None
    problem = "pytest ended without its report, so it is not known what ran"
    report_file = change.take(_REPORT)
    if report_file is not None:
        try:
            report = read_junit([report_file])
        except UnreadableReportError as error:
            problem = f"pytest's report is unusable: {error}"
    failed = [case.id for case in report.failed] if report else []
    counts = report.counts if report else None
    if failed:
        details["failed"] = failed[:_FAILED_KEPT]
    exit_code = 0 if result.exit_code == _NO_TESTS and not failed else result.exit_code
    status, summary = judge_tests(entry, exit_code, counts, failed)
    if report is None and status is GateStatus.PASSED:
        status, summary = GateStatus.ERROR, problem
    shown = entry.argv if change.selection is None else (*entry.argv, *change.selection)
    return ended(
        change,
        entry,
        result,
        status=status,
        summary=summary,
        tests=counts,
        argv=shown,
        details=details,
    )


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
    """One measurement: its configuration is given, its data and report are taken afterwards."""

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
            "COVERAGE_CORE": "ctrace",  # the newer core cannot tell tests apart
            "REVIEWLOOP_COVERAGE": str(self._config),
        }

    def finish(self) -> dict[str, object]:
        """Write the report about the changed files; return the names of what was written."""
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
    """Return the changed Python files whose lines tests should reach."""
    return [
        file.path
        for file in change.change.files
        if file.path.endswith(".py") and file.added and not is_test_file(file.path)
    ]
