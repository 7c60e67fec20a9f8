"""Recognises values that a check lets through only if they are among known ones."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source, key
from reviewloop.regex import regex
from reviewloop.rules.js.syntax import argument, arguments, call_name, literal, plain, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_LONGEST = 120  # characters of a value that a check names
_MEMBER = frozenset({"includes", "has"})
_OWN = frozenset({"hasOwn", "hasOwnProperty"})
_EXITS = frozenset({"return_statement", "throw_statement", "continue_statement", "break_statement"})
# A pattern of the whole text, in which no quote, space or sign of a shell fits.
_WHOLE = regex(r"/\^(?:[\w+*?{}()|,:-]|\\[wd.-]|\[(?:[\w.:/@-]|\\[wd.-])*\])*\$/[giuy]*")
_CLIENTS = regex(r"(?:_?req|request|ctx|context|c|event)\.")  # a list that the client sends
_MOST_DEPTH = 12
_MOST_GUARDS = 100  # of a block
_FOUND = {"!==": "-1", "!=": "-1", ">=": "0", ">": "-1"}  # what `list.indexOf(x)` is compared with
_MISSING = {"===": "-1", "==": "-1", "<": "0"}


def is_allowed(node: "SgNode", source: Source) -> bool:
    """Whether a check around a value, or before it, lets only known ones through."""
    text = _value_text(node)
    if len(text) > _LONGEST:
        return False
    inner = node
    for outer in source.ancestors(node):
        kind = outer.kind()
        if kind in {"if_statement", "ternary_expression"}:
            known = _known_inside(outer, inner, text, source)
        elif kind == "switch_statement":
            value = outer.field("value")
            known = value is not None and _value_text(value) == text and _in_case(node, outer)
        elif kind in {"statement_block", "program"}:
            start = inner.range().start.index
            guards = _guards(outer, source)
            known = any(_fails(test, text, source) for at, test in guards if at < start)
        else:
            known = False
        if known:
            return True
        inner = outer
    return False


def _known_inside(choice: "SgNode", inner: "SgNode", text: str, source: Source) -> bool:
    """Whether a value is a known one in the side of a choice that holds a node."""
    test = choice.field("condition")
    if test is None:
        return False
    if _is(inner, choice.field("consequence")):
        return _holds(test, text, source)
    return _is(inner, choice.field("alternative")) and _fails(test, text, source)


def _in_case(node: "SgNode", switch: "SgNode") -> bool:
    """Whether a node is below a `case`, not below `default`."""
    inner = None
    for outer in node.ancestors():
        if outer.range() == switch.range():
            break
        inner = outer if outer.kind() in {"switch_case", "switch_default"} else inner
    return inner is not None and inner.kind() == "switch_case"


def _is(node: "SgNode", other: "SgNode | None") -> bool:
    return other is not None and node.range().start.index == other.range().start.index


def _guards(block: "SgNode", source: Source) -> "list[tuple[int, SgNode]]":
    """Return the tests of a block that leave it where they are true, each with its place."""
    known: list[tuple[int, SgNode]] | None = source.memo.get(("js guards", key(block)))
    if known is None:
        known = []
        for statement in block.named_children():
            test = statement.field("condition") if statement.kind() == "if_statement" else None
            if test is not None and _leaves(statement.field("consequence")):
                known.append((statement.range().start.index, test))
        known = known[:_MOST_GUARDS]
        source.memo["js guards", key(block)] = known
    return known


def _leaves(then: "SgNode | None") -> bool:
    if then is not None and then.kind() == "statement_block":
        then = next(reversed(then.named_children()), None)
    return then is not None and then.kind() in _EXITS


def _holds(test: "SgNode", text: str, source: Source, depth: int = _MOST_DEPTH) -> bool:
    """Whether a value is a known one where a test is true."""
    return _shows_known(test, text, source, True, depth)


def _fails(test: "SgNode", text: str, source: Source, depth: int = _MOST_DEPTH) -> bool:
    """Whether a value is a known one where a test is false."""
    return _shows_known(test, text, source, False, depth)


def _shows_known(test: "SgNode", text: str, source: Source, outcome: bool, depth: int) -> bool:
    test = plain(test)
    sign = test.field("operator")
    if depth <= 0:
        return False
    kind = test.kind()
    if kind == "unary_expression":
        inner = test.field("argument")
        if inner is None or sign is None or sign.text() != "!":
            return False
        return _shows_known(inner, text, source, not outcome, depth - 1)
    if kind == "binary_expression" and sign is not None:
        left, right = test.field("left"), test.field("right")
        if left is None or right is None:
            return False
        if sign.text() in {"&&", "||"}:
            sides = (_shows_known(one, text, source, outcome, depth - 1) for one in (left, right))
            return any(sides) if (sign.text() == "&&") is outcome else all(sides)
        return _compared(left, sign.text(), right, text, outcome)
    return outcome and kind == "call_expression" and _is_membership(test, text, source)


def _compared(left: "SgNode", sign: str, right: "SgNode", text: str, outcome: bool) -> bool:
    if sign == "in":
        return outcome and _value_text(left) == text
    found = call_name(left) == "indexOf" if left.kind() == "call_expression" else False
    if found:
        given = argument(left, 0)
        meant = (_FOUND if outcome else _MISSING).get(sign)
        return given is not None and _value_text(given) == text and meant == right.text()
    if sign not in ({"===", "=="} if outcome else {"!==", "!="}):
        return False
    return any(
        _value_text(one) == text and literal(other) and other.kind() not in {"null", "undefined"}
        for one, other in ((left, right), (right, left))
    )


def _is_membership(call: "SgNode", text: str, source: Source) -> bool:
    name, given = call_name(call), arguments(call)
    if not given or _value_text(given[-1]) != text:
        return False
    of = receiver(call)
    if name in _OWN or (name in _MEMBER and len(given) == 1):
        return not _CLIENTS.match(of)
    if name != "test":
        return False
    if re.fullmatch(r"[\w$]{1,60}", of):
        declared = re.search(
            rf"(?<![\w$.]){re.escape(of)}\s*=\s*(/(?:[^/\\\n]|\\.)+/[a-z]*)", source.text
        )
        of = declared[1] if declared else ""
    return _WHOLE.fullmatch(of) is not None


def _value_text(node: "SgNode") -> str:
    """Return the text of a value without types and a conversion to text around it."""
    node = plain(node)
    if node.kind() == "call_expression" and call_name(node) == "String" and not receiver(node):
        given = argument(node, 0)
        return plain(given).text() if given is not None else ""
    return node.text()
