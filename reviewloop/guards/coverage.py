"""Guard-rail: tests run the lines that the change adds."""

from collections.abc import Iterator

from reviewloop.findings import Finding, Severity
from reviewloop.guards.base import GuardInput, gate_finding, quoted, text_lines
from reviewloop.guards.measured import (
    Measured,
    measured_changes,
    measurement,
    unreached_functions,
)
from reviewloop.state import GateResult, GateStatus

NAME = "coverage"

_MOST_FINDINGS = 20
_PERCENT = 100
_GAP = 3  # lines; what stands between is a comment or nothing


def check(change: GuardInput) -> GateResult:
    """Judge the share of new executable lines that the test gate saw running."""
    settings = change.settings.gates.coverage
    if not settings.enabled:
        return GateResult(NAME, GateStatus.OFF, "switched off: gates.coverage.enabled is false")
    table = measurement(change)
    if isinstance(table, str):
        return GateResult(NAME, GateStatus.NOT_DETECTED, f"not measured: {table}")
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
    """Yield one finding for each run of lines; whole functions are the untested gate's."""
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
                quote=quoted(lines, first, last),
                why="What no test runs can break without anybody noticing.",
                suggestion="Add a test that takes this path and asserts on its outcome.",
                category="coverage",
                proof=f"coverage of the test run: no hit on {file.path}:{first}-{last}",
            )


def _runs(missing: "frozenset[int] | set[int]", executed: set[int]) -> Iterator[tuple[int, int]]:
    """Yield ranges of missing lines; comments and blank lines between them do not part them."""
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
    """Count added lines that a comment in the code takes out of the measurement."""
    count = 0
    for file in files:
        for first, last in change.change.added_lines(file.path):
            count += len(file.lines.excluded.intersection(range(first, last + 1)))
    return {"excluded_lines": count} if count else {}
