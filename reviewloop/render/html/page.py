"""Builds the page: its head about the review, its style and its script."""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources

from reviewloop import __version__
from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus
from reviewloop.domain.finding import Finding, Severity
from reviewloop.render.html.files import Files
from reviewloop.render.html.markup import attributes, data, joined, path_words, words
from reviewloop.render.report import Readership, ReviewReport, Source
from reviewloop.render.review_words import (
    Rules,
    added_lines,
    agents_of,
    counts_of,
    found_words,
    grouped_failures,
    missed_words,
    no_rules,
    outcome_sentence,
    read_words,
    severity_counts,
    severity_label,
    share_words,
    skipped_by_reason,
    unlisted_words,
)
from reviewloop.render.text import all_tokens, counted, duration, money, tokens

_PAGE_NAMES = 500  # skipped files listed


def banner(report: ReviewReport) -> str:
    """Return the head of the page: what was reviewed, and the result."""
    files, lines = len(report.reviewed), added_lines(report)
    read = f"{counted(files, 'file')}, {counted(lines, 'changed line')}, {duration(report.seconds)}"
    chips = "".join(
        f'<li class="{severity}"><strong>{number}</strong> {severity_label(severity, number)}</li>'
        for severity, number in counts_of(report).items()
    )
    failed = "".join(
        f"<li><strong>{words(name)}</strong>: {words(why)}</li>"
        for name, why in grouped_failures(report)
    )
    notes = "".join(f"<li>{words(note)}</li>" for note in report.notes)
    return joined(
        (
            f'<p class="verdict {report.outcome}">{words(outcome_sentence(report))}</p>',
            f'<ul class="chips">{chips}</ul>',
            f'<p class="what">Reviewed {words(report.what)}: {read}.</p>',
            f'<ul class="failed" role="alert">{failed}</ul>' if failed else "",
            f'<ul class="notes">{notes}</ul>' if notes else "",
        )
    )


def filters(report: ReviewReport) -> str:
    """Return the fields that filter the findings."""
    counts = severity_counts(report.findings)
    severities = [_toggle("severity", str(s), s.label, counts[s]) for s in Severity if counts[s]]
    agents = [
        _toggle("agent", agent, words(agent).removeprefix("review-"), _of(report.findings, agent))
        for agent in agents_of(report.findings)
    ]
    files: dict[str, int] = {}
    for finding in report.findings:
        files[finding.path] = files.get(finding.path, 0) + 1
    listed = [
        _toggle("path", path_words(path), path_words(path) or "the change as a whole", files[path])
        for path in sorted(files)
    ]
    return joined(
        (
            '<label for="text">Text</label>',
            '<input id="text" type="search" autocomplete="off" spellcheck="false">',
            _group("Severity", severities),
            _group("Reviewers", agents),
            _group("Files", listed),
            '<p class="shown"><span id="shown" role="status"></span>'
            '<button type="button" id="clear">Show all</button></p>',
        )
    )


def _toggle(kind: str, value: str, label: str, number: int) -> str:
    # Paths and labels are escaped already; the names of agents are not.
    name = value if kind == "path" else words(value)
    pressed = "false" if kind == "path" else "true"
    return (
        f'<li><button type="button" aria-pressed="{pressed}" data-filter="{kind}" '
        f'data-value="{name}"><span>{label}</span><b>{number}</b></button></li>'
    )


