"""Read names, numbers and texts."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from reviewloop.rules.taint.reader import Reader
from reviewloop.rules.taint.syntax import Const, Expr, Name, Opaque, Text

if TYPE_CHECKING:
    from tree_sitter import Node


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "\n": "", "0": "\0"}


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


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
