"""Lists the symbols of a source file: kind, qualified name, lines and signature."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reviewloop.analysis.parsing import parse
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

LANGUAGES: Mapping[str, str] = {
    ".py": "python", ".pyi": "python",
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
    ".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx",
    ".go": "go", ".rs": "rust", ".java": "java", ".kt": "kotlin", ".kts": "kotlin",
    ".swift": "swift", ".rb": "ruby", ".rake": "ruby", ".php": "php", ".cs": "csharp",
    ".c": "c", ".h": "cpp", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".hpp": "cpp",
    ".hh": "cpp", ".scala": "scala", ".sc": "scala", ".lua": "lua",
    ".ex": "elixir", ".exs": "elixir", ".sh": "bash", ".bash": "bash",
    ".tf": "hcl", ".hcl": "hcl", ".tfvars": "hcl", ".yaml": "yaml", ".yml": "yaml",
    ".css": "css", ".html": "html", ".htm": "html", ".json": "json",
}  # fmt: skip
"""File suffix -> language; only these names may reach the parser (others make it panic)."""

_ECMA: Mapping[str, str] = {
    "class_declaration": "class", "abstract_class_declaration": "class", "class": "class",
    "interface_declaration": "interface", "enum_declaration": "enum",
    "type_alias_declaration": "type", "internal_module": "namespace", "module": "namespace",
    "function_declaration": "function", "generator_function_declaration": "function",
    "function_expression": "function", "function_signature": "function",
    "method_definition": "method", "abstract_method_signature": "method",
    "method_signature": "method", "field_definition": "field", "public_field_definition": "field",
    "variable_declarator": "const", "assignment_expression": "function", "pair": "method",
}  # fmt: skip

_CLIKE: Mapping[str, str] = {
    "struct_specifier": "struct", "union_specifier": "struct", "enum_specifier": "enum",
    "class_specifier": "class", "namespace_definition": "namespace",
    "type_definition": "type", "alias_declaration": "type", "concept_definition": "type",
    "function_definition": "function", "declaration": "function", "field_declaration": "method",
    "preproc_def": "macro", "preproc_function_def": "macro",
}  # fmt: skip

KINDS: Mapping[str, Mapping[str, str]] = {
    "python": {
        "class_definition": "class", "function_definition": "function", "assignment": "const",
        "type_alias_statement": "type",
    },
    "javascript": _ECMA, "typescript": _ECMA, "tsx": _ECMA,
    "go": {
        "type_spec": "type", "type_alias": "type", "function_declaration": "function",
        "method_declaration": "method", "method_elem": "method", "const_spec": "const",
        "var_spec": "const",
    },
    "rust": {
        "mod_item": "module", "struct_item": "struct", "union_item": "struct",
        "enum_item": "enum", "trait_item": "trait", "impl_item": "impl", "type_item": "type",
        "function_item": "function", "function_signature_item": "function",
        "const_item": "const", "static_item": "const", "macro_definition": "macro",
    },
    "java": {
        "class_declaration": "class", "record_declaration": "class",
        "interface_declaration": "interface", "annotation_type_declaration": "interface",
        "enum_declaration": "enum", "method_declaration": "method",
        "constructor_declaration": "method", "field_declaration": "const",
    },
    "kotlin": {
        "class_declaration": "class", "object_declaration": "object",
        "function_declaration": "function", "property_declaration": "const", "type_alias": "type",
    },
    "swift": {
        "class_declaration": "class", "protocol_declaration": "interface",
        "function_declaration": "function", "protocol_function_declaration": "method",
        "init_declaration": "method", "typealias_declaration": "type",
        "property_declaration": "const",
    },
    "ruby": {
        "module": "module", "class": "class", "method": "function",
        "singleton_method": "function", "assignment": "const",
    },
    "php": {
        "class_declaration": "class", "interface_declaration": "interface",
        "trait_declaration": "trait", "enum_declaration": "enum",
        "method_declaration": "method", "function_definition": "function",
        "const_element": "const",
    },
    "csharp": {
        "class_declaration": "class", "struct_declaration": "struct",
        "record_declaration": "class", "interface_declaration": "interface",
        "enum_declaration": "enum", "delegate_declaration": "type",
        "method_declaration": "method", "constructor_declaration": "method",
        "property_declaration": "property", "field_declaration": "const",
    },
    "c": _CLIKE, "cpp": _CLIKE,
    "scala": {
        "class_definition": "class", "object_definition": "object",
        "trait_definition": "trait", "enum_definition": "enum", "type_definition": "type",
        "function_definition": "function", "function_declaration": "function",
        "val_definition": "const",
    },
    "lua": {"function_declaration": "function", "assignment_statement": "function"},
    "elixir": {"call": "module"},
    "bash": {"function_definition": "function", "variable_assignment": "const"},
    "hcl": {"block": "block"},
    "yaml": {"block_mapping_pair": "key"},
    "json": {"pair": "key"},
    "css": {"rule_set": "rule", "keyframes_statement": "rule"},
    "html": {"element": "element", "script_element": "element"},
}  # fmt: skip
"""Language -> node kind -> kind of symbol."""

CONTAINERS = frozenset(
    {"class", "interface", "struct", "enum", "trait", "impl", "object", "module", "namespace",
     "type", "key", "element"}
)  # fmt: skip
"""Kinds of symbols that can contain others."""

THROUGH = frozenset(
    {
        # blocks that only hold declarations once functions are left out
        "block", "statement_block", "compound_statement", "body", "body_statement", "class_body",
        "interface_body", "enum_body", "enum_body_declarations", "enum_class_body",
        "protocol_body", "template_body", "declaration_list", "enum_declaration_list",
        "field_declaration_list", "do_block", "companion_object", "singleton_class",
        "interface_type", "statement_list",
        # wrappers around one declaration
        "decorated_definition", "expression_statement", "export_statement",
        "ambient_declaration", "lexical_declaration", "variable_declaration",
        "const_declaration", "var_declaration", "var_spec_list", "type_declaration",
        "template_declaration", "linkage_specification", "declaration_command",
        "extension_definition", "assignment_expression", "namespace_declaration",
        "file_scoped_namespace_declaration", "package_clause",
        # conditions around declarations
        "if_statement", "else_clause", "elif_clause", "try_statement", "except_clause",
        "with_statement", "preproc_ifdef", "preproc_if", "preproc_else", "preproc_elif",
        # data
        "document", "block_node", "block_mapping", "object", "media_statement",
        "namespace_definition",
    }
)  # fmt: skip
"""Unnamed nodes with declarations inside."""


Node = Any  # ast_grep_py.SgNode
Namer = Callable[[Node, str, str], tuple[str, str]]
"""Takes a node, its kind of symbol, the kind around it; returns kind and name ("": no symbol)."""


def _text(node: Node, field: str) -> str:
    found = node.field(field)
    return found.text() if found is not None else ""


def _first(node: Node, *kinds: str) -> Node | None:
    return next((child for child in node.children() if child.kind() in kinds), None)


def by_field(node: Node, kind: str, owner: str) -> tuple[str, str]:
    """Return the name in the grammar's own field."""
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
"""Language -> namer; the default is `by_field`."""


