"""Reads labelled cases (benchmarks/cases.md), has the analysers examine them, scores the result."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.change_views import change_view

from reviewloop.analysis.examine import Examination, examine
from reviewloop.analysis.placing import LocatedHit
from reviewloop.analysis.tools import TOOLS
from reviewloop.domain.finding import Severity

EXPECTED = "expected.toml"
EXTRAS = frozenset(tool.name for tool in TOOLS if not tool.core)
_KEYS = {"rule", "category", "line", "end_line", "agent", "severity", "known_miss"}


class LabelError(Exception):
    """An `expected.toml` that does not follow the format."""


@dataclass(frozen=True)
class Wanted:
    """Something that must be found."""

    path: str
    rules: frozenset[str]
    categories: frozenset[str]
    lines: tuple[int, int] | None  # None: anywhere in the file
    agent: str
    severity: str
    known_miss: str  # why it is not found yet, "" when it should be

    def met_by(self, placed: LocatedHit) -> bool:
        """Whether a finding is the one that is wanted."""
        hit, rule = placed.hit, placed.rule
        if hit.path != self.path or (self.agent and rule.reviewer != self.agent):
            return False
        if self.severity and (hit.severity or rule.severity) != self.severity:
            return False
        if rule.id not in self.rules and rule.category not in self.categories:
            return False
        return self.lines is None or touches(placed, *self.lines)

    def __str__(self) -> str:
        line = f":{self.lines[0]}" if self.lines else ""
        named = " or ".join(sorted(self.rules | self.categories))
        return f"{self.path}{line} {named}{f' ({self.agent})' if self.agent else ''}"


@dataclass(frozen=True)
class Silent:
    """Lines on which nothing may be found; None: the whole file."""

    path: str
    lines: tuple[int, int] | None
    nits_count: bool

    def broken_by(self, placed: LocatedHit) -> bool:
        """Whether a finding is a false positive."""
        severity = placed.hit.severity or placed.rule.severity
        if placed.hit.path != self.path or (severity is Severity.NIT and not self.nits_count):
            return False
        return self.lines is None or touches(placed, *self.lines)


@dataclass(frozen=True)
class Case:
    """A folder with two trees and what is to be found in the change from one to the other."""

    folder: Path
    language: str
    expected: tuple[Wanted, ...]
    silent: tuple[Silent, ...]

    @property
    def name(self) -> str:
        """`python/web-injection`."""
        return f"{self.language}/{self.folder.name}"


@dataclass(frozen=True)
class Score:
    """What became of a case."""

    case: Case
    found: tuple[Wanted, ...]
    missed: tuple[Wanted, ...]
    wrong: tuple[LocatedHit, ...]
    examination: Examination


def touches(placed: LocatedHit, first: int, last: int) -> bool:
    """Whether a finding lies on any of the lines."""
    span = placed.hit.span
    return span is not None and span.line <= last and first <= span.end_line


def cases(folder: Path) -> Iterator[Case]:
    """Yield the cases below a folder; the language is the name of the folder that holds a case."""
    for expected in sorted(folder.rglob(EXPECTED)):
        yield read_case(expected.parent)


def read_case(folder: Path) -> Case:
    """Return one case; raise LabelError where its labels are wrong."""
    try:
        labels = tomllib.loads((folder / EXPECTED).read_text("utf-8"))
        wanted: list[Wanted] = []
        silent: list[Silent] = []
        for file in labels["file"]:
            path = file["path"]
            if path and not any((folder / side / path).is_file() for side in ("new", "base")):
                raise LabelError(f"{folder}: there is no file {path}")
            wanted += [_wanted(path, each) for each in file.get("must_find", ())]
            silent += _silent(path, file)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise LabelError(f"{folder / EXPECTED}: {error!r}") from error
    return Case(folder, folder.parent.name, tuple(wanted), tuple(silent))


def _wanted(path: str, label: dict[str, Any]) -> Wanted:
    if unknown := label.keys() - _KEYS:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    rules, categories = _several(label.get("rule")), _several(label.get("category"))
    if not rules and not categories:
        raise ValueError("a rule or a category is needed")
    first = label.get("line")
    lines = None if first is None else (first, label.get("end_line", first))
    more = (label.get(key, "") for key in ("agent", "severity", "known_miss"))
    return Wanted(path, rules, categories, lines, *more)


def _several(value: str | list[str] | None) -> frozenset[str]:
    return frozenset([value] if isinstance(value, str) else value or ())


def _silent(path: str, file: dict[str, Any]) -> list[Silent]:
    ranges, nits = file.get("must_not_find", []), bool(file.get("nits_count"))
    if ranges == "anything":
        return [Silent(path, None, nits)]
    pairs = [(each, each) if isinstance(each, int) else (each[0], each[1]) for each in ranges]
    return [Silent(path, pair, nits) for pair in pairs]


def examine_case(case: Case, *, all_tools: bool = False) -> Score:
    """Have the analysers read a case's change and return what they found and missed."""
    view = change_view(_tree(case.folder / "base"), _tree(case.folder / "new"))
    examination = examine(view, off=frozenset() if all_tools else EXTRAS)
    met = {wanted: any(map(wanted.met_by, examination.hits)) for wanted in case.expected}
    wrong = [p for p in examination.hits if any(silent.broken_by(p) for silent in case.silent)]
    return Score(
        case,
        tuple(wanted for wanted, is_met in met.items() if is_met),
        tuple(wanted for wanted, is_met in met.items() if not is_met),
        tuple(wrong),
        examination,
    )


def _tree(folder: Path) -> dict[str, str]:
    """Return path -> text of a folder's files; LF and CR are kept as they are."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode("utf-8", "replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
