"""The approval question on one page: the most important above the question, the rest one key away.

Every block has a minimum of rows; further room of the terminal goes to the findings first. A block
that is cut says how much is left out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from reviewloop.domain.finding import Finding, Severity, Status, by_severity
from reviewloop.render.counts import count_records, is_request
from reviewloop.render.proposal import Proposal
from reviewloop.render.terminal.approval import (
    findings_words,
    mark_of,
    not_analysed_lines,
    protected_line,
    render_book,
    render_costs,
    render_files,
    render_head,
    render_proposal,
)
from reviewloop.render.terminal.findings import ReadLines, render_finding, render_list
from reviewloop.render.text import all_tokens, counted, duration, money, share, tokens
from reviewloop.render.untrusted import one_line, safe

_BELOW = 3  # rows for the question, the answer, and messages
_LEAST_ROOM = 16
_FINDINGS = 4  # minimum rows of the findings
_LABEL = 11  # columns
_MOST_ROOM = 200  # of a "terminal" that reports no limit
_LOOKS = {
    "diff": "[d]iff",
    "findings": "[f]indings",
    "costs": "[c]osts",
    "text": "[t]ext of the commit",
    "whole": "[w]hole screen",
}
Rows = list[Text]
Draw = Callable[[Console], None]


@dataclass
class _Block:
    """Rows of the page, most important first."""

    rows: Rows
    least: int
    tight: int = 0  # the minimum in a terminal that is too low
    look: str = ""  # the key that shows all of it

    def cut(self, room: int) -> Rows:
        """Return at most `room` rows; the last one says what is missing."""
        if len(self.rows) <= room:
            return self.rows
        if room <= 0:
            return []
        key = f": {_LOOKS[self.look]}" if self.look else ""
        if room == 1:
            more = counted(len(self.rows) - 1, "more row")
            return [self.rows[0] + Text(f"  … {more}{key}", style="dim")]
        missing = len(self.rows) - room + 1
        shown = self.rows[: room - 1]
        return [*shown, Text(f"    … {counted(missing, 'more row')}{key}", style="dim")]


def render_page(proposal: Proposal, read_line: ReadLines, console: Console) -> None:
    """Print the question on one page of the terminal; everything where that fits."""
    room = min(_MOST_ROOM, max(_LEAST_ROOM, console.height - _BELOW))
    looks = _looks(proposal)
    whole = _rows(console, lambda out: render_proposal(proposal, read_line, out))
    if len(whole) + len(_wrapped(looks, console)) <= room:
        _print([*whole, *_wrapped(looks, console)], console)
        return
    _print(_page(proposal, read_line, console, room), console)


def views(proposal: Proposal, read_line: ReadLines) -> Mapping[str, Draw]:
    """Return what each key besides the diff shows, by the word that starts with the key."""
    return {
        "findings": lambda out: render_book(proposal, read_line, out),
        "costs": lambda out: render_costs(proposal, out),
        "text": lambda out: _message(proposal, out),
        "whole": lambda out: render_proposal(proposal, read_line, out),
    }


def _page(proposal: Proposal, read_line: ReadLines, console: Console, room: int) -> Rows:
    before, after = _before(proposal, console), _after(proposal, console)
    if _least_of(*before, *after) > room - _FINDINGS:
        for block in before:
            block.least = min(block.least, block.tight)
    fixed = _least_of(*before, *after)
    findings = _findings(proposal, read_line, console, max(_FINDINGS, room - fixed))
    left = room - fixed - len(findings)
    blocks = [*before, _Block(findings, len(findings)), *after]
    given = [min(block.least, len(block.rows)) for block in blocks]
    for index, block in enumerate(blocks):
        more = min(max(0, left), len(block.rows) - given[index])
        given[index] += more
        left -= more
    return [line for block, size in zip(blocks, given, strict=True) for line in block.cut(size)]


def _least_of(*blocks: _Block) -> int:
    return sum(min(block.least, len(block.rows)) for block in blocks)


def _before(proposal: Proposal, console: Console) -> list[_Block]:
    """Return the blocks above the findings."""
    head = _rows(console, lambda out: render_head(proposal, out))
    files = _rows(console, lambda out: render_files(proposal, out))
    gates = _gates(proposal, console)
    protected = [
        line
        for file in proposal.get("protected", ())
        for line in _labelled("protected", protected_line(file), console, "red")
    ]
    unread = [
        line
        for sentence in not_analysed_lines(proposal)
        for line in _labelled("unread", sentence, console, "yellow")
    ]
    needed = [
        line
        for why in proposal.get("governance", ())
        for line in _labelled("needs you", one_line(why), console, "yellow")
    ]
    return [
        _Block(head, 5, 3, "whole"),
        _Block(files, 1, 1, "diff"),
        _Block(_wrapped(_checks(proposal), console), 3, 2, "whole"),
        _Block(gates, 5, 3, "whole"),
        _Block(protected, len(protected), len(protected)),  # never cut
        _Block(unread, 3, 2, "whole"),
        _Block(needed, 2, 1, "whole"),
    ]


def _after(proposal: Proposal, console: Console) -> list[_Block]:
    """Return the blocks below the findings: closed ones, the commit, the cost, the keys."""
    records = [Finding.model_validate(r) for r in proposal.get("findings", ()) if not is_request(r)]
    over = [f for f in records if f.status in {Status.FIXED, Status.DISMISSED}]
    nits = [f for f in records if f.severity is Severity.NIT and f.status is Status.OPEN]
    rows = _rows(console, lambda out: render_list(over, out)) if over else []
    rows += _rows(console, lambda out: render_list(nits, out)) if nits else []
    rows[:0] = [Text("  Fixed, dismissed, nits", style="dim")] if rows else []
    subject = safe(proposal.get("message", "")).partition("\n")[0]
    commit = [_cut(Text(f"commit     {subject}"), console)] if subject else []
    if proposal.get("blocked"):
        commit = []
    progress = proposal.get("spec_progress")
    done = f"{progress.get('done', 0)}/{progress.get('total', 0)}" if progress else ""
    spec = [Text(f"spec       {done} tasks done after approval")] if done else []
    return [
        _Block(rows, 0, look="whole"),
        _Block(spec, 0),
        _Block(commit, 1),
        _Block([_cut(_spent(proposal), console)], 1),
        _Block(_wrapped(_looks(proposal), console), 2),
    ]


def _findings(proposal: Proposal, read_line: ReadLines, console: Console, room: int) -> Rows:
    """Return the findings' headline and the open ones, in as much detail as fits."""
    records = proposal.get("findings", ())
    words = findings_words(proposal)
    style = "bold red" if count_records(records).must_fix else "bold"
    head = _rows(console, lambda out: out.print(Text(f"Findings: {words}", style=style)))
    every = [Finding.model_validate(record) for record in records]
    left = {Status.OPEN, Status.UNRESOLVED}
    remaining = by_severity([f for f in every if f.severity.actionable and f.status in left])
    for draw in (_in_full(read_line), _with_why, _with_location, _title_only):
        rows = [line for f in remaining for line in draw(f, console)]
        if len(head) + len(rows) <= room:
            return [*head, *rows]
    return [*head, *_Block(rows, 0, look="findings").cut(room - len(head))]


