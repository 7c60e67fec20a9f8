"""Tells what in a Python test asserts something, and how strictly."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reviewloop.rules.tests.syntax import (
    TestFunction,
    called,
    field,
    functions,
    line,
    positional,
    text,
    walk,
)

if TYPE_CHECKING:
    from tree_sitter import Node

# Names of functions that fail a test when something does not hold, ours or other people's.
_ASSERTING = re.compile(
    r"_*(?:assert|check|verif|expect|ensure|should|must|validate|compare|raises|warns|fail|"
    r"deprecated_call|snapshot|approv|match|given|run_test|testmod|roundtrip|round_trip|"
    r"(?:no_)?(?:fnmatch|re_match)_line|regress|equal|is_equal|same|eq_|ok_|benchmark|typecheck|reveal_type)",
    re.IGNORECASE,
)
_ASSERTING_FIXTURE = re.compile(
    r"snapshot|approv|regression|regtest|golden|benchmark|assert|expect|verif|check|compare",
    re.IGNORECASE,
)
_ASSERTING_DECORATOR = re.compile(
    r"compar|check|assert|expect|raises|image|benchmark|skip|figures|verif|xfail", re.IGNORECASE
)
_TEST_MODULE = re.compile(rb"^\s*from\s+(?:\.|[\w.]*(?:test|conftest|util|helper))", re.MULTILINE)


def asserts(node: "Node") -> bool:
    """Whether a node by itself asserts: a statement, a call that says so, or a raise."""
    kind = node.type
    if kind in {"assert_statement", "raise_statement"}:
        return True
    if kind != "call":
        return False
    return bool(_ASSERTING.match(called(node).rpartition(".")[2]))


class Helpers:
    """The functions of a test file that assert, themselves or through one another."""

    def __init__(self, root: "Node") -> None:
        every = list(functions(root))
        self._names = {
            function.short for function in every if any(map(asserts, walk(function.body)))
        }
        # Imported from the tests' own modules: what those assert is not seen from here.
        self._imported = set(_imported_from_tests(root))
        rest = [(f.short, _calls(f)) for f in every if f.short not in self._names]
        for _ in range(3):
            found = {name for name, calls in rest if calls & self._names}
            if found <= self._names:
                break
            self._names |= found

    def asserting(self, function: TestFunction) -> bool:
        """Whether a test asserts anything, as far as can be told from its file."""
        parameters = field(function.node, "parameters")
        if _ASSERTING_FIXTURE.search(parameters):
            return True
        if any(_ASSERTING_DECORATOR.search(text(each)) for each in function.decorators):
            return True
        known = self._names | self._imported
        return any(asserts(node) for node in walk(function.body)) or bool(_calls(function) & known)


def _calls(function: TestFunction) -> set[str]:
    return {called(node).rpartition(".")[2] for node in walk(function.body) if node.type == "call"}


def _imported_from_tests(root: "Node") -> Iterator[str]:
    for node in root.named_children:
        if node.type == "import_from_statement" and _TEST_MODULE.match(node.text or b""):
            for name in node.children_by_field_name("name"):
                yield text(name).rpartition(" ")[2].rpartition(".")[2]


@dataclass(frozen=True)
class Assertion:
    """One assertion of a test, in a form that can be compared between two versions."""

    line: int
    end_line: int
    text: str
    subjects: frozenset[str]  # the expressions it is about, without white space
    strength: int  # 4: one value passes; 3: some do; 2: a kind of value does; 1: nearly all do


_STRENGTHS = {"==": 4, "is": 4, "in": 3, "<": 3, ">": 3, "<=": 3, ">=": 3, "!=": 3, "not in": 3}
_METHODS = {
    **dict.fromkeys(("assertEqual", "assertEquals", "assertIs", "assertListEqual"), 4),
    **dict.fromkeys(("assertDictEqual", "assertCountEqual", "assertSequenceEqual"), 4),
    **dict.fromkeys(("assertTupleEqual", "assertSetEqual", "assertMultiLineEqual"), 4),
    **dict.fromkeys(("assertAlmostEqual", "assertIsNone", "assertFalse"), 4),
    **dict.fromkeys(("assertIn", "assertRegex", "assertGreater", "assertLess"), 3),
    **dict.fromkeys(("assertGreaterEqual", "assertLessEqual", "assertNotEqual"), 3),
    **dict.fromkeys(("assertIsInstance", "assertIsNotNone"), 2),
    "assertTrue": 1,
}
_SPACE = re.compile(r"\s+")
_LITERALS = {"string", "integer", "float", "true", "false", "none", "concatenated_string"}
_LENGTH = re.compile(r"len\((.*)\)")


def assertions(function: TestFunction) -> Iterator[Assertion]:
    """Yield the assertions of a test in their order."""
    for node in walk(function.body):
        if node.type == "assert_statement" and node.named_children:
            subjects, strength = _of_expression(node.named_children[0])
        elif node.type == "call" and asserts(node):
            subjects, strength = _of_call(node)
        else:
            continue
        first, last = line(node), node.end_point[0] + 1
        yield Assertion(first, last, _SPACE.sub(" ", text(node)), frozenset(subjects), strength)


def _of_expression(node: "Node") -> tuple[set[str], int]:
    while node.type == "parenthesized_expression" and node.named_children:
        node = node.named_children[0]
    if node.type == "not_operator":
        return _subjects(node.named_children[:1]), 4
    if node.type == "call":
        name = called(node)
        if name == "isinstance":
            return _subjects(positional(node)[:1]), 2
        owner, _, method = name.rpartition(".")
        if method in {"startswith", "endswith"}:
            return {_plain(owner)}, 3
        return {_plain(text(node))}, 1
    if node.type != "comparison_operator":
        return {_plain(text(node))}, 1
    sides = node.named_children
    operators = [text(child) for child in node.children if not child.is_named]
    sign = " ".join(operators) if operators else "=="
    if sign == "is not":
        return _subjects(sides), 2
    truth = sign in {"==", "is"} and any(side.type in {"true"} for side in sides)
    return _subjects(sides), 1 if truth else _STRENGTHS.get(sign, 3)


def _of_call(node: "Node") -> tuple[set[str], int]:
    strength = _METHODS.get(called(node).rpartition(".")[2], 4)
    return _subjects(positional(node)[:2]), strength


def _subjects(nodes: list["Node"]) -> set[str]:
    return {_plain(text(node)) for node in nodes if node.type not in _LITERALS}


def _plain(expression: str) -> str:
    """Return an expression without white space; of a length, what it is the length of."""
    plain = _SPACE.sub("", expression)
    length = _LENGTH.fullmatch(plain)
    return length.group(1) if length else plain
