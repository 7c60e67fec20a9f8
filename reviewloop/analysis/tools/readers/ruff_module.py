"""The syntax tree of a Python file, with queries about the code around a hit."""

import ast
from collections.abc import Iterator
from functools import cached_property

from reviewloop.analysis.contract import Hit
from reviewloop.analysis.tools.layout import LaidFile

_ROUTES_TEXT = (
    "get post put patch delete head options route websocket api_route exception_handler "
    "errorhandler api_view action"
)
_ROUTES = frozenset(_ROUTES_TEXT.split())


class Module:
    """A file's syntax tree with queries."""

    def __init__(self, tree: ast.Module, one: LaidFile) -> None:
        self.tree = tree
        self.one = one
        self.lines = one.lines

    @cached_property
    def _parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around a node, innermost first."""
        parent = self._parents.get(node)
        while parent is not None:
            yield parent
            parent = self._parents.get(parent)

    @cached_property
    def _by_line(self) -> dict[int, list[ast.AST]]:
        found: dict[int, list[ast.AST]] = {}
        for node in ast.walk(self.tree):
            line = getattr(node, "lineno", None)
            if line is not None:
                found.setdefault(line, []).append(node)
        return found

    def at(self, hit: Hit, *kinds: type[ast.AST]) -> ast.AST | None:
        """Return the first node of these kinds that begins at a hit, or is around it."""
        if hit.span is None or not hit.span.column:
            return None
        line = hit.span.line
        if not 1 <= line <= len(self.lines):
            return None
        offset = len(self.lines[line - 1][: hit.span.column - 1].encode("utf-8", "replace"))
        here = [n for n in self._by_line.get(line, ()) if getattr(n, "col_offset", -1) == offset]
        for node in here:
            if isinstance(node, kinds):
                return node
        for node in here:
            for outer in self.around(node):
                if isinstance(outer, kinds):
                    return outer
        return None

    def defined_at(self, hit: Hit) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | None:
        """Return the function or class whose name is at a hit."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        here = self._by_line.get(hit.span.line, ()) if hit.span is not None else ()
        return next((node for node in here if isinstance(node, kinds)), None)

    @cached_property
    def imported(self) -> dict[str, str]:
        """The origin of each imported name: `Query` -> `fastapi`."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    root = alias.name.partition(".")[0]
                    found[alias.asname or root] = root
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    found[alias.asname or alias.name] = node.module.partition(".")[0]
        return found

    @cached_property
    def announced(self) -> frozenset[str]:
        """The names that the module annotates without a value: whatever loads it sets them."""
        return frozenset(
            statement.target.id
            for statement in self.tree.body
            if isinstance(statement, ast.AnnAssign)
            and statement.value is None
            and isinstance(statement.target, ast.Name)
        )

    @cached_property
    def defines_by_program(self) -> bool:
        """Whether the module defines names dynamically."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                name = name_of(node)
                if name == "exec" and not node.args[1:]:  # without a namespace of its own
                    return True
                owner = node.func.value if isinstance(node.func, ast.Attribute) else None
                if name in {"update", "setdefault"} and _is_own_names(owner):
                    return True
            elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                if not _is_own_names(node.value):
                    continue
                return True
        return False

    def never_evaluates(self, node: ast.AST) -> bool:
        """Whether a name is in an annotation that is never evaluated at run time."""
        inner = node
        for outer in self.around(node):
            if isinstance(outer, ast.AnnAssign) and inner is outer.annotation:
                scope = next(self.around(outer), None)
                return self._postponed or isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef)
            annotates = isinstance(outer, ast.arg) and inner is outer.annotation
            returned = isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
            if annotates or (returned and inner is getattr(outer, "returns", None)):
                return self._postponed
            inner = outer
        return False

    @cached_property
    def _postponed(self) -> bool:
        return any(
            isinstance(node, ast.ImportFrom)
            and node.module == "__future__"
            and any(alias.name == "annotations" for alias in node.names)
            for node in self.tree.body
        )

    @cached_property
    def constants(self) -> frozenset[str]:
        """The module's names that are assigned one literal value, and no other."""
        given: dict[str, list[ast.expr | None]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                given.setdefault(node.id, []).append(None)
            elif isinstance(node, ast.arg):
                given.setdefault(node.arg, []).append(None)
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                targets = (
                    statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                )
                for target in targets:
                    if isinstance(target, ast.Name) and len(given.get(target.id, ())) == 1:
                        given[target.id] = [statement.value]
        found: frozenset[str] = frozenset()
        for _ in range(3):  # a constant may be built from others
            found = frozenset(
                name
                for name, (value, *more) in given.items()
                if value is not None and not more and is_constant(value, found)
            )
        return found


def _is_own_names(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and name_of(node) in {"globals", "vars"} and not node.args


def is_constant(node: ast.expr, names: frozenset[str] = frozenset()) -> bool:
    """Whether a value is a literal in the code."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.JoinedStr):
        return all(
            is_constant(part.value if isinstance(part, ast.FormattedValue) else part, names)
            for part in node.values
        )
    if isinstance(node, ast.BinOp):
        return is_constant(node.left, names) and is_constant(node.right, names)
    if isinstance(node, ast.List | ast.Tuple):
        return all(is_constant(part, names) for part in node.elts)
    return False


def name_of(node: ast.AST) -> str:
    """Return the last name of a called or raised expression."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def root_of(node: ast.AST) -> str:
    """Return the first name of a dotted one."""
    if isinstance(node, ast.Call):
        node = node.func
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def is_route(node: ast.AST) -> bool:
    """Whether a function is registered as the handler of a request."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return any(name_of(decorator) in _ROUTES for decorator in node.decorator_list)


def parse_module(one: LaidFile) -> Module | None:
    """Return a file's module, None if Python cannot parse it or it is generated."""
    if one.rows or one.file.language != "python":
        return None
    try:
        return Module(ast.parse(one.text), one)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # ruff has parsed it: its hits stay unchanged
