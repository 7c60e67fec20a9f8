"""Helpers of the rules on Python syntax trees."""

from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Grammar, Source
from reviewloop.regex import regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

FUNCTIONS = frozenset({"function_definition", "lambda"})
COMPREHENSIONS = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
_SMALL = regex(r"[(\[{][^()\[\]{}]*[)\]}]$|range\(\d\)$")
_WORD = regex(r"[A-Za-z_]\w*")
_NAME = regex(r"(?<![\w.])[A-Za-z_]\w*")
_SEARCHING = regex(r"\bbreak\b|\bretr\w+|\battempt|\bbatch|\bchunk|\bpage\b|\bcursor\b\s*=")


def call_name(node: "SgNode") -> str:
    """Return the last name of a called expression: `get` for `User.objects.get(...)`."""
    called = node.field("function")
    if called is None:
        return ""
    if called.kind() == "attribute":
        called = called.field("attribute")
    return called.text() if called is not None and called.kind() == "identifier" else ""


def receiver(node: "SgNode") -> str:
    """Return the text before the last dot of a call: a value or a module."""
    called = node.field("function")
    of = called.field("object") if called is not None else None
    return of.text()[-300:] if of is not None else ""


def arguments(node: "SgNode") -> "list[SgNode]":
    """Return a call's positional arguments."""
    given = node.field("arguments")
    if given is None or given.kind() != "argument_list":
        return []
    return [c for c in given.named_children() if c.kind() not in {"comment", "keyword_argument"}]


def argument(node: "SgNode", index: int) -> "SgNode | None":
    """Return one positional argument of a call, None if it has fewer."""
    given = arguments(node)
    return given[index] if index < len(given) else None


def fixed_text(node: "SgNode | None") -> bool:
    """Whether a node is a string without variable parts."""
    if node is None or node.kind() != "string":
        return False
    return not any(child.kind() == "interpolation" for child in node.children())


def literal(node: "SgNode") -> bool:
    """Whether a value is a literal: a text without variable parts, a number, a constant."""
    return fixed_text(node) or node.kind() in {"integer", "float", "true", "false", "none"}


def function_around(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the innermost function or lambda a node is in."""
    return next((n for n in source.ancestors(node) if n.kind() in FUNCTIONS), None)


def in_async(node: "SgNode", source: Source) -> bool:
    """Whether a node runs inside an async function itself, not awaited."""
    parent = node.parent()
    if parent is not None and parent.kind() == "await":
        return False
    around = function_around(node, source)
    return around is not None and any(c.kind() == "async" for c in around.children()[:2])


def repeated(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the for loop or comprehension that runs a node once per element.

    Loops over a few literal values do not count, nor do those that search for the first success,
    retry, or already process the data in batches.
    """
    inner = node
    for outer in source.ancestors(node):
        kind = outer.kind()
        if kind in FUNCTIONS:
            return None
        if kind == "for_statement" and _in_body(outer, node):
            return None if _of_few(outer.field("right")) or _searches(outer) else outer
        if kind in COMPREHENSIONS and inner.kind() != "for_in_clause":
            clauses = [c for c in outer.named_children() if c.kind() == "for_in_clause"]
            few = bool(clauses) and _of_few(clauses[0].field("right"))
            return None if few else outer
        inner = outer
    return None


def _in_body(loop: "SgNode", node: "SgNode") -> bool:
    body = loop.field("body")
    position = node.range().start.index
    return body is not None and body.range().start.index <= position < body.range().end.index


def _of_few(values: "SgNode | None") -> bool:
    return values is not None and _SMALL.match(values.text()[:400]) is not None


def _searches(loop: "SgNode") -> bool:
    return _SEARCHING.search(loop.text()[:8_000]) is not None


def in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the innermost for or while loop whose body a node is in."""
    for outer in source.ancestors(node):
        if outer.kind() in FUNCTIONS:
            return None
        if outer.kind() in {"for_statement", "while_statement"} and _in_body(outer, node):
            return outer
    return None


def loop_names(loop: "SgNode") -> set[str]:
    """Return the names that a loop assigns in every iteration."""
    left = loop.field("left")
    if left is None:
        clause = next((c for c in loop.named_children() if c.kind() == "for_in_clause"), None)
        left = clause.field("left") if clause is not None else None
    return set(_WORD.findall(left.text())) if left is not None else set()


def uses(node: "SgNode", names: set[str]) -> bool:
    """Whether a node's text names one of these variables."""
    return bool(names & set(_NAME.findall(node.text()[:2_000])))


PYTHON = Grammar(("call",), call_name, receiver=receiver, arguments=arguments, literal=literal)
