"""JavaScript: ciphers, hashes, random numbers, tokens and certificates."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SECURITY, SHOULD, Rule
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import js
from reviewloop.rules.js.syntax import FUNCTIONS, argument, call_name, pairs, receiver, text_of
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_NO_SECRET = Regex(
    r"etag|cache|checksum|fingerprint|finger_?print|gravatar|revision", re.IGNORECASE
)
_SECRET = Regex(
    r"token|secret|passw|otp\b|nonce|salt|csrf|session_?id|sessionid|api_?key|reset_?code|verif"
    r"|\biv\b|invite_?code|credential",
    re.IGNORECASE,
)
_BROKEN = Regex(r"^(?:des|rc2|rc4|bf|blowfish|idea|seed)|-ecb\b|^3des", re.IGNORECASE)


def _line(node: "SgNode", source: Source) -> str:
    return source.file.lines[node.range().start.line][:300]


def _hash(node: "SgNode", source: Source) -> Found | None:
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


def _library_hash(node: "SgNode", source: Source) -> "SgNode | None":
    return node if receiver(node) == "CryptoJS" else None


def _cipher(node: "SgNode", source: Source) -> Found | None:
    name = call_name(node)
    if name in {"createCipher", "createDecipher"}:
        return Found(node, f"{name} makes its key from a password without salt or IV.")
    algorithm = text_of(argument(node, 0))
    if not _BROKEN.search(algorithm):
        return None
    return Found(node, f"`{algorithm[:40]}` does not protect what it encrypts.")


def _fixed_iv(node: "SgNode", source: Source) -> "SgNode | None":
    value = argument(node, 2)
    if value is None:
        return None
    if value.kind() == "call_expression":
        if call_name(value) == "alloc" and receiver(value) == "Buffer":
            return value
        inner = argument(value, 0)
        return value if call_name(value) == "from" and text_of(inner) else None
    return value if text_of(value) else None


def _random(node: "SgNode", source: Source) -> "SgNode | None":
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


def _short_key(node: "SgNode", source: Source) -> "SgNode | None":
    size = pairs(argument(node, 1)).get("modulusLength")
    return size if size is not None and size.text() in {"512", "768", "1024"} else None


def _few_rounds(node: "SgNode", source: Source) -> "SgNode | None":
    rounds = argument(node, 2)
    if rounds is None or not rounds.text().replace("_", "").isdigit():
        return None
    return rounds if int(rounds.text().replace("_", "")[:9]) < 10_000 else None


PATTERNS = (
    Pattern(
        Rule(
            "js/weak-hash",
            SECURITY,
            SHOULD,
            "A broken hash function is used.",
            why="Others can make a second text with the same value; passwords are found quickly.",
            fix="Use sha256 for checks, and scrypt or argon2 for passwords.",
            category="crypto",
            source="CWE-328",
            bad=js("const h = crypto.createHash('md5').update(password).digest('hex');"),
            good=js("const h = crypto.createHash('sha256').update(a).digest('hex');"),
        ),
        _hash,
        calls=("createHash", "createHmac", "createSign", "createVerify"),
    ),
    Pattern(
        Rule(
            "js/weak-library-hash",
            SECURITY,
            SHOULD,
            "A broken hash or cipher of CryptoJS is used.",
            why="What it protects can be forged or read.",
            fix="Use SHA256 or AES in an authenticated mode.",
            category="crypto",
            source="CWE-327",
            bad=js("const h = CryptoJS.MD5(text);"),
            good=js("const h = CryptoJS.SHA256(text);"),
        ),
        _library_hash,
        calls=("MD5", "SHA1", "HmacMD5", "RC4"),
        hints=("CryptoJS",),
    ),
    Pattern(
        Rule(
            "js/weak-cipher",
            SECURITY,
            SHOULD,
            "A cipher is used that does not protect.",
            why="Equal blocks stay equal, or the key can be found by trying.",
            fix="Use aes-256-gcm with a random IV.",
            category="crypto",
            source="CWE-327",
            bad=js(
                "crypto.createCipheriv('des-ede3-cbc', k, iv);", "crypto.createCipher('aes192', p);"
            ),
            good=js("crypto.createCipheriv('aes-256-gcm', k, iv);"),
        ),
        _cipher,
        calls=("createCipheriv", "createDecipheriv", "createCipher", "createDecipher"),
    ),
    Pattern(
        Rule(
            "js/fixed-iv",
            SECURITY,
            SHOULD,
            "Every message is encrypted with the same IV.",
            why="Equal beginnings show, and with GCM the key stream is given away.",
            fix="Take crypto.randomBytes for each message and send it along.",
            category="crypto",
            source="CWE-329",
            bad=js("crypto.createCipheriv('aes-256-cbc', k, Buffer.alloc(16));"),
            good=js("crypto.createCipheriv('aes-256-cbc', k, crypto.randomBytes(16));"),
        ),
        _fixed_iv,
        calls=("createCipheriv",),
    ),
    Pattern(
        Rule(
            "js/guessable-random",
            SECURITY,
            SHOULD,
            "A secret is made with Math.random.",
            why="A few values are enough to compute the next ones.",
            fix="Use crypto.randomBytes, crypto.randomUUID or crypto.getRandomValues.",
            category="crypto",
            source="CWE-338",
            bad=js(
                "const token = Math.random().toString(36);",
                "function makeOtp() { return Math.random(); }",
            ),
            good=js("const delay = Math.random() * 10;", "const token = crypto.randomUUID();"),
        ),
        _random,
        calls=("random",),
        hints=("Math.random",),
    ),
    Pattern(
        Rule(
            "js/short-key",
            SECURITY,
            SHOULD,
            "The key is too short.",
            why="Keys of this length can be factored.",
            fix="Use 3072 bits, or an elliptic curve.",
            category="crypto",
            source="CWE-326",
            bad=js("crypto.generateKeyPairSync('rsa', {modulusLength: 1024});"),
            good=js("crypto.generateKeyPairSync('rsa', {modulusLength: 3072});"),
        ),
        _short_key,
        calls=("generateKeyPair", "generateKeyPairSync"),
    ),
    Pattern(
        Rule(
            "js/few-rounds",
            SECURITY,
            SHOULD,
            "The password is stretched with too few rounds.",
            why="Stolen hashes can be tried out quickly.",
            fix="Use some hundred thousand rounds, or scrypt.",
            category="crypto",
            source="CWE-916",
            bad=js("crypto.pbkdf2(p, salt, 1000, 32, 'sha256', done);"),
            good=js("crypto.pbkdf2(p, salt, 600_000, 32, 'sha256', done);"),
        ),
        _few_rounds,
        calls=("pbkdf2", "pbkdf2Sync"),
    ),
)
