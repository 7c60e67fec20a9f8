"""Gate: the project's tests pass on the code of the workspace; counts the tests that ran."""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from reviewloop.domain.gate import GateResult, GateStatus, TestCounts
from reviewloop.guards.against_base import Outcome, compare_with_base
from reviewloop.guards.base import GuardInput
from reviewloop.guards.commands import command_result, could_not_run, evaluate_entries
from reviewloop.guards.junit import Report, UnreadableReportError, read_junit
from reviewloop.guards.plan import DetectedGate
from reviewloop.guards.pytest_run import assertion_failures, run_pytest
from reviewloop.sandbox.run import CommandResult, read_log


def count_tests(kind: str, text: str) -> TestCounts | None:
    """Return the counts in a runner's output, None without any known count.

    `kind` names the runner; for make targets and other commands every parser is tried.
    """
    readers = _READERS.get(kind)
    if readers is None:
        readers = (_pytest, *(reader for known in _READERS.values() for reader in known))
    for reader in readers:
        counts = reader(text)
        if counts is not None:
            return counts
    return None


def _sum(pattern: str, text: str) -> int:
    return sum(int(number) for number in re.findall(pattern, text, re.MULTILINE))


def _pytest(text: str) -> TestCounts | None:
    lines = re.findall(r"^=* ?((?:\d+ [a-z]+,? ?)+)in [\d.]+s\b", text, re.MULTILINE)
    if not lines:
        return None
    failed = _sum(r"(\d{1,9}) (?:failed|errors?)\b", lines[-1])
    skipped = _sum(r"(\d{1,9}) (?:skipped|xfailed)\b", lines[-1])
    return TestCounts(_sum(r"(\d{1,9}) (?:passed|xpassed)\b", lines[-1]), failed, skipped)


def _unittest(text: str) -> TestCounts | None:
    ran = re.findall(r"^Ran (\d{1,9}) tests? in ", text, re.MULTILINE)
    if not ran:
        return None
    ending = re.findall(r"^(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$", text, re.MULTILINE)
    remarks = ending[-1] if ending else ""
    failed = _sum(r"(?:^|, )(?:failures|errors|unexpected successes)=(\d{1,9})", remarks)
    skipped = _sum(r"(?:skipped|expected failures)=(\d{1,9})", remarks)
    return TestCounts(max(0, int(ran[-1]) - failed - skipped), failed, skipped)


def _cargo(text: str) -> TestCounts | None:
    lines = re.findall(r"^test result: .*$", text, re.MULTILINE)
    if not lines:
        return None
    joined = "\n".join(lines)
    return TestCounts(
        _sum(r"(\d{1,9}) passed", joined),
        _sum(r"(\d{1,9}) failed", joined),
        _sum(r"(\d{1,9}) ignored", joined),
    )


def _go(text: str) -> TestCounts | None:
    marks = re.findall(r"^--- (PASS|FAIL|SKIP): ", text, re.MULTILINE)
    if not marks and not re.search(r"^(?:ok|FAIL|\?)[ \t]+\S+", text, re.MULTILINE):
        return None
    return TestCounts(marks.count("PASS"), marks.count("FAIL"), marks.count("SKIP"))


def _jest_or_vitest(text: str) -> TestCounts | None:
    lines = re.findall(r"^[ \t]*Tests:?[ \t]+(\d{1,9} .*)$", text, re.MULTILINE)
    if not lines:
        return None
    joined = "\n".join(lines)
    skipped = _sum(r"(\d{1,9}) (?:skipped|todo|pending)", joined)
    return TestCounts(_sum(r"(\d{1,9}) passed", joined), _sum(r"(\d{1,9}) failed", joined), skipped)


def _node_test(text: str) -> TestCounts | None:
    found = re.findall(
        r"^[ \t]*[#ℹ] (tests|pass|fail|cancelled|skipped|todo) (\d{1,9})", text, re.MULTILINE
    )
    totals = {name: int(number) for name, number in found}
    if "tests" not in totals:
        return None
    failed = totals.get("fail", 0) + totals.get("cancelled", 0)
    return TestCounts(
        totals.get("pass", 0), failed, totals.get("skipped", 0) + totals.get("todo", 0)
    )


