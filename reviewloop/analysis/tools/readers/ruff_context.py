"""Adjusts ruff's hits by the code around them: ruff sees a call, but not its arguments' origin."""

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from reviewloop.analysis.contract import NIT, SHOULD, Hit
from reviewloop.analysis.tools.layout import Laid
from reviewloop.analysis.tools.readers.ruff_mistakes import (
    compared_in_vain,
    debugger,
    failed_unnoticed,
    formatted_otherwise,
    loaded_yaml,
    negotiated,
    raised_anyhow,
    repeated_key,
    returned_by_init,
    shared_default,
    suppresses_nothing,
)
from reviewloop.analysis.tools.readers.ruff_module import (
    Module,
    is_constant,
    is_route,
    name_of,
    parse_module,
    root_of,
)
from reviewloop.analysis.tools.readers.ruff_names import assess_undefined, stubs_in, without_loaded
from reviewloop.analysis.tools.readers.ruff_templates import assess_escaping
from reviewloop.regex import regex

_PATHS_THAT_ARE_MANY = 15
_COMPLEX = regex(r"\((\d{1,6}) > \d+\)")
_SAFE = "seems safe"
# Calls in defaults declare parameters in these libraries; each reads them at import.
_DECLARING_TEXT = (
    "cappa click cyclopts dishka fastapi fastapi_injector fastapi_utils fastmcp faststream "
    "litestar mcp modal ninja pydantic pydantic_ai starlette strawberry taskiq "
    "taskiq_dependencies typer"
)
_DECLARING = frozenset(_DECLARING_TEXT.split())
_DEPENDS = frozenset({"Depends", "Security", "TaskiqDepends", "Provide", "FromDishka"})
# They call their arguments before they return.
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
# The framework turns these into a response: the chain of exceptions is never shown.
_ANSWERS = regex(
    r"(?:HTTP\w*|Http\w*|APIException|ValidationError|NotFound|BadRequest|Forbidden|Unauthorized"
    r"|PermissionDenied|NotAuthenticated|AuthenticationFailed|Abort|Exit|BadParameter|UsageError"
    r"|ClickException)$"
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def assess(hits: Iterable[Hit], laid: Laid) -> list[Hit]:
    """Return the hits without those that the code around them justifies, some with less
    severity.
    """
    files = {one.file.path: one for one in laid.files}
    modules: dict[str, Module | None] = {}
    kept = []
    for hit in hits:
        weigh = _ASSESSORS.get(hit.rule.removeprefix("ruff/"))
        one = files.get(hit.path)
        if weigh is not None and one is not None:
            if hit.path not in modules:
                modules[hit.path] = parse_module(one)
            module = modules[hit.path]
            if module is None:  # a notebook, or a file that Python cannot parse
                assessed: Hit | None = _unchecked(hit)
            else:
                assessed = weigh(hit, module)
            if assessed is None:
                continue
            hit = assessed
        kept.append(hit)
    return without_loaded(kept, stubs_in(laid), frozenset(files))


def _unchecked(hit: Hit) -> Hit:
    known = {"ruff/S608": NIT, "ruff/F811": hit.severity or SHOULD}.get(hit.rule)
    return replace(hit, severity=known) if known else hit


def _complexity(hit: Hit, module: Module) -> Hit:
    stated = _COMPLEX.search(hit.message)
    few = stated is not None and int(stated.group(1)) <= _PATHS_THAT_ARE_MANY
    return replace(hit, severity=NIT) if few else hit


def _blind_except(hit: Hit, module: Module) -> Hit:
    handler = module.at(hit, ast.ExceptHandler)
    if not isinstance(handler, ast.ExceptHandler):
        return hit
    for node in ast.walk(ast.Module(handler.body, [])):
        if isinstance(node, ast.Raise):
            return replace(hit, severity=NIT)
        if isinstance(node, ast.Call) and name_of(node) in _LOGS:
            return replace(hit, severity=NIT)
    first = handler.body[0].lineno
    stated = any("#" in line for line in module.lines[handler.lineno - 1 : first])
    return replace(hit, severity=NIT) if stated else hit


def _default(hit: Hit, module: Module) -> Hit | None:
    call = module.at(hit, ast.Call)
    if call is None:
        return hit
    declares = module.imported.get(root_of(call)) in _DECLARING or name_of(call) in _DEPENDS
    return None if declares else hit


def _chained(hit: Hit, module: Module) -> Hit:
    raised = module.at(hit, ast.Raise)
    if not isinstance(raised, ast.Raise) or raised.exc is None:
        return hit
    if _ANSWERS.match(name_of(raised.exc)) or any(map(is_route, module.around(raised))):
        return replace(hit, severity=NIT)
    return hit


def _shell(hit: Hit, module: Module) -> Hit:
    if _SAFE in hit.message:
        return replace(hit, severity=NIT)
    return _text_run(hit, module)


def _text_run(hit: Hit, module: Module) -> Hit:
    call = module.at(hit, ast.Call)
    if not isinstance(call, ast.Call):
        return hit
    given = [*call.args[:1], *(k.value for k in call.keywords if k.arg in {"args", "command"})]
    constant = given and all(is_constant(value, module.constants) for value in given)
    return replace(hit, severity=NIT) if constant else hit


def _members(hit: Hit, module: Module) -> Hit | None:
    call = module.at(hit, ast.Call)
    chosen = isinstance(call, ast.Call) and any(
        k.arg == "members" and not isinstance(k.value, ast.Constant) for k in call.keywords
    )
    return None if chosen else hit


def _defined_again(hit: Hit, module: Module) -> Hit:
    """A function or class is lost, unless a decorator has registered it by then.

    Of an import nothing is lost but its name.
    """
    here = module.defined_at(hit)
    if here is None or here.decorator_list or _is_imported(here.name, here.lineno, module):
        return replace(hit, severity=hit.severity or SHOULD)
    return hit


def _is_imported(name: str, before: int, module: Module) -> bool:
    """Whether what a name was last bound to before a line is an import."""
    bound = {
        node.lineno: isinstance(node, ast.Import | ast.ImportFrom)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.stmt) and node.lineno < before and name in _bound_by(node)
    }
    return bool(bound) and bound[max(bound)]


