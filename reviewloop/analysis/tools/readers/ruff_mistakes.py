"""Weighs what ruff takes for certain mistakes: the code around may make them none, or harmless."""

import ast
from dataclasses import replace

from reviewloop.analysis.contract import NIT, SHOULD, Hit, PathClass
from reviewloop.analysis.tools.readers.ruff_module import Module, name_of, root_of

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def negotiated(hit: Hit, module: Module) -> Hit:
    """Lower what is named for SSL 2 and 3 and negotiates the newest version that both know."""
    return replace(hit, severity=NIT) if "SSLv23" in hit.message else hit


def loaded_yaml(hit: Hit, module: Module) -> Hit | None:
    """Drop a loader that the file derives from a safe one; where it is made elsewhere, lower it."""
    call = module.at(hit, ast.Call)
    if not isinstance(call, ast.Call):
        return hit
    given = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "Loader")]
    if given and name_of(given[0]) == "FullLoader":
        return replace(hit, severity=SHOULD)  # since 5.4 it makes objects of plain kinds only
    if not given or root_of(given[0]) == "yaml":
        return hit
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and node.name == ast.unparse(given[0]):
            safe = node.bases and all("Safe" in name_of(base) for base in node.bases)
            return None if safe else hit
    from_yaml = module.imported.get(root_of(given[0])) in {"yaml", "ruamel"}
    return hit if from_yaml else replace(hit, severity=SHOULD)


_SHOW_FAILURE = frozenset({"returncode", "check_returncode", "stderr"})


def failed_unnoticed(hit: Hit, module: Module) -> Hit | None:
    """Drop a command whose result the code checks itself, or passes on."""
    outermost = module.at(hit, ast.Call)  # `run(...).stdout.decode()` begins at the same column
    calls = (
        node
        for node in (() if outermost is None else ast.walk(outermost))
        if isinstance(node, ast.Call) and name_of(node) == "run"
    )
    call = next(calls, None)
    if call is None:
        return hit
    outer = next(module.around(call), None)
    if isinstance(outer, ast.Expr):
        return hit
    if isinstance(outer, ast.Attribute):
        return None if outer.attr in _SHOW_FAILURE else hit
    if not isinstance(outer, ast.Assign | ast.AnnAssign | ast.NamedExpr):
        return None
    targets = outer.targets if isinstance(outer, ast.Assign) else [outer.target]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    if len(names) < len(targets):
        return None
    scope = next((one for one in module.around(call) if isinstance(one, _FUNCTIONS)), module.tree)
    for node in ast.walk(scope):
        if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
            use = next(module.around(node), None)
            if not isinstance(use, ast.Attribute) or use.attr in _SHOW_FAILURE:
                return None
    return hit


