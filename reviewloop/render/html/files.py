"""The files of the page: each with its diff, and its findings as cards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reviewloop.analysis.contract import Rule
from reviewloop.domain.finding import Finding, Placement, by_severity
from reviewloop.git.patches import Hunk
from reviewloop.render.code_view import (
    CodeLine,
    FileLines,
    Piece,
    excerpt,
    line_range,
    marked,
    visible,
)
from reviewloop.render.html.markup import (
    attributes,
    code_piece,
    code_words,
    joined,
    link,
    path_words,
    prose,
    shortened,
    words,
)
from reviewloop.render.report import ReviewedFile, ReviewReport, Source
from reviewloop.render.review_words import (
    PLACEMENT_NOTES,
    Rules,
    remarks,
    severity_counts,
    short_id,
)
from reviewloop.render.rules import rule_link, source_link
from reviewloop.render.text import counted

_AROUND = 4  # lines shown on both sides of a finding
_LONGEST = 24  # lines of a finding that are shown
_SMALL = 400  # rows of a file that is shown whole when it has findings


class Row(NamedTuple):
    """One line of the diff; a number of 0 means that the line is not on that side."""

    sign: str
    old: int
    new: int
    text: str
    at: int  # its line in the new file, for removed lines too


@dataclass
class Part:
    """Rows that are shown or folded together."""

    rows: list[Row] = field(default_factory=list)
    shown: bool = True
    new_hunk: bool = False


@dataclass
class Budget:
    """The rows of diff that the page can still hold."""

    shown: int = 12_000  # rows written into the page
    small: int = 3_000  # of these, rows away from findings
    folded: int = 20_000  # rows kept as data until they are unfolded
    folded_per_file: int = 5_000


def last_line(finding: Finding) -> int:
    """Return the line below which a finding's card is placed."""
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
    needed = _needed_lines(findings)
    parts: list[Part] = []
    for hunk in hunks:
        begins = True
        for row in _rows(hunk):
            shown = (whole or row.at in needed) and budget.shown > 0
            if begins or parts[-1].shown != shown:
                parts.append(Part([], shown, begins))
            parts[-1].rows.append(row)
            budget.shown -= shown
            begins = False
    budget.small -= total if whole else 0
    return parts


def _needed_lines(findings: Sequence[Finding]) -> set[int]:
    """Return the numbers of the lines around findings."""
    needed: set[int] = set()
    for finding in findings:
        if finding.line is not None:
            needed.update(range(finding.line - _AROUND, last_line(finding) + _AROUND + 1))
    return needed


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


_LONGEST_FIX = 60


def card(finding: Finding, anchor: str, rules: Rules, lines: Sequence[str], *, code: bool) -> str:
    """Return the card; with `code`, it contains the lines of the finding (no diff shows them)."""
    opening = attributes(
        class_=f"finding {finding.severity}",
        id=anchor,
        tabindex="-1",
        data_severity=str(finding.severity),
        data_agents=" ".join(finding.agents),
        data_path=path_words(finding.path),
        aria_labelledby=f"{anchor}-title",
    )
    return joined(
        (
            f"<article{opening}>",
            _head(finding, anchor, rules),
            _placement(finding),
            _code(finding, lines) if code else "",
            _remarks(finding),
            _replacement(finding, lines),
            _rule_help(rules(finding.rule) if finding.rule else None),
            _commands(finding),
            "</article>",
        )
    )


def _head(finding: Finding, anchor: str, rules: Rules) -> str:
    severity = f'<span class="severity">{finding.severity.label}</span>'
    rule = ""
    if finding.rule:
        named = f"<code>{words(finding.rule)}</code>"
        rule = f'<span class="rule">{link(named, rule_link(finding, rules))}</span>'
    agents = "".join(f'<span class="agent">{words(agent)}</span>' for agent in finding.agents)
    sure = f"<span>{words(finding.confidence)} confidence</span>" if finding.confidence else ""
    location = path_words(finding.path) or "the change as a whole"
    if finding.line is not None and finding.placement is not Placement.UNANCHORED:
        location += f":{finding.line}"
        location += f":{finding.column}" if finding.column else ""
    return (
        f'<header>{severity}<h3 id="{anchor}-title">{words(finding.title)}</h3>{rule}</header>\n'
        f'<p class="by"><a class="place" href="#{anchor}">{location}</a>{agents}{sure}</p>'
    )


