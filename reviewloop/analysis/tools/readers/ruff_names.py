"""Adjusts hits on undefined names: the program that loads a file may set them."""

import ast
import re
from dataclasses import replace

from reviewloop.analysis.contract import NIT, SHOULD, Hit
from reviewloop.analysis.tools.layout import Laid
from reviewloop.analysis.tools.readers.ruff_module import Module
from reviewloop.regex import regex

_LOADED = 3
_STUB = "__builtins__.pyi"


def _of_package(hit: Hit, modules: frozenset[str]) -> Hit:
    """Lower a module in the `__init__` of its package: importing it sets its name there."""
    folder, _, name = hit.path.rpartition("/")
    if (
        hit.rule == "ruff/F821"
        and name == "__init__.py"
        and f"{folder}/{hit.identity}.py" in modules
    ):
        return replace(hit, severity=NIT if hit.severity is NIT else SHOULD)
    return hit


def without_loaded(
    hits: list[Hit], stubs: dict[str, frozenset[str]], modules: frozenset[str] = frozenset()
) -> list[Hit]:
    """Lower hits on names that the loader sets: a stub declares them, or many files use them."""
    files: dict[str, set[str]] = {}
    for hit in hits:
        if hit.rule == "ruff/F821":
            files.setdefault(hit.identity, set()).add(hit.path)
    loaded = {name for name, paths in files.items() if len(paths) >= _LOADED}
    hits = [_of_package(hit, modules) for hit in hits]
    return [
        replace(hit, severity=NIT)
        if hit.rule == "ruff/F821" and (hit.identity in loaded or _is_declared(hit, stubs))
        else hit
        for hit in hits
    ]


def stubs_in(laid: Laid) -> dict[str, frozenset[str]]:
    """Return by folder the names in its stub of builtins, which applies to the files below it."""
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


_QUOTED_TYPE = regex(
    r"(?:->|\w\s*:)\s*(?:[\w.]+\[)*(?:[\w.]+\s*\|\s*)*(?:[\w.\"'\[\]]{1,99},\s*){0,20}"
    r"[\"'][\w.\[\](), |]*$"
)
_NAMES_IGNORED = regex(r"#\s*type:\s*ignore(?:\[[^\]]*\bname-defined\b|(?!\[))")
# Names that gettext and profilers install, that IPython and Jupyter define, and those of Windows.
_INSTALLED = frozenset(
    {
        *("_", "N_", "gettext", "ngettext", "get_ipython", "display", "reveal_type"),
        *("get_config", "profile", "WindowsError"),
    }
)
# Files that a build tool or a documentation runs with names of its own.
_OF_A_BUILD = regex(
    r"(?:^|/)(?:site_scons|site_tools|waflib|waf-?tools)/"
    r"|(?:^|/)(?:SConstruct|SConscript|SCsub|wscript|BUILD|WORKSPACE|BUCK|TARGETS|Tiltfile|Snakefile)"
    r"(?:\.(?:py|bazel))?$"
)
_OF_PYTHON_2 = regex(r"PY_?[23]|python_?[23]|version_info|hexversion", re.IGNORECASE)


def assess_undefined(hit: Hit, module: Module) -> Hit | None:
    """Drop or lower the hit if the program that loads the file defines the name."""
    if hit.span is None or not 1 <= hit.span.line <= len(module.lines):
        return hit
    line = module.lines[hit.span.line - 1]
    if _NAMES_IGNORED.search(line):
        return None
    before = line[: hit.span.column - 1] if hit.span.column else ""
    if _QUOTED_TYPE.search(before):  # never evaluated at run time
        return replace(hit, severity=NIT)
    if _OF_A_BUILD.search(hit.path) or (hit.path.endswith("conf.py") and hit.identity == "tags"):
        return replace(hit, severity=NIT)
    if hit.identity in _INSTALLED or hit.identity in module.announced | _imported(module):
        return replace(hit, severity=NIT)
    node = module.at(hit, ast.Name)
    if node is not None and (module.never_evaluates(node) or _for_python_2(node, module)):
        return replace(hit, severity=NIT)
    return replace(hit, severity=SHOULD) if module.defines_by_program else hit


def _imported(module: Module) -> frozenset[str]:
    """Return the names that SCons and PlatformIO put into a script: `Import("env")`."""
    calls = [
        node.value
        for node in module.tree.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    imports = [call for call in calls if ast.unparse(call.func) == "Import"]
    if not imports or "Import" in module.imported:
        return frozenset()
    texts = [
        given.value for call in imports for given in call.args if isinstance(given, ast.Constant)
    ]
    return frozenset({"Import", *_OF_SCONS, *" ".join(map(str, texts)).split()})


_OF_SCONS = (
    "ARGUMENTS",
    "COMMAND_LINE_TARGETS",
    "DefaultEnvironment",
    "Environment",
    "Export",
    "Return",
    "SConscript",
)


def _for_python_2(node: ast.AST, module: Module) -> bool:
    """Whether a condition checks the version of Python before a name is used."""
    return any(
        isinstance(outer, ast.If | ast.IfExp) and _OF_PYTHON_2.search(ast.unparse(outer.test))
        for outer in module.around(node)
    )
