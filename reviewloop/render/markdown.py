"""A review as Markdown, for the comment on a pull request or the summary of a job."""

from collections.abc import Iterable, Sequence

from reviewloop.analysis.contract import AnalyserStatus
from reviewloop.analysis.languages import language_of
from reviewloop.domain.finding import Finding, Placement, Severity
from reviewloop.render.code_view import FileLines, excerpt, line_range, shown_path, visible
from reviewloop.render.report import ReviewReport, Source
from reviewloop.render.review_words import (
    PLACEMENT_NOTES,
    WITH_AN_ID,
    Rules,
    added_lines,
    anchored,
    counted_reason,
    counts_of,
    found_words,
    grouped_failures,
    in_order,
    left_out,
    missed_words,
    no_rules,
    of_status,
    outcome_sentence,
    read_words,
    remarks,
    severity_label,
    short_id,
    silenced_by_note,
    silencing_reason,
    skipped_by_reason,
    tally,
    unlisted_words,
    who,
    with_placement,
)
from reviewloop.render.rules import rule_link
from reviewloop.render.text import counted, duration
from reviewloop.render.untrusted import code, fenced, link, plain

LONGEST = 60_000  # characters; GitHub refuses comments of more than 65,536
_LONGEST_LINE = 300
_NITS_SHOWN = 50
_SILENCED_SHOWN = 100
_FENCES = {
    "terraform": "hcl",
    "cloudformation": "yaml",
    "github-workflow": "yaml",
    "github-action": "yaml",
    "dependabot": "yaml",
    "shell": "sh",
}


def render(report: ReviewReport, source: Source, rules: Rules = no_rules) -> str:
    """Return the page; when it grows too long, the least severe findings are only counted."""
    head = _head(report)
    foot = _foot(report)
    room = LONGEST - len(head) - len(foot) - 500
    body: list[str] = []
    left = len(report.findings)
    for block, number in _blocks(report, source, rules):
        if len(block) > room:
            break
        room -= len(block) + 2
        left -= number
        body.append(block)
    if left:
        body.append(f"_… and {counted(left, 'more finding')}, left out for their length._")
    body += _silenced(report, rules, room)
    return "\n\n".join(part for part in (head, *body, foot) if part) + "\n"


def _head(report: ReviewReport) -> str:
    counts = counts_of(report)
    marks = " · ".join(f"{s.mark} {n} {severity_label(s, n)}" for s, n in counts.items() if n)
    title = " · ".join(filter(None, (marks or "no findings", left_out(report))))
    lines = [f"## reviewloop: {title}", plain(outcome_sentence(report))]
    failed = grouped_failures(report)
    if failed:
        lines.append("\n".join(f"- ❌ {code(name)}: {plain(why)}" for name, why in failed))
    if report.outcome != "nothing_to_review":
        files, changed = len(report.reviewed), added_lines(report)
        read = f"{counted(files, 'file')}, {counted(changed, 'changed line')}"
        lines.append(f"Reviewed {plain(report.what)}: {read}, {duration(report.seconds)}.")
    return "\n\n".join(lines)


def _blocks(report: ReviewReport, source: Source, rules: Rules) -> Iterable[tuple[str, int]]:
    """Yield (text, number of findings in it), most important first."""
    listed, files = anchored(report.findings), FileLines(source)
    for severity in (Severity.MUST_FIX, Severity.SHOULD_FIX):
        for finding in listed:
            if finding.severity is severity:
                yield _finding(finding, files, rules), 1
    for placement, title in (
        (Placement.CONTEXT, "About code outside of the change"),
        (Placement.UNANCHORED, "Without a place"),
    ):
        group = with_placement(report.findings, placement)
        if group:
            lines = [f"{_short(finding, rules)} · {_id(finding)}" for finding in group]
            text = f"{PLACEMENT_NOTES[placement]}\n\n" + "\n".join(lines)
            yield _folded(f"{title}: {tally(group)}", text), len(group)
    nits = [finding for finding in listed if finding.severity is Severity.NIT]
    if nits:
        shown = nits[:_NITS_SHOWN]
        lines = [f"{_short(finding, rules)} · {_id(finding)}" for finding in shown]
        if len(nits) > len(lines):
            lines.append(f"- … and {len(nits) - len(lines)} more")
        text = "\n".join(lines)
        yield _folded(f"{Severity.NIT.mark} {counted(len(nits), 'nit')}", text), len(nits)


