"""JavaScript: tokens, signatures and certificates that are believed too easily."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Rule
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import js
from reviewloop.rules.js.syntax import argument, pairs, receiver, text_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def _jwt(node: "SgNode", source: Source) -> Found | None:
    if not re.search(r"(?:jwt|jsonwebtoken)$", receiver(node), re.IGNORECASE):
        return None
    options = pairs(argument(node, 2))
    if "ignoreExpiration" in options and options["ignoreExpiration"].text() == "true":
        return Found(node, "Tokens stay valid for ever.")
    allowed = options.get("algorithms") or options.get("algorithm")
    if allowed is not None and re.search(r"['\"]none['\"]", allowed.text()):
        return Found(node, "Tokens without a signature are accepted.", MUST)
    if text_of(argument(node, 1)) == "" and argument(node, 1) is not None:
        bare = argument(node, 1)
        if bare is not None and bare.text() in {"null", "''", '""', "undefined", "false"}:
            return Found(node, "Tokens are used without a key.", MUST)
    return None


def _decoded(node: "SgNode", source: Source) -> "SgNode | None":
    if not re.fullmatch(r"(?:jwt|jsonwebtoken|JWT)", receiver(node)):
        return None
    return None if source.says(r"\b(?:jwt|jsonwebtoken|JWT)\.verify\(") else node


def _tls(node: "SgNode", source: Source) -> "SgNode | None":
    key, value = node.field("key"), node.field("value")
    if key is None or value is None:
        return None
    name = key.text().strip("'\"")
    off = name in {"rejectUnauthorized", "strictSSL", "checkServerIdentity"}
    if name == "checkServerIdentity":
        return (
            node
            if re.fullmatch(r"\(\)\s*=>\s*(?:undefined|null|true|\{\s*\})", value.text())
            else None
        )
    return node if off and value.text() == "false" else None


def _tls_variable(node: "SgNode", source: Source) -> "SgNode | None":
    left, right = node.field("left"), node.field("right")
    if left is None or right is None or "NODE_TLS_REJECT_UNAUTHORIZED" not in left.text()[-60:]:
        return None
    return node if right.text().strip("'\"") in {"0", "false"} else None


PATTERNS = (
    Pattern(
        Rule(
            "js/token-not-verified",
            SECURITY,
            SHOULD,
            "A token is accepted without a proper check.",
            why="Whoever can write a token can say who they are.",
            fix="Verify with a key and a list of algorithms.",
            category="authentication",
            source="CWE-347",
            bad=js("jwt.verify(t, key, {algorithms: ['none', 'HS256']});", "jwt.verify(t, null);"),
            good=js("jwt.verify(t, key, {algorithms: ['HS256']});"),
        ),
        _jwt,
        calls=("verify",),
        hints=("jwt", "jsonwebtoken"),
    ),
    Pattern(
        Rule(
            "js/token-decoded-only",
            SECURITY,
            SHOULD,
            "A token is decoded, and nothing in this file verifies it.",
            why="decode does not look at the signature: whoever can write a token is believed.",
            fix="Use verify.",
            category="authentication",
            source="CWE-347",
            bad=js("import jwt from 'jsonwebtoken';\nconst user = jwt.decode(token);"),
            good=js("import jwt from 'jsonwebtoken';\njwt.verify(token, key);\njwt.decode(token);"),
        ),
        _decoded,
        calls=("decode",),
        hints=("jsonwebtoken",),
    ),
    Pattern(
        Rule(
            "js/certificates-not-checked",
            SECURITY,
            MUST,
            "Certificates are not checked.",
            why="Whoever is on the way can read and change everything.",
            fix="Leave the check on, and give the missing authority with `ca`.",
            category="tls",
            source="CWE-295",
            bad=js("https.request({host, rejectUnauthorized: false});"),
            good=js("https.request({host, rejectUnauthorized: true, ca});"),
        ),
        _tls,
        kinds=("pair",),
        hints=("rejectUnauthorized", "strictSSL", "checkServerIdentity"),
    ),
    Pattern(
        Rule(
            "js/certificates-off-for-all",
            SECURITY,
            MUST,
            "Certificates are not checked anywhere in this process.",
            why="Whoever is on the way can read and change everything.",
            fix="Give the missing authority with NODE_EXTRA_CA_CERTS.",
            category="tls",
            source="CWE-295",
            bad=js("process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';"),
            good=js("process.env.NODE_TLS_REJECT_UNAUTHORIZED = '1';"),
        ),
        _tls_variable,
        kinds=("assignment_expression",),
        hints=("NODE_TLS_REJECT_UNAUTHORIZED",),
    ),
)
