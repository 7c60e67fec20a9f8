"""Decide whether a call that looks like a sink is one, and which of its arguments count."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from reviewloop.rules.taint.frame import Frame
from reviewloop.rules.taint.sinks import SINKS
from reviewloop.rules.taint.sinks_code import Sink
from reviewloop.rules.taint.values import TAINTED, Value, first_of, text_of
from reviewloop.rules.taint.web_tests import WEB_TESTS

if TYPE_CHECKING:
    from reviewloop.rules.taint.calls import Site

Test = Callable[[Frame, "Site", Value], bool]

_DATABASE = re.compile(
    r"(?:^|[._(])(?:cur|curs|cursor|c|con|conn|connection|connections|db|database|engine|session|"
    r"sess|tx|transaction|trans|pool|sql|sqlite|mysql|pg|postgres|dbh|crsr|connect|acquire|"
    r"db_session|read_session|write_session|\w*_(?:db|conn|cur|cursor|connection|engine|session|pool"
    r"|database))(?:\(\)|\[\])*$",
    re.IGNORECASE,
)
_SQL = re.compile(
    r"^\W*(?:select|insert|update|delete|replace|create|drop|alter|with|call|exec|merge|pragma|"
    r"truncate|grant|show|set|explain)\b|\b(?:where|from|order by|values)\b",
    re.IGNORECASE,
)
_SHELLS = frozenset(
    [
        "sh",
        "bash",
        "zsh",
        "dash",
        "ksh",
        "cmd",
        "cmd.exe",
        "powershell",
        "pwsh",
        "powershell.exe",
        "ssh",
    ]
)
_FILTER = re.compile(r"\([&|!(]*[\w.;-]+\s*[~<>]?=|(?:^|,|\b)(?:cn|uid|ou|dc|dn|o)=", re.IGNORECASE)
_MONGO = ("pymongo", "motor", "flask_pymongo", "mongoengine", "beanie", "mongo", "bson")
_XML_PACKAGES = ("lxml", "xml", "elementtree", "etree", "elementpath", "defusedxml")


def check_sinks(frame: Frame, site: Site) -> None:
    """Note every sink that a call is and that outside data reaches."""
    rows = SINKS.get(site.name)
    if rows is None:
        return
    for row in rows:
        if row.callee != site.path and not _is_method(row, site):
            continue
        for place in row.args:
            value = _argument(site, place)
            if value is None or not value.taints:
                continue
            if not row.test or TESTS[row.test](frame, site, value):
                _note(frame, site, row, value)
                return


def _is_method(row: Sink, site: Site) -> bool:
    return row.callee.startswith(".") and site.callee.bound is not None


def _argument(site: Site, place: int | str) -> Value | None:
    if isinstance(place, str):
        return site.keywords.get(place)
    if place < 0:
        return site.receiver
    return site.args[place] if place < len(site.args) else None


def _note(frame: Frame, site: Site, row: Sink, value: Value) -> None:
    what = f"`{frame.machine.text(site.expr.callee.start, site.expr.callee.end)}()`"
    category = row.rule
    if row.rule == "command-injection" and value.seq is not None:
        value = _risky_words(value)
    frame.reach(row.rule, site.expr, value, what, row.sure, category)


def _risky_words(value: Value) -> Value:
    """Return what of an argument list is a program or a shell's script."""
    members = value.seq or ()
    first = members[0].const if members else None
    if isinstance(first, str) and first.rpartition("/")[2].lower() in _SHELLS:
        return value
    if not isinstance(first, str) and any(m.const in ("-c", "/c", "/C") for m in members[1:2]):
        return value
    return members[0] if members else value


def _flag(site: Site, name: str) -> bool:
    value = site.keywords.get(name)
    return value is not None and value.const is not False and value.const not in (None, 0)


def _process(frame: Frame, site: Site, value: Value) -> bool:
    """A shell runs the text, or the program itself comes from outside."""
    if _flag(site, "shell"):
        return True
    if value.seq is not None:
        return bool(_risky_words(value).taints)
    text = text_of(value)
    first = first_of(value)
    if first is not None:
        shell = isinstance(first.const, str) and first.const.rpartition("/")[2] in _SHELLS
        return bool(first.taints) or shell
    if "shlex.split()" in value.path or "list()" in value.path:
        return text is not None and text.startswith(TAINTED) and "shlex" in value.path
    return True


def _program(frame: Frame, site: Site, value: Value) -> bool:
    return True


def _remote_shell(frame: Frame, site: Site, value: Value) -> bool:
    return frame.machine.uses("fabric", "invoke", "asyncssh", "paramiko") and not value.seq


