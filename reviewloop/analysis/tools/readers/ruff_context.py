"""Weighs what ruff says by the code around it: ruff sees a call, we see what it is called with."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from reviewloop.analysis.contract import NIT, SHOULD, Hit, PathClass
from reviewloop.analysis.tools.layout import Laid, LaidFile

_PATHS_THAT_ARE_MANY = 15
_COMPLEX = re.compile(r"\((\d{1,6}) > \d+\)")
_SAFE = "seems safe"
# Calls in defaults are how these libraries declare parameters; each reads them at import.
_DECLARING_TEXT = (
    "cappa click cyclopts dishka fastapi fastapi_injector fastapi_utils fastmcp faststream "
    "litestar mcp modal ninja pydantic pydantic_ai starlette strawberry taskiq "
    "taskiq_dependencies typer"
)
_DECLARING = frozenset(_DECLARING_TEXT.split())
_DEPENDS = frozenset({"Depends", "Security", "TaskiqDepends", "Provide", "FromDishka"})
_WEB_TEXT = (
    "aiohttp bottle cherrypy django falcon fastapi flask litestar pyramid quart sanic starlette "
    "tornado"
)
_WEB = frozenset(_WEB_TEXT.split())
# They call what they are given before they return.
_AT_ONCE_TEXT = (
    "all any dict frozenset heapify list max merge min nlargest nsmallest next reduce set sort "
    "sorted sub subn sum tuple"
)
_AT_ONCE = frozenset(_AT_ONCE_TEXT.split())
_LAZY = frozenset({"filter", "groupby", "map", "takewhile", "dropwhile"})  # unless consumed
_CONSUMING = _AT_ONCE | {"join", "extend", "update", "len"}
_LOGS_TEXT = (
    "critical debug error exception fatal info log print_exc print_exception warn warning "
    "capture_exception captureException record_exception"
)
_LOGS = frozenset(_LOGS_TEXT.split())
# The framework turns these into an answer: nobody sees the chain of exceptions.
_ANSWERS = re.compile(
    r"(?:HTTP\w*|Http\w*|APIException|ValidationError|NotFound|BadRequest|Forbidden|Unauthorized"
    r"|PermissionDenied|NotAuthenticated|AuthenticationFailed|Abort|Exit|BadParameter|UsageError"
    r"|ClickException)$"
)
_ROUTES_TEXT = (
    "get post put patch delete head options route websocket api_route exception_handler "
    "errorhandler api_view action"
)
_ROUTES = frozenset(_ROUTES_TEXT.split())
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def assess(hits: Iterable[Hit], laid: Laid) -> list[Hit]:
    """Return the hits without those that the code around them answers, some made less severe."""
    files = {one.file.path: one for one in laid.files}
    modules: dict[str, _Module | None] = {}
    kept = []
    for hit in hits:
        weigh = _ASSESSORS.get(hit.rule.removeprefix("ruff/"))
        one = files.get(hit.path)
        if weigh is not None and one is not None:
            if hit.path not in modules:
                modules[hit.path] = _parsed(one)
            module = modules[hit.path]
            if module is None:  # a notebook, or what Python cannot parse
                assessed: Hit | None = _unchecked(hit)
            else:
                assessed = weigh(hit, module)
            if assessed is None:
                continue
            hit = assessed
        kept.append(hit)
    return _without_loaded(kept, _stubs(laid))


_LOADED = 3
_STUB = "__builtins__.pyi"


def _without_loaded(hits: list[Hit], stubs: dict[str, frozenset[str]]) -> list[Hit]:
    """Lower names that what loads a file sets: a stub declares them, or many files use them."""
    files: dict[str, set[str]] = {}
    for hit in hits:
        if hit.rule == "ruff/F821":
            files.setdefault(hit.identity, set()).add(hit.path)
    loaded = {name for name, paths in files.items() if len(paths) >= _LOADED}
    return [
        replace(hit, severity=NIT)
        if hit.rule == "ruff/F821" and (hit.identity in loaded or _is_declared(hit, stubs))
        else hit
        for hit in hits
    ]


def _stubs(laid: Laid) -> dict[str, frozenset[str]]:
    """Return by folder the names that its stub of builtins declares for the files below it."""
    return {
        one.file.path.rpartition("/")[0]: _declared(one.text)
        for one in laid.files
        if one.file.path.rpartition("/")[2] == _STUB
    }


def _is_declared(hit: Hit, stubs: dict[str, frozenset[str]]) -> bool:
    return any(
        hit.identity in names and (not folder or hit.path.startswith(f"{folder}/"))
        for folder, names in stubs.items()
    )


def _declared(stub: str) -> frozenset[str]:
    try:
        body = ast.parse(stub).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    names: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
    return frozenset(names)


class _Module:
    """A file's syntax tree, and what is asked of it."""

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
        """Return the first node of these kinds that begins where a hit does, or is around it."""
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
        """Return the function or class whose name stands where a hit does."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        here = self._by_line.get(hit.span.line, ()) if hit.span is not None else ()
        return next((node for node in here if isinstance(node, kinds)), None)

    @cached_property
    def imported(self) -> dict[str, str]:
        """Where each imported name comes from: `Query` -> `fastapi`."""
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
        """The names that the module annotates without a value: whoever loads it gives one."""
        return frozenset(
            statement.target.id
            for statement in self.tree.body
            if isinstance(statement, ast.AnnAssign)
            and statement.value is None
            and isinstance(statement.target, ast.Name)
        )

    @cached_property
    def defines_by_program(self) -> bool:
        """Whether the module gives itself names that do not stand in it."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                name = _name(node)
                if name == "exec" and not node.args[1:]:  # it is given no namespace
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
        """Whether a name stands in an annotation that nothing looks up when the code runs."""
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
        """The names of the module that are given one literal value, and never another."""
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
        for _ in range(3):  # a constant may be made of others
            found = frozenset(
                name
                for name, (value, *more) in given.items()
                if value is not None and not more and is_constant(value, found)
            )
        return found


