"""Finds the tests of a file by language: with a tree for Python, by their headings for others."""

import re
from bisect import bisect_right
from dataclasses import dataclass

from reviewloop.rules.tests.assertions import Assertion, assertions
from reviewloop.rules.tests.syntax import functions, is_test, parse, text, walk


@dataclass(frozen=True)
class Test:
    """One test as it can be compared between two versions of its file."""

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
    re.compile(r"^[ \t]*(?:it|test)(?:\.\w+)*\(\s*(?P<q>[\"'`])(?P<name>.{1,300}?)(?P=q)", re.M),
    re.compile(r"\bexpect\w*\(|\bassert\b|\.should\b|\bt\.\w+\("),
)
_JVM = _Heading(
    re.compile(
        r"@(?:Parameterized)?Test\b[^{;]{0,400}?(?:\bvoid\s+|\bfun\s+)(?P<name>`[^`\n]+`|\w+)"
    ),
    re.compile(r"\b(?:assert\w*|verify|expect\w*|fail|should\w*)\b *[({]"),
)
_HEADINGS = {
    **dict.fromkeys(("javascript", "typescript", "tsx"), _SCRIPT),
    **dict.fromkeys(("java", "kotlin"), _JVM),
    "go": _Heading(
        re.compile(r"^func (?P<name>(?:Test|Fuzz|Example)\w*)\(", re.M),
        re.compile(
            r"\bt\.(?:Error|Fatal|Fail)\w*\(|\b(?:assert|require|is|qt)\.\w+\(|\bcmp\.Diff\("
        ),
    ),
    "rust": _Heading(
        re.compile(r"#\[(?:\w+::)*test\b[^\]]*\][^{;]{0,300}?\bfn\s+(?P<name>\w+)"),
        re.compile(r"\b\w*(?:assert|panic)\w*!|\.unwrap\(|\.expect\("),
    ),
    "ruby": _Heading(
        re.compile(
            r"^[ \t]*(?:(?:it|specify|test)\s+(?P<q>[\"'])(?P<name>.{1,300}?)(?P=q)|"
            r"def test_(?P<method>\w+))",
            re.M,
        ),
        re.compile(r"\bexpect\b|\bassert\w*\b|\bshould\b|\brefute\w*\b"),
    ),
    "csharp": _Heading(
        re.compile(
            r"\[(?:Fact|Theory|Test|TestMethod|TestCase)\b[^{;]{0,400}?\b(?:void|Task)\s+(?P<name>\w+)"
        ),
        re.compile(r"\bAssert\.\w+|\.Should\b|\bVerify\("),
    ),
}
# A line that closes a function and opens nothing: `}`, `});`, `}, 1000);`, `end`; not `) {`.
_CLOSING = re.compile(
    r"^(?P<indent>[ \t]*)(?:[})\]]+(?:,[^\n`\"'{]*\))?[;,]?|end)[ \t]*(?:(?://|#)[^\n]*)?$", re.M
)
_LOOPS = re.compile(r"parametri[sz]e|subTest|\bfor\b|\.each\b|hypothesis|@given")


def tests(language: str, source: str) -> dict[str, Test]:
    """Return the tests of a text by name; {} where we do not know the language's tests."""
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
    """Return a test's text up to its closing bracket or `end`, not what follows the test.

    It is the first one that stands no further in than the heading, whose name ends at `named`.
    """
    first = text.find("\n", named)
    for found in _CLOSING.finditer(text, first) if first >= 0 else ():
        in_text = text.count("`", 0, found.start()) % 2
        if len(found["indent"]) <= indent and not in_text:
            return text[: found.end()]
    return text
