"""Finds the public names of a file, and whether a docstring or comment describes each."""

import ast
import re
from collections.abc import Iterator, Sequence

from reviewloop.analysis.outline import outline
from reviewloop.regex import regex

# Public declarations, by the suffix of the file.
_PUBLIC = {
    **dict.fromkeys(("js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"), r"\bexport\b"),
    "rs": r"\bpub\b",
    **dict.fromkeys(("java", "cs"), r"\bpublic\b"),
    "kt": r"^(?!.*\b(?:private|internal|protected)\b)",
    "php": r"^(?!.*\b(?:private|protected)\b)",
    "go": r"",
}
_KINDS = frozenset(["function", "method", "class", "interface", "struct", "enum", "trait", "type"])
_COMMENT = regex(r"\s*(?://|/\*|\*|#(?!\[|include))")
_MARK = regex(r"\s*(?:@\w|#\[|\[\w)")  # decorators and attributes, between comment and name
_LARGEST = 400_000  # characters; a longer file is generated


def can_be_described(path: str) -> bool:
    """Whether public names of such a file are found."""
    return _ending(path) in {"py", *_PUBLIC}


def public_names(path: str, text: str) -> Iterator[tuple[int, bool]]:
    """Yield the line of each public class, function and method, and whether it is described."""
    if can_be_described(path) and len(text) <= _LARGEST:
        yield from _python(text) if path.endswith(".py") else _others(path, text)


def _ending(path: str) -> str:
    return path.rpartition(".")[2]


def _python(text: str) -> Iterator[tuple[int, bool]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if not child.name.startswith("_"):
                yield child.lineno, ast.get_docstring(child, clean=False) is not None
                todo += [child] if isinstance(child, ast.ClassDef) else []


def _others(path: str, text: str) -> Iterator[tuple[int, bool]]:
    public, lines = re.compile(_PUBLIC[_ending(path)]), text.split("\n")
    for one in outline(path, text):
        name = one.name.rpartition(".")[2]
        if one.kind not in _KINDS or name.startswith("_"):
            continue
        at = one.line - 1
        shown = f"{one.signature} {lines[at]}" if at < len(lines) else one.signature
        is_public = name[:1].isupper() if path.endswith(".go") else bool(public.search(shown))
        if is_public:
            yield one.line, _is_described(lines, at)


def _is_described(lines: Sequence[str], at: int) -> bool:
    above = at - 1
    while above >= 0 and _MARK.match(lines[above]):
        above -= 1
    return above >= 0 and (
        _COMMENT.match(lines[above]) is not None or lines[above].rstrip().endswith("*/")
    )
