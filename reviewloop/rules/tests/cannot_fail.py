"""Recognises Python assertions that hold whatever the code under test does."""

import re
from typing import TYPE_CHECKING

from reviewloop.rules.tests.syntax import called, field, positional, text

if TYPE_CHECKING:
    from tree_sitter import Node

_ABOUT_EQUALITY = re.compile(r"eq|hash|compar|ident|same|reflexiv|nan|order|cache|singleton|lazy")
_LONGEST_TEST = 20_000  # characters; longer ones are data
_MOST_SIDES = 40
_TRUE = {"true", "lambda", "generator_expression"}
_FULL = {"list", "dictionary", "set"}
_MOCK_CALL = re.compile(r"called_with|called_once_with|called_once|any_call|has_calls|not_called")
_MOCK_ASSERT = re.compile(
    r"assert_(?:called|called_once|called_with|called_once_with|any_call|has_calls|not_called|"
    r"awaited|awaited_once|awaited_with|not_awaited)"
)


def always_holds(node: "Node", test: str) -> str:
    """Say why an assertion cannot fail, "" when it can or when this is no assertion.

    `test` is the text of the whole test. What ruff says (texts, tuples, comparisons without
    assert) is left to it.
    """
    if node.type == "assert_statement":
        condition = node.named_children[0] if node.named_children else None
        return _truth(condition, test) if condition is not None else ""
    if node.type == "call":
        return _call(node, test)
    inner = node.named_children[0] if node.named_children else node
    if inner.type == "attribute" and _MOCK_ASSERT.fullmatch(field(inner, "attribute")):
        return f"{text(inner)} is not called, so it checks nothing."
    if inner.type == "call" and _mock_misuse(inner):
        return _mock_misuse(inner)
    return ""


def _truth(node: "Node", test: str) -> str:
    while node.type == "parenthesized_expression" and node.named_children:
        node = node.named_children[0]
    kind = node.type
    if kind in _TRUE or (kind in {"integer", "float"} and text(node).strip("0.")):
        return f"{_short(node)} is always true."
    if kind in _FULL and any(child.type != "comment" for child in node.named_children):
        splats = {child.type for child in node.named_children} & {
            "list_splat", "dictionary_splat"
        }  # fmt: skip
        return "" if splats else "What is asserted is not empty, so it is always true."
    if kind == "boolean_operator":
        for side in _sides_of_or(node):
            if _constant(side) or _truth(side, test):
                return f"One side of `or`, {_short(side)}, is always true."
    if kind == "comparison_operator":
        return _comparison(node, test)
    if kind == "call":
        if called(node) == "isinstance" and [text(n) for n in positional(node)[1:]] == ["object"]:
            return "Everything is an instance of object."
        return _mock_misuse(node)
    return ""


def _sides_of_or(node: "Node") -> list["Node"]:
    """Return what stands between the `or`s of an expression; [] for `and`, and for very many."""
    sides: list[Node] = []
    stack = [node]
    while stack and len(sides) + len(stack) < _MOST_SIDES:
        current = stack.pop()
        if current.type == "parenthesized_expression":
            stack.extend(current.named_children[:1])
        elif current.type != "boolean_operator":
            sides.append(current)
        elif field(current, "operator") == "or":
            stack.extend(current.named_children[-1:])
            stack.extend(current.named_children[:1])
    return sides


def _is_about_equality(test: str, operand: str) -> bool:
    """Whether a test tries how things compare, for which a thing is compared with itself, too."""
    if len(test) > _LONGEST_TEST or _ABOUT_EQUALITY.search(test.partition("(")[0]):
        return True
    compared = re.escape(operand)
    return len(re.findall(rf"(?<![\w.]){compared}\s*[!=]=|[!=]=\s*{compared}(?!\w)", test)) > 1


def _constant(node: "Node") -> bool:
    return node.type == "string" and len(text(node).strip("rbfuRBFU\"'")) > 0


def _comparison(node: "Node", test: str) -> str:
    sides = node.named_children
    if len(sides) != 2:
        return ""
    left, right = (text(side) for side in sides)
    sign = next((child.type for child in node.children if not child.is_named), "")
    if left == right and sign in {"==", "<=", ">="}:
        pure = sides[0].type in {"identifier", "attribute", "subscript", "integer", "string"}
        if pure and not _is_about_equality(test, left):
            return f"{_short(sides[0])} is compared with itself."
    trivial = (sign, right) in {(">=", "0"), (">", "-1"), ("!=", "-1")}
    if trivial and sides[0].type == "call" and called(sides[0]) == "len":
        return "No length is less than zero."
    return ""


def _call(node: "Node", test: str) -> str:
    owner, _, method = called(node).rpartition(".")
    given = positional(node)
    if owner != "self" or not given:
        return ""
    first = given[0]
    if method == "assertTrue":
        if len(given) > 1 and given[1].type in {
            "integer",
            "float",
            "true",
            "false",
            "none",
            "list",
        }:
            return "The second argument of assertTrue is only its message; assertEqual is meant."
        return "The argument is always true." if _constant(first) else _truth(first, test)
    if method == "assertFalse" and first.type in {"false", "none"}:
        return "The argument is always false."
    if method in {"assertEqual", "assertIs"} and len(given) > 1:
        same = text(first) == text(given[1]) and first.type in {
            "identifier",
            "attribute",
            "integer",
        }
        if same and not _is_about_equality(test, text(first)):
            return f"{_short(first)} is compared with itself."
    if method == "assertIsNotNone" and (_constant(first) or first.type in {"true", "integer"}):
        return "The argument is never None."
    return ""


def _mock_misuse(node: "Node") -> str:
    """`mock.called_once_with(1)` is a call of a mock's attribute: a new mock, which is true."""
    owner, _, method = called(node).rpartition(".")
    if owner and _MOCK_CALL.fullmatch(method):
        return f"{method} is no method of mocks and returns a true one; assert_{method} is meant."
    return ""


def _short(node: "Node") -> str:
    words = " ".join(text(node).split())
    return words if len(words) <= 60 else f"{words[:57]}..."
