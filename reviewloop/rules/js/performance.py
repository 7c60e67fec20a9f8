"""JavaScript rules on work that grows faster than the data, or blocks the event loop."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.js.syntax import (
    FUNCTIONS,
    argument,
    arguments,
    function_around,
    receiver,
)
from reviewloop.rules.js.waiting import repeated

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def find_copy_in_reduce(node: "SgNode", source: Source) -> Found | None:
    """Find js/copy-in-reduce."""
    first = argument(node, 0)
    if first is None or first.kind() not in FUNCTIONS:
        return None
    given = first.field("parameters")
    names = given.named_children() if given is not None else []
    name = re.match(r"[\w$]+", names[0].text()) if names else None
    if name is None:
        return None
    for spread in first.find_all(kind="spread_element"):
        if spread.text() != "..." + name.group():
            continue
        around = spread.parent()
        inner = function_around(spread, source)
        same = inner is not None and inner.range().start.index == first.range().start.index
        if around is not None and around.kind() in {"array", "object"} and same:
            return Found(around, related=((node, "once per element"),))
    return None


def find_html_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/html-in-loop."""
    left = node.field("left")
    if left is None or not left.text().endswith(".innerHTML"):
        return None
    return node if repeated(node, source) is not None else None


def find_shift_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/shift-in-loop."""
    if arguments(node) or re.search(r"arg[sv]$", receiver(node)):
        return None
    for outer in source.ancestors(node):
        if outer.kind() in FUNCTIONS:
            return None
        if outer.kind() == "while_statement":
            condition = outer.field("condition")
            looks = condition is not None and f"{receiver(node)}.length" in condition.text()
            return node if looks else None
    return None
