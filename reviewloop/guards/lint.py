"""Gate: the project's linter reports nothing on the changed lines."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from typing import Any, Final

from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Finding, Severity
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards.base import GuardInput, gate_finding, quote_lines, text_lines
from reviewloop.guards.commands import command_result, could_not_run, evaluate_entries
from reviewloop.guards.detect import is_linted_by_eslint
from reviewloop.guards.plan import DetectedGate
from reviewloop.regex import regex
from reviewloop.sandbox.run import read_log


@dataclass(frozen=True)
class Remark:
    """One hit of a linter; lines are 1-based."""

    path: str
    line: int
    end_line: int
    rule: str
    message: str
    severity: Severity
    fix: str = ""


Reader = Callable[[str], list[Remark] | None]


def _careful(read: Reader) -> Reader:
    """Return a reader that survives any output: a linter's plug-ins are code under test."""

    @wraps(read)
    def reader(text: str) -> list[Remark] | None:
        try:
            return read(text)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return None

    return reader


# Rules on errors, not on style (letters of ruff's and flake8's rules).
_INFORMATIVE = regex(
    r"(?:F|E9|B|S|C90|PLE|PLW|PLR09|ASYNC|PERF|TRY|BLE|DTZ|A|ARG|RET50|SIM115|LOG|PT|W605)\d*$"
)


@_careful
def read_ruff(text: str) -> list[Remark] | None:
    """Parse `ruff check --output-format json`."""
    items = _json_list(text)
    if items is None:
        return None
    return [
        Remark(
            str(item.get("filename", "")),
            _line(item, "location"),
            max(_line(item, "location"), _line(item, "end_location")),
            str(item.get("code") or item.get("name") or "unnamed"),
            str(item.get("message", "")) or "ruff reports this line",
            _python_severity(str(item.get("code") or "")),
            str((item.get("fix") or {}).get("message") or ""),
        )
        for item in items
    ]


@_careful
def read_eslint(text: str) -> list[Remark] | None:
    """Parse `eslint --format json`: errors are should-fix, warnings are nits."""
    files = _json_list(text)
    if files is None:
        return None
    return [
        Remark(
            str(file.get("filePath", "")),
            int(message.get("line") or 1),
            int(message.get("endLine") or message.get("line") or 1),
            str(message.get("ruleId") or "parsing"),
            str(message.get("message", "")) or "ESLint reports this line",
            Severity.SHOULD_FIX if message.get("severity") == 2 else Severity.NIT,
        )
        for file in files
        for message in file.get("messages", ())
        if isinstance(message, dict)
    ]


@_careful
def read_flake8(text: str) -> list[Remark] | None:
    """Parse flake8's default lines, `path:line:column: CODE message`."""
    remarks = []
    for line in filter(None, text.split("\n")):
        match = re.fullmatch(r"(.+?):(\d+):\d+: ([A-Z]+\d+) (.*)", line)
        if match is None:
            return None
        path, number, rule, message = match.groups()
        severity = _python_severity(rule)
        remarks.append(Remark(path, int(number), int(number), rule, message, severity))
    return remarks


@_careful
def read_bandit(text: str) -> list[Remark] | None:
    """Parse `bandit --format json`; must-fix is what is both severe and certain."""
    document = json_object(text)
    if document is None or not isinstance(document.get("results"), list):
        return None
    return [
        Remark(
            str(item.get("filename", "")),
            int(item.get("line_number") or 1),
            max(int(line) for line in item.get("line_range") or (item.get("line_number") or 1,)),
            str(item.get("test_id", "bandit")),
            str(item.get("issue_text", "")) or "bandit reports this line",
            _bandit_severity(item),
        )
        for item in document["results"]
        if isinstance(item, dict)
    ]


def _python_severity(rule: str) -> Severity:
    return Severity.SHOULD_FIX if _INFORMATIVE.match(rule) else Severity.NIT


def _bandit_severity(item: dict[str, Any]) -> Severity:
    severity = str(item.get("issue_severity", "")).upper()
    confidence = str(item.get("issue_confidence", "")).upper()
    if severity == "LOW":
        return Severity.NIT
    certain = severity == "HIGH" and confidence == "HIGH"
    return Severity.MUST_FIX if certain else Severity.SHOULD_FIX


def _line(item: dict[str, Any], key: str) -> int:
    location = item.get(key)
    return int(location.get("row") or 1) if isinstance(location, dict) else 1


def _json_list(text: str) -> list[dict[str, Any]] | None:
    """Return the array in the output; tools print warnings before and after it."""
    value = _embedded(text, "[", "]")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return None
    return value


def json_object(text: str) -> dict[str, Any] | None:
    """Return the object in the output, None without one."""
    value = _embedded(text, "{", "}")
    return value if isinstance(value, dict) else None


def _embedded(text: str, opening: str, closing: str) -> Any:
    start, end = text.find(opening), text.rfind(closing)
    if start < 0 or end < start:
        return None
    try:
        return json.loads(text[start : end + 1])
    except ValueError:
        return None


NAME: Final = "lint"

_MOST_FINDINGS = 30
_READERS: dict[str, Reader] = {
    "ruff": read_ruff,
    "eslint": read_eslint,
    "flake8": read_flake8,
}
# The reviewer for a rule, by the prefix of its name; the default is maintainability.
_CONCERNS = (("PERF", "review-performance"), ("PT", "review-test-quality"))
_SECURITY_RULE = "S"


def check(change: GuardInput) -> GateResult:
    """Run the linter: a configured one is a gate, a detected one makes findings only."""
    return evaluate_entries(change, NAME, _run)


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
    conclude = partial(command_result, change, entry, result, argv=argv)
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


_FIX = {"ruff": "--fix", "eslint": "--fix"}


def write_fixed(change: GuardInput) -> tuple[list[str], list[str]]:
    """Let linters fix the changed files in the workspace; return these, and the errors."""
    files: list[str] = []
    problems: list[str] = []
    for entry in change.plan.of(NAME):
        found = _linted_files(change, entry.kind) if entry.kind in _FIX and entry.runnable else []
        if not found or entry.source == "configured":
            continue
        argv = (*entry.argv, _FIX[entry.kind], *(f"./{change.relative(path)}" for path in found))
        result = change.run(argv, gate=NAME, log=change.log(f"lint-{entry.kind}-fix.log"))
        files += found
        if failure := could_not_run(result):
            problems.append(f"{entry.kind}: {failure[1]}")
    return files, problems


def _run_whole(change: GuardInput, entry: DetectedGate) -> GateResult:
    result = change.run(entry.argv, gate=NAME, log=change.log(f"lint-{entry.kind}.log"))
    status = GateStatus.PASSED
    if result.exit_code:
        configured = entry.source == "configured"
        status = GateStatus.FAILED if configured else GateStatus.WARNING
    word = "failed" if result.exit_code else "passed"
    summary = f"{' '.join(change.shown(entry.argv))} {word}"
    return command_result(change, entry, result, status=status, summary=summary)


def _linted_files(change: GuardInput, kind: str) -> list[str]:
    is_linted = is_linted_by_eslint if kind == "eslint" else _is_python
    return [f.path for f in change.change.files if f.status != "D" and is_linted(f.path)]


def _is_python(path: str) -> bool:
    return path.endswith((".py", ".pyi"))


def _findings(change: GuardInput, tool: str, remarks: list[Remark]) -> list[Finding]:
    """Return findings for hits on added lines; others do not come from the change."""
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
                quote=quote_lines(lines, remark.line, last),
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
