"""Checks of single Python test files."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import Hit, Rule, SourceFile, Span
from reviewloop.rules.tests import rules
from reviewloop.rules.tests.assertions import Helpers, asserts
from reviewloop.rules.tests.cannot_fail import always_holds
from reviewloop.rules.tests.syntax import (
    TestFunction,
    arguments,
    called,
    field,
    functions,
    is_test,
    lines,
    parse,
    positional,
    text,
    walk,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_NOT_RAISING = re.compile(
    r"no_?(?:error|raise|crash|exception|exc|warn|op\b|fail)|not_(?:raise|crash|fail|throw|warn)|"
    r"without_(?:error|raising|exception|crash)|doesnt|smoke|import|works|crash|runs|ignore|allow|"
    r"idempotent|deadlock|hang|leak|example|can_be|accept|valid|safe|noop|success|pass",
    re.IGNORECASE,
)
_SKIPS = {"pytest.mark.skip", "pytest.mark.xfail", "unittest.skip", "skip"}
_SKIP_CALLS = {"pytest.skip", "pytest.xfail", "self.skipTest"}
_BROAD = re.compile(r"\b(?:AssertionError|Exception|BaseException)\b")
_QUIET = {"pass_statement", "continue_statement", "return_statement", "expression_statement"}
_FROZEN = re.compile(r"freez|time_machine|mock_time|fake_?time|patch|monkeypatch|travel|clock")
_NOW = re.compile(
    r"(?:datetime\.)*(?:datetime\.(?:now|utcnow|today)|date\.today)|time\.time|timezone\.now"
)
_STUBBED = re.compile(
    r"responses|requests_mock|httpx_mock|respx|vcr|cassette|patch|monkeypatch|httpretty|pook|"
    r"aioresponses|betamax|stub|mark\.(?:network|online|integration|external|remote|e2e|live|slow)"
)
_REQUESTS = re.compile(
    r"(?:requests|httpx)\.(?:get|post|put|patch|delete|head|request)|"
    r"(?:urllib\.request\.)?urlopen|urllib\.request\.urlretrieve"
)
_REMOTE = re.compile(
    r"^[rbf]*[\"']{1,3}https?://(?!localhost|127\.|0\.0\.0\.0|\[|[^/\"']*@?localhost|testserver|"
    r"[^/\"':]*(?:\.local|\.test|\.invalid|\.internal|example(?:\.\w+)?|mock\w*)\b)[\w-]+\.[\w.-]+"
)


class _Whole:
    """What is asked of a whole file, answered once: there may be as many askers as lines."""

    def __init__(self, file: SourceFile) -> None:
        self._text = file.text

    @cached_property
    def freezes(self) -> bool:
        """Whether a test of the file may have stopped the clock."""
        return bool(_FROZEN.search(self._text))

    @cached_property
    def stubs(self) -> bool:
        """Whether requests may be answered inside the file, or are marked as real ones."""
        return bool(_STUBBED.search(self._text))


def check(file: SourceFile) -> Iterator[Hit]:
    """Yield what is wrong with the tests of a file."""
    root = parse(file.text)
    helpers: Helpers | None = None
    whole = _Whole(file)
    for function in functions(root):
        if not is_test(function) or not _wanted(file, function):
            continue
        # Walking all helpers costs; most tests assert by themselves.
        nodes = list(walk(function.body))
        switched_off = list(_switched_off(file, function, nodes))
        yield from switched_off
        if not any(map(asserts, nodes)) and not _needs_no_assertion(function):
            helpers = helpers or Helpers(root)
            if not helpers.asserting(function):
                message = f"{function.name} passes whatever the code does unless it raises."
                yield _at(rules.NO_ASSERTION, file, (function.line, function.line), message)
        for node in nodes:
            yield from _about(file, whole, function, node)


def _wanted(file: SourceFile, function: TestFunction) -> bool:
    """Base versions, in which nothing is added, are looked at as a whole."""
    return not file.added or file.touched(function.first, function.last)


def _at(rule: Rule, file: SourceFile, at: tuple[int, int], message: str) -> Hit:
    return Hit(rule.id, file.path, Span(*at), message)


def _needs_no_assertion(function: TestFunction) -> bool:
    stub = text(function.body).strip() in {"...", "raise NotImplementedError"}
    skips = any(
        statement.type == "expression_statement"
        and statement.named_children
        and statement.named_children[0].type == "call"
        and called(statement.named_children[0]) in _SKIP_CALLS
        for statement in function.body.named_children
    )
    return stub or skips or bool(_NOT_RAISING.search(function.short))


def _about(file: SourceFile, whole: _Whole, function: TestFunction, node: "Node") -> Iterator[Hit]:
    kind = node.type
    if kind in {"assert_statement", "call", "expression_statement"}:
        why = always_holds(node, text(function.node))
        if why:
            yield _at(rules.CANNOT_FAIL, file, lines(node), why)
    if kind == "call":
        yield from _call(file, whole, node)
    elif kind == "try_statement":
        yield from _swallowed(file, node)
    elif kind == "comparison_operator":
        operators = {child.type for child in node.children if not child.is_named}
        calls = [called(side) for side in node.named_children if side.type == "call"]
        now = next((name for name in calls if _NOW.fullmatch(name)), "")
        if now and operators == {"=="} and not whole.freezes:
            message = f"The result is compared with {now}() of the moment of the comparison."
            yield _at(rules.REAL_TIME, file, lines(node), message)


def _call(file: SourceFile, whole: _Whole, node: "Node") -> Iterator[Hit]:
    name = called(node)
    given = positional(node)
    if name in {"time.sleep", "sleep"} and len(given) == 1:
        seconds = text(given[0])
        if given[0].type in {"integer", "float"} and seconds.strip("0."):
            yield _at(rules.SLEEP, file, lines(node), f"The test sleeps for {seconds} seconds.")
    elif _REQUESTS.fullmatch(name) and given and _REMOTE.match(text(given[0])):
        if whole.stubs:
            return
        message = f"{name} asks {text(given[0])[:80]}."
        yield _at(rules.NETWORK, file, lines(node), message)


def _switched_off(file: SourceFile, function: TestFunction, nodes: list["Node"]) -> Iterator[Hit]:
    for decorator in function.decorators:
        mark = decorator.named_children[0] if decorator.named_children else decorator
        name = called(mark) if mark.type == "call" else text(mark)
        if name in _SKIPS and not _reasoned(mark) and not _commented(file, lines(decorator)[0]):
            message = f"{function.name} is switched off by {name} and nothing says why."
            yield _at(rules.NO_REASON, file, lines(decorator), message)
    for node in nodes:
        if node.type != "call" or called(node) not in _SKIP_CALLS:
            continue
        if not _reasoned(node) and not _commented(file, lines(node)[0]):
            message = f"{function.name} calls {called(node)} and nothing says why."
            yield _at(rules.NO_REASON, file, lines(node), message)


def _reasoned(mark: "Node") -> bool:
    """Whether a mark has a reason, or a condition or exception that is one."""
    if mark.type != "call":
        return False
    for each in arguments(mark):
        value = each.child_by_field_name("value") if each.type == "keyword_argument" else each
        if field(each, "name") not in {"strict", "run"} and text(value).strip("\"'"):
            return True
    return False


def _commented(file: SourceFile, line: int) -> bool:
    above = file.lines[line - 2].strip() if line > 1 else ""
    return "#" in file.lines[line - 1] or above.startswith("#")


def _swallowed(file: SourceFile, node: "Node") -> Iterator[Hit]:
    body = node.child_by_field_name("body")
    if body is None or not any(_asserts_here(child) for child in walk(body, into_functions=False)):
        return
    if any(child.type == "else_clause" for child in node.named_children):
        return  # the assertion is expected to fail
    for handler in node.named_children:
        if handler.type != "except_clause":
            continue
        block = handler.named_children[-1] if handler.named_children else handler
        caught = text(handler)[: block.start_byte - handler.start_byte]
        broad = bool(_BROAD.search(caught)) or caught.strip(" \n:") == "except"
        if broad and block.type == "block" and all(map(_is_quiet, block.named_children)):
            message = "The handler catches the AssertionError of the assertion above, too."
            yield _at(rules.SWALLOWED, file, lines(handler), message)


def _asserts_here(node: "Node") -> bool:
    if node.type == "assert_statement":
        return True
    return node.type == "call" and called(node).rpartition(".")[2].startswith("assert")


def _is_quiet(statement: "Node") -> bool:
    """Whether a statement lets the test go on as if nothing had been."""
    if statement.type == "comment":
        return True
    if statement.type == "expression_statement":
        inner = statement.named_children[0] if statement.named_children else statement
        name = called(inner) if inner.type == "call" else ""
        return inner.type == "string" or name == "print" or name.startswith(("log.", "logg"))
    return statement.type in _QUIET