def _silenced(report: ReviewReport, rules: Rules, room: int) -> list[str]:
    """Return the folded list of silenced findings, as much of it as fits into `room` characters."""
    lines: list[str] = []
    for finding in in_order(report.silenced):
        line = f"{_short(finding, rules)}: {plain(silencing_reason(finding))}"
        room -= len(line) + 1
        if room < 0 or len(lines) == _SILENCED_SHOWN:
            break
        lines.append(line)
    if len(lines) < len(report.silenced):
        lines.append(f"- … and {len(report.silenced) - len(lines)} more")
    total = counted(len(report.silenced), "finding")
    return [_folded(f"Silenced: {total} ({_ways(report)})", "\n".join(lines))] if lines else []


def _ways(report: ReviewReport) -> str:
    return ", ".join(f"{number} {status}" for status, number in silenced_by_note(report))


def _finding(finding: Finding, files: FileLines, rules: Rules) -> str:
    parts = [f"### {finding.severity.mark} {plain(finding.title)}"]
    where = [code(_location(finding)) or "The change as a whole", plain(who(finding))]
    parts.append(" · ".join([*where, *_rule(finding, rules), _id(finding)]))
    lines = files.of(finding.path)
    shown = excerpt(finding, lines, around=1)
    if shown:
        language = language_of(finding.path)
        digits = len(str(shown[-1].number))
        body = [
            f"{line.number:>{digits}}{'>' if line.inside else ' '} {line.piece.text}"[
                :_LONGEST_LINE
            ]
            if line.number
            else f"{'':>{digits}}  … {counted(line.left_out, 'line')} left out"
            for line in shown
        ]
        parts.append(fenced(map(str.rstrip, body), _FENCES.get(language, language)))
    for label, text in remarks(finding):
        parts.append(f"**{label.capitalize()}:** {plain(text)}")
    if finding.replacement is not None:
        parts.append(_replacement(finding, lines))
    return "\n\n".join(parts)


def _replacement(finding: Finding, lines: Sequence[str]) -> str:
    span = line_range(finding, len(lines))
    old = lines[span[0] - 1 : span[1]] if span else []
    new = (finding.replacement or "").removesuffix("\n").split("\n")
    shown = [f"- {visible(_cut(line))}" for line in old]
    shown += [f"+ {visible(_cut(line))}" for line in new] if finding.replacement else []
    return fenced(shown[:40], "diff")


def _cut(line: str) -> str:
    return line.removesuffix("\r")[:_LONGEST_LINE]


def _short(finding: Finding, rules: Rules) -> str:
    where = code(_location(finding)) or "The change as a whole"
    return f"- {where} " + " · ".join([plain(finding.title), *_rule(finding, rules)])


def _rule(finding: Finding, rules: Rules) -> list[str]:
    if not finding.rule:
        return []
    return [link(finding.rule, rule_link(finding, rules))]


def _id(finding: Finding) -> str:
    return f"id {code(short_id(finding))}"


def _location(finding: Finding) -> str:
    path = shown_path(finding.path)
    known = finding.line is not None and finding.placement is not Placement.UNANCHORED
    return f"{path}:{finding.line}" if path and known else path


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def _foot(report: ReviewReport) -> str:
    lines = []
    if report.outcome != "nothing_to_review":
        lines += ["| reviewer | status | findings | time |", "|---|---|--:|--:|"]
        lines += [
            f"| {plain(a.name)} | {a.status} | {found_words(report, a)} | {duration(a.seconds)} |"
            for a in report.agents
        ]
        lines.append("")
    for label, status in (
        ("Analysers", AnalyserStatus.DONE),
        ("Not installed", AnalyserStatus.MISSING),
        ("Not checked", AnalyserStatus.NOT_CHECKED),
    ):
        names = [code(f"{a.name} {a.version}") for a in of_status(report, status)]
        lines += [f"- {label}: {', '.join(names)}"] if names else []
    if report.readership and not report.readership.plain:
        lines.append(f"- Models read: {plain(read_words(report.readership))}")
        lines += [f"  - {plain(line)}" for line in missed_words(report.readership)]
    if report.skipped:
        groups = skipped_by_reason(report)
        reasons = ", ".join(counted_reason(len(files), plain(reason)) for reason, files in groups)
        lines.append(f"- Skipped: {counted(len(report.skipped), 'file')} ({reasons})")
    if report.silenced:
        lines.append(f"- Silenced: {_ways(report)}")
    if report.below:
        lines.append(f"- Not listed: {unlisted_words(report)}, below --min-severity")
    lines += [f"- {plain(note)}" for note in report.notes]
    if report.findings:
        lines.append(f"- {WITH_AN_ID}")
    return _folded("How this was reviewed", "\n".join(lines)) if lines else ""
