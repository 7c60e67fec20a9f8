"""JavaScript rules on the contents of a server's responses."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source
from reviewloop.regex import regex
from reviewloop.rules.js.syntax import argument, function_around, receiver, text_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_REPLY = regex(r"(?:this\.)?(?:_?res|response|reply|ctx(?:\.res(?:ponse)?)?|c)$")


def find_stack_to_client(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/stack-to-client."""
    if not _REPLY.match(receiver(node).split(".status(")[0]):
        return None
    first = argument(node, 0)
    if first is None or first.kind() not in {"member_expression", "object", "template_string"}:
        return None
    return first if re.search(r"\b(?:e|err|error|ex)\.stack\b", first.text()[:500]) else None


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
