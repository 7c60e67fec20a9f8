"""Python test files as trees: their test functions, and small questions about nodes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

_SURROGATES = re.compile("[\ud800-\udfff]")
_FUNCTIONS = {"function_definition", "lambda"}


@dataclass(frozen=True)
class TestFunction:
    """One test: a function whose name begins with test, in a module or a class."""

    __test__ = False  # nothing for pytest to collect

    name: str  # with its classes: TestCart.test_total
    node: "Node"
    decorators: tuple["Node", ...]

    @property
    def first(self) -> int:
        """The line of its first decorator, else of `def`."""
        return line(self.decorators[0] if self.decorators else self.node)

    @property
    def last(self) -> int:
        """Its last line."""
        return self.node.end_point[0] + 1

    @property
    def line(self) -> int:
        """The line of `def`."""
        return line(self.node)

    @property
    def short(self) -> str:
        """Its name without classes."""
        return self.name.rpartition(".")[2]

    @property
    def body(self) -> "Node":
        """What it does."""
        return self.node.child_by_field_name("body") or self.node


def parse(source: str) -> "Node":
    """Return the root of a Python text's tree; broken texts give what can be recognised."""
    import tree_sitter_python
    from tree_sitter import Language, Parser

    clean = _SURROGATES.sub("\ufffd", source)
    return Parser(Language(tree_sitter_python.language())).parse(clean.encode()).root_node


def functions(root: "Node") -> Iterator[TestFunction]:
    """Yield every function of a module and of its classes, not those inside functions."""
    stack: list[tuple[Node, str, tuple[Node, ...]]] = [(root, "", ())]
    while stack:
        node, prefix, decorators = stack.pop()
        kind = node.type
        if kind == "function_definition":
            yield TestFunction(prefix + field(node, "name"), node, decorators)
            continue
        inner: tuple[Node, ...] = ()
        if kind == "class_definition":
            prefix = f"{prefix}{field(node, 'name')}."
        elif kind == "decorated_definition":
            inner = tuple(child for child in node.children if child.type == "decorator")
        elif kind not in {"module", "block", "if_statement", "else_clause", "try_statement"}:
            continue
        stack.extend((child, prefix, inner) for child in reversed(node.named_children))


def is_test(function: TestFunction) -> bool:
    """Whether a function is a test that a runner collects."""
    return function.short.startswith("test") and not any(
        "fixture" in text(decorator) for decorator in function.decorators
    )


def walk(node: "Node", *, into_functions: bool = True) -> Iterator["Node"]:
    """Yield a node and all named nodes below it, in the order of the text."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if into_functions or current is node or current.type not in _FUNCTIONS:
            stack.extend(reversed(current.named_children))


def text(node: "Node | None") -> str:
    """Return a node's text, "" for none."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def field(node: "Node", name: str) -> str:
    """Return the text of a node's field, "" when it has none."""
    return text(node.child_by_field_name(name))


def line(node: "Node") -> int:
    """Return the 1-based line on which a node begins."""
    return node.start_point[0] + 1


def lines(node: "Node") -> tuple[int, int]:
    """Return the first and last line of a node."""
    return node.start_point[0] + 1, node.end_point[0] + 1


def called(node: "Node") -> str:
    """Return the dotted name that a call calls: `self.assertEqual`."""
    function = node.child_by_field_name("function")
    while function is not None and function.type == "call":
        function = function.child_by_field_name("function")
    return text(function) if function is not None else ""


def arguments(node: "Node") -> list["Node"]:
    """Return a call's arguments, keyword ones included, comments left out."""
    given = node.child_by_field_name("arguments")
    if given is None:
        return []
    return [child for child in given.named_children if child.type != "comment"]


def positional(node: "Node") -> list["Node"]:
    """Return a call's positional arguments; [] where some are unpacked from a value."""
    given = arguments(node)
    if any(each.type in {"list_splat", "dictionary_splat"} for each in given):
        return []
    return [each for each in given if each.type != "keyword_argument"]
