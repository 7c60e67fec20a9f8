"""JavaScript rules on tests that check nothing, or not what they claim."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.js.syntax import (
    FUNCTIONS,
    argument,
    arguments,
    call_name,
    called,
    is_awaited,
    literal,
    plain,
    receiver,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode


_CHECKS = regex(
    r"expect|assert|should|\bt\.|verify|toThrow|fail\(|done\(|check|snapshot|\bcy\.|page\.|screen\.get"
    r"|waitFor|match|ensure|tap\.|\bplan\("
)
_SETTLERS = frozenset({"r", "res", "resolve", "done"})


def body_of(node: "SgNode") -> "SgNode | None":
    """Return the function of a test."""
    return next((a for a in arguments(node)[1:] if a.kind() in FUNCTIONS), None)


def find_test_without_check(node: "SgNode", source: Source) -> Found | None:
    """Find js/test-without-check."""
    if receiver(node):
        return None
    body = body_of(node)
    if body is None or not source.mentions(r"\bexpect\b|\bassert"):
        return None
    given = body.field("parameters")
    if given is not None and re.match(r"\(?t\b|\(\{(?!.*page)", given.text()):
        return None  # the checks are parameters with names of their own
    inside = body.field("body")
    if inside is None or inside.kind() != "statement_block":
        return None
    name = node.field("function")
    text = inside.text()
    if not [child for child in inside.named_children() if child.kind() != "comment"]:
        return Found(name or node, "The test does nothing.", SHOULD)
    if _CHECKS.search(text) or _helpers_check(text, source):
        return None
    return Found(name or node)


def _helpers_check(text: str, source: Source) -> bool:
    """Whether a function of the same file that the test calls makes the checks."""
    checking: set[str] | None = source.memo.get("js checking")
    if checking is None:
        names: set[str] = set()
        for function in source.all("function_declaration", "variable_declarator"):
            name, whole = function.field("name"), function.text()
            if name is not None and len(whole) < 20_000 and _CHECKS.search(whole):
                names.add(name.text())
        source.memo["js checking"] = checking = names
    return any(word in checking for word in re.findall(r"[\w$]+(?=\()", text))


def find_expect_without_matcher(node: "SgNode", source: Source) -> Found | None:
    """Find js/expect-without-matcher; what is handed over may check by itself."""
    given = arguments(node)
    if receiver(node) or not given:
        return None
    parent = node.parent()
    if parent is None or parent.kind() != "expression_statement":
        return None
    if _is_own_expect(source) or _in_a_matcher(node, source):
        return None
    following = parent.next()
    again = f"expect({given[0].text()}"
    if len(given) == 1 and following is not None and following.text().startswith(again):
        return Found(node, severity=SHOULD)  # its value is checked by the next line
    checks = given[0].kind() in {"call_expression", "await_expression"} and re.match(
        r"(?:await\s+)?[\w$.]*(?:assert|expect|check|verif|should|(?:get|find)(?:All)?By[A-Z])",
        given[0].text(),
        re.IGNORECASE,
    )
    return Found(node, severity=NIT if checks else None)


def _is_own_expect(source: Source) -> bool:
    """Whether a file's expect is a function of the project, which may check by itself."""
    return source.mentions(
        r"\bfunction expect\b|\b(?:const|let|var) expect\b|\bimport [^;\n]*\bexpect\b[^;\n]*"
        r"from ['\"]\.{1,2}/"
    )


def _in_a_matcher(node: "SgNode", source: Source) -> bool:
    """Whether a call is in a matcher of the project: `expect.extend({ toFit(a) { ... } })`."""
    return any(
        outer.kind() == "call_expression" and call_name(outer) == "extend"
        for outer in source.ancestors(node)
    )


def find_check_cannot_fail(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/check-cannot-fail."""
    function = called(node)
    of = function.field("object") if function is not None else None
    if of is None or of.kind() != "call_expression" or call_name(of) != "expect":
        return None
    actual, expected = argument(of, 0), argument(node, 0)
    if actual is None:
        return None
    if literal(actual) and plain(actual).kind() != "identifier":
        trivially = expected is None or (literal(expected) and actual.text() == expected.text())
        fits = {"toBeTruthy": "true", "toBeDefined": actual.text(), "toBeFalsy": "false"}
        if expected is None:
            return node if fits.get(call_name(node)) == actual.text() else None
        return node if trivially else None
    same = expected is not None and actual.kind() == expected.kind() == "identifier"
    return node if same and expected is not None and expected.text() == actual.text() else None


def find_test_sleeps(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/test-sleeps."""
    name = call_name(node)
    if name == "waitForTimeout":
        return node
    if name == "setTimeout":
        inside = [n.kind() for n in source.ancestors(node)[:8]]
        first = argument(node, 0)
        waits = "new_expression" in inside and first is not None and first.kind() == "identifier"
        return node if waits and first is not None and first.text() in _SETTLERS else None
    first = argument(node, 0)
    is_number = first is not None and first.text().replace("_", "").isdigit()
    return node if is_number and is_awaited(node) else None


def find_snapshot_only(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/snapshot-only."""
    body = None if receiver(node) else body_of(node)
    if body is None:
        return None
    text = body.text()
    if "toMatchSnapshot(" not in text:
        return None
    return node.field("function") if len(re.findall(r"\bexpect\(", text)) == 1 else None
