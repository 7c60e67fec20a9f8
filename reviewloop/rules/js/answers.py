"""JavaScript: what a server puts into its answers."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Rule
from reviewloop.analysis.patterns import Pattern, Source
from reviewloop.rules.js.example import js
from reviewloop.rules.js.request_input import tainted, value_of
from reviewloop.rules.js.syntax import argument, function_around, glued, receiver, text_of
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_HINTS = ("req", "ctx", "event", "context", "res.", "reply.")
_REPLY = Regex(r"(?:this\.)?(?:_?res|response|reply|ctx(?:\.res(?:ponse)?)?|c)$")


def _reflected(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    if first is None or not _REPLY.match(receiver(node).split(".status(")[0]):
        return None
    parts = glued(value_of(first, source))
    if parts is None or "<" not in parts[0]:
        return None
    return first if tainted(first, source) else None


def _stack(node: "SgNode", source: Source) -> "SgNode | None":
    if not _REPLY.match(receiver(node).split(".status(")[0]):
        return None
    first = argument(node, 0)
    if first is None or first.kind() not in {"member_expression", "object", "template_string"}:
        return None
    return first if re.search(r"\b(?:e|err|error|ex)\.stack\b", first.text()[:500]) else None


def _header(node: "SgNode", source: Source) -> "SgNode | None":
    name, value = argument(node, 0), argument(node, 1)
    if value is None or text_of(name).lower() != "access-control-allow-origin":
        return None
    around = function_around(node, source)
    text = around.text()[:20_000] if around is not None else source.text[:20_000]
    with_credentials = re.search(r"Access-Control-Allow-Credentials", text, re.IGNORECASE)
    if not with_credentials or not re.search(r"\.origin\b|['\"]origin['\"]", value.text()):
        return None
    return None if re.search(r"includes\(|allow\w*\.has|whitelist", text) else node


PATTERNS = (
    Pattern(
        Rule(
            "js/reflected-html",
            SECURITY,
            MUST,
            "What a client sent is put into HTML unescaped.",
            why="A link can carry a script that then runs in the reader's session.",
            fix="Escape the value, or use a template that does.",
            category="xss",
            source="CWE-79",
            bad=js("app.get('/', (req, res) => res.send(`<p>${req.query.name}</p>`));"),
            good=js(
                "app.get('/', (req, res) => res.send(`<p>${escapeHtml(req.query.name)}</p>`));",
                "app.get('/', (req, res) => res.json({name: req.query.name}));",
            ),
        ),
        _reflected,
        calls=("send", "write", "end", "html"),
        hints=_HINTS,
    ),
    Pattern(
        Rule(
            "js/stack-to-client",
            SECURITY,
            SHOULD,
            "A stack trace is sent to the client.",
            why="It shows paths, versions and code to whoever looks for a way in.",
            fix="Log it, and answer with a short message.",
            category="disclosure",
            source="CWE-209",
            bad=js("app.use((err, req, res, next) => res.status(500).send(err.stack));"),
            good=js("app.use((err, req, res, next) => res.status(500).send('failed'));"),
        ),
        _stack,
        calls=("send", "json", "end", "write"),
        hints=(".stack",),
    ),
    Pattern(
        Rule(
            "js/cors-reflected-origin",
            SECURITY,
            SHOULD,
            "Every origin may send requests with the reader's cookies.",
            why="Any page the reader opens can act in their name.",
            fix="Compare the origin with a list before it is allowed.",
            category="cors",
            source="CWE-942",
            bad=js(
                "function cors(req, res) {\n"
                "  res.setHeader('Access-Control-Allow-Origin', req.headers.origin);\n"
                "  res.setHeader('Access-Control-Allow-Credentials', 'true');\n}"
            ),
            good=js(
                "function cors(req, res) {\n  res.setHeader('Access-Control-Allow-Origin', '*');\n}"
            ),
        ),
        _header,
        calls=("setHeader", "header", "set"),
        hints=("Allow-Origin", "allow-origin"),
    ),
)
