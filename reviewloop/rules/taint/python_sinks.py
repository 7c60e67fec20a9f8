"""The table of Python's sinks: calls whose arguments must not be decided from outside."""

import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Sink(NamedTuple):
    """One call that does harm.

    `callee` is a whole dotted name, or ".method" for a method of anything. `test` names a further
    condition (see `python_sink_tests`).
    """

    rule: str
    callee: str
    args: tuple[int | str, ...] = (0,)  # positions and keywords
    test: str = ""
    what: str = ""  # for the message; "" is the call itself
    sure: bool = True


@cache
def sinks() -> dict[str, tuple[Sink, ...]]:
    """Return all sinks by the last part of their name; the table says where each fact is from."""
    table = tomllib.loads((Path(__file__).parent / "python.toml").read_text("utf-8"))
    found: dict[str, list[Sink]] = {}
    for row in table["sink"]:
        for callee in row["callees"]:
            sink = Sink(
                row["rule"],
                callee,
                tuple(row.get("args", (0,))),
                row.get("test", ""),
                row.get("what", ""),
                row.get("sure", True),
            )
            found.setdefault(callee.rpartition(".")[2], []).append(sink)
    return {name: tuple(rows) for name, rows in found.items()}
