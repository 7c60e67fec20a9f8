"""The report of a batch as Markdown, JSON or HTML, with the lines on each task and the sums."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reviewloop.domain.batch_report import (
    BatchReport,
    Cost,
    EarlierTries,
    Figures,
    FindingCounts,
    QueueEntry,
    QueueReport,
    RunReport,
    TaskReport,
)
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind
from reviewloop.render.html.markup import joined, words
from reviewloop.render.json import json_report
from reviewloop.render.reasons import brief, sentence
from reviewloop.render.text import cap_money, counted, duration, money, share, tokens
from reviewloop.render.untrusted import code, one_line, plain

ON_ITS_WAY = "an answer is on its way"
RAISES = {"--budget-usd": "a higher", "--deadline": "a later"}  # the caps of a batch
_FLAGS = {"limits.usd": "--budget-usd", "limits.minutes": "--deadline"}  # its own caps
_UNTIL_FAILURE = {ReasonKind.FAILURE_STOPS, ReasonKind.STILL_BLOCKED}
_NEEDS = {ReasonKind.NEED_OPEN, ReasonKind.NEEDS_APPROVAL}


def sums(report: BatchReport) -> Sequence[str]:
    """Return the number of tasks by state, and the sums of their costs."""
    totals, spent = report.totals, report.totals.cost
    counts = ", ".join(f"{number} {state}" for state, number in report.counts.items())
    cost = _about(spent) + money(spent.usd)
    if report.budget_usd is not None:
        cost = f"{_about(spent)}{cap_money(spent.usd)} of {cap_money(report.budget_usd)}"
    if spent.unpriced:
        cost += f" and {counted(spent.unpriced, 'call')} of unknown price"
    took = f"{duration(spent.seconds)} of work"
    if totals.wall_seconds is not None:
        took += f", {duration(totals.wall_seconds)} by the clock"
        took += f" in {totals.sessions} sessions" if totals.sessions > 1 else ""
    used = f"{tokens(spent.tokens)} tokens, {counted(spent.calls, 'call')}"
    if spent.estimated:
        used += f" ({spent.estimated} estimated)"
    return [one_line(counts), f"{cost}, {used}, {took}{_before(totals.before)}"]


def why_stopped(report: BatchReport) -> str:
    """Return why a batch stopped early, or ""; the rows say how it continues."""
    return one_line(brief(report.because))


def task_lines(row: TaskReport) -> Sequence[str]:
    """Return the lines on a task below its title and state."""
    lines = ["; ".join(filter(None, (_location(row), brief(row.because))))]
    if row.earlier:
        lines += _tries(row.earlier)
    if row.state == "waiting":
        lines.append(row.figures.moved)
    if row.next:
        lines += f"next: {row.next}".replace("`, then ", "`\nthen ").split("\n")
    if row.run or row.earlier:
        lines.append(figures_of(row))
    return [one_line(line) for line in lines if line]


def next_of(
    row: TaskReport,
    because: Reason = NO_REASON,
    *,
    going_on: bool = False,
    work_kept: bool = True,
    batch_because: Reason = NO_REASON,
    anew: str = "",
    by_workers: bool = False,
) -> str:
    """Return what a user can do next about a task, or "".

    `because`: why it is open or stopped. `going_on`: the batch is in progress, so it continues that
    itself. `work_kept`: the run exists. `batch_because`: why the whole batch stopped. `anew`: a
    needed task that was rejected. `by_workers`: a resumed run is queued, with the tasks that wait
    for it.
    """
    run, state = row.run, row.state
    if anew:
        return anew_or_not(anew, run)
    if state == "waiting":
        return f"`reviewloop queue show {run} --diff`, then `reviewloop queue approve {run}`"
    if state == "blocked":
        reject = f"`reviewloop reject {run}`"
        return f"`reviewloop show {run}`, then `reviewloop modify {run} -m TEXT` or {reject}"
    if state in {"rejected", "undone"}:
        some = work_kept and row.figures.files != 0  # none for a run without changes
        work = f"; `reviewloop checkout {run} NAME` saves its work" if some else ""
        return f"`reviewloop batch` does it anew{work}"
    if going_on or row.refused or state == "committed":
        return ""
    if because.kind is ReasonKind.NOT_CHOSEN:
        return "`reviewloop batch` without `--tasks` and `--wave` goes on with it"
    if state == "stopped" and because.text("flag"):
        then = "" if by_workers else ", then the same `reviewloop batch`"
        return f"`reviewloop resume {run} {because.text('flag')} {_needed(because)}`{then}"
    if _UNTIL_FAILURE & {because.kind, batch_because.kind} and because.kind not in _NEEDS:
        return "`reviewloop batch` without `--until-failure` goes on with it"
    flags = {*_raised_by(because), *_raised_by(batch_because)}
    caps = " or ".join(f"{word} `{flag}`" for flag, word in RAISES.items() if flag in flags)
    if state == "stopped" or (state == "open" and because.kind not in _NEEDS):
        return f"the same `reviewloop batch` goes on{f' with {caps}' if caps else ''}"
    return ""


def _needed(because: Reason) -> str:
    needed = because.params.get("needed", "")
    if not isinstance(needed, float):
        return str(needed)
    return f"{needed:.0f}" if needed.is_integer() else f"{needed:g}"


def _raised_by(because: Reason) -> Sequence[str]:
    """Return the options of `reviewloop batch` that raise the cap behind a reason."""
    if because.kind is ReasonKind.CAP_REACHED:
        flag = because.text("flag") or _FLAGS.get(because.text("cap"), "")
        return [flag]
    return because.lines("flags")


def anew_or_not(need: str, run: str) -> str:
    """Return what to do with a run that needs a rejected task."""
    both = f"`reviewloop batch` does {need} anew and rebases this onto it"
    return f"{both}, or reject this, too: `reviewloop queue reject {run}`"


def figures_of(row: TaskReport) -> str:
    """Return change, tests, rounds, findings and cost of a task in one line."""
    cost = "price unknown" if row.cost.unpriced else _about(row.cost) + money(row.cost.usd)
    used = f"{tokens(row.cost.tokens)} tokens"
    parts = [*done_in(row.figures), used, cost, duration(row.cost.seconds)]
    return ", ".join(parts) + _before(row.before)


def _about(cost: Cost) -> str:
    """Return the prefix of a sum that is partly estimated, because a reply was interrupted."""
    return "about " if cost.estimated else ""


def _location(row: TaskReport) -> str:
    """Return where a task's change is, if there is one."""
    if row.state == "committed":
        by = f" by {row.approved_by}" if row.approved_by else ""
        subject = f": {_subject(row)}" if _subject(row) else ""
        return f"{row.commit[:10]} on {row.branch}{by}{subject}"
    if row.state in {"running", "stopped"}:
        return f"at {row.step}" if row.step else ""
    if row.state != "waiting":
        return ""
    below = "" if row.because.kind is ReasonKind.BUILDS_ON else row.below
    on = f"on top of {below}" if below else ""
    return ", ".join(filter(None, (_subject(row), on)))


