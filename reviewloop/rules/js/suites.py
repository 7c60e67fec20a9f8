"""JavaScript rules on which tests run, and on their titles."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.js.syntax import argument, arguments, call_name, receiver
from reviewloop.rules.js.testing import body_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_RUNNERS = frozenset({"it", "test", "describe", "context", "suite", "specify"})


def _top(node: "SgNode") -> str:
    return receiver(node).split(".")[0]


def find_test_only(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/test-only."""
    name = call_name(node)
    if name in {"fit", "fdescribe", "ftest", "fcontext"}:
        return None if receiver(node) or body_of(node) is None else node.field("function")
    return node.field("function") if _top(node) in _RUNNERS and arguments(node) else None


def find_test_skipped(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/test-skipped."""
    name, of = call_name(node), receiver(node)
    if name == "skip":
        if of not in _RUNNERS or body_of(node) is None:
            return None
    elif of or body_of(node) is None:
        return None
    line = node.range().start.line
    near = source.file.lines[max(0, line - 1) : line + 1]
    explained = any(re.search(r"//|/\*|\*/", text.replace("://", "")) for text in near)
    return None if explained else node.field("function")


def find_same_test_title(node: "SgNode", source: Source) -> "Found | None":
    """Find js/same-test-title."""
    title = argument(node, 0)
    if receiver(node) or title is None or title.kind() != "string" or body_of(node) is None:
        return None
    block = node.parent()
    block = block.parent() if block is not None else None
    if block is None:
        return None
    position = block.range().start.index
    seen: dict[str, SgNode] = source.memo.setdefault(("js titles", position), {})
    text = title.text()
    first = seen.setdefault(text, node)
    return None if first is node else Found(title)
