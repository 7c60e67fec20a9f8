"""Finds tests and assertions of a file: by syntax tree for Python, by headings elsewhere."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

if TYPE_CHECKING:
    from tree_sitter import Node

_SURROGATES = regex("[\ud800-\udfff]")
_FUNCTIONS = {"function_definition", "lambda"}


@dataclass(frozen=True)
class TestFunction:
    """One test: a function whose name begins with test, in a module or a class."""

    __test__ = False  # without a body for pytest to collect

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
        """The body of the function."""
        return self.node.child_by_field_name("body") or self.node


def parse(source: str) -> "Node":
    """Return the root of a Python text's tree; broken text is parsed as far as possible."""
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
    """Return a node's text, "" for None."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def field(node: "Node", name: str) -> str:
    """Return the text of a node's field, "" if it has none."""
    return text(node.child_by_field_name(name))


def line(node: "Node") -> int:
    """Return the 1-based first line of a node."""
    return node.start_point[0] + 1


def lines(node: "Node") -> tuple[int, int]:
    """Return the first and last line of a node."""
    return node.start_point[0] + 1, node.end_point[0] + 1


def called(node: "Node") -> str:
    """Return the dotted name of the callee: `self.assertEqual`."""
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
    """Return a call's positional arguments; [] if some are unpacked from a value."""
    given = arguments(node)
    if any(each.type in {"list_splat", "dictionary_splat"} for each in given):
        return []
    return [each for each in given if each.type != "keyword_argument"]


# Names of functions, of any project, that fail a test when a condition does not hold.
_ASSERTING = regex(
    r"_*(?:assert|check|verif|expect|ensure|should|must|validate|compare|raises|warns|fail|"
    r"deprecated_call|snapshot|approv|match|given|run_test|testmod|roundtrip|round_trip|"
    r"(?:no_)?(?:fnmatch|re_match)_line|regress|equal|is_equal|same|eq_|ok_|benchmark|typecheck|reveal_type)",
    re.IGNORECASE,
)
_ASSERTING_FIXTURE = regex(
    r"snapshot|approv|regression|regtest|golden|benchmark|assert|expect|verif|check|compare",
    re.IGNORECASE,
)
_ASSERTING_DECORATOR = regex(
    r"compar|check|assert|expect|raises|image|benchmark|skip|figures|verif|xfail", re.IGNORECASE
)
_TEST_MODULE = regex(rb"^\s*from\s+(?:\.|[\w.]*(?:test|conftest|util|helper))", re.MULTILINE)


def asserts(node: "Node") -> bool:
    """Whether a node itself asserts: a statement, a call with such a name, or a raise."""
    kind = node.type
    if kind in {"assert_statement", "raise_statement"}:
        return True
    if kind != "call":
        return False
    return bool(_ASSERTING.match(called(node).rpartition(".")[2]))


class Helpers:
    """The functions of a test file that assert, directly or through each other."""

    def __init__(self, root: "Node") -> None:
        every = list(functions(root))
        self._names = {
            function.short for function in every if any(map(asserts, walk(function.body)))
        }
        # Imported from the tests' own modules: their assertions are unknown here.
        self._imported = set(_imported_from_tests(root))
        rest = [(f.short, _calls(f)) for f in every if f.short not in self._names]
        for _ in range(3):
            found = {name for name, calls in rest if calls & self._names}
            if found <= self._names:
                break
            self._names |= found

    def asserting(self, function: TestFunction) -> bool:
        """Whether a test asserts anything, as far as its file shows."""
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
    subjects: frozenset[str]  # the expressions that it checks, without white space
    strength: int  # 4: one value passes; 3: some do; 2: a kind of value does; 1: nearly all do
    known: bool = True  # the strength; that of a project's own helper is not, and counts as 4


_STRENGTHS = {"==": 4, "is": 4, "in": 3, "<": 3, ">": 3, "<=": 3, ">=": 3, "!=": 3, "not in": 3}
_METHODS = {
    **dict.fromkeys(("assertEqual", "assertEquals", "assertIs", "assertListEqual"), 4),
    **dict.fromkeys(("assertDictEqual", "assertCountEqual", "assertSequenceEqual"), 4),
    **dict.fromkeys(("assertTupleEqual", "assertSetEqual", "assertMultiLineEqual"), 4),
    **dict.fromkeys(("assertAlmostEqual", "assertIsNone", "assertFalse"), 4),
    **dict.fromkeys(("assertIn", "assertNotIn", "assertGreater", "assertLess"), 3),
    **dict.fromkeys(("assertRegex", "assertRegexpMatches", "assertNotRegex"), 3),
    **dict.fromkeys(("assertGreaterEqual", "assertLessEqual", "assertNotEqual"), 3),
    **dict.fromkeys(("assertIsInstance", "assertIsNotNone"), 2),
    "assertTrue": 1,
}
_SPACE = regex(r"\s+")
_LITERALS = {"string", "integer", "float", "true", "false", "none", "concatenated_string"}
_LENGTH = regex(r"len\((.*)\)")


def assertions(function: TestFunction) -> Iterator[Assertion]:
    """Yield the assertions of a test in their order."""
    for node in walk(function.body):
        if node.type == "assert_statement" and node.named_children:
            subjects, strength = _of_expression(node.named_children[0])
            known = True
        elif node.type == "call" and asserts(node):
            subjects, strength = _of_call(node)
            known = _method(node) in _METHODS
        else:
            continue
        first, last, plain = line(node), node.end_point[0] + 1, _SPACE.sub(" ", text(node))
        yield Assertion(first, last, plain, frozenset(subjects), strength, known)


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
    return _subjects(positional(node)[:2]), _METHODS.get(_method(node), 4)


