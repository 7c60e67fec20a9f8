"""JavaScript rules on untrusted text that becomes code."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.js.request_input import tainted
from reviewloop.rules.js.syntax import (
    FUNCTIONS,
    argument,
    arguments,
    call_name,
    called,
    glued,
    literal,
    receiver,
    text_of,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def find_eval(node: "SgNode", source: Source) -> Found | None:
    """Find js/eval."""
    given = arguments(node)
    if not given or all(literal(a) for a in given):
        return None
    if call_name(node) == "eval" and receiver(node) not in {"", "window", "globalThis", "self"}:
        return None
    dirty = any(tainted(a, source, browser=True) for a in given)
    return Found(node, severity=MUST if dirty else SHOULD)


def find_timer_code(node: "SgNode", source: Source) -> Found | None:
    """Find js/timer-code."""
    first = argument(node, 0)
    if first is None or glued(first) is None:
        return None
    return Found(first, severity=MUST if tainted(first, source, browser=True) else SHOULD)


def find_vm_code(node: "SgNode", source: Source) -> Found | None:
    """Find js/vm-code."""
    of, first = receiver(node), argument(node, 0)
    if first is None or literal(first) or (of and of.split(".")[-1] != "vm"):
        return None
    return Found(node, severity=MUST if tainted(first, source) else SHOULD)


def find_module_from_request(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/module-from-request."""
    first = argument(node, 0)
    if first is None or receiver(node) or text_of(first):
        return None
    return first if tainted(first, source) else None


def find_regex_from_request(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/regex-from-request."""
    first = argument(node, 0)
    return first if first is not None and tainted(first, source) else None


def find_method_from_request(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/method-from-request."""
    function = called(node)
    if function is None or function.kind() != "subscript_expression":
        return None
    index = function.field("index")
    if index is None or not tainted(index, source):
        return None
    return None if _is_known_key(index, source) else index


def _is_known_key(index: "SgNode", source: Source) -> bool:
    """Whether the function checks first that a table has the key as its own."""
    asks = re.compile(
        rf"(?:\.(?:hasOwnProperty|includes|has)\(|\bhasOwn\([^()]{{1,80}},|"
        rf"hasOwnProperty\.call\([^()]{{1,80}},)\s*{re.escape(index.text()[:80])}\s*\)"
    )
    around = next((o for o in source.ancestors(index) if o.kind() in FUNCTIONS), None)
    if around is None:
        return False
    before = around.text()[: index.range().start.index - around.range().start.index]
    return asks.search(before) is not None
