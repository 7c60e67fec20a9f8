"""Checks whether an edit stays in its hook's scope, from the code itself.

Each check returns why an edit is out of scope, or "". An agent's claims do not count: a file that
cannot be compared is out of scope.
"""

import ast
import builtins
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from reviewloop.analysis.outline import language_of, outline
from reviewloop.guards.governance import complexity
from reviewloop.hooks.hook import Scope
from reviewloop.regex import regex

RULES: dict[Scope, str] = {
    "nothing": "Edit no file: only look, and say what you found.",
    "file": "Edit this one file and no other.",
    "documentation": (
        "Edit this file only, and in it docstrings, comments and type hints only: no import, no "
        "statement, no annotation of a class attribute. Use names that the file knows."
    ),
    "tests": (
        "Edit files of tests only, no conftest.py. No test that is there may go. Each test that "
        "you write has to pass, and to be red when a function of the code returns something else."
    ),
    "refactoring": (
        "Edit files of code that are there, and no tests. Public names and their parameters stay, "
        "the tests stay green, and no file may become more complex."
    ),
}
"""What an agent is told about its scope; the engine undoes other edits."""

_DIRECTIVE = regex(
    r"(?:#|//|/\*)\W*(?:type:\s*ignore|noqa|nosec|pragma|pylint|ruff|fmt|isort|mypy|pyright|coding[:=]"
    r"|-\*-|eslint|@ts-|istanbul|[cv]8 ignore|prettier-ignore|biome-ignore|go:|\+build|nolint"
    r"|NOSONAR|semgrep|webpack|@vite|@jsx|@flow|swiftlint|rubocop|clippy|reviewloop)",
    re.IGNORECASE,
)
"""A comment that tools obey, which is not documentation."""

_PLAIN = (
    *(ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Constant, ast.BinOp),
    *(ast.BitOr, ast.Load),
)
_PLAIN_TEXT = regex(r"[\w.\[\], |]*")
_Def = ast.FunctionDef | ast.AsyncFunctionDef
_Scoped = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def beyond_documentation(path: str, before: bytes | None, after: bytes | None) -> str:
    """Return what an edit changes besides docstrings, comments and annotations."""
    if before is None or after is None:
        return f"{path} is new or gone: documentation stays in the files that are there"
    if path.endswith((".py", ".pyi")):
        return _beyond_docstrings(path, before, after)
    language = language_of(path)
    if language is None:
        return f"{path} cannot be compared: its language is not known"
    (code, comments), (new_code, new_comments) = (_code(language, one) for one in (before, after))
    if code != new_code:
        return f"{path}: code changed beside comments and types"
    if _directives(comments) != _directives(new_comments):
        return f"{path}: a comment that tools obey changed"
    return ""


def _beyond_docstrings(path: str, before: bytes, after: bytes) -> str:
    try:
        old, new = ast.parse(before), ast.parse(after)
        comments = [*map(_python_comments, (before, after))]
        plain = [ast.dump(_without_words(tree)) for tree in (ast.parse(before), ast.parse(after))]
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        return f"{path} cannot be read: {error}"
    if plain[0] != plain[1]:
        return f"{path}: code changed beside docstrings and annotations"
    if comments[0] != comments[1]:
        return f"{path}: a comment that tools obey changed"
    known = {ast.dump(one) for one in _annotations(old)}
    for one in _annotations(new):
        if ast.dump(one) not in known and (why := _no_plain_type(one, new)):
            return f"{path}:{one.lineno}: {why}"
    return ""


def _python_comments(data: bytes) -> list[str]:
    tokens = tokenize.tokenize(io.BytesIO(data).readline)
    return _directives(one.string for one in tokens if one.type == tokenize.COMMENT)


def _directives(comments: Iterable[str]) -> list[str]:
    return [one for one in comments if _DIRECTIVE.search(one)]


def _annotations(tree: ast.AST) -> list[ast.expr]:
    """Return all annotations that `_without_words` leaves out."""
    found: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, _Def):
            found += [node.returns, *(one.annotation for one in _parameters(node.args))]
        elif isinstance(node, ast.AnnAssign):
            found.append(node.annotation)
    return [one for one in found if one is not None]


def _parameters(args: ast.arguments) -> list[ast.arg]:
    more = [one for one in (args.vararg, args.kwarg) if one is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *more]


def _no_plain_type(annotation: ast.expr, module: ast.Module) -> str:
    """Return why an annotation is more than a type: it is evaluated when the file is loaded."""
    known = {*dir(builtins), *_bound(module)}
    for node in ast.walk(annotation):
        if not isinstance(node, _PLAIN):
            return f"the annotation {ast.unparse(annotation)} does more than name a type"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if not _PLAIN_TEXT.fullmatch(node.value):
                return f"the annotation {ast.unparse(annotation)} does more than name a type"
        elif isinstance(node, ast.Name) and node.id not in known:
            return f"the annotation {node.id} is a name that the file does not know"
    return ""


