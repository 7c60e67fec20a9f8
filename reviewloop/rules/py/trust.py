"""Python rules on tokens used without verification of their signature."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.py.syntax import receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_LIBRARY = regex(r"(?:^|\.)_?(?:py)?jwt(?:\.api_jwt)?$", re.IGNORECASE)
_UNSIGNED = regex(r"[\"']verify_signature[\"']\s*:\s*False\b|\bverify_signature\s*=\s*False\b")
_DELIBERATE = regex(r"unverified|untrusted|unsafe|peek", re.IGNORECASE)
_VERIFYING = regex(r"jwt\w*\.decode\(")


def find_jwt_unverified(node: "SgNode", source: Source) -> Found | None:
    """Return a JWT decoded without its signature checked; a nit where that looks deliberate."""
    given = node.field("arguments")
    if given is None or not _LIBRARY.search(receiver(node)):
        return None
    named = {
        name.text(): value.text()[:1_000]
        for child in given.named_children()
        if child.kind() == "keyword_argument"
        and (name := child.field("name")) is not None
        and (value := child.field("value")) is not None
    }
    if named.get("verify") != "False" and not _UNSIGNED.search(named.get("options", "")):
        return None
    # A first, unverified read of the key's name is common before a second call verifies.
    first_look = len(_VERIFYING.findall(source.text)) > 1
    deliberate = _DELIBERATE.search(node.text()[:1_000]) is not None
    return Found(node, severity=NIT if first_look or deliberate else None)
