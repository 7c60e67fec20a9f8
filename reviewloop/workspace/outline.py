"""Lists what a source file defines: kind, qualified name, lines and signature of each symbol."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewloop.workspace.outline_names import NAMERS, Node, by_field
from reviewloop.workspace.outline_rules import CONTAINERS, KINDS, LANGUAGES, THROUGH

_LARGEST = 1_500_000  # characters; beyond this a file is data or a bundle, not something to read
_DEEPEST = 40
_LONGEST_SIGNATURE = 200
# The YAML parser ends the whole process when some 250 blocks are open at once.
_TOO_DEEP = re.compile(r"^[ \t\-?:]{200}", re.MULTILINE)
_DATA_LEVELS = 2  # of keys in JSON and YAML


@dataclass(frozen=True)
class Symbol:
    """Something a file defines; lines are 1-based and inclusive, the name is `Class.method`."""

    kind: str
    name: str
    line: int
    end_line: int
    signature: str


def language_of(path: str) -> str | None:
    """Return the language of a file by its name, or None where it cannot be outlined."""
    return LANGUAGES.get(posixpath.splitext(path)[1].lower())


def outline(path: str, text: str) -> list[Symbol]:
    """Return the symbols of a file in its order; [] for unknown languages and for huge files.

    A file with syntax errors gives what can be recognised; it never fails.
    """
    language = language_of(path)
    if language is None or not text or len(text) > _LARGEST:
        return []
    if language == "yaml" and _TOO_DEEP.search(text):
        return []
    from ast_grep_py import SgRoot  # the parsers take a while to load

    clean = re.sub("[\ud800-\udfff]", "\ufffd", text)
    walk = _Walk(language)
    return list(dict.fromkeys(walk.visit(SgRoot(clean, language).root(), "", "", 0)))


class _Walk:
    """One pass over a file's declarations; what functions hold inside is left out."""

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
    if node.kind() == "type_spec":  # Go: the keyword stands outside, for a group of types
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
