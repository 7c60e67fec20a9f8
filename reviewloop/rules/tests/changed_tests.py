"""Compares the tests of a change with what they were: deleted, thinned out, weakened."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewloop.analysis.contract import ChangeView, Hit, PathClass, Span
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.rules.tests import rules
from reviewloop.rules.tests.assertions import Assertion
from reviewloop.rules.tests.code_lines import FAMILIES
from reviewloop.rules.tests.tests_of_file import Test, tests

_WORD = re.compile(r"[A-Za-z_]\w{2,}")
_SHOWN = 3
_MOST_COMPARED = 200  # assertions of one test; each is held against each
_STRONG, _SOME = 4, 3


@dataclass(frozen=True)
class _Pair:
    """A test file of the change in both versions; `new` is empty where it was deleted."""

    path: str
    base: dict[str, Test]
    new: dict[str, Test]


def changed_tests(view: ChangeView) -> Iterator[Hit]:
    """Yield tests that were deleted or made to assert less."""
    pairs = list(_pairs(view))
    if not any(pair.base for pair in pairs):
        return
    for pair in pairs:
        for name in pair.base.keys() & pair.new.keys():
            yield from _weakened(pair.path, pair.base[name], pair.new[name])
    product = [path for path in view.changed_paths if _is_product_path(path)]
    if not product:
        return
    gone = _gone_words(view, product)
    added = {
        test.name: test
        for pair in pairs
        for test in pair.new.values()
        if test.name not in pair.base
    }
    for pair in pairs:
        yield from _deleted(pair, added, gone, product[0])
        for name in sorted(pair.base.keys() & pair.new.keys()):
            yield from _thinned(pair.path, pair.base[name], pair.new[name], gone)


def _is_product_path(path: str) -> bool:
    return path_class(path) is PathClass.PRODUCT and language_of(path) in FAMILIES


def _pairs(view: ChangeView) -> Iterator[_Pair]:
    reviewed = {file.path: file for file in view.files}
    for path in view.changed_paths:
        language = language_of(path)
        if path_class(path) is not PathClass.TEST or language not in FAMILIES:
            continue
        file = reviewed.get(path)
        new = file.text if file is not None else view.read_new(path)
        base = None if file is not None and file.status == "A" else view.read_base(path)
        if file is not None or new is None:
            yield _Pair(path, tests(language, base or ""), tests(language, new or ""))


def _gone_words(view: ChangeView, product: list[str]) -> frozenset[str]:
    """Return the names that the product's changed files had and have no more."""
    before: set[str] = set()
    after: set[str] = set()
    for path in product:
        before.update(_WORD.findall(view.read_base(path) or ""))
        after.update(_WORD.findall(view.read_new(path) or ""))
    return frozenset(before - after)


def _deleted(
    pair: _Pair, added: dict[str, Test], gone: frozenset[str], product: str
) -> Iterator[Hit]:
    moved = {assertion.text for test in added.values() for assertion in test.assertions}
    names = []
    for name, test in pair.base.items():
        if name in pair.new or name in added or gone & set(_WORD.findall(test.text)):
            continue
        kept = sum(assertion.text in moved for assertion in test.assertions)
        if not test.assertions or 2 * kept >= len(test.assertions):
            continue
        names.append(name)
    if not names or len(pair.new) >= len(pair.base):
        return
    shown = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    were = "was" if len(names) == 1 else "were"
    message = f"{shown}{more} {were} deleted while {product} was changed."
    yield Hit(rules.DELETED.id, pair.path, None, message, identity=" ".join(names))


def _thinned(path: str, base: Test, new: Test, gone: frozenset[str]) -> Iterator[Hit]:
    if len(new.assertions) >= len(base.assertions) or (new.loops and not base.loops):
        return
    before = {assertion.text for assertion in base.assertions}
    still = {assertion.text for assertion in new.assertions}
    if not still <= before:
        return  # rewritten: fewer may well say more
    lost = [a for a in base.assertions if a.text not in still]
    lost = [a for a in lost if not gone & set(_WORD.findall(a.text))]
    if not lost:
        return
    message = (
        f"{new.name} had {len(base.assertions)} assertions and has {len(new.assertions)}; "
        f"gone is: {_cut(lost[0].text)}"
    )
    span = Span(new.line, new.end_line)
    yield Hit(rules.FEWER.id, path, span, message, identity=new.name)


def _weakened(path: str, base: Test, new: Test) -> Iterator[Hit]:
    before = {assertion.text for assertion in base.assertions}
    after = {assertion.text for assertion in new.assertions}
    lost = [a for a in base.assertions if a.text not in after and a.strength >= _SOME]
    fresh = [a for a in new.assertions if a.text not in before]
    if max(len(lost), len(fresh)) > _MOST_COMPARED:
        return
    for assertion in fresh:
        old = next((a for a in lost if _is_weaker(assertion, a, fresh)), None)
        if old is not None:
            lost.remove(old)
            message = f"It was: {_cut(old.text)} - and is: {_cut(assertion.text)}"
            span = Span(assertion.line, assertion.end_line)
            yield Hit(rules.WEAKER.id, path, span, message, identity=new.name)


def _is_weaker(assertion: Assertion, old: Assertion, fresh: list[Assertion]) -> bool:
    about_same = assertion.subjects & old.subjects
    if not about_same or assertion.strength >= old.strength:
        return False
    # What one assertion no longer says another may say as strictly.
    return not any(a.strength >= old.strength and a.subjects & about_same for a in fresh)


def _cut(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:97]}..."
