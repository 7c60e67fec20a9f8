"""Helpers of the rules on JavaScript and TypeScript syntax trees."""

from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Grammar, Source
from reviewloop.regex import regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

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


def is_conditional(node: "SgNode", source: Source) -> bool:
    """Whether an `if` or a `case` of its own function controls a node."""
    for outer in source.ancestors(node):
        if outer.kind() in FUNCTIONS:
            return False
        if outer.kind() in {"if_statement", "switch_case", "ternary_expression"}:
            return True
    return False


LOOPS = frozenset({"for_statement", "for_in_statement", "while_statement", "do_statement"})
_LITERALS = frozenset({"string", "number", "true", "false", "null", "undefined", "regex"})
_CONSTANT = regex(r"[A-Z][A-Z0-9_]*$")


# Wrappers of a value that do not change which value it is.
_AROUND = frozenset(
    {
        "parenthesized_expression",
        "as_expression",
        "satisfies_expression",
        "non_null_expression",
        "type_assertion",
    }
)
_DEEPEST = 40


def called(node: "SgNode") -> "SgNode | None":
    """Return the called expression without types and `await` around it.

    The grammar parses `await db.query<Row>(sql)` as a call of `await db.query`.
    """
    function = node.field("constructor" if node.kind() == "new_expression" else "function")
    return None if function is None else _bare(function)


def _bare(node: "SgNode") -> "SgNode":
    for _ in range(_DEEPEST):
        kind = node.kind()
        if kind not in _AROUND and kind not in {"await_expression", "sequence_expression"}:
            break
        inner = [child for child in node.named_children() if child.kind() != "comment"]
        if not inner:
            break
        node = inner[-1 if kind in {"sequence_expression", "type_assertion"} else 0]
    return node


def call_name(node: "SgNode") -> str:
    """Return the last name of a called expression: `query` for `db.pool.query(...)`."""
    function = called(node)
    if function is None:
        return ""
    kind = function.kind()
    if kind == "member_expression":
        name = function.field("property")
        return name.text() if name else ""
    if kind == "subscript_expression":
        index = function.field("index")
        return text_of(index) if index is not None and index.kind() == "string" else ""
    return function.text() if kind in {"identifier", "import"} else ""


def is_awaited(node: "SgNode") -> bool:
    """Whether a call's result is awaited."""
    parent = node.parent()
    if parent is not None and parent.kind() == "await_expression":
        return True
    function = node.field("function")
    return function is not None and function.kind() == "await_expression"


def receiver(node: "SgNode") -> str:
    """Return the text of the object of a method call, "" for a plain function."""
    function = called(node)
    if function is None or function.kind() not in {"member_expression", "subscript_expression"}:
        return ""
    of = function.field("object")
    if of is None:
        return ""
    text = dotted(of)
    return text if len(text) < 200 else text[-200:]


def receiver_node(node: "SgNode") -> "SgNode | None":
    """Return the object of a method call, without types around it; None for a plain function."""
    function = called(node)
    of = function.field("object") if function is not None else None
    return plain(of) if of is not None else None


def is_const(value: "SgNode") -> bool:
    """Whether a value is what a `const` is declared with."""
    bound = value.parent()
    declared = bound.parent() if bound is not None else None
    return (
        bound is not None
        and bound.kind() == "variable_declarator"
        and declared is not None
        and declared.text().startswith("const")
    )


def dotted(node: "SgNode", depth: int = _DEEPEST) -> str:
    """Return an expression as plain JavaScript: `(db as any)!.pool` is `db.pool`."""
    text = node.text()
    if depth <= 0 or not any(mark in text for mark in ("(", "!", "?.", "<")):
        return text
    node = _bare(node)
    kind = node.kind()
    if kind == "member_expression":
        of, name = node.field("object"), node.field("property")
        if of is not None and name is not None:
            return f"{dotted(of, depth - 1)}.{name.text()}"
    if kind == "call_expression":
        function, given = node.field("function"), node.field("arguments")
        if function is not None and given is not None and given.kind() == "arguments":
            return f"{dotted(function, depth - 1)}{given.text()}"
    return node.text()


def arguments(node: "SgNode") -> "list[SgNode]":
    """Return a call's arguments; none for a tagged template."""
    given = node.field("arguments")
    if given is None or given.kind() != "arguments":
        return []
    return [child for child in given.named_children() if child.kind() != "comment"]


