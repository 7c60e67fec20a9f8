"""Adjusts hits on template environments without escaping: they may render no HTML."""

import ast
from dataclasses import replace

from reviewloop.analysis.contract import NIT, SHOULD, Hit
from reviewloop.analysis.tools.readers.ruff_module import Module, is_route
from reviewloop.regex import regex

_WEB_TEXT = (
    "aiohttp bottle cherrypy django falcon fastapi flask litestar pyramid quart sanic starlette "
    "tornado"
)
_WEB = frozenset(_WEB_TEXT.split())


def assess_escaping(hit: Hit, module: Module) -> Hit:
    """Keep must-fix only if the environment is seen to render HTML."""
    call = module.at(hit, ast.Call)
    while isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        if not isinstance(call.func.value, ast.Call):
            break
        call = call.func.value  # the first call of Environment().from_string(text).render()
    if not isinstance(call, ast.Call):
        return hit
    given = next((k.value for k in call.keywords if k.arg == "autoescape"), None)
    unpacks_keywords = any(k.arg is None for k in call.keywords)
    if unpacks_keywords or (given is not None and not isinstance(given, ast.Constant)):
        return replace(hit, severity=NIT)  # escaping is decided elsewhere
    # Templates of code, mail or configuration are not escaped; the rule is about HTML.
    pages = bool(_WEB & set(module.imported.values())) or ".htm" in module.one.text
    if "django" in module.one.text:  # its pages are rendered by its own engine
        pages = ".htm" in module.one.text
    shown = pages and any(_is_page(*rendered, module) for rendered in _texts_rendered(call, module))
    return hit if shown else replace(hit, severity=SHOULD)


_TAG = regex(r"</?[a-zA-Z][^<>]*>")


def _texts_rendered(made: ast.Call, module: Module) -> list[tuple[ast.expr, ast.Call]]:
    """Return the texts passed to an environment; none if it has other uses as well."""
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
            return []  # passed on
        if use.attr in {"filters", "globals", "tests", "policies", "undefined"}:
            continue
        call = next(module.around(use), None)
        rendered = use.attr == "from_string" and isinstance(call, ast.Call) and call.args
        if not rendered or not isinstance(call, ast.Call):
            return []
        found.append((call.args[0], call))
    return found


def _is_page(text: ast.expr, call: ast.Call, module: Module) -> bool:
    """Whether a template contains markup, or a route may return its result."""
    if any(map(is_route, module.around(call))):
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
