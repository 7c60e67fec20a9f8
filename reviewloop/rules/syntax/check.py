"""Parses files as strictly as the programs that need them, and locates errors."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import SHOULD, Hit, PathClass, Rule, SourceFile, Span
from reviewloop.analysis.parsing import parse
from reviewloop.analysis.patterns import is_generated, nodes_of
from reviewloop.analysis.yaml_syntax import Problem, lower_first, yaml_problem
from reviewloop.regex import regex
from reviewloop.rules.infra.hcl import Tokens
from reviewloop.rules.syntax import rules

if TYPE_CHECKING:
    from ast_grep_py import SgNode

# npm, composer and the like allow no comments, unlike editors.
_STRICT = frozenset({"package.json", "package-lock.json", "composer.json", "manifest.json"})
_LENIENT = regex(
    r"(?:^|/)(?:(?:ts|js)config[^/]*\.json|\.eslintrc[^/]*|\.?babel(?:rc|\.config)[^/]*"
    r"|(?:\.?devcontainer|tslint|api-extractor|turbo|nx|deno|biome|typedoc|wrangler|language-"
    r"configuration|tasks|launch|settings|keybindings|extensions|(?:based)?pyrightconfig|cspell|tsdoc"
    r"|rush|firebase|c_cpp_properties|omnisharp)\.json|\.[^/]*rc\.json"
    r"|[^/]*(?:renovate|swc)[^/]*)$|(?:^|/)\.(?:vscode|devcontainer|zed)/",
    re.IGNORECASE,
)
_DEEPEST = 200  # parts of a key: the time of the parser grows with their square
_LONGEST_TOML = 1_000_000
_COMMENT = regex(r"^\s{0,200}(?://|/\*|#)", re.MULTILINE)
_TOML_LINE = regex(r"\(at line (\d+), column \d+\)")
_WHERE = regex(r"\s*\((?:at|line) [^)]*\)")


def json_problem(path: str, text: str) -> Problem | None:
    """Return the location of invalid JSON; None for valid files and readers that accept more."""
    text = text.removeprefix("\ufeff")
    strict = path.rsplit("/", 1)[-1] in _STRICT
    if not text.strip() or (not strict and _LENIENT.search(path)):
        return None
    try:
        json.loads(text)
    except RecursionError:
        return None
    except json.JSONDecodeError as error:
        rest = text[error.pos : error.pos + 2]
        if not strict and (_COMMENT.search(text) or rest in {"//", "/*"}):
            return None
        if not strict and error.msg == "Extra data" and rest[:1] in {"{", "["}:
            return None  # one value per line
        return Problem(error.lineno, lower_first(error.msg))
    return None


def toml_problem(text: str) -> Problem | None:
    """Return the location of invalid TOML; None for texts that would take the parser too long."""
    if len(text) > _LONGEST_TOML or any(line.count(".") > _DEEPEST for line in text.split("\n")):
        return None
    try:
        tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        return None
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        line = int(found.group(1)) if found else text.rstrip().count("\n") + 1
        return Problem(line, lower_first(_WHERE.sub("", str(error))))
    return None


_OPENS = {")": "(", "]": "[", "}": "{"}


def unclosed_bracket(text: str) -> int:
    """Return the line of the first unclosed bracket, 0 for none."""
    tokens = Tokens(text)
    opened: list[tuple[str, int]] = []
    while tokens.token.kind != "end":
        token = tokens.advance()
        if token.kind in _OPENS.values():
            opened.append((token.kind, token.line))
        elif token.kind in _OPENS and (not opened or opened.pop()[0] != _OPENS[token.kind]):
            return token.line
    return opened[-1][1] if opened else 0


_LARGEST = 1_000_000
_MANY = 30  # errors: another dialect than the name says
_GRAMMARS = {
    "javascript": "javascript",
    "typescript": "typescript",
    "tsx": "tsx",
    "go": "go",
    "shell": "bash",
}
_OTHER_TEXT = regex(
    r"<%|\{%|\{\{[^{}:,\n]{1,80}\}\}|@flow\b|^\s{0,9}<[?!]|\A\s{0,99}#!.*node.*flow"
)
# What these grammars take for errors although it is none: signatures on a line of their own,
# `export type *`, `infer X extends`, a bare & in JSX, `...` before a pattern.
_MISREAD = regex(r"\s{0,99}<|.*\n\s{0,99}<|[^;{}]*\bextends\b|.{0,99}&|type$|\.\.\.$", re.DOTALL)
_SHELL_ENDS = frozenset({"fi", "done", "esac"})
_SURELY_MISSING = frozenset({"}", ")", "]", "identifier"})  # a `;` may be left out
_MAY_BE_EMPTY = frozenset({"raw_string_literal_content"})


def code_problem(file: SourceFile) -> Problem | None:
    """Return the location of a syntax error; None if there is any doubt."""
    text = file.text
    if len(text) > _LARGEST or not text.strip() or _OTHER_TEXT.search(text):
        return None
    if file.language == "terraform":
        line = unclosed_bracket(text)
        return Problem(line, "a bracket is not closed") if line else None
    grammar = _GRAMMARS.get(file.language)
    if grammar is None or is_generated(file):
        return None
    root = parse(text, grammar)
    errors = nodes_of(root, ("ERROR",))
    missing = [
        node
        for node in root.find_all({"rule": {"regex": "^$"}})
        if node.kind() not in _MAY_BE_EMPTY
    ]
    if file.language == "shell":
        # The grammar rejects valid scripts, but not with just one missing end.
        ends = [node for node in missing if node.kind() in _SHELL_ENDS]
        return _missing(ends[0]) if ends and not errors else None
    if len(errors) > _MANY or any(_MISREAD.match(node.text()[:2_000]) for node in errors):
        return None
    return _first(errors, [node for node in missing if node.kind() in _SURELY_MISSING])


def _first(errors: "list[SgNode]", missing: "list[SgNode]") -> Problem | None:
    if errors:
        smallest = min(errors, key=lambda node: node.range().end.index - node.range().start.index)
        return Problem(smallest.range().start.line + 1, "")
    return _missing(missing[0]) if missing else None


def _missing(node: "SgNode") -> Problem:
    kind = node.kind()
    what = f"`{kind}` is missing" if not node.is_named() else ""
    return Problem(node.range().start.line + 1, what)


LARGEST = 5_000_000  # characters; longer files are generated
_TEMPLATE = regex(
    r"(?<!\$)\{\{-?\s{0,20}(?:[A-Za-z_.$(#/>&^!*]|'[^\n]{0,200}?\}\})|\{%|<%|\{\{[-#/]"
)
# Of Terraform's `templatefile`: a directive, or a value that is no string.
_JSON_TEMPLATE = regex(r"%\{-?~?\s{0,9}(?:if|for|else|end)|[:,\[]\s{0,20}\$\{[A-Za-z_]")
_CONFLICT = regex(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)  # reported by a rule of its own
_ON_PURPOSE = regex(r"invalid|broken|malformed|syntax|corrupt|unpars|bad|wrong|error", re.I)
_WORKFLOWS = frozenset({"github-workflow", "github-action", "dependabot"})
_IDENTITY = "unparsable"  # a file is broken or not: other errors in it are the same finding


def syntax_hits(file: SourceFile) -> Iterator[Hit]:
    """Yield one hit for a file that cannot be parsed, at the line where its parser stops."""
    if len(file.text) > LARGEST or "{{" in file.path or _CONFLICT.search(file.text):
        return
    if file.path_class is PathClass.TEST and _ON_PURPOSE.search(file.path):
        return
    rule, problem = _problem(file)
    if problem is None:
        return
    line = min(max(problem.line, 1), len(file.lines))
    message = f"{rule.title}: {problem.message}" if problem.message else f"{rule.title}"
    # An example may show a part of a file; no program reads it.
    severity = SHOULD if file.path_class is PathClass.EXAMPLE else None
    span = Span(line, line)
    yield Hit(rule.id, file.path, span, f"{message}.", severity, identity=_IDENTITY)


def _problem(file: SourceFile) -> tuple[Rule, Problem | None]:
    path = file.path.lower()
    if path.endswith(".json"):
        problem = json_problem(file.path, file.text)
        problem = None if problem and _JSON_TEMPLATE.search(file.text) else problem
        return rules.JSON, _unless_template(file, problem)
    if path.endswith((".yml", ".yaml")):
        of_github = file.language in _WORKFLOWS
        problem = yaml_problem(file.text, unique_keys=of_github)
        # A workflow is full of braces of other languages, and is never a template itself.
        if not of_github:
            problem = None if "/templates/" in f"/{path}" else _unless_template(file, problem)
        return rules.YAML, problem
    if path.endswith(".toml"):
        return rules.TOML, _unless_template(file, toml_problem(file.text))
    return rules.CODE, code_problem(file)


def _unless_template(file: SourceFile, problem: Problem | None) -> Problem | None:
    return None if problem is None or _TEMPLATE.search(file.text) else problem
