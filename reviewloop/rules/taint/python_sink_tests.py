"""Decides whether a call that looks like a sink is one, and which arguments count."""

from __future__ import annotations

import re
from collections.abc import Callable

from reviewloop.regex import regex
from reviewloop.rules.taint.access import names_secret, open_prefix, replace
from reviewloop.rules.taint.python_table import Sink, python_table
from reviewloop.rules.taint.syntax import Attr, Const
from reviewloop.rules.taint.values import (
    FLOWS,
    TAINTED,
    Found,
    Frame,
    Site,
    Taint,
    Value,
    constant,
    duplicate,
    first_of,
    text_of,
)

_RANDOM = frozenset(
    [
        "random",
        "randint",
        "randrange",
        "choice",
        "choices",
        "sample",
        "getrandbits",
        "randbytes",
        "uniform",
        "gauss",
        "normalvariate",
        "triangular",
        "betavariate",
        "expovariate",
        "gammavariate",
        "lognormvariate",
        "paretovariate",
        "vonmisesvariate",
        "weibullvariate",
        "shuffle",
    ]
)
_RANDOM_OWNERS = frozenset({"random", "random.Random()", "numpy.random", "np.random"})
_OLD_HASHES = frozenset({"md5", "md4", "sha1", "sha", "md2"})
_PARSER_SWITCHES = ("feature_external_ges", "external-general-entities", "feature_external_pes")


def weak_call(frame: Frame, site: Site) -> Value | None:
    """Report a weak call; return its result unless it is known better elsewhere."""
    name = site.name
    owner = site.path.rpartition(".")[0]
    if name in _RANDOM and owner in _RANDOM_OWNERS:
        origin = frame.machine.origin(site.expr, "random")
        return Value(taints=(Taint(origin, FLOWS),), path=f"{site.path}()")
    if name == "set_cookie" or name == "set_signed_cookie":
        _cookie(frame, site)
    elif site.path == "hashlib.new":
        _old_hash(frame, site)
    elif name == "setFeature" and len(site.args) == 2:
        _switch(frame, site)
    elif name in {"XMLParser", "ETCompatXMLParser", "iterparse"}:
        return _parser(site)
    return None


def _note(frame: Frame, site: Site, rule: str, what: str, sure: bool = True) -> None:
    path = frame.machine.path
    frame.machine.report(Found(rule, site.expr.start, site.expr.end, what, None, sure, path))


def _cookie(frame: Frame, site: Site) -> None:
    """Check a cookie that may travel unencrypted, or one that must not be guessable."""
    if site.receiver.path.startswith(("requests", "httpx", "selenium")):
        return
    key = site.argument(0, "key")
    name = key.const if key is not None and isinstance(key.const, str) else ""
    value = site.argument(1, "value")
    if value is not None:
        frame.reach("weak-random", site.expr, value, f"the cookie {name}".strip())
    secure = site.keywords.get("secure")
    if secure is not None and secure.const is False:
        _note(frame, site, "secure-cookie", "is sent with secure=False")
    elif secure is None and names_secret(name) and not site.starred and frame.machine.web:
        _note(frame, site, "secure-cookie", f"holds `{name}` and is set without secure=True")


def _old_hash(frame: Frame, site: Site) -> None:
    """Only if the name is in a variable: linters report literals."""
    kind = site.argument(0, "name")
    if kind is None or not isinstance(kind.const, str) or kind.const.lower() not in _OLD_HASHES:
        return
    useful = site.keywords.get("usedforsecurity")
    if useful is not None and useful.const is False:
        return
    if site.expr.arguments and not _literal(site):
        _note(frame, site, "weak-hash", kind.const)


def _literal(site: Site) -> bool:

    return any(
        isinstance(argument.value, Const)
        for position, argument in enumerate(site.expr.arguments)
        if argument.name == "name" or (position == 0 and not argument.name)
    )


def _switch(frame: Frame, site: Site) -> None:
    """`parser.setFeature(feature_external_ges, True)`."""
    which = site.args[0].path or str(site.args[0].const)
    if not any(name in which for name in _PARSER_SWITCHES):
        return
    parser = duplicate(site.receiver)
    parser.fields = dict(parser.fields or {})
    parser.fields.pop("(external)", None)
    if site.args[1].const in (True, 1):
        parser.fields["(external)"] = constant(True)
    if isinstance(site.expr.callee, Attr):
        replace(frame, site.expr.callee.owner, parser)


def _parser(site: Site) -> Value:
    """Return an lxml parser; its options decide whether it loads entities."""
    made = Value(path=f"{site.path}()")
    for name, risky in (("resolve_entities", True), ("load_dtd", True), ("no_network", False)):
        value = site.keywords.get(name)
        if value is not None and value.const is risky:
            made.fields = {"(external)": constant(True)}
    entities = site.keywords.get("resolve_entities")
    if entities is not None and entities.const in (False, "internal"):
        made.fields = {"(safe)": constant(True)}
    return made


