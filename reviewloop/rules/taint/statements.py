"""Read statements from a tree-sitter tree into the taint pass's own nodes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from reviewloop.rules.taint.blocks import (
    Assign,
    Bare,
    Case,
    Class,
    Forget,
    Function,
    If,
    Leave,
    Loop,
    Match,
    Stmt,
    Try,
    With,
)
from reviewloop.rules.taint.expressions import READERS, read_params
from reviewloop.rules.taint.importing import read_import
from reviewloop.rules.taint.reader import MOST_DEPTH, Reader
from reviewloop.rules.taint.syntax import Const, Expr, Name

if TYPE_CHECKING:
    from tree_sitter import Node


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
        return Forget(node.start_byte, node.end_byte, [])
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
    """Return what a pattern is compared with; () when it takes anything."""
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
    """Return the variables a pattern binds, walking instead of recursing."""
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
        _block(reader, node.child_by_field_name("body")),
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
    from reviewloop.rules.taint.syntax import Argument, Call

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
