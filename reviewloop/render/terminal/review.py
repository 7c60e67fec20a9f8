"""A review on the terminal: findings by file with their code, then a summary."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus
from reviewloop.domain.finding import Finding, Placement, Severity
from reviewloop.render.code_view import FileLines, shown_path
from reviewloop.render.report import (
    Readership,
    ReviewerReport,
    ReviewReport,
    Source,
    with_reasons,
)
from reviewloop.render.review_words import (
    PLACEMENT_NOTES,
    added_lines,
    anchored,
    by_file,
    counted_reason,
    counts_of,
    found_words,
    grouped_failures,
    in_order,
    missed_words,
    of_status,
    outcome_sentence,
    read_words,
    remarks,
    severity_label,
    share_words,
    silenced_by_note,
    silencing_reason,
    skipped_by_reason,
    tally,
    unlisted_words,
    who,
    with_placement,
)
from reviewloop.render.terminal.findings import (
    STYLES,
    code_rows,
    fix_rows,
    gutter_digits,
    hanging,
    quoted_rows,
)
from reviewloop.render.text import (
    all_tokens,
    cache_words,
    counted,
    duration,
    money,
    tokens,
    tokens_in,
)
from reviewloop.render.untrusted import one_line, safe

_NARROW = 76
_BELOW = "see below, failed"  # findings push the first lines far away
_ABOVE = "see above"  # a reason in the first lines of the review
_OUTCOMES = {
    "clean": "bold green",
    "findings": "bold",
    "incomplete": "bold red",
    "nothing_to_review": "bold",
}


def print_summary(console: Console, report: ReviewReport, *, verbose: bool = False) -> None:
    """Print what the review did and its result; with `verbose`, every name and number."""
    console.print()
    if report.agents and report.outcome != "nothing_to_review":
        line = "-" if console.options.ascii_only else "─"
        console.print(Text(line * min(console.width, 100), style="dim"), no_wrap=True, crop=True)
        console.print(_reviewers(console, report))
        console.print()
    _readership(console, report, verbose=verbose)
    _analysers(console, report, verbose=verbose)
    _skipped(console, report, verbose=verbose)
    _silenced(console, report, verbose=verbose)
    if report.model != "none" and cache_words(report.usage):
        _labelled(console, "tokens", f"{tokens_in(report.usage)}, {_out(report)} out")
    for note in report.notes:
        _labelled(console, "note", one_line(note))
    console.print()
    if report.outcome != "nothing_to_review":
        _counts(console, report)
    sentence = Text(outcome_sentence(report), style=_OUTCOMES[report.outcome])
    hanging(Text(), sentence, console)
    _hints(console, report, verbose=verbose)


def _out(report: ReviewReport) -> str:
    return tokens(report.usage.get("output", 0))


def _reviewers(console: Console, report: ReviewReport) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    paid = report.model != "none" and any(agent.tokens for agent in report.agents)
    table.add_column("reviewer", no_wrap=True, overflow="ellipsis")
    table.add_column("status", no_wrap=console.width >= _NARROW)
    table.add_column("findings", justify="right")
    timed = any(agent.seconds for agent in report.agents)  # analysers take no time of their own
    if timed:
        table.add_column("time", justify="right", no_wrap=True)
    if paid:
        table.add_column("tokens", justify="right", no_wrap=True)
        table.add_column("cost", justify="right", no_wrap=True)
    for agent in report.agents:
        cells = [
            Text(one_line(agent.name)),
            _status(agent),
            Text(found_words(report, agent) if agent.status == "done" else ""),
        ]
        if timed:
            cells.append(Text(duration(agent.seconds) if agent.status != "skipped" else ""))
        if paid:
            used = all_tokens(agent.tokens)
            # A reviewer that failed before a call has no price, not an unknown one.
            cost = money(agent.cost_usd) if used or agent.status == "done" else ""
            cells += [Text(tokens(used)), Text(cost)]
        table.add_row(*cells)
    return table


def _status(agent: ReviewerReport) -> Text:
    style = {"done": "green", "failed": "bold red", "skipped": "yellow"}[agent.status]
    reason = f": {one_line(agent.reason)}" if agent.reason and agent.status != "failed" else ""
    return Text(agent.status + reason, style=style)


def _readership(console: Console, report: ReviewReport, *, verbose: bool) -> None:
    """Print what models read, unless it was everything at once."""
    read = report.readership
    if read is None or read.plain:
        return
    failed = {agent.reason for agent in report.agents if agent.status == "failed"}
    elsewhere = _BELOW if report.findings else _ABOVE
    named = with_reasons(read, lambda reason: elsewhere if reason in failed else reason)
    _labelled(console, "models", read_words(named))
    for line in () if _is_unread(named) else missed_words(named):
        _labelled(console, "", line)
    for file in sorted(read.files, key=lambda file: (file.read, file.path)) if verbose else ():
        name = Text(shown_path(file.path)).append(f"  {share_words(file)}", style="dim")
        hanging(Text(" " * 13), name, console)


def _is_unread(read: Readership) -> bool:
    """Return whether the only part was not read, and all files are listed as not read."""
    return len(read.parts) == 1 and not read.parts[0].by and len(read.unread) == len(read.files)


def _analysers(console: Console, report: ReviewReport, *, verbose: bool) -> None:
    ran = of_status(report, AnalyserStatus.DONE)
    if ran and verbose:
        each = (f"{_named(a)} ({counted(a.files, 'file')}, {duration(a.seconds)})" for a in ran)
        _labelled(console, "analysers", ", ".join(each))
    elif ran:
        tools = ", ".join(_named(a) for a in ran if a.version)
        ours = sum(not a.version for a in ran)
        named = ", ".join(filter(None, (tools, counted(ours, "check") + " of our own")))
        _labelled(console, "analysers", named)
    unknown = of_status(report, AnalyserStatus.NOT_CHECKED)
    for analyser in unknown:
        _labelled(console, "not checked", f"{_named(analyser)}: {one_line(analyser.reason)}")
    missing = of_status(report, AnalyserStatus.MISSING)
    if missing:
        names = ", ".join(one_line(a.name) for a in missing)
        counts = counted(len(missing), "optional tool")
        texts = names if verbose else counts
        _labelled(console, "missing", f"{texts} (`reviewloop doctor` tells how to get them)")
    for names, reason in grouped_failures(report):
        _labelled(console, "failed", f"{names}: {reason if report.findings else _ABOVE}", "red")


def _named(analyser: AnalyserReport) -> str:
    return f"{one_line(analyser.name)} {one_line(analyser.version)}".strip()


def _skipped(console: Console, report: ReviewReport, *, verbose: bool) -> None:
    groups = skipped_by_reason(report)
    if not groups:
        return
    parts = [counted_reason(len(files), one_line(reason)) for reason, files in groups]
    total = counted(len(report.skipped), "file")
    hint = "" if verbose else "; -v names them"
    _labelled(console, "skipped", f"{total}: {', '.join(parts)}{hint}")
    if verbose:
        for reason, files in groups:
            for file in files:
                name = Text(shown_path(file.path)).append(f"  {one_line(reason)}", style="dim")
                hanging(Text(" " * 13), name, console)


def _silenced(console: Console, report: ReviewReport, *, verbose: bool) -> None:
    if report.silenced:
        ways = ", ".join(f"{number} {status}" for status, number in silenced_by_note(report))
        total = counted(len(report.silenced), "finding")
        hint = "" if verbose else "; -v lists them with the reasons"
        _labelled(console, "silenced", f"{total}: {ways}{hint}")
    if report.below:
        _labelled(console, "not listed", f"{unlisted_words(report)}, below --min-severity")


def _counts(console: Console, report: ReviewReport) -> None:
    plain = console.options.ascii_only
    line = Text()
    for severity, number in counts_of(report).items():
        label = severity_label(severity, number)
        mark = "" if plain else f"{severity.mark} "
        line.append(f"{mark}{number} {label}", style=STYLES[severity] if number else "dim")
        line.append("   ")
    files, lines = len(report.reviewed), added_lines(report)
    read = f"in {counted(files, 'file')}, {counted(lines, 'changed line')}"
    rest = Text(f"{read}, {duration(report.seconds)}", style="dim")
    if line.cell_len + rest.cell_len > console.width:
        line.rstrip()
        line.append("\n")
    hanging(Text(), line + rest, console)


def _hints(console: Console, report: ReviewReport, *, verbose: bool) -> None:
    hints = _first_with_rule(report)
    if hints is not None:
        hint = f"`reviewloop explain {one_line(hints.rule)}` tells why and how to fix or silence it"
        hanging(Text(), Text(hint, style="dim"), console)
    if not verbose and report.findings:
        hanging(Text(), Text("`--verbose` shows nits with their code", style="dim"), console)


def _first_with_rule(report: ReviewReport) -> Finding | None:
    return next((finding for finding in report.findings if finding.rule), None)


def _labelled(console: Console, label: str, text: str, style: str = "") -> None:
    head = Text(f"{label:<11}", style=style or "dim")
    indent = cell_len(head.plain)
    head.append("  " if indent < 13 else "")
    hanging(head, Text(text, style=style), console)


_NITS_SHOWN = 10
_WIDEST = 100
_LABELS = {"why": "", "evidence": "dim", "fix": "green", "note": "dim"}


def print_review(
    console: Console, report: ReviewReport, source: Source, *, verbose: bool = False
) -> None:
    """Print a whole review; `verbose` shows every nit with its code and names skipped files."""
    head = Text.assemble(("Reviewed ", ""), (one_line(report.what), "bold"))
    if report.outcome != "nothing_to_review":
        hanging(Text(), head, console)
        print_failures(console, report)
    shown = _Screen(console, source)
    listed = anchored(report.findings)
    shown.by_file(f for f in listed if verbose or f.severity is not Severity.NIT)
    shown.apart(
        "About code outside of the change", with_placement(report.findings, Placement.CONTEXT)
    )
    shown.apart("Without a place", with_placement(report.findings, Placement.UNANCHORED))
    if not verbose:
        _print_nits(console, [f for f in listed if f.severity is Severity.NIT])
    if verbose:
        shown.silenced(report.silenced)
    print_summary(console, report, verbose=verbose)


def print_failures(console: Console, report: ReviewReport) -> None:
    """Print in red which reviewers and analysers failed, as their missing findings mean nothing."""
    for names, reason in grouped_failures(report):
        head = Text(f"{'x' if console.options.ascii_only else '✗'} {names}: ", "bold red")
        hanging(head, Text(reason, style="red"), console)


class _Screen:
    """Prints findings, reading each file once."""

    def __init__(self, console: Console, source: Source) -> None:
        self._console = console
        self._lines = FileLines(source)

    def by_file(self, findings: Iterable[Finding]) -> None:
        """Print findings below the names of their files."""
        for path, group in by_file(findings):
            self._title(shown_path(path) or "The change as a whole", tally(group))
            lines = self._lines.of(path)
            for finding in group:
                print_finding(self._console, finding, lines)

    def apart(self, title: str, findings: Sequence[Finding]) -> None:
        """Print findings that are not about the change's own lines, with a note."""
        if not findings:
            return
        self._title(title, tally(findings))
        note = PLACEMENT_NOTES[findings[0].placement]
        hanging(Text(), Text(note, style="dim"), self._console)
        for path, group in by_file(findings):
            lines = self._lines.of(path)
            for finding in group:
                if finding.severity is Severity.NIT:
                    print_short(self._console, finding)
                else:
                    print_finding(self._console, finding, lines)

    def silenced(self, findings: Sequence[Finding]) -> None:
        """Print silenced findings: location, rule and title, and the reason below."""
        if not findings:
            return
        self._title("Silenced", tally(findings))
        for finding in in_order(findings):
            print_short(self._console, finding)
            reason = Text(silencing_reason(finding), style="dim")
            hanging(Text("   = ", style="dim"), reason, self._console)

    def _title(self, title: str, counts: str) -> None:
        self._console.print()
        width = min(self._console.width, _WIDEST)
        if cell_len(title) + cell_len(counts) + 2 > width:
            self._console.print(Text(title, "bold"), no_wrap=True, overflow="ignore", crop=False)
            hanging(Text("  "), Text(counts, style="dim"), self._console)
            return
        line = "-" if self._console.options.ascii_only else "─"
        room = width - cell_len(title) - cell_len(counts) - 4
        text = Text.assemble((title, "bold"), "  ", (counts, "dim"))
        if room > 0:
            text.append("  " + line * room, style="dim")
        self._console.print(text, no_wrap=True, overflow="ignore", crop=False)


