"""The report of a batch: its words of each task and in sum, as Markdown, JSON or HTML."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind
from reviewloop.render.html.markup import joined, words
from reviewloop.render.json import json_report
from reviewloop.render.text import cap_money, counted, duration, money, share, tokens
from reviewloop.render.untrusted import code, one_line, plain

Row = Mapping[str, Any]
ON_ITS_WAY = "an answer is on its way"
RAISES = {"--budget-usd": "a higher", "--deadline": "a later"}  # the caps of a batch
_LENT = {"limits.usd": "--budget-usd", "limits.minutes": "--deadline"}  # by which of its own
_UNTIL_FAILURE = {ReasonKind.FAILURE_STOPS, ReasonKind.STILL_BLOCKED}
_NEEDS = {ReasonKind.NEED_OPEN, ReasonKind.NEEDS_APPROVAL}
_SUMS = re.compile(r" \(all in all [^)]*\)(?=; |$)")


def sums(body: Mapping[str, Any]) -> Sequence[str]:
    """Return how many tasks stand where, and what all of them took."""
    totals = body["totals"]
    counts = ", ".join(f"{number} {state}" for state, number in body["counts"].items())
    cost = _about(totals) + money(totals["usd"])
    if body.get("budget_usd") is not None:
        spent = _about(totals) + cap_money(totals["usd"])
        cost = f"{spent} of {cap_money(body['budget_usd'])}"
    if totals["unpriced"]:
        cost += f" and {counted(totals['unpriced'], 'call')} of unknown price"
    took = f"{duration(totals['seconds'])} of work"
    if (wall := totals.get("wall_seconds")) is not None:
        sittings = totals["sittings"]
        took += f", {duration(wall)} by the clock"
        took += f" in {sittings} sessions" if sittings > 1 else ""
    used = f"{tokens(totals['tokens'])} tokens, {counted(totals['calls'], 'call')}"
    if cut := totals.get("estimated"):
        used += f" ({cut} estimated)"
    return [one_line(counts), f"{cost}, {used}, {took}{_before(totals)}"]


def why_stopped(body: Mapping[str, Any]) -> str:
    """Return why a batch stopped before its end, "" if it did not; rows say how it goes on."""
    return one_line(_told(body["reason"]))


def task_lines(row: Row) -> Sequence[str]:
    """Return what is worth telling of a task, besides its title and state."""
    lines = ["; ".join(filter(None, (_place(row), _told(row["why"]))))]
    if earlier := row.get("earlier"):
        lines += _tries(earlier)
    if row.get("moved") and row["state"] == "waiting":
        lines.append(str(row["moved"]))
    if next_step := row.get("next"):
        lines += f"next: {next_step}".replace("`, then ", "`\nthen ").split("\n")
    if row["run"] or earlier:
        lines.append(figures_of(row))
    return [one_line(line) for line in lines if line]


def next_of(
    row: Row,
    because: Reason = NO_REASON,
    *,
    going_on: bool = False,
    work_kept: bool = True,
    batch_because: Reason = NO_REASON,
    anew: str = "",
    by_workers: bool = False,
) -> str:
    """Return what a person can do next about a task, "" when there is nothing.

    `because`: why it is open or stopped. `going_on`: the batch is at work, so it takes that up
    itself. `work_kept`: the run is still there. `batch_because`: why the whole batch stopped.
    `anew`: what it needs and was rejected. `by_workers`: what is resumed is queued, with the tasks
    that wait for it.
    """
    run, state = row["run"], row["state"]
    if anew:
        return anew_or_not(anew, run)
    if state == "waiting":
        return f"`reviewloop queue show {run} --diff`, then `reviewloop queue approve {run}`"
    if state == "blocked":
        reject = f"`reviewloop reject {run}`"
        return f"`reviewloop show {run}`, then `reviewloop modify {run} -m TEXT` or {reject}"
    if state in {"rejected", "undone"}:
        some = work_kept and row.get("files") != 0  # of a run that changed nothing there is none
        work = f"; `reviewloop checkout {run} NAME` saves its work" if some else ""
        return f"`reviewloop batch` does it anew{work}"
    if going_on or row.get("refused") or state == "committed":
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
    """Return the options of `reviewloop batch` that raise the cap which stopped something."""
    if because.kind is ReasonKind.CAP_REACHED:
        flag = because.text("flag") or _LENT.get(because.text("cap"), "")
        return [flag]
    return because.lines("flags")


def anew_or_not(need: str, run: str) -> str:
    """Return what to do with a run whose task needs one that was rejected."""
    both = f"`reviewloop batch` does {need} anew and rebases this onto it"
    return f"{both}, or reject this, too: `reviewloop queue reject {run}`"


def figures_of(row: Row) -> str:
    """Return what was done, tests, rounds, findings and cost of a task in one line."""
    said = done_in(row)
    cost = "price unknown" if row["usd"] is None else _about(row) + money(row["usd"])
    said += [f"{tokens(row['tokens'])} tokens", cost, duration(row["seconds"])]
    return ", ".join(said) + _before(row)


def _about(values: Row) -> str:
    """Return what goes before a sum of which some is estimated: a reply of it was cut off."""
    return "about " if values.get("estimated") else ""


def _place(row: Row) -> str:
    """Return where a task's change is, as far as there is one."""
    if row["state"] == "committed":
        by = f" by {row['approved_by']}" if row["approved_by"] else ""
        subject = f": {_subject(row)}" if _subject(row) else ""
        return f"{row['commit'][:10]} on {row['branch']}{by}{subject}"
    if row["state"] in {"running", "stopped"}:
        return f"at {row['step']}" if row.get("step") else ""
    if row["state"] != "waiting":
        return ""
    said = any(words in row["why"] for words in ("it builds on ", "what it was built on "))
    below = "" if said else row.get("stands_on")
    on = f"on top of {below}" if below else ""
    return ", ".join(filter(None, (_subject(row), on)))


