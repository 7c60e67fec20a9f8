"""Go rules on ciphers, certificates, random numbers and key sizes."""

from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.languages import is_probe
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.go.syntax import (
    FUNCTIONS,
    declaration_around,
    is_conditional,
    receiver,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_INSECURE_NAME = regex(r"(?i)insecure|skip_?verify")
_NO_SECRET = regex(r"(?i)etag|cache|checksum|fingerprint|finger_print|gravatar|revision|legacy|git")
_SECRET = regex(
    r"(?i)token|secret|passw|otp\b|nonce|salt|csrf|session_?id|api_?key|reset|credential"
)


def _is_set_to(node: "SgNode", name: str, values: frozenset[str]) -> bool:
    """Whether a field of this name is set to one of these values."""
    if node.kind() == "keyed_element":
        parts = node.named_children()
    else:
        sides = (node.field("left"), node.field("right"))
        parts = [side for side in sides if side is not None]
    if len(parts) != 2 or parts[0].text().rsplit(".", 1)[-1] != name:
        return False
    return parts[1].text() in values


def find_certificates_not_checked(node: "SgNode", source: Source) -> Found | None:
    """Return `InsecureSkipVerify: true`; less severe where a condition or a name opts into it."""
    if not _is_set_to(node, "InsecureSkipVerify", frozenset({"true"})):
        return None
    if any(outer.text().startswith("websocket.") for outer in source.ancestors(node)[:3]):
        return None  # there it is about the origin of a page
    if _checks_itself(node, source):
        return None
    optional = (
        is_conditional(node, source)
        or _is_named_insecure(node, source)
        or _is_opted_into(node, source)
    )
    return Found(node, severity=SHOULD if optional or is_probe(source.file.path) else None)


_CHECKS_ITSELF = regex(r"\b(?:VerifyPeerCertificate|VerifyConnection|PeerCert\w*)\b")


def _checks_itself(node: "SgNode", source: Source) -> bool:
    """Whether a check of its own stands beside it: then Go's own would only come before it."""
    for outer in source.ancestors(node):
        if outer.kind() in {"literal_value", "block"}:
            return _CHECKS_ITSELF.search(outer.text()[:20_000]) is not None
    return False


def _is_named_insecure(node: "SgNode", source: Source) -> bool:
    """Whether the variable's name says that it is insecure: an explicit option of the user."""
    function = declaration_around(node, source)
    name = function.field("name") if function is not None else None
    if name is not None and _INSECURE_NAME.search(name.text()):
        return True
    for outer in source.ancestors(node):
        if outer.kind() in {"var_spec", "short_var_declaration", "assignment_statement"}:
            named = outer.field("name") or outer.field("left")
            return named is not None and _INSECURE_NAME.search(named.text()) is not None
    return False


def _is_opted_into(node: "SgNode", source: Source) -> bool:
    """Whether the function has ended before, unless an option of that name was set."""
    inner = node
    for outer in source.ancestors(node):
        if outer.kind() in {"block", "statement_list"}:
            for earlier in outer.named_children():
                if earlier.range().start.index >= inner.range().start.index:
                    break
                condition = earlier.field("condition")
                if earlier.kind() != "if_statement" or condition is None:
                    continue
                ends = earlier.field("consequence")
                text = ends.text() if ends is not None else ""
                if _INSECURE_NAME.search(condition.text()) and _ENDS.search(text[-400:]):
                    return True
        if outer.kind() in {"function_declaration", "method_declaration"}:
            return False
        inner = outer
    return False


_ENDS = regex(r"\breturn\b[^\n]*\s*\}$")


def find_any_host_key(node: "SgNode", source: Source) -> Found:
    """Return a call that believes every SSH server; less severe behind a condition."""
    return Found(node, severity=SHOULD if is_conditional(node, source) else None)


def find_weak_hash(node: "SgNode", source: Source) -> Found | None:
    """Return a use of MD5 or SHA-1; a nit where the line names a cache, a checksum or alike."""
    of = receiver(node)
    if of not in {"md5", "sha1"} or not source.mentions(f'crypto/{of}"'):
        return None
    line = source.file.lines[node.range().start.line]
    quiet = _NO_SECRET.search(line) is not None
    return Found(node, f"{of.upper()} is broken.", NIT if quiet else SHOULD)


def find_guessable_random(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a `math/rand` call for what is named like a secret; None beside `crypto/rand`."""
    if receiver(node) != "rand" or source.mentions('"crypto/rand"'):
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