def _subject(row: TaskReport) -> str:
    """Return the first line of a commit's message, "" where it equals the title."""
    return "" if row.figures.subject == row.title else row.figures.subject


def done_in(figures: Figures) -> list[str]:
    """Return change, tests, rounds and findings; nothing without a finished change."""
    if figures.files is None:
        return []
    parts = [counted(figures.files, "file") if figures.files else "no file changed"]
    if ran := figures.tests:
        parts.append(f"{ran['passed']}/{ran['passed'] + ran['failed']} tests")
    elif figures.tests_ended:
        parts.append(f"tests {figures.tests_ended}")
    if figures.coverage is not None:
        parts.append(f"coverage {share(figures.coverage)}")
    if figures.modifications:
        parts.append(f"modified {counted(figures.modifications, 'time')}")
    if figures.rounds:
        parts.append(counted(figures.rounds, "fix round"))
    return [*parts, _findings(figures.findings)]


def _findings(found: FindingCounts | None) -> str:
    if found is None:
        return "not reviewed"
    parts = [
        _left(found.left, found.must_fix),
        f"{found.fixed} fixed" if found.fixed else "",
        f"{found.dismissed} dismissed" if found.dismissed else "",
        counted(found.nits, "nit") if found.nits else "",
    ]
    return ", ".join(filter(None, parts)) or "no findings"


