"""Go: ciphers, certificates, random numbers, rights, and servers without limits."""

from functools import partial
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, NIT, SECURITY, SHOULD
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.go.example import row
from reviewloop.rules.go.syntax import FUNCTIONS, argument, receiver
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from collections.abc import Callable

    from ast_grep_py import SgNode

_NO_SECRET = Regex(r"(?i)etag|cache|checksum|fingerprint|finger_print|gravatar|revision|legacy|git")
_SECRET = Regex(
    r"(?i)token|secret|passw|otp\b|nonce|salt|csrf|session_?id|api_?key|reset|credential"
)
_OLD = frozenset({"tls.VersionSSL30", "tls.VersionTLS10", "tls.VersionTLS11"})
_row = partial(row, reviewer=SECURITY)


def _set_to(name: str, values: frozenset[str]) -> "Callable[[SgNode, Source], SgNode | None]":
    def test(node: "SgNode", source: Source) -> "SgNode | None":
        if node.kind() == "keyed_element":
            parts = node.named_children()
        else:
            sides = (node.field("left"), node.field("right"))
            parts = [side for side in sides if side is not None]
        if len(parts) != 2 or parts[0].text().rsplit(".", 1)[-1] != name:
            return None
        return node if parts[1].text() in values else None

    return test


def _hash(node: "SgNode", source: Source) -> Found | None:
    of = receiver(node)
    if of not in {"md5", "sha1"} or not source.says(f'crypto/{of}"'):
        return None
    line = source.file.lines[node.range().start.line]
    quiet = _NO_SECRET.search(line) is not None
    return Found(node, f"{of.upper()} is broken.", NIT if quiet else SHOULD)


def _cipher(node: "SgNode", source: Source) -> "SgNode | None":
    return node if receiver(node) in {"des", "rc4"} else None


def _random(node: "SgNode", source: Source) -> "SgNode | None":
    if receiver(node) != "rand" or source.says('"crypto/rand"'):
        return None
    for outer in source.ancestors(node)[:14]:
        kind = outer.kind()
        if kind in {"short_var_declaration", "assignment_statement", "var_spec"}:
            name = outer.field("left") or outer.field("name")
            if name is not None and _SECRET.search(name.text()[:100]):
                return node
        if kind in FUNCTIONS:
            name = outer.field("name")
            return node if name is not None and _SECRET.search(name.text()) else None
    return None


def _always(node: "SgNode", source: Source) -> "SgNode | None":
    return node


def _short_key(node: "SgNode", source: Source) -> "SgNode | None":
    size = argument(node, 1)
    if receiver(node) != "rsa" or size is None or not size.text().isdigit():
        return None
    return size if int(size.text()[:9]) < 2048 else None


PATTERNS = (
    Pattern(
        _row(
            "certificates-not-checked",
            severity=MUST,
            source="CWE-295",
            title="Certificates are not checked.",
            why="Whoever is on the way can read and change everything.",
            fix="Leave the check on, and give the missing authority with RootCAs.",
            bad="c := &tls.Config{InsecureSkipVerify: true}\n---\nc.InsecureSkipVerify = true",
            good="c := &tls.Config{InsecureSkipVerify: false, RootCAs: pool}",
        ),
        _set_to("InsecureSkipVerify", frozenset({"true"})),
        kinds=("keyed_element", "assignment_statement"),
        hints=("InsecureSkipVerify",),
    ),
    Pattern(
        _row(
            "old-tls",
            severity=SHOULD,
            source="CWE-326",
            title="Versions of TLS are allowed that are no longer safe.",
            why="An attacker on the way can make both sides use the weakest one.",
            fix="Set tls.VersionTLS12 or later.",
            bad="c := &tls.Config{MinVersion: tls.VersionTLS10}",
            good="c := &tls.Config{MinVersion: tls.VersionTLS12}",
        ),
        _set_to("MinVersion", _OLD),
        kinds=("keyed_element", "assignment_statement"),
        hints=("MinVersion",),
    ),
    Pattern(
        _row(
            "weak-hash",
            severity=SHOULD,
            source="CWE-328",
            title="A broken hash function is used.",
            why="Others can make a second text with the same value; passwords are found quickly.",
            fix="Use sha256 for checks, and bcrypt or argon2 for passwords.",
            bad='package p\n\nimport "crypto/md5"\n\nfunc f(b []byte) { md5.Sum(b) }\n',
            good='package p\n\nimport "crypto/sha256"\n\nfunc f(b []byte) { sha256.Sum256(b) }\n',
        ),
        _hash,
        calls=("New", "Sum"),
        hints=("crypto/md5", "crypto/sha1"),
    ),
    Pattern(
        _row(
            "weak-cipher",
            severity=SHOULD,
            source="CWE-327",
            title="A cipher is used that does not protect.",
            why="Its keys can be found by trying, or its key stream shows patterns.",
            fix="Use aes with cipher.NewGCM.",
            bad="b, err := des.NewCipher(key)",
            good="b, err := aes.NewCipher(key)",
        ),
        _cipher,
        calls=("NewCipher", "NewTripleDESCipher"),
    ),
    Pattern(
        _row(
            "guessable-random",
            severity=SHOULD,
            source="CWE-338",
            title="A secret is made with math/rand.",
            why="A few values are enough to compute the next ones.",
            fix="Use crypto/rand.",
            bad='package p\n\nimport "math/rand"\n\nfunc newToken() int { return rand.Int() }\n',
            good='package p\n\nimport "math/rand"\n\nfunc jitter() int { return rand.Int() }\n',
        ),
        _random,
        calls=(
            "Int",
            "Intn",
            "IntN",
            "Int63",
            "Int31n",
            "Read",
            "Uint32",
            "Uint64",
            "Float64",
            "N",
        ),
        hints=("math/rand",),
    ),
    Pattern(
        _row(
            "any-host-key",
            severity=MUST,
            source="CWE-322",
            title="Every SSH server is believed.",
            why="Whoever is on the way can pretend to be the server.",
            fix="Use knownhosts.New or ssh.FixedHostKey.",
            bad="c := ssh.InsecureIgnoreHostKey()",
            good="c := ssh.FixedHostKey(key)",
        ),
        _always,
        calls=("InsecureIgnoreHostKey",),
    ),
    Pattern(
        _row(
            "token-not-verified",
            severity=SHOULD,
            source="CWE-347",
            title="A token is read without a look at its signature.",
            why="Whoever can write a token can say who they are.",
            fix="Use Parse with a key function and a list of methods.",
            bad="t, _, err := parser.ParseUnverified(s, claims)",
            good="t, err := parser.ParseWithClaims(s, claims, key)",
        ),
        _always,
        calls=("ParseUnverified",),
    ),
    Pattern(
        _row(
            "short-key",
            severity=SHOULD,
            source="CWE-326",
            title="The key is too short.",
            why="Keys of this length can be factored.",
            fix="Use 3072 bits.",
            bad="k, err := rsa.GenerateKey(rand.Reader, 1024)",
            good="k, err := rsa.GenerateKey(rand.Reader, 3072)",
        ),
        _short_key,
        calls=("GenerateKey",),
    ),
)
