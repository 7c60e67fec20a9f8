"""Checks names of files, names of variables and the indentation against the style keys."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import Hit, Span
from reviewloop.analysis.languages import language_of
from reviewloop.analysis.parsing import parse
from reviewloop.analysis.patterns import nodes_of, span_of
from reviewloop.architecture.imports import LARGEST
from reviewloop.architecture.model import TAB, Style
from reviewloop.regex import regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

FILE_CASE = "style/file-case"
VARIABLE_CASE = "style/variable-case"
INDENT = "style/indent"

_SHAPES = {
    "kebab-case": regex(r"[a-z0-9]+(?:-[a-z0-9]+)*"),
    "snake_case": regex(r"[a-z0-9]+(?:_[a-z0-9]+)*"),
    "camelCase": regex(r"[a-z][A-Za-z0-9]*"),
    "PascalCase": regex(r"[A-Z][A-Za-z0-9]*"),
}
_CONSTANT = regex(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_HUMP = regex(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[-_\s]+")
# Names that tools require, whatever the team's style is.
_GIVEN = frozenset(("Dockerfile", "Makefile", "Jenkinsfile"))


def style_hits(style: Style, path: str, text: str) -> Iterator[Hit]:
    """Yield the deviations from the style in one file."""
    if style.file_case and not fits_case(stem := stem_of(path), style.file_case):
        proper = converted(stem, style.file_case)
        name = path.rpartition("/")[2]
        message = f"is not named in {style.file_case}; call it {name.replace(stem, proper, 1)}"
        yield Hit(FILE_CASE, path, Span(1, 1), message, identity=stem)
    if len(text) > LARGEST or not (style.variable_case or style.indent):
        return
    language = language_of(path, text)
    root = parse(re.sub("[\ud800-\udfff]", "\ufffd", text), language)
    if style.variable_case:
        yield from variable_hits(style.variable_case, language, path, root)
    if style.indent:
        yield from indent_hits(style.indent, language, path, text, root)


def is_of_several_words(name: str) -> bool:
    """Whether a name has several words and so shows its case."""
    return bool(_HUMP.search(name.strip("_$"))) and not _CONSTANT.fullmatch(name.strip("_"))


def fits_case(name: str, case: str) -> bool:
    """Whether a name has a case; a single word needs matching letters only."""
    bare = name.strip("_$")
    return not bare or _SHAPES[case].fullmatch(bare) is not None


def converted(name: str, case: str) -> str:
    """Return a name in a case."""
    words = [word.lower() for word in _HUMP.split(name.strip("_$")) if word]
    if case == "kebab-case":
        return "-".join(words)
    if case == "snake_case":
        return "_".join(words)
    pascal = "".join(word[:1].upper() + word[1:] for word in words)
    return pascal if case == "PascalCase" else pascal[:1].lower() + pascal[1:]


def stem_of(path: str) -> str:
    """Return a file's name before its first dot: `user` of `user.service.ts`."""
    name = path.rpartition("/")[2]
    stem = name.lstrip(".").partition(".")[0]
    return "" if name in _GIVEN or name.startswith(("[", "_", ".")) else stem


def variable_hits(case: str, language: str, path: str, root: "SgNode") -> Iterator[Hit]:
    """Yield each name of a variable or parameter in another case."""
    seen: set[str] = set()
    for node in declared(language, root):
        name = node.text()
        if name in seen or _CONSTANT.fullmatch(name.strip("_")) or fits_case(name, case):
            continue
        if case == "camelCase" and _is_type_like(language, node):
            continue
        seen.add(name)
        message = f"`{name}` is not written in {case}; call it `{converted(name, case)}`"
        yield Hit(VARIABLE_CASE, path, span_of(node), message, identity=name)


def _is_type_like(language: str, node: "SgNode") -> bool:
    """Whether a PascalCase name is idiomatic in the language: a component, a class, exported
    in Go.
    """
    if not fits_case(node.text(), "PascalCase"):
        return False
    return language != "python" or _at_top(node)


