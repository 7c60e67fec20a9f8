"""JavaScript rules on ciphers, hashes, random numbers, tokens and certificates."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.js.syntax import FUNCTIONS, argument, call_name, pairs, receiver, text_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_NO_SECRET = regex(
    r"etag|cache|checksum|fingerprint|finger_?print|gravatar|revision", re.IGNORECASE
)
_SECRET = regex(
    r"token|secret|passw|otp\b|nonce|salt|csrf|session_?id|sessionid|api_?key|reset_?code|verif"
    r"|\biv\b|invite_?code|credential",
    re.IGNORECASE,
)
_BROKEN = regex(r"^(?:des|rc2|rc4|bf|blowfish|idea|seed)|-ecb\b|^3des", re.IGNORECASE)


def _line(node: "SgNode", source: Source) -> str:
    return source.file.lines[node.range().start.line][:300]


def find_weak_hash(node: "SgNode", source: Source) -> Found | None:
    """Find js/weak-hash."""
    name = text_of(argument(node, 0)).lower()
    if name not in {"md5", "md4", "sha1", "sha", "ripemd160", "rsa-md5", "rsa-sha1"}:
        return None
    if call_name(node) not in {"createHash", "createHmac", "createSign", "createVerify"}:
        return None
    if call_name(node) == "createHmac" and name != "md5":
        return None
    words = f"{name.upper()} is broken: others can make two texts with one value."
    quiet = _NO_SECRET.search(_line(node, source)) is not None
    return Found(node, words, NIT if quiet else SHOULD)


def find_weak_cipher(node: "SgNode", source: Source) -> Found | None:
    """Find js/weak-cipher."""
    name = call_name(node)
    if name in {"createCipher", "createDecipher"}:
        return Found(node, f"{name} makes its key from a password without salt or IV.")
    algorithm = text_of(argument(node, 0))
    if not _BROKEN.search(algorithm):
        return None
    return Found(node, f"`{algorithm[:40]}` does not protect what it encrypts.")


def find_guessable_random(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/guessable-random."""
    if receiver(node) != "Math":
        return None
    for outer in source.ancestors(node)[:12]:
        kind = outer.kind()
        if kind in {"variable_declarator", "assignment_expression", "pair"}:
            name = outer.field({"variable_declarator": "name", "pair": "key"}.get(kind, "left"))
            if name is not None and _SECRET.search(_words(name.text())):
                return node
        if kind in FUNCTIONS:
            name = outer.field("name")
            return node if name is not None and _SECRET.search(_words(name.text())) else None
    return None


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name[:100])


def find_short_key(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/short-key."""
    size = pairs(argument(node, 1)).get("modulusLength")
    return size if size is not None and size.text() in {"512", "768", "1024"} else None
