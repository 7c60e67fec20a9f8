"""What the account of a batch says of a task and in sum, the same words wherever it is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from reviewloop.output.figures import counted, duration, money, tokens
from reviewloop.output.untrusted import one_line


def sums(body: Mapping[str, Any]) -> str:
    """Return how many tasks stand where, and what all of them took."""
    totals = body["totals"]
    counts = ", ".join(f"{number} {state}" for state, number in body["counts"].items())
    cost = money(totals["usd"]) + (" and calls of unknown price" if totals["unpriced"] else "")
    return f"{counts}; {tokens(totals['tokens'])} tokens, {cost}, {duration(totals['seconds'])}"


def task_lines(row: Mapping[str, Any]) -> Sequence[str]:
    """Return what is worth telling of a task, besides its title and state."""
    lines = []
    if row["state"] == "committed":
        by = f" by {one_line(row['approved_by'])}" if row["approved_by"] else ""
        lines.append(f"{row['commit'][:10]} on {one_line(row['branch'])}{by}")
    elif row["run"]:
        below = f", on top of {one_line(row['stands_on'])}" if row["stands_on"] else ""
        at = f", at {one_line(row['step'])}" if row.get("step") else ""
        lines.append(f"run {one_line(row['run'])}{below}{at}")
    if row["why"]:
        lines.append(one_line(row["why"]))
    if row["run"]:
        lines.append(figures_of(row))
    return lines


def figures_of(row: Mapping[str, Any]) -> str:
    """Return tests, rounds, findings and cost of a task in one line."""
    said = []
    if row["tests"]:
        ran = row["tests"]
        said.append(f"{ran['passed']}/{ran['passed'] + ran['failed']} tests")
    if row["findings"]:
        found = row["findings"]
        said.append(f"{counted(row['rounds'], 'fix round')}")
        said.append(
            f"{found['left']} left, {found['fixed']} fixed, {counted(found['nits'], 'nit')}"
        )
    cost = "price unknown" if row["usd"] is None else money(row["usd"])
    return ", ".join([*said, f"{tokens(row['tokens'])} tokens", cost, duration(row["seconds"])])
