"""Go rules on code that panics, or changes what nobody sees."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source, nodes_of
from reviewloop.regex import regex
from reviewloop.rules.go.syntax import FUNCTIONS

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_CLOSES = regex(r"defer\s+(\w{1,40})(\.Body)?\.Close\(\)$")
_LONGEST = 20_000  # characters of a function


def find_closed_before_check(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a deferred Close of a response or rows between their call and the check of its error.

    Other results, such as files, may be closed though they are nil.
    """
    closes = _CLOSES.match(node.text())
    before, after = node.prev(), node.next()
    while after is not None and not after.is_named():
        after = after.next()
    while before is not None and not before.is_named():
        before = before.prev()
    if closes is None or before is None or after is None:
        return None
    if not closes[2] and closes[1] != "rows":
        return None
    taken = re.match(rf"{closes[1]},\s*(\w+)\s*:?=", before.text()[:200])
    checked = taken is not None and re.match(rf"if\s+{taken[1]}\s*!=\s*nil\b", after.text()[:200])
    return node if checked else None


def find_nil_map_written(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the first write to a map that a function declares and never makes."""
    spec = next((one for one in node.named_children() if one.kind() == "var_spec"), None)
    function = next((one for one in source.ancestors(node) if one.kind() in FUNCTIONS), None)
    if spec is None or function is None or spec.field("value") is not None:
        return None
    name, kind = spec.field("name"), spec.field("type")
    if name is None or kind is None or kind.kind() != "map_type":
        return None
    text = function.text()
    word = re.escape(name.text())
    given = rf"(?:&{word}\b|(?<![\w.]){word}\s*(?:,\s*\w+\s*)?:?=[^=]|,\s*{word}\s*:?=[^=])"
    if len(text) > _LONGEST or re.search(given, text):
        return None
    for write in nodes_of(function, ("assignment_statement", "inc_statement", "dec_statement")):
        if write.range().start.index < node.range().end.index:
            continue
        if re.match(rf"{word}\[[^\]]*\]\s*(?:[-+*/|&^%]?=[^=]|\+\+|--)", write.text()):
            return write
    return None


def find_lost_change(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the change of a field of a receiver that is a value, where nothing else uses it."""
    receiver, body = node.field("receiver"), node.field("body")
    taken = (
        re.fullmatch(r"\(\s*(\w+)\s+[A-Z_a-z][\w.\[\]]*\s*\)", receiver.text())
        if receiver
        else None
    )
    if taken is None or body is None or len(body.text()) > _LONGEST:
        return None
    word = re.escape(taken[1])
    text = body.text()
    if re.search(rf"(?<![\w.]){word}(?!\s*\.\s*\w|\w)|&{word}\b|{word}\.\w+\(", text):
        return None  # it is returned, passed on, or has methods called
    changes = [
        one
        for one in nodes_of(body, ("assignment_statement", "inc_statement", "dec_statement"))
        if re.match(rf"{word}\.\w+\s*(?:[-+*/|&^%]?=[^=]|\+\+|--)", one.text())
    ]
    if not changes:
        return None
    field = changes[-1].text().partition(".")[2]
    name = re.match(r"\w+", field)
    later = text[changes[-1].range().end.index - body.range().start.index :]
    read = name is not None and re.search(rf"\b{word}\.{name[0]}\b", later)
    return None if read else changes[-1]
