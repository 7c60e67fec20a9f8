"""A review as GitHub Actions workflow commands, which GitHub shows beside the changed lines."""

import re
from collections.abc import Iterable

from reviewloop.domain.finding import Finding, Placement, Severity
from reviewloop.render.code_view import shown_path
from reviewloop.render.report import ReviewReport, Source
from reviewloop.render.review_words import (
    PLACEMENT_NOTES,
    Rules,
    failures,
    left_out_files,
    no_rules,
    outcome_sentence,
    remarks,
    who,
)
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line, safe

LEVELS = {Severity.MUST_FIX: "error", Severity.SHOULD_FIX: "warning", Severity.NIT: "notice"}
SHOWN_PER_LEVEL = 10  # GitHub silently drops the rest of a step
_LONGEST = 4000  # characters of a message


def render(report: ReviewReport, source: Source, rules: Rules = no_rules) -> str:
    """Return the commands, worst first, then a note on what GitHub will not show."""
    words = [outcome_sentence(report)]
    if report.outcome == "nothing_to_review" and report.skipped:
        words.append(left_out_files(report))  # its sentence has the reasons
    return "\n".join([*annotated(report, report.findings), *map(_plain, words)]) + "\n"


def annotated(report: ReviewReport, findings: Iterable[Finding]) -> list[str]:
    """Return the commands for failures and these findings, as many as GitHub shows."""
    lines = []
    left = dict.fromkeys(LEVELS.values(), SHOWN_PER_LEVEL)
    dropped = dict.fromkeys(LEVELS.values(), 0)
    commands = [*_failed(report), *map(_annotation, _worst_first(findings))]
    for level, command in commands:
        if left[level]:
            left[level] -= 1
            lines.append(command)
        else:
            dropped[level] += 1
    if any(dropped.values()):
        more = ", ".join(counted(number, level) for level, number in dropped.items() if number)
        lines.append(f"... and {more} more; GitHub shows {SHOWN_PER_LEVEL} of a kind per step")
    return lines


def command(level: str, title: str, message: str) -> str:
    """Return one command about the run as a whole; `level` is error, warning or notice."""
    return f"::{level} title={_property(one_line(title))}::{_data(safe(message)[:_LONGEST])}"


def _worst_first(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.severity.rank)


def _failed(report: ReviewReport) -> Iterable[tuple[str, str]]:
    for name, reason in failures(report):
        title = _property(f"{one_line(name)} failed")
        message = _data(f"{reason}. What it did not say means nothing.")
        yield "error", f"::error title={title}::{message}"


def _annotation(finding: Finding) -> tuple[str, str]:
    level = LEVELS[finding.severity if finding.may_fail else Severity.NIT]
    where = _where(finding)
    rule = f" ({one_line(finding.rule)})" if finding.rule else ""
    where["title"] = f"{one_line(finding.title)[:200]}{rule}"
    properties = ",".join(f"{key}={_property(value)}" for key, value in where.items())
    return level, f"::{level} {properties}::{_data(_message(finding))}"


def _where(finding: Finding) -> dict[str, str]:
    if not finding.path:
        return {}
    where = {"file": shown_path(finding.path)}
    if finding.line is None or finding.placement is Placement.UNANCHORED:
        return where
    last = max(finding.end_line or finding.line, finding.line)
    where |= {"line": str(finding.line), "endLine": str(last)}
    if finding.column and last == finding.line:  # GitHub accepts columns of single lines only
        where["col"] = str(finding.column)
        if finding.end_column > finding.column:
            where["endColumn"] = str(finding.end_column)
    return where


def _message(finding: Finding) -> str:
    lines = [f"{label}: {one_line(text)}" for label, text in remarks(finding)]
    if note := PLACEMENT_NOTES.get(finding.placement):
        lines.insert(0, note)
    lines.append(f"by: {who(finding)}")
    return safe("\n".join(lines))[:_LONGEST]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _plain(text: str) -> str:
    """Return a line that the runner does not read as a command in either notation."""
    return re.sub(r"##\[|::", " ", text)
