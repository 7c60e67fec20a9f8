"""Decides which hits are the change's own: on its lines, caused by it, and not there before."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reviewloop.analysers import book
from reviewloop.analysers.base import ChangeView, Hit, PathClass, SourceFile
from reviewloop.analysers.rules import Rule


@dataclass(frozen=True)
class Placed:
    """A hit that is the change's own, with its rule."""

    hit: Hit
    rule: Rule
    source: str  # the analyser that said it, with its version where it has one
    on_change: bool  # False: caused by the change, but outside of its lines
    known: int = 0  # how many hits of its kind the base version had; they are not here


def placed_in(
    hits: Iterable[Hit], files: Mapping[str, SourceFile], name: str, version: str
) -> list[Placed]:
    """Return the hits of an analyser in these files whose rules speak there."""
    source = f"{name} {version}".strip()
    placed = []
    for hit in hits:
        rule = book.rule_of(hit.rule)
        file = files.get(hit.path)
        if rule is not None and file is not None and speaks_in(rule, file.path_class):
            placed.append(Placed(hit, rule, source, touches(hit, file)))
    return placed


def speaks_in(rule: Rule, path_class: PathClass) -> bool:
    """Whether a rule has anything to say about files of this class."""
    return {
        PathClass.PRODUCT: rule.in_product,
        PathClass.TEST: rule.in_tests,
        PathClass.EXAMPLE: rule.in_examples,
        PathClass.FIXTURE: rule.in_fixtures,
    }[path_class]


def touches(hit: Hit, file: SourceFile) -> bool:
    """Whether a hit, or a place it is related to, is on changed lines of its file."""
    if hit.span is None:
        return bool(file.added)
    spans = [hit.span, *(span for span, _ in hit.related)]
    return any(file.touched(span.line, span.end_line) for span in spans)


def _key(hit: Hit, file: SourceFile) -> tuple[str, str, str]:
    if hit.identity or hit.span is None:
        return hit.path, hit.rule, hit.identity
    lines = file.lines
    number = min(max(hit.span.line, 1), len(lines))
    return hit.path, hit.rule, lines[number - 1].strip()


def new_ones(
    known: list[Placed],
    old: Iterable[Hit],
    files: Mapping[str, SourceFile],
    before: Mapping[str, SourceFile],
) -> list[Placed]:
    """Drop as many hits of a kind as the base version had, untouched lines first."""
    had = Counter(_key(hit, before[hit.path]) for hit in old if hit.path in before)
    total = dict(had)
    kept: list[Placed] = []
    for placed in sorted(known, key=lambda p: p.on_change):
        key = _key(placed.hit, files[placed.hit.path])
        if placed.rule.only_new and had[key] > 0:
            had[key] -= 1
        else:
            kept.append(replace(placed, known=total.get(key, 0)))
    return kept


def placed_anywhere(hits: Iterable[Hit], view: ChangeView, source: str) -> list[Placed]:
    """Place hits that may also be about files that are not analysed, deleted ones for example."""
    by_path = {file.path: file for file in view.files}
    placed = []
    for hit in hits:
        rule = book.rule_of(hit.rule)
        if rule is None:
            continue
        file = by_path.get(hit.path)
        on_change = file is None or hit.span is None or touches(hit, file)
        if file is None or speaks_in(rule, file.path_class):
            placed.append(Placed(hit, rule, source, on_change))
    return placed
