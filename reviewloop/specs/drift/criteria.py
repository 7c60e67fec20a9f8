"""Finds the tests that name criteria, and the criteria that a change leaves without any."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from reviewloop.analysis.contract import PathClass
from reviewloop.analysis.languages import path_class
from reviewloop.domain.drift import Drift
from reviewloop.regex import regex
from reviewloop.specs.checks import SpecView
from reviewloop.specs.requirements import resolve
from reviewloop.specs.select import leaves
from reviewloop.specs.words import named_paths

_NO_TEST = (".md", ".json", ".yaml", ".yml", ".toml", ".txt", ".snap", ".lock")


def is_test_text(path: str) -> bool:
    """Whether a file is a test that may name a criterion."""
    return path_class(path) is PathClass.TEST and not path.endswith(_NO_TEST)


def naming_tests(
    view: SpecView, idents: Sequence[str], tests: Mapping[str, str], *, alone: bool
) -> dict[str, list[tuple[str, int]]]:
    """Return for each id the test files that name it, or that only its tasks name, with the line.

    `alone` is as for `trace`.
    """
    found: dict[str, list[tuple[str, int]]] = {ident: [] for ident in idents}
    of_task: dict[str, set[str]] = {ident: set() for ident in idents}
    for task in leaves(view.spec):
        paths = named_paths(f"{task.title}\n{task.body}")
        for key in resolve(task.requirements, view.spec.requirements)[0] if paths else ():
            if key in of_task:
                of_task[key] |= set(paths)
    for path, text in tests.items():
        about = text if alone or view.spec.name in text else ""
        for ident in idents:
            at = _named_at(about, ident)
            if at is not None:
                found[ident].append((path, about.count("\n", 0, at) + 1))
            elif path in of_task[ident]:
                found[ident].append((path, 1))
    return found


def names_criterion(text: str, ident: str) -> bool:
    """Whether the text of a test names a requirement or a criterion by its id."""
    return _named_at(text, ident) is not None


def _named_at(text: str, ident: str) -> int | None:
    """Return where a test names an id; a bare number counts only after the word requirement."""
    if not _may_name(text, ident):
        return None
    found = _written(ident).search(text)
    return found.start() if found else None


def _may_name(text: str, ident: str) -> bool:
    """Whether a text may contain an id: a cheap check before the search."""
    if ident[:1].isalpha():
        return _JOINS.sub("", ident).casefold() in _joined(text)
    return ident in _numbers(text)


@lru_cache(maxsize=4096)
def _joined(text: str) -> str:
    return _JOINS.sub("", text).casefold()


@lru_cache(maxsize=4096)
def _numbers(text: str) -> frozenset[str]:
    """Return the numbers after the word requirement and similar words."""
    lists = " ".join(found[1] for found in _NUMBERS.finditer(text)).replace("_", ".")
    return frozenset(one.strip(".") for one in re.split(r"[^\d.]+", lists) if one)


_JOINS = regex(r"[-_\s]")
_NUMBERS = regex(
    r"(?:requirements?|req|criteri(?:on|a)|validates)[\s:#_.]*((?:[\d._,\s]|and)+)", re.IGNORECASE
)


@lru_cache(maxsize=1024)
def _written(ident: str) -> re.Pattern[str]:
    if re.match(r"[A-Za-z]", ident):
        written = re.escape(ident).replace(r"\-", "[-_ ]?")
        return re.compile(rf"(?:(?<![A-Za-z0-9])|(?<=test)){written}(?!\d|\.\d)", re.IGNORECASE)
    number = re.escape(ident).replace(r"\.", "[._]")
    return re.compile(
        rf"(?:requirements?|req|criteri(?:on|a)|validates)[\s:#_.]*(?:(?:[\d._,\s]|and)+[,\s])?{number}"
        r"(?!\d|[._]\d)",
        re.IGNORECASE,
    )


def without_tests(view: SpecView, tests: Mapping[str, str], *, alone: bool) -> tuple[str, ...]:
    """Return the ids of a spec that no test names."""
    found = naming_tests(view, tuple(view.spec.requirements), tests, alone=alone)
    return tuple(ident for ident, locations in found.items() if not locations)


def lost_tests(
    view: SpecView, missing: Sequence[str], before: Mapping[str, str], when: str, *, alone: bool
) -> Iterator[Drift]:
    """Yield those of the ids without a test which a test of `before` named.

    `when` describes the version of `before`.
    """
    reported: set[str] = set()
    for ident, found in naming_tests(view, missing, before, alone=alone).items():
        # A requirement whose criteria are reported one by one needs no line of its own.
        if found and not any(one.startswith(f"{ident}.") for one in reported):
            reported.add(ident)
            path, line = view.requirement_at.get(ident) or view.first_of("requirements")
            shown = ", ".join(f"{one}:{at}" for one, at in found)
            note = f"its only test was {shown} {when}"
            yield Drift("criterion", ident, view.spec.path, f"{path}:{line}", "", note)
