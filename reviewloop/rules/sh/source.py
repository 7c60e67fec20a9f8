"""A parsed shell script with its commands, and the locations of hits."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from reviewloop.analysis.contract import Hit, Rule, SourceFile, Span
from reviewloop.analysis.parsing import parse
from reviewloop.analysis.patterns import nodes_of, span_of
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.rules.sh.commands import Command, command_of, piping

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_STRICT = regex(r"^\s*set\s+-\w*e|^\s*set\s+-o\s+errexit|^#!.*\s-\w*e", re.MULTILINE)


@dataclass
class Script:
    """One parsed script; lives for one run."""

    file: SourceFile
    root: "SgNode"
    memo: dict[tuple[str, ...], "list[SgNode]"] = field(default_factory=dict)
    read: "list[tuple[SgNode, Command]]" = field(default_factory=list)

    def nodes(self, *kinds: str) -> "list[SgNode]":
        """Return every node of these kinds, in order."""
        if kinds not in self.memo:
            self.memo[kinds] = nodes_of(self.root, kinds)
        return self.memo[kinds]

    @property
    def commands(self) -> "list[tuple[SgNode, Command]]":
        """Every simple command with its node."""
        if not self.read:
            pipes = piping(self.root)
            pairs = ((node, command_of(node, pipes)) for node in self.nodes("command"))
            self.read.extend((node, found) for node, found in pairs if found is not None)
        return self.read

    def named(self, *names: str) -> "Iterator[tuple[SgNode, Command]]":
        """Yield the commands with one of these names."""
        for node, command in self.commands:
            if command.name in names:
                yield node, command

    @property
    def strict(self) -> bool:
        """Whether the script ends at the first command that fails."""
        return _STRICT.search(self.file.text) is not None


class Flaw(NamedTuple):
    """The location of a hit in a shell script."""

    node: "SgNode"
    message: str = ""
    severity: Severity | None = None


def script_of(file: SourceFile) -> Script:
    """Return a script, parsed."""
    return Script(file, parse(file.text, "bash"))


def hit_of(rule: Rule, flaw: Flaw, path: str) -> Hit:
    """Return the hit for a location; a location of many lines is shown by its first line."""
    span = span_of(flaw.node)
    if span.end_line > span.line + 3:
        span = Span(span.line, span.line)
    return Hit(rule.id, path, span, flaw.message or rule.title, flaw.severity)
