"""Parses text with the grammars that come with the engine, where they need help with it."""

from typing import TYPE_CHECKING

from reviewloop.regex import regex
from reviewloop.sandbox.command_lines import for_bash

if TYPE_CHECKING:
    from ast_grep_py import SgNode

# Since Go 1.26 `new` takes a value, too (https://go.dev/doc/go1.26#language); the grammar reads a
# type there. A value is an ordinary argument of any other function; these begin a type.
_NEW_VALUE = regex(r"\bnew\((?!\s*(?:\[|map\s*\[|chan\b|<-|struct\b|func\b|interface\b))")
_ORDINARY = "New("


def parse(text: str, language: str) -> "SgNode":
    """Return the root of a text's syntax tree; errors in it are nodes too."""
    from ast_grep_py import SgRoot

    if language == "bash":
        return SgRoot(for_bash(text), language).root()
    root = SgRoot(text, language).root()
    if language == "go" and _NEW_VALUE.search(text) and root.find(kind="ERROR") is not None:
        other = SgRoot(_NEW_VALUE.sub(_ORDINARY, text), language).root()
        if other.find(kind="ERROR") is None:
            return other
    return root