def _bound_by(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return {str(getattr(node, "name", ""))}


def _debugging(hit: Hit, module: Module) -> Hit:
    """It is deliberate behind a condition; started by hand, it listens to this machine only."""
    node = module.at(hit, ast.Call)
    if not isinstance(node, ast.Call):
        return hit
    host = [k.value for k in node.keywords if k.arg in {"host", None}] + node.args[:1]
    for outer in module.around(node):
        if isinstance(outer, ast.If) and ("__name__" not in ast.unparse(outer.test) or not host):
            return replace(hit, severity=SHOULD)
    return hit


def _of(function: ast.AST) -> str:
    return str(getattr(function, "name", ""))


def _closure(hit: Hit, module: Module) -> Hit | None:
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


def _used_after(name: str, loop: ast.AST, module: Module) -> bool:
    scope = next((n for n in module.around(loop) if isinstance(n, _FUNCTIONS)), module.tree)
    end = getattr(loop, "end_lineno", 0)
    return any(
        isinstance(node, ast.Name) and node.id == name and node.lineno > end
        for node in ast.walk(scope)
    )


def _used_at_once(use: ast.Name, loop: ast.AST, module: Module) -> bool:
    """Whether a function is called where it is named, in the iteration that created it."""
    for outer in module.around(use):
        if outer is loop:
            break
        if isinstance(outer, _FUNCTIONS):
            return False
    parent = next(module.around(use))
    if isinstance(parent, ast.Call) and parent.func is use:
        return not _is_deferred(parent, module)
    return _run_at_once(use, module)


def _is_deferred(call: ast.Call, module: Module) -> bool:
    """Whether a call creates something that runs later: an unread generator."""
    return any(isinstance(n, ast.GeneratorExp) for n in module.around(call))


def _run_at_once(value: ast.AST, module: Module) -> bool:
    """Whether the callee of a function argument calls it before returning."""
    around = module.around(value)
    parent = next(around)
    if isinstance(parent, ast.keyword):
        parent = next(around)
    if not isinstance(parent, ast.Call):
        return False
    if parent.func is value:
        return True
    name = name_of(parent)
    if name in _LAZY and root_of(parent) == name:
        outer = next(around, None)
        if isinstance(outer, ast.Call):
            return name_of(outer) in _CONSUMING
        looped = isinstance(outer, ast.For | ast.AsyncFor) and outer.iter is parent
        return looped or isinstance(outer, ast.comprehension | ast.Starred)
    return name in _AT_ONCE


_RUNS_SQL_TEXT = (
    "exec_driver_sql execute executemany executescript fetch fetch_all fetch_one fetchrow "
    "fetchval query raw read_sql read_sql_query"
)
_RUNS_SQL = frozenset(_RUNS_SQL_TEXT.split())
_HARMLESS = regex(
    r"(?:int|float|bool|UUID|date|datetime|Decimal|Literal)\b|[\w.]*(?:Enum|Identifier)\b"
)
# Names of tables and columns cannot be parameters of a query; most come from the code.
_NAMES_TEXT = regex(r"placeholders?|marks?$|columns?|fields?$|table|schema|order_?by", re.I)
_MOST_STEPS = 8


def _sql_text(hit: Hit, module: Module) -> Hit:
    """Keep SQL that is run and contains values of callers; lower the rest to a nit."""
    text = module.at(hit, ast.JoinedStr, ast.BinOp, ast.Call)
    function = None if text is None else _function_of(text, module)
    if not isinstance(text, ast.expr) or function is None:
        return replace(hit, severity=NIT)
    run = _is_run(text, function, module) and _Passed(function).in_(text)
    return hit if run else replace(hit, severity=NIT)


def _function_of(node: ast.AST, module: Module) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    for outer in module.around(node):
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            return outer
    return None


def _is_run(text: ast.expr, function: ast.AST, module: Module) -> bool:
    """Whether a text, or the variable that holds it, is passed to a call that runs it."""
    kept: set[str] = set()
    for outer in module.around(text):
        if isinstance(outer, ast.Call) and name_of(outer) in _RUNS_SQL:
            return True
        if isinstance(outer, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = outer.targets if isinstance(outer, ast.Assign) else [outer.target]
            kept = {target.id for target in targets if isinstance(target, ast.Name)}
        if isinstance(outer, ast.stmt):
            break
    return any(
        isinstance(node, ast.Name) and node.id in kept
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and name_of(call) in _RUNS_SQL
        for given in call.args[:2]
        for node in ast.walk(given)
    )


class _Passed:
    """Decides which values of a function come from its callers, as far as its own code shows."""

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
            # A value found in a set of allowed names is one of them afterwards.
            chosen = isinstance(node.left, ast.Name) and isinstance(node.ops[0], ast.In | ast.NotIn)
            if chosen and isinstance(node.left, ast.Name):
                self._params.discard(node.left.id)

    def in_(self, node: ast.expr, steps: int = _MOST_STEPS) -> bool:
        """Whether a text contains such a value: unchanged, in an f-string, or joined to others."""
        if steps <= 0:
            return False
        if isinstance(node, ast.Name):
            if node.id not in self._values:
                return node.id in self._params
            return any(self.in_(value, steps - 1) for value in self._values[node.id])
        return any(self.in_(part, steps - 1) for part in _pieces(node))


def _pieces(node: ast.expr) -> list[ast.expr]:
    """Return the values that become part of the text of this one."""
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
    if name_of(call) == "format" and isinstance(call.func, ast.Attribute):
        return [*call.args, *(keyword.value for keyword in call.keywords)]
    if isinstance(call.func, ast.Name):
        return list(call.args) if call.func.id == "str" else []
    # A method of text gives text: `name.strip()`. Of others we do not know.
    texts = {"get", "join", "lower", "removeprefix", "strip", "title", "upper"}
    if isinstance(call.func, ast.Attribute) and call.func.attr in texts:
        joined = call.func.attr == "join"
        return list(call.args) if joined else [call.func.value]
    return []


_ASSESSORS: dict[str, Callable[[Hit, Module], Hit | None]] = {
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
    "S701": assess_escaping,
    "F811": _defined_again,
    "F821": assess_undefined,
    "S201": _debugging,
    "B015": compared_in_vain,
    "B022": suppresses_nothing,
    "F601": repeated_key,
    "PLE0101": returned_by_init,
    "RUF008": shared_default,
    "PLE1205": formatted_otherwise,
    "PLE0704": raised_anyhow,
    "S502": negotiated,
    "S503": negotiated,
    "S506": loaded_yaml,
    "T100": debugger,
    "PLW1510": failed_unnoticed,
}
