"""A review as `path:line:column: level rule message [id]` lines, for editors and grep."""

import posixpath

from reviewloop.domain.finding import Finding, Placement, Severity
from reviewloop.render.code_view import shown_path
from reviewloop.render.report import ReviewReport, Source
from reviewloop.render.review_words import Rules, failures, in_order, no_rules, short_id
from reviewloop.render.untrusted import one_line

LEVELS = {Severity.MUST_FIX: "error", Severity.SHOULD_FIX: "warning", Severity.NIT: "note"}
_ASIDES = {
    Placement.CONTEXT: " (outside of the change)",
    Placement.UNANCHORED: " (the quoted code was not found)",
}


def render(report: ReviewReport, source: Source, rules: Rules = no_rules) -> str:
    """Return one line per finding, in the order of files and lines, then one per failure.

    Paths are relative to the folder the review was started in, where the source knows it.
    """
    start = str(getattr(source, "prefix", ""))
    lines = [_line(finding, start) for finding in in_order(report.findings)]
    lines += [f"reviewloop: error: {one_line(who)} failed: {why}" for who, why in failures(report)]
    return "\n".join(lines) + "\n" if lines else ""


def _line(finding: Finding, start: str) -> str:
    path = shown_path(_seen_from(start, finding.path)) or "(change)"
    known = finding.line is not None and finding.placement is not Placement.UNANCHORED
    line = finding.line if known else 1
    column = (finding.column if known else 0) or 1
    words = [LEVELS[finding.severity], one_line(finding.rule), one_line(finding.title)]
    aside = _ASIDES.get(finding.placement, "")
    return f"{path}:{line}:{column}: {' '.join(filter(None, words))}{aside} [{short_id(finding)}]"


def _seen_from(start: str, path: str) -> str:
    """Return a path of the repository relative to its folder `start`."""
    return posixpath.relpath(f"/{path}", f"/{start}") if path and start else path
