"""Finds code whose grammar says that it is broken, where the grammar can be believed."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import SourceFile
from reviewloop.rules.patterns import generated, nodes_of, parse
from reviewloop.rules.syntax.brackets import unclosed_bracket
from reviewloop.rules.syntax.documents import Problem

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_LARGEST = 1_000_000
_MANY = 30  # errors: another dialect than the name says
_GRAMMARS = {
    "javascript": "javascript",
    "typescript": "typescript",
    "tsx": "tsx",
    "go": "go",
    "shell": "bash",
}
_OTHER_TEXT = re.compile(
    r"<%|\{%|\{\{[^{}:,\n]{1,80}\}\}|@flow\b|^\s{0,9}<[?!]|\A\s{0,99}#!.*node.*flow"
)
# What these grammars take for errors although it is none: signatures on a line of their own,
# `export type *`, `infer X extends`, a bare & in JSX, `...` before a pattern.
_MISREAD = re.compile(
    r"\s{0,99}<|.*\n\s{0,99}<|[^;{}]*\bextends\b|.{0,99}&|type$|\.\.\.$", re.DOTALL
)
_SHELL_ENDS = frozenset({"fi", "done", "esac"})
_SURELY_MISSING = frozenset({"}", ")", "]", "identifier"})  # a `;` may be left out
_MAY_BE_EMPTY = frozenset({"raw_string_literal_content"})


def code_problem(file: SourceFile) -> Problem | None:
    """Return where a program cannot be parsed; None where that is not beyond doubt."""
    text = file.text
    if len(text) > _LARGEST or not text.strip() or _OTHER_TEXT.search(text):
        return None
    if file.language == "terraform":
        line = unclosed_bracket(text)
        return Problem(line, "a bracket is not closed") if line else None
    grammar = _GRAMMARS.get(file.language)
    if grammar is None or generated(file):
        return None
    root = parse(text, grammar)
    errors = nodes_of(root, ("ERROR",))
    missing = [
        node
        for node in root.find_all({"rule": {"regex": "^$"}})
        if node.kind() not in _MAY_BE_EMPTY
    ]
    if file.language == "shell":
        # The grammar stumbles over sound scripts, but not with one end missing and nothing else.
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
