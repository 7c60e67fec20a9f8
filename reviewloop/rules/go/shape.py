"""Go: functions of a shape that is hard to follow, and what was left from looking for an error."""

import re
from functools import partial
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MAINTAINABILITY, NIT
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.go.example import row
from reviewloop.rules.go.syntax import FUNCTIONS, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

MOST_LINES = 120
MOST_LEVELS = 5
_NESTING = frozenset(
    {"if_statement", "for_statement", "expression_switch_statement", "select_statement"}
)
_row = partial(
    row, reviewer=MAINTAINABILITY, severity=NIT, source="https://go.dev/wiki/CodeReviewComments"
)


def _long(node: "SgNode", source: Source) -> Found | None:
    place, name = node.range(), node.field("name")
    length = place.end.line - place.start.line + 1
    if length <= MOST_LINES or name is None:
        return None
    return Found(name, f"`{name.text()[:60]}` has {length} lines.")


def _deep(node: "SgNode", source: Source) -> "SgNode | None":
    levels = 0
    inner = node
    for outer in source.ancestors(node):
        if outer.kind() in FUNCTIONS:
            break
        chained = inner.kind() == "if_statement" and outer.kind() == "if_statement"
        if outer.kind() in _NESTING and not chained:
            levels += 1
        inner = outer
    return node if levels == MOST_LEVELS else None


def _printed(node: "SgNode", source: Source) -> "SgNode | None":
    of = receiver(node)
    if of not in {"fmt", ""} or source.says(r"^package main\b"):
        return None
    if re.search(r"(?:^|/)(?:cmd|cli|tools?|scripts?|hack)/", source.file.path):
        return None
    called = node.field("function")
    builtin = called is not None and called.text() in {"println", "print"}
    return node if of == "fmt" or builtin else None


PATTERNS = (
    Pattern(
        _row(
            "long-function",
            title=f"A function has more than {MOST_LINES} lines.",
            why="Nobody can hold it in mind while changing it.",
            fix="Take parts that have a name of their own out of it.",
            bad="g()\n" * (MOST_LINES + 1),
            good="g()\n" * 20,
        ),
        _long,
        kinds=("function_declaration", "method_declaration"),
    ),
    Pattern(
        _row(
            "deep-nesting",
            title=f"Statements are nested more than {MOST_LEVELS} levels deep.",
            why="Which conditions hold here can no longer be seen.",
            fix="Leave early, or take the inner part out.",
            bad="if a { if b { for { if c { for { if d { f() } } } } } }",
            good="if a { f() } else if b { f() } else if c { f() } else if d { f() } "
            "else if e { f() "
            "} else if g { f() } else if h { f() }",
        ),
        _deep,
        kinds=("if_statement", "for_statement"),
    ),
    Pattern(
        _row(
            "printed",
            title="A library prints.",
            why="It was probably there to find an error, and mixes with the program's own output.",
            fix="Remove it, or use the logger.",
            bad='fmt.Println("here", x)',
            good='log.Println("here", x)\n---\npackage main\n\nfunc main() { fmt.Println("a") }\n',
        ),
        _printed,
        calls=("Println", "Printf", "println", "print"),
    ),
)
