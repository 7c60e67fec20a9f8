"""JavaScript: functions and statements of a shape that is hard to follow."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MAINTAINABILITY, NIT
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import row
from reviewloop.rules.js.syntax import FUNCTIONS, LOOPS

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_ESLINT = "https://eslint.org/docs/latest/rules/"
MOST_LINES = 120
MOST_LEVELS = 5
_NESTING = LOOPS | {"if_statement", "switch_statement", "try_statement"}


def _falls(node: "SgNode", source: Source) -> "SgNode | None":
    after = node.next()
    while after is not None and after.kind() == "comment":
        if re.search(r"fall|through|no break", after.text(), re.IGNORECASE):
            return None
        after = after.next()
    if after is None or after.kind() not in {"switch_case", "switch_default"}:
        return None
    value = node.field("value")
    body = [
        c
        for c in node.named_children()
        if value is None or c.range().start.index > value.range().start.index
    ]
    last = [child for child in body if child.kind() != "comment"][-1:]
    if not last or _leaves(last[0]):
        return None
    if body[-1].kind() == "comment" and re.search(r"fall|through|no break", body[-1].text(), re.I):
        return None
    return node


def _leaves(node: "SgNode", depth: int = 12) -> bool:
    """Whether a statement always leaves the switch, or cannot be told not to."""
    kind = node.kind()
    if kind in {"return_statement", "throw_statement", "break_statement", "continue_statement"}:
        return True
    if depth == 0 or kind in {"ERROR", "try_statement", "labeled_statement"} or kind in LOOPS:
        return True
    if kind == "statement_block":
        inside = [child for child in node.named_children() if child.kind() != "comment"]
        return bool(inside) and _leaves(inside[-1], depth - 1)
    if kind == "if_statement":
        first, other = node.field("consequence"), node.field("alternative")
        if first is None or other is None:
            return False
        named = other.named_children()
        return _leaves(first, depth - 1) and bool(named) and _leaves(named[-1], depth - 1)
    if kind == "switch_statement":
        return True
    return kind == "expression_statement" and bool(
        re.match(r"process\.exit|assertNever|unreachable|never|fail\(", node.text())
    )


def _long(node: "SgNode", source: Source) -> Found | None:
    body = node.field("body")
    if body is None or body.kind() != "statement_block":
        return None
    place = body.range()
    length = place.end.line - place.start.line + 1
    if length <= MOST_LINES:
        return None
    head = node.field("name")
    if head is None:
        parent = node.parent()
        head = (
            parent.field("name")
            if parent is not None and parent.kind() == "variable_declarator"
            else None
        )
    return Found(head, f"`{head.text()[:60]}` has {length} lines.") if head is not None else None


def _deep(node: "SgNode", source: Source) -> "SgNode | None":
    levels = 0
    inner = node
    for outer in source.ancestors(node):
        if outer.kind() in FUNCTIONS:
            break
        chained = inner.kind() == "if_statement" and outer.kind() == "else_clause"
        if outer.kind() in _NESTING and not chained and inner.kind() != "else_clause":
            levels += 1
        inner = outer
    return node if levels == MOST_LEVELS else None


PATTERNS = (
    Pattern(
        row(
            "case-falls-through",
            MAINTAINABILITY,
            NIT,
            _ESLINT,
            title=("A case goes on into the next one."),
            why=("A break may have been forgotten."),
            fix=("Add break, or a comment that says it is meant."),
            bad=("switch (x) { case 1: f(); case 2: g(); }"),
            good=(
                "switch (x) { case 1: case 2: g(); break; default: h(); }\n---\n"
                "switch (x) {\n  case 1:\n    f();\n  // falls through\n  case 2: g();\n}"
            ),
        ),
        _falls,
        kinds=("switch_case", "switch_default"),
    ),
    Pattern(
        row(
            "long-function",
            MAINTAINABILITY,
            NIT,
            _ESLINT,
            title=(f"A function has more than {MOST_LINES} lines."),
            why=("Nobody can hold it in mind while changing it."),
            fix=("Take parts that have a name of their own out of it."),
            bad=("function f() {\n" + "  g();\n" * (MOST_LINES + 1) + "}"),
            good=("function f() {\n" + "  g();\n" * 20 + "}"),
        ),
        _long,
        kinds=("function_declaration", "method_definition", "arrow_function"),
    ),
    Pattern(
        row(
            "deep-nesting",
            MAINTAINABILITY,
            NIT,
            _ESLINT,
            title=(f"Statements are nested more than {MOST_LEVELS} levels deep."),
            why=("Which conditions hold here can no longer be seen."),
            fix=("Leave early, or take the inner part out."),
            bad=("if (a) { if (b) { for (;;) { if (c) { while (d) { if (e) { f(); } } } } } }"),
            good=(
                "if (a) { f(); } else if (b) { f(); } else if (c) { f(); } else if (d) { f(); }\n"
                "else if (e) { f(); } else if (g) { f(); } else if (h) { f(); }"
            ),
        ),
        _deep,
        kinds=("if_statement", "for_statement", "for_in_statement", "while_statement"),
    ),
)