def print_finding(console: Console, finding: Finding, lines: Sequence[str]) -> None:
    """Print one finding with its code; `lines` are those of its file, without line ends."""
    console.print()
    head = Text(f"{_mark(console, finding)} ")
    head.append(f"{finding.severity.label}: ", style=STYLES[finding.severity])
    title = Text(one_line(finding.title), style="bold")
    if finding.rule:
        title.append(f"  {one_line(finding.rule)}", style="not bold cyan")
    hanging(head, title, console)
    digits = gutter_digits(finding, lines)
    by = Text(f"  {who(finding)}", style="dim")
    if finding.confidence == "low":
        by.append(", low confidence")
    by.append(f", id {one_line(finding.id)[:8]}")
    arrow = Text(" " * digits + "--> ", style="blue").append(location_of(finding), style="default")
    if beside := cell_len(arrow.plain) + cell_len(by.plain) <= console.width:
        arrow.append_text(by)
    _whole(console, [arrow])
    _whole(console, code_rows(finding, lines, console.width) or quoted_rows(finding, console.width))
    if not beside:
        by = Text(by.plain.strip(), style="dim")
        hanging(Text(" " * digits + " = by: ", style="dim"), by, console)
    for label, text in remarks(finding):
        body = Text(safe(text), style=_LABELS[label])
        hanging(Text(" " * digits + f" = {label}: ", style="dim"), body, console)
    _whole(console, fix_rows(finding, lines, console.width))


