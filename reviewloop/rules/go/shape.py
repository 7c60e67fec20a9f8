"""Go rules on functions that are hard to follow, and on leftover debugging output."""

from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.go.syntax import FUNCTIONS

if TYPE_CHECKING:
    from ast_grep_py import SgNode

MOST_LINES = 120
MOST_LEVELS = 5
_NESTING = frozenset(
    {"if_statement", "for_statement", "expression_switch_statement", "select_statement"}
)


def find_long_function(node: "SgNode", source: Source) -> Found | None:
    """Return the name of a function with more than `MOST_LINES` lines, else None."""
    extent, name = node.range(), node.field("name")
    length = extent.end.line - extent.start.line + 1
    if length <= MOST_LINES or name is None:
        return None
    return Found(name, f"`{name.text()[:60]}` has {length} lines.")


def find_deep_nesting(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a statement with `MOST_LEVELS` around it in its function; `else if` adds none."""
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
