"""The sentences and orders that all formats of a review report share."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus, Rule
from reviewloop.domain.errors import ExitCode
from reviewloop.domain.finding import (
    IN_BASELINE,
    Evidence,
    Finding,
    Placement,
    Severity,
    by_severity,
)
from reviewloop.render.code_view import shown_path
from reviewloop.render.report import (
    FileRead,
    PartRead,
    Readership,
    ReviewerReport,
    ReviewReport,
    SkippedFile,
    files_by_reason,
)
from reviewloop.render.text import Failure, by_reason, counted
from reviewloop.render.untrusted import one_line

_NAMED = 5  # files listed for one reason


def read_words(read: Readership) -> str:
    """Return `14 files in 3 parts; 2 not read: over the budget`."""
    words = counted(len(read.files), "file")
    if read.since:
        words += f" pushed since {read.since[:7]} (the rest was read before)"
    if len(read.parts) > 1:
        words += f" in {len(read.parts)} parts"
    for reason, files in files_by_reason(read.unread):
        words += f"; {len(files)} not read: {one_line(reason)}"
    return words


def unread_words(read: Readership) -> str:
    """Return `2 files were read by no model: a.py, b.py (over the budget)`, "" for none."""
    if not read.unread:
        return ""
    listed = (
        f"{_names(files)} ({one_line(reason)})" for reason, files in files_by_reason(read.unread)
    )
    count = counted(len(read.unread), "file was", "files were")
    return f"{count} read by no model: {'; '.join(listed)}"


def missed_words(read: Readership) -> Iterator[str]:
    """Yield a line for each part that a reviewer did not read: who did, who did not, and why."""
    for part in read.parts:
        if part.missed:
            yield f"part {part.number} of {len(read.parts)} {_missed(part)}"


def share_words(file: FileRead) -> str:
    """Return how one file was read: `whole`, `in parts 2, 3`, `not: over the budget`."""
    if file.share == "whole":
        return "whole"
    if file.share == "in parts":
        return f"in parts {', '.join(map(str, file.parts))}"
    return f"{'not' if file.share == 'not' else 'only partly'}: {one_line(file.reason)}"


def _missed(part: PartRead) -> str:
    everybody = len(part.by) + len(part.missed)
    reasons: dict[str, list[str]] = {}
    for name, why in part.missed:
        reasons.setdefault(one_line(why), []).append(one_line(name))
    if not part.by and len(reasons) == 1:
        missing = f"nobody: {next(iter(reasons))}"
    else:
        some = (f"not by {', '.join(names)}: {why}" for why, names in reasons.items())
        missing = f"{len(part.by)} of {everybody}, {'; '.join(some)}"
    return f"({counted(part.files, 'file')}): read by {missing}"


def _names(files: list[FileRead]) -> str:
    names = ", ".join(shown_path(file.path) for file in files[:_NAMED])
    return names + (f" and {len(files) - _NAMED} more" if len(files) > _NAMED else "")


Rules = Callable[[str], Rule | None]

_FAIL_ON = {
    "must": "“must fix”",
    "should": "“should fix” or worse",
    "nit": "nits or worse",
}
WITH_AN_ID = "`reviewloop explain ID` tells more; `reviewloop dismiss ID -m REASON` silences one"
_ANCHORED = {Placement.CHANGED, Placement.FILE}


def no_rules(rule_id: str) -> Rule | None:
    """Return None: the rule book of formats without one."""
    return None


def severity_counts(findings: Iterable[Finding]) -> dict[Severity, int]:
    """Return the number of findings by severity, zeros included."""
    found = Counter(finding.severity for finding in findings)
    return {severity: found[severity] for severity in Severity}


def counts_of(report: ReviewReport) -> dict[Severity, int]:
    """Return the number of open findings by severity, unlisted ones included."""
    listed = severity_counts(report.findings)
    return {severity: n + report.unlisted.get(severity, 0) for severity, n in listed.items()}


def unlisted_words(report: ReviewReport) -> str:
    """Return `10 should fix, 13 nits` for unlisted findings."""
    parts = [
        f"{n} {severity_label(severity, n)}"
        for severity in Severity
        if (n := report.unlisted.get(severity, 0))
    ]
    return ", ".join(parts) or counted(report.below, "finding")


def severity_label(severity: Severity, number: int) -> str:
    """Return the words after a number of findings: `must fix`, `nit`, `nits`."""
    return "nits" if severity is Severity.NIT and number != 1 else severity.label


def tally(findings: Iterable[Finding]) -> str:
    """Return `2 must fix, 1 should fix, 3 nits`, or `no findings`."""
    counts = severity_counts(findings)
    parts = [f"{n} {severity_label(severity, n)}" for severity, n in counts.items() if n]
    return ", ".join(parts) or "no findings"


def outcome_sentence(report: ReviewReport) -> str:
    """Return a sentence on the result of the review, its exit code, and what was not read."""
    sentence = _ending(report)
    left = left_out(report)
    if not left or report.outcome not in {"clean", "findings"}:
        return sentence  # it has that part already
    return f"{sentence.removesuffix('.')}; {left}."


def left_out(report: ReviewReport) -> str:
    """Return `2 files not reviewed`, "" when all were."""
    return f"{counted(len(report.skipped), 'file')} not reviewed" if report.skipped else ""


def left_out_files(report: ReviewReport) -> str:
    """Return which files were not reviewed and why, the first few by name, or ""."""
    if not report.skipped:
        return ""
    named = [f"{one_line(file.path)} ({one_line(file.reason)})" for file in report.skipped[:3]]
    more = f" and {len(report.skipped) - 3} more" if report.skipped[3:] else ""
    return f"{left_out(report)}: {', '.join(named)}{more}"


def _ending(report: ReviewReport) -> str:
    if report.outcome == "nothing_to_review":
        if report.skipped:
            files = counted(len(report.skipped), "changed file")
            return f"Nothing to review: {files}, skipped for the reasons given."
        why = "nothing is staged" if report.nothing_staged else "there are no changes"
        return f"Nothing to review: {why}."
    if report.outcome == "incomplete":
        who = ", ".join(name for name, _ in failures(report))
        unread = [one_line(file.path) for file in report.skipped if file.unread]
        if unread and not who:
            others = f" and {len(unread) - 1} more" if unread[1:] else ""
            return f"Incomplete: {unread[0]}{others} could not be read, for the reason given."
        missed = unread_words(report.readership) if report.readership else ""
        if missed and not who:
            return f"Incomplete: {missed}."
        who = who or "a part of the review"
        return f"Incomplete: {who} failed, and what they would have said is not known."
    if report.outcome == "findings":
        return _verdict(report)
    if report.findings:
        return f"Clean: nothing that fails the review, {tally(report.findings)}."
    return "Clean: no findings."


def _verdict(report: ReviewReport) -> str:
    ranks = {"must": 0, "should": 1, "nit": 2}
    worst = ranks.get(report.fail_on, -1)
    failing = sum(f.may_fail and f.severity.rank <= worst for f in report.findings)
    if not failing and report.exit_code == ExitCode.FINDINGS:
        hidden = counted(report.below, "finding is", "findings are")
        return f"The review fails: {hidden} not listed, because of --min-severity."
    if not failing:
        return f"Nothing here fails the review: {tally(report.findings)}."
    found = counted(failing, "finding is", "findings are")
    return f"The review fails: {found} {_FAIL_ON[report.fail_on]} (--fail-on {report.fail_on})."


def failures(report: ReviewReport) -> list[tuple[str, str]]:
    """Return (name, reason) of every failed reviewer and analyser, whose missing findings mean
    nothing.
    """
    return [(one.name, one.reason) for one in _failures(report)]


def _failures(report: ReviewReport) -> list[Failure]:
    bad = {AnalyserStatus.FAILED: "failed", AnalyserStatus.PARTIAL: "was only partly run"}
    failed = [
        Failure(a.name, one_line(a.reason) or "failed", one_line(a.unnamed))
        for a in report.agents
        if a.status == "failed"
    ]
    failed += [
        Failure(a.name, one_line(a.reason) or bad[a.status])
        for a in report.analysers
        if a.status in bad
    ]
    return failed


def grouped_failures(report: ReviewReport) -> list[tuple[str, str]]:
    """Return (names, reason), grouped by reason."""
    return by_reason(one._replace(name=one_line(one.name)) for one in _failures(report))


def of_status(report: ReviewReport, *status: AnalyserStatus) -> list[AnalyserReport]:
    """Return the analysers with one of these statuses."""
    return [analyser for analyser in report.analysers if analyser.status in status]


def skipped_by_reason(report: ReviewReport) -> list[tuple[str, list[SkippedFile]]]:
    """Return the skipped files by reason, the most frequent reason first."""
    groups: dict[str, list[SkippedFile]] = {}
    for file in report.skipped:
        groups.setdefault(file.reason, []).append(file)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def counted_reason(number: int, reason: str) -> str:
    """Return `2 generated`, and `2 need a filter` of the reason "needs a filter"."""
    if number != 1 and reason == "is no regular file":
        reason = "are no regular files"
    for one, many in (("needs ", "need "), ("is ", "are ")):
        if number != 1 and reason.startswith(one):
            reason = many + reason.removeprefix(one)
    return f"{number} {reason}"


def silenced_by_note(report: ReviewReport) -> list[tuple[str, int]]:
    """Return the number of silenced findings by way, the most frequent first."""
    return Counter(map(_way, report.silenced)).most_common()


def _way(finding: Finding) -> str:
    known = finding.note_from is not None and finding.note_from.kind == "baseline"
    return IN_BASELINE if known else str(finding.status)


def silencing_reason(finding: Finding) -> str:
    """Return one line: what silenced a finding, and why."""
    return one_line(finding.note) or str(finding.status)


def found_words(report: ReviewReport, agent: ReviewerReport) -> str:
    """Return the number of a reviewer's open findings, and of its silenced ones."""
    silenced = min(agent.findings, sum(agent.name in one.agents for one in report.silenced))
    left = str(agent.findings - silenced)
    return f"{left}, {silenced} silenced" if silenced else left


