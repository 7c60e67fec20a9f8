"""Recognises queries that are joined from literals, numbers and known values only."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source, nodes_of
from reviewloop.regex import regex
from reviewloop.rules.js.allowed import is_allowed
from reviewloop.rules.js.known_values import is_constant, is_known_member, is_number, picks_known
from reviewloop.rules.js.request_input import value_of
from reviewloop.rules.js.syntax import (
    FUNCTIONS,
    arguments,
    call_name,
    is_const,
    literal,
    operands,
    plain,
    receiver,
    receiver_node,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

# `$${args.length}` is the number of a placeholder.
_NUMBER = regex(r"\$\{\s*[\w$.]{1,60}\.length(?:\s*[+-]\s*\d+)?\s*\}")
_USES = regex(r"\s*\.(?:push\(|join\(|length\b)")
_MOST_DEPTH = 6


def of_fixed_pieces(node: "SgNode", source: Source, depth: int = _MOST_DEPTH) -> bool:
    """Whether a text is chosen or joined from literals, numbers and values of a known list."""
    node = plain(node)
    if depth <= 0:
        return False
    if literal(node) or is_number(node):
        return True
    kind = node.kind()
    if kind == "call_expression":
        return _is_fixed_call(node, source, depth)
    if kind == "subscript_expression":
        of = node.field("object")
        return of is not None and is_constant(of.text(), source)
    if kind in {"identifier", "member_expression"}:
        value = value_of(node, source)
        fixed = is_const(value) and of_fixed_pieces(value, source, depth - 1)
        return fixed or is_allowed(node, source) or is_known_member(node, source)
    parts = _pieces(node)
    return parts is not None and all(of_fixed_pieces(part, source, depth - 1) for part in parts)


def _pieces(node: "SgNode") -> "list[SgNode] | None":
    """Return the values that a text is chosen or joined from, None for another kind of node."""
    kind = node.kind()
    if kind == "ternary_expression":
        sides = [node.field("consequence"), node.field("alternative")]
        return [side for side in sides if side is not None]
    if kind == "binary_expression":
        sign = node.field("operator")
        joins = sign is not None and sign.text() in {"+", "||", "??"}
        return operands(node) if joins else None
    if kind != "template_string":
        return None
    inside = nodes_of(node, ["template_substitution"])
    return [
        one
        for part in inside
        if not _NUMBER.fullmatch(part.text())
        for one in part.named_children()
    ]


def _is_fixed_call(call: "SgNode", source: Source, depth: int) -> bool:
    if call_name(call) != "join":
        return picks_known(call, source)
    if not all(literal(given) for given in arguments(call)):
        return False
    made = _made_list(call)
    if made is not None:
        return _repeats_fixed(made, source, depth - 1)
    return _fixed_list(call, receiver(call), source, depth - 1)


def _made_list(join: "SgNode") -> "SgNode | None":
    """Return the call of `map` or `fill` whose result is joined, None for another list."""
    of = receiver_node(join)
    if of is None or of.kind() != "call_expression":
        return None
    return of if call_name(of) in {"map", "fill"} else None


def _repeats_fixed(call: "SgNode", source: Source, depth: int) -> bool:
    """Whether each element of a list becomes a fixed text or one made of its position."""
    given = arguments(call)
    if len(given) != 1:
        return False
    if call_name(call) == "fill":
        return of_fixed_pieces(given[0], source, depth)
    body, params = given[0].field("body"), given[0].field("parameters")
    if body is None or given[0].kind() != "arrow_function":
        return False
    taken = params.named_children() if params is not None else []
    position = re.escape(taken[1].text().partition(":")[0]) if len(taken) > 1 else "(?!)"
    counted = rf"\$\{{(?:[\s\d+*()-]|(?<![\w$.]){position}(?![\w$])|[\w$.]{{1,60}}\.length)+\}}"
    body = plain(body)
    if body.kind() != "template_string":
        return literal(body)
    inside = nodes_of(body, ["template_substitution"])
    return all(re.fullmatch(counted, part.text()) for part in inside)


def _fixed_list(joined: "SgNode", name: str, source: Source, depth: int) -> bool:
    """Whether a list of the function starts as a literal and only gets such texts."""
    if not re.fullmatch(r"[\w$]{1,60}", name or ""):
        return False
    owner = next((n for n in source.ancestors(joined) if n.kind() in FUNCTIONS), None)
    if owner is None:
        return False
    text = owner.text()
    declared = [
        node
        for node in nodes_of(owner, ["variable_declarator"])
        if (bound := node.field("name")) is not None and bound.text() == name
    ]
    if len(declared) != 1:
        return False
    start = declared[0].field("value")
    if start is None or start.kind() != "array":
        return False
    pushed = [*start.named_children()]
    for call in nodes_of(owner, ["call_expression"]):
        if call_name(call) == "push" and receiver(call) == name:
            pushed += arguments(call)
    uses = list(re.finditer(rf"(?<![\w$.]){re.escape(name)}(?![\w$])", text))
    other = sum(_USES.match(text, use.end()) is None for use in uses)
    return other == 1 and all(of_fixed_pieces(one, source, depth - 1) for one in pushed)
