"""A file's diff cut into parts: what stands around findings is shown, the rest is folded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reviewloop.findings import Finding
from reviewloop.workspace.patches import Hunk

_AROUND = 4  # lines shown on both sides of a finding
_LONGEST = 24  # lines of a finding that are shown
_SMALL = 400  # rows of a file that is shown whole when it has findings


class Row(NamedTuple):
    """One line of the diff; a number of 0 means that the line is not on that side."""

    sign: str
    old: int
    new: int
    text: str
    at: int  # the line of the new file it stands at, for removed lines too


@dataclass
class Part:
    """Rows that are shown or folded together."""

    rows: list[Row] = field(default_factory=list)
    shown: bool = True
    new_hunk: bool = False


@dataclass
class Budget:
    """How much of the diff the page can still take."""

    shown: int = 12_000  # rows written into the page
    small: int = 3_000  # of these, rows away from findings
    folded: int = 20_000  # rows kept as data until somebody unfolds them
    folded_per_file: int = 5_000


def last_line(finding: Finding) -> int:
    """Return the line below which a finding's card stands."""
    first = finding.line or 0
    return min(max(finding.end_line or first, first), first + _LONGEST - 1)


def parts_of(
    hunks: Sequence[Hunk], findings: Sequence[Finding], budget: Budget, *, whole: bool
) -> list[Part]:
    """Return the parts of a file's diff in order, and take them off the budget's shown rows.

    With `whole`, a small file is shown with all its rows.
    """
    total = sum(len(hunk.lines) for hunk in hunks)
    whole = whole and total <= min(_SMALL, budget.small)
    wanted = _wanted(findings)
    parts: list[Part] = []
    for hunk in hunks:
        begins = True
        for row in _rows(hunk):
            shown = (whole or row.at in wanted) and budget.shown > 0
            if begins or parts[-1].shown != shown:
                parts.append(Part([], shown, begins))
            parts[-1].rows.append(row)
            budget.shown -= shown
            begins = False
    budget.small -= total if whole else 0
    return parts


def _wanted(findings: Sequence[Finding]) -> set[int]:
    """Return the numbers of the lines around findings."""
    wanted: set[int] = set()
    for finding in findings:
        if finding.line is not None:
            wanted.update(range(finding.line - _AROUND, last_line(finding) + _AROUND + 1))
    return wanted


def _rows(hunk: Hunk) -> Iterator[Row]:
    old, new = hunk.old_start, hunk.new_start
    for sign, text in hunk.lines:
        if sign == "+":
            yield Row("+", 0, new, text, new)
            new += 1
        elif sign == "-":
            yield Row("-", old, 0, text, new)
            old += 1
        elif sign == "\\":
            yield Row("\\", 0, 0, "no line feed at the end of the file", new - 1)
        else:
            yield Row(" ", old, new, text, new)
            old, new = old + 1, new + 1
