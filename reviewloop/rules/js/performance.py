"""JavaScript: work that grows faster than the data, or that holds everybody up."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, PERFORMANCE, SHOULD
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import row
from reviewloop.rules.js.syntax import (
    FUNCTIONS,
    argument,
    arguments,
    call_name,
    function_around,
    literal,
    loop_around,
    receiver,
)
from reviewloop.rules.js.waiting import repeated

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_NODE = "https://nodejs.org/en/learn/asynchronous-work/dont-block-the-event-loop"


def _regex(node: "SgNode", source: Source) -> "SgNode | None":
    given = arguments(node)
    if not given or not all(literal(a) for a in given):
        return None
    return node if loop_around(node, source) is not None else None


def _clone(node: "SgNode", source: Source) -> "SgNode | None":
    inner = argument(node, 0)
    if receiver(node) != "JSON" or inner is None or inner.kind() != "call_expression":
        return None
    same = call_name(inner) == "stringify" and receiver(inner) == "JSON"
    return node if same and len(arguments(inner)) == 1 and len(arguments(node)) == 1 else None


def _copied(node: "SgNode", source: Source) -> Found | None:
    first = argument(node, 0)
    if first is None or first.kind() not in FUNCTIONS:
        return None
    given = first.field("parameters")
    names = given.named_children() if given is not None else []
    name = re.match(r"[\w$]+", names[0].text()) if names else None
    if name is None:
        return None
    for spread in first.find_all(kind="spread_element"):
        if spread.text() != "..." + name.group():
            continue
        around = spread.parent()
        inner = function_around(spread, source)
        same = inner is not None and inner.range().start.index == first.range().start.index
        if around is not None and around.kind() in {"array", "object"} and same:
            return Found(around, related=((node, "once per element"),))
    return None


def _html(node: "SgNode", source: Source) -> "SgNode | None":
    left = node.field("left")
    if left is None or not left.text().endswith(".innerHTML"):
        return None
    return node if repeated(node, source) is not None else None


def _shift(node: "SgNode", source: Source) -> "SgNode | None":
    if arguments(node) or re.search(r"arg[sv]$", receiver(node)):
        return None
    for outer in source.ancestors(node):
        if outer.kind() in FUNCTIONS:
            return None
        if outer.kind() == "while_statement":
            condition = outer.field("condition")
            looks = condition is not None and f"{receiver(node)}.length" in condition.text()
            return node if looks else None
    return None


PATTERNS = (
    Pattern(
        row(
            "regex-in-loop",
            PERFORMANCE,
            NIT,
            _NODE,
            title=("The same regular expression is made in every round."),
            why=("Making it costs more than using it."),
            fix=("Make it once, ahead of the loop."),
            bad=("for (const a of b) { if (new RegExp('^x').test(a)) f(a); }"),
            good=(
                "const x = new RegExp('^x');\n"
                "for (const a of b) { if (new RegExp(a).test(c)) f(a); }"
            ),
        ),
        _regex,
        calls=("RegExp",),
    ),
    Pattern(
        row(
            "json-clone",
            PERFORMANCE,
            NIT,
            _NODE,
            title=("An object is copied through JSON."),
            why=("It is slow, and loses dates, maps and undefined."),
            fix=("Use structuredClone."),
            bad=("const copy = JSON.parse(JSON.stringify(state));"),
            good=(
                "const copy = structuredClone(state);\n---\n"
                "JSON.parse(JSON.stringify(state, null, 2));"
            ),
        ),
        _clone,
        calls=("parse",),
        hints=("JSON.stringify",),
    ),
    Pattern(
        row(
            "copy-in-reduce",
            PERFORMANCE,
            SHOULD,
            _NODE,
            title=("reduce copies everything it has so far for every element."),
            why=("Ten times the elements take a hundred times as long."),
            fix=("Change the accumulator in place, or use Object.fromEntries or flatMap."),
            bad=("const o = xs.reduce((acc, x) => ({...acc, [x.id]: x}), {});"),
            good=(
                "const o = Object.fromEntries(xs.map((x) => [x.id, x]));\n---\n"
                "const s = xs.reduce((acc, x) => acc + Math.max(...x), 0);"
            ),
        ),
        _copied,
        calls=("reduce", "reduceRight"),
        hints=("...",),
    ),
    Pattern(
        row(
            "html-in-loop",
            PERFORMANCE,
            SHOULD,
            _NODE,
            title=("innerHTML is extended in every round."),
            why=("The whole element is written out and read again each time."),
            fix=("Collect the parts and set them once."),
            bad=("for (const a of b) { list.innerHTML += render(a); }"),
            good=("list.innerHTML = b.map(render).join('');"),
        ),
        _html,
        kinds=("augmented_assignment_expression",),
        hints=("innerHTML",),
    ),
    Pattern(
        row(
            "shift-in-loop",
            PERFORMANCE,
            NIT,
            _NODE,
            title=("A list is emptied from its front."),
            why=("Every shift may move all the others."),
            fix=("Walk with an index, or use a queue."),
            bad=("while (queue.length) { visit(queue.shift()); }"),
            good=("while (stack.length) { visit(stack.pop()); }"),
        ),
        _shift,
        calls=("shift",),
    ),
)
