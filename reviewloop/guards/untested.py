"""Gate: no public function of the change without a test that runs it."""

from reviewloop.domain.finding import Finding, Severity
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards.base import GuardInput, gate_finding, quote_lines, text_lines
from reviewloop.guards.coverage import Unreached, measured_changes, measurement, unreached_functions

NAME = "untested"

_NAMES_SHOWN = 3


def check(change: GuardInput) -> GateResult:
    """List public functions, added or modified, without any body line run by a test."""
    if not change.settings.gates.coverage.enabled:
        return GateResult(NAME, GateStatus.OFF, "switched off: gates.coverage.enabled is false")
    table = measurement(change)
    if isinstance(table, str):
        return GateResult(NAME, GateStatus.NOT_DETECTED, f"not known: {table}")
    files = measured_changes(change, table)
    if not any(file.added for file in files):
        summary = "the change adds no line of code that tests could run"
        return GateResult(NAME, GateStatus.NOT_DETECTED, summary)
    functions = list(unreached_functions(change, files))
    if not functions:
        return GateResult(
            NAME, GateStatus.PASSED, "tests reach every public function of the change"
        )
    names = [function.symbol.name for function in functions]
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return GateResult(
        NAME,
        GateStatus.WARNING,
        f"no test reaches {', '.join(names[:_NAMES_SHOWN])}{more}",
        excerpt="\n".join(f"{f.path}:{f.symbol.line}: {f.symbol.signature}" for f in functions),
        findings=tuple(_finding(change, function) for function in functions),
        details={"functions": names},
    )


def _finding(change: GuardInput, function: Unreached) -> Finding:
    symbol = function.symbol
    lines = text_lines(change.read_new(function.path))
    return gate_finding(
        gate=NAME,
        agent="review-test-quality",
        rule="untested.function",
        # Old untested code in passing does not block the change.
        severity=Severity.SHOULD_FIX if function.is_new else Severity.NIT,
        title=f"No test reaches the public {symbol.kind} {symbol.name}",
        path=function.path,
        lines=(symbol.line, symbol.end_line),
        quote=quote_lines(lines, symbol.line, symbol.end_line),
        why="Whoever changes it later gets no warning when it breaks.",
        suggestion="Add a test that calls it and asserts on what it returns or does.",
        category="coverage",
        identity=symbol.name,
        proof=f"coverage of the test run: no hit in the body of {symbol.name}",
    )
