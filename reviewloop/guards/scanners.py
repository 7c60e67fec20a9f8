"""Runs Trivy and Grype, and parses their reports on the changed files."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Finding, Severity
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards.base import GuardInput, gate_finding, quote_lines, text_lines
from reviewloop.guards.commands import command_result, could_not_run
from reviewloop.guards.lint import json_object
from reviewloop.guards.plan import DetectedGate
from reviewloop.sandbox.run import CommandResult, read_log

NAME: Final = "security"
_ORDER = ("unknown", "negligible", "low", "medium", "high", "critical")
_MOST = 30


@dataclass(frozen=True)
class ScannerHit:
    """One entry of a report; line 0 is the whole file."""

    path: str
    rule: str
    severity: str
    title: str
    line: int = 0
    end_line: int = 0
    remedy: str = ""


ScannerOutput = Mapping[str, Any]


def read_trivy(report: ScannerOutput) -> Iterator[ScannerHit]:
    """Yield the entries of `trivy fs --format json`: packages, configuration, secrets."""
    if "SchemaVersion" not in report:
        raise KeyError("SchemaVersion")
    for result in report.get("Results") or ():
        path = str(result["Target"])
        for one in result.get("Vulnerabilities") or ():
            package = f"{one['PkgName']} {one['InstalledVersion']}"
            fixed = one.get("FixedVersion")
            yield ScannerHit(
                path,
                one["VulnerabilityID"],
                one["Severity"].lower(),
                f"{package}: {one.get('Title') or one['VulnerabilityID']}",
                remedy=f"use {one['PkgName']} {fixed}" if fixed else "",
            )
        for one in result.get("Misconfigurations") or ():
            if one.get("Status", "FAIL") == "FAIL":
                cause = one.get("CauseMetadata") or {}
                lines = (int(cause.get("StartLine") or 0), int(cause.get("EndLine") or 0))
                title, remedy = one.get("Message") or one["Title"], one.get("Resolution", "")
                yield ScannerHit(path, one["ID"], one["Severity"].lower(), title, *lines, remedy)
        for one in result.get("Secrets") or ():
            lines = (int(one.get("StartLine") or 0), int(one.get("EndLine") or 0))
            yield ScannerHit(path, one["RuleID"], one["Severity"].lower(), one["Title"], *lines)


def read_grype(report: ScannerOutput) -> Iterator[ScannerHit]:
    """Yield the entries of `grype -o json`: packages."""
    for match in report["matches"]:
        found, package = match["vulnerability"], match["artifact"]
        fixed = ", ".join((found.get("fix") or {}).get("versions") or ())
        for location in package.get("locations") or ():
            yield ScannerHit(
                str(location["path"]).lstrip("/"),
                found["id"],
                str(found.get("severity") or "unknown").lower(),
                f"{package['name']} {package['version']}: {found['id']}",
                remedy=f"use {package['name']} {fixed}" if fixed else "",
            )


READERS: dict[str, Callable[[ScannerOutput], Iterator[ScannerHit]]] = {
    "trivy": read_trivy,
    "grype": read_grype,
}


def scan(change: GuardInput, entry: DetectedGate) -> GateResult:
    """Run a scanner; fail on hits in changed files from `fail_on` on, and on its own errors.

    A scanner that did not scan would look like a clean result, so that fails, too.
    """
    log = change.log(f"security-{entry.kind}.log")
    result = change.run(entry.argv, gate=NAME, log=log, variables=_own_data(entry.kind))
    if problem := could_not_run(result):
        return _failed(change, entry, result, problem[1])
    report = json_object(read_log(result.log))
    try:
        hits = None if report is None else list(READERS[entry.kind](report))
    except (KeyError, TypeError, ValueError, AttributeError):
        hits = None
    if hits is None:
        why = f"exit code {result.exit_code} and no report; can it read its data (sandbox.read)?"
        return _failed(change, entry, result, why)
    return _evaluated(change, entry, result, hits)


def _failed(change: GuardInput, entry: DetectedGate, result: CommandResult, why: str) -> GateResult:
    summary = f"{entry.kind} could not scan: {why}"
    outcome = command_result(change, entry, result, status=GateStatus.FAILED)
    return replace(outcome, status=GateStatus.FAILED, summary=summary)


def _evaluated(
    change: GuardInput, entry: DetectedGate, result: CommandResult, hits: list[ScannerHit]
) -> GateResult:
    limit = change.settings.gates.security.fail_on
    least = len(_ORDER) if limit == "never" else _ORDER.index(limit)
    own = [hit for hit in hits if _is_changed(change, hit)]
    own.sort(key=_rank, reverse=True)
    red = [hit for hit in own if _rank(hit) >= least]
    summary = f"{entry.kind}: {len(own) or 'nothing'} in changed files"
    if red:
        summary += f", {len(red)} of them {limit} or worse: {red[0].title}"
    if len(hits) > len(own):
        summary += f"; {len(hits) - len(own)} in files that the change leaves alone"
    passed = GateStatus.WARNING if own else GateStatus.PASSED
    status = GateStatus.FAILED if red else passed
    outcome = command_result(change, entry, result, status=status, summary=summary)
    shown = "\n".join(f"{hit.path}: {hit.rule} {hit.severity} {hit.title}" for hit in own[:_MOST])
    findings = tuple(_finding(change, entry.kind, hit, least) for hit in own[:_MOST])
    return replace(outcome, excerpt=shown, findings=findings)


def _rank(hit: ScannerHit) -> int:
    return _ORDER.index(hit.severity) if hit.severity in _ORDER else 0


def _is_changed(change: GuardInput, hit: ScannerHit) -> bool:
    file = change.change.file(change.repository_path(hit.path))
    if file is None or file.status == "D":
        return False
    ranges = change.change.added_lines(file.path)
    last = max(hit.end_line, hit.line)
    return not hit.line or any(a <= last and hit.line <= b for a, b in ranges)


def _finding(change: GuardInput, scanner: str, hit: ScannerHit, least: int) -> Finding:
    path = change.repository_path(hit.path)
    last = max(hit.end_line, hit.line)
    minor = Severity.NIT if _rank(hit) < _ORDER.index("medium") else Severity.SHOULD_FIX
    return gate_finding(
        gate=NAME,
        agent="review-security",
        rule=f"{scanner}.{hit.rule}",
        severity=Severity.MUST_FIX if _rank(hit) >= least else minor,
        title=hit.title,
        path=path,
        lines=(hit.line, last) if hit.line else None,
        quote=quote_lines(text_lines(change.read_new(path)), hit.line, last) if hit.line else "",
        why=f"{scanner} reports it ({hit.severity}) in a file of the change.",
        suggestion=hit.remedy,
        category="security",
        identity="" if hit.line else hit.title,
    )


def _own_data(scanner: str) -> dict[str, str]:
    """Return the variables for a scanner's data: its home in the sandbox is empty."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if scanner == "trivy":
        return {"TRIVY_CACHE_DIR": os.environ.get("TRIVY_CACHE_DIR") or str(cache / "trivy")}
    known = os.environ.get("GRYPE_DB_CACHE_DIR") or str(cache / "grype" / "db")
    return {
        "GRYPE_DB_CACHE_DIR": known,
        "GRYPE_DB_AUTO_UPDATE": "false",
        "GRYPE_CHECK_FOR_APP_UPDATE": "false",
    }