def short_id(finding: Finding) -> str:
    """Return the prefix of a finding's id that is usually typed."""
    return one_line(finding.id)[:8]


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order of files and lines."""
    return sorted(findings, key=lambda f: (f.path, f.line or 0, f.column, f.id))


def added_lines(report: ReviewReport) -> int:
    """Return how many added or changed lines were reviewed."""
    return sum(last - first + 1 for file in report.reviewed for first, last in file.added)


def by_file(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    """Return findings grouped by file: the file with the worst finding first, then by name."""
    groups: dict[str, list[Finding]] = {}
    for finding in by_severity(list(findings)):
        groups.setdefault(finding.path, []).append(finding)
    return sorted(groups.items(), key=lambda group: (group[1][0].severity.rank, group[0]))


def anchored(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings about the change itself."""
    return [finding for finding in findings if finding.placement in _ANCHORED]


def with_placement(findings: Iterable[Finding], placement: Placement) -> list[Finding]:
    """Return the findings with this placement."""
    return [finding for finding in findings if finding.placement is placement]


PLACEMENT_NOTES = {
    Placement.CONTEXT: "This code is not part of the change.",
    Placement.UNANCHORED: (
        "The quoted code was not found; read this with doubt. Where not even the file exists, it "
        "does not fail the review."
    ),
}


