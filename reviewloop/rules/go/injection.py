"""Go rules on variable text in a command, a query or a page."""

from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.go.fixed_pieces import moving_parts
from reviewloop.rules.go.syntax import (
    argument,
    arguments,
    call_name,
    glued,
    literal,
    receiver,
    tainted,
    text_of,
    value_of,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_SQL = regex(
    r"(?is)^\W*(?:select\s.{1,400}?\sfrom|insert\s+into|update\s+\S+\s+set|delete\s+from|drop\s+table"
    r"|create\s+\w+|alter\s+table|with\s+\w+\s+as|truncate\s|grant\s)|\swhere\s"
)
_CONDITION = regex(r"(?i)\b\w+\s*(?:=|<|>|\blike\b|\bin\b)\s*['(%]*(?:%[svq]|$|')")
_CONDITIONS = ("Where", "Having", "Not", "Or")
_SHELLS = frozenset({"sh", "bash", "/bin/sh", "/bin/bash", "zsh", "cmd", "cmd.exe", "powershell"})


def find_command_injection(node: "SgNode", source: Source) -> Found | None:
    """Return a program or script from a tainted value, or a script that is glued together."""
    if receiver(node) != "exec":
        return None
    given = arguments(node)[1 if call_name(node) == "CommandContext" else 0 :]
    if not given:
        return None
    shell = text_of(given[0]).rsplit("/", 1)[-1] in _SHELLS
    if shell and len(given) > 2 and text_of(given[1]).lower() in {"-c", "/c", "-ec", "-lc"}:
        script = value_of(given[2], source)
        if glued(script) is None:
            return Found(node, severity=MUST) if tainted(script, source) else None
        moving = moving_parts(script, source)
        if any(tainted(part, source) for part in moving):
            return Found(node, severity=MUST)
        return Found(node) if moving else None
    return Found(given[0], severity=MUST) if tainted(given[0], source) else None


def find_sql_injection(node: "SgNode", source: Source) -> Found | None:
    """Return an argument of a call that is SQL glued together with a value that is not fixed."""
    for given in arguments(node)[:2]:
        whole = value_of(given, source)
        fixed = glued(whole)
        required = _CONDITION if call_name(node) in _CONDITIONS else _SQL
        if fixed is not None and required.search(fixed):
            moving = moving_parts(whole, source)
            if any(tainted(part, source) for part in moving):
                return Found(given, severity=MUST)
            if moving:
                return Found(given, severity=SHOULD)
    return None


def find_html_not_escaped(node: "SgNode", source: Source) -> Found | None:
    """Return a conversion to `template.HTML` or alike of a value that is no literal."""
    first = argument(node, 0)
    if receiver(node) != "template" or first is None or literal(first):
        return None
    return Found(node, severity=MUST if tainted(first, source) else SHOULD)
