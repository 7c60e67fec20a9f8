"""Parses JavaScript and TypeScript into the engine's syntax nodes."""

# One file: a reader for each kind of node of one grammar, which call each other.

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from reviewloop.rules.taint.syntax import (
    Argument,
    Assign,
    Attr,
    Bare,
    Call,
    Case,
    Choice,
    Class,
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
    Text,
    Try,
    Unary,
    Walrus,
)
from reviewloop.rules.taint.tree_reader import TreeReader, call_of, named, taken_apart

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_METHODS = {"startsWith": "startswith", "endsWith": "endswith", "toLowerCase": "lower"}
_PATTERNS = ("identifier", "shorthand_property_identifier_pattern")
FUNCTIONS = frozenset(
    {
        "function_declaration",
        "function_expression",
        "arrow_function",
        "method_definition",
        "generator_function",
        "generator_function_declaration",
    }
)


def encoded(spec: str) -> str:
    """Return the name of a module as one part of a dotted name."""
    return spec.removeprefix("node:").replace(".", "\x02")


def decoded(name: str) -> str:
    """Return the name of a module as written in the code."""
    return name.replace("\x02", ".")


def text_of(node: SgNode) -> str:
    """Return the content of a string."""
    text = node.text()[1:-1]
    if "\\" in text:
        text = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.DOTALL)
    return text