def _placement(finding: Finding) -> str:
    note = PLACEMENT_NOTES.get(finding.placement)
    return f'<p class="aside">{words(note)}</p>' if note else ""


def _code(finding: Finding, lines: Sequence[str]) -> str:
    shown = excerpt(finding, lines)
    if shown:
        rows = "\n".join(map(_code_row, shown))
        return f'<table class="diff alone"><tbody>\n{rows}\n</tbody></table>'
    if not finding.quote.strip():
        return ""
    quoted = "\n".join(visible(line[:500]) for line in finding.quote.split("\n")[:20])
    return f"<pre>{code_words(quoted)}</pre>"


def _code_row(line: CodeLine) -> str:
    if line.left_out:
        left = counted(line.left_out, "line")
        return f'<tr class="fold"><td colspan="2">{left} left out</td></tr>'
    kind = "" if line.inside else ' class="near"'
    return f'<tr{kind}><td data-n="{line.number}"></td><td>{code_piece(line.piece)}</td></tr>'


def _remarks(finding: Finding) -> str:
    remarked = remarks(finding)
    if not remarked:
        return ""
    rows = "".join(f"<dt>{label}</dt><dd>{prose(text)}</dd>" for label, text in remarked)
    return f"<dl>{rows}</dl>"


def _replacement(finding: Finding, lines: Sequence[str]) -> str:
    if finding.replacement is None:
        return ""
    span = line_range(finding, len(lines))
    old = list(lines[span[0] - 1 : span[1]]) if span else []
    new = finding.replacement.removesuffix("\n").split("\n") if finding.replacement else []
    rows = []
    for name, sign, texts in (("del", "−", old), ("ins", "+", new)):
        for text in texts[:_LONGEST_FIX]:
            shown = code_words(shortened(visible(text.removesuffix("\r"))))
            rows.append(f"<{name}>{sign} {shown}</{name}>")
        if len(texts) > _LONGEST_FIX:
            rows.append(f"… {counted(len(texts) - _LONGEST_FIX, 'more line')}")
    label = "A safe fix" if finding.fix_safe else "A fix, to be checked"
    return (
        f'<figure><figcaption>{label}</figcaption><pre class="fix">{"".join(rows)}</pre></figure>'
    )


def _commands(finding: Finding) -> str:
    ident = words(short_id(finding))
    return (
        f'<p class="by commands"><code>reviewloop explain {ident}</code> '
        f"<code>reviewloop dismiss {ident} -m REASON</code></p>"
    )


def _rule_help(rule: Rule | None) -> str:
    if rule is None:
        return ""
    parts = [("about", rule.title), ("why", rule.why), ("fix", rule.fix)]
    rows = "".join(f"<dt>{label}</dt><dd>{prose(text)}</dd>" for label, text in parts if text)
    if rule.source:
        source = words(rule.source.removeprefix("https://"))
        rows += f"<dt>source</dt><dd>{link(source, source_link(rule))}</dd>"
    summary = f"About the rule <code>{words(rule.id)}</code>"
    return f'<details class="help"><summary>{summary}</summary><dl>{rows}</dl></details>'


_STATUS = {"A": "added", "M": "changed", "D": "deleted", "R": "renamed", "T": "type changed"}
_SIGNS = {"+": "add", "-": "del", "\\": "remark"}


@dataclass
class Files:
    """Draws the files of one report; folded rows are collected in `folded`."""

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
        """Yield the sections: the worst file first, files without findings last."""
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
            # Cards whose lines did not fit the budget keep their position in the diff.
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
    """Return the findings inside the diff, and the others."""
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
    """Return the line of the diff below which a finding's card is placed."""
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
