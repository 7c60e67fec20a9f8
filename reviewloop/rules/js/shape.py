"""JavaScript rules on functions and statements that are hard to follow."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.js.syntax import FUNCTIONS, LOOPS

if TYPE_CHECKING:
    from ast_grep_py import SgNode

MOST_LINES = 120
MOST_LEVELS = 5
_NESTING = LOOPS | {"if_statement", "switch_statement", "try_statement"}


def find_case_falls_through(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/case-falls-through."""
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
    """Whether a statement always leaves the switch, or may do so."""
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


def find_long_function(node: "SgNode", source: Source) -> Found | None:
    """Find js/long-function."""
    body = node.field("body")
    if body is None or body.kind() != "statement_block":
        return None
    extent = body.range()
    length = extent.end.line - extent.start.line + 1
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


def find_deep_nesting(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/deep-nesting."""
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