def _subject(row: Row) -> str:
    """Return the first line of a commit's message, "" where the title says the same."""
    subject = str(row.get("subject") or "")
    return "" if subject == row.get("title") else subject


def _told(why: str) -> str:
    """Return a reason without what stands elsewhere in the account: how to go on, and sums."""
    return _SUMS.sub("", why.partition("; nothing is lost")[0])


def done_in(row: Row) -> list[str]:
    """Return what was done, tests, rounds and findings; nothing where no change is finished."""
    if row.get("files") is None:
        return []
    said = [counted(row["files"], "file") if row["files"] else "no file changed"]
    if ran := row["tests"]:
        said.append(f"{ran['passed']}/{ran['passed'] + ran['failed']} tests")
    elif row.get("tests_ended"):
        said.append(f"tests {row['tests_ended']}")
    if row.get("coverage") is not None:
        said.append(f"coverage {share(row['coverage'])}")
    if row.get("modifications"):
        said.append(f"modified {counted(row['modifications'], 'time')}")
    if row["rounds"]:
        said.append(counted(row["rounds"], "fix round"))
    return [*said, _findings(row["findings"])]


def _findings(found: Mapping[str, int] | None) -> str:
    if found is None:
        return "not reviewed"
    words = [
        _left(found["left"], found.get("must_fix", 0)),  # rows of earlier releases lack it
        f"{found['fixed']} fixed" if found["fixed"] else "",
        f"{found['dismissed']} dismissed" if found.get("dismissed") else "",
        counted(found["nits"], "nit") if found["nits"] else "",
    ]
    return ", ".join(filter(None, words)) or "no findings"


def _left(number: int, must_fix: int) -> str:
    """Return how many findings are left, "" for none."""
    if not number:
        return ""
    if number == must_fix:
        return f"{counted(number, 'must-fix finding')} left"
    worst = f" ({must_fix} must fix)" if must_fix else ""
    return f"{counted(number, 'finding')} left{worst}"


