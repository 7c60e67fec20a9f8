"""Go rules on tests that check nothing, or not what they claim."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.go.syntax import arguments, call_name, receiver, statements

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_CHECKS = regex(
    r"\bt\.(?:Error|Fatal|Fail|Run|Skip|Log|Helper|Parallel)|\bt\)|[(,]\s*t\s*[,)]|assert|require"
    r"|expect|Expect|check|Check|must|Must|verify|panic\("
)


def find_test_without_check(node: "SgNode", source: Source) -> Found | None:
    """Return the name of a test whose body is empty or holds nothing that can fail, else None."""
    name, given, body = node.field("name"), node.field("parameters"), node.field("body")
    if name is None or given is None or body is None or "*testing.T)" not in given.text():
        return None
    if not re.match(r"Test(?:[^a-z]|$)", name.text()) or name.text() == "TestMain":
        return None
    if not statements(body):
        return Found(name, "The test does nothing.", SHOULD)
    return None if _CHECKS.search(body.text()) else Found(name)


def find_check_cannot_fail(node: "SgNode", source: Source) -> "SgNode | None":
    """Return an assertion of the literal `true` or `false`, or of a value with itself."""
    given = arguments(node)
    if receiver(node) not in {"assert", "require"} or len(given) < 2:
        return None
    if call_name(node) in {"True", "False"}:
        return node if given[1].text() == call_name(node).lower() else None
    if len(given) < 3 or call_name(node) != "Equal":
        return None
    return node if given[1].text() == given[2].text() and "(" not in given[1].text() else None
