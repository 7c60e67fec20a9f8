"""Python rules on collections that change while they are visited, and on locks left held."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import SHOULD
from reviewloop.analysis.patterns import Found, Source, nodes_of
from reviewloop.regex import regex
from reviewloop.rules.py.syntax import FUNCTIONS, arguments, call_name, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_VISITED = regex(r"([\w.]{1,80}?)(?:\.(?:items|keys|values)\(\))?$")
_CHANGES = frozenset({"pop", "popitem", "remove", "discard", "clear", "insert"})
_SKIPS = frozenset({"remove", "insert", "pop"})  # of a list, which then leaves elements out
_LEAVES = frozenset({"break_statement", "return_statement", "raise_statement"})


def find_changed_while_visited(node: "SgNode", source: Source) -> Found | None:
    """Return the removal from what a loop goes through, unless the loop ends right after it."""
    right, body = node.field("right"), node.field("body")
    visited = _VISITED.match(right.text()) if right is not None and body is not None else None
    if visited is None or body is None or right is None:
        return None
    name = visited[1]
    for change in nodes_of(body, ("call", "delete_statement")):
        if change.kind() == "call":
            if call_name(change) not in _CHANGES or receiver(change) != name:
                continue
        elif not _deletes_from(change, name):
            continue
        if not _ends_after(change, node):
            skips = change.kind() == "call" and call_name(change) in _SKIPS
            found = SHOULD if skips and right.text() == name else None
            return Found(change, severity=found, related=((right, "this is gone through"),))
    return None


def _deletes_from(statement: "SgNode", name: str) -> bool:
    target = next(iter(statement.named_children()), None)
    of = target.field("value") if target is not None and target.kind() == "subscript" else None
    return of is not None and of.text() == name and name != "os.environ"


def _ends_after(change: "SgNode", loop: "SgNode") -> bool:
    """Whether the loop is left, or the name replaced, before the next element is asked for."""
    for outer in (change, *change.ancestors()):
        if outer.range() == loop.range() or outer.kind() in FUNCTIONS:
            return outer.kind() in FUNCTIONS
        following = outer.next()
        while following is not None:
            if following.kind() in _LEAVES:
                return True
            following = following.next()
    return False


def find_lock_left_held(node: "SgNode", source: Source) -> Found | None:
    """Return a return between `acquire` and `release` before which nothing releases."""
    of, statement = receiver(node), node.parent()
    function = next((one for one in source.ancestors(node) if one.kind() in FUNCTIONS), None)
    if not of or arguments(node) or function is None or statement is None:
        return None
    block = statement.parent()
    release = f"{of}.release()"
    text = function.text()
    if statement.kind() != "expression_statement" or block is None or release not in text:
        return None
    if re.search(r"\bfinally\s*:", text):
        return None
    start = node.range().start.index
    end = function.range().start.index + text.rindex(release)
    for left in nodes_of(block, ("return_statement",)):
        if start < left.range().start.index < end and not _released(left, release, start):
            return Found(left, related=((node, "the lock is taken here"),))
    return None


def _released(left: "SgNode", release: str, start: int) -> bool:
    """Whether a statement between the lock and a return, in a block around it, releases."""
    inner = left
    for outer in left.ancestors():
        if outer.kind() in FUNCTIONS:
            return False
        if outer.kind() in {"block", "module"}:
            for statement in outer.named_children():
                at = statement.range().start.index
                if at >= inner.range().start.index:
                    break
                if at > start and statement.text() == release:
                    return True
        inner = outer
    return False
