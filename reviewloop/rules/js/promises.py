"""JavaScript rules on promises and callbacks used as if they were values."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.js.syntax import (
    FUNCTIONS,
    argument,
    call_name,
    called,
    function_around,
    is_async,
    is_awaited,
    receiver,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def _statements(block: "SgNode") -> "list[SgNode]":
    return [child for child in block.named_children() if child.kind() != "comment"]


def find_no_result(node: "SgNode", source: Source) -> Found | None:
    """Find js/no-result."""
    first = argument(node, 0)
    if first is None or first.kind() not in {"arrow_function", "function_expression"}:
        return None
    body = first.field("body")
    if is_async(first) or body is None or body.kind() != "statement_block" or not receiver(node):
        return None
    if re.search(r"(?:^|\.)(?:\$|jQuery|Children|React|cy|this|stream|pipe\w*)\b", receiver(node)):
        return None
    text = body.text()
    if re.search(r"\b(?:return|throw|yield)\b", text) or len(text) > 5_000:
        return None
    if not _statements(body):
        return None
    parent = node.parent()
    unused = parent is not None and parent.kind() == "expression_statement"
    return Found(first, severity=NIT if unused else None)


def find_promise_not_awaited(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/promise-not-awaited."""
    call = node.named_children()[:1]
    if not call or call[0].kind() != "call_expression":
        return None
    function = called(call[0])
    name = call_name(call[0])
    if function is None or is_awaited(call[0]) or name not in _async_names(source):
        return None
    if function.kind() == "member_expression" and receiver(call[0]) != "this":
        return None
    if name in {"callback", "cb", "next", "done", "resolve", "reject"}:
        return None  # a parameter rather than the function of that name
    around = function_around(node, source)
    return node if is_async(around) else None


def _async_names(source: Source) -> set[str]:
    """Return the async functions of this file, without ambiguous names."""
    known: set[str] | None = source.memo.get("js async")
    if known is None:
        names: set[str] = set()
        others: set[str] = set()
        kinds = ("function_declaration", "method_definition", "variable_declarator")
        for function in source.all(*kinds):
            value = (
                function.field("value") if function.kind() == "variable_declarator" else function
            )
            name = function.field("name")
            if value is not None and name is not None and value.kind() in FUNCTIONS:
                (names if is_async(value) else others).add(name.text())
        source.memo["js async"] = known = names - others
    return known


_REQUEST = regex(r"(?:fetch|axios(?:\.\w+)?)$")


def find_promise_escaping_try(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a promise that a `try` with a `catch` returns without waiting for it."""
    value = next(iter(node.named_children()), None)
    if value is None or value.kind() != "call_expression":
        return None
    inner = node
    for outer in source.ancestors(node):
        if outer.kind() in FUNCTIONS:
            return None
        if outer.kind() == "try_statement":
            in_body = _is_same(outer.field("body"), inner)
            if in_body and outer.field("handler") is not None and _is_promise(value, source):
                return value
            if not in_body:
                return None
        inner = outer
    return None


def _is_same(one: "SgNode | None", other: "SgNode") -> bool:
    return one is not None and one.range() == other.range()


def _is_promise(call: "SgNode", source: Source) -> bool:
    """Whether a call surely gives a promise whose failure nothing else catches."""
    name, of = call_name(call), receiver(call)
    around = function_around(call, source)
    if around is None or not is_async(around) or ".catch(" in call.text():
        return False
    if name == "then":
        return len(call.named_children()[-1].named_children()) == 1
    if _REQUEST.match(f"{of}.{name}" if of else name):
        return True
    return name in _async_names(source) and of in {"", "this"}
