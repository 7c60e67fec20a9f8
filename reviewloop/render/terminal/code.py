"""Code on the terminal: numbered lines with the marked part underlined, as compilers show it."""

from collections.abc import Sequence

from rich.cells import cell_len, chop_cells
from rich.text import Text

from reviewloop.domain.finding import Finding, Severity
from reviewloop.render.code_view import Piece, excerpt, line_range, visible
from reviewloop.render.text import counted

STYLES = {Severity.MUST_FIX: "bold red", Severity.SHOULD_FIX: "yellow", Severity.NIT: "green"}
_FRAME = "blue"
_LONGEST_FIX = 12


def code_rows(finding: Finding, lines: Sequence[str], width: int) -> list[Text]:
    """Return the rows that show the code of a finding, none when its place is not in `lines`."""
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
    """Return how many columns the line numbers of a finding's code need."""
    last = max((line.number for line in excerpt(finding, lines)), default=0)
    return max(2, len(str(last)))


def quoted_rows(finding: Finding, width: int) -> list[Text]:
    """Return the quoted code of a finding whose place is unknown."""
    lines = finding.quote.strip("\n").split("\n")[:_LONGEST_FIX]
    rows = [gutter("", 2)]
    for line in lines if finding.quote.strip() else []:
        rows.append(gutter("", 2).append(_cut(visible(line[:1000]), width - 6), style="dim"))
    return rows if len(rows) > 1 else []


def fix_rows(finding: Finding, lines: Sequence[str], width: int) -> list[Text]:
    """Return the offered replacement as a diff; lines wider than `width` columns go on below."""
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
    """Return the beginning of a row: a line number and the frame."""
    return Text().append(f"{number:>{digits}} | ", style=_FRAME)  # what follows has no part in it


def _shown(line: str) -> str:
    return visible(line.removesuffix("\r")[:2000])


def _wrapped(sign: str, text: str, room: int) -> list[tuple[str, str]]:
    """Return (sign, piece) of each row of a line of a diff; only the first row has the sign."""
    first, *more = chop_cells(text, room) or [""]
    return [(sign, first), *((" ", piece) for piece in more)]


def window(piece: Piece, room: int) -> tuple[Piece, int, int]:
    """Cut a line to `room` columns so that the marked part is seen; with its indent and length."""
    before, marked = piece.before, piece.marked
    if not marked:
        return Piece(_cut(before + piece.after, room), "", ""), 0, 1
    if cell_len(before) + min(cell_len(marked), 10) > room:
        keep = max(8, room // 3)
        before = "…" + _tail(before, keep)
    indent = cell_len(before)
    rest = _cut(marked + piece.after, room - indent)
    seen = cell_len(rest) - (rest != marked + piece.after)  # no mark below what stands for the rest
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
