"""Go tests: what does not test, or not what it says."""

import re
from functools import partial
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, NIT, SHOULD, TEST_QUALITY
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.go.example import row
from reviewloop.rules.go.syntax import FUNCTIONS, arguments, call_name, receiver, statements
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_CHECKS = Regex(
    r"\bt\.(?:Error|Fatal|Fail|Run|Skip|Log|Helper|Parallel)|\bt\)|[(,]\s*t\s*[,)]|assert|require"
    r"|expect|Expect|check|Check|must|Must|verify|panic\("
)
_row = partial(
    row,
    reviewer=TEST_QUALITY,
    source="https://pkg.go.dev/testing",
    path="app_test.go",
    test=True,
)


def _nothing_checked(node: "SgNode", source: Source) -> Found | None:
    name, given, body = node.field("name"), node.field("parameters"), node.field("body")
    if name is None or given is None or body is None or "*testing.T)" not in given.text():
        return None
    if not re.match(r"Test(?:[^a-z]|$)", name.text()) or name.text() == "TestMain":
        return None
    if not statements(body):
        return Found(name, "The test does nothing.", SHOULD)
    return None if _CHECKS.search(body.text()) else Found(name)


def _skipped(node: "SgNode", source: Source) -> "SgNode | None":
    return node if receiver(node) in {"t", "s.T()"} and not arguments(node) else None


def _sleeps(node: "SgNode", source: Source) -> "SgNode | None":
    return node if receiver(node) == "time" else None


def _other_goroutine(node: "SgNode", source: Source) -> "SgNode | None":
    if receiver(node) != "t":
        return None
    for outer in source.ancestors(node):
        if outer.kind() in FUNCTIONS:
            call = outer.parent()
            around = call.parent() if call is not None else None
            return node if around is not None and around.kind() == "go_statement" else None
    return None


def _same(node: "SgNode", source: Source) -> "SgNode | None":
    given = arguments(node)
    if receiver(node) not in {"assert", "require"} or len(given) < 2:
        return None
    if call_name(node) in {"True", "False"}:
        return node if given[1].text() == call_name(node).lower() else None
    if len(given) < 3 or call_name(node) != "Equal":
        return None
    return node if given[1].text() == given[2].text() and "(" not in given[1].text() else None


def _test(body: str) -> str:
    return f"package p\n\nfunc TestA(t *testing.T) {{\n{body}\n}}\n"


PATTERNS = (
    Pattern(
        _row(
            "test-without-check",
            severity=NIT,
            title="The test checks nothing.",
            why="It passes as long as nothing panics.",
            fix="Say what must hold afterwards.",
            bad=_test("Add(1, 1)") + "\n---\n" + _test(""),
            good=_test('if Add(1, 1) != 2 { t.Error("no") }') + "\n---\n" + _test("same(t, 1)"),
        ),
        _nothing_checked,
        kinds=("function_declaration",),
        hints=("testing.T",),
    ),
    Pattern(
        _row(
            "test-skipped",
            severity=NIT,
            title="A test is skipped and nothing says why.",
            why="Nobody will know when it can come back.",
            fix="Give t.Skip the reason.",
            bad=_test("t.Skip()"),
            good=_test('t.Skip("until #12 is solved")'),
        ),
        _skipped,
        calls=("Skip", "SkipNow"),
    ),
    Pattern(
        _row(
            "test-sleeps",
            severity=NIT,
            title="The test waits for a fixed time.",
            why="It is slow, and fails where the machine is slower.",
            fix="Wait for what should happen: a channel, or a loop with a limit.",
            bad=_test("time.Sleep(time.Second)"),
            good=_test('if <-done != 1 { t.Error("no") }'),
        ),
        _sleeps,
        calls=("Sleep",),
    ),
    Pattern(
        _row(
            "fatal-in-goroutine",
            severity=MUST,
            title="t.Fatal is called in another goroutine.",
            why="It ends that goroutine only: the test goes on, may hang, or passes.",
            fix="Use t.Error there, or send the error over a channel.",
            bad=_test('go func() { t.Fatal("no") }()'),
            good=_test('go func() { t.Error("no") }()\nt.Fatal("no")'),
        ),
        _other_goroutine,
        calls=("Fatal", "Fatalf", "FailNow"),
        hints=("go func",),
    ),
    Pattern(
        _row(
            "check-cannot-fail",
            severity=SHOULD,
            title="This check cannot fail.",
            why="It looks like a test and says nothing about the code.",
            fix="Compare what the code gives with what it should give.",
            bad=_test("assert.True(t, true)") + "\n---\n" + _test("assert.Equal(t, sum, sum)"),
            good=_test("assert.Equal(t, 2, sum)") + "\n---\n" + _test("assert.True(t, ok)"),
        ),
        _same,
        calls=("Equal", "True", "False"),
        hints=("assert", "require"),
    ),
)
