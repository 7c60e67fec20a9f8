"""JavaScript: objects from outside that change or become more than was meant."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Rule
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import js
from reviewloop.rules.js.request_input import tainted
from reviewloop.rules.js.syntax import argument, arguments, call_name, literal, pairs, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_HINTS = ("req", "ctx", "event")
_ELECTRON = {
    "nodeIntegration": "true",
    "contextIsolation": "false",
    "webSecurity": "false",
    "allowRunningInsecureContent": "true",
    "nodeIntegrationInSubFrames": "true",
}


def _merge(node: "SgNode", source: Source) -> "SgNode | None":
    given = arguments(node)
    name = call_name(node)
    if name == "extend" and (not given or given[0].text() != "true"):
        return None
    return node if any(tainted(a, source) for a in given[1:]) else None


def _assign(node: "SgNode", source: Source) -> "SgNode | None":
    given = arguments(node)
    if receiver(node) != "Object" or len(given) != 2 or given[0].kind() == "object":
        return None
    body = given[1]
    direct = body.kind() == "member_expression" and re.search(r"\.body$", body.text()[-20:])
    return node if direct and tainted(body, source) else None


def _key(node: "SgNode", source: Source) -> "SgNode | None":
    left = node.field("left")
    if left is None or left.kind() != "subscript_expression":
        return None
    index = left.field("index")
    return left if index is not None and tainted(index, source) else None


def _unserialize(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    if first is None or literal(first):
        return None
    known = source.says("node-serialize|serialize-to-js|funcster|cryo")
    return node if known else None


def _entities(node: "SgNode", source: Source) -> "SgNode | None":
    value = node.field("value")
    key = node.field("key")
    if key is None or value is None or value.text() != "true":
        return None
    return node if key.text() in {"noent", "replaceEntities"} else None


def _electron(node: "SgNode", source: Source) -> Found | None:
    key, value = node.field("key"), node.field("value")
    if key is None or value is None:
        return None
    name = key.text().strip("'\"")
    return (
        Found(node, f"`{name}` takes a wall down.") if _ELECTRON.get(name) == value.text() else None
    )


def _compared(node: "SgNode", source: Source) -> "SgNode | None":
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
    told = [
        re.search(r"(?:^|\.|_|\b)(?:[a-z]*)(?:signature|hmac|digest|mac)\w*$", n, re.I)
        for n in names
    ]
    if not any(told) or any(".length" in n for n in names):
        return None
    return node if source.says("createHmac") else None


def _no_escape(node: "SgNode", source: Source) -> "SgNode | None":
    options = pairs(argument(node, 1))
    value = options.get("noEscape")
    return node if value is not None and value.text() == "true" else None


PATTERNS = (
    Pattern(
        Rule(
            "js/prototype-pollution",
            SECURITY,
            SHOULD,
            "A client's object is merged deeply into another one.",
            why="A key such as `__proto__` can change every object of the process.",
            fix="Copy the keys that are wanted, or check the object against a schema.",
            category="injection",
            source="CWE-1321",
            bad=js("app.post('/', (req, res) => _.merge(settings, req.body));"),
            good=js("app.post('/', (req, res) => _.merge(settings, defaults));"),
        ),
        _merge,
        calls=("merge", "mergeWith", "defaultsDeep", "extend", "deepmerge"),
        hints=_HINTS,
    ),
    Pattern(
        Rule(
            "js/mass-assignment",
            SECURITY,
            SHOULD,
            "Every field of a request is copied into an object.",
            why="A client can set fields that are not theirs to set, a role for example.",
            fix="Name the fields that may be set.",
            category="authorisation",
            source="CWE-915",
            bad=js("app.post('/', (req, res) => Object.assign(user, req.body));"),
            good=js("app.post('/', (req, res) => Object.assign({}, req.body));"),
        ),
        _assign,
        calls=("assign",),
        hints=_HINTS,
    ),
    Pattern(
        Rule(
            "js/key-from-request",
            SECURITY,
            SHOULD,
            "A client chooses which property is written.",
            why="`__proto__` and `constructor` are properties too.",
            fix="Use a Map, or compare the name with a list.",
            category="injection",
            source="CWE-1321",
            bad=js("app.post('/', (req, res) => { settings[req.body.key] = 1; });"),
            good=js("app.post('/', (req, res) => { settings.key = req.body.key; });"),
        ),
        _key,
        kinds=("assignment_expression",),
        hints=_HINTS,
    ),
    Pattern(
        Rule(
            "js/unsafe-deserialization",
            SECURITY,
            MUST,
            "Text is turned back into objects and functions.",
            why="The text can hold a function that runs at once.",
            fix="Use JSON.parse.",
            category="deserialization",
            source="CWE-502",
            bad=js("const s = require('node-serialize');\nconst o = s.unserialize(cookie);"),
            good=js("const o = JSON.parse(cookie);"),
        ),
        _unserialize,
        calls=("unserialize", "deserialize", "deepDeserialize"),
    ),
    Pattern(
        Rule(
            "js/xml-entities",
            SECURITY,
            SHOULD,
            "The XML reader resolves entities.",
            why="A document can read files and reach hosts of the server.",
            fix="Leave the option off.",
            category="xxe",
            source="CWE-611",
            bad=js("libxmljs.parseXml(text, {noent: true});"),
            good=js("libxmljs.parseXml(text, {noent: false});"),
        ),
        _entities,
        kinds=("pair",),
        hints=("noent", "replaceEntities"),
    ),
    Pattern(
        Rule(
            "js/electron-open",
            SECURITY,
            SHOULD,
            "An Electron window gives pages more than they should have.",
            why="A script in a page then reaches the computer.",
            fix="Keep the defaults: contextIsolation and webSecurity on, nodeIntegration off.",
            category="browser",
            source="https://www.electronjs.org/docs/latest/tutorial/security",
            bad=js("new BrowserWindow({webPreferences: {nodeIntegration: true}});"),
            good=js("new BrowserWindow({webPreferences: {nodeIntegration: false}});"),
        ),
        _electron,
        kinds=("pair",),
        hints=tuple(_ELECTRON),
    ),
    Pattern(
        Rule(
            "js/signature-compared-in-steps",
            SECURITY,
            SHOULD,
            "A signature is compared letter by letter.",
            why="The time it takes tells how many letters were right.",
            fix="Use crypto.timingSafeEqual.",
            category="crypto",
            source="CWE-208",
            bad=js(
                "const expected = createHmac('sha256', k).update(b).digest('hex');\n"
                "if (signature !== expected) deny();"
            ),
            good=js(
                "const expected = createHmac('sha256', k).update(b).digest();\n"
                "if (!timingSafeEqual(signature, expected)) deny();\n"
                "if (signature === null) deny();"
            ),
        ),
        _compared,
        kinds=("binary_expression",),
        hints=("createHmac",),
    ),
    Pattern(
        Rule(
            "js/template-without-escaping",
            SECURITY,
            SHOULD,
            "The template is compiled without escaping.",
            why="Every value it shows can bring markup and scripts along.",
            fix="Leave escaping on; use triple braces for the one value that is HTML.",
            category="xss",
            source="CWE-79",
            bad=js("const t = Handlebars.compile(text, {noEscape: true});"),
            good=js("const t = Handlebars.compile(text);"),
        ),
        _no_escape,
        calls=("compile",),
        hints=("noEscape",),
    ),
)
