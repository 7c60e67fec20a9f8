"""JavaScript rules on untrusted text in a command or a query."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.js.fixed_pieces import of_fixed_pieces
from reviewloop.rules.js.request_input import tainted, value_of
from reviewloop.rules.js.syntax import argument, arguments, call_name, glued, pairs, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_SQL = regex(
    r"\b(?:select\s.{1,400}?\sfrom|insert\s+into|update\s+\S+\s+set|delete\s+from|drop\s+table"
    r"|create\s+(?:table|user|database)|alter\s+table|merge\s+into|exec(?:ute)?\s+\w"
    r"|where\s+\S+\s*(?:=|<|>|like|in)|union\s+select|order\s+by)",
    re.IGNORECASE | re.DOTALL,
)
_PROCESS = regex(r"(?:child_?process|cp|shell(?:js)?|require\(['\"](?:node:)?child_process)")
_PLACEHOLDERS = regex(r"placeholders?|marks?|columns?$|^fields?$|tableName|schema", re.IGNORECASE)


def find_command_injection(node: "SgNode", source: Source) -> Found | None:
    """Find js/command-injection."""
    of = receiver(node)
    if of and not _PROCESS.match(of) and not _names_processes(of, source):
        return None
    first = argument(node, 0)
    if first is None:
        return None
    name = call_name(node)
    if name in {"spawn", "spawnSync", "execFile", "execFileSync"} and not _in_shell(node):
        return Found(first) if name.startswith("spawn") and tainted(first, source) else None
    whole = value_of(first, source)
    parts = glued(whole)
    if parts is None:
        return Found(first) if tainted(whole, source) else None
    moving = [part for part in parts[1] if not of_fixed_pieces(part, source)]
    if any(tainted(part, source) for part in moving):
        return Found(first)
    return Found(first, severity=SHOULD) if moving else None


_MODULE = r"[\"'](?:node:)?child_process[\"']"
_IMPORTED = regex(
    r"\bimport\s+(?:\*\s*as\s+)?([\w$]{1,40})\s*(?:,[^;\n]{0,200})?\sfrom\s+"
    + _MODULE
    + r"|(?<![\w$])([\w$]{1,40})\s*=\s*require\(\s*"
    + _MODULE
)
_AROUND = 300  # characters before the name of the module that may hold its import


def _names_processes(name: str, source: Source) -> bool:
    """Whether a name is the file's import of the module for processes."""
    known: frozenset[str] | None = source.memo.get("names of processes")
    if known is None:
        pieces = (
            source.text[max(0, at.start() - _AROUND) : at.end() + 1]
            for at in re.finditer("child_process", source.text)
        )
        found = (match for piece in pieces for match in _IMPORTED.finditer(piece))
        known = frozenset(match.group(1) or match.group(2) for match in found)
        source.memo["names of processes"] = known
    return name in known


def _in_shell(node: "SgNode") -> bool:
    for given in arguments(node)[1:]:
        shell = pairs(given).get("shell")
        if shell is not None and shell.text() != "false":
            return True
    return False


def find_sql_injection(node: "SgNode", source: Source) -> Found | None:
    """Find js/sql-injection."""
    first = argument(node, 0)
    if first is None:
        return None
    if first.kind() == "object":
        first = pairs(first).get("text") or pairs(first).get("sql") or first
    whole = value_of(first, source)
    parts = glued(whole)
    if parts is None or not _SQL.search(parts[0]):
        return None
    moving = [part for part in parts[1] if not of_fixed_pieces(part, source)]
    if any(tainted(part, source) for part in moving):
        return Found(first, severity=MUST)
    named = all(_PLACEHOLDERS.search(part.text()[:200]) for part in moving)
    return None if named else Found(first, severity=SHOULD)