def _at_top(node: "SgNode") -> bool:
    owner = node.parent()
    while owner is not None and owner.kind() in _WRAPS:
        owner = owner.parent()
    return owner is not None and owner.kind() == "module"


_WRAPS = frozenset(("assignment", "expression_statement", "pattern_list"))


def declared(language: str, root: "SgNode") -> Iterator["SgNode"]:
    """Yield the names of declared variables and parameters."""
    if language == "python":
        for node in nodes_of(root, ("assignment", "for_statement", "named_expression")):
            left = node.field("left") or node.field("name")
            if left is not None and not (node.kind() == "assignment" and _is_type(node)):
                yield from _names(left, ("pattern_list", "tuple_pattern", "list_pattern"))
        for node in nodes_of(root, ("parameters",)):
            for one in node.children():
                name = one.field("name") if one.kind() in _WITH_DEFAULT else one
                yield from _names(name, ("typed_parameter", "list_splat_pattern")) if name else ()
    elif language == "go":
        for node in nodes_of(root, ("var_spec", "parameter_declaration")):
            yield from (one for one in node.children() if one.kind() == "identifier")
        for node in nodes_of(root, ("short_var_declaration", "range_clause")):
            left = node.field("left")
            yield from _names(left, ("expression_list",)) if left is not None else ()
    else:
        for node in nodes_of(root, ("variable_declarator",)):
            if (name := node.field("name")) is not None:
                yield from _names(name, ())
        for node in nodes_of(root, ("formal_parameters",)):
            yield from _names(node, _SCRIPT_PARAMETERS)


_WITH_DEFAULT = frozenset(("default_parameter", "typed_default_parameter"))
_SCRIPT_PARAMETERS = (
    "formal_parameters",
    "required_parameter",
    "optional_parameter",
    "assignment_pattern",
    "rest_pattern",
)


def _is_type(assignment: "SgNode") -> bool:
    """Whether a name is assigned a type: `Pair = tuple[int, int]` at the top of a module."""
    left = assignment.field("left")
    return left is not None and left.kind() == "identifier" and left.text()[:1].isupper()


def _names(node: "SgNode", through: Iterable[str]) -> Iterator["SgNode"]:
    """Yield the identifiers of a pattern; keys of objects come from elsewhere."""
    if node.kind() == "identifier":
        yield node
    elif node.kind() in through:
        for child in node.children():
            if child.kind() == "identifier" or child.kind() in through:
                yield from _names(child, through)
                if node.kind() in {"typed_parameter", "required_parameter", "assignment_pattern"}:
                    return  # the type or the default follows


_BLOCKS = {"python": ("block",), "go": ("block",)}
_SCRIPT_BLOCKS = ("statement_block", "class_body")


def indent_hits(
    indent: int | str, language: str, path: str, text: str, root: "SgNode"
) -> Iterator[Hit]:
    """Yield the first line of each block with an indentation that differs from its owner's."""
    lines = text.split("\n")
    step = "\t" if indent == TAB else " " * int(indent)
    for block in nodes_of(root, _BLOCKS.get(language, _SCRIPT_BLOCKS)):
        owner = block.parent()
        if owner is None:
            continue
        inside = _first_of_line(block, lines)
        if inside is None:
            continue
        found = _leading(lines[inside])
        starts = {block.range().start.line, owner.range().start.line}
        expected = [_leading(lines[start]) + step for start in starts if start < inside]
        if not expected or found in expected:
            continue
        message = f"is not indented by {'a tab' if indent == TAB else f'{indent} spaces'}"
        yield Hit(INDENT, path, Span(inside + 1, inside + 1), message)


def _first_of_line(block: "SgNode", lines: list[str]) -> int | None:
    """Return the line (0-based) of the first statement of a block that starts a line."""
    for child in block.children():
        if child.kind() == "statement_list":
            return _first_of_line(child, lines)
        if not child.is_named() or child.kind() == "comment":
            continue
        start = child.range().start
        return start.line if not lines[start.line][: start.column].strip() else None
    return None


def _leading(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
