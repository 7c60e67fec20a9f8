"""Read expressions from a tree-sitter tree into the taint pass's own nodes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reviewloop.analysers.taint.syntax import (
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
    Name,
    Opaque,
    Param,
    Series,
    Star,
    Text,
    Unary,
    Walrus,
)

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_DEPTH = 60  # deeper nesting is not looked into: hostile input must not exhaust the stack
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "\n": "", "0": "\0"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_NO_CODE = frozenset({"comment", "line_continuation", "\\"})


@dataclass(slots=True)
class Reader:
    """What reading one file needs: its bytes and how deep we are."""

    source: bytes
    depth: int = 0

    def text(self, node: "Node") -> str:
        """Return the source text of a node."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def expr(self, node: "Node | None") -> Expr:
        """Return the expression a node stands for."""
        if node is None:
            return Const(0, 0, None)
        if self.depth >= MOST_DEPTH:
            return Opaque(node.start_byte, node.end_byte, [])
        self.depth += 1
        try:
            return _READERS.get(node.type, _other)(self, node)
        finally:
            self.depth -= 1

    def exprs(self, nodes: "list[Node]") -> list[Expr]:
        """Return the expressions of those nodes that are code."""
        return [self.expr(node) for node in nodes if node.type not in _NO_CODE]


def _other(reader: Reader, node: "Node") -> Expr:
    return Opaque(node.start_byte, node.end_byte, reader.exprs(node.named_children))


def _name(reader: Reader, node: "Node") -> Expr:
    return Name(node.start_byte, node.end_byte, reader.text(node))


def _number(reader: Reader, node: "Node") -> Expr:
    digits = reader.text(node).replace("_", "").lower()
    value: object = None
    if len(digits) < 40:
        try:
            value = int(digits, 0) if node.type == "integer" else float(digits)
        except ValueError:
            return Opaque(node.start_byte, node.end_byte, [])
    return Const(node.start_byte, node.end_byte, value)


_WORDS = {"true": True, "false": False, "none": None, "ellipsis": ...}


def _word(reader: Reader, node: "Node") -> Expr:
    return Const(node.start_byte, node.end_byte, _WORDS[node.type])


def _inner(reader: Reader, node: "Node") -> Expr:
    found = [child for child in node.named_children if child.type not in _NO_CODE]
    if len(found) == 1:
        return reader.expr(found[0])
    return Opaque(node.start_byte, node.end_byte, reader.exprs(found))


def _string(reader: Reader, node: "Node") -> Expr:
    start = node.children[0] if node.children else node
    prefix = reader.text(start).rstrip("\"'").lower()
    raw, binary = "r" in prefix, "b" in prefix
    parts: list[Expr] = []
    for child in node.children[1:]:
        if child.type == "string_content":
            text = reader.text(child)
            if not raw and "\\" in text:
                text = _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[0]), text)
            if "f" in prefix:
                text = text.replace("{{", "{").replace("}}", "}")
            value: object = text.encode("utf-8", "replace") if binary else text
            parts.append(Const(child.start_byte, child.end_byte, value))
        elif child.type == "interpolation":
            parts.append(reader.expr(child.child_by_field_name("expression")))
    if not parts:
        return Const(node.start_byte, node.end_byte, b"" if binary else "")
    if len(parts) == 1 and isinstance(parts[0], Const) and "f" not in prefix:
        return Const(node.start_byte, node.end_byte, parts[0].value)
    return Text(node.start_byte, node.end_byte, parts)


def _strings(reader: Reader, node: "Node") -> Expr:
    parts = reader.exprs(node.named_children)
    if all(isinstance(part, Const) and isinstance(part.value, str) for part in parts):
        text = "".join(str(part.value) for part in parts if isinstance(part, Const))
        return Const(node.start_byte, node.end_byte, text)
    return Text(node.start_byte, node.end_byte, parts)


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
        elif place < 2 and child.type not in _NO_CODE:
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
        elif child.type not in _NO_CODE:
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
            if child.type not in _NO_CODE:
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


_READERS: dict[str, Callable[[Reader, "Node"], Expr]] = {
    "identifier": _name,
    "integer": _number,
    "float": _number,
    "true": _word,
    "false": _word,
    "none": _word,
    "ellipsis": _word,
    "string": _string,
    "concatenated_string": _strings,
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