def _mocha(text: str) -> TestCounts | None:
    if not re.search(r"^[ \t]+\d+ passing\b", text, re.MULTILINE):
        return None
    return TestCounts(
        _sum(r"^[ \t]+(\d{1,9}) passing\b", text),
        _sum(r"^[ \t]+(\d{1,9}) failing\b", text),
        _sum(r"^[ \t]+(\d{1,9}) pending\b", text),
    )


def _surefire(text: str) -> TestCounts | None:
    line = r"Tests run: (\d{1,9}), Failures: (\d{1,9}), Errors: (\d{1,9}), Skipped: (\d{1,9})\s*$"
    found = re.findall(line, text, re.MULTILINE)
    if not found:
        return None
    total, failures, errors, skipped = (sum(int(row[i]) for row in found) for i in range(4))
    return TestCounts(total - failures - errors - skipped, failures + errors, skipped)


_READERS: dict[str, tuple[Callable[[str], TestCounts | None], ...]] = {
    "pytest": (_pytest,),
    "unittest": (_unittest,),
    "cargo": (_cargo,),
    "go": (_go,),
    "maven": (_surefire,),
    "gradle": (_surefire,),
    "node": (_jest_or_vitest, _node_test, _mocha, _pytest),
}


NAME: Final = "test"

_MOST_REPORTS = 5000  # files
_REPORTS = {
    "maven": ("target/surefire-reports/TEST-*.xml", "*/target/surefire-reports/TEST-*.xml"),
    "gradle": ("build/test-results/*/*.xml", "*/build/test-results/*/*.xml"),
}
_IMPORT_PYTHON = {"pytest", "unittest", "make", "command", "node"}


def check(change: GuardInput) -> GateResult:
    """Run the tests, or the selected ones where the runner can; count what ran."""
    return evaluate_entries(change, NAME, _run)


def _run(change: GuardInput, entry: DetectedGate) -> GateResult:
    if entry.kind in _IMPORT_PYTHON:
        change.folder()  # the check below covers the files that the tests will see
        problem = change.env.verify(cwd_on_path=entry.kind != "node")
        if problem:
            summary = f"not verifiable: {problem}"
            command = change.shown(entry.argv)
            return GateResult(NAME, GateStatus.NOT_VERIFIABLE, summary, command)
    return run_pytest(change, entry) if entry.kind == "pytest" else _run_other(change, entry)


def _run_other(change: GuardInput, entry: DetectedGate) -> GateResult:
    started = time.time()
    result = change.run(entry.argv, gate=NAME, log=change.log(f"test-{entry.kind}.log"))
    report = _report(change.project_folder(), entry.kind, started)
    counts = report.counts if report else _counts(entry, result)
    outcome = Outcome(
        result.exit_code,
        counts,
        frozenset(case.id for case in report.passed) if report else frozenset(),
        tuple(case.id for case in report.failed) if report else (),
    )
    comparison = compare_with_base(entry, outcome, change.base_result(entry), None)
    if comparison.ran is not None and could_not_run(result) is None:
        change.tests_ran[entry.command] = comparison.ran
    return command_result(
        change,
        entry,
        result,
        status=comparison.status,
        summary=comparison.summary,
        tests=counts,
        details={**comparison.details, **assertion_failures(report)},
    )


def _counts(entry: DetectedGate, result: CommandResult) -> TestCounts | None:
    return count_tests(entry.kind, read_log(result.log))


def _report(folder: Path, kind: str, started: float) -> Report | None:
    """Return the report written during this run; older files are leftovers."""
    files = list(islice(_written(folder, _REPORTS.get(kind, ()), started), _MOST_REPORTS))
    try:
        return read_junit(files) if files else None
    except UnreadableReportError:
        return None


def _written(folder: Path, patterns: tuple[str, ...], started: float) -> Iterator[Path]:
    root = Path(os.path.realpath(folder))
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            found = path.lstat()  # no process is left that could replace it
            behind_link = Path(os.path.realpath(path)) != root / path.relative_to(folder)
            if stat.S_ISREG(found.st_mode) and found.st_mtime >= started - 1 and not behind_link:
                yield path
