"""JavaScript rules on session cookies, and on the sites that may use a server."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.js.syntax import (
    argument,
    arguments,
    call_name,
    function_around,
    pairs,
    receiver,
    text_of,
)

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


def find_cors_reflected_origin(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/cors-reflected-origin."""
    name, value = argument(node, 0), argument(node, 1)
    if value is None or text_of(name).lower() != "access-control-allow-origin":
        return None
    around = function_around(node, source)
    text = around.text()[:20_000] if around is not None else source.text[:20_000]
    with_credentials = re.search(r"Access-Control-Allow-Credentials", text, re.IGNORECASE)
    if not with_credentials or not re.search(r"\.origin\b|['\"]origin['\"]", value.text()):
        return None
    return None if re.search(r"includes\(|allow\w*\.has|whitelist", text) else node
