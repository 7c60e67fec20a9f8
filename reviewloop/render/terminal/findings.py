"""Findings on the terminal, with their code as compilers show it; imported only to show one."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from reviewloop.domain.finding import Finding, Placement, Severity, Status, by_severity
from reviewloop.render.code_view import Piece, excerpt, line_range, visible
from reviewloop.render.review_words import evidence_lines
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line, safe

STYLES = {Severity.MUST_FIX: "bold red", Severity.SHOULD_FIX: "yellow", Severity.NIT: "green"}
_FRAME = "blue"
_LONGEST_FIX = 12


def code_rows(finding: Finding, lines: Sequence[str], width: int) -> list[Text]:
    """Return the rows with the code of a finding, none when its location is not in `lines`."""
    shown = excerpt(finding, lines)
    if not shown:
        return []
    digits = gutter_digits(finding, lines)
    style = STYLES[finding.severity]
    span = line_range(finding, len(lines)) or (0, 0)
    many = span[1] > span[0]
    room = max(20, width - digits - 4 - (2 if many else 0))
    rows = [gutter("", digits)]
    for line in shown:
        row = gutter(str(line.number or "..."), digits)
        if many:
            bar = "  " if not line.inside else "/ " if line.number == span[0] else "| "
            row.append(bar, style=style)
        rows.append(row)
        if line.left_out:
            row.append(f"{counted(line.left_out, 'line')} left out", style="dim")
            continue
        piece, indent, length = window(line.piece, room)
        row.append(piece.text, style="bold" if line.inside else "dim")
        if line.inside and not many:
            rows.append(gutter("", digits))
            rows[-1].append(" " * indent + "^" * length, style=style)
        elif line.number == span[1] and many:
            rows.append(gutter("", digits))
            rows[-1].append("|" + "_" * max(1, indent + length) + "^", style=style)
    return rows


def gutter_digits(finding: Finding, lines: Sequence[str]) -> int:
    """Return the width of the line numbers of a finding's code."""
    last = max((line.number for line in excerpt(finding, lines)), default=0)
    return max(2, len(str(last)))


def quoted_rows(finding: Finding, width: int) -> list[Text]:
    """Return the quoted code of a finding without a location."""
    lines = finding.quote.strip("\n").split("\n")[:_LONGEST_FIX]
    rows = [gutter("", 2)]
    for line in lines if finding.quote.strip() else []:
        rows.append(gutter("", 2).append(_cut(visible(line[:1000]), width - 6), style="dim"))
    return rows if len(rows) > 1 else []


def fix_rows(finding: Finding, lines: Sequence[str], width: int) -> list[Text]:
    """Return the offered replacement as a diff; lines wider than `width` columns wrap."""
    if finding.replacement is None:
        return []
    digits = gutter_digits(finding, lines)
    span = line_range(finding, len(lines))
    old = list(lines[span[0] - 1 : span[1]]) if span else []
    new = finding.replacement.removesuffix("\n").split("\n") if finding.replacement else []
    rows = [gutter("", digits)]
    room = max(20, width - digits - 5)
    for sign, style, texts in (("-", "red", old), ("+", "green", new)):
        for text in texts[:_LONGEST_FIX]:
            for head, piece in _wrapped(sign, _shown(text).rstrip(), room):
                rows.append(gutter("", digits).append(f"{head} {piece}".rstrip(), style=style))
        if len(texts) > _LONGEST_FIX:
            more = counted(len(texts) - _LONGEST_FIX, "more line")
            rows.append(gutter("", digits).append(f"{sign} ... {more}", style="dim"))
    return rows


def gutter(number: str, digits: int) -> Text:
    """Return the start of a row: a line number and the frame."""
    return Text().append(f"{number:>{digits}} | ", style=_FRAME)  # later text has another style


def _shown(line: str) -> str:
    return visible(line.removesuffix("\r")[:2000])


def _wrapped(sign: str, text: str, room: int) -> list[tuple[str, str]]:
    """Return (sign, piece) of each row of a diff line; only the first row has the sign."""
    first, *more = chop_cells(text, room) or [""]
    return [(sign, first), *((" ", piece) for piece in more)]