_ADDRESS_FIXED = regex(
    r"(?:https?|wss?|ftps?)://(?:[^/\x00?#]*[^/\x00?#@:]|[^/\x00]*:\d+)[/?#]|\x01|/|"
    r"(?:https?|wss?)://\x01(?:[/?#:]|$)"
)


_HTML = regex(r"html|svg|xml", re.IGNORECASE)


def _is_page(frame: Frame, site: Site, value: Value) -> bool:
    if (site.expr.start, site.expr.end) in frame.machine.plain_again:
        return False
    return "json" not in value.path


def _declared(site: Site) -> str | None:
    for name in ("mimetype", "content_type", "media_type"):
        value = site.keywords.get(name)
        if value is not None:
            return value.const if isinstance(value.const, str) else ""
    if len(site.args) > 1 and "HttpResponse" in site.name and isinstance(site.args[1].const, str):
        return site.args[1].const
    headers = site.keywords.get("headers")
    if headers is not None and headers.items is not None:
        for name, value in headers.items.items():
            if str(name).lower() == "content-type" and isinstance(value.const, str):
                return value.const
    return None


_ASSIGNED = regex(rb"(?:^|\n)([ \t]*)(\w+)[ \t]*=[ \t]*$")


def _declared_later(frame: Frame, site: Site) -> str | None:
    """Return the content type that later statements set on the response."""
    start, end = site.expr.start, site.expr.end
    named = _ASSIGNED.search(frame.machine.source, max(0, start - 200), start)
    if named is None or frame.info is None:
        return None
    indent, name = re.escape(named[1]), re.escape(named[2])
    rest = frame.machine.source[end : frame.info.node.end]
    later = re.search(
        rb"\n" + indent + name + rb"(?:(?:\.headers)?\[[\"']content-type[\"']\]"
        rb"|\.(?:mimetype|content_type|media_type))[ \t]*=[ \t]*[\"']([^\"'\n]{1,100})[\"']",
        rest,
        re.IGNORECASE,
    )
    return later[1].decode("utf-8", "replace") if later else None


def _html_response(frame: Frame, site: Site, value: Value) -> bool:
    declared = _declared(site) or _declared_later(frame, site)
    if declared is not None and not _HTML.search(declared):
        return False
    if value.items is not None or value.path == "dict()":
        return False
    if value.seq is not None:
        return bool(value.seq) and bool(value.seq[0].taints) and value.seq[0].items is None
    return not value.path.startswith("@request.files")


def _html_declared(frame: Frame, site: Site, value: Value) -> bool:
    declared = _declared(site)
    werkzeug = site.path == "Response" and declared is None
    return (declared is not None and "html" in declared) or (
        werkzeug and frame.machine.uses("flask", "werkzeug") and value.items is None
    )


def _page_writer(frame: Frame, site: Site, value: Value) -> bool:
    path = site.receiver.path
    if path == "@tornado":
        return value.items is None and value.path != "dict()"
    return path.endswith(("HttpResponse()", "wfile", "@request.response")) or (
        path.endswith("self.response") and frame.machine.web
    )


def _cgi_page(frame: Frame, site: Site, value: Value) -> bool:
    return frame.machine.uses("cgi")


def _open_target(frame: Frame, site: Site, value: Value) -> bool:
    return open_prefix(value)


def _handler_target(frame: Frame, site: Site, value: Value) -> bool:
    return site.receiver.path in {"@tornado", "web", "self"} and open_prefix(value)


def _open_address(frame: Frame, site: Site, value: Value) -> bool:
    text = text_of(value)
    if value.seq is not None:
        return bool(value.seq) and bool(value.seq[0].taints)
    return text is None or not _ADDRESS_FIXED.match(text)


def _http_client(frame: Frame, site: Site, value: Value) -> bool:
    """Match methods of objects whose names suggest HTTP."""
    receiver = site.receiver.path
    last = receiver.rpartition(".")[2].lower()
    clients = ("requests", "httpx", "aiohttp", "urllib3", "tornado", "niquests", "treq")
    if receiver.startswith(("@", "flask", "django")) or not frame.machine.uses(*clients):
        return False
    named = ("session", "client", "http", "httpclient", "sess", "clientsession()", "asyncclient()")
    return last.endswith(named) and _open_address(frame, site, value)


WEB_TESTS: dict[str, Callable[[Frame, Site, Value], bool]] = {
    "page": _is_page,
    "html response": _html_response,
    "html declared": _html_declared,
    "page writer": _page_writer,
    "cgi page": _cgi_page,
    "open target": _open_target,
    "open target of a handler": _handler_target,
    "open address": _open_address,
    "http client": _http_client,
}


Test = Callable[[Frame, "Site", Value], bool]

