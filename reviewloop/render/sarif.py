"""A review as SARIF 2.1.0, for code scanning services and editors."""

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from reviewloop import __version__
from reviewloop.analysis.contract import SECURITY, AnalyserStatus, Rule
from reviewloop.domain.finding import Finding, Placement, Severity, Status
from reviewloop.regex import regex
from reviewloop.render.code_view import FileLines, line_range, shown_path
from reviewloop.render.json import strict
from reviewloop.render.report import ReviewReport, Source
from reviewloop.render.review_words import (
    PLACEMENT_NOTES,
    Rules,
    evidence_lines,
    failures,
    no_rules,
    of_status,
    outcome_sentence,
    remarks,
)
from reviewloop.render.rules import explained_at, rule_link, weaknesses
from reviewloop.render.text import counted
from reviewloop.render.untrusted import code, one_line, plain, safe

LEVELS = {Severity.MUST_FIX: "error", Severity.SHOULD_FIX: "warning", Severity.NIT: "note"}
# GitHub's scale: from 7.0 on "high", from 4.0 on "medium", below "low".
_SECURITY_SEVERITY = {Severity.MUST_FIX: "8.0", Severity.SHOULD_FIX: "5.0", Severity.NIT: "2.0"}
_CONFIDENCE = ("high", "medium", "low")


def rule_id(finding: Finding) -> str:
    """Return the id of a finding's rule; a reviewer's own finding has one for the reviewer."""
    if finding.rule:
        return one_line(finding.rule)
    return f"reviewer/{one_line(finding.agents[0]) if finding.agents else 'unknown'}"


