"""JavaScript: what a client sends, and where it must not go unchecked."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST
from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.js.request_input import tainted, value_of
from reviewloop.rules.js.syntax import (
    argument,
    arguments,
    call_name,
    function_around,
    glued,
    pairs,
    receiver,
    text_of,
)
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_REPLY = Regex(r"(?:this\.)?(?:_?res|response|reply|ctx(?:\.res(?:ponse)?)?|c)$")
_FIXED_HOST = Regex(r"[`'\"]https?://[^/`'\"$]+[/?#]")
_FIXED_PATH = Regex(r"[`'\"]/[^/\\]")
_CLIENTS = Regex(r"(?:axios|got|superagent|request|needle|https?|undici|ky|\$http|fetch)\b")
_FILES = Regex(r"(?:fs|fsp|fse|promises|fs\.promises|fsPromises|res|reply|response)$")
_CHECKED = Regex(r"\.startsWith\(|\bbasename\(|\.relative\(|\.\.[\"'`]|isInside|sanitize")
_OPERATORS = frozenset({"$where", "$function", "$accumulator"})


def find_open_redirect(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/open-redirect."""
    if call_name(node) != "redirect" and text_of(argument(node, 0)).lower() != "location":
        return None
    if not _REPLY.match(receiver(node)) and receiver(node) not in {"NextResponse", "Response"}:
        return None
    given = arguments(node)[0 if call_name(node) == "redirect" else 1 :]
    target = next((a for a in given if a.kind() != "number"), None)
    if target is None or _anchored(target, _FIXED_PATH) or _anchored(target, _FIXED_HOST):
        return None
    if _own_address(target, source):
        return None
    return target if tainted(target, source) else None


def _own_address(target: "SgNode", source: Source) -> bool:
    """Whether a target is the request's own address, perhaps with a slash more."""
    root = target.find(kind="identifier")
    text = target.text()[:500] + (value_of(root, source).text()[:500] if root is not None else "")
    return re.search(r"\b(?:req|request|ctx)\.(?:originalUrl|url)\b", text) is not None


def _anchored(node: "SgNode", start: Regex) -> bool:
    """Whether a text that is put together starts with a fixed host or folder."""
    return glued(node) is not None and start.match(node.text()) is not None


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


def find_path_traversal(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/path-traversal."""
    of, name = receiver(node), call_name(node)
    if of and not _FILES.match(of):
        return None
    first = argument(node, 0)
    if first is None or not tainted(first, source):
        return None
    if name in {"sendFile", "sendfile", "download"} and "root" in pairs(argument(node, 1)):
        return None
    around = function_around(node, source)
    if around is not None and _CHECKED.search(around.text()[:20_000]):
        return None
    return first


def find_request_to_any_host(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/request-to-any-host."""
    of, name = receiver(node), call_name(node)
    if (of and not _CLIENTS.match(of)) or (not of and not _CLIENTS.match(name)):
        return None
    first = argument(node, 0)
    if first is None:
        return None
    target = pairs(first).get("url") or pairs(first).get("host") or first
    if target.kind() == "object" or target.text().endswith(".request"):
        return None
    whole = value_of(target, source)
    if _anchored(whole, _FIXED_HOST) or _anchored(whole, _FIXED_PATH):
        return None
    if glued(whole) is not None and _own_base(whole):
        return None
    return target if tainted(target, source) else None


def _own_base(node: "SgNode") -> bool:
    """Whether a URL starts with a setting: `${BASE}/users/...` or `API + ...`."""
    return (
        re.match(r"`\$\{[\w.]+\}/|[A-Z][A-Z0-9_.]*\s*\+|(?:this|config|process)\.", node.text())
        is not None
    )


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
