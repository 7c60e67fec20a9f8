"""Go: text from outside that becomes a command, a query, a page, a path or an address."""

from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.go.syntax import (
    argument,
    arguments,
    call_name,
    declaration_around,
    glued,
    literal,
    receiver,
    tainted,
    text_of,
    value_of,
)
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_SQL = Regex(
    r"(?is)^\W*(?:select\s.{1,400}?\sfrom|insert\s+into|update\s+\S+\s+set|delete\s+from|drop\s+table"
    r"|create\s+\w+|alter\s+table|with\s+\w+\s+as|truncate\s|grant\s)|\swhere\s"
)
_CONDITION = Regex(r"(?i)\b\w+\s*(?:=|<|>|\blike\b|\bin\b)\s*['(%]*(?:%[svq]|$|')")
_CONDITIONS = ("Where", "Having", "Not", "Or")
_SHELLS = frozenset({"sh", "bash", "/bin/sh", "/bin/bash", "zsh", "cmd", "cmd.exe", "powershell"})
_INSIDE = Regex(
    r"strings\.(?:HasPrefix|Contains)\(|filepath\.(?:IsLocal|Rel|Base)\(|os\.(?:OpenRoot|Root)|\.\.\""
)
_FIXED_HOST = Regex(r"https?://[^/%]+[/?]")
_FILES = frozenset(
    {
        ("os", "Open"),
        ("os", "OpenFile"),
        ("os", "ReadFile"),
        ("os", "Create"),
        ("os", "WriteFile"),
        ("os", "Remove"),
        ("os", "RemoveAll"),
        ("ioutil", "ReadFile"),
        ("ioutil", "WriteFile"),
        ("http", "ServeFile"),
        ("c", "File"),
        ("c", "FileAttachment"),
    }
)


def find_command_injection(node: "SgNode", source: Source) -> Found | None:
    """Find go/command-injection."""
    if receiver(node) != "exec":
        return None
    given = arguments(node)[1 if call_name(node) == "CommandContext" else 0 :]
    if not given:
        return None
    shell = text_of(given[0]).rsplit("/", 1)[-1] in _SHELLS
    if shell and len(given) > 2 and text_of(given[1]).lower() in {"-c", "/c", "-ec", "-lc"}:
        script = value_of(given[2], source)
        if tainted(script, source) or tainted(given[2], source):
            return Found(node, severity=MUST)
        return Found(node) if glued(script) is not None else None
    return Found(given[0], severity=MUST) if tainted(given[0], source) else None


def find_sql_injection(node: "SgNode", source: Source) -> Found | None:
    """Find go/sql-injection."""
    for given in arguments(node)[:2]:
        whole = value_of(given, source)
        fixed = glued(whole)
        required = _CONDITION if call_name(node) in _CONDITIONS else _SQL
        if fixed is not None and required.search(fixed):
            dirty = tainted(whole, source)
            return Found(given, severity=MUST if dirty else SHOULD)
    return None


def find_html_not_escaped(node: "SgNode", source: Source) -> Found | None:
    """Find go/html-not-escaped."""
    first = argument(node, 0)
    if receiver(node) != "template" or first is None or literal(first):
        return None
    return Found(node, severity=MUST if tainted(first, source) else SHOULD)


def find_reflected_html(node: "SgNode", source: Source) -> "SgNode | None":
    """Find go/reflected-html."""
    given = arguments(node)
    name, of = call_name(node), receiver(node)
    if name in {"Fprintf", "Fprint", "Fprintln", "WriteString"} and of in {"fmt", "io"}:
        if not given or given[0].text() not in {"w", "rw", "res", "writer"}:
            return None
        parts = given[1:]
    elif name == "Write" and of in {"w", "rw"}:
        parts = given
    else:
        return None
    if not any("<" in part.text() for part in parts):
        return None
    return next((part for part in parts if tainted(part, source)), None)


def find_path_traversal(node: "SgNode", source: Source) -> "SgNode | None":
    """Find go/path-traversal."""
    of, name = receiver(node), call_name(node)
    if (of, name) not in _FILES:
        return None
    given = argument(node, 2 if name == "ServeFile" else 0)
    if given is None or not tainted(given, source):
        return None
    function = declaration_around(node, source)
    checked = function is not None and _INSIDE.search(function.text()[:30_000])
    return None if checked else given


def find_request_to_any_host(node: "SgNode", source: Source) -> "SgNode | None":
    """Find go/request-to-any-host."""
    of, name = receiver(node), call_name(node)
    if of != "http":
        return None
    given = argument(node, {"NewRequest": 1, "NewRequestWithContext": 2}.get(name, 0))
    if given is None:
        return None
    fixed = glued(value_of(given, source))
    if fixed is not None and _FIXED_HOST.match(fixed):
        return None
    return given if tainted(given, source) else None


def find_open_redirect(node: "SgNode", source: Source) -> "SgNode | None":
    """Find go/open-redirect."""
    of = receiver(node)
    given = argument(node, 2 if of == "http" else 1)
    if given is None or of not in {"http", "c", "ctx"}:
        return None
    fixed = glued(value_of(given, source))
    if fixed is not None and (fixed.startswith("/") or _FIXED_HOST.match(fixed)):
        return None
    whole = value_of(given, source).text()
    return None if ".URL.Path" in whole or not tainted(given, source) else given
