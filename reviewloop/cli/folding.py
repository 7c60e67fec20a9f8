"""Lines of text folded between words for a terminal; a path or an id that is too long, at `/`."""

import re
from collections.abc import Iterator

from rich.cells import cell_len, chop_cells

_NARROWEST = 20
_JOINTS = re.compile(r"(?<=[/\\,;:=&?])")


def folded(text: str, width: int, indent: int = 0) -> list[str]:
    """Return the rows of a text, at most `width` columns each, the later ones indented.

    Only spaces are lost, those at which a row breaks. Line ends in the text stay breaks.
    """
    width = max(width, indent + _NARROWEST)
    rows: list[str] = []
    for line in text.split("\n"):
        rows += _rows(line, width, indent)
    return rows


def _rows(line: str, width: int, indent: int) -> list[str]:
    if cell_len(line) <= width:
        return [line]
    lead = line[: len(line) - len(line.lstrip())]
    rows, row, used = [], lead, cell_len(lead)
    for gap, word in re.findall(r"( *)([^ ]+)", line[len(lead) :]):
        for number, piece in enumerate(_pieces(word, width - indent)):
            gap_here = gap if number == 0 and row.strip() else ""
            size = cell_len(piece)
            if row.strip() and used + len(gap_here) + size > width:
                rows.append(row)
                row, used, gap_here = " " * indent, indent, ""
            row += gap_here + piece
            used += len(gap_here) + size
    return [*rows, row]


def _pieces(word: str, room: int) -> Iterator[str]:
    """Yield a word whole where a row holds it, else in parts that end at a joint."""
    if cell_len(word) <= room:
        yield word
        return
    for part in _JOINTS.split(word):
        yield from chop_cells(part, room) if cell_len(part) > room else [part]
