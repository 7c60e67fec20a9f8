"""What reading one file needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reviewloop.rules.taint.syntax import Const, Expr, Opaque

if TYPE_CHECKING:
    from tree_sitter import Node


MOST_DEPTH = 60  # deeper nesting is not looked into: hostile input must not exhaust the stack


NO_CODE = frozenset({"comment", "line_continuation", "\\"})


@dataclass(slots=True)
class Reader:
    """What reading one file needs: its bytes and how deep we are."""

    source: bytes
    readers: "dict[str, Callable[[Reader, Node], Expr]]"
    depth: int = 0

    def text(self, node: "Node") -> str:
        """Return the source text of a node."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def expr(self, node: "Node | None") -> Expr:
        """Return the expression a node stands for."""
        if node is None:
            return Const(0, 0, None)
        if self.depth >= MOST_DEPTH:
            return Opaque(node.start_byte, node.end_byte, [])
        self.depth += 1
        try:
            read = self.readers.get(node.type)
            if read is not None:
                return read(self, node)
            return Opaque(node.start_byte, node.end_byte, self.exprs(node.named_children))
        finally:
            self.depth -= 1

    def exprs(self, nodes: "list[Node]") -> list[Expr]:
        """Return the expressions of those nodes that are code."""
        return [self.expr(node) for node in nodes if node.type not in NO_CODE]
