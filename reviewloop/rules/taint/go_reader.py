"""Parses Go into the engine's syntax nodes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reviewloop.regex import regex
from reviewloop.rules.taint.syntax import (
    Argument,
    Assign,
    Attr,
    Bare,
    Call,
    Case,
    Compare,
    Const,
    Expr,
    Function,
    FunctionValue,
    If,
    Import,
    Index,
    Leave,
    Loop,
    Mapping,
    Match,
    Name,
    Opaque,
    Param,
    Series,
    Star,
    Stmt,
    Unary,
)
from reviewloop.rules.taint.tree_reader import TreeReader, call_of, named

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_VERSION = regex(r"^v\d+$")


def encoded(path: str) -> str:
    """Return an import path as one part of a dotted name."""
    return path.replace(".", "\x02")


@dataclass
class TypeRead:
    """A type of the file: its fields with their types."""

    fields: dict[str, str] = field(default_factory=dict)


class GoReader(TreeReader):
    """Parses one file of Go; records its types and methods."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.types: dict[str, TypeRead] = {}
        self.methods: list[tuple[str, Function]] = []

    def body(self, node: SgNode | None) -> list[Stmt]:
        """Return the statements of a function's body."""
        return self.block(_listed(node)) if node is not None else []

    def block(self, node: SgNode | None) -> list[Stmt]:
        """Return the statements in a node."""
        return super().block(_listed(node) if node is not None else None)

    def function(self, node: SgNode, name: str, receiver: SgNode | None = None) -> Function:
        """Return a function; a method's receiver is its first parameter."""
        extent = self.extent(node)
        params = self._params(node.field("parameters"))
        before: list[Stmt] = []
        if receiver is not None:
            own = self._params(receiver)
            params.insert(0, Param("self", "", None, "", *extent))
            if own:
                target, value = Name(*extent, own[0].name), Name(*extent, "self")
                before.append(Assign(*extent, [target], value))
        return Function(*extent, name, params, self.later(node.field("body"), before))

    def _params(self, node: SgNode | None) -> list[Param]:
        found: list[Param] = []
        for child in named(node) if node is not None else []:
            extent = self.extent(child)
            kind = child.field("type")
            text = kind.text() if kind is not None else ""
            star = "*" if child.kind().startswith("variadic") else ""
            names = [part.text() for part in child.children() if part.kind() == "identifier"]
            for name in names or ["_"]:
                found.append(Param(name, text, None, star, *extent))
        return found


def _listed(node: SgNode) -> SgNode:
    inside = [child for child in named(node) if child.kind() == "statement_list"]
    return inside[0] if inside else node


def _text(node: SgNode) -> str:
    text = node.text()
    if text.startswith("`"):
        return text[1:-1]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1])


def _string(reader: GoReader, node: SgNode) -> Expr:
    return Const(*reader.extent(node), _text(node))


def _number(reader: GoReader, node: SgNode) -> Expr:
    try:
        value: object = int(node.text().replace("_", ""), 0)
    except ValueError:
        value = 0.5
    return Const(*reader.extent(node), value)


_WORDS = {"true": True, "false": False, "nil": None}


def _word(reader: GoReader, node: SgNode) -> Expr:
    return Const(*reader.extent(node), _WORDS.get(node.kind(), 0))


def _name(reader: GoReader, node: SgNode) -> Expr:
    return Name(*reader.extent(node), node.text())


def _selector(reader: GoReader, node: SgNode) -> Expr:
    name = node.field("field")
    owner = reader.expr(node.field("operand"))
    return Attr(*reader.extent(node), owner, name.text() if name is not None else "")


def _index(reader: GoReader, node: SgNode) -> Expr:
    owner, key = reader.expr(node.field("operand")), reader.expr(node.field("index"))
    return Index(*reader.extent(node), owner, key)


def _inner(reader: GoReader, node: SgNode) -> Expr:
    inside = named(node)
    return reader.expr(inside[0] if inside else None)