class ScriptReader(TreeReader):
    """Parses one file of JavaScript or TypeScript; records its imports and exports."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.modules: dict[str, None] = {}  # names bound by `require`
        self.exports: dict[str, str] = {}  # exported names -> names in the file

    def body(self, node: SgNode | None) -> list[Stmt]:
        """Return the statements of a function's body, also of an arrow's expression."""
        if node is not None and node.kind() != "statement_block":
            extent = self.extent(node)
            return [Leave(*extent, "return", self.expr(node))]
        return self.block(node)

    def function(self, node: SgNode, name: str = "", method: bool = False) -> Function:
        """Return a function; its first statements destructure patterns among its parameters."""
        extent = self.extent(node)
        given = node.field("parameters")
        single = node.field("parameter")
        nodes = [single] if single is not None else named(given) if given is not None else []
        params: list[Param] = []
        before: list[Stmt] = []
        for child in nodes:
            params.append(self._param(child, before, name == "__init__"))
        if method:
            params.insert(0, Param("self", "", None, "", *extent))
        asynchronous = any(child.kind() == "async" for child in node.children()[:4])
        read = self.later(node.field("body"), before)
        return Function(*extent, name or "%function", params, read, [], asynchronous)

    def _param(self, node: SgNode, before: list[Stmt], constructor: bool) -> Param:
        extent = self.extent(node)
        kind = node.field("type")
        pattern = node.field("pattern") or node
        default = node.field("value")
        annotation = kind.text().lstrip(": ") if kind is not None else ""
        for child in node.children():
            if child.kind() == "decorator":
                annotation = f"{child.text()} {annotation}"
        if pattern.kind() == "assignment_pattern":
            default, pattern = pattern.field("right"), pattern.field("left") or pattern
        star = ""
        if pattern.kind() == "rest_pattern":
            star, inside = "*", named(pattern)
            pattern = inside[0] if inside else pattern
        value = self.expr(default) if default is not None else None
        if pattern.kind() in {"object_pattern", "array_pattern"}:
            name = self.name_for_now()
            before += self.pattern(pattern, Name(*extent, name))
        else:
            name = pattern.text()
        if constructor and any(c.kind() == "accessibility_modifier" for c in node.children()):
            target = Attr(*extent, Name(*extent, "self"), name)
            before.append(Assign(*extent, [target], Name(*extent, name)))
        return Param(name, annotation, value, star, *extent)

    def pattern(self, node: SgNode, value: Expr) -> list[Stmt]:
        """Return the statements that destructure a value."""
        extent = self.extent(node)
        kind = node.kind()
        if kind in _PATTERNS:
            return [Assign(*extent, [Name(*extent, node.text())], value)]
        if kind in {"assignment_pattern", "object_assignment_pattern"}:
            left = node.field("left")
            return self.pattern(left, value) if left is not None else []
        if kind == "rest_pattern":
            inside = named(node)
            return self.pattern(inside[0], value) if inside else []
        found: list[Stmt] = []
        if kind == "array_pattern":
            for index, child in enumerate(named(node)):
                found += self.pattern(child, Index(*extent, value, Const(*extent, index)))
            return found
        if kind != "object_pattern":
            return [Assign(*extent, [self.expr(node)], value)]
        for child in named(node):
            found += self._property(child, value)
        return found

    def _property(self, child: SgNode, value: Expr) -> list[Stmt]:
        extent = self.extent(child)
        if child.kind() == "shorthand_property_identifier_pattern":
            return [taken_apart(extent, value, child.text(), child.text())]
        if child.kind() == "object_assignment_pattern":
            left = child.field("left")
            return [taken_apart(extent, value, left.text(), left.text())] if left else []
        if child.kind() == "pair_pattern":
            key, inner = child.field("key"), child.field("value")
            if key is None or inner is None:
                return []
            return self.pattern(inner, Attr(*extent, value, key.text().strip("'\"")))
        return self.pattern(child, value) if child.kind() == "rest_pattern" else []


def _inner(reader: ScriptReader, node: SgNode) -> Expr:
    found = named(node)
    if not found:
        return Const(*reader.extent(node), None)
    last = node.kind() in {"type_assertion", "sequence_expression"}
    return reader.expr(found[-1 if last else 0])


def _name(reader: ScriptReader, node: SgNode) -> Expr:
    return Name(*reader.extent(node), node.text())


def _this(reader: ScriptReader, node: SgNode) -> Expr:
    return Name(*reader.extent(node), "self")


def _string(reader: ScriptReader, node: SgNode) -> Expr:
    return Const(*reader.extent(node), text_of(node))


def _number(reader: ScriptReader, node: SgNode) -> Expr:
    try:
        value: object = int(node.text().replace("_", ""), 0)
    except ValueError:
        value = 0.5
    return Const(*reader.extent(node), value)


_WORDS = {"true": True, "false": False, "null": None, "undefined": None}


def _word(reader: ScriptReader, node: SgNode) -> Expr:
    return Const(*reader.extent(node), _WORDS[node.kind()])


def _regex(reader: ScriptReader, node: SgNode) -> Expr:
    pattern = node.field("pattern")
    return Const(*reader.extent(node), pattern.text() if pattern is not None else "")


def _template(reader: ScriptReader, node: SgNode) -> Expr:
    parts: list[Expr] = []
    for child in node.children():
        if child.kind() == "string_fragment":
            parts.append(Const(*reader.extent(child), child.text()))
        elif child.kind() == "template_substitution":
            parts += reader.exprs(named(child)[:1])
    if not parts:
        return Const(*reader.extent(node), "")
    if len(parts) == 1 and isinstance(parts[0], Const):
        return parts[0]
    return Text(*reader.extent(node), parts)


def _member(reader: ScriptReader, node: SgNode) -> Expr:
    extent = reader.extent(node)
    of, name = node.field("object"), node.field("property")
    if of is not None and of.text() == "module" and name is not None and name.text() == "exports":
        return Name(*extent, "exports")
    word = name.text() if name is not None else ""
    return Attr(*extent, reader.expr(of), _METHODS.get(word, word))


def _index(reader: ScriptReader, node: SgNode) -> Expr:
    of, key = reader.expr(node.field("object")), reader.expr(node.field("index"))
    if isinstance(key, Const) and isinstance(key.value, str):
        return Attr(*reader.extent(node), of, key.value)
    return Index(*reader.extent(node), of, key)


def _call(reader: ScriptReader, node: SgNode) -> Expr:
    extent = reader.extent(node)
    function = node.field("function") or node.field("constructor")
    given = node.field("arguments")
    nodes = named(given) if given is not None and given.kind() == "arguments" else []
    if given is not None and given.kind() == "template_string":
        return Opaque(*extent, [])  # a tag gets the values separately from the text
    if function is not None and function.kind() == "await_expression":
        inside = named(function)
        function = inside[0] if inside else function
    spec = nodes[0] if len(nodes) == 1 and nodes[0].kind() == "string" else None
    if function is not None and function.text() in {"require", "import"} and spec is not None:
        module = encoded(text_of(spec))
        reader.modules[module] = None
        return Name(*extent, f"%{module}")
    callee = reader.expr(function)
    arguments = [
        Argument("*", reader.expr(named(child)[0]))
        if child.kind() == "spread_element" and named(child)
        else Argument("", reader.expr(child))
        for child in nodes
    ]
    if isinstance(callee, Attr) and len(arguments) == 1 and not arguments[0].name:
        first = arguments[0].value
        if callee.name in {"includes", "has", "hasOwnProperty"}:
            return Compare(*extent, [first, callee.owner], ["in"])
        if callee.name == "test":
            search = Attr(*extent, Name(*extent, "%re"), "search")
            return call_of(extent, search, callee.owner, first)
    if isinstance(callee, Attr) and callee.name == "hasOwn" and len(arguments) == 2:
        return Compare(*extent, [arguments[1].value, arguments[0].value], ["in"])
    return Call(*extent, callee, arguments)


def _object(reader: ScriptReader, node: SgNode) -> Expr:
    pairs: list[tuple[Expr | None, Expr]] = []
    for child in named(node):
        extent = reader.extent(child)
        kind = child.kind()
        if kind == "pair":
            key = child.field("key")
            word = key.text().strip("'\"") if key is not None else ""
            pairs.append((Const(*extent, word), reader.expr(child.field("value"))))
        elif kind == "shorthand_property_identifier":
            pairs.append((Const(*extent, child.text()), Name(*extent, child.text())))
        elif kind == "spread_element" and named(child):
            pairs.append((None, reader.expr(named(child)[0])))
        elif kind == "method_definition":
            key = child.field("name")
            word = key.text() if key is not None else ""
            made = FunctionValue(*extent, reader.function(child, word))
            pairs.append((Const(*extent, word), made))
    return Mapping(*reader.extent(node), pairs)


def _array(reader: ScriptReader, node: SgNode) -> Expr:
    return Series(*reader.extent(node), "list", reader.exprs(named(node)))


def _spread(reader: ScriptReader, node: SgNode) -> Expr:
    inside = named(node)
    return Star(*reader.extent(node), reader.expr(inside[0] if inside else None))


def _ternary(reader: ScriptReader, node: SgNode) -> Expr:
    parts = [node.field(name) for name in ("condition", "consequence", "alternative")]
    return Choice(*reader.extent(node), *reader.exprs([part or node for part in parts]))


def _unary(reader: ScriptReader, node: SgNode) -> Expr:
    sign = node.field("operator")
    operand = reader.expr(node.field("argument"))
    op = sign.text() if sign is not None else "!"
    if op == "-" and isinstance(operand, Const) and isinstance(operand.value, int | float):
        return Const(*reader.extent(node), -operand.value)
    if op in {"typeof", "+", "-", "void", "delete", "~"}:
        return Opaque(*reader.extent(node), [])
    return Unary(*reader.extent(node), "not", operand)


def _assigned(reader: ScriptReader, node: SgNode) -> Expr:
    left = node.field("left")
    value = reader.expr(node.field("right"))
    if left is not None and left.kind() == "identifier":
        return Walrus(*reader.extent(node), left.text(), value)
    return value


def _function_value(reader: ScriptReader, node: SgNode) -> Expr:
    return FunctionValue(*reader.extent(node), reader.function(node))


_EXPRESSIONS: dict[str, Callable[..., Expr]] = {
    "identifier": _name,
    "this": _this,
    "super": _this,
    "string": _string,
    "number": _number,
    "true": _word,
    "false": _word,
    "null": _word,
    "undefined": _word,
    "regex": _regex,
    "template_string": _template,
    "member_expression": _member,
    "subscript_expression": _index,
    "call_expression": _call,
    "new_expression": _call,
    "object": _object,
    "array": _array,
    "spread_element": _spread,
    "ternary_expression": _ternary,
    "unary_expression": _unary,
    "binary_expression": TreeReader.binary,
    "assignment_expression": _assigned,
    "arrow_function": _function_value,
    "function_expression": _function_value,
    "generator_function": _function_value,
    "await_expression": _inner,
    "yield_expression": _inner,
    "parenthesized_expression": _inner,
    "as_expression": _inner,
    "satisfies_expression": _inner,
    "non_null_expression": _inner,
    "type_assertion": _inner,
    "sequence_expression": _inner,
}


def _declared(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    found: list[Stmt] = []
    for child in named(node):
        if child.kind() != "variable_declarator":
            continue
        name, value = child.field("name"), child.field("value")
        if name is not None and value is not None:
            found += _bound(reader, child, name, value)
    return found


def _bound(reader: ScriptReader, node: SgNode, name: SgNode, value: SgNode) -> list[Stmt]:
    extent = reader.extent(node)
    if value.kind() in FUNCTIONS and name.kind() == "identifier":
        return [reader.function(value, name.text())]
    if name.kind() == "identifier":
        return [Assign(*extent, [Name(*reader.extent(name), name.text())], reader.expr(value))]
    held = reader.name_for_now()
    whole = Assign(*extent, [Name(*extent, held)], reader.expr(value))
    return [whole, *reader.pattern(name, Name(*extent, held))]


def _expression(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    inside = named(node)
    if not inside:
        return []
    at = inside[0]
    extent = reader.extent(at)
    if at.kind() == "parenthesized_expression" and named(at):
        at = named(at)[0]
    if at.kind() not in {"assignment_expression", "augmented_assignment_expression"}:
        return [Bare(*extent, reader.expr(at))]
    left, right = at.field("left"), at.field("right")
    if left is None or right is None:
        return []
    if left.kind() in {"object_pattern", "array_pattern"}:
        return _bound(reader, at, left, right)
    sign = at.field("operator")
    op = sign.text()[:-1] if sign is not None else ""
    if op in {"&&", "||", "??"}:
        op = ""
    return [Assign(*extent, [reader.expr(left)], reader.expr(right), op)]


def _function(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    name = node.field("name")
    return [reader.function(node, name.text() if name is not None else "default")]


def _class(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    extent = reader.extent(node)
    name, body = node.field("name"), node.field("body")
    bases = [
        base.text().split("<")[0]
        for child in node.children()
        if child.kind() == "class_heritage"
        for clause in ([child] if named(child)[:1] != [] else [])
        for base in _bases(clause)
    ]
    parts: list[Stmt] = []
    fields: list[Stmt] = []
    maker: Function | None = None
    for child in named(body) if body is not None else []:
        key = child.field("name") or child.field("property")
        word = key.text() if key is not None else ""
        if child.kind() == "method_definition":
            static = any(part.kind() == "static" for part in child.children())
            method = reader.function(child, "__init__" if word == "constructor" else word, True)
            if static and method.params:
                method.params[0].name = "cls"
            parts.append(method)
            maker = method if word == "constructor" else maker
        elif child.kind() in {"public_field_definition", "field_definition"}:
            value = child.field("value")
            if value is not None and value.kind() in FUNCTIONS:
                parts.append(reader.function(value, word, True))
            elif value is not None:
                target = Attr(*reader.extent(child), Name(*extent, "self"), word)
                fields.append(Assign(*reader.extent(child), [target], reader.expr(value)))
    if fields:
        if maker is None:
            own = Param("self", "", None, "", *extent)
            parts.append(Function(*extent, "__init__", [own], lambda: fields))
        else:
            read = maker.read
            maker.read = lambda: [*fields, *read()]
    return [Class(*extent, name.text() if name is not None else "default", bases, parts)]


def _bases(node: SgNode) -> list[SgNode]:
    for child in named(node):
        if child.kind() == "extends_clause":
            return named(child)[:1]
    return named(node)[:1]


def _leave(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    inside = named(node)
    kind = {"return_statement": "return", "throw_statement": "raise"}.get(
        node.kind(), node.kind().split("_")[0]
    )
    has_value = inside and kind in {"return", "raise"}
    return [Leave(*reader.extent(node), kind, reader.expr(inside[0]) if has_value else None)]


def _single(reader: ScriptReader, node: SgNode | None) -> list[Stmt]:
    if node is None:
        return []
    if node.kind() == "else_clause":
        inside = named(node)
        return _single(reader, inside[0] if inside else None)
    return reader.block(node) if node.kind() == "statement_block" else reader.statement(node)


def _if(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    test = reader.expr(node.field("condition"))
    then = _single(reader, node.field("consequence"))
    otherwise = _single(reader, node.field("alternative"))
    return [If(*reader.extent(node), [(test, then)], otherwise)]


def _for(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    extent = reader.extent(node)
    first = node.field("initializer")
    before = reader.statement(first) if first is not None else []
    condition = node.field("condition")
    test = reader.expr(condition) if condition is not None else Opaque(*extent, [])
    if condition is not None and condition.kind() == "expression_statement":
        inside = named(condition)
        test = reader.expr(inside[0]) if inside else Opaque(*extent, [])
    body = _single(reader, node.field("body"))
    return [*before, Loop(*extent, None, test, body, [])]


def _for_in(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    extent = reader.extent(node)
    left = node.field("left")
    held = reader.name_for_now()
    before = reader.pattern(left, Name(*extent, held)) if left is not None else []
    body = [*before, *_single(reader, node.field("body"))]
    return [Loop(*extent, Name(*extent, held), reader.expr(node.field("right")), body, [])]


def _while(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    body = _single(reader, node.field("body"))
    return [Loop(*reader.extent(node), None, reader.expr(node.field("condition")), body, [])]


def _try(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    handler, final = node.field("handler"), node.field("finalizer")
    handlers: list[tuple[str, list[Stmt]]] = []
    if handler is not None:
        name = handler.field("parameter")
        handlers.append((name.text() if name else "", reader.block(handler.field("body"))))
    last = reader.block(final.field("body")) if final is not None else []
    return [Try(*reader.extent(node), reader.block(node.field("body")), handlers, [], last)]


def _switch(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    cases: list[Case] = []
    waiting: list[object] = []
    braces = node.field("body")
    for child in named(braces) if braces is not None else []:
        value = child.field("value")
        inside = [part for part in named(child) if value is None or part.range() != value.range()]
        body = [one for part in inside for one in reader.statement(part)]
        if body and isinstance(body[-1], Leave) and body[-1].kind == "break":
            body.pop()
        if value is None:
            cases.append(Case((), [], None, body))
            continue
        known = reader.expr(value)
        waiting.append(known.value if isinstance(known, Const) else None)
        if body:
            cases.append(Case(tuple(waiting), [], None, body))
            waiting = []
    return [Match(*reader.extent(node), reader.expr(node.field("value")), cases)]


def _import(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    source = node.field("source")
    if source is None or node.text().startswith("import type"):
        return []
    module = encoded(text_of(source))
    pairs: list[tuple[str, str]] = [("", module)]
    for clause in named(node):
        if clause.kind() != "import_clause":
            continue
        for part in named(clause):
            if part.kind() == "identifier":
                pairs.append((part.text(), f"{module}.default"))
            elif part.kind() == "namespace_import":
                pairs += [(name.text(), module) for name in named(part)[-1:]]
            elif part.kind() == "named_imports":
                for one in named(part):
                    name, alias = one.field("name"), one.field("alias")
                    if name is not None:
                        pairs.append(((alias or name).text(), f"{module}.{name.text()}"))
    return [Import(*reader.extent(node), pairs)]


def _export(reader: ScriptReader, node: SgNode) -> list[Stmt]:
    extent = reader.extent(node)
    source, declared = node.field("source"), node.field("declaration")
    module = encoded(text_of(source)) if source is not None else ""
    words = [child.kind() for child in node.children()]
    if "default" in words and declared is None:
        value = node.field("value")
        if value is None:
            return []
        if value.kind() in FUNCTIONS:
            reader.exports["default"] = "default"
            return [reader.function(value, "default")]
        reader.exports["default"] = "%default"
        return [Assign(*extent, [Name(*extent, "%default")], reader.expr(value))]
    if declared is not None:
        made = reader.statement(declared)
        for statement in made:
            for own in _defines(statement):
                reader.exports["default" if "default" in words else own] = own
        return made
    if source is not None and "*" in words:
        return [Import(*extent, [("*", module), ("", module)])]
    pairs: list[tuple[str, str]] = []
    for clause in named(node):
        for one in named(clause) if clause.kind() == "export_clause" else []:
            name, alias = one.field("name"), one.field("alias")
            if name is None:
                continue
            exported = (alias or name).text()
            if source is None:
                reader.exports[exported] = name.text()
            else:
                reader.exports[exported] = f"%{exported}"
                pairs.append((f"%{exported}", f"{module}.{name.text()}"))
    return [Import(*extent, [*pairs, ("", module)])] if source is not None else []


def _defines(statement: Stmt) -> list[str]:
    if isinstance(statement, Function | Class):
        return [statement.name]
    if isinstance(statement, Assign):
        return [target.id for target in statement.targets if isinstance(target, Name)]
    return []


_STATEMENTS: dict[str, Callable[..., list[Stmt]]] = {
    "lexical_declaration": _declared,
    "variable_declaration": _declared,
    "expression_statement": _expression,
    "function_declaration": _function,
    "generator_function_declaration": _function,
    "class_declaration": _class,
    "abstract_class_declaration": _class,
    "return_statement": _leave,
    "throw_statement": _leave,
    "break_statement": _leave,
    "continue_statement": _leave,
    "if_statement": _if,
    "for_statement": _for,
    "for_in_statement": _for_in,
    "while_statement": _while,
    "do_statement": _while,
    "try_statement": _try,
    "switch_statement": _switch,
    "statement_block": lambda reader, node: reader.block(node),
    "import_statement": _import,
    "export_statement": _export,
}
ScriptReader.expressions = _EXPRESSIONS
ScriptReader.statements = _STATEMENTS
