"""Packages known by name: abandoned ones, and popular ones that typos imitate."""

from functools import cache
from pathlib import Path
from typing import NamedTuple, TypedDict

from reviewloop.analysis.data_tables import read_table
from reviewloop.rules.deps.manifest import Ecosystem

_SHORTEST = 6  # shorter names have too many legitimate neighbours
_LONGEST = 60


class Abandoned(NamedTuple):
    """The replacement of an abandoned package, and the source for it."""

    instead: str  # ends the sentence "use ..."
    source: str


class _Abandoned(TypedDict):
    instead: str
    source: str


class _WellKnown(TypedDict):
    source: str
    names: list[str]


class _Table(TypedDict):
    """The table in the TOML file beside this module, which documents its parts."""

    honest: list[str]
    well_known: dict[str, _WellKnown]
    abandoned: dict[str, dict[str, _Abandoned]]


@cache
def _table() -> _Table:
    table: _Table = read_table(Path(__file__).with_suffix(".toml"))  # a test reads the table
    return table


def find_replacement(ecosystem: Ecosystem, name: str) -> Abandoned | None:
    """Return the replacement that a package's authors recommend, None for none."""
    row = _table()["abandoned"].get(ecosystem, {}).get(name)
    return Abandoned(row["instead"], row["source"]) if row else None


def _shorter(name: str) -> set[str]:
    """Return a name, and the name without each one of its letters."""
    return {name, *(name[:at] + name[at + 1 :] for at in range(len(name)))}


@cache
def _by_form() -> dict[tuple[Ecosystem, str], list[str]]:
    """Names that are one slip apart share one of these forms, so that few need comparing."""
    forms: dict[tuple[Ecosystem, str], list[str]] = {}
    for ecosystem, rows in _table()["well_known"].items():
        for known in rows["names"]:
            for form in _shorter(known) if len(known) >= _SHORTEST else ():
                forms.setdefault((Ecosystem(ecosystem), form), []).append(known)
    return forms


def looks_like(ecosystem: Ecosystem, name: str) -> str:
    """Return the well-known name that `name` is one slip away from, "" for none.

    A slip is a letter too many, too few, wrong, or two in the wrong order; digits are no slips.
    """
    rows = _table()["well_known"].get(ecosystem)
    if rows is None or not _SHORTEST - 1 <= len(name) <= _LONGEST:
        return ""
    if name in rows["names"] or name in _table()["honest"]:
        return ""
    near = {other for form in _shorter(name) for other in _by_form().get((ecosystem, form), ())}
    return min((other for other in near if _one_slip(name, other)), default="")


def _one_slip(name: str, other: str) -> bool:
    start = 0
    while start < min(len(name), len(other)) and name[start] == other[start]:
        start += 1
    mine, theirs = name[start:], other[start:]
    end = 0
    while end < min(len(mine), len(theirs)) and mine[-1 - end] == theirs[-1 - end]:
        end += 1
    mine, theirs = mine[: len(mine) - end], theirs[: len(theirs) - end]
    changed = mine + theirs
    if not changed or not all(letter.isalpha() or letter in "-_." for letter in changed):
        return False
    if len(mine) <= 1 and len(theirs) <= 1:
        return True
    return len(mine) == 2 and mine == theirs[::-1]
