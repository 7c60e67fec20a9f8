"""A review on the terminal: findings by file with their code, then one block that sums up."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from reviewloop.findings import Finding, Placement, Severity
from reviewloop.output.code_view import FileLines, shown_path
from reviewloop.output.figures import counted
from reviewloop.output.review_report import ReviewReport, Source
from reviewloop.output.review_words import (
    PLACEMENT_NOTES,
    anchored,
    by_file,
    grouped_failures,
    in_order,
    placed,
    remarks,
    silencing_reason,
    tally,
    who,
)
from reviewloop.output.terminal import hanging
from reviewloop.output.terminal_code import (
    STYLES,
    code_rows,
    fix_rows,
    gutter_digits,
    quoted_rows,
)
from reviewloop.output.terminal_summary import print_summary
from reviewloop.output.untrusted import one_line, safe

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
    shown.apart("About code outside of the change", placed(report.findings, Placement.CONTEXT))
    shown.apart("Without a place", placed(report.findings, Placement.UNANCHORED))
    if not verbose:
        _print_nits(console, [f for f in listed if f.severity is Severity.NIT])
    if verbose:
        shown.silenced(report.silenced)
    print_summary(console, report, verbose=verbose)


def print_failures(console: Console, report: ReviewReport) -> None:
    """Print in red which reviewers and analysers failed, since their silence means nothing."""
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
        """Print findings that are not about the change's own lines, and say so."""
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
        """Print what somebody silenced: place, rule and title, and the reason below."""
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
    arrow = Text(" " * digits + "--> ", style="blue").append(place(finding), style="default")
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
    """Print one finding on one line, wrapped below itself where it is too long."""
    head = Text(f"{_mark(console, finding)} {place(finding)}  ")
    body = Text(one_line(finding.title))
    if finding.rule:
        body.append(f"  {one_line(finding.rule)}", style="cyan")
    hanging(head, body, console)


def place(finding: Finding) -> str:
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
