"""The files of the page: each with its diff, and the findings in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from reviewloop.findings import Finding, Placement, by_severity
from reviewloop.output.code_view import FileLines, Piece, marked, visible
from reviewloop.output.figures import counted
from reviewloop.output.html.cards import card
from reviewloop.output.html.diff_rows import Budget, Part, Row, last_line, parts_of
from reviewloop.output.html.markup import (
    attributes,
    code_piece,
    code_words,
    joined,
    path_words,
    shortened,
)
from reviewloop.output.review_report import ReviewedFile, ReviewReport, Source
from reviewloop.output.review_words import Rules, severity_counts
from reviewloop.workspace.patches import Hunk

_STATUS = {"A": "added", "M": "changed", "D": "deleted", "R": "renamed", "T": "type changed"}
_SIGNS = {"+": "add", "-": "del", "\\": "remark"}


@dataclass
class Files:
    """Draws the files of one report; what is folded gathers in `folded`."""

    report: ReviewReport
    source: Source
    rules: Rules
    anchors: dict[int, str]  # position of a finding in the report -> its anchor
    budget: Budget = field(default_factory=Budget)
    folded: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lines = FileLines(self.source)
        self._below: dict[int, int] = {}
        self._anchor_of = {id(f): self.anchors[n] for n, f in enumerate(self.report.findings)}

    def draw(self) -> Iterator[str]:
        """Yield the sections: the worst file first, at last the files without findings."""
        groups: dict[str, list[Finding]] = {}
        for finding in by_severity(list(self.report.findings)):
            groups.setdefault(finding.path, []).append(finding)
        known = {file.path: file for file in self.report.reviewed}
        for path, group in sorted(groups.items(), key=lambda g: (g[1][0].severity.rank, g[0])):
            yield self._section(path, known.get(path), group)
        for path in sorted(set(known) - set(groups)):
            yield self._section(path, known[path], [])

    def _section(self, path: str, file: ReviewedFile | None, findings: list[Finding]) -> str:
        hunks = self.source.hunks(path) if file is not None else ()
        inside, outside = _split(findings, {n for hunk in hunks for n in _numbers(hunk)})
        parts = parts_of(hunks, inside, self.budget, whole=bool(findings))
        self._below = {id(finding): _below(finding, hunks) for finding in inside}
        opened = {"open": ""} if findings else {}
        opening = attributes(class_="file", data_path=path_words(path), **opened)
        cards = [self._card(f, path, code=True) for f in outside]
        return joined(
            (
                f"<details{opening}>",
                f"<summary>{_summary(path, file, findings)}</summary>",
                *cards,
                self._diff(path, parts, inside),
                "</details>",
            )
        )

    def _card(self, finding: Finding, path: str, *, code: bool) -> str:
        lines = self._lines.of(path) if finding.line or finding.replacement is not None else []
        return card(finding, self._anchor_of[id(finding)], self.rules, lines, code=code)

    def _diff(self, path: str, parts: Sequence[Part], findings: Sequence[Finding]) -> str:
        if not parts:
            return ""
        waiting = sorted(findings, key=lambda f: (self._below[id(f)], f.severity.rank))
        hits = _hits(findings)
        allowance = min(self.budget.folded_per_file, self.budget.folded)
        rows: list[str] = []
        for part in parts:
            if part.new_hunk and rows:
                rows.append('<tr class="hunk"><td colspan="4"></td></tr>')
            if part.shown:
                rows += self._shown(path, part, waiting, hits)
                continue
            if len(part.rows) <= allowance:
                allowance -= len(part.rows)
                self.budget.folded -= len(part.rows)
                rows.append(self._fold(part))
            else:
                rows.append(_left_out(part))
            # Cards whose lines the budget could not show still have their place in the diff.
            while waiting and self._below[id(waiting[0])] <= part.rows[-1].at:
                rows.append(self._card_row(waiting.pop(0), path, code=True))
        rows += [self._card_row(finding, path, code=True) for finding in waiting]
        body = "\n".join(rows)
        return f'<table class="diff"><tbody>\n{body}\n</tbody></table>'

    def _shown(
        self, path: str, part: Part, waiting: list[Finding], hits: dict[int, Finding]
    ) -> Iterator[str]:
        for index, row in enumerate(part.rows):
            yield _row(row, hits.get(row.new) if row.sign in "+ " else None)
            following = part.rows[index + 1].at if index + 1 < len(part.rows) else row.at + 1
            while waiting and row.new and self._below[id(waiting[0])] <= row.new < following:
                yield self._card_row(waiting.pop(0), path, code=False)

    def _card_row(self, finding: Finding, path: str, *, code: bool) -> str:
        return f'<tr class="card"><td colspan="4">{self._card(finding, path, code=code)}</td></tr>'

    def _fold(self, part: Part) -> str:
        self.folded.append(
            {
                "old": next((row.old for row in part.rows if row.old), 0),
                "new": next((row.new for row in part.rows if row.new), 0),
                "rows": [row.sign + shortened(visible(row.text)) for row in part.rows],
            }
        )
        label = f"Show {counted(len(part.rows), 'more line')}"
        button = f'<button type="button" data-fold="{len(self.folded) - 1}">{label}</button>'
        return f'<tr class="fold"><td colspan="4">{button}</td></tr>'


def _split(findings: Sequence[Finding], lines: set[int]) -> tuple[list[Finding], list[Finding]]:
    """Return the findings that stand inside the diff, and the others."""
    inside = [
        f
        for f in findings
        if f.line in lines and f.placement in {Placement.CHANGED, Placement.CONTEXT}
    ]
    taken = set(map(id, inside))
    return inside, [finding for finding in findings if id(finding) not in taken]


def _numbers(hunk: Hunk) -> range:
    return range(hunk.new_start, hunk.new_start + hunk.new_count)


def _hits(findings: Sequence[Finding]) -> dict[int, Finding]:
    """Return for every line the worst finding about it."""
    hits: dict[int, Finding] = {}
    for finding in sorted(findings, key=lambda f: f.severity.rank):
        for number in range(finding.line or 0, last_line(finding) + 1):
            hits.setdefault(number, finding)
    return hits


def _below(finding: Finding, hunks: Sequence[Hunk]) -> int:
    """Return the line of the diff below which a finding's card stands."""
    line = finding.line or 0
    ends = (_numbers(hunk).stop - 1 for hunk in hunks if line in _numbers(hunk))
    return min(last_line(finding), next(ends, line))


