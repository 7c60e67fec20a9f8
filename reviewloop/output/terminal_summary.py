"""The block at the end of a review on the terminal: who looked, what was left out, how it ended."""

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus
from reviewloop.findings import Finding
from reviewloop.output.code_view import shown_path
from reviewloop.output.figures import cache_words, counted, duration, money, tokens, tokens_in
from reviewloop.output.readership_words import missed_words, read_words, share_words
from reviewloop.output.review_report import ReviewerReport, ReviewReport
from reviewloop.output.review_words import (
    added_lines,
    counted_reason,
    counts_of,
    found_words,
    grouped_failures,
    of_status,
    outcome_sentence,
    severity_label,
    silenced_by_note,
    skipped_by_reason,
    unlisted_words,
)
from reviewloop.output.terminal import hanging
from reviewloop.output.terminal_code import STYLES
from reviewloop.output.untrusted import one_line

_NARROW = 76
_OUTCOMES = {
    "clean": "bold green",
    "findings": "bold",
    "incomplete": "bold red",
    "nothing_to_review": "bold",
}


def print_summary(console: Console, report: ReviewReport, *, verbose: bool = False) -> None:
    """Print what the review did and how it ended; with `verbose`, every name and number."""
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
    return tokens(int(report.usage.get("output") or 0))


def _reviewers(console: Console, report: ReviewReport) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    paid = report.model != "none" and any(agent.tokens for agent in report.agents)
    table.add_column("reviewer", no_wrap=True, overflow="ellipsis")
    table.add_column("status", no_wrap=console.width >= _NARROW)
    table.add_column("findings", justify="right")
    timed = any(agent.seconds for agent in report.agents)  # analysers are nobody's own time
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
            cells += [Text(tokens(sum(agent.tokens.values()))), Text(money(agent.cost_usd))]
        table.add_row(*cells)
    return table


def _status(agent: ReviewerReport) -> Text:
    style = {"done": "green", "failed": "bold red", "skipped": "yellow"}[agent.status]
    reason = f": {one_line(agent.reason)}" if agent.reason and agent.status != "failed" else ""
    return Text(agent.status + reason, style=style)


def _readership(console: Console, report: ReviewReport, *, verbose: bool) -> None:
    """Print what models read, where it is not simply everything at once."""
    read = report.readership
    if read is None or read.plain:
        return
    _labelled(console, "models", read_words(read))
    for line in missed_words(read):
        _labelled(console, "", line)
    for file in sorted(read.files, key=lambda file: (file.read, file.path)) if verbose else ():
        name = Text(shown_path(file.path)).append(f"  {share_words(file)}", style="dim")
        hanging(Text(" " * 13), name, console)


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
        told = names if verbose else counts
        _labelled(console, "missing", f"{told} (`reviewloop doctor` tells how to get them)")
    for names, reason in grouped_failures(report):
        _labelled(console, "failed", f"{names}: {reason}", "red")


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
    line.append(f"{read}, {duration(report.seconds)}", style="dim")
    hanging(Text(), line, console)


def _hints(console: Console, report: ReviewReport, *, verbose: bool) -> None:
    told = _first_with_rule(report)
    if told is not None:
        hint = f"`reviewloop explain {one_line(told.rule)}` tells why and how to fix or silence it"
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