def repeated_key(hit: Hit, module: Module) -> Hit:
    """Lower a key that is given the same value again: nothing is lost."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Dict) or hit.span is None:
            continue
        for key in node.keys:
            if key is not None and _is_at(key, hit, module):
                repeated = ast.dump(key)
                values = {
                    ast.dump(value)
                    for other, value in zip(node.keys, node.values, strict=True)
                    if other is not None and ast.dump(other) == repeated
                }
                return replace(hit, severity=SHOULD) if len(values) == 1 else hit
    return hit


def _is_at(node: ast.expr, hit: Hit, module: Module) -> bool:
    if hit.span is None or node.lineno != hit.span.line:
        return False
    before = module.lines[node.lineno - 1].encode("utf-8", "replace")[: node.col_offset]
    return len(before.decode("utf-8", "replace")) + 1 == hit.span.column


def returned_by_init(hit: Hit, module: Module) -> Hit:
    """Lower the result of another __init__: it is None, so nothing is raised."""
    node = module.at(hit, ast.Return)
    if not isinstance(node, ast.Return) or node.value is None:
        return hit
    value: ast.expr | None = node.value
    if isinstance(value, ast.Name):
        value = _only_value(value.id, node, module)
    nothing = isinstance(value, ast.Call) and name_of(value) == "__init__"
    return replace(hit, severity=NIT) if nothing else hit


def _only_value(name: str, node: ast.AST, module: Module) -> ast.expr | None:
    scope = next((outer for outer in module.around(node) if isinstance(outer, _FUNCTIONS)), None)
    values = [
        one.value
        for one in ast.walk(scope or module.tree)
        if isinstance(one, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in one.targets)
    ]
    return values[0] if len(values) == 1 else None


def raised_anyhow(hit: Hit, module: Module) -> Hit:
    """Lower a bare raise of a test, which fails as it should, and of a helper of handlers."""
    if module.one.file.path_class is PathClass.TEST:
        return replace(hit, severity=SHOULD)
    node = module.at(hit, ast.Raise)
    function = (
        next((outer for outer in module.around(node) if isinstance(outer, _FUNCTIONS)), None)
        if node is not None
        else None
    )
    if node is not None and _is_caught(node, module):
        return replace(hit, severity=SHOULD)  # the handlers get another error than none
    if function is None or any(isinstance(one, ast.Try) for one in ast.walk(function)):
        return hit  # what its own handlers caught is gone by then
    takes_error = any(
        arg.arg in {"e", "err", "error", "ex", "exc", "exception", "exc_info"}
        for arg in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    )
    return (
        replace(hit, severity=NIT)
        if takes_error or _is_called_by_handler(function.name, module)
        else hit
    )


def _is_caught(node: ast.AST, module: Module) -> bool:
    """Whether handlers of the same function take any error that a statement raises."""
    inner = node
    for outer in module.around(node):
        if isinstance(outer, _FUNCTIONS):
            return False
        if isinstance(outer, ast.Try) and inner in outer.body:
            kinds = {name_of(h.type) if h.type is not None else "" for h in outer.handlers}
            return bool(kinds & {"", "Exception", "BaseException", "RuntimeError"})
        inner = outer
    return False


def _is_called_by_handler(name: str, module: Module) -> bool:
    return any(
        isinstance(call, ast.Call) and name_of(call) == name
        for handler in ast.walk(module.tree)
        if isinstance(handler, ast.ExceptHandler)
        for call in ast.walk(handler)
    )


def compared_in_vain(hit: Hit, module: Module) -> Hit:
    """Lower a comparison whose call is what should raise."""
    compared = module.at(hit, ast.Compare)
    if not isinstance(compared, ast.Compare):
        return hit
    if not any(isinstance(node, ast.Call) for node in ast.walk(compared)):
        return hit
    for outer in module.around(compared):
        if isinstance(outer, ast.With | ast.AsyncWith):
            expects = any("raises" in name_of(i.context_expr).lower() for i in outer.items)
            if expects and len(outer.body) == 1:
                return replace(hit, severity=NIT)
    return hit


def formatted_otherwise(hit: Hit, module: Module) -> Hit:
    """Lower a text with braces: its logger may fill them in.

    Projects make such loggers themselves, in another file (`logging.setLoggerClass`).
    """
    call = module.at(hit, ast.Call)
    text = call.args[0] if isinstance(call, ast.Call) and call.args else None
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
        return hit
    braces = "{" in text.value and "%" not in text.value
    return replace(hit, severity=SHOULD) if braces else hit


def shared_default(hit: Hit, module: Module) -> Hit:
    """Lower the default of what only `__post_init__` is given: dataclasses take it."""
    node = module.at(hit, ast.AnnAssign)
    given_once = isinstance(node, ast.AnnAssign) and "InitVar" in ast.unparse(node.annotation)
    return replace(hit, severity=SHOULD) if given_once else hit


def suppresses_nothing(hit: Hit, module: Module) -> Hit:
    """Lower what stands in for another context where there is none to enter."""
    call = module.at(hit, ast.Call)
    parent = next(module.around(call), None) if call is not None else None
    entered = parent is None or isinstance(parent, ast.withitem)
    return hit if entered else replace(hit, severity=NIT)


def debugger(hit: Hit, module: Module) -> Hit:
    """Lower what only some runs reach, what a debugger is made of, and what tests one.

    An import alone stops nothing.
    """
    node = module.at(hit, ast.Call, ast.Import, ast.ImportFrom)
    if node is None:
        return hit
    if isinstance(node, ast.Import | ast.ImportFrom):
        hit = replace(hit, severity=SHOULD)
        if _replaces_another(node, module):
            return replace(hit, severity=NIT)
    for outer in module.around(node):
        if isinstance(outer, ast.If | ast.IfExp | ast.BoolOp | ast.Match | ast.ExceptHandler):
            return replace(hit, severity=NIT)
        named = str(getattr(outer, "name", "")) if isinstance(outer, _FUNCTIONS) else ""
        if any(word in named for word in ("debug", "breakpoint", "trace", "pdb", "rdb")):
            return replace(hit, severity=NIT)
    own = isinstance(node, ast.ImportFrom) and _is_of_own_package(node, module)
    return replace(hit, severity=NIT) if own else hit


def _replaces_another(node: ast.AST, module: Module) -> bool:
    """Whether an import is tried, or made where another one failed: something is built on it."""
    return any(
        isinstance(outer, ast.Try)
        and any(h.type is not None and "Import" in ast.unparse(h.type) for h in outer.handlers)
        for outer in module.around(node)
    )


def _is_of_own_package(node: ast.ImportFrom, module: Module) -> bool:
    root = (node.module or "").partition(".")[0]
    return bool(node.level) or root in module.one.file.path.split("/")[:-1]