def _unary(reader: GoReader, node: SgNode) -> Expr:
    operand = reader.expr(node.field("operand"))
    sign = node.field("operator")
    if sign is not None and sign.text() == "!":
        return Unary(*reader.extent(node), "not", _condition(operand))
    negative = sign is not None and sign.text() == "-" and isinstance(operand, Const)
    if negative and isinstance(operand, Const) and isinstance(operand.value, int | float):
        return Const(*reader.extent(node), -operand.value)
    return operand


def _condition(test: Expr) -> Expr:
    """Return `allowed[x]` as a condition: it tests for the key."""
    if isinstance(test, Index):
        return Compare(test.start, test.end, [test.key, test.owner], ["in"])
    return test


def _call(reader: GoReader, node: SgNode) -> Expr:
    extent = reader.extent(node)
    function = node.field("function")
    given = node.field("arguments")
    nodes = named(given) if given is not None else []
    spread = given is not None and given.text().rstrip(") \n\t,").endswith("...")
    values = reader.exprs(nodes)
    text = function.text() if function is not None else ""
    if len(values) == 2:
        first, second = values
        if text in {"slices.Contains", "slices.Index"}:
            return Compare(*extent, [second, first], ["in"])
        if text == "strings.Contains":
            return Compare(*extent, [second, first], ["in"])
        if text in {"strings.HasPrefix", "bytes.HasPrefix"}:
            return call_of(extent, Attr(*extent, first, "startswith"), second)
    callee = reader.expr(function)
    if isinstance(callee, Attr) and callee.name == "MatchString" and len(values) == 1:
        search = Attr(*extent, Name(*extent, "%re"), "search")
        return call_of(extent, search, callee.owner, values[0])
    arguments = [Argument("", value) for value in values]
    if spread and arguments:
        arguments[-1] = Argument("*", arguments[-1].value)
    return Call(*extent, callee, arguments)


def _conversion(reader: GoReader, node: SgNode) -> Expr:
    return reader.expr(node.field("operand"))


def _literal(reader: GoReader, node: SgNode) -> Expr:
    extent = reader.extent(node)
    kind, body = node.field("type"), node.field("body")
    pairs: list[tuple[str | None, Expr]] = []
    for child in named(body) if body is not None else []:
        if child.kind() == "keyed_element":
            parts = named(child)
            key = parts[0].text().strip('"') if parts else ""
            pairs.append((key, reader.expr(parts[-1] if len(parts) > 1 else None)))
        else:
            pairs.append((None, reader.expr(child)))
    word = kind.kind() if kind is not None else ""
    if word in {"type_identifier", "qualified_type", "generic_type"} and kind is not None:
        head, _, tail = kind.text().partition("[")[0].rpartition(".")
        callee: Expr = Name(*extent, tail)
        if head:
            callee = Attr(*extent, Name(*extent, head), tail)
        return Call(*extent, callee, [Argument(key or "", value) for key, value in pairs])
    if word == "map_type":
        return Mapping(*extent, [(Const(*extent, key or ""), value) for key, value in pairs])
    return Series(*extent, "list", [value for _, value in pairs])


def _function_value(reader: GoReader, node: SgNode) -> Expr:
    return FunctionValue(*reader.extent(node), reader.function(node, "%function"))


def _spread(reader: GoReader, node: SgNode) -> Expr:
    inside = named(node)
    return Star(*reader.extent(node), reader.expr(inside[0] if inside else None))


