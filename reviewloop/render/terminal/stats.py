"""The figures of all runs on a terminal, with small charts; imported only to show them."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

from rich.console import Console
from rich.text import Text

from reviewloop.render.stats_figures import (
    FindingFigures,
    RepositoryFigures,
    Spread,
    StatsFigures,
    Structure,
    Tally,
    Week,
)
from reviewloop.render.terminal.findings import hanging
from reviewloop.render.text import counted, duration, money, share, tokens
from reviewloop.render.untrusted import one_line

_LABEL = 14  # columns
_BAR = 20  # columns of a bar for 0 to 100 %
_BLOCKS, _PLAIN_BLOCKS = " ▁▂▃▄▅▆▇█", " .:-=+*%#"
_DAY = 86_400.0
_LONG = 2 * _DAY
_TABLE = 66  # columns that the table of reviewers needs


def render_stats(body: StatsFigures, console: Console) -> None:
    """Print the page: targets, weeks, and totals."""
    if not body["runs"] and not body["checkpoints"] and not body["money"]["fix_runs"]:
        console.print(_nothing(body))
        return
    console.print(Text(_heading(body), style="bold"))
    console.print()
    _targets(body, console)
    _weeks(body["weeks"], console)
    _findings(body["findings"], console)
    _people(body, console)
    _tasks(body, console)
    _structure(body["structure"], console)
    _money(body, console)
    _repository(body.get("repository"), console)


def _structure(structure: Structure, console: Console) -> None:
    if any(structure.values()):
        found = f"{structure['arch_findings']} findings about the architecture"
        growth = f"complexity {structure['complexity_growth']:+d} paths"
        _row("structure", f"{growth}, {found}, {structure['copy_findings']} about copies", console)


def _repository(figures: RepositoryFigures | None, console: Console) -> None:
    if figures is None:
        return
    console.print()
    rows = {
        "documentation": (figures["documentation"], "public names with a description"),
        "spec reuse": (figures["spec_reuse"], "specs that another spec or steering refers to"),
        "requirement reuse": (
            figures["requirement_reuse"],
            "requirements that another spec has, too",
        ),
        "architecture": (figures["architecture"], "files that keep the architecture"),
    }
    console.print(Text("checkout", style="bold"))
    width = max(map(len, rows)) + 4
    for name, (part, what) in rows.items():
        value = "not measured"
        if part and part["rate"] is not None:
            value = f"{share(part['rate'])} of {part['of']} {what}"
        label = f"  {name}"
        hanging(Text(f"{label:<{width}}", style="bold"), Text(value), console)


def _nothing(body: StatsFigures) -> str:
    if not body["since"] and not body["spec"]:
        return "no run of this repository has come to an end yet; `reviewloop run` starts one"
    return f"no run {_chosen(body)}; `reviewloop stats` shows all of them"


def _heading(body: StatsFigures) -> str:
    what = f"{counted(body['tasks'], 'task')} in {counted(body['runs'], 'run')}"
    if body["checkpoints"]:
        what += f" and {counted(body['checkpoints'], 'checkpoint')}"
    return " ".join(filter(None, (what, _chosen(body))))


def _chosen(body: StatsFigures) -> str:
    since, spec = body["since"], body["spec"]
    begun = f"begun since {datetime.fromtimestamp(since):%Y-%m-%d}" if since else ""
    return " ".join(filter(None, (begun, f"of {one_line(spec)}" if spec else "")))


def _row(label: str, body: Text | str, console: Console) -> None:
    text = body if isinstance(body, Text) else Text(body)
    hanging(Text(f"{label:<{_LABEL}}", style="bold"), text, console)


def _targets(body: StatsFigures, console: Console) -> None:
    targets, first = body["targets"], body["first_pass"]
    known = first["clean"] + first["findings"] + first["incomplete"]
    caption = f"{first['clean']} of {counted(known, 'task')} clean at the first review"
    more = [
        (first["incomplete"], "read by not all reviewers, so not clean"),
        (first["not_reviewed"], "blocked or stopped before a review"),
        (first["unknown"], "not known"),
    ]
    parts = [caption] if known else []
    parts += [f"{number} {words}" for number, words in more if number]
    _target("first pass", first["rate"], targets["first_pass"], "; ".join(parts), console)
    covered = body["coverage"]
    without = counted(covered["not_measured_runs"], "change")
    caption = f"{without} committed or waiting for you, none measured"
    if covered["new_lines"]:
        caption = f"of {counted(covered['new_lines'], 'new line')} run by tests"
        caption += f"; not measured in {without}" if covered["not_measured_runs"] else ""
    _target("coverage", covered["rate"], targets["coverage"], caption, console)
    described = body["documentation"]
    if described["names"]:
        caption = f"of {counted(described['names'], 'new public name')} with a description"
        _target("documentation", described["rate"], targets["documentation"], caption, console)
    red = body["red_left"]
    met = red["count"] <= targets["red_left"] if red["of_runs"] else None
    line = Text(f"{red['count']:>3}" if red["of_runs"] else "not measured")
    _aim(line, met, str(targets["red_left"]))
    _row("red left", line, console)
    where = f"in {counted(red['of_runs'], 'change')} committed or waiting for you"
    _row("", Text(where, style="dim"), console)


def _target(label: str, rate: float | None, target: float, caption: str, console: Console) -> None:
    if rate is None:
        line = Text("not measured")
    else:
        # Cut off, not rounded: 94.7 % must not be shown as a missed 95 %.
        line = Text.assemble(f"{int(rate * 100 + 1e-9):>3} %  ", _bar(rate, target, console))
    _aim(line, None if rate is None else rate >= target, share(target))
    _row(label, line, console)
    _row("", Text(caption, style="dim"), console)


def _aim(line: Text, met: bool | None, target: str) -> None:
    word = {True: ", met", False: ", missed", None: ""}[met]
    style = {True: "green", False: "yellow", None: "dim"}[met]
    line.append(f"  target {target}{word}", style=style)


def _bar(rate: float, target: float, console: Console) -> Text:
    """Return a bar of 0 to 100 % with a mark at the target."""
    full, empty, mark = ("#", ".", "|") if _is_plain(console) else ("█", "░", "│")
    filled, aim = int(rate * _BAR), min(_BAR - 1, int(target * _BAR))
    cells = [full if n < filled else mark if n == aim else empty for n in range(_BAR)]
    style = "green" if rate >= target else "yellow"
    return Text.assemble(("".join(cells[:filled]), style), ("".join(cells[filled:]), "dim"))


def _weeks(weeks: Sequence[Week], console: Console) -> None:
    if len(weeks) < 2:
        return
    shown = weeks[-max(8, console.width - _LABEL - 26) :][-52:]
    console.print()
    first, last = shown[0]["monday"], shown[-1]["monday"]
    _row("by week", f"{counted(len(shown), 'week')}, {_day(first)} to {_day(last)}", console)
    lines: list[tuple[str, list[float | None], float | None, Callable[[float], str]]] = [
        ("runs", [week["runs"] for week in shown], None, lambda value: f"{value:.0f}"),
        ("first pass", [week["first_pass"] for week in shown], 1.0, share),
        ("coverage", [week["coverage"] for week in shown], 1.0, share),
        ("red left", [week["red_left"] for week in shown], None, lambda value: f"{value:.0f}"),
        ("money", [week["usd"] for week in shown], None, money),
    ]
    for label, values, top, caption in lines:
        seen = [value for value in values if value is not None]
        if seen and (top or max(seen) > 0):
            line = Text(_sparkline(values, top or max(seen), console), style="cyan")
            line.append(f"  {caption(min(seen))} to {caption(max(seen))}", style="dim")
            _row(f"  {label}", line, console)


def _day(monday: str) -> str:
    return f"{date.fromisoformat(monday):%d %b %Y}".lstrip("0")


def _sparkline(values: Sequence[float | None], top: float, console: Console) -> str:
    """Return a column for each value; a week without one is a gap, the lowest column is zero."""
    blocks = _PLAIN_BLOCKS if _is_plain(console) else _BLOCKS
    steps = len(blocks) - 2
    heights = (None if value is None else round(value / top * steps) for value in values)
    return "".join(blocks[0] if height is None else blocks[height + 1] for height in heights)


def _is_plain(console: Console) -> bool:
    return console.options.ascii_only


def _findings(findings: FindingFigures, console: Console) -> None:
    rows = findings["by_reviewer"]
    console.print()
    if not rows:
        _row("findings", "none", console)
        return
    named: list[tuple[str, Tally]] = [(one_line(row["reviewer"]), row) for row in rows]
    named.append(("all, once", findings["all"]))
    width = max(len(name) for name, _ in named)
    if console.width >= max(_TABLE, width + 44):
        heads = ("red", "yellow", "nits", "fixed", "dismissed", "left")
        head = f"{'findings':<{width}}" + "".join(
            f"{word:>{max(7, len(word) + 2)}}" for word in heads
        )
        console.print(Text(head, style="bold"))
        for name, row in named:
            cells = zip(heads, _cells(row), strict=True)
            line = "".join(f"{number:>{max(7, len(word) + 2)}}" for word, number in cells)
            style = "bold" if row is findings["all"] else ""
            console.print(Text(f"{name:<{width}}{line}", style=style))
    else:
        console.print(Text("findings", style="bold"))
        for name, row in named:
            red, yellow, nits, fixed, dismissed, left = _cells(row)
            caption = f"{red} red, {yellow} yellow, {nits} nits"
            caption += f"; {fixed} fixed, {dismissed} dismissed, {left} left"
            hanging(Text(f"  {name}  "), Text(caption), console)
    _shares(findings["all"], findings.get("dismissed_by_people", 0), console)


def _cells(row: Tally) -> tuple[int, ...]:
    """Return the number found by severity, and the outcomes of the red and yellow ones."""
    acted = [row["must_fix"], row["should_fix"]]
    found = (row["must_fix"]["found"], row["should_fix"]["found"], row["nit"]["found"])
    fixed, dismissed = sum(one["fixed"] for one in acted), sum(one["dismissed"] for one in acted)
    return (*found, fixed, dismissed, sum(one["left"] for one in acted))


def _shares(row: Tally, by_people: int, console: Console) -> None:
    red, yellow, _, fixed, dismissed, left = _cells(row)
    total = red + yellow
    if total:
        people = f" ({by_people} by people)" if by_people else ""
        parts = [(fixed, "fixed"), (dismissed, f"dismissed{people}"), (left, "left")]
        caption = ", ".join(f"{share(number / total)} {word}" for number, word in parts)
        silenced = (
            f"; {row['silenced']} more were silenced or said twice" if row["silenced"] else ""
        )
        text = Text(f"Of {total} red and yellow: {caption}{silenced}", style="dim")
        hanging(Text(""), text, console)


def _people(body: StatsFigures, console: Console) -> None:
    approval, edits = body["approval"], body["edits"]
    console.print()
    answered = approval["approved"] + approval["rejected"]
    if answered:
        rate = share(approval["rate"] or 0.0)
        caption = f"{rate}: of {counted(answered, 'run')} that people decided on, "
        caption += f"{approval['approved_as_shown']} approved as shown, "
        caption += f"{approval['approved_after_modifications']} after modifications, "
        caption += f"{approval['rejected']} rejected"
    else:
        caption = "nobody has decided on a run yet"
    _row("approval", caption, console)
    others = [
        (approval["waiting"], "waiting for you"),
        (approval["blocked"], "blocked"),
        (approval["autopilot"], "committed by autopilot"),
        (approval["redone"], "done once more by a batch"),
        (approval["given_up"], "given up on the way"),
        (approval["undone"], "undone later"),
    ]
    if rest := ", ".join(f"{number} {words}" for number, words in others if number):
        _row("", Text(f"besides: {rest}", style="dim"), console)
    if edits["modifications"] or edits["taken_over"]:
        caption = counted(edits["modifications"], "modification") + " asked for before approval"
        caption += f" in {counted(edits['modified_runs'], 'run')}"
        caption += f", {edits['taken_over']} taken over by hand" if edits["taken_over"] else ""
        _row("edits", caption, console)


def _tasks(body: StatsFigures, console: Console) -> None:
    per_task, times = body["per_task"], body["to_commit"]
    console.print()
    _row("per task", "median, mean, most", console)
    lines: list[tuple[str, Spread, Callable[[float], str]]] = [
        ("rounds", per_task["rounds"], lambda value: f"{value:.1f}".removesuffix(".0")),
        ("time", per_task["seconds"], _span),
        ("money", per_task["usd"], money),
    ]
    for label, spread, worded in lines:
        if spread["count"]:
            three = (spread["median"], spread["mean"], spread["most"])
            _row(f"  {label}", ", ".join(worded(value or 0.0) for value in three), console)
    if times["from_begin"]["count"]:
        caption = f"{_span(times['from_begin']['median'])} from the run's beginning"
        if times["from_spec"]["count"]:
            caption += f", {_span(times['from_spec']['median'])} from the spec's first commit"
        if times["from_approval"]["count"]:
            first = _span(times["from_approval"]["median"])
            caption += f"; a spec's first commit {first} after its approval"
        _row("to commit", f"{caption} (median)", console)


def _money(body: StatsFigures, console: Console) -> None:
    spent = body["money"]
    read = spent["input"] + spent["cache_read"] + spent["cache_write"]
    unknown = spent["unpriced_runs"]
    some = "price unknown" if unknown and not spent["usd"] else money(spent["usd"])
    caption = f"{some} for {counted(spent['calls'], 'call')}"
    caption += f", {tokens(read)} tokens in, {tokens(spent['output'])} out"
    caption += f", {share(spent['cache_read'] / read)} from the cache" if read else ""
    if unknown and spent["usd"]:
        caption += f"; price unknown for {counted(unknown, 'more run')}"
    if spent["fix_runs"]:
        caption += f"; {money(spent['fix_usd'])} of it for {counted(spent['fix_runs'], 'run')} "
        caption += "that fixed findings of a review"
    _row("spent", caption, console)


def _span(seconds: float | None) -> str:
    seconds = seconds or 0.0
    return f"{seconds / _DAY:.1f} days" if seconds >= _LONG else duration(seconds)
