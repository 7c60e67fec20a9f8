"""JavaScript rules on client data that reaches redirects and queries unchecked."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST
from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.js.request_input import tainted
from reviewloop.rules.js.syntax import (
    argument,
    glued,
    pairs,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_OPERATORS = frozenset({"$where", "$function", "$accumulator"})


def find_page_redirect(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/page-redirect."""
    left, right = node.field("left"), node.field("right")
    if left is None or right is None:
        return None
    if not re.search(r"(?:^|\.)location(?:\.href)?$", left.text()[-60:]):
        return None
    if glued(right) is not None or not tainted(right, source, browser=True):
        return None
    return None if "location." in right.text() and ".get(" not in right.text() else right


def find_query_operators_from_request(node: "SgNode", source: Source) -> Found | None:
    """Find js/query-operators-from-request."""
    if not source.mentions("(?i)mongo"):
        return None
    first = argument(node, 0)
    if first is None:
        return None
    if first.kind() != "object":
        return Found(first, severity=MUST) if _is_body(first, source) else None
    for name, value in pairs(first).items():
        if name in _OPERATORS:
            return Found(value, severity=MUST) if glued(value) or tainted(value, source) else None
        in_path = re.search(r"\bparams\.", value.text()[:200])  # those are always text
        if value.kind() == "member_expression" and not in_path and tainted(value, source):
            return Found(value)
    return None


def _is_body(node: "SgNode", source: Source) -> bool:
    plain = node.kind() in {"member_expression", "identifier"}
    return plain and re.search(r"params", node.text()) is None and tainted(node, source)
