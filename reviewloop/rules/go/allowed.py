"""Recognises values that a check lets through only if they are among known ones."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source, key
from reviewloop.regex import regex
from reviewloop.rules.go.syntax import arguments, call_name, literal, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_LONGEST = 120  # characters of a value that a check names
_EXITS = frozenset({"return_statement", "continue_statement", "break_statement", "goto_statement"})
_ENDS = regex(r"(?:panic|os\.Exit|log\.Fatal\w*|t\.Fatal\w*)\(")
_CONTAINS = regex(r"(?i)^contains$|contains_?string|in_?slice|^is_?(?:valid|allowed|known)")
# A pattern of the whole text, in which no quote, space or sign of a shell fits.
_WHOLE = regex(r"\^(?:[\w+*?{}()|,:-]|\\[wd.-]|\[(?:[\w.:/@-]|\\[wd.-])*\])*\$")
_MOST_DEPTH = 12
_MOST_GUARDS = 100  # of a block


def is_allowed(node: "SgNode", source: Source) -> bool:
    """Whether a check around a value, or before it, lets only known ones through."""
    text = node.text()
    if len(text) > _LONGEST:
        return False
    inner = node
    for outer in source.ancestors(node):
        kind = outer.kind()
        if kind == "if_statement":
            then, test = outer.field("consequence"), outer.field("condition")
            begins = inner.range().start.index
            if test is not None and then is not None and begins == then.range().start.index:
                known = _shows_known(test, outer, text, source, True, _MOST_DEPTH)
            else:
                known = False
        elif kind == "expression_case":
            known = _switched(outer.parent()) == text
        elif kind == "statement_list":
            known = any(
                _turns_away(one, text, source)
                for one in _guards(outer, source)
                if one.range().start.index < inner.range().start.index
            )
        else:
            known = False
        if known:
            return True
        inner = outer
    return False


def _switched(switch: "SgNode | None") -> str:
    value = switch.field("value") if switch is not None else None
    return value.text() if value is not None else ""


def _guards(block: "SgNode", source: Source) -> "list[SgNode]":
    """Return the choices among the statements of a block."""
    known: list[SgNode] | None = source.memo.get(("go guards", key(block)))
    if known is None:
        kinds = {"if_statement", "expression_switch_statement"}
        known = [one for one in block.named_children() if one.kind() in kinds][:_MOST_GUARDS]
        source.memo["go guards", key(block)] = known
    return known


def _turns_away(choice: "SgNode", text: str, source: Source) -> bool:
    """Whether a choice leaves the block, or replaces the value, where that is not known."""
    if choice.kind() == "if_statement":
        test, then = choice.field("condition"), choice.field("consequence")
        if test is None or then is None or not _leaves(then, text):
            return False
        return _shows_known(test, choice, text, source, False, _MOST_DEPTH)
    default = [one for one in choice.named_children() if one.kind() == "default_case"]
    return _switched(choice) == text and bool(default) and _leaves(default[0], text)


def _leaves(block: "SgNode", text: str) -> bool:
    lists = [one for one in block.named_children() if one.kind() == "statement_list"]
    if not lists:
        return False
    last = lists[0].named_children()[-1:]
    if not last:
        return False
    if last[0].kind() == "assignment_statement":
        left, right = last[0].field("left"), last[0].field("right")
        if left is None or right is None or left.text() != text:
            return False
        return all(literal(one) for one in right.named_children())
    return last[0].kind() in _EXITS or _ENDS.match(last[0].text()) is not None


def _shows_known(
    test: "SgNode", choice: "SgNode", text: str, source: Source, outcome: bool, depth: int
) -> bool:
    """Whether a value is a known one where a test has this outcome."""
    if depth <= 0:
        return False
    kind, sign = test.kind(), test.field("operator")
    if kind == "parenthesized_expression":
        inner = next(iter(test.named_children()), None)
        return inner is not None and _shows_known(inner, choice, text, source, outcome, depth - 1)
    if kind == "unary_expression":
        inner = test.field("operand")
        if inner is None or sign is None or sign.text() != "!":
            return False
        return _shows_known(inner, choice, text, source, not outcome, depth - 1)
    if kind == "binary_expression" and sign is not None:
        left, right = test.field("left"), test.field("right")
        if left is None or right is None:
            return False
        if sign.text() in {"&&", "||"}:
            sides = (
                _shows_known(one, choice, text, source, outcome, depth - 1) for one in (left, right)
            )
            return any(sides) if (sign.text() == "&&") is outcome else all(sides)
        same = sign.text() == ("==" if outcome else "!=")
        pairs = ((left, right), (right, left))
        return same and any(one.text() == text and literal(other) for one, other in pairs)
    if not outcome:
        return False
    return _is_found(test, choice, text) or _is_member(test, text, source)


def _is_found(test: "SgNode", choice: "SgNode", text: str) -> bool:
    """Whether a test is the `ok` of `_, ok := allowed[value]`, in the `if` or right before it."""
    if test.kind() != "identifier":
        return False
    before = choice.prev()
    looked_up = rf",\s*{test.text()}\s*:?=\s*[\w.]{{1,60}}\[{re.escape(text)}\]"
    start = choice.field("initializer") or before
    return start is not None and re.search(looked_up, start.text()[:300]) is not None


def _is_member(test: "SgNode", text: str, source: Source) -> bool:
    if test.kind() == "index_expression":  # a map to booleans
        index = test.field("index")
        return index is not None and index.text() == text
    if test.kind() != "call_expression":
        return False
    given, of = arguments(test), receiver(test)
    if not any(one.text() == text for one in given):
        return False
    if call_name(test) == "MatchString":
        pattern = re.escape(of.rpartition(".")[2])
        declared = re.search(
            rf"\b{pattern}\s*:?=\s*regexp\.MustCompile\([`\"]([^`\"\n]*)[`\"]\)", source.text
        )
        return declared is not None and _WHOLE.fullmatch(declared[1]) is not None
    return of != "strings" and _CONTAINS.search(call_name(test)) is not None
