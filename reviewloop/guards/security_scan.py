"""Gate: a security scanner reports nothing on the changed lines."""

from dataclasses import replace
from typing import Final

from reviewloop.domain.finding import Finding
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards.base import GuardInput, gate_finding, is_test_file, quote_lines, text_lines
from reviewloop.guards.commands import combine_results, command_result, could_not_run, evaluate
from reviewloop.guards.lint import read_bandit
from reviewloop.guards.plan import DetectedGate
from reviewloop.guards.scanners import READERS, scan
from reviewloop.sandbox.run import read_log

NAME: Final = "security"


def check(change: GuardInput) -> GateResult:
    """Run the scanner: a configured one is a gate, a detected one makes findings only."""
    return combine_results([_checked(change, entry) for entry in change.plan.of(NAME)])


def _checked(change: GuardInput, entry: DetectedGate) -> GateResult:
    if entry.kind in READERS:
        return scan(change, entry)
    return evaluate(change, entry, _run)


def _run(change: GuardInput, entry: DetectedGate) -> GateResult:
    if entry.source == "configured" or entry.kind != "bandit":
        result = change.run(entry.argv, gate=NAME, log=change.log(f"security-{entry.kind}.log"))
        word = "failed" if result.exit_code else "passed"
        status = GateStatus.FAILED if result.exit_code else GateStatus.PASSED
        summary = f"{' '.join(change.shown(entry.argv))} {word}"
        return command_result(change, entry, result, status=status, summary=summary)
    # Tests assert and use made-up passwords; a scanner of shipped code does not apply there.
    files = [
        file.path
        for file in change.change.files
        if file.status != "D" and file.path.endswith(".py") and not is_test_file(file.path)
    ]
    if not files:
        return GateResult(NAME, GateStatus.NOT_DETECTED, "no changed file for bandit")
    argv = (*entry.argv, *(f"./{path}" for path in files))
    result = change.run(argv, gate=NAME, log=change.log("security-bandit.log"))
    if could_not_run(result):
        return command_result(change, entry, result, argv=argv)
    findings = _findings(change, read_log(result.log))
    if findings is None:
        summary = f"bandit ended with exit code {result.exit_code} and without a report"
        status = GateStatus.NOT_VERIFIABLE
        return command_result(change, entry, result, status=status, summary=summary, argv=argv)
    status = GateStatus.WARNING if findings else GateStatus.PASSED
    summary = f"bandit: {len(findings) or 'nothing'} on changed lines"
    outcome = command_result(change, entry, result, status=status, summary=summary, argv=argv)
    shown = "\n".join(f"{found.where}: {found.rule} {found.title}" for found in findings)
    return replace(outcome, findings=tuple(findings), excerpt=shown)


def _findings(change: GuardInput, text: str) -> list[Finding] | None:
    remarks = read_bandit(text)
    if remarks is None:
        return None
    found = []
    for remark in remarks:
        path = change.repository_path(remark.path)
        last = min(max(remark.end_line, remark.line), remark.line + 5)
        touched = any(a <= last and remark.line <= b for a, b in change.change.added_lines(path))
        if not touched:
            continue
        found.append(
            gate_finding(
                gate=NAME,
                agent="review-security",
                rule=f"bandit.{remark.rule}",
                severity=remark.severity,
                title=remark.message,
                path=path,
                lines=(remark.line, last),
                quote=quote_lines(text_lines(change.read_new(path)), remark.line, last),
                why="bandit reports it on a changed line.",
                category="security",
                confidence="medium",
            )
        )
    return found
