"""Computes the result of a review: open findings, listed findings, exit code."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING

from reviewloop.analysis.examine import Examination
from reviewloop.analysis.rule_book import is_about_a_rule
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, first_that_applies
from reviewloop.domain.finding import Finding, Severity, Status, by_severity
from reviewloop.domain.usage import TokenUsage
from reviewloop.git.comparison import Comparison
from reviewloop.git.diff import FileChange
from reviewloop.render.report import (
    Outcome,
    Readership,
    ReviewedFile,
    ReviewerReport,
    ReviewReport,
    SkippedFile,
    with_reasons,
)
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line
from reviewloop.review.anchoring import ChangedLines
from reviewloop.review.evidence import AnalyserFinding
from reviewloop.review.merging import merge, with_late
from reviewloop.review.selection import Selection
from reviewloop.review.silencing import LEVELS, Silences, silence
from reviewloop.settings import Settings
from reviewloop.store.redaction import Redact, redact_plain

if TYPE_CHECKING:  # it reads model answers, which a review without a model does not need
    from reviewloop.review.push import Known

NEVER = "never"


@dataclass(frozen=True)
class ReviewersResult:
    """The results of the reviewers, of models or of their analysers alone."""

    findings: tuple[Finding, ...]  # merged; rejected ones have the status dismissed
    agents: tuple[ReviewerReport, ...]
    model: str
    notes: tuple[str, ...] = ()
    usage: TokenUsage = field(default_factory=TokenUsage)
    exit_code: ExitCode = ExitCode.CLEAN  # why it ended early: budget, interruption
    readership: Readership | None = None  # None: no model was asked
    confirmed: frozenset[str] = frozenset()  # findings of an earlier review that a push fixes
    unchanged: bool = False  # no change since an earlier review is read


def result_unchanged(
    early: Sequence[AnalyserFinding],
    late: Sequence[AnalyserFinding],
    known: "Sequence[Known]",
    names: Sequence[str],
    model: str,
    untrusted: bool,
) -> ReviewersResult:
    """Return the result after a push that changes no reviewed file, without asking a model.

    Analysers find what they found before. A finding that is not open since then was settled, unless
    it is too severe to rely on memory.
    """
    open_ = {one.id for one in known}

    def settled(piece: AnalyserFinding) -> Finding:
        finding = piece.finding
        grave = piece.hard or untrusted or finding.severity is Severity.MUST_FIX
        if finding.id in open_ or grave:
            return finding
        return finding.with_note("settled in an earlier review", status=Status.DISMISSED)

    findings = with_late(list(map(settled, early)), list(map(settled, late)))
    why = "nothing that is read was pushed since the last review"
    reports = [ReviewerReport(name, "skipped", 0.0, 0, reason=why) for name in names]
    note = f"no model was asked: {why}"
    return ReviewersResult(tuple(merge(findings)), tuple(reports), model, (note,), unchanged=True)


def result_without_model(
    pieces: Sequence[AnalyserFinding],
    names: Sequence[str],
    note: str,
    unjudged: Mapping[str, str] | None = None,
) -> ReviewersResult:
    """Return the result without a model: the findings of the reviewers' analysers.

    `unjudged` maps reviewers to what only a model would have judged.
    """
    found = merge(piece.finding for piece in pieces)
    served = {name for piece in pieces for name in piece.finding.agents}
    reports = []
    for name in names:
        count = sum(name in finding.agents for finding in found)
        known = name in served or name in SHIPPED
        reason = "" if known else "has no analysers of its own; it needs a model"
        reason = (unjudged or {}).get(name, reason)
        reports.append(
            ReviewerReport(name, "done" if known else "skipped", 0.0, count, reason=reason)
        )
    return ReviewersResult(tuple(found), tuple(reports), "none", (note,))


SHIPPED = frozenset(
    (
        "review-security",
        "review-infrastructure",
        "review-maintainability",
        "review-performance",
        "review-test-quality",
    )
)


def result(
    *,
    comparison: Comparison,
    settings: Settings,
    selection: Selection,
    examination: Examination,
    pieces: Sequence[AnalyserFinding],
    reviewers: ReviewersResult,
    silences: Silences,
    untrusted: bool = False,
    notes: Iterable[str] = (),
) -> ReviewReport:
    """Return the report of a review; the caller fills in its seconds.

    In an `untrusted` review no comment in the change silences anything.
    """
    lines = ChangedLines(_added(selection))
    rejected = [f for f in reviewers.findings if f.status is not Status.OPEN]
    stay, gone = silence(
        [f for f in reviewers.findings if f.status is Status.OPEN],
        silences,
        read=partial(_text, comparison),
        added=lambda path, line: lines.touch(path, line, line),
        hard=_unsilenced(reviewers.findings, pieces, untrusted),
    )
    least = LEVELS[settings.review.min_severity].rank
    listed = by_severity([f for f in stay if f.severity.rank <= least])
    incomplete = bool(examination.failed) or _unread(reviewers) or _missed(comparison, selection)
    failing = _fails(stay, settings.review.fail_on)
    return ReviewReport(
        what=comparison.what,
        base=comparison.base_commit or comparison.old,
        head=comparison.head_commit or comparison.new,
        findings=tuple(listed),
        silenced=tuple(by_severity([*rejected, *gone])),
        reviewed=tuple(map(_read, selection.reviewed)),
        skipped=tuple(_skipped(comparison, selection)),
        agents=reviewers.agents,
        analysers=examination.reports,
        outcome=_outcome(selection, bool(listed) or failing, incomplete),
        exit_code=int(_exit_code(failing, incomplete, reviewers.exit_code)),
        fail_on=settings.review.fail_on,
        seconds=0.0,
        model=reviewers.model,
        nothing_staged=comparison.unstaged > 0,
        notes=(
            *comparison.notes,
            *notes,
            *_remarks(settings, selection, examination),
            *reviewers.notes,
        ),
        below=len(stay) - len(listed),
        unlisted=dict(Counter(str(f.severity) for f in stay if f.severity.rank > least)),
        usage=reviewers.usage,
        readership=reviewers.readership,
    )


def redact_report(report: ReviewReport, redact: Redact) -> ReviewReport:
    """Return the report with every text passed through `redact`."""

    def findings(some: Sequence[Finding]) -> tuple[Finding, ...]:
        plain = [(finding, finding.model_dump(mode="json")) for finding in some]
        shown = [(finding, before, redact_plain(before, redact)) for finding, before in plain]
        return tuple(
            finding if after == before else Finding.model_validate(after)
            for finding, before, after in shown
        )

    return replace(
        report,
        what=redact(report.what),
        findings=findings(report.findings),
        silenced=findings(report.silenced),
        agents=tuple(
            replace(agent, reason=redact(agent.reason), unnamed=redact(agent.unnamed))
            for agent in report.agents
        ),
        analysers=tuple(replace(one, reason=redact(one.reason)) for one in report.analysers),
        notes=tuple(map(redact, report.notes)),
        readership=report.readership and with_reasons(report.readership, redact),
    )


def _text(comparison: Comparison, path: str) -> str | None:
    data = comparison.private.read(comparison.new, path)
    return None if data is None else data.decode("utf-8", "replace")


def _unsilenced(
    findings: Iterable[Finding], pieces: Iterable[AnalyserFinding], untrusted: bool
) -> set[str]:
    """Return the ids of findings that nothing in the change may silence."""
    if untrusted:
        return {finding.id for finding in findings}
    return {piece.finding.id for piece in pieces if piece.hard}


def _added(selection: Selection) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return the changed lines of every file that was read."""
    lines = {file.path: file.added_ranges for file in selection.reviewed}
    return lines | {source.path: source.added for source in selection.sources}