def _in_full(read_line: ReadLines) -> Callable[[Finding, Console], Rows]:
    def drawn(finding: Finding, console: Console) -> Rows:
        lines = read_line(finding.path) if finding.path else None
        return _rows(console, lambda out: render_finding(finding, lines, out))

    return drawn


def _title_only(finding: Finding, console: Console) -> Rows:
    style = {Severity.MUST_FIX: "bold red", Severity.SHOULD_FIX: "yellow"}[finding.severity]
    mark = "*" if console.options.ascii_only else finding.severity.mark
    line = Text(f"  {mark} ").append(f"{finding.severity.label}: ", style=style)
    return [_cut(line.append(one_line(finding.title)), console)]


def _with_location(finding: Finding, console: Console) -> Rows:
    by = f"     {one_line(finding.where)}  by {', '.join(map(one_line, finding.agents))}"
    return [*_title_only(finding, console), _cut(Text(by, style="cyan"), console)]


def _with_why(finding: Finding, console: Console) -> Rows:
    reason = one_line(finding.note or finding.why)
    why = [_cut(Text(f"     {reason}", style="dim"), console)] if reason else []
    return [*_with_location(finding, console), *why]


def _checks(proposal: Proposal) -> Text:
    parts: list[tuple[str, str]] = []
    tests = proposal.get("tests")
    if tests:
        failed = tests.get("failed", 0)
        counts = f"{tests.get('passed', 0)}/{tests.get('passed', 0) + failed} tests passing"
        parts.append((counts, "red" if failed else "green"))
    else:
        parts.append(("tests not counted", "yellow"))
    if coverage := proposal.get("coverage"):
        covered = coverage.get("covered")
        counts = (
            "coverage not measured" if covered is None else f"{share(covered)} of new lines run"
        )
        parts.append((counts, "yellow" if covered is None else "default"))
    if rounds := proposal.get("rounds"):
        parts.append((f"{rounds.get('used', 0)} of {rounds.get('limit', 0)} fix rounds", ""))
    if readers := proposal.get("reviewers", []):
        done = sum(one.get("status") == "done" for one in readers)
        style = "" if done == len(readers) else "red"
        parts.append((f"{done} of {len(readers)} reviewers finished", style))
    if levels := proposal.get("sandbox"):
        style = "red" if "none" in levels else "yellow" if "external" in levels else ""
        parts.append((f"sandbox {', '.join(map(one_line, levels))}", style))
    line = Text("checks     ")
    for index, (counts, style) in enumerate(parts):
        line.append(", " if index else "").append(counts, style=style)
    return line


