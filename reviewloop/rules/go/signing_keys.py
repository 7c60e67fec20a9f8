"""Go rule on keys that are written in the code and sign tokens or cookies."""

from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source
from reviewloop.rules.go.syntax import (
    argument,
    arguments,
    call_name,
    constants,
    text_of,
    value_of,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_MOST_STEPS = 4


def find_signing_key_in_code(node: "SgNode", source: Source) -> "SgNode | None":
    """Find go/signing-key-in-code: a key of a token or a cookie store that is a literal."""
    keys = arguments(node)[:1] if call_name(node) == "SignedString" else arguments(node)[:4]
    return next((text for key in keys if (text := _literal(key, source)) is not None), None)


def _literal(key: "SgNode | None", source: Source) -> "SgNode | None":
    """Return the text whose bytes a key is, None for a key from elsewhere."""
    converted = False
    for _ in range(_MOST_STEPS):
        if key is None:
            return None
        if text_of(key):
            return key if converted else None
        if key.kind() == "identifier":
            value = value_of(key, source)
            if value.kind() == "identifier":
                given = constants(source).get(key.text(), [])
                value = given[0] if len(given) == 1 else key
            key = None if value.range() == key.range() else value
        elif key.kind() == "type_conversion_expression":  # []byte("...")
            key, converted = key.field("operand"), True
        elif key.kind() == "call_expression" and key.text().startswith("[]byte("):
            key, converted = argument(key, 0), True
        else:
            return None
    return None
