"""The account of a batch and the queue on a terminal; imported only to show them."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from reviewloop.output.batch_words import figures_of, sums, task_lines
from reviewloop.output.terminal import hanging
from reviewloop.output.untrusted import one_line

_STYLES = {
    "committed": "green",
    "waiting": "bold yellow",
    "blocked": "bold red",
    "stopped": "yellow",
    "running": "cyan",
    "rejected": "dim",
    "open": "dim",
}
_WIDTH = max(map(len, _STYLES))


def render_account(body: Mapping[str, Any], console: Console) -> None:
    """Print what happened to each task of a batch, then the sums."""
    console.print()
    name = one_line(f"{body['spec']}  ({body['mode']}, {body['state']})")
    console.print(Text(name, style="bold"))
    width = max((len(one_line(row["task"])) for row in body["tasks"]), default=1)
    for row in body["tasks"]:
        _task(row, width, console)
    for sentence in body["left_out"]:
        hanging(Text("  left out  "), Text(one_line(sentence), style="dim"), console)
    console.print(Text(sums(body)))
    if body["counts"].get("waiting"):
        console.print(Text("`reviewloop queue` shows what waits for you"))


def _task(row: Mapping[str, Any], width: int, console: Console) -> None:
    state = row["state"]
    head = Text(f"{one_line(row['task']):<{width}}  ", style="bold")
    head.append(f"{state:<{_WIDTH}}  ", style=f"not bold {_STYLES.get(state, 'default')}")
    hanging(head, Text(one_line(row["title"])), console)
    for text in task_lines(row):
        hanging(Text(" " * (width + 2)), Text(text, style="dim"), console)


def render_queue(body: Mapping[str, Any], console: Console) -> None:
    """Print what waits for a person, from the bottom of the line to its top."""
    rows = body["runs"]
    if not rows:
        console.print("nothing waits for you; `reviewloop status` lists the runs")
        return
    width = max(len(one_line(row["run"])) for row in rows)
    for row in rows:
        head = Text(f"{one_line(row['run']):<{width}}  ", style="bold")
        head.append(f"{row['state']:<8} ", style=f"not bold {_STYLES.get(row['state'], 'default')}")
        hanging(head, Text(one_line(f"{row['task']} {row['title']}".strip())), console)
        for text in _below(row):
            hanging(Text(" " * (width + 2)), Text(text, style="dim"), console)
    if any(row["state"] == "waiting" for row in rows):
        console.print(
            "`reviewloop queue show RUN --diff`, `queue approve RUN… | --all`, `queue reject RUN…`"
        )


def _below(row: Mapping[str, Any]) -> list[str]:
    lines = []
    if row["stands_on"]:
        lines.append(f"on top of {one_line(row['stands_on'])}")
    if row["state"] == "stale":
        lines.append("stands on a commit that the branch does not have")
    if row["why"]:
        lines.append(one_line(row["why"]))
    return [*lines, figures_of(row)]
