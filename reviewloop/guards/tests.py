"""Guard-rail: the project's tests pass, on the workspace's code and nobody else's."""

import os
import stat
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from reviewloop.guards.against_base import Outcome, judge_against_base
from reviewloop.guards.base import GuardInput
from reviewloop.guards.commands import could_not_run, ended, judge_entries
from reviewloop.guards.counts import count_tests
from reviewloop.guards.junit import Report, UnreadableReportError, read_junit
from reviewloop.guards.plan import DetectedGate
from reviewloop.guards.pytest_run import run_pytest
from reviewloop.state import GateResult, GateStatus, TestCounts
from reviewloop.workspace.run import CommandResult, read_log

NAME: Final = "test"

_MOST_REPORTS = 5000  # files
_REPORTS = {
    "maven": ("target/surefire-reports/TEST-*.xml", "*/target/surefire-reports/TEST-*.xml"),
    "gradle": ("build/test-results/*/*.xml", "*/build/test-results/*/*.xml"),
}
_IMPORT_PYTHON = {"pytest", "unittest", "make", "command", "node"}


def check(change: GuardInput) -> GateResult:
    """Run the tests, or the selected ones where the runner can; count what ran."""
    return judge_entries(change, NAME, _run)


def _run(change: GuardInput, entry: DetectedGate) -> GateResult:
    if entry.kind in _IMPORT_PYTHON:
        change.folder()  # the check below looks at the files that the tests will see
        problem = change.env.verify(cwd_on_path=entry.kind != "node")
        if problem:
            summary = f"not verifiable: {problem}"
            command = change.shown(entry.argv)
            return GateResult(NAME, GateStatus.NOT_VERIFIABLE, summary, command)
    return run_pytest(change, entry) if entry.kind == "pytest" else _run_other(change, entry)


def _run_other(change: GuardInput, entry: DetectedGate) -> GateResult:
    started = time.time()
    result = change.run(entry.argv, gate=NAME, log=change.log(f"test-{entry.kind}.log"))
    report = _report(change.standing(), entry.kind, started)
    counts = report.counts if report else _counts(entry, result)
    outcome = Outcome(
        result.exit_code,
        counts,
        frozenset(case.id for case in report.passed) if report else frozenset(),
        tuple(case.id for case in report.failed) if report else (),
    )
    said = judge_against_base(entry, outcome, change.known_of(entry), None)
    if said.ran is not None and could_not_run(result) is None:
        change.tests_ran[entry.command] = said.ran
    return ended(
        change,
        entry,
        result,
        status=said.status,
        summary=said.summary,
        tests=counts,
        details=dict(said.details),
    )


def _counts(entry: DetectedGate, result: CommandResult) -> TestCounts | None:
    return count_tests(entry.kind, read_log(result.log))


def _report(folder: Path, kind: str, started: float) -> Report | None:
    """Return what the runner wrote during this run; older files are somebody's leftovers."""
    files = list(islice(_written(folder, _REPORTS.get(kind, ()), started), _MOST_REPORTS))
    try:
        return read_junit(files) if files else None
    except UnreadableReportError:
        return None


def _written(folder: Path, patterns: tuple[str, ...], started: float) -> Iterator[Path]:
    root = Path(os.path.realpath(folder))
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            found = path.lstat()  # nothing runs any more that could put something else there
            behind_link = Path(os.path.realpath(path)) != root / path.relative_to(folder)
            if stat.S_ISREG(found.st_mode) and found.st_mtime >= started - 1 and not behind_link:
                yield path
