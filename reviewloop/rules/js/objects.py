"""JavaScript rules on untrusted objects that change or become more than intended."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.js.request_input import tainted
from reviewloop.rules.js.syntax import arguments, call_name, receiver

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


def find_electron_open(node: "SgNode", source: Source) -> Found | None:
    """Find js/electron-open."""
    key, value = node.field("key"), node.field("value")
    if key is None or value is None:
        return None
    name = key.text().strip("'\"")
    return (
        Found(node, f"`{name}` takes a wall down.") if _ELECTRON.get(name) == value.text() else None
    )
