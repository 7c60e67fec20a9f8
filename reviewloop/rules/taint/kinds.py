"""The tables of what libraries do with data, and the kinds of harm that their rows name."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

TABLES = Path(__file__).parent
_OF_THE_ENGINE = frozenset({"header-injection", "nosql-code", "trust-boundary"})


@cache
def read_table(path: Path) -> dict[str, Any]:
    """Return a table as it is written."""
    return tomllib.loads(path.read_text("utf-8"))


def kinds_of(folder: Path) -> frozenset[str]:
    """Return what outside data can do in the languages whose tables a folder holds.

    A sink of Python is of the kind that its rule is called; the engine knows some without a row.
    """
    rows = (row for path in folder.glob("*.toml") for row in read_table(path)["sink"])
    return _OF_THE_ENGINE.union(row.get("kind", row["rule"]) for row in rows)
