"""JavaScript tests: which of them run, and what they are called."""

import re
from functools import partial
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, NIT, TEST_QUALITY
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import row, spec
from reviewloop.rules.js.syntax import argument, arguments, call_name, receiver
from reviewloop.rules.js.testing import CASES, JEST, body_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_RUNNERS = frozenset({"it", "test", "describe", "context", "suite", "specify"})
_row = partial(row, reviewer=TEST_QUALITY, source=JEST, make=spec, in_tests=True, in_product=False)


def _top(node: "SgNode") -> str:
    return receiver(node).split(".")[0]


def _only(node: "SgNode", source: Source) -> "SgNode | None":
    name = call_name(node)
    if name in {"fit", "fdescribe", "ftest", "fcontext"}:
        return None if receiver(node) or body_of(node) is None else node.field("function")
    return node.field("function") if _top(node) in _RUNNERS and arguments(node) else None


def _skipped(node: "SgNode", source: Source) -> "SgNode | None":
    name, of = call_name(node), receiver(node)
    if name == "skip":
        if of not in _RUNNERS or body_of(node) is None:
            return None
    elif of or body_of(node) is None:
        return None
    line = node.range().start.line
    near = source.file.lines[max(0, line - 1) : line + 1]
    told = any(re.search(r"//|/\*|\*/", text.replace("://", "")) for text in near)
    return None if told else node.field("function")


def _same_title(node: "SgNode", source: Source) -> "Found | None":
    title = argument(node, 0)
    if receiver(node) or title is None or title.kind() != "string" or body_of(node) is None:
        return None
    block = node.parent()
    block = block.parent() if block is not None else None
    if block is None:
        return None
    place = block.range().start.index
    seen: dict[str, SgNode] = source.memo.setdefault(("js titles", place), {})
    text = title.text()
    first = seen.setdefault(text, node)
    return None if first is node else Found(title)


PATTERNS = (
    Pattern(
        _row(
            "test-only",
            severity=MUST,
            title="Only this test runs; all others are left out.",
            why="The suite is green whatever the others would say.",
            fix="Remove .only.",
            bad="it.only('adds', () => { expect(add(1, 1)).toBe(2); });\n---\n"
            "fdescribe('a', () => {});",
            good="it('adds', () => { expect(add(1, 1)).toBe(2); });\n---\nquery.only('a');",
        ),
        _only,
        calls=("only", "fit", "fdescribe", "ftest", "fcontext"),
    ),
    Pattern(
        _row(
            "test-skipped",
            severity=NIT,
            title="A test is skipped and nothing says why.",
            why="Nobody will know when it can come back.",
            fix="Give the reason in a comment, with a link to the issue.",
            bad="it.skip('adds', () => { expect(add(1, 1)).toBe(2); });\n---\n"
            "xit('a', () => { f(); });",
            good="// until #12 is solved\nit.skip('adds', () => { expect(add(1, 1)).toBe(2); });",
        ),
        _skipped,
        calls=("skip", "xit", "xdescribe", "xtest"),
    ),
    Pattern(
        _row(
            "same-test-title",
            severity=NIT,
            title="Two tests next to each other have the same title.",
            why="When one fails, nobody knows which; one may be a copy that was never changed.",
            fix="Say what differs.",
            bad="it('adds', () => { expect(1).toBe(a); });\n"
            "it('adds', () => { expect(2).toBe(a); });",
            good="it('adds', () => { expect(1).toBe(a); });\n"
            "it('takes', () => { expect(2).toBe(a); });",
        ),
        _same_title,
        calls=CASES,
    ),
)