def _is_own_names(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and _name(node) in {"globals", "vars"} and not node.args


def _unchecked(hit: Hit) -> Hit:
    known = {"ruff/S608": NIT, "ruff/F811": hit.severity or SHOULD}.get(hit.rule)
    return replace(hit, severity=known) if known else hit


def _parsed(one: LaidFile) -> _Module | None:
    if one.rows or one.file.language != "python":
        return None
    try:
        return _Module(ast.parse(one.text), one)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # ruff has read it: its word stays as it is


def is_constant(node: ast.expr, names: frozenset[str] = frozenset()) -> bool:
    """Whether a value is written out in the code."""
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


def _name(node: ast.AST) -> str:
    """Return the last name of what is called or raised."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.AST) -> str:
    """Return the first name of a dotted one."""
    if isinstance(node, ast.Call):
        node = node.func
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _complexity(hit: Hit, module: _Module) -> Hit:
    stated = _COMPLEX.search(hit.message)
    few = stated is not None and int(stated.group(1)) <= _PATHS_THAT_ARE_MANY
    return replace(hit, severity=NIT) if few else hit


def _blind_except(hit: Hit, module: _Module) -> Hit:
    handler = module.at(hit, ast.ExceptHandler)
    if not isinstance(handler, ast.ExceptHandler):
        return hit
    for node in ast.walk(ast.Module(handler.body, [])):
        if isinstance(node, ast.Raise):
            return replace(hit, severity=NIT)
        if isinstance(node, ast.Call) and _name(node) in _LOGS:
            return replace(hit, severity=NIT)
    first = handler.body[0].lineno
    stated = any("#" in line for line in module.lines[handler.lineno - 1 : first])
    return replace(hit, severity=NIT) if stated else hit


def _default(hit: Hit, module: _Module) -> Hit | None:
    call = module.at(hit, ast.Call)
    if call is None:
        return hit
    declares = module.imported.get(_root(call)) in _DECLARING or _name(call) in _DEPENDS
    return None if declares else hit


def _chained(hit: Hit, module: _Module) -> Hit:
    raised = module.at(hit, ast.Raise)
    if not isinstance(raised, ast.Raise) or raised.exc is None:
        return hit
    if _ANSWERS.match(_name(raised.exc)) or any(map(_is_route, module.around(raised))):
        return replace(hit, severity=NIT)
    return hit


def _is_route(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return any(_name(decorator) in _ROUTES for decorator in node.decorator_list)


def _shell(hit: Hit, module: _Module) -> Hit:
    if _SAFE in hit.message:
        return replace(hit, severity=NIT)
    return _text_run(hit, module)


def _text_run(hit: Hit, module: _Module) -> Hit:
    call = module.at(hit, ast.Call)
    if not isinstance(call, ast.Call):
        return hit
    given = [*call.args[:1], *(k.value for k in call.keywords if k.arg in {"args", "command"})]
    constant = given and all(is_constant(value, module.constants) for value in given)
    return replace(hit, severity=NIT) if constant else hit


def _members(hit: Hit, module: _Module) -> Hit | None:
    call = module.at(hit, ast.Call)
    chosen = isinstance(call, ast.Call) and any(
        k.arg == "members" and not isinstance(k.value, ast.Constant) for k in call.keywords
    )
    return None if chosen else hit


def _escaping(hit: Hit, module: _Module) -> Hit:
    call = module.at(hit, ast.Call)
    while isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        if not isinstance(call.func.value, ast.Call):
            break
        call = call.func.value  # of Environment().from_string(text).render() the first
    if not isinstance(call, ast.Call):
        return hit
    given = next((k.value for k in call.keywords if k.arg == "autoescape"), None)
    handed_on = any(k.arg is None for k in call.keywords)
    if handed_on or (given is not None and not isinstance(given, ast.Constant)):
        return replace(hit, severity=NIT)  # whether it escapes is decided elsewhere
    if _renders_plain(call, module):
        return replace(hit, severity=SHOULD)
    # Templates of code, mail or configuration are not escaped; pages are what this is about.
    pages = bool(_WEB & set(module.imported.values())) or ".htm" in module.one.text
    if "django" in module.one.text:  # its pages are rendered by its own engine
        pages = ".htm" in module.one.text
    return hit if pages else replace(hit, severity=SHOULD)


_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def _renders_plain(made: ast.Call, module: _Module) -> bool:
    """Whether all that the file has an environment render is texts, and none of them a page."""
    texts = _texts_rendered(made, module)
    if not texts:
        return False
    return not any(_is_page(text, call, module) for text, call in texts)


def _texts_rendered(made: ast.Call, module: _Module) -> list[tuple[ast.expr, ast.Call]]:
    """Return what an environment is given as text; nothing where it has other uses as well."""
    parent = next(module.around(made), None)
    if isinstance(parent, ast.Attribute):
        owners: list[ast.AST] = [made]
    elif isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        name = ast.unparse(parent.targets[0])
        owners = [
            node
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Name | ast.Attribute)
            and isinstance(node.ctx, ast.Load)
            and ast.unparse(node) == name
        ]
    else:
        return []
    found = []
    for owner in owners:
        use = next(module.around(owner), None)
        if not isinstance(use, ast.Attribute):
            return []  # handed on
        if use.attr in {"filters", "globals", "tests", "policies", "undefined"}:
            continue
        call = next(module.around(use), None)
        rendered = use.attr == "from_string" and isinstance(call, ast.Call) and call.args
        if not rendered or not isinstance(call, ast.Call):
            return []
        found.append((call.args[0], call))
    return found


def _is_page(text: ast.expr, call: ast.Call, module: _Module) -> bool:
    """Whether a template holds markup, or what a route makes of it may be its answer."""
    if any(map(_is_route, module.around(call))):
        return True
    if isinstance(text, ast.Name):
        for node in ast.walk(module.tree):
            targets = node.targets if isinstance(node, ast.Assign) else []
            named = any(isinstance(one, ast.Name) and one.id == text.id for one in targets)
            if named and _has_markup(node):
                return True
    return _has_markup(text)


def _has_markup(node: ast.AST) -> bool:
    return any(
        isinstance(one, ast.Constant)
        and isinstance(one.value, str)
        and (_TAG.search(one.value) or ".htm" in one.value)
        for one in ast.walk(node)
    )


def _defined_again(hit: Hit, module: _Module) -> Hit:
    """A function or class is lost, unless a decorator has registered it by then."""
    here = module.defined_at(hit)
    if here is None:
        return replace(hit, severity=hit.severity or SHOULD)
    return replace(hit, severity=hit.severity or SHOULD) if here.decorator_list else hit


_QUOTED_TYPE = re.compile(r"(?:->|\w\s*:)\s*(?:[\w.]+\[)*(?:[\w.]+\s*\|\s*)*[\"'][\w.\[\], |]*$")
_NAMES_IGNORED = re.compile(r"#\s*type:\s*ignore(?:\[[^\]]*\bname-defined\b|(?!\[))")
# What gettext installs, IPython gives to what it runs, and Python 2 had.
_INSTALLED = frozenset({"_", "N_", "gettext", "ngettext", "get_ipython", "display", "reveal_type"})
_OF_PYTHON_2 = re.compile(r"PY_?[23]|python_?[23]|version_info|hexversion", re.IGNORECASE)


def _undefined(hit: Hit, module: _Module) -> Hit | None:
    """The author knows: a program that loads the file defines the name."""
    if hit.span is None or not 1 <= hit.span.line <= len(module.lines):
        return hit
    line = module.lines[hit.span.line - 1]
    if _NAMES_IGNORED.search(line):
        return None
    before = line[: hit.span.column - 1] if hit.span.column else ""
    if _QUOTED_TYPE.search(before):  # nothing looks it up when the code runs
        return replace(hit, severity=NIT)
    if hit.identity in _INSTALLED or hit.identity in module.announced:
        return replace(hit, severity=NIT)
    node = module.at(hit, ast.Name)
    if node is not None and (module.never_evaluates(node) or _for_python_2(node, module)):
        return replace(hit, severity=NIT)
    return replace(hit, severity=SHOULD) if module.defines_by_program else hit


def _for_python_2(node: ast.AST, module: _Module) -> bool:
    """Whether a condition asks for the version of Python before a name is looked up."""
    return any(
        isinstance(outer, ast.If | ast.IfExp) and _OF_PYTHON_2.search(ast.unparse(outer.test))
        for outer in module.around(node)
    )


def _raised_anyhow(hit: Hit, module: _Module) -> Hit:
    """In a test it fails as it should, by another error."""
    tested = module.one.file.path_class is PathClass.TEST
    return replace(hit, severity=SHOULD) if tested else hit


def _debugging(hit: Hit, module: _Module) -> Hit:
    """Somebody asked for it: it stands behind a condition that is not `__name__`."""
    node = module.at(hit, ast.Call)
    for outer in module.around(node) if node is not None else ():
        if isinstance(outer, ast.If) and "__name__" not in ast.unparse(outer.test):
            return replace(hit, severity=SHOULD)
    return hit


def _debugger(hit: Hit, module: _Module) -> Hit:
    node = module.at(hit, ast.Call, ast.Import, ast.ImportFrom)
    if node is None:
        return hit
    for outer in module.around(node):
        if isinstance(outer, ast.If | ast.IfExp | ast.BoolOp | ast.Match | ast.ExceptHandler):
            return replace(hit, severity=NIT)
        if isinstance(outer, _FUNCTIONS) and re.search(r"debug|breakpoint|trace", _of(outer)):
            return replace(hit, severity=NIT)
    return hit


def _of(function: ast.AST) -> str:
    return str(getattr(function, "name", ""))


def _closure(hit: Hit, module: _Module) -> Hit | None:
    function = module.at(hit, *_FUNCTIONS)
    if function is None:
        return hit
    loop = next((n for n in module.around(function) if isinstance(n, _LOOPS)), None)
    if isinstance(function, ast.Lambda):
        return None if _run_at_once(function, module) else hit
    if loop is None or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return hit
    uses = [
        node
        for node in ast.walk(loop)
        if isinstance(node, ast.Name)
        and node.id == function.name
        and isinstance(node.ctx, ast.Load)
    ]
    inside = [use for use in uses if function not in module.around(use)]
    at_once = inside and all(_used_at_once(use, loop, module) for use in inside)
    later = _used_after(function.name, loop, module)
    return None if at_once and not function.decorator_list and not later else hit


def _used_after(name: str, loop: ast.AST, module: _Module) -> bool:
    scope = next((n for n in module.around(loop) if isinstance(n, _FUNCTIONS)), module.tree)
    end = getattr(loop, "end_lineno", 0)
    return any(
        isinstance(node, ast.Name) and node.id == name and node.lineno > end
        for node in ast.walk(scope)
    )


def _used_at_once(use: ast.Name, loop: ast.AST, module: _Module) -> bool:
    """Whether a function is called where it is named, in the round that made it."""
    for outer in module.around(use):
        if outer is loop:
            break
        if isinstance(outer, _FUNCTIONS):
            return False
    parent = next(module.around(use))
    if isinstance(parent, ast.Call) and parent.func is use:
        return not _is_deferred(parent, module)
    return _run_at_once(use, module)


def _is_deferred(call: ast.Call, module: _Module) -> bool:
    """Whether a call makes something that runs later: a generator that nobody has read."""
    return any(isinstance(n, ast.GeneratorExp) for n in module.around(call))


def _run_at_once(value: ast.AST, module: _Module) -> bool:
    """Whether what a function is given to calls it before it returns."""
    around = module.around(value)
    parent = next(around)
    if isinstance(parent, ast.keyword):
        parent = next(around)
    if not isinstance(parent, ast.Call):
        return False
    if parent.func is value:
        return True
    name = _name(parent)
    if name in _LAZY and _root(parent) == name:
        outer = next(around, None)
        if isinstance(outer, ast.Call):
            return _name(outer) in _CONSUMING
        looped = isinstance(outer, ast.For | ast.AsyncFor) and outer.iter is parent
        return looped or isinstance(outer, ast.comprehension | ast.Starred)
    return name in _AT_ONCE


_RUNS_SQL_TEXT = (
    "exec_driver_sql execute executemany executescript fetch fetch_all fetch_one fetchrow "
    "fetchval query raw read_sql read_sql_query"
)
_RUNS_SQL = frozenset(_RUNS_SQL_TEXT.split())
_HARMLESS = re.compile(
    r"(?:int|float|bool|UUID|date|datetime|Decimal|Literal)\b|[\w.]*(?:Enum|Identifier)\b"
)
# Names of tables and columns cannot be parameters of a query; most come from the code.
_NAMES_TEXT = re.compile(r"placeholders?|marks?$|columns?|fields?$|table|schema|order_?by", re.I)
_MOST_STEPS = 8


def _sql_text(hit: Hit, module: _Module) -> Hit:
    """Keep SQL that is run and holds what a caller passed in; the rest is a nit."""
    text = module.at(hit, ast.JoinedStr, ast.BinOp, ast.Call)
    function = None if text is None else _function_of(text, module)
    if not isinstance(text, ast.expr) or function is None:
        return replace(hit, severity=NIT)
    run = _is_run(text, function, module) and _Passed(function).in_(text)
    return hit if run else replace(hit, severity=NIT)


def _function_of(node: ast.AST, module: _Module) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    for outer in module.around(node):
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            return outer
    return None


def _is_run(text: ast.expr, function: ast.AST, module: _Module) -> bool:
    """Whether a text, or the variable it is kept in, is given to a call that runs it."""
    kept: set[str] = set()
    for outer in module.around(text):
        if isinstance(outer, ast.Call) and _name(outer) in _RUNS_SQL:
            return True
        if isinstance(outer, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = outer.targets if isinstance(outer, ast.Assign) else [outer.target]
            kept = {target.id for target in targets if isinstance(target, ast.Name)}
        if isinstance(outer, ast.stmt):
            break
    return any(
        isinstance(node, ast.Name) and node.id in kept
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and _name(call) in _RUNS_SQL
        for given in call.args[:2]
        for node in ast.walk(given)
    )


class _Passed:
    """Tells which values of a function its callers decide, as far as its own code shows."""

    def __init__(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        given = function.args
        self._params = {
            arg.arg
            for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)
            if arg.arg not in {"self", "cls"} and not _NAMES_TEXT.search(arg.arg)
            if not (arg.annotation and _HARMLESS.match(ast.unparse(arg.annotation).strip("'")))
        }
        self._values: dict[str, list[ast.expr]] = {}
        for node in ast.walk(function):
            self._note(node)

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._values.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign) and node.value is not None:
            if isinstance(node.target, ast.Name):
                self._values.setdefault(node.target.id, []).append(node.value)
        elif isinstance(node, ast.Compare):
            # What is looked up in a set of allowed names is one of them afterwards.
            chosen = isinstance(node.left, ast.Name) and isinstance(node.ops[0], ast.In | ast.NotIn)
            if chosen and isinstance(node.left, ast.Name):
                self._params.discard(node.left.id)

    def in_(self, node: ast.expr, steps: int = _MOST_STEPS) -> bool:
        """Whether a text holds such a value: as it is, in an f-string, or joined to others."""
        if steps <= 0:
            return False
        if isinstance(node, ast.Name):
            if node.id not in self._values:
                return node.id in self._params
            return any(self.in_(value, steps - 1) for value in self._values[node.id])
        return any(self.in_(part, steps - 1) for part in _pieces(node))


def _pieces(node: ast.expr) -> list[ast.expr]:
    """Return the values whose text ends up in the text of this one."""
    if isinstance(node, ast.JoinedStr):
        return [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return [node.left, node.right]
    if isinstance(node, ast.Tuple | ast.List):
        return list(node.elts)
    if isinstance(node, ast.Dict):
        return node.values
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Attribute):
        return [node.value]
    if isinstance(node, ast.Subscript):
        return [node.value]
    if isinstance(node, ast.Call):
        return _carried(node)
    return []


def _carried(call: ast.Call) -> list[ast.expr]:
    if _name(call) == "format" and isinstance(call.func, ast.Attribute):
        return [*call.args, *(keyword.value for keyword in call.keywords)]
    if isinstance(call.func, ast.Name):
        return list(call.args) if call.func.id == "str" else []
    # A method of text gives text: `name.strip()`. Of others we do not know.
    texts = {"get", "join", "lower", "removeprefix", "strip", "title", "upper"}
    if isinstance(call.func, ast.Attribute) and call.func.attr in texts:
        joined = call.func.attr == "join"
        return list(call.args) if joined else [call.func.value]
    return []


_ASSESSORS: dict[str, Callable[[Hit, _Module], Hit | None]] = {
    "C901": _complexity,
    "BLE001": _blind_except,
    "B008": _default,
    "B904": _chained,
    "B023": _closure,
    "S602": _shell,
    "S604": _text_run,
    "S605": _shell,
    "S102": _text_run,
    "S307": _text_run,
    "S202": _members,
    "S608": _sql_text,
    "S701": _escaping,
    "F811": _defined_again,
    "F821": _undefined,
    "S201": _debugging,
    "PLE0704": _raised_anyhow,
    "T100": _debugger,
}
