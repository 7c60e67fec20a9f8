"""Recognises JavaScript values that come from a request or from the page's address."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source, key, nodes_of
from reviewloop.regex import regex
from reviewloop.rules.js.allowed import is_allowed
from reviewloop.rules.js.syntax import FUNCTIONS, call_name, called, dotted, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_REQUEST = regex(
    r"(?:this\.)?(?:_?req|request|httpReq|(?:ctx|context|c)(?:\.(?:request|req))?|event"
    r"|req(?:uest)?\.nextUrl)"
    r"\??\.(?:body|query|params|headers|cookies|signedCookies|url|originalUrl|rawBody|files?"
    r"|searchParams|queryStringParameters|pathParameters|multiValueQueryStringParameters"
    r"|hostname|rawQueryString)\b"
)
_BROWSER = regex(
    r"(?:(?:window|document|self|globalThis)\.)?location\.(?:search|hash|href|pathname)\b"
    r"|document\.(?:URL|documentURI|referrer|baseURI)\b|window\.name\b"
)
_READERS = regex(r"(?:_?req|request|ctx|c\.req|ctx\.req(?:uest)?|.*[sS]earchParams)$")
_READ = frozenset({"get", "getAll", "param", "header", "query", "json", "text", "formData"})
_PARAMETERS = frozenset({"body", "query", "params", "headers", "cookies"})
_REPLIES = regex(r"^\(\s*\{[^}]*\}\s*(?::[^,]*)?,\s*(?:res|response|reply|h)\b")
_MESSAGE = regex(r"\b(?:req|request)\s*=\s*JSON\.parse\(")
# These calls return their argument; others are assumed to check or convert it.
_CARRY_TEXT = (
    "String decodeURIComponent decodeURI unescape join resolve normalize concat stringify "
    "parse from URL URLSearchParams Buffer format assign Object slice trim toString "
    "substring substr toLowerCase toUpperCase replaceAll split map filter entries values "
    "keys pop shift at atob all flat"
)
_CARRY = frozenset(_CARRY_TEXT.split())
# Other objects with a method `parse` are schemas, which check.
_PARSERS = regex(r"(?:JSON|JSON5|json5|superjson|url|URL|qs|querystring|cookie|path|yaml|YAML)$")
_CUT = frozenset({"length", "includes", "startsWith", "endsWith", "size", "has", "indexOf"})
_PASS = frozenset(
    {
        "parenthesized_expression",
        "template_string",
        "template_substitution",
        "await_expression",
        "array",
        "spread_element",
        "as_expression",
        "non_null_expression",
        "satisfies_expression",
        "type_assertion",
        "object",
        "pair",
        "arguments",
        "sequence_expression",
    }
)
_JOINING = frozenset({"+", "||", "??", "&&"})
_MOST_DEPTH = 25


def tainted(node: "SgNode", source: Source, browser: bool = False) -> bool:
    """Whether a value holds data of a client: directly, or through local variables.

    With `browser`, data from the page's own address counts as well.
    """
    if not _any_source(source, browser):
        return False
    return _dirty(node, _names_at(node, source, browser), source, browser, _MOST_DEPTH)


def _any_source(source: Source, browser: bool) -> bool:
    flag = source.memo.get(("js sources", browser))
    if flag is None:
        text = source.text
        flag = "req" in text or "res" in text or _REQUEST.search(text) is not None
        flag = flag or (browser and _BROWSER.search(text) is not None)
        # A message between windows is called so, too: nobody sends it to a server.
        flag = flag and not (_MESSAGE.search(text) and "postMessage" in text)
        source.memo["js sources", browser] = flag
    return bool(flag)


def _dirty(
    node: "SgNode", names: frozenset[str], source: Source, browser: bool, depth: int
) -> bool:
    if depth <= 0:
        return False
    kind = node.kind()
    if kind in {"identifier", "shorthand_property_identifier"}:
        return bool(names) and node.text() in names and not is_allowed(node, source)
    if kind in {"member_expression", "subscript_expression"}:
        dirty = _dirty_member(node, names, source, browser, depth)
        return dirty and not is_allowed(node, source)
    if kind in {"call_expression", "new_expression"}:
        return _dirty_call(node, names, source, browser, depth)
    if kind == "binary_expression":
        sign = node.field("operator")
        if sign is None or sign.text() not in _JOINING:
            return False
        sides = [node.field("left"), node.field("right")]
    elif kind == "ternary_expression":
        sides = [node.field("consequence"), node.field("alternative")]
    elif kind in _PASS:
        sides = [child for child in node.named_children() if child.kind() != "string_fragment"]
    else:
        return False
    return any(
        side is not None and _dirty(side, names, source, browser, depth - 1) for side in sides
    )


def _dirty_member(
    node: "SgNode", names: frozenset[str], source: Source, browser: bool, depth: int
) -> bool:
    text = node.text()
    if len(text) < 400:
        text = dotted(node)
        if _REQUEST.match(text) and not text.endswith(".length"):
            return True
        if browser and _BROWSER.match(text):
            return True
    property_name = node.field("property")
    if property_name is not None and property_name.text() in _CUT:
        return False
    of = node.field("object")
    return of is not None and _dirty(of, names, source, browser, depth - 1)


def _dirty_call(
    node: "SgNode", names: frozenset[str], source: Source, browser: bool, depth: int
) -> bool:
    name, of = call_name(node), receiver(node)
    if name in _READ and _READERS.match(of):
        return not of.endswith("earchParams") or browser or "req" in of or of in names
    if name == "replace":  # the replaced part may be all that was dangerous
        return False
    if name not in _CARRY and name not in _READ:
        return False
    if name == "parse" and of and not _PARSERS.match(of):
        return False
    function = called(node)
    held = function.field("object") if function is not None else None
    if held is not None and _dirty(held, names, source, browser, depth - 1):
        return True
    given = node.field("arguments")
    return given is not None and _dirty(given, names, source, browser, depth - 1)


def _names_at(node: "SgNode", source: Source, browser: bool) -> frozenset[str]:
    """Return the variables with tainted values in the functions around a node."""
    around = [n for n in source.ancestors(node) if n.kind() in FUNCTIONS]
    names: frozenset[str] = frozenset()
    for function in reversed(around):
        position = key(function)
        known: frozenset[str] | None = source.memo.get(("js names", position, browser))
        if known is None:
            known = _names_of(function, names, source, browser)
            source.memo["js names", position, browser] = known
        names = known
    return names


def _names_of(
    function: "SgNode", outer: frozenset[str], source: Source, browser: bool
) -> frozenset[str]:
    names = set(outer) | _handler_parameters(function)
    for name, value in _bindings(source).get(key(function), ()):
        if _dirty(value, frozenset(names), source, browser, _MOST_DEPTH):
            names.update(_bound(name))
        elif name.kind() == "identifier":
            names.discard(name.text())
    return frozenset(names)


def _handler_parameters(function: "SgNode") -> set[str]:
    given = function.field("parameters")
    head = given.text()[:300] if given is not None else ""
    if not _REPLIES.match(head):
        return set()
    inside = re.split(r"[^\w$]+", head[head.index("{") : head.index("}")])
    return {word for word in inside if word in _PARAMETERS}


def _bound(name: "SgNode") -> set[str]:
    if name.kind() == "identifier":
        return {name.text()}
    if name.kind() not in {"object_pattern", "array_pattern"}:
        return set()
    kinds = ("identifier", "shorthand_property_identifier_pattern")
    return {n.text() for n in nodes_of(name, kinds)}


def _bindings(source: Source) -> "dict[tuple[int, int], list[tuple[SgNode, SgNode]]]":
    """Return the assignments by the function that contains them."""
    known: dict[tuple[int, int], list[tuple[SgNode, SgNode]]] | None
    known = source.memo.get("js bindings")
    if known is None:
        found: dict[tuple[int, int], list[tuple[SgNode, SgNode]]] = {}
        for node in source.all("variable_declarator", "assignment_expression"):
            declares = node.kind() == "variable_declarator"
            name = node.field("name" if declares else "left")
            value = node.field("value" if declares else "right")
            if name is None or value is None or value.kind() in FUNCTIONS:
                continue
            if name.kind() not in {"identifier", "object_pattern", "array_pattern"}:
                continue
            owner = next((n for n in source.ancestors(node) if n.kind() in FUNCTIONS), None)
            if owner is not None:
                found.setdefault(key(owner), []).append((name, value))
        source.memo["js bindings"] = known = found
    return known


def value_of(node: "SgNode", source: Source) -> "SgNode":
    """Return the last value assigned to a local variable before a node, else the node itself."""
    if node.kind() != "identifier":
        return node
    owner = next((n for n in source.ancestors(node) if n.kind() in FUNCTIONS), None)
    if owner is None:
        return node
    name, position = node.text(), node.range().start.index
    found = node
    for bound, value in _bindings(source).get(key(owner), ()):
        if bound.range().start.index >= position:
            break
        if bound.kind() == "identifier" and bound.text() == name:
            found = value
    return found
