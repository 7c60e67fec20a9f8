"""Go rules on lost errors, and on programs that end too early."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT
from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.go.syntax import (
    argument,
    call_name,
    declaration_around,
    receiver,
    statements,
    text_of,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def find_panic_for_error(node: "SgNode", source: Source) -> "SgNode | None":
    """Find go/panic-for-error."""
    if receiver(node) or source.mentions(r"^package main\b"):
        return None
    around = declaration_around(node, source)
    name = around.field("name") if around is not None else None
    if name is None or re.match(r"[mM]ust|init$", name.text()):
        return None
    first = argument(node, 0)
    broken = first is not None and re.match(
        r"err\b|fmt\.(?:Sprint|Errorf)|errors\.New", first.text()
    )
    return node if broken and not source.mentions(r"recover\(\)") else None


def find_exit_in_library(node: "SgNode", source: Source) -> "SgNode | None":
    """Find go/exit-in-library."""
    of, name = receiver(node), call_name(node)
    if (of, name) != ("os", "Exit") and not (of == "log" and name.startswith("Fatal")):
        return None
    in_main = source.mentions(r"^package main\b")
    around = declaration_around(node, source)
    title = around.field("name") if around is not None else None
    documented = title is not None and re.match(
        r"main|init|TestMain|[eE]xit|[fF]atal|[mM]ust", title.text()
    )
    return None if in_main or documented else node


def find_request_without_context(node: "SgNode", source: Source) -> Found | None:
    """Find go/request-without-context."""
    around = declaration_around(node, source)
    given = around.field("parameters") if around is not None else None
    if receiver(node) != "context" or given is None:
        return None
    text = given.text()
    if "*http.Request" in text:
        return Found(node)
    return Found(node, severity=NIT) if re.search(r"\bctx context\.Context", text) else None


def find_error_not_wrapped(node: "SgNode", source: Source) -> "SgNode | None":
    """Find go/error-not-wrapped."""
    pattern = text_of(argument(node, 0))
    if receiver(node) != "fmt" or "%w" in pattern or not re.search(r"%[vs]", pattern):
        return None
    last = argument(node, pattern.count("%") - 2 * pattern.count("%%"))
    return node if last is not None and last.text() == "err" else None


def find_error_told_by_words(node: "SgNode", source: Source) -> "SgNode | None":
    """Find go/error-told-by-words."""
    first = argument(node, 0)
    called = first is not None and re.fullmatch(r"\w*err\.Error\(\)", first.text())
    return node if receiver(node) == "strings" and called else None


def find_unreachable(node: "SgNode", source: Source) -> "SgNode | None":
    """Find go/unreachable."""
    parts = statements(node)
    for index, part in enumerate(parts[:-1]):
        jumps = part.kind() in {"return_statement", "break_statement", "continue_statement"}
        fatal = part.kind() == "expression_statement" and part.text().startswith("panic(")
        if jumps or fatal:
            after = parts[index + 1]
            return None if after.kind() in {"labeled_statement", "empty_statement"} else after
    return None
