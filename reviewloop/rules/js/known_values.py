"""Recognises numbers, values of constant lists, and values that a schema lists."""

from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source
from reviewloop.regex import regex
from reviewloop.rules.js.request_input import value_of
from reviewloop.rules.js.syntax import (
    argument,
    arguments,
    call_name,
    is_const,
    literal,
    pairs,
    plain,
    receiver,
    receiver_node,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_MOST_DEPTH = 6
_CONVERTS = frozenset({"Number", "parseInt", "parseFloat", "BigInt"})
_ARITHMETIC = frozenset({"-", "*", "/", "%", "**", "|", "&", "^", "<<", ">>", ">>>"})


def is_number(node: "SgNode") -> bool:
    """Whether a value is a number, whatever it is made of."""
    kind = node.kind()
    if kind == "call_expression":
        of = receiver(node)
        return of == "Math" or (call_name(node) in _CONVERTS and of in {"", "Number", "window"})
    if kind == "member_expression":
        name = node.field("property")
        return name is not None and name.text() == "length"
    sign = node.field("operator")
    if kind == "unary_expression":
        return sign is not None and sign.text() in {"+", "-", "~"}
    return kind == "binary_expression" and sign is not None and sign.text() in _ARITHMETIC


# Schemas that let only numbers and listed values through (https://zod.dev/api).
_FIXED_SCHEMA = regex(
    r"z\.(?:coerce\.)?(?:enum|nativeEnum|literal|number|int|boolean|bigint|date|uuid)\("
    r"(?![\s\S]*\.(?:or|transform|pipe|overwrite)\()"
)


def picks_known(call: "SgNode", source: Source) -> bool:
    """Whether a call picks from a constant list, or parses by a schema that lists its values."""
    name, of = call_name(call), receiver(call)
    if name == "parse":
        declared = declared_once(of, source)
        return _FIXED_SCHEMA.match(declared.text() if declared is not None else of) is not None
    return name in {"find", "at", "get"} and is_constant(of, source)


def is_known_member(node: "SgNode", source: Source) -> bool:
    """Whether a value is a member that an object's schema lets be known values only."""
    name, parsed = _parsed_member(node, source)
    if parsed is None or parsed.kind() != "call_expression":
        return False
    schema = receiver_node(parsed) if call_name(parsed) in _PARSES else None
    if schema is not None and schema.kind() == "identifier":
        schema = declared_once(schema.text(), source)
    if schema is None or schema.kind() != "call_expression":
        return False
    member = pairs(argument(schema, 0)).get(name)
    return member is not None and _FIXED_SCHEMA.match(member.text()) is not None


_PARSES = frozenset({"parse", "parseAsync", "safeParse", "safeParseAsync"})


def _parsed_member(node: "SgNode", source: Source) -> "tuple[str, SgNode | None]":
    """Return the name of a member, and the value that it is taken from."""
    if node.kind() == "member_expression":
        of, name = node.field("object"), node.field("property")
        if of is not None and of.kind() == "member_expression" and of.text().endswith(".data"):
            of = of.field("object")
        value = value_of(of, source) if of is not None else None
        return name.text() if name is not None else "", _awaited(value)
    for declared in source.all("variable_declarator"):
        pattern = declared.field("name")
        if pattern is not None and pattern.kind() == "object_pattern":
            words = pattern.text().strip("{} \n").split(",")
            if node.text() in map(str.strip, words):
                return node.text(), _awaited(declared.field("value"))
    return "", None


def _awaited(value: "SgNode | None") -> "SgNode | None":
    if value is not None and value.kind() == "await_expression":
        return next(iter(value.named_children()), None)
    return value


def declared_once(name: str, source: Source) -> "SgNode | None":
    """Return the only value that is given to a variable anywhere in the file."""
    known: dict[str, SgNode | None] | None = source.memo.get("js declared once")
    if known is None:
        known = {}
        for node in source.all("variable_declarator"):
            bound, value = node.field("name"), node.field("value")
            if bound is not None and bound.kind() == "identifier":
                given = value if value is not None and is_const(value) else None
                known[bound.text()] = None if bound.text() in known else given
        source.memo["js declared once"] = known
    return known.get(name)


def is_constant(name: str, source: Source) -> bool:
    """Whether a variable holds a list or mapping of literals."""
    value = declared_once(name, source)
    return value is not None and _holds_literals(value, _MOST_DEPTH)


def _holds_literals(node: "SgNode", depth: int) -> bool:
    node = plain(node)
    if depth <= 0:
        return False
    if node.kind() in {
        "new_expression",
        "call_expression",
    }:  # `new Set([...])`, `Object.freeze(...)`
        parts = arguments(node)
        if receiver(node) not in {"", "Object"} or not parts:
            return False
    elif node.kind() == "object":
        parts = list(pairs(node).values())
    elif node.kind() == "array":
        parts = node.named_children()
    else:
        return literal(node)
    return all(_holds_literals(part, depth - 1) for part in parts)
