"""JavaScript rule on keys that are written in the code and sign tokens or cookies."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.js.known_values import declared_once
from reviewloop.rules.js.request_input import value_of
from reviewloop.rules.js.syntax import (
    argument,
    arguments,
    call_name,
    operands,
    pairs,
    plain,
    receiver,
    text_of,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_TOKENS = regex(r"(?i)(?:jwt|jsonwebtoken)$")
_OPTIONS = ("secret", "keys", "secretOrKey", "secretOrPrivateKey")
_PUBLIC = regex(r"-----BEGIN (?:RSA )?(?:PUBLIC KEY|CERTIFICATE)|https?://|.*\.(?:pem|key|crt)$")


def find_signing_key_in_code(node: "SgNode", source: Source) -> Found | None:
    """Find js/signing-key-in-code: a fixed key, or one that is used where none is configured."""
    for key in _keys(node):
        if text_of(key):
            return _found(key, key)
        whole = plain(key)
        if whole.kind() == "identifier":
            whole = value_of(whole, source)
            if whole.kind() == "identifier":
                whole = declared_once(whole.text(), source) or whole
        whole = plain(whole)
        if text_of(whole):
            return _found(whole, whole)
        sign = whole.field("operator") if whole.kind() == "binary_expression" else None
        if sign is not None and sign.text() in {"||", "??"} and text_of(operands(whole)[-1]):
            return _found(operands(whole)[-1], whole, fallback=True)
    return None


def _found(key: "SgNode", whole: "SgNode", *, fallback: bool = False) -> Found | None:
    if _PUBLIC.match(text_of(key)):
        return None
    if fallback:
        words = "Where no key is configured, one that is written in the code signs."
        return Found(whole, words, SHOULD)
    return Found(key)


def _keys(call: "SgNode") -> "Iterator[SgNode]":
    """Yield what a call takes as keys."""
    name, second = call_name(call), argument(call, 1)
    if name in {"sign", "verify"}:
        if second is not None and _TOKENS.search(receiver(call)):
            yield second
        return
    first = argument(call, 0)
    if name == "cookieParser" and first is not None:
        yield first
    if name == "register" and not re.search(r"(?i)jwt|session|cookie", call.text()[:80]):
        return
    for given in arguments(call):
        options = pairs(plain(given))
        for option in _OPTIONS:
            value = options.get(option)
            if value is not None and value.kind() == "array":
                yield from value.named_children()[:3]
            elif value is not None:
                yield value