def _tries(earlier: Mapping[str, Any]) -> list[str]:
    """Return what earlier tries cost, and of each why it was not the last."""
    cost = money(earlier["usd"]) if not earlier["unpriced"] else "price unknown"
    head = f"{counted(earlier['tries'], 'earlier try', 'earlier tries')}, {cost}"
    if earlier["tries"] == 1:
        return [f"{head}: {_told(earlier['why'])}" if earlier["why"] else head]
    return [head, *(f"{one['run']}: {_told(one['why'])}" for one in earlier["each"] if one["why"])]


def _before(values: Mapping[str, Any]) -> str:
    """Return what a run had cost when this batch took it over: its budget does not count that."""
    paid = values.get("before")
    if not paid:
        return ""
    cost = money(paid["usd"]) + (" and more" if paid["unpriced"] else "")
    return f"; {cost} more was paid before this batch"


Body = Mapping[str, Any]

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


def markdown(body: Body) -> str:
    """Return the account as Markdown."""
    lines = [f"# Batch of {code(body['spec'])}", "", plain(_about_file(body)), ""]
    lines += ["| task | state | what |", "|---|---|---|"]
    for row in body["tasks"]:
        said = "<br>".join([f"**{plain(row['title'])}**", *map(_marked, task_lines(row))])
        lines.append(f"| {plain(row['task'])} | {plain(row['state'])} | {said} |")
    lines += ["", *(f"{plain(text)}  " for text in sums(body)), ""]
    lines += [f"- left out: {plain(sentence)}" for sentence in body["left_out"]]
    return "\n".join(lines).rstrip() + "\n"


def html(body: Body) -> str:
    """Return the account as a page."""
    rows = joined(_row(row) for row in body["tasks"])
    left = joined(f"<li>left out: {words(sentence)}</li>" for sentence in body["left_out"])
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Batch of {words(body["spec"])}</title><style>{_STYLE}</style></head>
<body><h1>Batch of {words(body["spec"])}</h1>
<p>{words(_about_file(body))}</p>
<table><thead><tr><th>task</th><th>state</th><th>what</th></tr></thead>
<tbody>
{rows}
</tbody></table>
<p>{"<br>".join(map(words, sums(body)))}</p>
{f"<ul>{left}</ul>" if left else ""}
</body></html>
"""


def _json(body: Body) -> str:
    return json_report("batch", body) + "\n"


FORMATS: Mapping[str, Callable[[Body], str]] = {".md": markdown, ".json": _json, ".html": html}
"""How the account is written, by the ending of the file's name."""


def _about_file(body: Body) -> str:
    began = datetime.fromtimestamp(body["began_at"]).strftime("%Y-%m-%d %H:%M")
    why = f": {why}" if (why := why_stopped(body)) else ""
    where = f" on {body['branch']}" if body.get("branch") else ""
    return f"Begun {began}{where}, mode {body['mode']}, {body['state']}{why}"


def _marked(text: str) -> str:
    """Return a line as Markdown inside a table, with its commands as code."""
    return "".join(_pieces(text, plain, lambda part: code(part).replace("|", "\\|")))


def _row(row: Mapping[str, Any]) -> str:
    said = joined(f"<small>{_shown(line)}</small>" for line in task_lines(row))
    cells = f"<td>{words(row['task'])}</td><td>{words(row['state'])}</td>"
    return f"<tr>{cells}<td>{words(row['title'])}{said}</td></tr>"


def _shown(text: str) -> str:
    """Return a line as HTML, with its commands as code."""
    return "".join(_pieces(text, words, lambda part: f"<code>{words(part)}</code>"))


def _pieces(
    text: str, outside: Callable[[str], str], inside: Callable[[str], str]
) -> Iterator[str]:
    """Yield the pieces of a line; what stands between a pair of backticks is code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one of them is alone, so it is no mark
        pieces = [text]
    for number, piece in enumerate(pieces):
        if number % 2:
            yield inside(piece)
        elif piece:  # the spaces beside a command are not lost
            yield " " * piece[0].isspace() + outside(piece) + " " * piece[-1].isspace()
