"""Guard-rail: what the project's linter says about the changed lines."""

from dataclasses import replace
from functools import partial
from typing import Final

from reviewloop.findings import Finding, Severity
from reviewloop.guards.base import GuardInput, gate_finding, quoted, text_lines
from reviewloop.guards.commands import could_not_run, ended, judge_entries
from reviewloop.guards.ecosystems import is_linted_by_eslint
from reviewloop.guards.lint_reports import Reader, Remark, read_eslint, read_flake8, read_ruff
from reviewloop.guards.plan import DetectedGate
from reviewloop.state import GateResult, GateStatus
from reviewloop.workspace.run import read_log

NAME: Final = "lint"

_MOST_FINDINGS = 30
_READERS: dict[str, Reader] = {
    "ruff": read_ruff,
    "eslint": read_eslint,
    "flake8": read_flake8,
}
# Whose concern a rule is, by the beginning of its name; everything else is maintainability.
_CONCERNS = (("PERF", "review-performance"), ("PT", "review-test-quality"))
_SECURITY_RULE = "S"


def check(change: GuardInput) -> GateResult:
    """Run the linter: a configured one is a gate, a detected one makes findings only."""
    return judge_entries(change, NAME, _run)


def _run(change: GuardInput, entry: DetectedGate) -> GateResult:
    if entry.source == "configured" or entry.kind not in _READERS:
        return _run_whole(change, entry)
    files = _linted_files(change, entry.kind)
    if not files:
        return GateResult(NAME, GateStatus.NOT_DETECTED, f"no changed file for {entry.kind}")
    argv = (*entry.argv, *(f"./{change.relative(path)}" for path in files))
    result = change.run(argv, gate=NAME, log=change.log(f"lint-{entry.kind}.log"))
    text = read_log(result.log)
    remarks = _READERS[entry.kind](text)
    conclude = partial(ended, change, entry, result, argv=argv)
    if could_not_run(result):
        return conclude()
    if remarks is None:
        summary = f"{entry.kind} ended with exit code {result.exit_code} and without a report"
        return conclude(status=GateStatus.NOT_VERIFIABLE, summary=summary)
    findings = list(_findings(change, entry.kind, remarks))
    if not findings:
        return conclude(status=GateStatus.PASSED, summary=f"{entry.kind}: nothing on changed lines")

    count = len(findings)
    summary = f"{entry.kind}: {count} remark{'' if count == 1 else 's'} on changed lines"
    outcome = conclude(status=GateStatus.WARNING, summary=summary)
    shown = "\n".join(f"{f.where}: {f.rule} {f.title}" for f in findings[:_MOST_FINDINGS])
    return replace(outcome, findings=tuple(findings[:_MOST_FINDINGS]), excerpt=shown)


def _run_whole(change: GuardInput, entry: DetectedGate) -> GateResult:
    result = change.run(entry.argv, gate=NAME, log=change.log(f"lint-{entry.kind}.log"))
    status = GateStatus.PASSED
    if result.exit_code:
        configured = entry.source == "configured"
        status = GateStatus.FAILED if configured else GateStatus.WARNING
    word = "failed" if result.exit_code else "passed"
    summary = f"{' '.join(change.shown(entry.argv))} {word}"
    return ended(change, entry, result, status=status, summary=summary)


def _linted_files(change: GuardInput, kind: str) -> list[str]:
    wanted = is_linted_by_eslint if kind == "eslint" else _is_python
    return [f.path for f in change.change.files if f.status != "D" and wanted(f.path)]


def _is_python(path: str) -> bool:
    return path.endswith((".py", ".pyi"))


def _findings(change: GuardInput, tool: str, remarks: list[Remark]) -> list[Finding]:
    """Return findings for remarks on added lines; the rest of a file is not the change's doing."""
    found = []
    for remark in remarks:
        path = change.repository_path(remark.path)
        ranges = change.change.added_lines(path)
        if not any(first <= remark.line <= last for first, last in ranges):
            continue
        lines = text_lines(change.read_new(path))
        last = min(remark.end_line, remark.line + 5)
        found.append(
            gate_finding(
                gate=NAME,
                agent=_agent(tool, remark.rule),
                rule=f"{tool}.{remark.rule}",
                severity=remark.severity,
                title=remark.message,
                path=path,
                lines=(remark.line, last),
                quote=quoted(lines, remark.line, last),
                why=f"{tool} reports it, as this repository configures it.",
                suggestion=remark.fix,
                category="lint",
            )
        )
    return sorted(found, key=lambda f: (f.severity is Severity.NIT, f.path, f.line or 0))


def _agent(tool: str, rule: str) -> str:
    if tool != "eslint":
        if rule[:1] == _SECURITY_RULE and rule[1:].isdigit():
            return "review-security"
        for beginning, agent in _CONCERNS:
            if rule.startswith(beginning) and rule[len(beginning) :].isdigit():
                return agent
    return "review-maintainability"
