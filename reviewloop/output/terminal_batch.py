"""The account of a batch on a terminal; imported only to show it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from reviewloop.output.batch_words import sums, task_lines, why_stopped
from reviewloop.output.terminal import hanging
from reviewloop.output.untrusted import one_line

_STYLES = {
    "committed": "green",
    "waiting": "bold yellow",
    "blocked": "bold red",
    "stopped": "yellow",
    "running": "cyan",
    "rejected": "dim",
    "undone": "dim",
    "open": "dim",
}
_WIDTH = max(map(len, _STYLES))


def render_account(body: Mapping[str, Any], console: Console) -> None:
    """Print what happened to each task of a batch, then the sums."""
    console.print()
    where = f" on {body['branch']}" if body.get("branch") else ""
    name = one_line(f"{body['spec']}{where}  ({body['mode']}, {body['state']})")
    console.print(Text(name, style="bold"))
    if why := why_stopped(body):
        hanging(Text("  "), Text(why), console)
    width = max((len(one_line(row["task"])) for row in body["tasks"]), default=1)
    for row in body["tasks"]:
        _task(row, width, console)
    for sentence in body["left_out"]:
        hanging(Text("  left out  "), Text(one_line(sentence), style="dim"), console)
    for text in sums(body):
        hanging(Text(""), Text(text), console)
    if body["counts"].get("waiting"):
        every = "what `reviewloop queue approve --all` does with it"
        console.print(Text(f"`reviewloop queue` lists what waits, and {every}"), soft_wrap=True)


def _task(row: Mapping[str, Any], width: int, console: Console) -> None:
    state = row["state"]
    head = Text(f"{one_line(row['task']):<{width}}  ", style="bold")
    head.append(f"{state:<{_WIDTH}}  ", style=f"not bold {_STYLES.get(state, 'default')}")
    hanging(head, Text(one_line(row["title"])), console)
    for text in task_lines(row):
        hanging(Text(" " * (width + 2)), Text(text, style="dim"), console)