def descriptors(findings: Iterable[Finding], rules: Rules) -> list[dict[str, Any]]:
    """Return the descriptors of all rules with findings, sorted by id."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(rule_id(finding), []).append(finding)
    return [_descriptor(key, groups[key], rules) for key in sorted(groups)]


def _descriptor(key: str, findings: list[Finding], rules: Rules) -> dict[str, Any]:
    rule = rules(findings[0].rule) if findings[0].rule else None
    worst = min((finding.severity for finding in findings), key=lambda s: s.rank)
    title = one_line(rule.title) if rule else _untitled(key, findings)
    descriptor: dict[str, Any] = {
        "id": key,
        "name": _name(key),
        "shortDescription": {"text": title},
        "fullDescription": {"text": safe(rule.why) if rule and rule.why else title},
        "help": _help(key, title, rule),
        "defaultConfiguration": {"level": LEVELS[rule.severity if rule else worst]},
        "properties": {"tags": _tags(findings, rule), "precision": _precision(findings)},
    }
    if url := explained_at(rule) if rule else rule_link(findings[0], rules):
        descriptor["helpUri"] = url
    if _is_security(findings, rule):
        descriptor["properties"]["security-severity"] = _SECURITY_SEVERITY[worst]
    return descriptor


def _untitled(key: str, findings: list[Finding]) -> str:
    if findings[0].rule:
        return one_line(findings[0].title).replace("](", "] (")  # no foreign links
    return f"What {key.partition('/')[2]} found by reading"


def _name(key: str) -> str:
    """Return the id in the form that SARIF viewers show: `TaintSqlInjection`."""
    words = key.replace("/", "-").replace("_", "-").split("-")
    return "".join(word[:1].upper() + word[1:] for word in words)


def _help(key: str, title: str, rule: Rule | None) -> dict[str, str]:
    entries = [("Why", rule.why), ("Fix", rule.fix), ("Source", rule.source)] if rule else []
    parts = [(label, safe(text)) for label, text in entries if text]
    hint = f"reviewloop explain {key}"
    text = "\n\n".join([f"{title}.", *(f"{label}: {body}" for label, body in parts), hint])
    head = f"{title}." if rule else f"{plain(title)}."
    lines = [head, *(f"**{label}:** {body}" for label, body in parts), code(hint)]
    return {"text": text, "markdown": "\n\n".join(lines)}


def _tags(findings: list[Finding], rule: Rule | None) -> list[str]:
    tags = {one_line(finding.category) for finding in findings}
    tags |= {one_line(agent).removeprefix("review-") for f in findings for agent in f.agents}
    if _is_security(findings, rule):
        tags.add("security")
    if rule:
        tags.add(rule.category)
        tags |= {f"external/cwe/cwe-{number:03}" for number in weaknesses(rule)}
    return sorted(tags - {""})[:20]


def _precision(findings: list[Finding]) -> str:
    confidences = {finding.confidence for finding in findings}
    return next((level for level in _CONFIDENCE if level in confidences), "medium")


def _is_security(findings: list[Finding], rule: Rule | None) -> bool:
    if rule:
        return rule.reviewer == SECURITY
    return any(SECURITY in finding.agents for finding in findings)


_OASIS = "https://docs.oasis-open.org/sarif/sarif/v2.1.0"
_SCHEMA = f"{_OASIS}/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_LINE = regex(r"\bline (\d{1,9})\b")
_ROLES = {"A": ["added"], "D": ["deleted"], "R": ["renamed"]}


def render(report: ReviewReport, source: Source, rules: Rules = no_rules) -> str:
    """Return the text of a log file with one run."""
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(report, source, rules)]}
    return json.dumps(strict(log), ensure_ascii=True, indent=2, allow_nan=False)


def _run(report: ReviewReport, source: Source, rules: Rules) -> dict[str, Any]:
    everything = (*report.findings, *report.silenced)
    described = descriptors(everything, rules)
    rule_index = {rule["id"]: index for index, rule in enumerate(described)}
    files = FileLines(source)
    paths = {file.path: index for index, file in enumerate(report.reviewed)}
    driver = {
        "name": "reviewloop",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": described,
        "notifications": [
            {"id": "failed", "shortDescription": {"text": "A part of the review failed"}},
            {"id": "not-run", "shortDescription": {"text": "An analyser was not run"}},
            {"id": "skipped", "shortDescription": {"text": "Files were not reviewed"}},
        ],
    }
    skipped = [
        {"uri": uri(f.path), "reason": one_line(f.reason), "chosenByChange": f.chosen}
        for f in report.skipped
    ]
    return {
        "tool": {"driver": driver},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The top folder of the repository."}}
        },
        "artifacts": [
            {"location": _location(file.path), "roles": _ROLES.get(file.status, ["modified"])}
            for file in report.reviewed
        ],
        "results": [_result(finding, files, rules, rule_index, paths) for finding in everything],
        "columnKind": "unicodeCodePoints",
        "properties": {
            "what": one_line(report.what),
            "outcome": report.outcome,
            "base": report.base,
            "head": report.head,
            "skipped": skipped,
        },
    }


def _invocation(report: ReviewReport) -> dict[str, Any]:
    notifications = [
        _notification("failed", "error", f"{one_line(name)}: {reason}")
        for name, reason in failures(report)
    ]
    for analyser in of_status(report, AnalyserStatus.MISSING, AnalyserStatus.NOT_CHECKED):
        why = one_line(analyser.reason) or str(analyser.status).replace("_", " ")
        notifications.append(_notification("not-run", "note", f"{one_line(analyser.name)}: {why}"))
    if report.skipped:
        left = f"{counted(len(report.skipped), 'file')} of the change not reviewed"
        notifications.append(_notification("skipped", "note", left))
    return {
        "executionSuccessful": report.outcome != "incomplete",
        "exitCode": report.exit_code,
        "exitCodeDescription": outcome_sentence(report),
        "toolExecutionNotifications": notifications,
    }


def _notification(kind: str, level: str, message: str) -> dict[str, Any]:
    return {"descriptor": {"id": kind}, "level": level, "message": {"text": text(message)}}


def _result(
    finding: Finding,
    files: FileLines,
    rules: Rules,
    rule_index: dict[str, int],
    paths: dict[str, int],
) -> dict[str, Any]:
    lines = files.of(finding.path)
    location = _finding_location(finding, lines, paths)
    result: dict[str, Any] = {
        "ruleId": rule_id(finding),
        "ruleIndex": rule_index[rule_id(finding)],
        "kind": "fail",
        "level": LEVELS[finding.severity if finding.may_fail else Severity.NIT],
        "message": {"text": text(_message(finding))},
        "locations": [{"physicalLocation": location}] if location else [],
        "partialFingerprints": {"reviewloopFindingId/v1": finding.id},
        "properties": _properties(finding, rules),
    }
    if evidence := _evidence(finding, len(lines)):
        result["relatedLocations"] = evidence
    if fix := _fix(finding, lines):
        result["fixes"] = [fix]
    if finding.status in {Status.SUPPRESSED, Status.DISMISSED}:
        kind = "inSource" if finding.status is Status.SUPPRESSED else "external"
        note = one_line(finding.note) or "no reason was given"
        result["suppressions"] = [{"kind": kind, "status": "accepted", "justification": note}]
    return result


def text(message: str) -> str:
    """Return foreign text as the text of a message, in which it cannot make a link."""
    return message.replace("](", "] (")


def _message(finding: Finding) -> str:
    parts = [one_line(finding.title)]
    if note := PLACEMENT_NOTES.get(finding.placement):
        parts.append(note)
    parts += [safe(remark) for label, remark in remarks(finding) if label == "why"]
    parts += [f"Fix: {safe(remark)}" for label, remark in remarks(finding) if label == "fix"]
    return "\n".join(parts)


def _properties(finding: Finding, rules: Rules) -> dict[str, Any]:
    record = {
        "reviewers": [one_line(agent) for agent in finding.agents],
        "severity": str(finding.severity),
        "confidence": finding.confidence,
        "category": finding.category,
        "placement": str(finding.placement),
        "url": rule_link(finding, rules),
        "evidence": evidence_lines(finding),
    }
    return {key: value for key, value in record.items() if value}


def _finding_location(
    finding: Finding, lines: Sequence[str], paths: dict[str, int]
) -> dict[str, Any] | None:
    if not finding.path:
        return None
    location = _location(finding.path)
    if finding.path in paths:
        location["index"] = paths[finding.path]
    physical: dict[str, Any] = {"artifactLocation": location}
    if finding.line is not None and finding.placement is not Placement.UNANCHORED:
        physical["region"] = _region(finding, lines)
    return physical


def _region(finding: Finding, lines: Sequence[str]) -> dict[str, Any]:
    first = max(finding.line or 1, 1)
    last = max(finding.end_line or first, first)
    region: dict[str, Any] = {"startLine": first, "endLine": last}
    if finding.column > 0:
        region["startColumn"] = finding.column
        if last > first or finding.end_column > finding.column:
            region["endColumn"] = max(finding.end_column, 1)
        if last > first and not finding.end_column:
            del region["endColumn"]
    if last - first < 50 and line_range(finding, len(lines)):
        snippet = "\n".join(safe(line[:1000]) for line in lines[first - 1 : last])
        region["snippet"] = {"text": snippet}
    return region


def _evidence(finding: Finding, count: int) -> list[dict[str, Any]]:
    """Return the other locations of the evidence: where a value comes from."""
    found: dict[int, str] = {}
    elsewhere: dict[tuple[str, int], str] = {}
    for item in finding.evidence:
        if item.path:
            elsewhere.setdefault((item.path, item.line), text(one_line(item.text)))
            continue
        for match in _LINE.finditer(item.text):
            if 1 <= int(match.group(1)) <= count and int(match.group(1)) != finding.line:
                found.setdefault(int(match.group(1)), text(one_line(item.text)))
    here = [(finding.path, number, number, label) for number, label in sorted(found.items())]
    last = max(found, default=0)
    there = [
        (path, line, last + index, label)
        for index, ((path, line), label) in enumerate(sorted(elsewhere.items()), 1)
    ]
    return [
        {
            "id": ident,
            "message": {"text": label},
            "physicalLocation": {
                "artifactLocation": _location(path),
                "region": {"startLine": line},
            },
        }
        for path, line, ident, label in (*here, *there)
    ]


def _fix(finding: Finding, lines: Sequence[str]) -> dict[str, Any] | None:
    span = line_range(finding, len(lines))
    if finding.replacement is None or span is None:
        return None
    first, last = span
    new = finding.replacement.removesuffix("\n")
    region: dict[str, Any] = {"startLine": first, "startColumn": 1, "endLine": last}
    if finding.replacement:
        region["endColumn"] = len(lines[last - 1]) + 1
    elif last < len(lines):  # the lines are deleted with their line ends
        region |= {"endLine": last + 1, "endColumn": 1}
    else:
        region["endColumn"] = len(lines[last - 1]) + 1
    replacement: dict[str, Any] = {"deletedRegion": region, "insertedContent": {"text": new}}
    description = one_line(finding.suggestion) or "Replace the lines"
    return {
        "description": {"text": description},
        "artifactChanges": [
            {"artifactLocation": _location(finding.path), "replacements": [replacement]}
        ],
        "properties": {"safe": finding.fix_safe},
    }


def _location(path: str) -> dict[str, Any]:
    return {"uri": uri(path), "uriBaseId": _ROOT}


def uri(path: str) -> str:
    """Return a repository path as a relative URI with the same bytes."""
    try:
        return quote(os.fsencode(path), safe="/")
    except UnicodeEncodeError:
        return quote(shown_path(path), safe="/")