def _left(number: int, must_fix: int) -> str:
    """Return the number of findings left, or ""."""
    if not number:
        return ""
    if number == must_fix:
        return f"{counted(number, 'must-fix finding')} left"
    worst = f" ({must_fix} must fix)" if must_fix else ""
    return f"{counted(number, 'finding')} left{worst}"


def _tries(earlier: EarlierTries) -> list[str]:
    """Return the cost of earlier tries, and why each was not the last."""
    cost = money(earlier.cost.usd) if not earlier.cost.unpriced else "price unknown"
    head = f"{counted(len(earlier.runs), 'earlier try', 'earlier tries')}, {cost}"
    reasons = [(run, brief(because)) for run, because in earlier.runs]
    if len(reasons) == 1:
        [(_, why)] = reasons
        return [f"{head}: {why}" if why else head]
    return [head, *(f"{run}: {why}" for run, why in reasons if why)]


def _before(paid: Cost) -> str:
    """Return the cost of a run before this batch took it over, which its budget does not count."""
    if paid == Cost():
        return ""
    cost = money(paid.usd) + (" and more" if paid.unpriced else "")
    return f"; {cost} more was paid before this batch"


def report_object(report: BatchReport) -> dict[str, object]:
    """Return the report as `--json` prints it."""
    totals = report.totals
    found = {
        "batch": report.batch,
        "spec": report.spec,
        "branch": report.branch,
        "mode": report.mode,
        "state": report.state,
        "reason": sentence(report.because),
        "left_out": [*report.left_out],
        "began_at": report.began_at,
        "told_at": report.reported_at,
        "budget_usd": report.budget_usd,
        "deadline": report.deadline,
        "counts": report.counts,
        "totals": {
            "runs": totals.runs,
            **totals.cost.plain(),
            "before": _paid(totals.before),
            "sittings": totals.sessions,
            "wall_seconds": totals.wall_seconds,
        },
        "tasks": [task_object(task) for task in report.tasks],
    }
    return {**found, "remote": report.remote} if report.remote else found


def task_object(row: TaskReport) -> dict[str, Any]:
    """Return the row of a task in the report as `--json` prints it."""
    own = {"refused": row.refused, "chosen": row.chosen, "next": row.next, "task": row.task}
    return {**_with_sums(row), **own}


def queue_object(report: QueueReport) -> dict[str, object]:
    """Return the queue as `--json` prints it."""
    every, others = report.approve_all, report.elsewhere
    body: dict[str, Any] = {"branch": report.branch}
    if others is not None:
        body["head"] = report.head
    body["runs"] = [queue_row_object(entry) for entry in report.entries]
    if every:
        lists = {name: list(getattr(every, name)) for name in ("commits", "brings", "holds")}
        body["approve_all"] = {**lists, "said": every.sentence}
    if others is not None:
        body["elsewhere"] = [
            {"branch": one.branch, "runs": list(one.runs), "next": one.next, "said": one.sentence}
            for one in others
        ]
    return body


def queue_row_object(entry: QueueEntry) -> dict[str, object]:
    """Return a run of the queue as `--json` prints it."""
    row = {"task": entry.report.task, **_with_sums(entry.report)}
    if entry.remote:
        return {**row, "proposed": entry.proposed, "remote": entry.remote}
    return {**row, "note": entry.note}


def run_object(row: RunReport) -> dict[str, Any]:
    """Return the row of one run as JSON-plain values, as stored in records of batches."""
    return {
        "state": row.state,
        "title": row.title,
        "run": row.run,
        "step": row.step,
        "why": sentence(row.because),
        "exit_code": row.exit_code,
        "stands_on": row.below,
        "branch": row.branch,
        "commit": row.commit,
        "approved_by": row.approved_by,
        **_figures(row.figures),
        "cost": row.cost.plain(),
        "before": row.before.plain(),
    }


def _figures(figures: Figures) -> dict[str, Any]:
    """Return the figures as `asdict` would, which copies each value: a list has thousands."""
    findings = figures.findings
    return {**vars(figures), "findings": {**vars(findings)} if findings else None}