def _missed(comparison: Comparison, selection: Selection) -> bool:
    """Return whether a file that may hold a fault was read by no analyser or reviewer."""
    return bool(comparison.unread) or any(one.unread for one in selection.skipped)


def _read(file: FileChange) -> ReviewedFile:
    renamed = file.old_path if file.old_path != file.path else ""
    return ReviewedFile(file.path, file.status, file.added_ranges, renamed, file.removed)


def _skipped(comparison: Comparison, selection: Selection) -> Iterator[SkippedFile]:
    """Yield the files that were not read, also those whose change the trees do not show."""
    for s in selection.skipped:
        unread = s.unread or s.file.path in comparison.unread
        yield SkippedFile(s.file.path, s.file.status, s.reason, unread, s.chosen)
    of_change = {s.file.path for s in selection.skipped} | {f.path for f in selection.reviewed}
    missing = [(path, reason) for path, reason in comparison.unreadable if path not in of_change]
    if missing:
        before = {entry.path for entry in comparison.private.entries(comparison.base)}
        for path, reason in missing:
            status = "M" if path in before else "A"
            yield SkippedFile(path, status, reason, path in comparison.unread)


def _remarks(settings: Settings, selection: Selection, examination: Examination) -> Iterator[str]:
    if selection.sources and not examination.reports:
        yield "no analyser looked at the change: [review] analysers_off names them all"
    if selection.doubted:
        files = counted(len(selection.doubted), "file that the change calls", "files that it calls")
        named = ", ".join(map(one_line, selection.doubted[:3]))
        more = f" and {len(selection.doubted) - 3} more" if selection.doubted[3:] else ""
        yield (
            f"read all the same: {files} generated ({named}{more}); the base does not say so. "
            "To skip such files, mark them with `linguist-generated` in .gitattributes on the "
            "base branch, or set `[review] skip_new = true`"
        )
    for pattern in settings.rules:
        if not is_about_a_rule(pattern):
            yield f"[rules] {pattern!r} is no rule; `reviewloop explain --list` shows ours"


def _unread(reviewers: ReviewersResult) -> bool:
    """Return whether no findings means nothing: a reviewer failed, or part was not read."""
    agents = reviewers.agents
    if reviewers.readership is not None and reviewers.readership.unread:
        return True
    all_skipped = (
        bool(agents) and all(a.status == "skipped" for a in agents) and not reviewers.unchanged
    )
    return all_skipped or any(a.status == "failed" for a in agents)


def _fails(stay: Collection[Finding], fail_on: str) -> bool:
    """Return whether an open finding that counts is at least as severe, listed or not."""
    counting = [f for f in stay if f.may_fail]
    return fail_on != NEVER and any(f.severity.rank <= LEVELS[fail_on].rank for f in counting)


def _outcome(selection: Selection, found: bool, incomplete: bool) -> Outcome:
    if incomplete:
        return "incomplete"
    if found:
        return "findings"
    return "clean" if selection.reviewed else "nothing_to_review"


def _exit_code(failing: bool, incomplete: bool, early: ExitCode) -> ExitCode:
    codes = [early]
    if incomplete:
        codes.append(ExitCode.INCOMPLETE)
    if failing:
        codes.append(ExitCode.FINDINGS)
    return first_that_applies(*codes)
