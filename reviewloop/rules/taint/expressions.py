"""Read expressions from a tree-sitter tree into the taint pass's own nodes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from reviewloop.rules.taint.literals import LITERALS
from reviewloop.rules.taint.reader import NO_CODE, Reader
from reviewloop.rules.taint.syntax import (
    Argument,
    Attr,
    Call,
    Chain,
    Choice,
    Clause,
    Compare,
    Comprehension,
    Const,
    Cut,
    Expr,
    Index,
    Lambda,
    Logic,
    Mapping,
    Opaque,
    Param,
    Series,
    Star,
    Unary,
    Walrus,
)

if TYPE_CHECKING:
    from tree_sitter import Node


def _inner(reader: Reader, node: "Node") -> Expr:
    found = [child for child in node.named_children if child.type not in NO_CODE]
    if len(found) == 1:
        return reader.expr(found[0])
    return Opaque(node.start_byte, node.end_byte, reader.exprs(found))


def _attribute(reader: Reader, node: "Node") -> Expr:
    owner = reader.expr(node.child_by_field_name("object"))
    name = node.child_by_field_name("attribute")
    return Attr(node.start_byte, node.end_byte, owner, reader.text(name) if name else "")


def _subscript(reader: Reader, node: "Node") -> Expr:
    owner = reader.expr(node.child_by_field_name("value"))
    keys = node.children_by_field_name("subscript")
    if len(keys) == 1:
        return Index(node.start_byte, node.end_byte, owner, reader.expr(keys[0]))
    members = reader.exprs(keys)
    key = Series(node.start_byte, node.end_byte, "tuple", members)
    return Index(node.start_byte, node.end_byte, owner, key)


def _slice(reader: Reader, node: "Node") -> Expr:
    ends: list[Expr | None] = [None, None]
    place = 0
    for child in node.children:
        if child.type == ":":
            place += 1
        elif place < 2 and child.type not in NO_CODE:
            ends[place] = reader.expr(child)
    return Cut(node.start_byte, node.end_byte, ends[0], ends[1])


def _call(reader: Reader, node: "Node") -> Expr:
    callee = reader.expr(node.child_by_field_name("function"))
    return Call(
        node.start_byte,
        node.end_byte,
        callee,
        read_arguments(reader, node.child_by_field_name("arguments")),
    )


def read_arguments(reader: Reader, node: "Node | None") -> list[Argument]:
    """Return the arguments of an argument list (or the one generator it consists of)."""
    if node is None:
        return []
    if node.type == "generator_expression":
        return [Argument("", reader.expr(node))]
    found = []
    for child in node.named_children:
        if child.type == "keyword_argument":
            name = child.child_by_field_name("name")
            value = reader.expr(child.child_by_field_name("value"))
            found.append(Argument(reader.text(name) if name else "", value))
        elif child.type in {"list_splat", "dictionary_splat"}:
            star = "*" if child.type == "list_splat" else "**"
            found.append(Argument(star, _inner(reader, child)))
        elif child.type not in NO_CODE:
            found.append(Argument("", reader.expr(child)))
    return found


def _binary(reader: Reader, node: "Node") -> Expr:
    """Long chains lean to the left: they are walked, not descended into."""
    rest: list[tuple[str, Expr]] = []
    at: Node | None = node
    while at is not None and at.type == "binary_operator":
        op = at.child_by_field_name("operator")
        right = reader.expr(at.child_by_field_name("right"))
        rest.append((op.type if op else "+", right))
        at = at.child_by_field_name("left")
    rest.reverse()
    return Chain(node.start_byte, node.end_byte, reader.expr(at), rest)


def _logic(reader: Reader, node: "Node") -> Expr:
    operator = node.child_by_field_name("operator")
    op = operator.type if operator else "and"
    operands: list[Expr] = []
    at: Node | None = node
    while at is not None and at.type == "boolean_operator":
        inner = at.child_by_field_name("operator")
        if inner is None or inner.type != op:
            break
        operands.append(reader.expr(at.child_by_field_name("right")))
        at = at.child_by_field_name("left")
    operands.append(reader.expr(at))
    operands.reverse()
    return Logic(node.start_byte, node.end_byte, op, operands)


def _not(reader: Reader, node: "Node") -> Expr:
    operand = reader.expr(node.child_by_field_name("argument"))
    return Unary(node.start_byte, node.end_byte, "not", operand)


def _unary(reader: Reader, node: "Node") -> Expr:
    operand = reader.expr(node.child_by_field_name("argument"))
    op = node.child_by_field_name("operator")
    sign = op.type if op else "-"
    if sign == "-" and isinstance(operand, Const) and isinstance(operand.value, int | float):
        return Const(node.start_byte, node.end_byte, -operand.value)
    return Unary(node.start_byte, node.end_byte, sign, operand)


def _compare(reader: Reader, node: "Node") -> Expr:
    operands, ops = [], []
    for child in node.children:
        if child.is_named:
            if child.type not in NO_CODE:
                operands.append(reader.expr(child))
        else:
            ops.append(reader.text(child))
    return Compare(node.start_byte, node.end_byte, operands, [" ".join(op.split()) for op in ops])


def _choice(reader: Reader, node: "Node") -> Expr:
    parts = reader.exprs(node.named_children)
    if len(parts) != 3:
        return Opaque(node.start_byte, node.end_byte, parts)
    return Choice(node.start_byte, node.end_byte, parts[1], parts[0], parts[2])


def _series(reader: Reader, node: "Node") -> Expr:
    kind = {"list": "list", "list_pattern": "list", "set": "set"}.get(node.type, "tuple")
    return Series(node.start_byte, node.end_byte, kind, reader.exprs(node.named_children))


def _mapping(reader: Reader, node: "Node") -> Expr:
    pairs: list[tuple[Expr | None, Expr]] = []
    for child in node.named_children:
        if child.type == "pair":
            key = reader.expr(child.child_by_field_name("key"))
            pairs.append((key, reader.expr(child.child_by_field_name("value"))))
        elif child.type == "dictionary_splat":
            pairs.append((None, _inner(reader, child)))
    return Mapping(node.start_byte, node.end_byte, pairs)


def _comprehension(reader: Reader, node: "Node") -> Expr:
    body = node.child_by_field_name("body")
    results: list[Expr] = []
    if body is not None and body.type == "pair":
        results = reader.exprs(body.named_children)
    elif body is not None:
        results = [reader.expr(body)]
    clauses: list[Clause] = []
    for child in node.named_children:
        if child.type == "for_in_clause":
            target = reader.expr(child.child_by_field_name("left"))
            sources = reader.exprs(child.children_by_field_name("right"))
            if sources:
                clauses.append(Clause(target, sources[0]))
        elif child.type == "if_clause":
            clauses.append(Clause(None, _inner(reader, child)))
    kind = node.type.split("_")[0]
    return Comprehension(node.start_byte, node.end_byte, kind, results, clauses)


def _walrus(reader: Reader, node: "Node") -> Expr:
    name = node.child_by_field_name("name")
    value = reader.expr(node.child_by_field_name("value"))
    return Walrus(node.start_byte, node.end_byte, reader.text(name) if name else "", value)


def _star(reader: Reader, node: "Node") -> Expr:
    return Star(node.start_byte, node.end_byte, _inner(reader, node))


def _lambda(reader: Reader, node: "Node") -> Expr:
    params = read_params(reader, node.child_by_field_name("parameters"))
    body = reader.expr(node.child_by_field_name("body"))
    return Lambda(node.start_byte, node.end_byte, params, body)


def read_params(reader: Reader, node: "Node | None") -> list[Param]:
    """Return the parameters of a function or lambda."""
    return [
        param
        for child in (node.named_children if node else [])
        if (param := _param(reader, child)) is not None
    ]


def _param(reader: Reader, node: "Node") -> Param | None:
    name = node.child_by_field_name("name")
    kind = node.child_by_field_name("type")
    value = node.child_by_field_name("value")
    if node.type in {"identifier", "list_splat_pattern", "dictionary_splat_pattern"}:
        name = node
    elif node.type == "typed_parameter" and node.named_children:
        name = node.named_children[0]
    if name is None:
        return None
    text = reader.text(name)
    star = text[: len(text) - len(text.lstrip("*"))]
    default = reader.expr(value) if value is not None else None
    annotation = reader.text(kind) if kind is not None else ""
    return Param(text.lstrip("* "), annotation, default, star, node.start_byte, node.end_byte)


READERS: dict[str, Callable[[Reader, "Node"], Expr]] = {
    **LITERALS,
    "attribute": _attribute,
    "subscript": _subscript,
    "slice": _slice,
    "call": _call,
    "binary_operator": _binary,
    "boolean_operator": _logic,
    "not_operator": _not,
    "unary_operator": _unary,
    "comparison_operator": _compare,
    "conditional_expression": _choice,
    "list": _series,
    "tuple": _series,
    "set": _series,
    "expression_list": _series,
    "pattern_list": _series,
    "tuple_pattern": _series,
    "list_pattern": _series,
    "dictionary": _mapping,
    "list_comprehension": _comprehension,
    "set_comprehension": _comprehension,
    "dictionary_comprehension": _comprehension,
    "generator_expression": _comprehension,
    "named_expression": _walrus,
    "list_splat": _star,
    "list_splat_pattern": _star,
    "lambda": _lambda,
    "await": _inner,
    "yield": _inner,
    "parenthesized_expression": _inner,
    "type": _inner,
    "as_pattern_target": _inner,
}
