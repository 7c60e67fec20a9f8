"""Gate: tests run the lines that the change adds."""

import posixpath
from collections.abc import Collection, Iterator
from pathlib import Path

from reviewloop.analysis.outline import Symbol, language_of, outline
from reviewloop.checkout.files import read_written
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Finding, Severity
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards.base import GuardInput, gate_finding, is_test_file, quote_lines, text_lines
from reviewloop.guards.pytest_run import COVERAGE_DATA, COVERAGE_JSON, has_package
from reviewloop.rules.tests.reports import (
    FileLines,
    Table,
    UnreadableReportError,
    read,
    refuse_long,
)

__all__ = ["FileLines", "Table", "read_report"]


def read_report(report: Path, *, folder: Path, known: Collection[str], project: str = "") -> Table:
    """Return a report's lines for the files in `known`, matched by the paths in the report.

    `folder` is the workspace, to which absolute paths are made relative; other paths are relative
    to the folder `project` in it. Raise UnreadableReportError.
    """
    try:
        refuse_long(report.name, report.stat().st_size)
        data = read_written(report)
    except OSError as error:
        raise UnreadableReportError(f"{report.name} cannot be read: {error}") from error
    return _in_repository_terms(read(report.name, data), folder, known, project)


def _in_repository_terms(table: Table, folder: Path, known: Collection[str], project: str) -> Table:
    """Rename files as in the repository; reports have absolute paths or ones from a source root."""
    result: Table = {}
    for path, lines in table.items():
        name = path.replace("\\", "/")
        for root in (folder, folder.resolve()):
            name = name.removeprefix(f"{root}/")
        name = name.removeprefix("./")
        nearer = posixpath.normpath(posixpath.join(project, name))
        name = nearer if nearer in known else name
        if name not in known:
            # `app/a.py` may be `src/app/a.py`: the only file with that suffix
            ends = [other for other in known if other.endswith(f"/{name.lstrip('/')}")]
            if len(ends) != 1:
                continue
            name = ends[0]
        result[name] = lines
    return result


def measurement(change: GuardInput) -> Table | str:
    """Return the lines by file, or the reason in one sentence why there is no measurement."""
    settings = change.settings.gates.coverage
    known = [file.path for file in change.change.files if file.status != "D"]
    report = change.log(COVERAGE_JSON)
    if settings.report:
        report = change.project_folder() / settings.report
        if not report.is_file() or not report.resolve().is_relative_to(change.folder().resolve()):
            return f"the tests did not write {settings.report} (gates.coverage.report)"
    elif change.selection is not None:
        return "only some of the tests were run"
    elif not report.is_file():
        return _why_unmeasured(change)
    try:
        folder, project = change.folder(), change.env.project
        return read_report(report, folder=folder, known=known, project=project)
    except UnreadableReportError as error:
        return str(error)


def _why_unmeasured(change: GuardInput) -> str:
    entries = change.plan.of("test")
    if not any(entry.kind == "pytest" and entry.runnable for entry in entries):
        return (
            "measured for pytest only; name the report of another runner in gates.coverage.report"
        )
    if not has_package(change, "coverage"):
        return "coverage is not installed in the project's environment"
    if change.log(COVERAGE_DATA).exists():
        return "no changed file of code was measured"
    return "the tests were not measured"


@dataclass(frozen=True)
class Measured:
    """One changed file: the added lines, and whether tests ran them."""

    path: str
    added: frozenset[int]  # added and executable
    missing: frozenset[int]  # of these, the ones that no test ran
    lines: FileLines


def measured_changes(change: GuardInput, table: Table) -> list[Measured]:
    """Return the changed files in a report, without tests."""
    found = []
    for file in change.change.files:
        lines = table.get(file.path)
        if lines is None or file.status == "D" or is_test_file(file.path):
            continue
        added = {n for first, last in file.added_lines for n in range(first, last + 1)}
        executable = added & (lines.executed | lines.missing)
        missing = frozenset(executable & lines.missing)
        found.append(Measured(file.path, frozenset(executable), missing, lines))
    return found


@dataclass(frozen=True)
class Unreached:
    """A public function that the change added or modified and that no test runs."""

    path: str
    symbol: Symbol
    is_new: bool  # its first line is one of the added ones


def unreached_functions(change: GuardInput, files: list[Measured]) -> Iterator[Unreached]:
    """Yield the public functions, touched by the change, without any body line run."""
    for file in files:
        text = "\n".join(text_lines(change.read_new(file.path)))
        for symbol in outline(file.path, text):
            if symbol.kind not in {"function", "method"} or not _is_public(file.path, symbol):
                continue
            span = range(symbol.line, symbol.end_line + 1)
            body = {n for n in span if n > symbol.line}
            executable = body & (file.lines.executed | file.lines.missing)
            touched = file.added.intersection(span)
            if touched and executable and not executable & file.lines.executed:
                yield Unreached(file.path, symbol, symbol.line in file.added)


