"""Go rule on locks that a way out of a function leaves held."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Found, Source, nodes_of
from reviewloop.rules.go.syntax import FUNCTIONS, arguments, call_name, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_LONGEST = 20_000  # characters of a function


def find_lock_left_held(node: "SgNode", source: Source) -> Found | None:
    """Return a return between `Lock` and `Unlock` before which nothing unlocks.

    None where the function never unlocks, or does so by `defer` or in a function of its own: then
    its callers unlock, or it is not seen here.
    """
    of, name = receiver(node), call_name(node)
    statement = node.parent()
    around = source.ancestors(node)
    function = next((one for one in around if one.kind() in FUNCTIONS), None)
    if not of or arguments(node) or function is None or statement is None:
        return None
    if statement.kind() != "expression_statement" or len(function.text()) > _LONGEST:
        return None
    unlock = f"{of}.{name.removesuffix('Lock')}Unlock()"
    text = function.text()
    if text.count(unlock) == 0 or re.search(rf"defer\s+(?:func\(|{re.escape(of)})", text):
        return None
    block = statement.parent()
    if block is None:
        return None
    start = node.range().start.index
    end = function.range().start.index + text.rindex(unlock)
    for left in nodes_of(block, ("return_statement",)):
        at = left.range().start.index
        own = start < at < end and _owner(left) == _range(function)
        if own and "nlock" not in left.text() and not _unlocked(left, unlock, start):
            return Found(left, related=((node, "the lock is taken here"),))
    return None


def _range(node: "SgNode") -> tuple[int, int]:
    return node.range().start.index, node.range().end.index


def _owner(node: "SgNode") -> tuple[int, int] | None:
    """Return where the function of a node is."""
    for outer in node.ancestors():
        if outer.kind() in FUNCTIONS:
            return _range(outer)
    return None


def _unlocked(left: "SgNode", unlock: str, start: int) -> bool:
    """Whether a statement between the lock and a return, in a block around it, unlocks."""
    inner = left
    for outer in left.ancestors():
        if outer.kind() == "statement_list":
            for statement in outer.named_children():
                at = statement.range().start.index
                if at >= inner.range().start.index:
                    break
                if at > start and statement.text() == unlock:
                    return True
        if outer.kind() in FUNCTIONS:
            return False
        inner = outer
    return False