def _method(node: "Node") -> str:
    return called(node).rpartition(".")[2]


def _subjects(nodes: list["Node"]) -> set[str]:
    return {_plain(text(node)) for node in nodes if node.type not in _LITERALS}


def _plain(expression: str) -> str:
    """Return an expression without white space; for a length, the measured expression."""
    plain = _SPACE.sub("", expression)
    length = _LENGTH.fullmatch(plain)
    return length.group(1) if length else plain


@dataclass(frozen=True)
class Test:
    """One test in a form that can be compared between two versions of its file."""

    __test__ = False  # nothing for pytest to collect

    name: str
    line: int
    end_line: int
    text: str
    assertions: tuple[Assertion, ...]
    loops: bool = False  # runs its assertions over several values


@dataclass(frozen=True)
class _Heading:
    test: re.Pattern[str]
    assertion: re.Pattern[str]


_SCRIPT = _Heading(
    regex(r"^[ \t]*(?:it|test)(?:\.\w+)*\(\s*(?P<q>[\"'`])(?P<name>.{1,300}?)(?P=q)", re.M),
    regex(r"\bexpect\w*\(|\bassert\b|\.should\b|\bt\.\w+\("),
)
_JVM = _Heading(
    regex(r"@(?:Parameterized)?Test\b[^{;]{0,400}?(?:\bvoid\s+|\bfun\s+)(?P<name>`[^`\n]+`|\w+)"),
    regex(r"\b(?:assert\w*|verify|expect\w*|fail|should\w*)\b *[({]"),
)
_HEADINGS = {
    **dict.fromkeys(("javascript", "typescript", "tsx"), _SCRIPT),
    **dict.fromkeys(("java", "kotlin"), _JVM),
    "go": _Heading(
        regex(r"^func (?P<name>(?:Test|Fuzz|Example)\w*)\(", re.M),
        regex(r"\bt\.(?:Error|Fatal|Fail)\w*\(|\b(?:assert|require|is|qt)\.\w+\(|\bcmp\.Diff\("),
    ),
    "rust": _Heading(
        regex(r"#\[(?:\w+::)*test\b[^\]]*\][^{;]{0,300}?\bfn\s+(?P<name>\w+)"),
        regex(r"\b\w*(?:assert|panic)\w*!|\.unwrap\(|\.expect\("),
    ),
    "ruby": _Heading(
        regex(
            r"^[ \t]*(?:(?:it|specify|test)\s+(?P<q>[\"'])(?P<name>.{1,300}?)(?P=q)|"
            r"def test_(?P<method>\w+))",
            re.M,
        ),
        regex(r"\bexpect\b|\bassert\w*\b|\bshould\b|\brefute\w*\b"),
    ),
    "csharp": _Heading(
        regex(
            r"\[(?:Fact|Theory|Test|TestMethod|TestCase)\b[^{;]{0,400}?\b(?:void|Task)\s+(?P<name>\w+)"
        ),
        regex(r"\bAssert\.\w+|\.Should\b|\bVerify\("),
    ),
}
# A line that closes a function and opens nothing: `}`, `});`, `}, 1000);`, `end`; not `) {`.
_CLOSING = regex(
    r"^(?P<indent>[ \t]*)(?:[})\]]+(?:,[^\n`\"'{]*\))?[;,]?|end)[ \t]*(?:(?://|#)[^\n]*)?$", re.M
)
_LOOPS = regex(r"parametri[sz]e|subTest|\bfor\b|\.each\b|hypothesis|@given")


def tests(language: str, source: str) -> dict[str, Test]:
    """Return the tests of a text by name; {} for a language without known tests."""
    if language == "python":
        return _python(source)
    heading = _HEADINGS.get(language)
    return _headed(heading, source) if heading else {}


def _python(source: str) -> dict[str, Test]:
    found = {}
    for function in functions(parse(source)):
        if is_test(function):
            decorators = " ".join(map(text, function.decorators))
            loops = bool(_LOOPS.search(decorators)) or any(
                node.type in {"for_statement", "for_in_clause", "while_statement"}
                for node in walk(function.body)
            )
            found[function.name] = Test(
                function.name, function.line, function.last, text(function.node),
                tuple(assertions(function)), loops,
            )  # fmt: skip
    return found


def _headed(heading: _Heading, source: str) -> dict[str, Test]:
    starts = [0, *(found.end() for found in re.finditer("\n", source))]
    heads = list(heading.test.finditer(source))
    ends = [*(head.start() for head in heads[1:]), len(source)]
    found = {}
    for head, end in zip(heads, ends, strict=False):
        name = head["name"] or f"test_{head.groupdict().get('method')}"
        line = source[starts[bisect_right(starts, head.start()) - 1] : head.end()]
        indent = len(line) - len(line.lstrip(" \t"))
        body = _own_part(source[head.start() : end], head.end() - head.start(), indent)
        first = bisect_right(starts, head.start())
        lines = body.split("\n")
        facts = tuple(
            Assertion(first + offset, first + offset, " ".join(line.split()), frozenset(), 4)
            for offset, line in enumerate(lines)
            if heading.assertion.search(line)
        )
        last = first + len(lines) - 1
        found[name] = Test(name, first, last, body, facts, bool(_LOOPS.search(body)))
    return found


def _own_part(text: str, named: int, indent: int) -> str:
    """Return a test's text up to its closing bracket or `end`, without the text after it.

    It is the first one that is not indented further than the heading, whose name ends at `named`.
    """
    first = text.find("\n", named)
    for found in _CLOSING.finditer(text, first) if first >= 0 else ():
        in_text = text.count("`", 0, found.start()) % 2
        if len(found["indent"]) <= indent and not in_text:
            return text[: found.end()]
    return text
