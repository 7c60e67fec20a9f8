"""The queue on a terminal; imported only to show it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from reviewloop.output.batch_words import figures_of
from reviewloop.output.terminal import hanging
from reviewloop.output.untrusted import one_line

_STYLES = {"waiting": "bold yellow", "stale": "yellow", "blocked": "bold red"}


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
