"""Shell scripts: what breaks on names with blanks, stars or backslashes."""

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MAINTAINABILITY, NIT, SHOULD
from reviewloop.rules.lazy_regex import Regex
from reviewloop.rules.sh.commands import words_of
from reviewloop.rules.sh.source import Script, ShellRule, Spot, row

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_CHECK = "https://www.shellcheck.net/wiki/"
_BARE = frozenset({"simple_expansion", "expansion", "command_substitution"})
_NUMBERS = Regex(
    r"\$(?:[?#$!]|\{#|\{?(?:i|n|pid|status|code|rc|count|num\w*|port|UID|EUID|RANDOM)\b)"
)
_row = partial(row, reviewer=MAINTAINABILITY)


def _bare(word: "SgNode") -> "SgNode | None":
    """Return the expansion in a word that is split, as no quotes are around it."""
    if word.kind() in _BARE:
        return word
    if word.kind() != "concatenation":
        return None
    return next((part for part in word.children() if part.kind() in _BARE), None)


def _unquoted(script: Script) -> Iterator[Spot]:
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
            yield Spot(node, f"`{found.text()[:60]}` is split at blanks.", severity)
            break


def _compared(script: Script) -> Iterator[Spot]:
    for node in script.nodes("test_command"):
        text = node.text()
        if text.startswith("[["):
            continue
        for part in script_parts(node):
            if part.kind() in _BARE and not _NUMBERS.match(part.text()):
                if (
                    re.search(r"-(?:eq|ne|lt|gt|le|ge)\s", text)
                    or part.kind() != "simple_expansion"
                ):
                    continue
                yield Spot(node, f"`{part.text()[:60]}` may be empty or have blanks.")
                break


def script_parts(test: "SgNode") -> "list[SgNode]":
    """Return the operands of a test, those of nested operators included."""
    found: list[SgNode] = []
    todo = list(test.named_children())
    while todo and len(found) < 50:
        node = todo.pop(0)
        if node.kind() in {"binary_expression", "unary_expression", "parenthesized_expression"}:
            todo.extend(node.named_children())
        else:
            found.append(node)
    return found


def _backticks(script: Script) -> Iterator[Spot]:
    for node in script.nodes("command_substitution"):
        if node.text().startswith("`"):
            yield Spot(node)


def _listed(script: Script) -> Iterator[Spot]:
    for node in script.nodes("for_statement"):
        for value in node.named_children():
            inside = value.text()
            if value.kind() == "command_substitution" and re.match(r"(?:\$\(|`)\s*ls\b", inside):
                yield Spot(value)


def _raw_read(script: Script) -> Iterator[Spot]:
    for node, command in script.named("read"):
        if not command.has("r") and not command.has("s", "n", "p", "t"):
            yield Spot(node)


PATTERNS = (
    ShellRule(
        _row(
            "unquoted",
            severity=NIT,
            source=_CHECK + "SC2086",
            category="quoting",
            title="A variable stands without quotes where files are moved or removed.",
            why="A blank or star in its value makes several names of one.",
            fix='Put double quotes around it: "$name".',
            bad="rm -rf $dir\n---\nmv $old backup/",
            good='rm -rf "$dir"\n---\nrm -f $RM_OPTS "$a"',
        ),
        _unquoted,
        ("$",),
    ),
    ShellRule(
        _row(
            "test-unquoted",
            severity=NIT,
            source=_CHECK + "SC2086",
            category="quoting",
            title="A variable stands without quotes in a test.",
            why="If it is empty or has a blank, the test fails with an error.",
            fix="Put double quotes around it, or use [[ ]].",
            bad="if [ $name = x ]; then f; fi",
            good='if [ "$name" = x ]; then f; fi\n---\nif [[ $name = x ]]; then f; fi\n---\n'
            "if [ $? -eq 0 ]; then f; fi\n---\nif [ $count -gt 1 ]; then f; fi",
        ),
        _compared,
        ("[ ",),
    ),
    ShellRule(
        _row(
            "backticks",
            severity=NIT,
            source=_CHECK + "SC2006",
            title="Backticks are hard to nest and to quote.",
            why="Backslashes inside them mean something else.",
            fix="Write $(...).",
            bad="now=`date`",
            good="now=$(date)\n---\necho 'a `b` c'",
        ),
        _backticks,
        ("`",),
    ),
    ShellRule(
        _row(
            "loop-over-ls",
            severity=SHOULD,
            source=_CHECK + "SC2045",
            title="A loop goes over what ls prints.",
            why="Names with blanks become several names.",
            fix="Use a pattern: for f in *.txt",
            bad='for f in $(ls *.txt); do cat "$f"; done',
            good='for f in *.txt; do cat "$f"; done',
        ),
        _listed,
        ("ls",),
    ),
    ShellRule(
        _row(
            "read-without-r",
            severity=NIT,
            source=_CHECK + "SC2162",
            title="read without -r swallows backslashes.",
            why="A path or pattern in the input arrives changed.",
            fix="Use `read -r`.",
            bad='while read line; do echo "$line"; done < a',
            good='while IFS= read -r line; do echo "$line"; done < a',
        ),
        _raw_read,
        ("read",),
    ),
)
