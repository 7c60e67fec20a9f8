"""Assignments that are sinks: sessions, headers, secrets made of weak random numbers."""

import re

from reviewloop.rules.taint.frame import Frame
from reviewloop.rules.taint.syntax import Attr, Expr, Index
from reviewloop.rules.taint.values import Value

_SESSION = re.compile(r"(?:^|[._])session$", re.IGNORECASE)
_HEADERS = re.compile(r"(?:^|[._])headers$")
_RESPONSE = re.compile(r"(?:Response|response|resp|make_response)(?:\(\))?$")
SECRET_NAME = re.compile(
    r"(?:passw|secret|token|csrf|xsrf|nonce|otp|salt|session|cookie|api_?key|auth|credential|"
    r"remember|reset_?(?:key|code)|verif\w*_?(?:key|code)|activation|invite_?code|private_?key|"
    r"encryption_?key|pin_?code|\bpin\b|passphrase|signing)",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(
    r"(?:tokens|tokeni[sz]|num_|_count|count_|max_|min_|_len|_size|sleep|delay|jitter|timeout|"
    r"_seed|test|fake|mock|sample|example|author|special_|pad_token|token_id|vocab|mask)",
    re.IGNORECASE,
)


def names_secret(text: str) -> bool:
    """Whether a name says that it holds something an attacker must not guess."""
    return bool(SECRET_NAME.search(text)) and not _NO_SECRET.search(text)


def stored_name(frame: Frame, target: Expr, name: str, value: Value) -> None:
    """Note a secret that is given a weak random value."""
    if any(taint.origin.kind == "random" for taint in value.taints) and names_secret(name):
        frame.reach("weak-random", target, value, f"`{name}`")


def stored_attribute(frame: Frame, target: Attr, owner: Value, value: Value) -> None:
    """Note what `owner.name = value` does."""
    stored_name(frame, target, target.name, value)
    if target.name == "location" and _RESPONSE.search(owner.path):
        frame.reach("open-redirect", target, value, "the address of a redirect")
    if target.name in {"data", "body", "content"} and owner.path.endswith(
        ("flask.Response()", "make_response()", "HttpResponse()")
    ):
        frame.reach("xss", target, value, "the page")


def stored_member(frame: Frame, target: Index, owner: Value, key: Value, value: Value) -> None:
    """Note what `owner[key] = value` does."""
    path = owner.path
    name = key.const if isinstance(key.const, str) else ""
    stored_name(frame, target, name, value)
    if _SESSION.search(path) and not path.startswith(("requests", "boto3", "tf.", "sqlalchemy")):
        stored_name(frame, target, "session", value)
        frame.reach("trust-boundary", target, value, "the session")
        frame.reach("trust-boundary", target, key, "a key of the session")
    elif not name and names_secret(path.rpartition(".")[2]):
        stored_name(frame, target, path.rpartition(".")[2], value)
    if _HEADERS.search(path) or _RESPONSE.search(path):
        if name.lower() == "location" and not open_prefix(value):
            return
        if name.lower() == "location":
            frame.reach("open-redirect", target, value, "the Location header")
        elif not path.startswith(("@request", "requests", "httpx", "aiohttp.Client")):
            frame.reach("header-injection", target, value, "a response header", sure=False)


_FIXED_TARGET = re.compile(
    r"/[^/\\\x00]|\?|#|https?://[^/\x00]+[/?#]|\w+/|\x01|\w[\w.-]*\.(?:html?|php)"
)


def open_prefix(value: Value) -> bool:
    """Whether the beginning of an address is left to the outside."""
    from reviewloop.rules.taint.values import text_of

    text = text_of(value)
    return text is None or not _FIXED_TARGET.match(text)
