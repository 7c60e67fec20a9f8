"""The queue on a terminal; imported only to show it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from reviewloop.output.batch_words import figures_of
from reviewloop.output.terminal import hanging
from reviewloop.output.untrusted import one_line

_STYLES = {
    "waiting": "bold yellow",
    "stopped": "yellow",
    "running": "cyan",
    "blocked": "bold red",
}


def render_queue(body: Mapping[str, Any], console: Console) -> None:
    """Print what waits for a person, from the bottom of the line to its top."""
    rows, elsewhere = body["runs"], body.get("elsewhere", ())
    if not rows:
        named = body.get("branch") and ("elsewhere" not in body or elsewhere)
        where = f"on {one_line(body['branch'])}" if named else "for you"
        console.print(f"nothing waits {where}; `reviewloop status` lists the runs")
    width = max((len(one_line(row["run"])) for row in rows), default=0)
    place = ""
    for row in rows:
        if (there := _place(row)) != place:
            place = there
            console.print(Text(place, style="bold"), soft_wrap=True)
        head = Text(f"{one_line(row['run']):<{width}}  ", style="bold")
        head.append(f"{row['state']:<8} ", style=f"not bold {_STYLES.get(row['state'], 'default')}")
        hanging(head, Text(one_line(f"{row['task']} {row['title']}".strip())), console)
        for text in _below(row):
            hanging(Text(" " * (width + 2)), Text(text, style="dim"), console)
    if any(row["state"] == "waiting" for row in rows):
        see = "`reviewloop queue show RUN --diff`, then `reviewloop queue approve RUN`"
        console.print(Text(f"{see} or `reviewloop queue reject RUN`"), soft_wrap=True)
        one = "" if len(set(map(_place, rows))) == 1 else " --branch NAME"
        every = f"`reviewloop queue approve --all{one}`"
        # Workers look where a run stands; what they find is not known here.
        told = body.get("approve_all", {}).get("said") or "commits what has no must fix left"
        console.print(Text(one_line(f"{every} {told}")), soft_wrap=True)
    for one in elsewhere:
        console.print(one_line(one["said"]))


def render_note(text: str, console: Console) -> None:
    """Print what a person should know of one run of the queue."""
    console.print(Text(one_line(text)))


def _place(row: Mapping[str, Any]) -> str:
    """Return the branch of a run that waits in a store, which has those of many repositories."""
    return one_line(f"{row['branch']} of {row['remote']}") if row.get("remote") else ""


def _below(row: Mapping[str, Any]) -> list[str]:
    lines = []
    if row["stands_on"]:
        lines.append(f"on top of {one_line(row['stands_on'])}")
    if row.get("note"):
        lines.append(one_line(row["note"]))
    if row["why"]:
        lines.append(one_line(row["why"]))
    return [*lines, figures_of(row)]