def _group(title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    kind = title.lower()
    return (
        f'<section class="{kind}" aria-labelledby="by-{kind}"><h2 id="by-{kind}">{title}</h2>'
        f"<ul>{''.join(items)}</ul></section>"
    )


def _of(findings: Sequence[Finding], agent: str) -> int:
    return sum(agent in finding.agents for finding in findings)


def closing(report: ReviewReport) -> str:
    """Return the lists at the end of the page."""
    return joined(
        (
            _reviewers(report),
            _analysers(report.analysers),
            _read_by_models(report.readership),
            _skipped(report),
            _silenced(report),
        )
    )


def _reviewers(report: ReviewReport) -> str:
    agents, model = report.agents, report.model
    if not agents:
        return ""
    paid = any(agent.tokens for agent in agents)
    rows = []
    for agent in agents:
        cells = [
            words(agent.name),
            f"{agent.status}{': ' + words(agent.reason) if agent.reason else ''}",
            found_words(report, agent),
            duration(agent.seconds),
        ]
        if paid:
            used = tokens(all_tokens(agent.tokens))
            cells += [words(agent.model), used, words(money(agent.cost_usd))]
        rows.append((agent.status, cells))
    heads = ["reviewer", "status", "findings", "time", *(("model", "tokens", "cost") * paid)]
    title = "Reviewers" if model == "none" else f"Reviewers, with {words(model)}"
    return f"<h2>{title}</h2>\n{_table(heads, rows)}"


def _analysers(analysers: Sequence[AnalyserReport]) -> str:
    applicable = [a for a in analysers if a.status is not AnalyserStatus.NOT_APPLICABLE]
    if not applicable:
        return ""
    rows = [
        (
            str(analyser.status),
            [
                words(f"{analyser.name} {analyser.version}"),
                str(analyser.status).replace("_", " ")
                + (f": {words(analyser.reason)}" if analyser.reason else ""),
                str(analyser.files or ""),
                duration(analyser.seconds) if analyser.seconds else "",
            ],
        )
        for analyser in applicable
    ]
    return f"<h2>Analysers</h2>\n{_table(['analyser', 'status', 'files', 'time'], rows)}"


def _read_by_models(read: Readership | None) -> str:
    if read is None or read.plain:
        return ""
    lines = "".join(f"<li>{words(line)}</li>" for line in missed_words(read))
    rows = [
        ("done" if file.read else "failed", [path_words(file.path), words(share_words(file))])
        for file in sorted(read.files, key=lambda file: file.read)[:_PAGE_NAMES]
    ]
    table = _table(["file", "read"], rows)
    title = f"<summary>{words(read_words(read))}</summary>"
    return f"<h2>Models read</h2>\n<details>{title}<ul>{lines}</ul>{table}</details>"


def _skipped(report: ReviewReport) -> str:
    if not report.skipped:
        return ""
    groups = []
    for reason, files in skipped_by_reason(report):
        names = "".join(f"<li>{path_words(file.path)}</li>" for file in files[:_PAGE_NAMES])
        if len(files) > _PAGE_NAMES:
            names += f"<li>and {len(files) - _PAGE_NAMES} more</li>"
        title = f"{counted(len(files), 'file')}: {words(reason)}"
        groups.append(f"<details><summary>{title}</summary><ul>{names}</ul></details>")
    return f"<h2>Not reviewed</h2>\n{joined(groups)}"


def _silenced(report: ReviewReport) -> str:
    hidden = words(unlisted_words(report))
    below = f"<p>Not listed: {hidden}, below --min-severity.</p>" if report.below else ""
    if not report.silenced:
        return below
    items = "".join(_silent(report.silenced))
    count = counted(len(report.silenced), "finding")
    return (
        f"<h2>Silenced</h2>\n{below}"
        f'<details class="silenced"><summary>{count}</summary><ul>{items}</ul></details>'
    )


def _silent(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        location = path_words(finding.path) + (f":{finding.line}" if finding.line else "")
        rule = f" <code>{words(finding.rule)}</code>" if finding.rule else ""
        note = f" <em>{finding.status}: {words(finding.note)}</em>"
        yield f"<li><code>{location}</code> {words(finding.title)}{rule}{note}</li>"


def _table(heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    head = "".join(f'<th scope="col">{title}</th>' for title in heads)
    body = "\n".join(
        f"<tr{attributes(class_=status)}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for status, cells in rows
    )
    return f'<table class="plain"><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>'


_KEYS = (
    ("j", "next finding"),
    ("k", "previous finding"),
    ("f", "search the text"),
    ("1 2 3", "show or hide a severity"),
    ("o", "open or close all files"),
    ("c", "show all findings again"),
    ("t", "light, dark, or as the system"),
    ("?", "this list"),
)


def render(report: ReviewReport, source: Source, rules: Rules = no_rules) -> str:
    """Return the text of the page."""
    drawn = Files(report, source, rules, _anchors(report))
    sections = joined(drawn.draw())
    found = filters(report) if report.findings else ""
    program = _asset("page.js")
    return f"""<!doctype html>
<html lang="en" data-theme="auto">
{_head(report, _asset("page.css"), program)}
<body>
<a class="skip" href="#findings">Skip to the findings</a>
<header class="top">
<h1>Review</h1>
<div class="tools">
<button type="button" id="theme" title="Light, dark, or as the system (t)">Theme: system</button>
<button type="button" id="keys" title="Keys (?)">Keys</button>
</div>
{banner(report)}
</header>
<div class="layout">
<aside aria-label="Filters"><details id="filters" open><summary>Filters</summary>
{found or "<p>No findings to filter.</p>"}
</details></aside>
<main id="findings" tabindex="-1">
<noscript><p class="aside">Filters and folded code need JavaScript.</p></noscript>
<p id="nothing" class="aside" hidden>No finding is left by these filters.</p>
{sections}
<section class="about" aria-label="About this review">
{closing(report)}
</section>
</main>
</div>
<dialog id="help" aria-labelledby="help-title">
<h2 id="help-title">Keys</h2>
<dl>{_keys()}</dl>
<form method="dialog"><button>Close</button></form>
</dialog>
<script type="application/json" id="folded">{data(drawn.folded)}</script>
<script>{program}</script>
</body>
</html>
"""


def _head(report: ReviewReport, style: str, program: str) -> str:
    return f"""<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"{attributes(content=_policy(style, program))}>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="reviewloop {__version__}">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>Review of {words(report.what)}</title>
<style>{style}</style>
</head>"""


def _keys() -> str:
    return "".join(
        f"<dt>{' '.join(f'<kbd>{key}</kbd>' for key in keys.split())}</dt><dd>{what}</dd>"
        for keys, what in _KEYS
    )


def _anchors(report: ReviewReport) -> dict[int, str]:
    """Return an anchor for each finding: its id, so that links stay valid."""
    anchors: dict[int, str] = {}
    taken: set[str] = set()
    for index, finding in enumerate(report.findings):
        anchor = f"f-{re.sub(r'[^0-9A-Za-z]', '', finding.id)}"
        if anchor in taken:
            anchor = f"{anchor}-{index}"
        taken.add(anchor)
        anchors[index] = anchor
    return anchors


def _policy(style: str, program: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(program)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@cache
def _asset(name: str) -> str:
    return (resources.files(__package__) / "assets" / name).read_text("utf-8")
