"""Parses Python from a tree-sitter tree into the engine's syntax nodes."""

# One file: a reader for each kind of node of one grammar, which call each other.

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reviewloop.regex import regex
from reviewloop.rules.taint.syntax import (
    Argument,
    Assign,
    Attr,
    Bare,
    Call,
    Case,
    Chain,
    Choice,
    Class,
    Clause,
    Compare,
    Comprehension,
    Const,
    Cut,
    Expr,
    Forget,
    Function,
    If,
    Import,
    Index,
    Lambda,
    Leave,
    Logic,
    Loop,
    Mapping,
    Match,
    Name,
    Opaque,
    Param,
    Series,
    Star,
    Stmt,
    Text,
    Try,
    Unary,
    Walrus,
    With,
)

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_DEPTH = 60  # deeper nesting is skipped: hostile input must not exhaust the stack


NO_CODE = frozenset({"comment", "line_continuation", "\\"})


@dataclass(slots=True)
class Reader:
    """The state of parsing one file: its bytes and the current depth."""

    source: bytes
    readers: "dict[str, Callable[[Reader, Node], Expr]]"
    depth: int = 0

    def text(self, node: "Node") -> str:
        """Return the source text of a node."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def expr(self, node: "Node | None") -> Expr:
        """Return the expression of a node."""
        if node is None:
            return Const(0, 0, None)
        if self.depth >= MOST_DEPTH:
            return Opaque(node.start_byte, node.end_byte, [])
        self.depth += 1
        try:
            read = self.readers.get(node.type)
            if read is not None:
                return read(self, node)
            return Opaque(node.start_byte, node.end_byte, self.exprs(node.named_children))
        finally:
            self.depth -= 1

    def exprs(self, nodes: "list[Node]") -> list[Expr]:
        """Return the expressions of those nodes that are code."""
        return [self.expr(node) for node in nodes if node.type not in NO_CODE]


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "\n": "", "0": "\0"}


_ESCAPE = regex(r"\\(.)", re.DOTALL)


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


LITERALS: dict[str, Callable[[Reader, "Node"], Expr]] = {
    "identifier": _name,
    "integer": _number,
    "float": _number,
    "true": _word,
    "false": _word,
    "none": _word,
    "ellipsis": _word,
    "string": _string,
    "concatenated_string": _strings,
}


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
    position = 0
    for child in node.children:
        if child.type == ":":
            position += 1
        elif position < 2 and child.type not in NO_CODE:
            ends[position] = reader.expr(child)
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
    """Parse a chain of operators, which nests to the left, with a loop instead of recursion."""
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


def read_import(reader: Reader, node: "Node") -> Stmt:
    """Return the names an import statement binds."""
    base = node.child_by_field_name("module_name")
    module = reader.text(base) if base is not None else ""
    if node.type == "future_import_statement":
        return Forget(node.start_byte, node.end_byte, [])
    pairs: list[tuple[str, str]] = []
    for name in node.children_by_field_name("name"):
        real = name.child_by_field_name("name")
        alias = name.child_by_field_name("alias")
        dotted = reader.text(real if real is not None else name)
        joint = "" if module.endswith(".") else "."
        whole = f"{module}{joint}{dotted}" if base is not None else dotted
        if alias is not None:
            pairs.append((reader.text(alias), whole))
        elif base is not None:
            pairs.append((dotted, whole))
        else:
            top = dotted.split(".")[0]
            pairs.append((top, top))
            pairs.append(("", dotted))
    if any(child.type == "wildcard_import" for child in node.named_children):
        pairs.append(("*", module))
    return Import(node.start_byte, node.end_byte, pairs)


def read_module(source: bytes) -> list[Stmt]:
    """Return the statements of a Python file; what cannot be parsed is left out."""
    import tree_sitter
    import tree_sitter_python

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language()))
    return _block(Reader(source, READERS), parser.parse(source).root_node)


def _block(reader: Reader, node: "Node | None") -> list[Stmt]:
    if node is None or reader.depth >= MOST_DEPTH:
        return []
    reader.depth += 1
    found: list[Stmt] = []
    for child in node.named_children:
        if child.type == "ERROR":
            found += _block(reader, child)
        elif (read := _READERS.get(child.type)) is not None:
            found.append(read(reader, child))
    reader.depth -= 1
    return found


def _later(reader: Reader, node: "Node | None") -> Callable[[], list[Stmt]]:
    """Return a function that parses a block at its depth of nesting."""
    depth = reader.depth

    def read() -> list[Stmt]:
        before, reader.depth = reader.depth, depth
        try:
            return _block(reader, node)
        finally:
            reader.depth = before

    return read


def _body(reader: Reader, node: "Node") -> list[Stmt]:
    """Return the block of a clause that has no field for it."""
    blocks = [child for child in node.named_children if child.type == "block"]
    return _block(reader, blocks[-1] if blocks else None)


def _expression(reader: Reader, node: "Node") -> Stmt:
    children = [child for child in node.named_children if child.type != "comment"]
    if len(children) == 1 and children[0].type in {"assignment", "augmented_assignment"}:
        return _assignment(reader, children[0])
    parts = [reader.expr(child) for child in children]
    value = parts[0] if len(parts) == 1 else reader.expr(node)
    return Bare(node.start_byte, node.end_byte, value)


def _assignment(reader: Reader, node: "Node") -> Stmt:
    targets: list[Expr] = []
    at: Node | None = node
    annotation = node.child_by_field_name("type")
    op = node.child_by_field_name("operator")
    while at is not None and at.type in {"assignment", "augmented_assignment"}:
        targets.append(reader.expr(at.child_by_field_name("left")))
        at = at.child_by_field_name("right")
    if at is None:
        declared = targets[0].id if isinstance(targets[0], Name) else ""
        kind = reader.text(annotation) if annotation is not None else ""
        return Forget(node.start_byte, node.end_byte, [], (declared, kind))
    kind = op.type[:-1] if op is not None and node.type == "augmented_assignment" else ""
    text = reader.text(annotation) if annotation is not None else ""
    return Assign(node.start_byte, node.end_byte, targets, reader.expr(at), kind, text)


def _leave(reader: Reader, node: "Node") -> Stmt:
    kind = node.type.split("_")[0]
    value = reader.expr(node.named_children[0]) if node.named_children else None
    return Leave(node.start_byte, node.end_byte, kind, value)


def _assert(reader: Reader, node: "Node") -> Stmt:
    test = reader.expr(node.named_children[0]) if node.named_children else Const(0, 0, True)
    return Bare(node.start_byte, node.end_byte, test, "assert")


def _if(reader: Reader, node: "Node") -> Stmt:
    branches = []
    otherwise: list[Stmt] = []
    for part in [node, *node.children_by_field_name("alternative")]:
        if part.type == "else_clause":
            otherwise = _block(reader, part.child_by_field_name("body"))
            continue
        test = reader.expr(part.child_by_field_name("condition"))
        branches.append((test, _block(reader, part.child_by_field_name("consequence"))))
    return If(node.start_byte, node.end_byte, branches, otherwise)


def _loop(reader: Reader, node: "Node") -> Stmt:
    left = node.child_by_field_name("left")
    source = node.child_by_field_name("right") or node.child_by_field_name("condition")
    otherwise = node.child_by_field_name("alternative")
    return Loop(
        node.start_byte,
        node.end_byte,
        reader.expr(left) if left is not None else None,
        reader.expr(source),
        _block(reader, node.child_by_field_name("body")),
        _block(reader, otherwise.child_by_field_name("body")) if otherwise else [],
    )


def _try(reader: Reader, node: "Node") -> Stmt:
    handlers: list[tuple[str, list[Stmt]]] = []
    otherwise: list[Stmt] = []
    final: list[Stmt] = []
    for child in node.named_children:
        if child.type in {"except_clause", "except_group_clause"}:
            value = child.child_by_field_name("value")
            alias = value.child_by_field_name("alias") if value is not None else None
            handlers.append((reader.text(alias) if alias else "", _body(reader, child)))
        elif child.type == "else_clause":
            otherwise = _body(reader, child)
        elif child.type == "finally_clause":
            final = _body(reader, child)
    body = _block(reader, node.child_by_field_name("body"))
    return Try(node.start_byte, node.end_byte, body, handlers, otherwise, final)


def _with(reader: Reader, node: "Node") -> Stmt:
    items: list[tuple[Expr, Expr | None]] = []
    clauses = [child for child in node.named_children if child.type == "with_clause"]
    for item in clauses[0].named_children if clauses else []:
        value = item.child_by_field_name("value") or item
        if value.type == "as_pattern" and value.named_children:
            alias = value.child_by_field_name("alias")
            target = reader.expr(alias) if alias is not None else None
            items.append((reader.expr(value.named_children[0]), target))
        else:
            items.append((reader.expr(value), None))
    body = _block(reader, node.child_by_field_name("body"))
    return With(node.start_byte, node.end_byte, items, body)


def _match(reader: Reader, node: "Node") -> Stmt:
    subjects = node.children_by_field_name("subject")
    body = node.child_by_field_name("body")
    cases = [_case(reader, child) for child in (body.named_children if body is not None else [])]
    subject = reader.expr(subjects[0]) if subjects else Const(0, 0, None)
    return Match(node.start_byte, node.end_byte, subject, [case for case in cases if case])


def _case(reader: Reader, node: "Node") -> Case | None:
    if node.type != "case_clause":
        return None
    patterns = [child for child in node.named_children if child.type == "case_pattern"]
    guard = node.child_by_field_name("guard")
    test = reader.expr(guard.named_children[0]) if guard and guard.named_children else None
    pattern = patterns[0] if len(patterns) == 1 else None
    literals = _literals(reader, pattern) if pattern is not None else None
    binds = [name for each in patterns for name in _names(reader, each)]
    body = _block(reader, node.child_by_field_name("consequence"))
    return Case(literals, binds, test, body)


def _literals(reader: Reader, pattern: "Node") -> tuple[object, ...] | None:
    """Return the literals in a pattern; () for one that matches anything."""
    inner = [child for child in pattern.named_children if child.type != "comment"]
    if not inner:
        return ()
    first = inner[0]
    if first.type == "as_pattern" and first.named_children:
        return _literals(reader, first)
    if first.type == "case_pattern":
        return _literals(reader, first)
    if first.type == "dotted_name":
        return () if len(first.named_children) == 1 else None
    options = first.named_children if first.type == "union_pattern" else [first]
    values = [reader.expr(option) for option in options]
    known = tuple(value.value for value in values if isinstance(value, Const))
    return known if len(known) == len(values) else None


def _names(reader: Reader, node: "Node") -> list[str]:
    """Return the variables in a pattern, with a loop instead of recursion."""
    found, waiting = [], [node]
    while waiting:
        at = waiting.pop()
        if at.type == "dotted_name" and len(at.named_children) == 1:
            found.append(reader.text(at))
        else:
            if at.type == "as_pattern":
                names = [child for child in at.named_children if child.type == "identifier"]
                found += [reader.text(name) for name in names]
            waiting += at.named_children
    return found


def _forget(reader: Reader, node: "Node") -> Stmt:
    names = [reader.text(child) for child in node.named_children if child.type == "identifier"]
    return Forget(node.start_byte, node.end_byte, names if node.type != "delete_statement" else [])


def _function(reader: Reader, node: "Node") -> Stmt:
    name = node.child_by_field_name("name")
    return Function(
        node.start_byte,
        node.end_byte,
        reader.text(name) if name is not None else "",
        read_params(reader, node.child_by_field_name("parameters")),
        _later(reader, node.child_by_field_name("body")),
        [],
        bool(node.children) and node.children[0].type == "async",
    )


def _class(reader: Reader, node: "Node") -> Stmt:
    name = node.child_by_field_name("name")
    bases = node.child_by_field_name("superclasses")
    texts = [
        reader.text(child)
        for child in (bases.named_children if bases is not None else [])
        if child.type in {"identifier", "attribute", "subscript", "call"}
    ]
    body = _block(reader, node.child_by_field_name("body"))
    return Class(node.start_byte, node.end_byte, reader.text(name) if name else "", texts, body)


def _decorated(reader: Reader, node: "Node") -> Stmt:
    definition = node.child_by_field_name("definition")
    if definition is None:
        return Forget(node.start_byte, node.end_byte, [])
    made = _READERS[definition.type](reader, definition)
    if isinstance(made, Function | Class):
        made.decorators = [
            reader.expr(child.named_children[0])
            for child in node.named_children
            if child.type == "decorator" and child.named_children
        ]
    return made


def _old(reader: Reader, node: "Node") -> Stmt:
    """`print x` and `exec x` of Python 2."""
    callee = Name(node.start_byte, node.start_byte + 4, node.type.split("_")[0])

    arguments = [Argument("", value) for value in reader.exprs(node.named_children)]
    return Bare(
        node.start_byte,
        node.end_byte,
        Call(node.start_byte, node.end_byte, callee, arguments),
    )


_READERS: dict[str, Callable[[Reader, "Node"], Stmt]] = {
    "expression_statement": _expression,
    "return_statement": _leave,
    "raise_statement": _leave,
    "break_statement": _leave,
    "continue_statement": _leave,
    "assert_statement": _assert,
    "if_statement": _if,
    "for_statement": _loop,
    "while_statement": _loop,
    "try_statement": _try,
    "with_statement": _with,
    "match_statement": _match,
    "import_statement": read_import,
    "import_from_statement": read_import,
    "future_import_statement": read_import,
    "global_statement": _forget,
    "nonlocal_statement": _forget,
    "delete_statement": _forget,
    "function_definition": _function,
    "class_definition": _class,
    "decorated_definition": _decorated,
    "print_statement": _old,
    "exec_statement": _old,
}
