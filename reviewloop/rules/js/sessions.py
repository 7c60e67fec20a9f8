"""JavaScript: session cookies, and which pages may use them."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SECURITY, SHOULD, Rule
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import js
from reviewloop.rules.js.syntax import argument, arguments, call_name, pairs, receiver, text_of
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_SESSION = Regex(r"sess|sid$|token|auth|jwt|remember", re.IGNORECASE)


def _cookie(node: "SgNode", source: Source) -> Found | None:
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


def _cookie_off(node: "SgNode", source: Source) -> "SgNode | None":
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


def _any_origin(node: "SgNode", source: Source) -> "SgNode | None":
    options = pairs(argument(node, 0))
    origin, credentials = options.get("origin"), options.get("credentials")
    if origin is None or credentials is None or credentials.text() != "true":
        return None
    return node if text_of(origin) == "*" or origin.text() == "true" else None


PATTERNS = (
    Pattern(
        Rule(
            "js/cookie-unprotected",
            SECURITY,
            SHOULD,
            "A session cookie is set without httpOnly and secure.",
            why="Scripts in the page can read it, and it travels over plain HTTP.",
            fix="Set httpOnly, secure and sameSite.",
            category="session",
            source="CWE-1004",
            bad=js("res.cookie('session', id);", "res.cookie('a', b, {secure: false});"),
            good=js("res.cookie('session', id, {httpOnly: true, secure: isProduction});"),
        ),
        _cookie,
        calls=("cookie", "set"),
        hints=("cookie",),
    ),
    Pattern(
        Rule(
            "js/session-cookie-open",
            SECURITY,
            SHOULD,
            "The session's cookie is told to do without protection.",
            why="Scripts in the page can read it, or it travels over plain HTTP.",
            fix="Leave httpOnly on, and switch secure on wherever there is HTTPS.",
            category="session",
            source="CWE-614",
            bad=js("app.use(session({secret, cookie: {secure: false}}));"),
            good=js("app.use(session({secret, cookie: {secure: true}}));", "a({secure: false});"),
        ),
        _cookie_off,
        kinds=("pair",),
        hints=("cookie",),
    ),
    Pattern(
        Rule(
            "js/cors-any-origin",
            SECURITY,
            SHOULD,
            "Every origin may send requests with the reader's cookies.",
            why="Any page the reader opens can act in their name.",
            fix="List the origins that may.",
            category="cors",
            source="CWE-942",
            bad=js("app.use(cors({origin: true, credentials: true}));"),
            good=js(
                "app.use(cors({origin: '*'}));", "app.use(cors({origin: A, credentials: true}));"
            ),
        ),
        _any_origin,
        calls=("cors", "enableCors"),
    ),
)
