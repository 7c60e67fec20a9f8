"""Go rules on lost errors, and on programs that end too early."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT
from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.go.syntax import (
    argument,
    declaration_around,
    receiver,
    text_of,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def find_request_without_context(node: "SgNode", source: Source) -> Found | None:
    """Return a new context in a function that is given a request or, as a nit, a context."""
    around = declaration_around(node, source)
    given = around.field("parameters") if around is not None else None
    if receiver(node) != "context" or given is None:
        return None
    text = given.text()
    if "*http.Request" in text:
        return Found(node)
    return Found(node, severity=NIT) if re.search(r"\bctx context\.Context", text) else None


def find_error_not_wrapped(node: "SgNode", source: Source) -> "SgNode | None":
    """Return an `fmt.Errorf` whose last value is `err`, formatted without `%w`; else None."""
    pattern = text_of(argument(node, 0))
    if receiver(node) != "fmt" or "%w" in pattern or not re.search(r"%[vs]", pattern):
        return None
    last = argument(node, pattern.count("%") - 2 * pattern.count("%%"))
    return node if last is not None and last.text() == "err" else None