def _gates(proposal: Proposal, console: Console) -> Rows:
    """Return all guard-rails in a row or two by status, and why a red one is red."""
    gates = proposal.get("gates", ())
    if not gates:
        return []
    rows = [Text("gates      ")]
    for gate in gates:
        sign, style = mark_of(gate, console)
        line = Text(f"{sign} ", style=style).append(one_line(str(gate["name"])), style="default")
        if cell_len(rows[-1].plain) + cell_len(line.plain) + 2 > console.width:
            rows.append(Text(" " * _LABEL))
        rows[-1].append("  " if len(rows[-1]) > _LABEL else "").append_text(line)
    for gate in gates:
        if gate["status"] in {"failed", "hard_stop", "not_verifiable"}:
            why = f"{' ' * _LABEL}{one_line(gate['name'])}: {one_line(gate['summary'])}"
            rows.append(_cut(Text(why, style="red"), console))
    return rows


def _spent(proposal: Proposal) -> Text:
    usage = proposal.get("usage", {})
    parts = [duration(proposal.get("seconds", 0.0))]
    if usage:
        about = "about " if usage.get("estimated") else ""
        parts += [f"{tokens(all_tokens(usage))} tokens", about + money(usage.get("cost_usd"))]
    return Text(f"spent      {', '.join(parts)}")


def _looks(proposal: Proposal) -> Text:
    shown = [words for name, words in _LOOKS.items() if name != "text" or proposal.get("message")]
    return Text(f"more       {'  '.join(shown)}", style="dim")


def _message(proposal: Proposal, console: Console) -> None:
    for line in safe(proposal.get("message", "")).rstrip().split("\n"):
        console.print(Text(line), soft_wrap=True)


def _rows(console: Console, draw: Draw) -> Rows:
    """Return the drawn output as rows of the console."""
    with console.capture() as captured:
        draw(console)
    return [Text.from_ansi(line) for line in captured.get().rstrip("\n").split("\n")]


def _wrapped(line: Text, console: Console) -> Rows:
    head, body = line[:_LABEL], line[_LABEL:]
    rows: Rows = []
    for part in body.wrap(console, max(20, console.width - _LABEL)):
        part.rstrip()
        rows.append(Text.assemble(" " * _LABEL if rows else head, part))
    return rows


def _labelled(label: str, text: str, console: Console, style: str) -> Rows:
    return _wrapped(Text(f"{label:<11}").append(text, style=style), console)


def _cut(line: Text, console: Console) -> Text:
    line.truncate(console.width, overflow="ellipsis")
    return line


def _print(rows: Iterable[Text], console: Console) -> None:
    for line in rows:
        console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