def window(piece: Piece, room: int) -> tuple[Piece, int, int]:
    """Cut a line to `room` columns so that the marked part is visible; with its indent
    and length.
    """
    before, marked = piece.before, piece.marked
    if not marked:
        return Piece(_cut(before + piece.after, room), "", ""), 0, 1
    if cell_len(before) + min(cell_len(marked), 10) > room:
        keep = max(8, room // 3)
        before = "…" + _tail(before, keep)
    indent = cell_len(before)
    rest = _cut(marked + piece.after, room - indent)
    seen = cell_len(rest) - (rest != marked + piece.after)  # no mark below the ellipsis
    length = max(1, min(cell_len(marked), seen))
    return Piece(before, rest, ""), indent, length


def _cut(text: str, room: int) -> str:
    """Cut text to `room` terminal columns, with an ellipsis where something is missing."""
    room = max(2, room)
    head = text[: room + 1]  # every character but a combining one takes a column or two
    if len(head) == len(text) and cell_len(text) <= room:
        return text
    return chop_cells(head, room - 1)[0] + "…"


def _tail(text: str, room: int) -> str:
    tail = text[-room:]
    while cell_len(tail) > room:
        tail = tail[1:]
    return tail


ReadLines = Callable[[str], "list[str] | None"]

_CONTEXT = 2  # lines shown before and after the code of a finding
_LONGEST = 12  # lines of the code itself; the middle of longer ranges is left out
_ID = 8  # characters of it suffice for `reviewloop dismiss`
_STYLES = {Severity.MUST_FIX: "bold red", Severity.SHOULD_FIX: "yellow", Severity.NIT: "green"}


def render_findings(findings: Iterable[Finding], read_line: ReadLines, console: Console) -> None:
    """Print findings grouped by file, most severe first, each with the lines around it.

    `read_line` returns the lines of a file of the reviewed tree, None when there is no such file.
    """
    listed = by_severity(list(findings))
    ordered = sorted(listed, key=_file_order(listed))
    for path, group in groupby(ordered, key=lambda finding: finding.path):
        members = list(group)
        title = one_line(path) or "the change as a whole"
        console.print(
            Text.assemble((title, "bold"), (f"  {counted(len(members), 'finding')}", "dim"))
        )
        lines = read_line(path) if path else None
        for finding in members:
            console.print()
            render_finding(finding, lines, console)
        console.print()


def render_finding(finding: Finding, lines: Sequence[str] | None, console: Console) -> None:
    """Print one finding; `lines` are the lines of its file, without line ends."""
    _headline(finding, console)
    shown = _snippet(finding, lines or (), console.width)
    gutter = max((cell_len(row.plain.partition("|")[0]) for row in shown), default=4)
    for row in shown:
        console.print(row, no_wrap=True, overflow="crop", crop=True)
    for label, body, style in _remarks(finding):
        head = Text(" " * gutter + f"= {label}: ", style="dim")
        hanging(head, Text(safe(body).strip(), style=style), console)
    for row in _replacement(finding, gutter):
        console.print(row, no_wrap=True, overflow="ignore", crop=False)  # it is meant to be copied


def render_list(findings: Iterable[Finding], console: Console) -> None:
    """Print findings that the loop does not fix, one line each."""
    for finding in by_severity(list(findings)):
        head = Text.assemble(
            "  ", _mark(finding, console), " ", (one_line(finding.where), "cyan"), " "
        )
        body = Text(one_line(finding.title))
        if finding.note:
            body.append(f" ({one_line(finding.note)})", style="dim")
        hanging(head, body, console)


def tally(findings: Iterable[Finding]) -> str:
    """Return `2 must fix, 1 should fix`, or `none`."""
    listed = list(findings)
    counts = {s: sum(f.severity is s for f in listed) for s in Severity}
    return ", ".join(f"{n} {s.label}" for s, n in counts.items() if n) or "none"


def _file_order(findings: Iterable[Finding]) -> Callable[[Finding], tuple[int, str]]:
    """Return a sort key of files: the most severe finding, then the name."""
    worst: dict[str, int] = {}
    for finding in findings:
        rank = finding.severity.rank
        worst[finding.path] = min(rank, worst.get(finding.path, rank))
    return lambda finding: (worst[finding.path], finding.path)


def _mark(finding: Finding, console: Console) -> str:
    return "*" if console.options.ascii_only else finding.severity.mark


def _headline(finding: Finding, console: Console) -> None:
    line = Text()
    line.append(finding.severity.label, style=_STYLES[finding.severity])
    if finding.rule:
        line.append(f" [{one_line(finding.rule)}]", style="dim")
    line.append(f": {one_line(finding.title)}", style="bold")
    hanging(Text(f"  {_mark(finding, console)} "), line, console)
    by = Text(f"by {', '.join(map(one_line, finding.agents))}", style="dim")
    if finding.confidence and finding.confidence != "medium":
        by.append(f", {one_line(finding.confidence)} confidence")
    by.append(f", id {one_line(finding.id)[:_ID]}")
    hanging(Text(f"     {one_line(finding.where)}  ", style="cyan"), by, console)


def _snippet(finding: Finding, lines: Sequence[str], width: int) -> list[Text]:
    """Return the code of a finding with its neighbours, marked and cut to the width."""
    first = finding.line
    if first is None or not 1 <= first <= len(lines):
        return _quoted(finding) if finding.quote else []
    last = min(max(finding.end_line or first, first), len(lines))
    top, bottom = max(1, first - _CONTEXT), min(len(lines), last + _CONTEXT)
    digits = len(str(bottom))
    room = max(20, width - digits - 8 - (2 if last > first else 0))
    rows: list[Text] = [_gutter("", digits)]
    half = _LONGEST // 2 if last - first >= _LONGEST else last
    skipped = range(first + half, last - half + 1)
    for number in range(top, bottom + 1):
        if number in skipped:
            if number == skipped[0]:
                rows.append(_gutter("", digits).append("> " if last > first else "  "))
                rows[-1].append(f"... {counted(len(skipped), 'more line')}", style="dim")
            continue
        inside = first <= number <= last
        code, underline = _shown_code(finding, number, lines[number - 1], room)
        row = _gutter(str(number), digits)
        if last > first:
            row.append("> " if inside else "  ", style=_STYLES[finding.severity])
        row.append(code, style="" if inside else "dim")
        rows.append(row)
        if inside and last == first:
            indent, length = underline
            below = _gutter("", digits).append(" " * indent)
            rows.append(below.append("^" * length, style=_STYLES[finding.severity]))
    return rows


def _shown_code(finding: Finding, number: int, line: str, room: int) -> tuple[str, tuple[int, int]]:
    """Return a line with its quoted part visible, and the start and length of that."""
    line = line.rstrip("\r\n")
    quote = finding.quote.strip()
    start = line.find(quote) if number == finding.line and quote and "\n" not in quote else -1
    if start < 0:
        quote = line.strip()
        start = line.find(quote)
    end = start + len(quote)
    before, quoted, after = safe(line[:start]), safe(line[start:end]), safe(line[end:])
    piece, indent, length = window(Piece(before, quoted, after), room)
    return piece.text, (indent, length)


def _quoted(finding: Finding) -> list[Text]:
    """Return the quoted code of a finding without a location."""
    rows = [_gutter("", 2)]
    for line in safe(finding.quote).splitlines()[:_LONGEST]:
        rows.append(_gutter("", 2).append(line, style="dim"))
    return rows


def _gutter(number: str, digits: int) -> Text:
    return Text(f"    {number:>{digits}} ", style="").append("| ", style="blue")


def _remarks(finding: Finding) -> list[tuple[str, str, str]]:
    """Return the (label, text, style) lines below a finding's code."""
    remarks = [("why", finding.why, "")]
    remarks += [("evidence", line, "") for line in evidence_lines(finding)]
    remarks.append(("fix", finding.suggestion, "green"))
    if finding.placement is Placement.UNANCHORED:
        remarks.append(("note", "the quoted code was not found; nobody acts on this by itself", ""))
    elif finding.placement is Placement.CONTEXT:
        remarks.append(("note", "this code is not part of the change", ""))
    if finding.status is not Status.OPEN or finding.note:
        tried = f" after {counted(finding.attempts, 'attempt')}" if finding.attempts else ""
        note = f": {finding.note}" if finding.note else ""
        remarks.append(("state", f"{finding.status}{tried}{note}", ""))
    return [remark for remark in remarks if remark[1].strip()]


def _replacement(finding: Finding, gutter: int) -> list[Text]:
    if finding.replacement is None:
        return []
    lines = safe(finding.replacement).splitlines()
    rows = [
        Text(" " * gutter + "| ", style="blue").append(f"+ {line}", style="green")
        for line in lines[: 2 * _LONGEST]
    ]
    if len(lines) > len(rows):
        more = counted(len(lines) - len(rows), "more line")
        rows.append(Text(" " * gutter + f"| ... {more}", style="dim"))
    return rows


def hanging(head: Text, body: Text, console: Console) -> None:
    """Print a body beside its head, wrapped with an indent; below the head when that is
    too long.
    """
    indent = cell_len(head.plain)
    if indent > console.width // 2:
        console.print(head, no_wrap=True, overflow="ignore", crop=False)
        indent = len(head.plain) - len(head.plain.lstrip()) + 2
        head = Text(" " * indent)
    wrapped = body.wrap(console, max(20, console.width - indent)) or [Text()]
    for line in wrapped:
        line.rstrip()
        console.print(Text.assemble(head, line), no_wrap=True, overflow="ignore", crop=False)
        head = Text(" " * indent)
