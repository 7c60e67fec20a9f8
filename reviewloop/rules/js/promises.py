"""JavaScript: promises and callbacks that are used as if they were values."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MAINTAINABILITY, MUST, NIT, SHOULD
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import row
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

_MDN = "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference"
_PREDICATES = ("filter", "some", "every", "find", "findIndex", "sort", "findLast")


def _statements(block: "SgNode") -> "list[SgNode]":
    return [child for child in block.named_children() if child.kind() != "comment"]


def _async_executor(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    return first if first is not None and first.kind() in FUNCTIONS and is_async(first) else None


def _async_predicate(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    if first is None or first.kind() not in FUNCTIONS or not is_async(first):
        return None
    if re.search(r"pMap|[aA]sync|lodash|bluebird|Promise|\.with|test|stream", receiver(node)):
        return None
    return first


def _async_each(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    if first is None or first.kind() not in FUNCTIONS or not is_async(first):
        return None
    return first if re.search(r"\bawait\b", first.text()) else None


def _no_result(node: "SgNode", source: Source) -> Found | None:
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


def _not_awaited(node: "SgNode", source: Source) -> "SgNode | None":
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
    """Return the functions of this file that are async, those with an unclear name left out."""
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


PATTERNS = (
    Pattern(
        row(
            "async-executor",
            MAINTAINABILITY,
            SHOULD,
            _MDN,
            title=("The function given to Promise is async."),
            why=("What it throws is lost, and the promise is never settled."),
            fix=("Await outside, or use the inner promise itself."),
            bad=("new Promise(async (resolve) => { resolve(await f()); });"),
            good=("new Promise((resolve) => { f(resolve); });"),
            in_tests=True,
        ),
        _async_executor,
        calls=("Promise",),
        hints=("async",),
    ),
    Pattern(
        row(
            "async-predicate",
            MAINTAINABILITY,
            MUST,
            _MDN,
            title=("The function that decides is async."),
            why=("It gives a promise, which always counts as true."),
            fix=("Await all answers first, then choose."),
            bad=("const good = users.filter(async (u) => await allowed(u));"),
            good=("const good = users.filter((u) => allowed(u));"),
            in_tests=True,
        ),
        _async_predicate,
        calls=_PREDICATES,
        hints=("async",),
    ),
    Pattern(
        row(
            "async-for-each",
            MAINTAINABILITY,
            SHOULD,
            _MDN,
            title=("forEach does not wait for the async function it is given."),
            why=("What comes after it runs too early, and errors are lost."),
            fix=("Use for...of, or await Promise.all over map."),
            bad=("users.forEach(async (u) => { await save(u); });"),
            good=("for (const u of users) { await save(u); }"),
            in_tests=True,
        ),
        _async_each,
        calls=("forEach",),
        hints=("async",),
    ),
    Pattern(
        row(
            "no-result",
            MAINTAINABILITY,
            SHOULD,
            _MDN,
            title=("The function gives no result, but one is needed."),
            why=("Every element becomes undefined, or none is chosen."),
            fix=("Return the value, or use forEach."),
            bad=("const names = users.map((u) => { u.name; });"),
            good=(
                "const names = users.map((u) => u.name);\n---\n"
                "users.map((u) => { return u.name; });"
            ),
            in_tests=True,
        ),
        _no_result,
        calls=("map", "filter", "reduce", "some", "every", "flatMap", "find"),
    ),
    Pattern(
        row(
            "promise-not-awaited",
            MAINTAINABILITY,
            SHOULD,
            _MDN,
            title=("The promise of an async function is dropped."),
            why=(
                "What follows does not wait for it, and an error in it ends the process or is lost."
            ),
            fix=("Await it, or write `void` when that is meant."),
            bad=("async function save() {}\nasync function main() { save(); done(); }"),
            good=("async function save() {}\nasync function main() { await save(); void save(); }"),
            in_tests=True,
        ),
        _not_awaited,
        kinds=("expression_statement",),
        hints=("async",),
    ),
)
