"""JavaScript rules on code that cannot do what it seems to do."""

from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source
from reviewloop.rules.js.syntax import function_around, plain, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ast_grep_py import SgNode

_JUMPS = frozenset({"return_statement", "throw_statement", "break_statement", "continue_statement"})


def _statements(block: "SgNode") -> "list[SgNode]":
    return [child for child in block.named_children() if child.kind() != "comment"]


def find_unreachable(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/unreachable."""
    parts = _statements(node)
    for index, part in enumerate(parts[:-1]):
        if part.kind() in _JUMPS:
            after = parts[index + 1]
            kind = after.kind()
            hoisted = kind in {
                "function_declaration",
                "empty_statement",
                "ERROR",
                "break_statement",
            }
            typed = kind.endswith(("type_alias_declaration", "interface_declaration"))
            bare = kind == "variable_declaration" and "=" not in after.text()
            return None if hoisted or typed or bare else after
    return None


def find_same_case(node: "SgNode", source: Source) -> "Iterator[SgNode]":
    """Find js/same-case."""
    seen: set[str] = set()
    for case in node.named_children():
        value = case.field("value") if case.kind() == "switch_case" else None
        if value is None:
            continue
        text = value.text()
        if text in seen:
            yield value
        seen.add(text)


def find_assignment_in_condition(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/assignment-in-condition."""
    condition = node.field("condition")
    inner = condition.named_children() if condition is not None else []
    if len(inner) != 1 or inner[0].kind() != "assignment_expression":
        return None
    value = inner[0].field("right")
    calls = value is not None and plain(value).kind() in {"call_expression", "await_expression"}
    return None if calls else inner[0]  # `if (m = re.exec(...))` is a habit, not a slip


def find_same_key(node: "SgNode", source: Source) -> "Iterator[SgNode]":
    """Find js/same-key."""
    seen: set[str] = set()
    for child in node.named_children():
        key = child.field("key") if child.kind() == "pair" else None
        if key is None or key.kind() == "computed_property_name":
            continue
        name = text_of(key) or key.text()
        if name in seen and name != "__proto__":
            yield key
        seen.add(name)


def find_return_in_finally(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/return-in-finally."""
    for jump in node.find_all(kind="return_statement"):
        around = function_around(jump, source)
        if around is None or around.range().start.index < node.range().start.index:
            return jump
    return None


def find_fixed_condition(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/fixed-condition."""
    condition = node.field("condition")
    if condition is None:
        return None
    inner = plain(condition)
    if inner.kind() in {"true", "false", "number", "string", "object", "array"}:
        return inner
    return None