_EXPRESSIONS: dict[str, Callable[..., Expr]] = {
    "identifier": _name,
    "type_identifier": _name,
    "interpreted_string_literal": _string,
    "raw_string_literal": _string,
    "int_literal": _number,
    "float_literal": _number,
    "rune_literal": _word,
    "true": _word,
    "false": _word,
    "nil": _word,
    "selector_expression": _selector,
    "index_expression": _index,
    "slice_expression": _conversion,
    "call_expression": _call,
    "type_conversion_expression": _conversion,
    "type_assertion_expression": _conversion,
    "unary_expression": _unary,
    "binary_expression": TreeReader.binary,
    "parenthesized_expression": _inner,
    "literal_element": _inner,
    "composite_literal": _literal,
    "func_literal": _function_value,
    "variadic_argument": _spread,
}


def _several(reader: GoReader, node: SgNode | None) -> list[Expr]:
    if node is None:
        return []
    return reader.exprs(named(node)) if node.kind() == "expression_list" else [reader.expr(node)]


def _assign(reader: GoReader, node: SgNode) -> list[Stmt]:
    extent = reader.extent(node)
    targets, values = _several(reader, node.field("left")), _several(reader, node.field("right"))
    sign = node.field("operator")
    op = sign.text()[:-1] if sign is not None and node.kind() == "assignment_statement" else ""
    if len(targets) == len(values):
        pairs = zip(targets, values, strict=True)
        return [Assign(*extent, [target], value, op) for target, value in pairs]
    if len(values) != 1 or not targets:
        return []
    value = values[0]
    if isinstance(value, Index) and len(targets) == 2:
        there = Compare(*extent, [value.key, value.owner], ["in"])
        return [Assign(*extent, [targets[0]], value), Assign(*extent, [targets[1]], there)]
    return [Assign(*extent, [Series(*extent, "tuple", targets)], value)]


def _var(reader: GoReader, node: SgNode) -> list[Stmt]:
    found: list[Stmt] = []
    for child in named(node):
        if child.kind() == "var_spec_list":
            found += _var(reader, child)
            continue
        if child.kind() not in {"var_spec", "const_spec"}:
            continue
        extent = reader.extent(child)
        names = [part for part in child.children() if part.kind() == "identifier"]
        values = _several(reader, child.field("value"))
        kind = child.field("type")
        for index, name in enumerate(names):
            target = Name(*reader.extent(name), name.text())
            if index < len(values):
                found.append(Assign(*extent, [target], values[index]))
            elif kind is not None:
                found.append(Assign(*extent, [target], Name(*extent, f"%type:{kind.text()}")))
    return found


def _type(reader: GoReader, node: SgNode) -> list[Stmt]:
    for child in named(node):
        name, kind = child.field("name"), child.field("type")
        if child.kind() != "type_spec" or name is None or kind is None:
            continue
        made = reader.types.setdefault(name.text(), TypeRead())
        for part in named(kind):
            for declared in named(part) if part.kind() == "field_declaration_list" else []:
                of = declared.field("type")
                for own in declared.children():
                    if own.kind() == "field_identifier" and of is not None:
                        made.fields[own.text()] = of.text()
    return []


def _function(reader: GoReader, node: SgNode) -> list[Stmt]:
    name = node.field("name")
    return [reader.function(node, name.text() if name is not None else "")]


def _method(reader: GoReader, node: SgNode) -> list[Stmt]:
    name, receiver = node.field("name"), node.field("receiver")
    if name is None or receiver is None:
        return []
    kind = re.search(r"([A-Za-z_]\w*)\s*(?:\[[^\]]*\])?\s*\)$", receiver.text())
    made = reader.function(node, name.text(), receiver)
    reader.methods.append((kind[1] if kind else "", made))
    return []


def _return(reader: GoReader, node: SgNode) -> list[Stmt]:
    extent = reader.extent(node)
    inside = named(node)
    values = _several(reader, inside[0] if inside else None)
    value: Expr | None = values[0] if values else None
    if len(values) > 1:
        value = Series(*extent, "tuple", values)
    return [Leave(*extent, "return", value)]


def _leave(reader: GoReader, node: SgNode) -> list[Stmt]:
    return [Leave(*reader.extent(node), node.kind().split("_")[0])]


