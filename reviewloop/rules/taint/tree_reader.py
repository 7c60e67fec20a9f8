"""The shared parser of JavaScript and Go: ast-grep's nodes into the engine's syntax nodes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING

from reviewloop.rules.taint.syntax import (
    Assign,
    Attr,
    Bare,
    Call,
    Chain,
    Compare,
    Const,
    Expr,
    Logic,
    Name,
    Opaque,
    Stmt,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

MOST_DEPTH = 60  # deeper nesting is skipped: hostile input must not exhaust the stack
_COMPARISONS = frozenset({"==", "!=", "===", "!==", "<", "<=", ">", ">=", "in"})


class TreeReader:
    """Parses expressions and statements of one file."""

    expressions: dict[str, Callable[..., Expr]]
    statements: dict[str, Callable[..., list[Stmt]]]

    def __init__(self, text: str) -> None:
        self.depth = 0
        self.temporary = 0
        self._offsets: list[int] | None = None
        if not text.isascii():
            widths = (len(char.encode("utf-8", "surrogatepass")) for char in text)
            self._offsets = list(accumulate(widths, initial=0))

    def extent(self, node: SgNode) -> tuple[int, int]:
        """Return start and end of a node, in bytes."""
        found = node.range()
        start, end = found.start.index, found.end.index
        if self._offsets is None:
            return start, end
        return self._offsets[start], self._offsets[min(end, len(self._offsets) - 1)]

    def expr(self, node: SgNode | None) -> Expr:
        """Return the expression of a node."""
        if node is None:
            return Const(0, 0, None)
        if self.depth >= MOST_DEPTH:
            return Opaque(*self.extent(node), [])
        self.depth += 1
        try:
            read = self.expressions.get(node.kind())
            if read is not None:
                return read(self, node)
            return Opaque(*self.extent(node), self.exprs(named(node)))
        finally:
            self.depth -= 1

    def exprs(self, nodes: list[SgNode]) -> list[Expr]:
        """Return the expressions of nodes."""
        return [self.expr(node) for node in nodes]

    def block(self, node: SgNode | None) -> list[Stmt]:
        """Return the statements in a node."""
        if node is None or self.depth >= MOST_DEPTH:
            return []
        self.depth += 1
        found: list[Stmt] = []
        for child in named(node):
            found += self.statement(child)
        self.depth -= 1
        return found

    def statement(self, node: SgNode) -> list[Stmt]:
        """Return a statement, as several engine nodes if necessary."""
        read = self.statements.get(node.kind())
        if self.depth >= MOST_DEPTH:
            return []
        if read is not None:
            self.depth += 1  # `else if` nests without a block
            try:
                return read(self, node)
            finally:
                self.depth -= 1
        if node.kind() in self.expressions:
            return [Bare(*self.extent(node), self.expr(node))]
        return []

    def later(self, node: SgNode | None, before: list[Stmt]) -> Callable[[], list[Stmt]]:
        """Return a function that parses a function's body at its depth of nesting."""
        depth = self.depth

        def read() -> list[Stmt]:
            outer, self.depth = self.depth, depth
            try:
                return [*before, *self.body(node)]
            finally:
                self.depth = outer

        return read

    def body(self, node: SgNode | None) -> list[Stmt]:
        """Return the statements of a function's body."""
        return self.block(node)

    def name_for_now(self) -> str:
        """Return a name that no code uses."""
        self.temporary += 1
        return f"%{self.temporary}"

    def binary(self, node: SgNode) -> Expr:
        """Parse `a + b + c`, comparisons and logic; long chains with a loop instead of
        recursion.
        """
        sign = node.field("operator")
        op = sign.text() if sign is not None else "+"
        extent = self.extent(node)
        left, right = node.field("left"), node.field("right")
        if op in _COMPARISONS:
            op = {"===": "==", "!==": "!="}.get(op, op)
            return Compare(*extent, [self.expr(left), self.expr(right)], [op])
        if op in {"&&", "||", "??"}:
            word = "and" if op == "&&" else "or"
            return Logic(*extent, word, [self.expr(left), self.expr(right)])
        rest: list[tuple[str, Expr]] = []
        at: SgNode | None = node
        while at is not None and at.kind() == "binary_expression":
            inner = at.field("operator")
            text = inner.text() if inner is not None else "+"
            if text in _COMPARISONS or text in {"&&", "||", "??"}:
                break
            rest.append((text, self.expr(at.field("right"))))
            at = at.field("left")
        rest.reverse()
        return Chain(*extent, self.expr(at), rest)


def named(node: SgNode) -> list[SgNode]:
    """Return the children of a node that are code."""
    return [child for child in node.children() if child.is_named() and child.kind() != "comment"]


def call_of(extent: tuple[int, int], callee: Expr, *arguments: Expr) -> Call:
    """Return a call that represents another construct of a language."""
    from reviewloop.rules.taint.syntax import Argument

    return Call(*extent, callee, [Argument("", value) for value in arguments])


def taken_apart(extent: tuple[int, int], owner: Expr, name: str, key: str) -> Assign:
    """Return `name = owner.key`."""
    return Assign(*extent, [Name(*extent, name)], Attr(*extent, owner, key))
