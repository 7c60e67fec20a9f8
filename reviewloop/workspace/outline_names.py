"""How a symbol is called in each language, where its node does not simply have a name."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Node = Any  # ast_grep_py.SgNode
Namer = Callable[[Node, str, str], tuple[str, str]]
"""Takes a node, its kind of symbol, the kind around it; returns kind and name ("": no symbol)."""


def _text(node: Node, field: str) -> str:
    found = node.field(field)
    return found.text() if found is not None else ""


def _first(node: Node, *kinds: str) -> Node | None:
    return next((child for child in node.children() if child.kind() in kinds), None)


def by_field(node: Node, kind: str, owner: str) -> tuple[str, str]:
    """Return the name that the grammar itself gives."""
    return kind, _text(node, "name").replace("::", ".")


def _python(node: Node, kind: str, owner: str) -> tuple[str, str]:
    if node.kind() == "assignment":
        left = node.field("left")
        name = left.text() if left is not None and left.kind() == "identifier" else ""
        return kind, name if name.isupper() else ""
    if node.kind() == "type_alias_statement":
        return kind, _text(node, "left").split("[")[0]
    return by_field(node, kind, owner)


_CALLABLE = frozenset({"arrow_function", "function_expression", "generator_function", "function"})


def _ecma(node: Node, kind: str, owner: str) -> tuple[str, str]:
    syntax = node.kind()
    name = _text(node, "name").strip("\"'")
    value = node.field("value")
    if syntax in ("class", "function_expression"):  # export default without a name
        parent = node.parent()
        exported = parent is not None and parent.kind() == "export_statement"
        return kind, name or ("default" if exported else "")
    if syntax == "assignment_expression":
        right = node.field("right")
        left = re.sub(r"^(?:module\.)?exports\.", "", _text(node, "left"))
        return kind, left if right is not None and right.kind() in _CALLABLE else ""
    if syntax == "variable_declarator":
        if value is not None and value.kind() in _CALLABLE:
            return "function", name
        return kind, name if name.isidentifier() and _is_constant(node, name) else ""
    if syntax in ("field_definition", "public_field_definition", "pair"):
        name = name or _text(node, "property") or _text(node, "key")
        return "method", name if value is not None and value.kind() in _CALLABLE else ""
    return kind, name


def _is_constant(node: Node, name: str) -> bool:
    statement = node.parent()
    outer = statement.parent() if statement is not None else None
    return name.isupper() or (outer is not None and outer.kind() == "export_statement")


def _go(node: Node, kind: str, owner: str) -> tuple[str, str]:
    name = _text(node, "name")
    if node.kind() == "method_declaration":
        receiver = re.sub(r"\[.*", "", _text(node, "receiver").strip("()"))
        words = re.findall(r"\w+", receiver)
        return kind, f"{words[-1]}.{name}" if words else name
    if node.kind() == "type_spec":
        inner = _first(node, "struct_type", "interface_type")
        return (inner.kind().removesuffix("_type") if inner is not None else kind), name
    if node.kind() == "var_spec" and not name[:1].isupper():
        return kind, ""
    return kind, name


def _rust(node: Node, kind: str, owner: str) -> tuple[str, str]:
    if node.kind() == "impl_item":
        return kind, re.sub(r"<.*", "", _text(node, "type"), flags=re.DOTALL).replace("::", ".")
    return by_field(node, kind, owner)


def _java(node: Node, kind: str, owner: str) -> tuple[str, str]:
    if node.kind() == "field_declaration":  # also C#, where the declarator is one level deeper
        holder = _first(node, "variable_declaration") or node
        declarator = _first(holder, "variable_declarator")
        name = _text(declarator, "name") if declarator is not None else ""
        head = node.text().split("=", 1)[0]
        constant = re.search(r"\b(?:const|static)\b", head) and re.search(
            r"\b(?:const|final|readonly)\b", head
        )
        return kind, name if constant else ""
    return by_field(node, kind, owner)


def _kotlin(node: Node, kind: str, owner: str) -> tuple[str, str]:
    head = node.text()[:200]
    if node.kind() == "property_declaration":
        variable = _first(node, "variable_declaration")
        name = variable.text().split(":")[0].strip() if variable is not None else ""
        return kind, name if re.search(r"\bconst\b", head.split("=")[0]) else ""
    named = _first(node, "simple_identifier", "type_identifier")
    if node.kind() == "class_declaration":
        tokens = [child.kind() for child in node.children()]
        kind = "interface" if "interface" in tokens else "enum" if "enum" in tokens else kind
    return kind, named.text() if named is not None else ""


def _swift(node: Node, kind: str, owner: str) -> tuple[str, str]:
    if node.kind() == "property_declaration":
        constant = re.match(r"(?:\w+\s+)*let\b", node.text()) and not owner
        return kind, _text(node, "name") if constant or "static let" in node.text() else ""
    if node.kind() == "class_declaration":
        words = {child.kind() for child in node.children() if not child.is_named()}
        found = words & {"struct", "enum"}
        kind = "impl" if "extension" in words else found.pop() if found else kind
    return kind, _text(node, "name")


def _ruby(node: Node, kind: str, owner: str) -> tuple[str, str]:
    if node.kind() == "assignment":
        left = node.field("left")
        return kind, left.text() if left is not None and left.kind() == "constant" else ""
    # The keywords `class` and `module` are nodes of the same kind as what they open.
    return by_field(node, kind, owner) if node.is_named() else (kind, "")


def _php(node: Node, kind: str, owner: str) -> tuple[str, str]:
    if node.kind() == "const_element":
        named = _first(node, "name")
        return kind, named.text() if named is not None else ""
    return by_field(node, kind, owner)


def _clike(node: Node, kind: str, owner: str) -> tuple[str, str]:
    syntax = node.kind()
    if syntax in ("function_definition", "declaration", "field_declaration"):
        current = node.field("declarator")
        is_function = False
        while current is not None:
            is_function = is_function or current.kind() == "function_declarator"
            inner = current.field("declarator")
            if inner is None:
                inner = _first(current, "function_declarator")
            if inner is None:
                break
            current = inner
        name = current.text() if current is not None and is_function else ""
        return kind, name.replace("::", ".")
    if syntax == "type_definition":
        return kind, _text(node, "declarator").strip("*")
    if syntax.endswith("_specifier") and node.field("body") is None:
        return kind, ""
    return by_field(node, kind, owner)


def _scala(node: Node, kind: str, owner: str) -> tuple[str, str]:
    if node.kind() == "val_definition":
        name = _text(node, "pattern")
        return kind, name if name[:1].isupper() else ""
    return by_field(node, kind, owner)


def _lua(node: Node, kind: str, owner: str) -> tuple[str, str]:
    if node.kind() == "assignment_statement":
        values = _first(node, "expression_list")
        if values is None or _first(values, "function_definition") is None:
            return kind, ""
        names = _first(node, "variable_list")
        return kind, names.text().replace(":", ".") if names is not None else ""
    return kind, _text(node, "name").replace(":", ".")


_ELIXIR = {"defmodule": "module", "defprotocol": "interface", "defimpl": "module",
           "def": "function", "defp": "function", "defmacro": "macro"}  # fmt: skip


def _elixir(node: Node, kind: str, owner: str) -> tuple[str, str]:
    kind = _ELIXIR.get(_text(node, "target"), "")
    arguments = _first(node, "arguments")
    found = re.match(r"\s*([\w.?!]+)", arguments.text()) if kind and arguments is not None else None
    return kind, found[1] if found else ""


def _bash(node: Node, kind: str, owner: str) -> tuple[str, str]:
    name = _text(node, "name")
    return kind, name if kind == "function" or name.isupper() else ""


def _hcl(node: Node, kind: str, owner: str) -> tuple[str, str]:
    head = node.text().split("{", 1)[0]
    words = re.findall(r"[\w.-]+", head)
    if not words:
        return kind, ""
    return words[0], ".".join(words[1:]) or words[0]


def _data(node: Node, kind: str, owner: str) -> tuple[str, str]:
    return kind, _text(node, "key").strip("\"'")


def _css(node: Node, kind: str, owner: str) -> tuple[str, str]:
    named = _first(node, "selectors", "keyframes_name")
    return kind, re.sub(r"\s+", " ", named.text()) if named is not None else ""


def _html(node: Node, kind: str, owner: str) -> tuple[str, str]:
    start = _first(node, "start_tag", "self_closing_tag")
    found = re.search(r"\sid\s*=\s*[\"']?([\w:-]+)", start.text()) if start is not None else None
    return kind, f"#{found[1]}" if found else ""


NAMERS: Mapping[str, Namer] = {
    "python": _python, "javascript": _ecma, "typescript": _ecma, "tsx": _ecma, "go": _go,
    "rust": _rust, "java": _java, "csharp": _java, "kotlin": _kotlin, "swift": _swift,
    "ruby": _ruby, "php": _php, "c": _clike, "cpp": _clike, "scala": _scala, "lua": _lua,
    "elixir": _elixir, "bash": _bash, "hcl": _hcl, "yaml": _data, "json": _data, "css": _css,
    "html": _html,
}  # fmt: skip
"""Language -> namer; `by_field` serves the others."""