def _row(row: Row, finding: Finding | None) -> str:
    kind = _SIGNS.get(row.sign, "")
    if finding is not None:
        code = code_piece(marked(finding, row.new, row.text))
        kind += f" hit {finding.severity}"
    elif len(row.text) > 20_000:
        code = code_piece(Piece(shortened(visible(row.text[:20_000])), "", ""))
    else:
        code = code_words(shortened(visible(row.text.removesuffix("\r"))))
    sign = {"+": "+", "-": "−"}.get(row.sign, "")
    numbers = "".join(f'<td data-n="{n or ""}"></td>' for n in (row.old, row.new))
    opening = f' class="{kind.strip()}"' if kind else ""
    return f'<tr{opening}>{numbers}<td data-s="{sign}"></td><td>{code}</td></tr>'


def _left_out(part: Part) -> str:
    left = counted(len(part.rows), "line")
    return f'<tr class="fold"><td colspan="4">{left} left out, to keep this page small</td></tr>'


def _summary(path: str, file: ReviewedFile | None, findings: Sequence[Finding]) -> str:
    name = path_words(path) or "The change as a whole"
    parts = [f'<h2 class="name">{name}</h2>']
    if file is not None:
        if file.old_path and file.old_path != path:
            parts.append(f'<span class="was">was {path_words(file.old_path)}</span>')
        added = sum(last - first + 1 for first, last in file.added)
        removed = f' <span class="minus">−{file.removed}</span>' if file.removed else ""
        parts.append(f'<span class="status">{_STATUS.get(file.status, "")}</span>')
        parts.append(f'<span class="size"><span class="plus">+{added}</span>{removed}</span>')
    elif path:
        parts.append('<span class="status">not part of the change</span>')
    counts = severity_counts(findings)
    chips = "".join(
        f'<span class="count {severity}" title="{number} {severity.label}">{number}</span>'
        for severity, number in counts.items()
        if number
    )
    return "".join(parts) + f'<span class="counts">{chips}</span>'
