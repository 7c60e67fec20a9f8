"""Decide whether outside data in a page, a redirect or an address does harm."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from reviewloop.rules.taint.frame import Frame
from reviewloop.rules.taint.stores import open_prefix
from reviewloop.rules.taint.values import Value, text_of

if TYPE_CHECKING:
    from reviewloop.rules.taint.calls import Site


_ADDRESS_FIXED = re.compile(
    r"(?:https?|wss?|ftps?)://(?:[^/\x00?#]*[^/\x00?#@:]|[^/\x00]*:\d+)[/?#]|\x01|/|"
    r"(?:https?|wss?)://\x01(?:[/?#:]|$)"
)


_HTML = re.compile(r"html|svg|xml", re.IGNORECASE)


def _is_page(frame: Frame, site: Site, value: Value) -> bool:
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


_ASSIGNED = re.compile(rb"(?:^|\n)([ \t]*)(\w+)[ \t]*=[ \t]*$")


def _declared_later(frame: Frame, site: Site) -> str | None:
    """Return the content type that the statements after this one give to the response."""
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
    """Methods of objects whose name says that they speak HTTP."""
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
