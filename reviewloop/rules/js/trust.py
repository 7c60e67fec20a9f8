"""JavaScript rules on tokens, signatures and certificates without verification."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SHOULD
from reviewloop.analysis.languages import is_probe
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.js.syntax import argument, is_conditional, pairs, receiver, text_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def find_token_not_verified(node: "SgNode", source: Source) -> Found | None:
    """Find js/token-not-verified."""
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


def find_certificates_not_checked(node: "SgNode", source: Source) -> Found | None:
    """Find js/certificates-not-checked; a condition around it makes it a deliberate choice."""
    if not _accepts_any(node):
        return None
    optional = is_conditional(node, source) or _is_a_default(node)
    return Found(node, severity=SHOULD if optional or is_probe(source.file.path) else None)


_ABOUT_TLS = regex(
    r"(?i)tls|ssl|https?|agent|cert|\bca\b|host|port|url|uri|method|headers|servername|strict"
)
_OTHER_KEYS = 4


def _is_a_default(node: "SgNode") -> bool:
    """Whether an option is a field of a record: a default that users may override."""
    record = node.parent()
    if record is None or record.kind() != "object":
        return False
    names = [key.text() for pair in record.named_children() if (key := pair.field("key"))]
    return sum(_ABOUT_TLS.search(name) is None for name in names) >= _OTHER_KEYS + 1


def _accepts_any(node: "SgNode") -> bool:
    """Whether an option accepts every certificate."""
    key, value = node.field("key"), node.field("value")
    if key is None or value is None:
        return False
    name = key.text().strip("'\"")
    off = name in {"rejectUnauthorized", "strictSSL", "checkServerIdentity"}
    if name == "checkServerIdentity":
        accepts = r"\(\)\s*=>\s*(?:undefined|null|true|\{\s*\})"
        return re.fullmatch(accepts, value.text()) is not None
    return off and value.text() == "false"
