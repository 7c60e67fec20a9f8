"""Python rules on work that grows faster than the data."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source, key, nodes_of
from reviewloop.regex import regex
from reviewloop.rules.py.syntax import (
    argument,
    arguments,
    call_name,
    function_around,
    in_loop,
    loop_names,
    receiver,
    uses,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_FRAME = regex(r"(?:^|_)(?:df|frame|dataframe|data|result|results|out|all)\w*$", re.IGNORECASE)


def _assigned(name: str, node: "SgNode", source: Source) -> "list[SgNode]":
    """Return the values assigned to a variable in the function around a node."""
    around = function_around(node, source) or source.root
    memo_key = ("py assigned", key(around))
    known: dict[str, list[SgNode]] | None = source.memo.get(memo_key)
    if known is None:
        found: dict[str, list[SgNode]] = {}
        for assignment in nodes_of(around, ("assignment",)):
            left, right = assignment.field("left"), assignment.field("right")
            if left is not None and right is not None and left.kind() == "identifier":
                found.setdefault(left.text(), []).append(right)
        source.memo[memo_key] = known = found
    return known.get(name, [])


def find_text_joined_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the first `+=` in a loop on a variable that starts as an empty text before it."""
    left, right, sign = node.field("left"), node.field("right"), node.field("operator")
    if left is None or right is None or left.kind() != "identifier" or sign is None:
        return None
    loop = in_loop(node, source)
    values = _assigned(left.text(), node, source)
    in_text = any(value.text() in {'""', "''"} for value in values)
    if sign.text() != "+=" or loop is None or not in_text:
        return None
    inside = loop.range()
    if any(inside.start.index < v.range().start.index < inside.end.index for v in values):
        return None
    first_seen = source.memo.setdefault(("py joined", key(loop), left.text()), node)
    return node if first_seen is node else None  # once per loop and variable


def _is_list(name: str, node: "SgNode", source: Source) -> bool:
    values = _assigned(name, node, source)
    return bool(values) and all(
        v.kind() in {"list", "list_comprehension"}
        or (v.kind() == "call" and call_name(v) in {"list", "sorted"})
        for v in values
    )


def find_list_searched_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return an `x in seen` in a loop that appends to the list `seen`, else None."""
    parts = node.named_children()
    signs = [child.text() for child in node.children() if not child.is_named()]
    if len(parts) != 2 or parts[1].kind() != "identifier" or "in" not in " ".join(signs).split():
        return None
    name = parts[1].text()
    loop = in_loop(node, source)
    if loop is None or f"{name}.append(" not in loop.text():
        return None
    return node if _is_list(name, node, source) else None


def find_list_front_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a `pop(0)` or `insert(0, x)` on a known list in a loop, else None."""
    first = argument(node, 0)
    expected = 2 if call_name(node) == "insert" else 1
    if first is None or first.text() != "0" or len(arguments(node)) != expected:
        return None
    name = receiver(node)
    if in_loop(node, source) is None or name in {"sys.path", "args", "argv", "parts", "path"}:
        return None
    return node if _is_list(name, node, source) else None


def find_deepcopy_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a `deepcopy` in a for loop of a value that does not use the loop's variables."""
    if receiver(node) not in {"", "copy"}:
        return None
    loop, first = in_loop(node, source), argument(node, 0)
    if loop is None or first is None or loop.kind() != "for_statement":
        return None
    return None if uses(first, loop_names(loop)) else node


def find_frame_grown_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a call in a loop that adds rows to a pandas table or NumPy array, else None."""
    of, name = receiver(node), call_name(node)
    if in_loop(node, source) is None:
        return None
    first = argument(node, 0)
    if first is None:
        return None
    if name == "concat":
        parts = first.named_children() if first.kind() == "list" else []
        target = node.parent()
        left = (
            target.field("left") if target is not None and target.kind() == "assignment" else None
        )
        same = left is not None and any(part.text() == left.text() for part in parts)
        return node if of in {"pd", "pandas"} and same else None
    if name == "append" and of in {"np", "numpy"}:
        return node
    given = node.field("arguments")
    frame = given is not None and "ignore_index" in given.text()
    return node if name == "append" and frame and _FRAME.search(of) else None