_DATABASE = regex(
    r"(?:^|[._(])(?:cur|curs|cursor|c|con|conn|connection|connections|db|database|engine|session|"
    r"sess|tx|transaction|trans|pool|sql|sqlite|mysql|pg|postgres|dbh|crsr|connect|acquire|"
    r"db_session|read_session|write_session|\w*_(?:db|conn|cur|cursor|connection|engine|session|pool"
    r"|database))(?:\(\)|\[\])*$",
    re.IGNORECASE,
)
_SQL = regex(
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
_FILTER = regex(r"\([&|!(]*[\w.;-]+\s*[~<>]?=|(?:^|,|\b)(?:cn|uid|ou|dc|dn|o)=", re.IGNORECASE)
_MONGO = ("pymongo", "motor", "flask_pymongo", "mongoengine", "beanie", "mongo", "bson")
_XML_PACKAGES = ("lxml", "xml", "elementtree", "etree", "elementpath", "defusedxml")


_STATEMENT = regex(
    r"^\s*(?:select\b.{1,300}\bfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s)",
    re.IGNORECASE | re.DOTALL,
)
_NO_DATABASE = regex(
    r"(?:^|\.)(?:debug|info|warn(?:ing)?|error|exception|critical|log\w*|print|format\w*|append|add|"
    r"join|write|extend|str|repr|len|\w*(?:Error|Exception|Response|Warning)|flash|message\w*|"
    r"dumps?|strip|dedent|text|sub|parse\w*|pformat|get|jsonify|render\w*)$"
)


def check_content(frame: Frame, site: Site) -> None:
    """Record outside data in an argument that is an SQL statement, for any callee."""
    if _NO_DATABASE.search(site.path):
        return
    for value in (*site.args[:2], *site.keywords.values()):
        text = value.shape if value.taints else None
        if text is not None and TAINTED in text and _STATEMENT.match(text):
            what = f"`{frame.machine.text(site.expr.callee.start, site.expr.callee.end)}()`"
            frame.reach("sql-injection", site.expr, value, what, sure=False)


def check_sinks(frame: Frame, site: Site) -> bool:
    """Record every sink of a call that outside data reaches; return whether it has one."""
    rows = python_table().sinks.get(site.name)
    if rows is None:
        return False
    for row in rows:
        if row.callee != site.path and not _is_method(row, site):
            continue
        for position in row.args:
            value = _argument(site, position)
            if value is None or not value.taints:
                continue
            if not row.test or TESTS[row.test](frame, site, value):
                _reach(frame, site, row, value)
                return True
    return False


def _is_method(row: Sink, site: Site) -> bool:
    return row.callee.startswith(".") and site.callee.bound is not None


def _argument(site: Site, position: int | str) -> Value | None:
    if isinstance(position, str):
        return site.keywords.get(position)
    if position < 0:
        return site.receiver
    return site.args[position] if position < len(site.args) else None


def _reach(frame: Frame, site: Site, row: Sink, value: Value) -> None:
    what = f"`{frame.machine.text(site.expr.callee.start, site.expr.callee.end)}()`"
    category = row.rule
    if row.rule == "command-injection" and value.seq is not None:
        value = risky_words(value)
    frame.reach(row.rule, site.expr, value, what, row.sure, category)


def risky_words(value: Value) -> Value:
    """Return the part of an argument list that is a program or a shell's script."""
    if value.seq is None:
        return value
    members = value.seq
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
    """Match a shell that runs the text, or outside data as the program."""
    if _flag(site, "shell"):
        return True
    if value.seq is not None:
        return bool(risky_words(value).taints)
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
    """Match a file name, but no upload or open stream."""
    reads = ("FILES", "files", "stream", "StringIO()", "BytesIO()", ".file", "open()", "body")
    if any(part in value.path for part in reads) and not value.path.endswith(("filename", "name")):
        return False
    return site.path != "file" or not frame.machine.uses("django")


def _path_object(frame: Frame, site: Site, value: Value) -> bool:
    return "pathlib.Path" in value.path or value.path.startswith(("Path(", "pathlib."))


def _upload(frame: Frame, site: Site, value: Value) -> bool:
    """`upload.save(path)`: only objects from the request, or images."""
    path = site.receiver.path
    return bool(site.receiver.taints) or "Image" in path or "file" in path.lower()


def _database(frame: Frame, site: Site, value: Value) -> bool:
    """Match a joined SQL statement in a call that runs SQL."""
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
    """Match a parser that loads external entities; lxml's own default is only suspected."""
    parsers = [*site.args[1:], *site.keywords.values()]
    if any(_unsafe_parser(parser) for parser in parsers):
        return True
    is_safe = any("(safe)" in (parser.fields or {}) for parser in parsers)
    if site.path.startswith("lxml.etree.") and not is_safe:
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
