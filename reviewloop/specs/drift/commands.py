"""Reads the commands of a project, and the environment variables in its code."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from reviewloop.analysis.environment import OF_EVERY_SYSTEM, READS, may_read
from reviewloop.regex import regex
from reviewloop.specs.drift.names import CodeName, CodeNames, Unread, line_at

_OF_FRAMEWORKS = regex(
    r"(?:DJANGO_SETTINGS_MODULE|FLASK_\w+|PYTHON\w*|NODE_\w+|npm_\w+|NO_COLOR|FORCE_COLOR|CLICOLOR\w*"
    r"|DEBUG|EDITOR|VISUAL|PAGER|COLUMNS|LINES|XDG_\w+|GITHUB_\w+|VERCEL\w*|APPDATA|LOCALAPPDATA"
    r"|USERPROFILE|DISPLAY|SSH_\w+)$"
)
_COMMENTED = ("#", "//", "*")
_SETTINGS_CLASS = regex(r"\bBaseSettings\b")
_HELPERS = regex(
    r"\b(?:env|config|ENV|env_(?:str|int|bool)|get_env|getEnv)(?:\.(?:str|int|bool|list|url|float))?"
    r"\(\s*['\"](?P<name>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)['\"]"
)


def read_settings(texts: Mapping[str, str]) -> CodeNames:
    """Return the environment variables that the code reads; other settings are listed as unread."""
    found = CodeNames()
    for path, text in texts.items():
        if may_read(text):
            seen: set[str] = set()
            for number, line in enumerate(text.split("\n"), 1):
                if not may_read(line) or line.lstrip().startswith(_COMMENTED):
                    continue
                for pattern in READS:
                    for one in pattern.finditer(line):
                        if one["name"] not in seen and one["name"] not in OF_EVERY_SYSTEM:
                            seen.add(one["name"])
                            quiet = _OF_FRAMEWORKS.match(one["name"]) is not None
                            found.names.append(
                                CodeName("setting", one["name"], path, number, quiet=quiet)
                            )
                for one in _HELPERS.finditer(line):
                    if one["name"] not in seen:
                        seen.add(one["name"])
                        found.names.append(CodeName("setting", one["name"], path, number))
        if path.endswith(".py") and _SETTINGS_CLASS.search(text):
            found.names += _fields(path, text, found)
    return found


def _fields(path: str, text: str, found: CodeNames) -> Iterator[CodeName]:
    """Yield the variables of pydantic-settings classes, by their fields."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        found.unread.append(Unread("setting", "the file cannot be parsed", path))
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        if not any(ast.unparse(base).endswith("BaseSettings") for base in node.bases):
            continue
        prefix = next(
            (
                one.value.value
                for one in ast.walk(node)
                if isinstance(one, ast.keyword)
                and one.arg == "env_prefix"
                and isinstance(one.value, ast.Constant)
                and isinstance(one.value.value, str)
            ),
            "",
        )
        for one in node.body:
            target = one.target if isinstance(one, ast.AnnAssign) else None
            if isinstance(target, ast.Name) and target.id != "model_config":
                name = f"{prefix}{target.id}".upper()
                yield CodeName("setting", name, path, one.lineno)


_PARSER = regex(r"\badd_parser\(\s*(?:['\"](?P<name>[\w:-]+)['\"])?")
_PROG = regex(r"\bArgumentParser\([^)]*?\bprog\s*=\s*['\"](?P<name>[\w-]+)['\"]", re.DOTALL)
_COBRA = regex(r"\bUse:\s*\"(?P<name>[\w:-]+)")
_COBRA_ROOT = regex(r"\b\w*[rR]oot\w*\s*:?=\s*&cobra\.Command\{\s*Use:\s*\"(?P<name>[\w-]+)")
_COMMANDER = regex(r"\.command\(\s*['\"`](?P<name>[\w:-]+)(?:\s[^'\"`]*)?['\"`]")
_COMMANDER_HINT = regex(r"['\"](?:commander|yargs|cac|oclif)['\"]")
_MAKE = regex(r"^(?P<names>[A-Za-z][\w-]*(?:[ \t]+[A-Za-z][\w-]*)*)[ \t]*:(?![=:])", re.M)
_DJANGO = regex(r"(?:^|/)management/commands/(?P<name>[a-z]\w*)\.py$")
_ROUTINE = """
    all build ci check clean coverage dev fmt format help install lint prepare pretest start test
    tests typecheck types watch
"""
_OF_DEVELOPERS = frozenset(_ROUTINE.split())
_LIBRARIES = frozenset(("click", "typer", "asyncclick", "rich_click"))
_CLICK_HINT = regex(r"\b(?:click|typer|asyncclick|rich_click)\b|\.command\(|\.group\(")


