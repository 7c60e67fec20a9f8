"""Python rule on keys that are written in the code and sign tokens or cookies."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import SHOULD
from reviewloop.analysis.patterns import Found, Source, nodes_of
from reviewloop.regex import regex
from reviewloop.rules.py.syntax import argument, call_name, fixed_text, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_TOKENS = regex(r"(?i)(?:^|\.)(?:py)?jwt$|^jwt\w*$")
_SERIALIZERS = frozenset(
    {"URLSafeSerializer", "URLSafeTimedSerializer", "TimestampSigner", "TimedSerializer"}
)
_FRAMEWORK = regex(r"(?:\w+\.)+(?:secret_key|config\[[\"'](?:JWT_)?SECRET(?:_KEY)?[\"']\])$")
_PUBLIC = regex(r"-----BEGIN (?:RSA )?(?:PUBLIC KEY|CERTIFICATE)")


def find_signing_key_in_code(node: "SgNode", source: Source) -> Found | None:
    """Find py/signing-key-in-code: a fixed key, or one that is used where none is configured."""
    for given in _keys(node):
        key = given
        if key.kind() == "identifier":
            key = _assigned(source).get(key.text(), key)
        if _is_key(key):
            # What a framework is given may be replaced by its configuration later.
            return Found(key, severity=SHOULD if node.kind() == "assignment" else None)
        if key.kind() == "call" and call_name(key) in {"getenv", "get"}:
            default = argument(key, 1)
            if default is not None and _is_key(default) and "env" in key.text():
                words = "Where no key is configured, one that is written in the code signs."
                return Found(key, words, SHOULD)
    return None


def _is_key(node: "SgNode") -> bool:
    if not fixed_text(node):
        return False
    text = node.text().strip("rbRB\"'")
    return bool(text) and not _PUBLIC.match(text)


def _keys(node: "SgNode") -> "Iterator[SgNode]":
    """Yield what a call or an assignment takes as a key."""
    if node.kind() == "assignment":
        left, right = node.field("left"), node.field("right")
        if left is not None and right is not None and _FRAMEWORK.match(left.text()[:200]):
            yield right
        return
    name = call_name(node)
    if name in {"encode", "decode"}:
        if not _TOKENS.search(receiver(node)):
            return
        number = 1
    elif name in _SERIALIZERS:
        number = 0
    else:
        number = None
    key = argument(node, number) if number is not None else None
    if key is not None:
        yield key
    required = {"key", "secret_key"} if number is not None else {"secret_key"}
    given = node.field("arguments")
    for child in given.named_children() if given is not None else []:
        if child.kind() == "keyword_argument":
            word, value = child.field("name"), child.field("value")
            if word is not None and value is not None and word.text() in required:
                yield value


def _assigned(source: Source) -> "dict[str, SgNode]":
    """Return the values of the names that the module assigns once."""
    known: dict[str, SgNode] | None = source.memo.get("py assigned once")
    if known is None:
        counted: dict[str, list[SgNode]] = {}
        for node in nodes_of(source.root, ("assignment",)):
            left, right = node.field("left"), node.field("right")
            if left is not None and right is not None and left.kind() == "identifier":
                counted.setdefault(left.text(), []).append(right)
        known = {name: values[0] for name, values in counted.items() if len(values) == 1}
        source.memo["py assigned once"] = known
    return known