def print_short(console: Console, finding: Finding) -> None:
    """Print one finding on one line, wrapped with an indent where it is too long."""
    head = Text(f"{_mark(console, finding)} {location_of(finding)}  ")
    body = Text(one_line(finding.title))
    if finding.rule:
        body.append(f"  {one_line(finding.rule)}", style="cyan")
    hanging(head, body, console)


def location_of(finding: Finding) -> str:
    """Return `path:line:column` as far as it is known, as editors and terminals link it."""
    if not finding.path:
        return "(the change as a whole)"
    parts = [shown_path(finding.path)]
    if finding.line is not None and finding.placement is not Placement.UNANCHORED:
        parts.append(str(finding.line))
        if finding.column:
            parts.append(str(finding.column))
    return ":".join(parts)


def _print_nits(console: Console, nits: Sequence[Finding]) -> None:
    if not nits:
        return
    console.print()
    console.print(Text.assemble(("Nits", "bold"), ("  optional, shown for information", "dim")))
    for finding in nits[:_NITS_SHOWN]:
        print_short(console, finding)
    if len(nits) > _NITS_SHOWN:
        more = counted(len(nits) - _NITS_SHOWN, "more nit")
        hanging(Text("  "), Text(f"… and {more}; -v shows them all", style="dim"), console)


def _mark(console: Console, finding: Finding) -> str:
    return "*" if console.options.ascii_only else finding.severity.mark


def _whole(console: Console, rows: Iterable[Text]) -> None:
    for row in rows:
        row.rstrip()
        console.print(row, no_wrap=True, overflow="ignore", crop=False)
