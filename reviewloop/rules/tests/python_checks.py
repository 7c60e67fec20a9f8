"""Checks single Python test files, and recognises assertions that always hold."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import Hit, Rule, SourceFile, Span
from reviewloop.regex import regex
from reviewloop.rules.tests import rules
from reviewloop.rules.tests.tests_of_file import (
    Helpers,
    TestFunction,
    arguments,
    asserts,
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

_ABOUT_EQUALITY = regex(r"eq|hash|compar|ident|same|reflexiv|nan|order|cache|singleton|lazy")
_LONGEST_TEST = 20_000  # characters; longer ones are data
_MOST_SIDES = 40
_TRUE = {"true", "lambda", "generator_expression"}
_FULL = {"list", "dictionary", "set"}
_MOCK_CALL = regex(r"called_with|called_once_with|called_once|any_call|has_calls|not_called")
_MOCK_ASSERT = regex(
    r"assert_(?:called|called_once|called_with|called_once_with|any_call|has_calls|not_called|"
    r"awaited|awaited_once|awaited_with|not_awaited)"
)


def always_holds(node: "Node", test: str) -> str:
    """Return why an assertion cannot fail, "" if it can or if this is no assertion.

    `test` is the text of the whole test. Cases that ruff reports (texts, tuples, comparisons
    without assert) are left to it.
    """
    if node.type == "assert_statement":
        condition = node.named_children[0] if node.named_children else None
        return _truth(condition, test) if condition is not None else ""
    if node.type == "call":
        return _call_that_holds(node, test)
    inner = node.named_children[0] if node.named_children else node
    if inner.type == "attribute" and _MOCK_ASSERT.fullmatch(field(inner, "attribute")):
        return f"{text(inner)} is not called, so it checks nothing."
    if inner.type == "call" and _mock_misuse(inner):
        return _mock_misuse(inner)
    return ""


def _truth(node: "Node", test: str) -> str:
    while node.type == "parenthesized_expression" and node.named_children:
        node = node.named_children[0]
    kind = node.type
    if kind in _TRUE or (kind in {"integer", "float"} and text(node).strip("0.")):
        return f"{_short(node)} is always true."
    if kind in _FULL and any(child.type != "comment" for child in node.named_children):
        splats = {child.type for child in node.named_children} & {
            "list_splat", "dictionary_splat"
        }  # fmt: skip
        return "" if splats else "What is asserted is not empty, so it is always true."
    if kind == "boolean_operator":
        for side in _sides_of_or(node):
            if _constant(side) or _truth(side, test):
                return f"One side of `or`, {_short(side)}, is always true."
    if kind == "comparison_operator":
        return _comparison(node, test)
    if kind == "call":
        if called(node) == "isinstance" and [text(n) for n in positional(node)[1:]] == ["object"]:
            return "Everything is an instance of object."
        return _mock_misuse(node)
    return ""


def _sides_of_or(node: "Node") -> list["Node"]:
    """Return the operands of `or` in an expression; [] for `and`, and for very many."""
    sides: list[Node] = []
    stack = [node]
    while stack and len(sides) + len(stack) < _MOST_SIDES:
        current = stack.pop()
        if current.type == "parenthesized_expression":
            stack.extend(current.named_children[:1])
        elif current.type != "boolean_operator":
            sides.append(current)
        elif field(current, "operator") == "or":
            stack.extend(current.named_children[-1:])
            stack.extend(current.named_children[:1])
    return sides


def _is_about_equality(test: str, operand: str) -> bool:
    """Whether a test is about equality, where comparing an object with itself makes sense."""
    if len(test) > _LONGEST_TEST or _ABOUT_EQUALITY.search(test.partition("(")[0]):
        return True
    compared = re.escape(operand)
    return len(re.findall(rf"(?<![\w.]){compared}\s*[!=]=|[!=]=\s*{compared}(?!\w)", test)) > 1


def _constant(node: "Node") -> bool:
    return node.type == "string" and len(text(node).strip("rbfuRBFU\"'")) > 0


def _comparison(node: "Node", test: str) -> str:
    sides = node.named_children
    if len(sides) != 2:
        return ""
    left, right = (text(side) for side in sides)
    sign = next((child.type for child in node.children if not child.is_named), "")
    if left == right and sign in {"==", "<=", ">="}:
        pure = sides[0].type in {"identifier", "attribute", "subscript", "integer", "string"}
        if pure and not _is_about_equality(test, left):
            return f"{_short(sides[0])} is compared with itself."
    trivial = (sign, right) in {(">=", "0"), (">", "-1"), ("!=", "-1")}
    if trivial and sides[0].type == "call" and called(sides[0]) == "len":
        return "No length is less than zero."
    return ""


def _call_that_holds(node: "Node", test: str) -> str:
    owner, _, method = called(node).rpartition(".")
    given = positional(node)
    if owner != "self" or not given:
        return ""
    first = given[0]
    if method == "assertTrue":
        if len(given) > 1 and given[1].type in {
            "integer",
            "float",
            "true",
            "false",
            "none",
            "list",
        }:
            return "The second argument of assertTrue is only its message; assertEqual is meant."
        return "The argument is always true." if _constant(first) else _truth(first, test)
    if method == "assertFalse" and first.type in {"false", "none"}:
        return "The argument is always false."
    if method in {"assertEqual", "assertIs"} and len(given) > 1:
        same = text(first) == text(given[1]) and first.type in {
            "identifier",
            "attribute",
            "integer",
        }
        if same and not _is_about_equality(test, text(first)):
            return f"{_short(first)} is compared with itself."
    if method == "assertIsNotNone" and (_constant(first) or first.type in {"true", "integer"}):
        return "The argument is never None."
    return ""


def _mock_misuse(node: "Node") -> str:
    """`mock.called_once_with(1)` calls an attribute of a mock: a new mock, which is true."""
    owner, _, method = called(node).rpartition(".")
    if owner and _MOCK_CALL.fullmatch(method):
        return f"{method} is no method of mocks and returns a true one; assert_{method} is meant."
    return ""


def _short(node: "Node") -> str:
    words = " ".join(text(node).split())
    return words if len(words) <= 60 else f"{words[:57]}..."


_NOT_RAISING = regex(
    r"no_?(?:error|raise|crash|exception|exc|warn|op\b|fail)|not_(?:raise|crash|fail|throw|warn)|"
    r"without_(?:error|raising|exception|crash)|doesnt|smoke|import|works|crash|runs|ignore|allow|"
    r"idempotent|deadlock|hang|leak|example|can_be|accept|valid|safe|noop|success|pass",
    re.IGNORECASE,
)
_SKIPS = {"pytest.mark.skip", "pytest.mark.xfail", "unittest.skip", "skip"}
_SKIP_CALLS = {"pytest.skip", "pytest.xfail", "self.skipTest"}
_BROAD = regex(r"\b(?:AssertionError|Exception|BaseException)\b")
_QUIET = {"pass_statement", "continue_statement", "return_statement", "expression_statement"}
_FROZEN = regex(r"freez|time_machine|mock_time|fake_?time|patch|monkeypatch|travel|clock")
_NOW = regex(
    r"(?:datetime\.)*(?:datetime\.(?:now|utcnow|today)|date\.today)|time\.time|timezone\.now"
)
_STUBBED = regex(
    r"responses|requests_mock|httpx_mock|respx|vcr|cassette|patch|monkeypatch|httpretty|pook|"
    r"aioresponses|betamax|stub|mark\.(?:network|online|integration|external|remote|e2e|live|slow)"
)
_REQUESTS = regex(
    r"(?:requests|httpx)\.(?:get|post|put|patch|delete|head|request)|"
    r"(?:urllib\.request\.)?urlopen|urllib\.request\.urlretrieve"
)
_REMOTE = regex(
    r"^[rbf]*[\"']{1,3}https?://(?!localhost|127\.|0\.0\.0\.0|\[|[^/\"']*@?localhost|testserver|"
    r"[^/\"':]*(?:\.local|\.test|\.invalid|\.internal|example(?:\.\w+)?|mock\w*)\b)[\w-]+\.[\w.-]+"
)


class _Whole:
    """Facts about a whole file, computed once for all its lines."""

    def __init__(self, file: SourceFile) -> None:
        self._text = file.text

    @cached_property
    def freezes(self) -> bool:
        """Whether a test of the file may freeze the clock."""
        return bool(_FROZEN.search(self._text))

    @cached_property
    def stubs(self) -> bool:
        """Whether requests may be stubbed inside the file, or are marked as real ones."""
        return bool(_STUBBED.search(self._text))


def check(file: SourceFile) -> Iterator[Hit]:
    """Yield the problems of the tests in a file."""
    root = parse(file.text)
    helpers: Helpers | None = None
    whole = _Whole(file)
    for function in functions(root):
        if not is_test(function) or not _is_examined(file, function):
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


def _is_examined(file: SourceFile, function: TestFunction) -> bool:
    """Whether to check a function; in base versions, without added lines, all are checked."""
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
        yield from _about_call(file, whole, node)
    elif kind == "try_statement":
        yield from _swallowed(file, node)
    elif kind == "comparison_operator":
        operators = {child.type for child in node.children if not child.is_named}
        calls = [called(side) for side in node.named_children if side.type == "call"]
        now = next((name for name in calls if _NOW.fullmatch(name)), "")
        if now and operators == {"=="} and not whole.freezes:
            message = f"The result is compared with {now}() of the moment of the comparison."
            yield _at(rules.REAL_TIME, file, lines(node), message)


def _about_call(file: SourceFile, whole: _Whole, node: "Node") -> Iterator[Hit]:
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
    """Whether a statement lets the test continue without any sign of the failure."""
    if statement.type == "comment":
        return True
    if statement.type == "expression_statement":
        inner = statement.named_children[0] if statement.named_children else statement
        name = called(inner) if inner.type == "call" else ""
        return inner.type == "string" or name == "print" or name.startswith(("log.", "logg"))
    return statement.type in _QUIET