def _whole(frame: Frame, site: Site, value: Value) -> bool:
    return True


def _template(frame: Frame, site: Site, value: Value) -> bool:
    if site.path == "Template":
        return not frame.machine.uses("string")
    return (
        site.path != "bottle.template"
        or "{" in (text_of(value) or "")
        or (len(text_of(value) or "") > 1)
    )


def _a_path(frame: Frame, site: Site, value: Value) -> bool:
    """A file name, not an upload or a stream that is already open."""
    reads = ("FILES", "files", "stream", "StringIO()", "BytesIO()", ".file", "open()", "body")
    if any(part in value.path for part in reads) and not value.path.endswith(("filename", "name")):
        return False
    return site.path != "file" or not frame.machine.uses("django")


def _path_object(frame: Frame, site: Site, value: Value) -> bool:
    return "pathlib.Path" in value.path or value.path.startswith(("Path(", "pathlib."))


def _upload(frame: Frame, site: Site, value: Value) -> bool:
    """`upload.save(path)`: only objects that came with the request, or images."""
    path = site.receiver.path
    return bool(site.receiver.taints) or "Image" in path or "file" in path.lower()


def _database(frame: Frame, site: Site, value: Value) -> bool:
    """A statement built as text and given to something that runs SQL."""
    if value.seq is not None or value.items is not None:
        return False
    text = text_of(value) or ""
    if _SQL.search(text) and len(text) > 1:
        return True
    return bool(_DATABASE.search(site.receiver.path)) and not site.receiver.path.startswith("@")


def _sql_text(frame: Frame, site: Site, value: Value) -> bool:
    text = text_of(value)
    return text is not None and len(text) > 8 and bool(_SQL.search(text))


def _sql_or_manager(frame: Frame, site: Site, value: Value) -> bool:
    return _sql_text(frame, site, value) or site.receiver.path.endswith((".objects", ".query"))


def _directory(frame: Frame, site: Site, value: Value) -> bool:
    text = text_of(value) or ""
    return bool(_FILTER.search(text)) or frame.machine.uses("ldap", "ldap3", "bonsai")


def _element(frame: Frame, site: Site, value: Value) -> bool:
    text = text_of(value) or ""
    looks = "[" in text or "/" in text
    return looks and frame.machine.uses(*_XML_PACKAGES)


def _raw_bytes(frame: Frame, site: Site, value: Value) -> bool:
    return "open()" not in value.path


def _yaml_loader(frame: Frame, site: Site, value: Value) -> bool:
    loader = site.argument(1, "Loader")
    if loader is None:
        return True
    return "Safe" not in loader.path and "BaseLoader" not in loader.path


def _allows_pickle(frame: Frame, site: Site, value: Value) -> bool:
    return _flag(site, "allow_pickle")


def _unsafe_parser(value: Value) -> bool:
    return bool((value.fields or {}).get("(external)"))


def _xml_parser(frame: Frame, site: Site, value: Value) -> bool:
    """A parser told to load external entities; lxml's own default is only suspected."""
    parsers = [*site.args[1:], *site.keywords.values()]
    if any(_unsafe_parser(parser) for parser in parsers):
        return True
    told = any("(safe)" in (parser.fields or {}) for parser in parsers)
    if site.path.startswith("lxml.etree.") and not told:
        what = f"`{frame.machine.text(site.expr.callee.start, site.expr.callee.end)}()`"
        frame.reach("xxe", site.expr, value, what, sure=False)
    return False


def _xml_parser_object(frame: Frame, site: Site, value: Value) -> bool:
    return _unsafe_parser(site.receiver)


def _mongo(frame: Frame, site: Site, value: Value) -> bool:
    if not frame.machine.uses(*_MONGO):
        return False
    where = (value.items or {}).get("$where")
    if where is not None and where.taints:
        frame.reach("nosql-injection", site.expr, where, "`$where`", category="nosql-code")
    return True


def _never(frame: Frame, site: Site, value: Value) -> bool:
    return False


TESTS: dict[str, Test] = {
    **WEB_TESTS,
    "process": _process,
    "program": _program,
    "remote shell": _remote_shell,
    "whole": _whole,
    "template": _template,
    "a path": _a_path,
    "path object": _path_object,
    "upload": _upload,
    "database": _database,
    "sql text": _sql_text,
    "sql text or manager": _sql_or_manager,
    "directory": _directory,
    "element": _element,
    "raw bytes": _raw_bytes,
    "yaml loader": _yaml_loader,
    "allows pickle": _allows_pickle,
    "xml parser": _xml_parser,
    "xml parser object": _xml_parser_object,
    "mongo": _mongo,
    "never": _never,
}