_LARGEST = 1_500_000  # characters; a larger file is data or a bundle
_DEEPEST = 40
_LONGEST_SIGNATURE = 200
# The YAML parser ends the whole process when some 250 blocks are open at once.
_TOO_DEEP = regex(r"^[ \t\-?:]{200}", re.MULTILINE)
_DATA_LEVELS = 2  # of keys in JSON and YAML


@dataclass(frozen=True)
class Symbol:
    """A symbol defined in a file; lines are 1-based and inclusive, the name is `Class.method`."""

    kind: str
    name: str
    line: int
    end_line: int
    signature: str


def language_of(path: str) -> str | None:
    """Return the language of a file by its name, or None if it cannot be outlined."""
    return LANGUAGES.get(posixpath.splitext(path)[1].lower())


def outline(path: str, text: str) -> list[Symbol]:
    """Return the symbols of a file in its order; [] for unknown languages and for huge files.

    A file with syntax errors is parsed as far as possible; it never fails.
    """
    language = language_of(path)
    if language is None or not text or len(text) > _LARGEST:
        return []
    if language == "yaml" and _TOO_DEEP.search(text):
        return []
    clean = re.sub("[\ud800-\udfff]", "\ufffd", text)
    walk = _Walk(language)
    return list(dict.fromkeys(walk.visit(parse(clean, language), "", "", 0)))


class _Walk:
    """One pass over a file's declarations, without those inside functions."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.kinds = KINDS[language]
        self.namer = NAMERS.get(language, by_field)

    def visit(self, node: Node, prefix: str, owner: str, depth: int) -> Iterator[Symbol]:
        if depth > _DEEPEST:
            return
        for child in node.children():
            kind = self.kinds.get(child.kind())
            named = self.namer(child, kind, owner) if kind else ("", "")
            if named[1]:
                yield from self._symbol(child, named, prefix, owner, depth)
            elif child.kind() in THROUGH or (kind and self.language in ("html", "elixir")):
                yield from self.visit(child, prefix, owner, depth + 1)

    def _symbol(
        self, node: Node, named: tuple[str, str], prefix: str, owner: str, depth: int
    ) -> Iterator[Symbol]:
        kind, name = named
        if kind == "function" and owner in CONTAINERS - {"module", "namespace"}:
            kind = "method"
        qualified = f"{prefix}.{name}" if prefix else name
        span = node.range()
        if kind != "impl":
            end = span.end.line + (1 if span.end.column or span.end.line == span.start.line else 0)
            yield Symbol(kind, qualified, span.start.line + 1, end, _signature(node))
        if kind == "key" and qualified.count(".") >= _DATA_LEVELS - 1:
            return
        if kind in CONTAINERS:
            inner = "" if kind == "element" else qualified
            yield from self.visit(node, inner, kind, depth + 1)


def _signature(node: Node) -> str:
    """Return the declaration without its body, on one line."""
    text = node.text()
    if node.kind() == "type_spec":  # Go: the keyword is outside, for a group of types
        text = "type " + text.split("{", 1)[0]
    body = node.field("body")
    if body is None:
        body = next(
            (one for one in node.children() if one.is_named() and one.kind() in _BODIES), None
        )
    if body is not None:
        text = text[: body.range().start.index - node.range().start.index]
    elif "\n" in text:
        text = text.split("\n", 1)[0]
    text = re.sub(r"\n\s*(?:#|//).*", "", text)
    flat = re.sub(r"\s+", " ", text).strip().rstrip("{:=").strip()
    flat = re.sub(r"\s*=>$", "", flat)
    return flat if len(flat) <= _LONGEST_SIGNATURE else flat[: _LONGEST_SIGNATURE - 1] + "…"


_BODIES = frozenset(
    {"class_body", "function_body", "body_statement", "block", "declaration_list", "do_block",
     "enum_class_body", "block_node", "object", "array"}
)  # fmt: skip
