"""JavaScript rules on untrusted objects that change or become more than intended."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.js.request_input import tainted
from reviewloop.rules.js.syntax import argument, arguments, call_name, literal, pairs, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_ELECTRON = {
    "nodeIntegration": "true",
    "contextIsolation": "false",
    "webSecurity": "false",
    "allowRunningInsecureContent": "true",
    "nodeIntegrationInSubFrames": "true",
}


def find_prototype_pollution(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/prototype-pollution."""
    given = arguments(node)
    name = call_name(node)
    if name == "extend" and (not given or given[0].text() != "true"):
        return None
    return node if any(tainted(a, source) for a in given[1:]) else None


def find_mass_assignment(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/mass-assignment."""
    given = arguments(node)
    if receiver(node) != "Object" or len(given) != 2 or given[0].kind() == "object":
        return None
    body = given[1]
    direct = body.kind() == "member_expression" and re.search(r"\.body$", body.text()[-20:])
    return node if direct and tainted(body, source) else None


def find_key_from_request(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/key-from-request."""
    left = node.field("left")
    if left is None or left.kind() != "subscript_expression":
        return None
    index = left.field("index")
    return left if index is not None and tainted(index, source) else None


def find_unsafe_deserialization(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/unsafe-deserialization."""
    first = argument(node, 0)
    if first is None or literal(first):
        return None
    known = source.mentions("node-serialize|serialize-to-js|funcster|cryo")
    return node if known else None


def find_electron_open(node: "SgNode", source: Source) -> Found | None:
    """Find js/electron-open."""
    key, value = node.field("key"), node.field("value")
    if key is None or value is None:
        return None
    name = key.text().strip("'\"")
    return (
        Found(node, f"`{name}` takes a wall down.") if _ELECTRON.get(name) == value.text() else None
    )


def find_signature_compared_in_steps(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/signature-compared-in-steps."""
    sign = node.field("operator")
    if sign is None or sign.text() not in {"===", "!==", "==", "!="}:
        return None
    sides = [node.field("left"), node.field("right")]
    names = [side.text()[:120] if side is not None else "" for side in sides]
    if any(
        side is None or side.kind() in {"string", "null", "undefined", "number"} for side in sides
    ):
        return None
    if any(name in {"undefined", "null"} or "typeof" in name for name in names):
        return None
    are_signatures = [
        re.search(r"(?:^|\.|_|\b)(?:[a-z]*)(?:signature|hmac|digest|mac)\w*$", n, re.I)
        for n in names
    ]
    if not any(are_signatures) or any(".length" in n for n in names):
        return None
    return node if source.mentions("createHmac") else None


def find_template_without_escaping(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/template-without-escaping."""
    options = pairs(argument(node, 1))
    value = options.get("noEscape")
    return node if value is not None and value.text() == "true" else None