def _bound(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (one.asname or one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, _Scoped):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


class _WithoutWords(ast.NodeTransformer):
    """Removes docstrings, and annotations without an effect."""

    def visit_Module(self, node: ast.Module) -> Any:
        return self._described(node, in_class=False)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return self._described(node, in_class=True)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return self._function(node)

    def _function(self, node: _Def) -> Any:
        node.returns = None
        for one in _parameters(node.args):
            one.annotation = None
        return self._described(node, in_class=False)

    def _described(self, node: Any, *, in_class: bool) -> Any:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        if not in_class:  # in a class they define its fields
            node.body = [_as_assignment(one) for one in node.body]
        if not node.body and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]
        return self.generic_visit(node)


def _as_assignment(node: ast.stmt) -> ast.stmt:
    if isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
        return ast.Assign([node.target], node.value)
    return node


def _without_words(tree: ast.Module) -> ast.AST:
    done: ast.AST = _WithoutWords().visit(tree)
    return done


def _code(language: str, data: bytes) -> tuple[list[tuple[int, str, str]], list[str]]:
    """Return the nodes of a file without comments and types, and its comments."""
    from ast_grep_py import SgRoot

    nodes: list[tuple[int, str, str]] = []
    comments: list[str] = []
    todo = [(0, SgRoot(data.decode("utf-8", "replace"), language).root())]
    while todo:
        depth, node = todo.pop()
        kind = node.kind()
        if "comment" in kind:
            comments.append(node.text())
        elif kind != "type_annotation":
            children = node.children()
            nodes.append((depth, kind, "" if children else node.text()))
            todo += [(depth + 1, child) for child in reversed(children)]
    return nodes, comments


def beyond_refactoring(path: str, before: bytes | None, after: bytes | None) -> str:
    """Return what an edit changes of a file's public side, or that it is more complex."""
    if before is None or after is None:
        return f"{path} is new or gone: a refactoring stays in the files that are there"
    counts = complexity(path, before), complexity(path, after)
    if language_of(path) is None or counts[0] is None or counts[1] is None:
        return f"{path} is no code whose complexity is measured"
    if counts[1] > counts[0]:
        return f"{path}: its complexity grew from {counts[0]} to {counts[1]}"
    try:
        names = [set(_public(path, one.decode("utf-8", "replace"))) for one in (before, after)]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"{path} cannot be read: {error}"
    if differ := sorted(names[0] ^ names[1]):
        return f"{path}: public names changed: {', '.join(differ[:5])}"
    return ""


def _public(path: str, text: str) -> Iterator[str]:
    if not path.endswith(".py"):
        for symbol in outline(path, text):
            if not symbol.name.rpartition(".")[2].startswith(("_", "#")):
                yield f"{symbol.kind} {symbol.name}"
        return
    todo: list[tuple[str, ast.AST]] = [("", ast.parse(text))]
    while todo:
        owner, node = todo.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _Def) and not _is_private(child.name):
                for one in _parameters(child.args):
                    one.annotation = None
                yield f"{owner}{child.name}({ast.unparse(child.args)})"
            elif isinstance(child, ast.ClassDef) and not _is_private(child.name):
                yield f"{owner}{child.name}"
                todo.append((f"{owner}{child.name}.", child))
            elif isinstance(child, ast.Assign | ast.AnnAssign):
                yield from _assigned(owner, child)


def _assigned(owner: str, node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for one in targets:
        if isinstance(one, ast.Name) and one.id == "__all__" and node.value:
            yield f"__all__ = {ast.unparse(node.value)}"
        elif isinstance(one, ast.Name) and not _is_private(one.id):
            yield f"{owner}{one.id}"


def _is_private(name: str) -> bool:
    return name.startswith("_") and name != "__init__"


def named_tests(data: bytes) -> dict[str, str]:
    """Return the tests of a Python file, `Class::name` -> its code; {} for other files."""
    found: dict[str, str] = {}
    try:
        todo: list[tuple[str, ast.AST]] = [("", ast.parse(data))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    while todo:
        owner, node = todo.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _Def) and child.name.startswith("test"):
                found[f"{owner}{child.name}"] = ast.dump(child)
            elif isinstance(child, ast.ClassDef):
                todo.append((f"{owner}{child.name}::", child))
    return found


def break_functions(data: bytes, answer: Literal["None", "object()"]) -> bytes | None:
    """Return Python code whose functions return something else while a test runs, None for none.

    While pytest loads files they work as before, so that every test starts.
    """
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    functions = [node for node in ast.walk(tree) if isinstance(node, _Def)]
    for function in functions:
        bare = function.name == "__init__" or _yields(function)
        value = "" if bare else answer
        test = '__import__("os").environ.get("PYTEST_CURRENT_TEST")'
        early = ast.parse(f"def f():\n    if {test}:\n        return {value}\n").body[0]
        function.body = [*early.body, *function.body] if isinstance(early, _Def) else []
    return ast.unparse(tree).encode() if functions else None


def _yields(function: _Def) -> bool:
    todo: list[ast.AST] = [*function.body]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, (*_Scoped, ast.Lambda)):
            todo += ast.iter_child_nodes(node)
    return False
