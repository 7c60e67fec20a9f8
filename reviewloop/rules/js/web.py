"""JavaScript: what a client sends, and where it must not go unchecked."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Rule
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import js, ts
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

_HINTS = ("req", "ctx", "event", "context", "res.", "reply.")
_REPLY = Regex(r"(?:this\.)?(?:_?res|response|reply|ctx(?:\.res(?:ponse)?)?|c)$")
_FIXED_HOST = Regex(r"[`'\"]https?://[^/`'\"$]+[/?#]")
_FIXED_PATH = Regex(r"[`'\"]/[^/\\]")
_CLIENTS = Regex(r"(?:axios|got|superagent|request|needle|https?|undici|ky|\$http|fetch)\b")
_FILES = Regex(r"(?:fs|fsp|fse|promises|fs\.promises|fsPromises|res|reply|response)$")
_CHECKED = Regex(r"\.startsWith\(|\bbasename\(|\.relative\(|\.\.[\"'`]|isInside|sanitize")
_FILE_CALLS = ("readFile", "writeFile", "appendFile", "unlink", "readdir", "rm", "rmdir")
_OPERATORS = frozenset({"$where", "$function", "$accumulator"})


def _redirect(node: "SgNode", source: Source) -> "SgNode | None":
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


def _page_redirect(node: "SgNode", source: Source) -> "SgNode | None":
    left, right = node.field("left"), node.field("right")
    if left is None or right is None:
        return None
    if not re.search(r"(?:^|\.)location(?:\.href)?$", left.text()[-60:]):
        return None
    if glued(right) is not None or not tainted(right, source, browser=True):
        return None
    return None if "location." in right.text() and ".get(" not in right.text() else right


def _file(node: "SgNode", source: Source) -> "SgNode | None":
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


def _request(node: "SgNode", source: Source) -> "SgNode | None":
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


def _operator(node: "SgNode", source: Source) -> Found | None:
    if not source.says("(?i)mongo"):
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


PATTERNS = (
    Pattern(
        Rule(
            "js/open-redirect",
            SECURITY,
            SHOULD,
            "A client chooses where it is redirected to.",
            why="Links to your site then lead to somebody else's, which helps phishing.",
            fix="Redirect to paths of your own, or look the target up in a list.",
            category="redirect",
            source="CWE-601",
            bad=js("app.get('/', (req, res) => res.redirect(req.query.next));"),
            good=js(
                "app.get('/', (req, res) => res.redirect('/home'));",
                "app.get('/', (req, res) => res.redirect(`/users/${req.params.id}`));",
                "app.get('/', (req, res) => res.redirect(safePath(req.query.next)));",
                "app.get('/', (req, res) => res.set('x-a', req.query.next));",
            ),
        ),
        _redirect,
        calls=("redirect", "setHeader", "header", "set"),
    ),
    Pattern(
        Rule(
            "js/page-redirect",
            SECURITY,
            SHOULD,
            "The page's address decides where the page goes next.",
            why="A link to your site can lead anywhere, `javascript:` included.",
            fix="Allow only paths of your own site.",
            category="redirect",
            source="CWE-601",
            bad=js(
                "function go() {\n"
                "  const next = new URLSearchParams(location.search).get('next');\n"
                "  window.location.href = next;\n}"
            ),
            good=js("function go() { window.location.href = '/home'; }"),
        ),
        _page_redirect,
        kinds=("assignment_expression",),
        hints=("location",),
    ),
    Pattern(
        Rule(
            "js/path-traversal",
            SECURITY,
            MUST,
            "A client chooses which file is read or written.",
            why="`../` in the name leads out of the folder that was meant.",
            fix="Take path.basename of the name, or resolve it and check that it stays inside.",
            category="path",
            source="CWE-22",
            bad=js(
                "app.get('/', (req, res) => res.sendFile(req.query.name));",
                "app.get('/', (req, res) => {\n  const p = path.join(ROOT, req.params.name);\n"
                "  fs.readFile(p, (e, d) => res.send(d));\n});",
            ),
            good=js(
                "app.get('/', (req, res) => res.sendFile(req.params.name, {root: PUBLIC}));",
                "app.get('/', (req, res) => fs.readFile(path.join(R, "
                "path.basename(req.query.n))));",
                "fs.readFile(name);",
            ),
        ),
        _file,
        calls=(
            *_FILE_CALLS,
            *(f"{name}Sync" for name in _FILE_CALLS),
            *("sendFile", "sendfile", "download", "createReadStream", "createWriteStream"),
        ),
        hints=_HINTS,
    ),
    Pattern(
        Rule(
            "js/request-to-any-host",
            SECURITY,
            MUST,
            "A client chooses which address the server asks.",
            why="The server can reach what the client cannot: metadata services, internal hosts.",
            fix="Keep the host fixed, or compare it with a list of allowed ones.",
            category="ssrf",
            source="CWE-918",
            bad=(
                *js(
                    "app.get('/', async (req, res) => res.json(await fetch(req.query.url)));",
                    "app.get('/', async (req, res) => {\n  const { url } = req.body;\n"
                    "  const r = await axios.get(url);\n});",
                ),
                *ts(
                    "app.get('/', async (req: Req, res: Res) => {\n"
                    "  const r = await axios.get<Item>((req as Asked).query!.url as string);\n});"
                ),
            ),
            good=js(
                "app.get('/', async (req, res) => fetch(`https://api.a.b/u/${req.query.id}`));",
                "app.get('/', async (req, res) => axios.get(`${API}/u/${req.query.id}`));",
                "self.addEventListener('fetch', (event) => fetch(event.request));",
            ),
        ),
        _request,
        calls=("fetch", "axios", "got", "get", "post", "put", "request", "needle", "head", "patch"),
        hints=_HINTS,
    ),
    Pattern(
        Rule(
            "js/query-operators-from-request",
            SECURITY,
            SHOULD,
            "A request's value goes into a MongoDB query as it came.",
            why='A client can send an object such as {"$ne": null} where a text is expected.',
            fix="Convert it with String(...) or check the body against a schema.",
            category="injection",
            source="CWE-943",
            bad=js(
                "const mongoose = require('mongoose');\n"
                "app.post('/', (req, res) => User.findOne({name: req.body.name}));",
                "const mongoose = require('mongoose');\n"
                "app.post('/', (req, res) => User.find(req.body));",
            ),
            good=js(
                "const mongoose = require('mongoose');\n"
                "app.post('/', (req, res) => User.findOne({name: String(req.body.name)}));",
                "app.post('/', (req, res) => db.users.findOne({name: req.body.name}));",
            ),
        ),
        _operator,
        calls=(
            *("find", "findOne", "findOneAndUpdate", "findOneAndDelete", "updateOne", "updateMany"),
            *("deleteOne", "deleteMany", "countDocuments", "replaceOne", "where"),
        ),
        hints=("mongo", "Mongo"),
    ),
)