def _is_public(path: str, symbol: Symbol) -> bool:
    language = language_of(path)
    name = symbol.name.rsplit(".", 1)[-1]
    if language == "go":
        return name[:1].isupper()
    if language == "rust":
        return symbol.signature.startswith("pub")
    if language in {"java", "csharp", "kotlin", "typescript", "tsx", "php", "swift", "scala"}:
        hidden = {"private", "protected", "fileprivate"} & set(symbol.signature.split())
        return not hidden and not name.startswith("#")
    return not any(part.startswith("_") for part in symbol.name.split("."))


NAME = "coverage"

_MOST_FINDINGS = 20
_PERCENT = 100
_GAP = 3  # lines between with only comments or nothing


def check(change: GuardInput) -> GateResult:
    """Check the share of new executable lines that the test gate ran."""
    settings = change.settings.gates.coverage
    if not settings.enabled:
        return GateResult(NAME, GateStatus.OFF, "switched off: gates.coverage.enabled is false")
    table = measurement(change)
    if isinstance(table, str):
        summary, why = f"not measured: {table}", {"unmeasured": table}
        return GateResult(NAME, GateStatus.NOT_DETECTED, summary, details=why)
    files = measured_changes(change, table)
    total = sum(len(file.added) for file in files)
    if not total:
        summary = "the change adds no line of code that tests could run"
        return GateResult(NAME, GateStatus.NOT_DETECTED, summary, details=_excluded(change, files))
    missing = sum(len(file.missing) for file in files)
    value = (total - missing) / total
    summary = f"{value * _PERCENT:.0f} % of {total} new lines run by tests"
    details = {"new_lines": total, "missing_lines": missing, **_excluded(change, files)}
    if value >= settings.threshold:
        return GateResult(NAME, GateStatus.PASSED, summary, coverage=value, details=details)
    findings = sorted(_findings(change, files), key=_size, reverse=True)
    status = GateStatus.FAILED if settings.hard else GateStatus.WARNING
    return GateResult(
        NAME,
        status,
        f"{summary}, wanted {settings.threshold * _PERCENT:.0f} %",
        excerpt="\n".join(_listing(files)),
        coverage=value,
        findings=tuple(findings[:_MOST_FINDINGS]),
        details=details,
    )


def _findings(change: GuardInput, files: list[Measured]) -> Iterator[Finding]:
    """Yield one finding for each run of lines; whole functions belong to the untested gate."""
    whole: dict[str, set[int]] = {}
    for function in unreached_functions(change, files):
        span = range(function.symbol.line, function.symbol.end_line + 1)
        whole.setdefault(function.path, set()).update(span)
    for file in files:
        lines = text_lines(change.read_new(file.path))
        rest = file.missing - whole.get(file.path, set())
        for first, last in _runs(rest, file.lines.executed):
            noun = f"lines {first}-{last} are" if last > first else f"line {first} is"
            yield gate_finding(
                gate=NAME,
                agent="review-test-quality",
                rule="coverage.new-lines",
                severity=Severity.SHOULD_FIX,
                title=f"New code is run by no test: {noun} never reached",
                path=file.path,
                lines=(first, last),
                quote=quote_lines(lines, first, last),
                why="What no test runs can break without anybody noticing.",
                suggestion="Add a test that takes this path and asserts on its outcome.",
                category="coverage",
                proof=f"coverage of the test run: no hit on {file.path}:{first}-{last}",
            )


def _runs(missing: "frozenset[int] | set[int]", executed: set[int]) -> Iterator[tuple[int, int]]:
    """Yield ranges of missing lines; comments and blank lines do not split them."""
    first = last = 0
    for line in sorted(missing):
        parted = line - last > _GAP or any(n in executed for n in range(last, line))
        if first and not parted:
            last = line
            continue
        if first:
            yield first, last
        first = last = line
    if first:
        yield first, last


def _size(finding: Finding) -> int:
    return (finding.end_line or finding.line or 0) - (finding.line or 0)


def _listing(files: list[Measured]) -> Iterator[str]:
    for file in files:
        if file.missing:
            ranges = (f"{a}-{b}" if b > a else str(a) for a, b in _runs(file.missing, set()))
            yield f"{file.path}: no test runs lines {', '.join(ranges)}"


def _excluded(change: GuardInput, files: list[Measured]) -> dict[str, int]:
    """Count added lines that a comment in the code excludes from the measurement."""
    count = 0
    for file in files:
        for first, last in change.change.added_lines(file.path):
            count += len(file.lines.excluded.intersection(range(first, last + 1)))
    return {"excluded_lines": count} if count else {}