def evidence_lines(finding: Finding) -> list[str]:
    """Return the evidence of a finding, without what its title, reason and code already show."""
    seen = {one_line(finding.title), one_line(finding.why), ""}
    seen.add(f"{finding.rule}: {one_line(finding.title)}")
    lines = []
    for item in finding.evidence:
        if item.kind == "quote" or item == finding.note_from:
            continue  # shown in the code, or the note
        if (line := _evidence(item, seen)) not in lines:
            lines.append(line)
    return [line for line in lines if line]


def _evidence(item: Evidence, seen: set[str]) -> str:
    source, text = one_line(item.source), one_line(item.text)
    if text in seen:
        return ""  # the tool's name adds nothing to reviewer and rule
    return f"{source}: {text}" if source else text


def remarks(finding: Finding) -> list[tuple[str, str]]:
    """Return the (label, text) lines below a finding: why, evidence, fix, note."""
    why = finding.why if one_line(finding.why) != one_line(finding.title) else ""
    listed = [("why", why)]
    listed += [("evidence", line) for line in evidence_lines(finding)]
    listed += [("fix", finding.suggestion), ("note", finding.note)]
    return [(label, text.strip()) for label, text in listed if text.strip()]


def who(finding: Finding) -> str:
    """Return the reviewers of a finding in words."""
    return ", ".join(map(one_line, finding.agents)) or "nobody"


def agents_of(findings: Sequence[Finding]) -> list[str]:
    """Return every reviewer with a finding, sorted."""
    return sorted({agent for finding in findings for agent in finding.agents})
