"""What the page says of the review itself: how it ended, who looked, what was left out."""

from collections.abc import Iterator, Sequence

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus
from reviewloop.findings import Finding, Severity
from reviewloop.output.figures import counted, duration, money, tokens
from reviewloop.output.html.markup import attributes, joined, path_words, words
from reviewloop.output.readership import Readership
from reviewloop.output.readership_words import missed_words, read_words, share_words
from reviewloop.output.review_report import ReviewReport
from reviewloop.output.review_words import (
    added_lines,
    agents_of,
    counts_of,
    found_words,
    grouped_failures,
    outcome_sentence,
    severity_counts,
    severity_label,
    skipped_by_reason,
    unlisted_words,
)

_PAGE_NAMES = 500  # skipped files that are named


def banner(report: ReviewReport) -> str:
    """Return the head of the page: what was reviewed and how it ended."""
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
    """Return the fields that choose which findings are shown."""
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
            used = tokens(sum(agent.tokens.values()))
            cells += [words(agent.model), used, words(money(agent.cost_usd))]
        rows.append((agent.status, cells))
    heads = ["reviewer", "status", "findings", "time", *(("model", "tokens", "cost") * paid)]
    title = "Reviewers" if model == "none" else f"Reviewers, with {words(model)}"
    return f"<h2>{title}</h2>\n{_table(heads, rows)}"


def _analysers(analysers: Sequence[AnalyserReport]) -> str:
    told = [a for a in analysers if a.status is not AnalyserStatus.NOT_APPLICABLE]
    if not told:
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
        for analyser in told
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
        place = path_words(finding.path) + (f":{finding.line}" if finding.line else "")
        rule = f" <code>{words(finding.rule)}</code>" if finding.rule else ""
        note = f" <em>{finding.status}: {words(finding.note)}</em>"
        yield f"<li><code>{place}</code> {words(finding.title)}{rule}{note}</li>"


def _table(heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    head = "".join(f'<th scope="col">{title}</th>' for title in heads)
    body = "\n".join(
        f"<tr{attributes(class_=status)}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for status, cells in rows
    )
    return f'<table class="plain"><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>'
