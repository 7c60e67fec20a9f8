"""Shell rules on names with blanks, stars or backslashes."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.regex import regex
from reviewloop.rules.sh.commands import words_of
from reviewloop.rules.sh.source import Flaw, Script

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_BARE = frozenset({"simple_expansion", "expansion", "command_substitution"})
_NUMBERS = regex(
    r"\$(?:[?#$!]|\{#|\{?(?:i|n|pid|status|code|rc|count|num\w*|port|UID|EUID|RANDOM)\b)"
)


def _bare(word: "SgNode") -> "SgNode | None":
    """Return the expansion in a word that is split for lack of quotes."""
    if word.kind() in _BARE:
        return word
    if word.kind() != "concatenation":
        return None
    return next((part for part in word.children() if part.kind() in _BARE), None)


def find_unquoted(script: Script) -> Iterator[Flaw]:
    """Find sh/unquoted."""
    for node, command in script.named("rm", "mv", "cp", "ln", "mkdir", "rmdir"):
        for word in words_of(node)[1:]:
            found = _bare(word)
            if found is None or found.kind() == "command_substitution":
                continue
            if _NUMBERS.match(found.text()) or re.search(
                r"(?i)opts|args|flags|files", found.text()
            ):
                continue
            severity = SHOULD if command.name == "rm" and command.has("r", "R") else NIT
            yield Flaw(node, f"`{found.text()[:60]}` is split at blanks.", severity)
            break


def find_loop_over_ls(script: Script) -> Iterator[Flaw]:
    """Find sh/loop-over-ls."""
    for node in script.nodes("for_statement"):
        for value in node.named_children():
            inside = value.text()
            if value.kind() == "command_substitution" and re.match(r"(?:\$\(|`)\s*ls\b", inside):
                yield Flaw(value)
