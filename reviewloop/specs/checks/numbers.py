"""Finds contradictory numbers: the same thing with two amounts in one spec."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import Hit, Span
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex
from reviewloop.specs.checks.view import SpecLine, SpecView
from reviewloop.specs.words import terms

_UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("ms", "millisecond"), ("time", 0.001)),
    **dict.fromkeys(("s", "sec", "second"), ("time", 1)),
    **dict.fromkeys(("min", "minute"), ("time", 60)),
    **dict.fromkeys(("h", "hour", "hr"), ("time", 3600)),
    "day": ("time", 86_400),
    "week": ("time", 604_800),
    "kb": ("size", 1e3),
    "mb": ("size", 1e6),
    "gb": ("size", 1e9),
    "tb": ("size", 1e12),
    "byte": ("size", 1),
    "%": ("share", 1),
    "percent": ("share", 1),
    **{
        unit: (unit, 1)
        for unit in ("character", "attempt", "retry", "item", "user", "request", "connection")
    },
}
_QUANTITY = regex(
    r"(?<![\w.\-/#$])(?P<number>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)\s?[- ]?"
    r"(?P<unit>ms|milliseconds?|s|secs?|seconds?|min|minutes?|h|hrs?|hours?|days?|weeks?|[KMGT]B|bytes?"
    r"|%|percent|characters?|attempts?|retries|items?|users?|requests?|connections?)(?![\w])",
    re.IGNORECASE,
)
_CLAUSE = regex(r"[.;:](?:\s|$)|,\s|\s[-–—]\s|\s\|\s|\(|\)")
_NEGLIGIBLE_WORDS = """
    least most within than maximum minimum max min up about after every second minute hour day
    default limit time value set number per rate
"""
_NEGLIGIBLE = frozenset(_NEGLIGIBLE_WORDS.split())
_SHARED = 3  # key words that two clauses must share to be about one thing
_SHARE = 0.6  # of all key words of both


@dataclass(frozen=True)
class _Quantity:
    line: SpecLine
    text: str
    kind: str
    amount: float
    words: frozenset[str]


def find_contradictions(view: SpecView) -> Iterator[Hit]:
    """Yield numbers of design and tasks that differ from those in a requirement on the same thing.

    Two clauses are about one thing when they share most of their key words. A clause with several
    amounts of a kind is ignored: a range, a table, a comparison.
    """
    required = [one for line in view.statements for one in _quantities(line)]
    named: set[tuple[str, int]] = set()
    for line in view.of_part("requirements", "design", "tasks"):
        if line.level:
            continue
        for one in _quantities(line):
            first = next((other for other in required if _contradicts(one, other)), None)
            if first is None or (line.path, line.number) in named:
                continue
            named |= {(line.path, line.number), (first.line.path, first.line.number)}
            message = f'"{one.text}" here, "{first.text}" in {first.line.path}:{first.line.number}'
            location = Span(first.line.number, first.line.number)
            found = view.hit("spec/numbers-contradict", line, message, one.text)
            related = ((location, "the other number"),) if first.line.path == line.path else ()
            yield Hit(found.rule, found.path, found.span, found.message, related=related)


def _contradicts(one: _Quantity, other: _Quantity) -> bool:
    if (
        (one.line.path, one.line.part) == (other.line.path, other.line.part)
        or one.kind != other.kind
        or one.amount == other.amount
    ):
        return False
    shared = one.words & other.words
    return len(shared) >= _SHARED and len(shared) / len(one.words | other.words) >= _SHARE


def _quantities(line: SpecLine) -> Iterator[_Quantity]:
    """Yield the amounts of a line that are the only ones of their kind in their clause."""
    for clause in _CLAUSE.split(line.text):
        found = list(_QUANTITY.finditer(clause))
        kinds = [_UNITS[_unit(one["unit"])][0] for one in found]
        words = frozenset(terms(_QUANTITY.sub(" ", clause))) - _NEGLIGIBLE
        for one, kind in zip(found, kinds, strict=True):
            if kinds.count(kind) == 1:
                factor = _UNITS[_unit(one["unit"])][1]
                amount = float(one["number"].replace(",", "")) * factor
                yield _Quantity(line, one[0].strip(), kind, amount, words)


def _unit(written: str) -> str:
    unit = written.casefold()
    if unit in _UNITS:
        return unit
    return "retry" if unit == "retries" else unit.removesuffix("s")
