"""Finds changes of code that no change of a test goes with."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import SHOULD, ChangeView, Hit, PathClass, SourceFile, Span
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.rules.tests import rules
from reviewloop.rules.tests.code_lines import FAMILIES, added_code, is_product

_FEWEST, _MANY = 5, 30  # added lines of code: worth a word, worth acting on
_MOST_FUNCTIONS, _MOST_SOUGHT = 3, 50
_FUNCTION = {
    "python": re.compile(r"(?:async )?def ([a-z]\w{3,})\("),  # methods are reached through others
    "node": re.compile(r"export (?:default )?(?:async )?function ([A-Za-z]\w{3,})"),
    "go": re.compile(r"func (?:\([^)]*\) )?([A-Z]\w{3,})\("),
    "rust": re.compile(r"\s*pub (?:async )?fn (\w{4,})"),
}
_PUBLIC = _FUNCTION | {
    "python": re.compile(r"(?:(?:async )?def|class) ([A-Za-z]\w*)"),
    "node": re.compile(
        r"export (?:default )?(?:async )?(?:abstract )?(?:function\*?|class|const|let) ([\w$]+)"
    ),
}
_INLINE_TEST = re.compile(r"#\[(?:\w+::)*test\b|#\[cfg\(test\)\]|^\s*>>> ", re.MULTILINE)
# Suites of a project's own kind: adapt.caddyfiletest, parser.golden, output.approved.txt
_OWN_SUITE = re.compile(
    r"\.(?:[\w-]*(?<!la)(?<!con)(?<!fas)tests?|snap|golden|approved|expected)(?:\.\w{1,8})?$",
    re.IGNORECASE,
)


def untested_change(view: ChangeView) -> Iterator[Hit]:
    """Yield new modules and changes of code without a test, and functions that no test names."""
    if view.partial:
        return
    product = [file for file in view.files if is_product(file) and file.added]
    if not product:
        return
    code = added_code(view, product)
    tested = _tested_families(view)
    modules = list(_untested_modules(view, product, code, tested))
    for file in modules[:_MOST_FUNCTIONS]:
        lines = len(code[file.path])
        message = f"The new file has {lines} lines of code, and no test names it or what is in it."
        yield Hit(rules.NO_TEST_CHANGE.id, file.path, None, message, SHOULD)
    with_tests = any(_is_about_tests(path) for path in view.changed_paths)
    total = sum(map(len, code.values()))
    if with_tests or total < _FEWEST or any(map(_has_inline_tests, product)):
        return
    unnamed = _unnamed(view, product, code) if tested else []
    largest = max(product, key=lambda file: len(code[file.path]))
    files = f" in {len(product)} files" if len(product) > 1 else ""
    message = (
        f"The change adds {total} lines of code{files}, not counting comments, and changes no test."
    )
    severity = SHOULD if total >= _MANY and unnamed and not modules else None
    if not modules:
        yield Hit(rules.NO_TEST_CHANGE.id, largest.path, None, message, severity)
    for file, number, name in unnamed[:_MOST_FUNCTIONS]:
        message = f"No test mentions {name}."
        yield Hit(rules.UNNAMED.id, file.path, Span(number, number), message, identity=name)


def _is_about_tests(path: str) -> bool:
    """Data that tests read counts as a test; so do notebooks of expected results."""
    tested = path_class(path) in {PathClass.TEST, PathClass.FIXTURE}
    return tested or _OWN_SUITE.search(path) is not None


def _untested_modules(
    view: ChangeView, product: list[SourceFile], code: dict[str, list[int]], tested: set[str]
) -> Iterator[SourceFile]:
    """Yield new files of some size with something public in them that no test names."""
    new = [
        file
        for file in product
        if file.status == "A"
        and len(code[file.path]) >= _MANY
        and FAMILIES[file.language] in tested
        and not _has_inline_tests(file)
    ]
    if not new:
        return
    public = {file.path: _public_names(file) for file in new}
    sought = [name for file in new for name in [*sorted(public[file.path]), _module(file.path)]]
    named = _named_in_tests(view, sought)
    for file in new:
        if public[file.path] and not named & {*public[file.path], _module(file.path)}:
            yield file


def _public_names(file: SourceFile) -> set[str]:
    pattern = _PUBLIC.get(FAMILIES[file.language])
    if pattern is None:
        return set()
    found = (pattern.match(line) for line in file.lines)
    return {match.group(1) for match in found if match and not match.group(1).startswith("_")}


def _module(path: str) -> str:
    """Return the name by which a test would import a file: its own, or that of its folder."""
    *folders, name = path.split("/")
    stem = name.partition(".")[0]
    return folders[-1] if stem in {"__init__", "index", "mod", "lib"} and folders else stem


def _named_in_tests(view: ChangeView, names: list[str]) -> set[str]:
    mentions = view.search_new(names)
    texts = [line for path, _, line in mentions if _is_about_tests(path)]
    paths = [path.rpartition("/")[2] for path in view.list_new() if _is_about_tests(path)]
    whole = {word for text in texts for word in re.findall(r"[\w$-]+", text)}
    # A test file is named after what it tests: test_orders.py, orders.spec.ts, OrdersTest.java
    return {name for name in names if name in whole or any(_names(path, name) for path in paths)}


def _names(test: str, name: str) -> bool:
    return re.search(rf"(?:^|[^a-zA-Z0-9]){re.escape(name)}(?:[^a-z0-9]|$)", test) is not None


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
) -> list[tuple[SourceFile, int, str]]:
    """Return new public functions, with file and line, that no test names."""
    found = []
    for file in product:
        pattern = _FUNCTION.get(FAMILIES[file.language])
        for number in code[file.path] if pattern else ():
            named = pattern.match(file.lines[number - 1]) if pattern else None
            if named and named.group(1) != "main":
                found.append((file, number, named.group(1)))
    if not found:
        return []
    found = found[:_MOST_SOUGHT]
    mentions = view.search_new([name for _, _, name in found])
    in_tests = "\n".join(line for path, _, line in mentions if _is_about_tests(path))
    named_in_tests = set(re.findall(r"\w+", in_tests))
    return [each for each in found if each[2] not in named_in_tests]