def argument(node: "SgNode", index: int) -> "SgNode | None":
    """Return one argument of a call, None if it has fewer."""
    given = arguments(node)
    return given[index] if index < len(given) else None


def plain(node: "SgNode") -> "SgNode":
    """Return a node without the parentheses and type assertions around it."""
    for _ in range(20):
        kind = node.kind()
        if kind not in _AROUND:
            break
        inner = node.named_children()
        if not inner:
            break
        node = inner[-1 if kind == "type_assertion" else 0]
    return node


def literal(node: "SgNode") -> bool:
    """Whether a value is a literal, or built from literals and constants."""
    node = plain(node)
    kind = node.kind()
    if kind in _LITERALS:
        return True
    if kind == "identifier":
        return bool(_CONSTANT.match(node.text()))
    if kind == "template_string":
        return all(literal(part) for part in _substituted(node))
    if kind == "ternary_expression":
        return all(
            side is not None and literal(side)
            for side in (node.field("consequence"), node.field("alternative"))
        )
    if kind == "binary_expression":
        return all(literal(part) for part in operands(node))
    return False


def _substituted(template: "SgNode") -> "list[SgNode]":
    found = []
    for part in template.named_children():
        if part.kind() == "template_substitution":
            found.extend(part.named_children()[:1])
    return found


def operands(node: "SgNode", most: int = 40) -> "list[SgNode]":
    """Return the parts of a chain of binary operators, left to right."""
    parts: list[SgNode] = []
    while node.kind() == "binary_expression" and len(parts) < most:
        left, right = node.field("left"), node.field("right")
        if left is None or right is None:
            break
        parts.append(right)
        node = plain(left)
    return [node, *reversed(parts)]


def glued(node: "SgNode") -> "tuple[str, list[SgNode]] | None":
    """Return the fixed text and the variable parts of a string joined from both.

    None if the node is no template or concatenation, or has no variable part.
    """
    node = plain(node)
    if node.kind() == "template_string":
        moving = [part for part in _substituted(node) if not literal(part)]
        return (node.text(), moving) if moving else None
    if node.kind() != "binary_expression":
        return None
    sign = node.field("operator")
    parts = operands(node)
    if sign is None or sign.text() != "+":
        return None
    if not any(plain(part).kind() in {"string", "template_string"} for part in parts):
        return None
    fixed = "".join(p.text() for p in parts if plain(p).kind() in {"string", "template_string"})
    moving = [part for part in parts if not literal(part)]
    return (fixed, moving) if moving else None


def text_of(node: "SgNode | None") -> str:
    """Return the content of a string literal, "" for every other node."""
    if node is None:
        return ""
    node = plain(node)
    if node.kind() == "string" or (node.kind() == "template_string" and not _substituted(node)):
        return node.text()[1:-1]
    return ""


def pairs(node: "SgNode | None") -> "dict[str, SgNode]":
    """Return the named values of an object literal."""
    if node is None or node.kind() != "object":
        return {}
    found = {}
    for child in node.named_children():
        if child.kind() == "pair":
            name, value = child.field("key"), child.field("value")
            if name is not None and value is not None:
                found[name.text().strip("'\"")] = value
        elif child.kind() == "shorthand_property_identifier":
            found[child.text()] = child
        elif child.kind() == "spread_element":
            found["..."] = child
    return found


def function_around(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the innermost function a node is in."""
    return next((n for n in source.ancestors(node) if n.kind() in FUNCTIONS), None)


def is_async(function: "SgNode | None") -> bool:
    """Whether a function is declared async."""
    if function is None:
        return False
    return any(child.kind() == "async" for child in function.children()[:4])


def loop_around(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the innermost loop whose body repeats a node, inside the node's own function."""
    inner = node
    for outer in source.ancestors(node):
        kind = outer.kind()
        if kind in FUNCTIONS:
            return None
        if kind in LOOPS and _repeats(outer, inner):
            return outer
        inner = outer
    return None


def _repeats(loop: "SgNode", child: "SgNode") -> bool:
    body = loop.field("body")
    return body is not None and body.range().start.index <= child.range().start.index


_JSX = ("jsx_attribute", "jsx_opening_element", "jsx_self_closing_element", "jsx_element")
JAVASCRIPT = Grammar(
    ("call_expression", "new_expression"),
    call_name,
    {"javascript": frozenset({"predefined_type"}), "typescript": frozenset(_JSX)},
    receiver,
    arguments,
    plain,
    literal,
)
