"""Recognises queries that are joined from literals only."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source, nodes_of
from reviewloop.regex import regex
from reviewloop.rules.js.request_input import value_of
from reviewloop.rules.js.syntax import (
    FUNCTIONS,
    arguments,
    call_name,
    literal,
    operands,
    plain,
    receiver,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

# `$${args.length}` is the number of a placeholder.
_NUMBER = regex(r"\$\{\s*[\w$.]{1,60}\.length(?:\s*[+-]\s*\d+)?\s*\}")
_USES = regex(r"\s*\.(?:push\(|join\(|length\b)")
_MOST_DEPTH = 6


def of_fixed_pieces(node: "SgNode", source: Source, depth: int = _MOST_DEPTH) -> bool:
    """Whether a text is chosen or joined from literals, and numbers of placeholders."""
    node = plain(node)
    if depth <= 0:
        return False
    if literal(node):
        return True
    kind = node.kind()
    if kind == "ternary_expression":
        sides = [node.field("consequence"), node.field("alternative")]
        return all(side is not None and of_fixed_pieces(side, source, depth - 1) for side in sides)
    if kind == "binary_expression":
        sign = node.field("operator")
        if sign is None or sign.text() != "+":
            return False
        return all(of_fixed_pieces(part, source, depth - 1) for part in operands(node))
    if kind == "template_string":
        inside = nodes_of(node, ["template_substitution"])
        return all(
            _NUMBER.fullmatch(part.text())
            or all(of_fixed_pieces(one, source, depth - 1) for one in part.named_children())
            for part in inside
        )
    if kind == "call_expression" and call_name(node) == "join":
        separators = all(literal(given) for given in arguments(node))
        return separators and _fixed_list(node, receiver(node), source, depth - 1)
    if kind == "identifier":
        value = value_of(node, source)
        return _is_const(value) and of_fixed_pieces(value, source, depth - 1)
    return False


def _is_const(value: "SgNode") -> bool:
    bound = value.parent()
    declared = bound.parent() if bound is not None else None
    return (
        bound is not None
        and bound.kind() == "variable_declarator"
        and declared is not None
        and declared.text().startswith("const")
    )


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