def _if(reader: GoReader, node: SgNode) -> list[Stmt]:
    first = node.field("initializer")
    before = reader.statement(first) if first is not None else []
    test = _condition(reader.expr(node.field("condition")))
    then = reader.block(node.field("consequence"))
    other = node.field("alternative")
    otherwise: list[Stmt] = []
    if other is not None:
        chained = other.kind() == "if_statement"
        otherwise = reader.statement(other) if chained else reader.block(other)
    return [*before, If(*reader.extent(node), [(test, then)], otherwise)]


# Names of the only variable of a `range` over a list; over a map it is a key, which is data.
_POSITIONS = frozenset({"i", "j", "n", "idx", "index", "pos"})


def _for(reader: GoReader, node: SgNode) -> list[Stmt]:
    extent = reader.extent(node)
    body = reader.block(node.field("body"))
    for child in named(node):
        if child.kind() == "range_clause":
            targets = _several(reader, child.field("left"))
            source = reader.expr(child.field("right"))
            target = targets[-1] if targets else None
            if len(targets) == 1 and isinstance(target, Name) and target.id in _POSITIONS:
                target = None
            return [Loop(*extent, target or Name(*extent, "_"), source, body, [])]
    return [Loop(*extent, None, Opaque(*extent, []), body, [])]


def _switch(reader: GoReader, node: SgNode) -> list[Stmt]:
    first, value = node.field("initializer"), node.field("value")
    before = reader.statement(first) if first is not None else []
    cases: list[Case] = []
    for child in named(node):
        if child.kind() not in {"expression_case", "default_case", "type_case"}:
            continue
        body = reader.block(child)
        known = _several(reader, child.field("value"))
        literals = tuple(one.value if isinstance(one, Const) else None for one in known)
        if value is None and known:
            test = known[0]
            before.append(If(*reader.extent(child), [(test, body)], []))
            continue
        cases.append(Case(literals if child.kind() == "expression_case" else (), [], None, body))
    subject = reader.expr(value) if value is not None else Const(0, 0, None)
    return [*before, Match(*reader.extent(node), subject, cases)] if cases else before


def _wrapped(reader: GoReader, node: SgNode) -> list[Stmt]:
    inside = named(node)
    return [Bare(*reader.extent(node), reader.expr(inside[0]))] if inside else []


def _import(reader: GoReader, node: SgNode) -> list[Stmt]:
    pairs: list[tuple[str, str]] = []
    specs = [child for child in named(node) if child.kind() == "import_spec"]
    for child in named(node):
        if child.kind() == "import_spec_list":
            specs += [one for one in named(child) if one.kind() == "import_spec"]
    for spec in specs:
        alias, path = spec.field("name"), spec.field("path")
        if path is None:
            continue
        text = _text(path)
        parts = text.split("/")
        last = parts[-2] if _VERSION.match(parts[-1]) and len(parts) > 1 else parts[-1]
        pairs.append((alias.text() if alias is not None else last, encoded(text)))
    return [Import(*reader.extent(node), pairs)]


_STATEMENTS: dict[str, Callable[..., list[Stmt]]] = {
    "import_declaration": _import,
    "var_declaration": _var,
    "const_declaration": _var,
    "type_declaration": _type,
    "function_declaration": _function,
    "method_declaration": _method,
    "short_var_declaration": _assign,
    "assignment_statement": _assign,
    "expression_statement": _wrapped,
    "go_statement": _wrapped,
    "defer_statement": _wrapped,
    "return_statement": _return,
    "break_statement": _leave,
    "continue_statement": _leave,
    "if_statement": _if,
    "for_statement": _for,
    "expression_switch_statement": _switch,
    "type_switch_statement": _switch,
    "block": lambda reader, node: reader.block(node),
    "labeled_statement": lambda reader, node: reader.block(node),
}
GoReader.expressions = _EXPRESSIONS
GoReader.statements = _STATEMENTS
