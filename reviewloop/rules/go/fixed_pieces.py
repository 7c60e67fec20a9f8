"""Recognises queries that are joined from literals, numbers and known values only."""

from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source, key, nodes_of
from reviewloop.regex import regex
from reviewloop.rules.go.allowed import is_allowed
from reviewloop.rules.go.syntax import (
    VERB,
    arguments,
    bindings,
    call_name,
    constants,
    declaration_around,
    literal,
    operands,
    receiver,
    text_of,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_MARKS = regex(
    r"(?i)placeholder|in_?clause|bind_?(?:var|type)|quote_?(?:ident|name|column|table|literal)"
)
_DEEPEST = 6


_AROUND = frozenset(
    {"parenthesized_expression", "slice_expression", "index_expression", "literal_element"}
)


def is_fixed(node: "SgNode", source: Source, depth: int = 0) -> bool:
    """Whether a text is joined from literals, numbers and placeholders only.

    Local variables are followed to all their values; parameters and fields are not fixed.
    """
    if literal(node):
        return True
    if depth > _DEEPEST:
        return False
    kind = node.kind()
    if kind == "binary_expression":
        return all(is_fixed(part, source, depth + 1) for part in operands(node))
    if kind in _AROUND:
        inner = node.field("operand") or next(iter(node.named_children()), None)
        return inner is not None and is_fixed(inner, source, depth + 1)
    if kind == "composite_literal":
        body = node.field("body")
        held = body.named_children() if body is not None else []
        values = [child.named_children()[-1] for child in held if child.named_children()]
        return all(is_fixed(value, source, depth + 1) for value in values)
    if kind == "call_expression":
        return _is_fixed_call(node, source, depth)
    if kind != "identifier":
        return False
    return is_allowed(node, source) or _is_fixed_name(node, source, depth)


def _is_fixed_call(node: "SgNode", source: Source, depth: int) -> bool:
    name, given = call_name(node), arguments(node)
    if _MARKS.search(name):
        return True
    of = receiver(node)
    # https://pkg.go.dev/github.com/jackc/pgx/v5#Identifier.Sanitize quotes each part of a name.
    if name == "Sanitize" and of.startswith("pgx.Identifier{"):
        return True
    texts = (
        of == "strings" and name in {"Join", "Repeat", "TrimSuffix", "TrimPrefix", "TrimRight"}
    ) or (of == "fmt" and name == "Sprintf")
    if not texts and name != "append":
        return not of and _returns_literals(name, source)
    if name == "Repeat":
        given = given[:1]
    if name == "Sprintf" and "%d" in text_of(given[0] if given else None):
        pattern = text_of(given[0])
        signs = VERB.findall(pattern)
        given = [a for a, sign in zip(given[1:], signs, strict=False) if sign != "d"]
        return all(is_fixed(argument, source, depth + 1) for argument in given)
    return bool(given) and all(is_fixed(argument, source, depth + 1) for argument in given)


def _is_fixed_name(node: "SgNode", source: Source, depth: int) -> bool:
    function, name = declaration_around(node, source), node.text()
    if function is None or name in _parameters(function):
        return False
    memo_key = ("go fixed", key(function), name)
    known: bool | None = source.memo.get(memo_key)
    if known is None:
        source.memo[memo_key] = True  # a name joined from itself
        values = [value for bound, value in bindings(function, source) if bound == name]
        ranged = _ranged(function, name)
        if not values and not ranged:
            values = constants(source).get(name, [])
        filled = _filled(function, name)
        made = [value for value in values if not (filled and value.text().startswith("make("))]
        known = bool(values or ranged) and all(
            is_fixed(value, source, depth + 1) for value in [*made, *filled, *ranged]
        )
        source.memo[memo_key] = known
    return known


def _filled(function: "SgNode", name: str) -> "list[SgNode]":
    """Return the values that are assigned to the elements of a list."""
    found = []
    for node in nodes_of(function, ("assignment_statement",)):
        left, right = node.field("left"), node.field("right")
        if left is not None and right is not None and left.text().startswith(f"{name}["):
            found += right.named_children()
    return found


def _returns_literals(name: str, source: Source) -> bool:
    """Whether a function of the file returns nothing but literals."""
    known: dict[str, bool] | None = source.memo.get("go returns literals")
    if known is None:
        known = {}
        for function in nodes_of(source.root, ("function_declaration",)):
            called = function.field("name")
            returned = [
                value
                for node in nodes_of(function, ("return_statement",))
                for listed in node.named_children()
                for value in listed.named_children()[:1]
            ]
            if called is not None:
                known[called.text()] = bool(returned) and all(map(literal, returned))
        source.memo["go returns literals"] = known
    return known.get(name, False)


def _parameters(function: "SgNode") -> frozenset[str]:
    given = function.field("parameters")
    nodes = nodes_of(given, ("identifier",)) if given is not None else []
    return frozenset(node.text() for node in nodes)


def _ranged(function: "SgNode", name: str) -> "list[SgNode]":
    """Return the expressions over which loops iterate to set a name."""
    found = []
    for clause in nodes_of(function, ("range_clause",)):
        left, right = clause.field("left"), clause.field("right")
        if left is not None and right is not None:
            names = left.named_children() or [left]
            if names[-1].text() == name and len(names) > 1:
                found.append(right)
    return found


def moving_parts(node: "SgNode", source: Source) -> "list[SgNode]":
    """Return the parts of a joined text that may be anything."""
    parts = [node]
    if node.kind() == "binary_expression":
        parts = operands(node)
    elif node.kind() == "call_expression" and call_name(node) == "Sprintf":
        given = arguments(node)
        signs = VERB.findall(text_of(given[0])) if given else []
        parts = [a for a, sign in zip(given[1:], signs, strict=False) if sign != "d"]
    return [part for part in parts if not is_fixed(part, source)]
