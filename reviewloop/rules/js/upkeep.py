"""JavaScript rules on code that misleads its next reader."""

from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.js.syntax import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ast_grep_py import SgNode

_LOOSE = regex(r"[^=!<>][=!]=(?!=)(?!\s*(?:null|undefined)\b)")
_STRICT = regex(r"[=!]==")
_HABIT = 4


def find_empty_catch(node: "SgNode", source: Source) -> Found | None:
    """Find js/empty-catch."""
    body = node.field("body")
    if body is None or body.named_children():
        return None
    attempt = node.parent()
    tried = attempt.field("body") if attempt is not None else None
    small = tried is not None and len(tried.named_children()) < 2 and "await" not in tried.text()
    return Found(node, severity=NIT if small else SHOULD)


def find_loose_equality(node: "SgNode", source: Source) -> Found | None:
    """Find js/loose-equality."""
    sign = node.field("operator")
    if sign is None or sign.text() not in {"==", "!="}:
        return None
    sides = [node.field("left"), node.field("right")]
    for side in sides:
        if side is None or side.kind() in {"null", "undefined"} or side.text()[:6] == "typeof":
            return None
        if side.text() == "undefined":
            return None
    return None if _loose_throughout(source) else Found(node)


def _loose_throughout(source: Source) -> bool:
    """Whether == is the style of the file: one more of them is no slip."""
    known = source.memo.get("js loose")
    if known is None:
        loose, strict = len(_LOOSE.findall(source.text)), len(_STRICT.findall(source.text))
        source.memo["js loose"] = known = loose >= _HABIT and loose >= _HABIT * strict
    return bool(known)


def find_same_key(node: "SgNode", source: Source) -> "Iterator[SgNode]":
    """Find js/same-key."""
    seen: set[str] = set()
    for child in node.named_children():
        key = child.field("key") if child.kind() == "pair" else None
        if key is None or key.kind() == "computed_property_name":
            continue
        name = text_of(key) or key.text()
        if name in seen and name != "__proto__":
            yield key
        seen.add(name)


def find_same_case(node: "SgNode", source: Source) -> "Iterator[SgNode]":
    """Find js/same-case."""
    seen: set[str] = set()
    for case in node.named_children():
        value = case.field("value") if case.kind() == "switch_case" else None
        if value is None:
            continue
        text = value.text()
        if text in seen:
            yield value
        seen.add(text)
