"""JavaScript rules on what pages and browsers trust."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.js.request_input import tainted, value_of
from reviewloop.rules.js.syntax import (
    FUNCTIONS,
    argument,
    call_name,
    glued,
    literal,
    plain,
    receiver,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_JQUERY = ("html", "append", "prepend", "after", "before", "replaceWith")
_CLEAN = regex(
    r"saniti[sz]e|purify|escape|encode|trustedtypes|createhtml|rendertostring|tosafe|safehtml"
    r"|i18n|\bt\(|marked|markdown|highlight|prettif|\.innerhtml|\.outerhtml|svg|icon",
    re.IGNORECASE,
)


def _unsafe_html(value: "SgNode", source: Source) -> Found | None:
    value = value_of(plain(value), source)
    if literal(value) or value.kind() in FUNCTIONS:
        return None
    if tainted(value, source, browser=True):
        return Found(value, severity=MUST)
    text = value.text()
    if len(text) > 20_000 or _CLEAN.search(text):
        return None
    return Found(value)


def find_html_assigned(node: "SgNode", source: Source) -> Found | None:
    """Find js/html-assigned."""
    left, right = node.field("left"), node.field("right")
    if left is None or right is None or left.kind() != "member_expression":
        return None
    name = left.field("property")
    if name is None or name.text() not in {"innerHTML", "outerHTML", "srcdoc"}:
        return None
    found = _unsafe_html(right, source)
    return Found(node, severity=found.severity) if found else None


def find_html_written(node: "SgNode", source: Source) -> Found | None:
    """Find js/html-written."""
    name, of = call_name(node), receiver(node)
    if name in _JQUERY:
        return _jquery_html(node, source) if re.match(r"jQuery\b|\$", of) else None
    if name in {"write", "writeln"}:
        if of not in {"document", "window.document"}:
            return None
        value = argument(node, 0)
    else:
        value = argument(node, 1)
    found = _unsafe_html(value, source) if value is not None else None
    return Found(node, severity=found.severity) if found else None


def _jquery_html(node: "SgNode", source: Source) -> Found | None:
    value = argument(node, 0)
    if value is None:
        return None
    if tainted(value, source, browser=True):
        return Found(node, severity=MUST)
    parts = glued(value)
    markup = parts is not None and "<" in parts[0] and not _CLEAN.search(value.text()[:20_000])
    return Found(node) if markup else None


def find_react_html(node: "SgNode", source: Source) -> Found | None:
    """Find js/react-html."""
    name = node.named_children()[:1]
    if not name or name[0].text() != "dangerouslySetInnerHTML":
        return None
    for inner in node.find_all(kind="pair"):
        key, value = inner.field("key"), inner.field("value")
        if key is not None and value is not None and key.text().strip("'\"") == "__html":
            found = _unsafe_html(value, source)
            return Found(node, severity=found.severity) if found else None
    return None
