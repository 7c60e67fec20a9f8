"""Further conditions of sinks in the tables of JavaScript and Go: `test = "sql"` of a row."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from reviewloop.regex import regex
from reviewloop.rules.taint.values import CLEAN, TAINTED, Frame, Site, Value, text_of

SQL = regex(
    r"(?:select\s.{1,300}\sfrom|insert\s+into|update\s+\S+\s+set|delete\s+from|drop\s+table"
    r"|create\s+(?:table|user|database)|alter\s+table|merge\s+into|truncate\s|grant\s"
    r"|\bwhere\s+\S+\s*(?:=|<|>|like|in)|union\s+select|order\s+by)",
    re.IGNORECASE | re.DOTALL,
)
DATABASE = regex(
    r"(?:^|[._(])(?:\w*db|dbh|conn(?:ection)?|client|pool|knex|sequelize|mysql|pg|sql|tx|trx|prisma"
    r"|database|session|entitymanager|manager|datasource|sqlite|stmt|queryrunner)(?:\(\))?$",
    re.IGNORECASE,
)
_CONDITION = regex(r"\b\w+\s*(?:=|<|>|\blike\b|\bin\b)\s*['(%]*\x00", re.IGNORECASE)
_ADDRESS_FIXED = regex(r"https?://[^/\x00?#]*[^/\x00?#@:.][/?#]|/|\x01")
_TARGET_FIXED = regex(r"/[^/\\\x00]|\?|#|https?://[^/\x00]+[/?#]|\w+/|\x01")
_CHECKED = regex(
    rb"\.startsWith\(|\.relative\(|\.\.[\"'`]|isInside|sanitize|strings\.HasPrefix\(|IsLocal\("
    rb"|filepath\.Rel\(|os\.OpenRoot|strings\.Contains\("
)


class Names(Protocol):
    """The interface that conditions use to query the language."""

    @property
    def mongo(self) -> re.Pattern[str]:
        """A pattern that matches in files that use MongoDB."""

    def path_of(self, path: str) -> str:
        """Return the path of a callee as in the table."""


def callee_text(frame: Frame, site: Site) -> str:
    """Return the text of a callee in the file."""
    return frame.machine.text(site.expr.callee.start, site.expr.callee.end)


def _sql(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    if value.seq is not None:
        return False
    if value.items is not None:
        value = value.items.get("text") or value.items.get("sql") or CLEAN
        if not value.taints:
            return False
    text = text_of(value) or ""
    if SQL.search(text):
        return TAINTED in text
    owner = callee_text(frame, site).rpartition(".")[0]
    named = DATABASE.search(names.path_of(site.receiver.path)) or DATABASE.search(owner)
    return text == TAINTED and named is not None


def _condition(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    return _CONDITION.search(text_of(value) or "") is not None


def _program(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    options = next((arg for arg in site.args[1:] if arg.items is not None), None)
    shell = (options.items or {}).get("shell") if options is not None else None
    if shell is not None and shell.const is not False:
        return True
    return text_of(value) == TAINTED and "spawn" in site.name


_SHELLS = frozenset({"sh", "bash", "zsh", "dash", "cmd", "cmd.exe", "powershell", "pwsh"})


def _command(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    """Match outside data as the program, or a shell that runs the text."""
    program = site.args[1 if site.name.endswith("Context") else 0]
    if value is program:
        return True
    return isinstance(program.const, str) and program.const.rpartition("/")[2] in _SHELLS


def _sql_text(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    text = text_of(value) or ""
    return TAINTED in text and SQL.search(text) is not None


def _path(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    info = frame.info
    body = frame.machine.source[info.node.start : info.node.end] if info is not None else b""
    return _CHECKED.search(body[:30_000]) is None


def _sent_file(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    if any(arg.items is not None and "root" in arg.items for arg in site.args[1:]):
        return False
    return _path(names, frame, site, value)


def _html(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    text = text_of(value) or ""
    return ("<" in text and TAINTED in text) or (text == TAINTED and _may_be_page(value))


def _answered_html(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    """Match a response; writes to a hash, a file or a buffer have the same names."""
    return site.receiver.path in {"@writer", "@gin.Writer"} and _html(names, frame, site, value)


def _may_be_page(value: Value) -> bool:
    """Whether a parameter is the whole output: callers may pass HTML."""
    return all(taint.origin.kind == "param" and taint.bare for taint in value.taints)


_HASH = r"(?:sha\d+|md5|hmac|fnv|crc\d+)\.New"


def _is_a_hash(frame: Frame, site: Site) -> bool:
    """Whether what is written to computes a hash: it has the methods of a response, too."""
    if not site.expr.arguments:
        return False
    first = site.expr.arguments[0].value
    name = frame.machine.text(first.start, first.end)
    if re.match(_HASH, name):
        return True
    text = frame.machine.source.decode("utf-8", "replace")
    made = rf"\b{re.escape(name)}(?:\s+hash\.Hash|\s*:?=\s*{_HASH})"
    return name.isidentifier() and re.search(made, text) is not None


def _written_html(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    if _is_a_hash(frame, site):
        return False
    format_text = text_of(site.args[1]) or "" if len(site.args) > 1 else ""
    return "<" in format_text or _html(names, frame, site, value)


def address_in(value: Value) -> Value:
    """Return what decides the address in the options of a request; other values as they are."""
    if value.items is None:
        return value
    named = (value.items.get(name) for name in ("url", "host", "hostname"))
    return next((one for one in named if one is not None), CLEAN)


def _address(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    value = address_in(value)
    fields = value.fields or {}
    if any(name in fields and not fields[name].taints for name in ("host", "hostname")):
        return False  # set after the address was read
    text = text_of(value)
    return bool(value.taints) and (text is None or not _ADDRESS_FIXED.match(text))


def _sent_address(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    """Whether a request that is made may go over the network; a handler answers it in here."""
    source = frame.machine.source
    answered = b".ServeHTTP(" in source and b".Do(" not in source and b"RoundTrip(" not in source
    return not answered and _address(names, frame, site, value)


_HTTP_CLIENT = regex(rb"\bhttp\.(?:Default)?Client\b|\b(?:resty|retryablehttp|heimdall)\b")
_OTHER_PROTOCOL = regex(rb"(?i)fcgi|fastcgi|memcache|redis|etcd|grpc")


def is_http_client(frame: Frame) -> bool:
    """Whether a file names a client of HTTP: those of other protocols have the same methods."""
    return _HTTP_CLIENT.search(frame.machine.source) is not None


def _client_address(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    if not is_http_client(frame) and _OTHER_PROTOCOL.search(frame.machine.source):
        return False
    named = site.receiver.path.rpartition(".")[2].lower()
    return "client" in named and _address(names, frame, site, value)


def _target(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    text = text_of(value)
    return text is None or not _TARGET_FIXED.match(text)


def _mongo(names: Names, frame: Frame, site: Site, value: Value) -> bool:
    if not names.mongo.search(frame.machine.source.decode("utf-8", "replace")):
        return False
    return value.items is not None or value.path.endswith(("body", "query"))


TABLE_TESTS: dict[str, Callable[[Names, Frame, Site, Value], bool]] = {
    "sql": _sql,
    "sql text": _sql_text,
    "condition": _condition,
    "program": _program,
    "command": _command,
    "path": _path,
    "sent file": _sent_file,
    "html": _html,
    "answered html": _answered_html,
    "written html": _written_html,
    "address": _address,
    "sent address": _sent_address,
    "client address": _client_address,
    "target": _target,
    "mongo": _mongo,
}