def read_commands(texts: Mapping[str, str]) -> CodeNames:
    """Return the commands of the project: of its programs, of make, of package.json."""
    found = CodeNames()
    for path, text in texts.items():
        name = path.rpartition("/")[2]
        if reader := _BY_NAME.get(name):
            reader(path, text, found)
        elif given := _DJANGO.search(path):
            found.names.append(CodeName("command", given["name"], path, 1))
            found.programs.add("manage.py")
        elif path.endswith(".py"):
            _python(path, text, found)
        elif path.endswith(".go") and "cobra" in text:
            roots = {one["name"] for one in _COBRA_ROOT.finditer(text)}
            found.programs |= roots
            found.names += [one for one in _by_pattern(_COBRA, path, text) if one.text not in roots]
        elif path.endswith((".js", ".ts", ".mjs", ".cjs")) and _COMMANDER_HINT.search(text):
            found.names += _by_pattern(_COMMANDER, path, text)
    return found


def _by_pattern(pattern: re.Pattern[str], path: str, text: str) -> Iterator[CodeName]:
    for one in pattern.finditer(text):
        yield CodeName("command", one["name"], path, line_at(text, one.start()))


def _makefile(path: str, text: str, found: CodeNames) -> None:
    for one in _MAKE.finditer(text):
        for target in one["names"].split():
            found.names.append(_of_developers(target, path, line_at(text, one.start())))
    found.programs.add("make")


def _package(path: str, text: str, found: CodeNames) -> None:
    try:
        known: Any = json.loads(text)
    except (ValueError, RecursionError):
        found.unread.append(Unread("command", "the file cannot be parsed", path))
        return
    if not isinstance(known, dict):
        return
    scripts = known.get("scripts")
    for name in scripts if isinstance(scripts, dict) else {}:
        at = text.find(f'"{name}"')
        found.names.append(_of_developers(name, path, line_at(text, max(at, 0))))
    if scripts:
        found.programs |= {"npm", "yarn", "pnpm"}
    programs = known.get("bin")
    if isinstance(programs, dict):
        found.programs |= set(programs)
    elif isinstance(programs, str) and isinstance(known.get("name"), str):
        found.programs.add(known["name"].rpartition("/")[2])


def _pyproject(path: str, text: str, found: CodeNames) -> None:
    try:
        known: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError):
        found.unread.append(Unread("command", "the file cannot be parsed", path))
        return
    poetry = known.get("tool", {}).get("poetry", {}).get("scripts", {})
    for table in (known.get("project", {}).get("scripts", {}), poetry):
        if isinstance(table, dict):
            found.programs |= set(table)


_BY_NAME = {
    "package.json": _package,
    "pyproject.toml": _pyproject,
    **dict.fromkeys(("Makefile", "makefile", "GNUmakefile"), _makefile),
}


def _python(path: str, text: str, found: CodeNames) -> None:
    if "add_parser" in text:
        for one in _PARSER.finditer(text):
            line = line_at(text, one.start())
            if one["name"]:
                found.names.append(CodeName("command", one["name"], path, line))
            else:
                found.unread.append(
                    Unread("command", "the name of the command is computed", path, line)
                )
    found.programs |= {one["name"] for one in _PROG.finditer(text)}
    if not _CLICK_HINT.search(text):
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        found.unread.append(Unread("command", "the file cannot be parsed", path))
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                name, is_root = _click(decorator, node.name)
                if name:
                    found.names.append(CodeName("command", name, path, node.lineno, quiet=is_root))


def _of_developers(name: str, path: str, line: int) -> CodeName:
    return CodeName("command", name, path, line, quiet=name in _OF_DEVELOPERS, local=True)


def _click(decorator: ast.expr, function: str) -> tuple[str, bool]:
    """Return the command that a decorator defines, or "", and whether it has no group.

    A command without a group may be a program by itself.
    """
    call = decorator if isinstance(decorator, ast.Call) else None
    target = call.func if call else decorator
    if not isinstance(target, ast.Attribute) or target.attr not in {"command", "group"}:
        return "", False
    is_root = isinstance(target.value, ast.Name) and target.value.id in _LIBRARIES
    given = call.args[0] if call and call.args else None
    if given is None and call:
        given = next((one.value for one in call.keywords if one.arg == "name"), None)
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return given.value, is_root
    return "" if given is not None else function.strip("_").replace("_", "-"), is_root
