"""JavaScript rules on session cookies, and on the sites that may use them."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.js.syntax import argument, arguments, call_name, pairs, receiver, text_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_SESSION = regex(r"sess|sid$|token|auth|jwt|remember", re.IGNORECASE)


def find_cookie_unprotected(node: "SgNode", source: Source) -> Found | None:
    """Find js/cookie-unprotected."""
    if not re.search(
        r"(?:^|\.)(?:res|response|reply|cookies|ctx\.cookies)(?:\(\))?$", receiver(node)
    ):
        return None
    given = arguments(node)
    if len(given) < 2 or receiver(node).endswith("cookies") is (call_name(node) == "cookie"):
        return None
    if len(given) < 3:
        return Found(node) if _SESSION.search(given[0].text().strip("'\"`")) else None
    options = pairs(given[2])
    if not options or "..." in options:
        return None
    missing = [
        n for n in ("httpOnly", "secure") if n not in options or options[n].text() == "false"
    ]
    if not missing:
        return None
    words = f"The cookie is set without {' and '.join(missing)}."
    return Found(node, words, SHOULD if _SESSION.search(given[0].text().strip("'\"`")) else NIT)


def find_session_cookie_open(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/session-cookie-open."""
    key, value = node.field("key"), node.field("value")
    if key is None or value is None or value.text() != "false":
        return None
    if key.text() not in {"httpOnly", "secure"}:
        return None
    around = source.ancestors(node)[:4]
    in_cookie = any(
        outer.kind() == "pair" and (outer.field("key") or outer).text() == "cookie"
        for outer in around
    )
    return node if in_cookie else None


def find_cors_any_origin(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/cors-any-origin."""
    options = pairs(argument(node, 0))
    origin, credentials = options.get("origin"), options.get("credentials")
    if origin is None or credentials is None or credentials.text() != "true":
        return None
    return node if text_of(origin) == "*" or origin.text() == "true" else None