def _with_sums(row: TaskReport) -> dict[str, Any]:
    cost, earlier = row.cost.plain(), row.earlier
    return {
        **run_object(row),
        "before": _paid(row.before),
        **cost,
        "usd": None if row.cost.unpriced else cost["usd"],
        "earlier": _earlier_object(earlier) if earlier else None,
        "earlier_runs": [run for run, _ in reversed(earlier.runs)] if earlier else [],
    }


def _earlier_object(earlier: EarlierTries) -> dict[str, Any]:
    each = [{"run": run, "why": sentence(because)} for run, because in earlier.runs]
    return {"tries": len(each), "why": each[-1]["why"], "each": each, **earlier.cost.plain()}


def _paid(cost: Cost) -> dict[str, int | float] | None:
    return cost.plain() if cost != Cost() else None


_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;"
    "overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #8886;"
    "padding:.4rem .6rem;text-align:left;vertical-align:top}"
    "td:nth-child(-n+2){white-space:nowrap}small{display:block}code{font-size:.9em}"
    "@media(max-width:36rem){thead{display:none}tr,td{display:block}td{border:0;padding:0 .2rem}"
    "td:nth-child(-n+2){display:inline-block;font-weight:600}"
    "tr{border-bottom:1px solid #8886;padding:.5rem 0}}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def markdown(report: BatchReport) -> str:
    """Return the report as Markdown."""
    lines = [f"# Batch of {code(report.spec)}", "", plain(_about_file(report)), ""]
    lines += ["| task | state | what |", "|---|---|---|"]
    for row in report.tasks:
        cell = "<br>".join([f"**{plain(row.title)}**", *map(_marked, task_lines(row))])
        lines.append(f"| {plain(row.task)} | {plain(row.state)} | {cell} |")
    lines += ["", *(f"{plain(text)}  " for text in sums(report)), ""]
    lines += [f"- left out: {plain(text)}" for text in report.left_out]
    return "\n".join(lines).rstrip() + "\n"


def html(report: BatchReport) -> str:
    """Return the report as a page."""
    rows = joined(_row(row) for row in report.tasks)
    left = joined(f"<li>left out: {words(text)}</li>" for text in report.left_out)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Batch of {words(report.spec)}</title><style>{_STYLE}</style></head>
<body><h1>Batch of {words(report.spec)}</h1>
<p>{words(_about_file(report))}</p>
<table><thead><tr><th>task</th><th>state</th><th>what</th></tr></thead>
<tbody>
{rows}
</tbody></table>
<p>{"<br>".join(map(words, sums(report)))}</p>
{f"<ul>{left}</ul>" if left else ""}
</body></html>
"""


def _json(report: BatchReport) -> str:
    return json_report("batch", report_object(report)) + "\n"


FORMATS: Mapping[str, Callable[[BatchReport], str]] = {
    ".md": markdown,
    ".json": _json,
    ".html": html,
}
"""Renderers of the report by file extension."""


def _about_file(report: BatchReport) -> str:
    began = datetime.fromtimestamp(report.began_at).strftime("%Y-%m-%d %H:%M")
    why = f": {why}" if (why := why_stopped(report)) else ""
    where = f" on {report.branch}" if report.branch else ""
    return f"Begun {began}{where}, mode {report.mode}, {report.state}{why}"


def _marked(text: str) -> str:
    """Return a line as Markdown inside a table, with its commands as code."""
    return "".join(_pieces(text, plain, lambda part: code(part).replace("|", "\\|")))


def _row(row: TaskReport) -> str:
    lines = joined(f"<small>{_shown(line)}</small>" for line in task_lines(row))
    cells = f"<td>{words(row.task)}</td><td>{words(row.state)}</td>"
    return f"<tr>{cells}<td>{words(row.title)}{lines}</td></tr>"


def _shown(text: str) -> str:
    """Return a line as HTML, with its commands as code."""
    return "".join(_pieces(text, words, lambda part: f"<code>{words(part)}</code>"))


def _pieces(
    text: str, outside: Callable[[str], str], inside: Callable[[str], str]
) -> Iterator[str]:
    """Yield the pieces of a line; text between a pair of backticks is code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # a single one is not a mark
        pieces = [text]
    for number, piece in enumerate(pieces):
        if number % 2:
            yield inside(piece)
        elif piece:  # keep the spaces beside a command
            yield " " * piece[0].isspace() + outside(piece) + " " * piece[-1].isspace()
