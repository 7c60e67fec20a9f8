"""Finds changes of code that no change of a test goes with."""

import re
from collections.abc import Iterator

from reviewloop.analysers.base import ChangeView, Hit, PathClass, SourceFile, Span
from reviewloop.analysers.paths import language_of, path_class
from reviewloop.analysers.rules import SHOULD
from reviewloop.analysers.testquality import rules
from reviewloop.analysers.testquality.code_lines import FAMILIES, added_code, is_product

_FEWEST, _MANY = 5, 30  # added lines of code: worth a word, worth acting on
_MOST_FUNCTIONS, _MOST_SOUGHT = 3, 50
_FUNCTION = {
    "python": re.compile(r"(?:async )?def ([a-z]\w{3,})\("),  # methods are reached through others
    "node": re.compile(r"export (?:default )?(?:async )?function ([A-Za-z]\w{3,})"),
    "go": re.compile(r"func (?:\([^)]*\) )?([A-Z]\w{3,})\("),
    "rust": re.compile(r"\s*pub (?:async )?fn (\w{4,})"),
}
_INLINE_TEST = re.compile(r"#\[(?:\w+::)*test\b|#\[cfg\(test\)\]|^\s*>>> ", re.MULTILINE)


def untested_change(view: ChangeView) -> Iterator[Hit]:
    """Yield one hit for a change of code without a test, and functions that no test names."""
    if view.partial or any(_is_about_tests(path) for path in view.changed_paths):
        return
    product = [file for file in view.files if is_product(file) and file.added]
    if not product or any(_has_inline_tests(file) for file in product):
        return
    code = added_code(view, product)
    total = sum(map(len, code.values()))
    if total < _FEWEST:
        return
    largest = max(product, key=lambda file: len(code[file.path]))
    tested = _tested_families(view)
    severity = SHOULD if total >= _MANY and FAMILIES[largest.language] in tested else None
    files = f" in {len(product)} files" if len(product) > 1 else ""
    message = f"The change adds {total} lines of code{files} and changes no test."
    yield Hit(rules.NO_TEST_CHANGE.id, largest.path, None, message, severity)
    if tested:
        yield from _unnamed(view, product, code)


def _is_about_tests(path: str) -> bool:
    """Data that tests read counts as a test; so do notebooks of expected results."""
    return path_class(path) in {PathClass.TEST, PathClass.FIXTURE} or path.endswith(".snap")


def _has_inline_tests(file: SourceFile) -> bool:
    """Whether the added lines hold tests of their own: Rust's modules, doctests."""
    return any(
        _INLINE_TEST.search(line)
        for number, line in enumerate(file.lines, start=1)
        if number in file.added_numbers
    )


def _tested_families(view: ChangeView) -> set[str]:
    return {
        FAMILIES[language]
        for path in view.list_new()
        if path_class(path) is PathClass.TEST and (language := language_of(path)) in FAMILIES
    }


def _unnamed(
    view: ChangeView, product: list[SourceFile], code: dict[str, list[int]]
) -> Iterator[Hit]:
    found = []
    for file in product:
        pattern = _FUNCTION.get(FAMILIES[file.language])
        for number in code[file.path] if pattern else ():
            named = pattern.match(file.lines[number - 1]) if pattern else None
            if named and named.group(1) != "main":
                found.append((file, number, named.group(1)))
    if not found:
        return
    found = found[:_MOST_SOUGHT]
    mentions = view.search_new([name for _, _, name in found])
    in_tests = "\n".join(line for path, _, line in mentions if _is_about_tests(path))
    named_in_tests = set(re.findall(r"\w+", in_tests))
    unnamed = [each for each in found if each[2] not in named_in_tests]
    for file, number, name in unnamed[:_MOST_FUNCTIONS]:
        message = f"No test names {name}."
        yield Hit(rules.UNNAMED.id, file.path, Span(number, number), message, identity=name)
