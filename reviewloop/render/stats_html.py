"""The figures of all runs as one self-contained HTML page with plots over time."""

import html
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from reviewloop.render.stats_figures import Share, StatsFigures, Week
from reviewloop.render.text import duration, money, share
from reviewloop.render.untrusted import one_line

_Key = Literal[
    "first_pass", "coverage", "documentation", "resolution", "red_left", "complexity_growth",
    "arch_findings", "copy_findings", "runs", "usd",
]  # fmt: skip
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 620, 150, 48, 12, 24

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --dim: #667; --line: #0b66c3; --aim: #b35900;
--grid: #ddd; --paper: #fff } @media (prefers-color-scheme: dark) { :root { --ink: #eee;
--dim: #9aa; --line: #6cb6ff; --aim: #ffb366; --grid: #333; --paper: #161616 } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 84rem; padding: 0 1rem;
color: var(--ink); background: var(--paper) }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1.5rem }
figure { margin: 0 } figcaption { font-weight: 600 } figcaption span { color: var(--dim);
font-weight: 400 } svg { width: 100%; height: auto } text { fill: var(--dim); font-size: 11px }
.line { fill: none; stroke: var(--line); stroke-width: 2 } circle { fill: var(--line) }
.aim { stroke: var(--aim); stroke-dasharray: 5 4 } .grid { stroke: var(--grid) }
table { border-collapse: collapse; margin-top: 2rem } th, td { text-align: left;
padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid var(--grid); vertical-align: top }
"""


class _Plot(NamedTuple):
    """One figure over the weeks; `top` is the highest value of its axis, 0 for the highest
    measured.
    """

    key: _Key
    title: str
    top: float
    aim: float | None
    shown: Callable[[float], str]


def _number(value: float) -> str:
    return f"{value:.0f}"


def stats_html(body: StatsFigures) -> str:
    """Return the page of the result of `figures`."""
    weeks, targets = body["weeks"], body["targets"]
    plots = (
        _Plot("first_pass", "First pass", 1.0, targets["first_pass"], share),
        _Plot("coverage", "Coverage of new lines", 1.0, targets["coverage"], share),
        _Plot("documentation", "Documentation of new names", 1.0, targets["documentation"], share),
        _Plot("resolution", "Findings resolved", 1.0, None, share),
        _Plot("red_left", "Red findings left", 0, None, _number),
        _Plot("complexity_growth", "Growth of complexity", 0, None, _number),
        _Plot("arch_findings", "Findings about the architecture", 0, None, _number),
        _Plot("copy_findings", "Findings about copies", 0, None, _number),
        _Plot("runs", "Runs", 0, None, _number),
        _Plot("usd", "Money", 0, None, money),
    )
    drawn = "\n".join(_figure(plot, weeks) for plot in plots)
    rows = "\n".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in _figures(body)
    )
    about = f"{body['tasks']} tasks in {body['runs']} runs"
    about += f" of {one_line(body['spec'])}" if body["spec"] else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Stats</title>'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        f"style-src 'unsafe-inline'\"><style>{_STYLE}</style></head>\n"
        f"<body><h1>Stats</h1><p>{html.escape(about)}</p>\n<main>\n{drawn}\n</main>\n"
        f"<table><tbody>\n{rows}\n</tbody></table></body></html>\n"
    )


def _figure(plot: _Plot, weeks: Sequence[Week]) -> str:
    values = [week[plot.key] for week in weeks]
    seen = [value for value in values if value is not None]
    latest = plot.shown(seen[-1]) if seen else "not measured"
    caption = f"<figcaption>{plot.title} <span>{html.escape(latest)}</span></figcaption>"
    if not seen:
        return f'<figure id="{plot.key}">{caption}</figure>'
    top = plot.top or max(*seen, 1)
    step = (_WIDTH - _LEFT - 10) / max(1, len(values) - 1)

    def at(index: int, value: float) -> tuple[float, float]:
        part = max(0.0, value / top)  # titles say where lower is better
        return _LEFT + index * step, _TOP + (1 - part) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [_axis(plot, top, at(0, 0)[1], at(0, top)[1], weeks)]
    if plot.aim is not None:
        y = at(0, plot.aim)[1]
        parts.append(f'<line class="aim" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for run in _runs(values):  # a week without a value is a gap
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(i, values[i] or 0.0) for i in run))
        parts.append(f'<polyline class="line" points="{points}"/>')
    for index, value in enumerate(values):
        if value is not None:
            x, y = at(index, value)
            title = f"{weeks[index]['monday']}: {plot.shown(value)}"
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{html.escape(title)}</title>'
                "</circle>"
            )
    inner = "\n".join(parts)
    label = html.escape(f"{plot.title} by week, latest {latest}")
    view = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}"'
    return f'<figure id="{plot.key}">{caption}<svg {view}>\n{inner}\n</svg></figure>'


def _axis(plot: _Plot, top: float, zero: float, highest: float, weeks: Sequence[Week]) -> str:
    lines = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="0" y="{y + 4:.1f}">{html.escape(plot.shown(value))}</text>'
        for value, y in ((0.0, zero), (top, highest))
    ]
    first, last = weeks[0]["monday"], weeks[-1]["monday"]
    lines.append(f'<text x="{_LEFT}" y="{_HEIGHT - 4}">{first}</text>')
    if len(weeks) > 1:
        end = f'x="{_WIDTH}" y="{_HEIGHT - 4}" text-anchor="end"'
        lines.append(f"<text {end}>{last}</text>")
    return "\n".join(lines)


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    runs: list[list[int]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(index)
    return [run for run in runs if len(run) > 1]


def _figures(body: StatsFigures) -> list[tuple[str, str]]:
    """Return each figure with its name and text, unmeasured ones included."""
    resolution, approval, times = body["resolution"], body["approval"], body["to_commit"]
    rows = [
        ("First pass", _rate(body["first_pass"]["rate"])),
        ("Coverage of new lines", _rate(body["coverage"]["rate"])),
        ("Red findings left", str(body["red_left"]["count"])),
        (
            "Findings resolved",
            f"{_rate(resolution['rate'])} ({resolution['resolved']} of {resolution['found']})",
        ),
        ("Documentation of new public names", _rate(body["documentation"]["rate"])),
        ("Growth of complexity, in paths", f"{body['structure']['complexity_growth']:+d}"),
        ("Findings about the architecture", str(body["structure"]["arch_findings"])),
        ("Findings about copies", str(body["structure"]["copy_findings"])),
        ("Specs that several people approved", _part(body["shared_specs"])),
        ("Approved by people", _rate(approval["rate"])),
        ("Modifications asked for", str(body["edits"]["modifications"])),
        ("From a run's beginning to its commit, median", _time(times["from_begin"]["median"])),
        ("From the spec's first commit, median", _time(times["from_spec"]["median"])),
        (
            "From a spec's approval to its first commit, median",
            _time(times["from_approval"]["median"]),
        ),
        ("Money", money(body["money"]["usd"])),
    ]
    repository = body["repository"]
    if repository is not None:
        rows += [
            ("Documentation of public names", _part(repository["documentation"])),
            ("Specs that others refer to", _part(repository["spec_reuse"])),
            ("Requirements that other specs have, too", _part(repository["requirement_reuse"])),
            ("Files that keep the architecture", _part(repository["architecture"])),
        ]
    return rows


def _rate(rate: float | None) -> str:
    return "not measured" if rate is None else share(rate)


def _time(seconds: float | None) -> str:
    return "not measured" if seconds is None else duration(seconds)


def _part(part: Share | None) -> str:
    if part is None or part["rate"] is None:
        return "not measured"
    return f"{share(part['rate'])} ({part['count']} of {part['of']})"
