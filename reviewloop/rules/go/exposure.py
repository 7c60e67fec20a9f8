"""Go: servers without limits, cookies, and files that others can write."""

import re
from functools import partial
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SECURITY, SHOULD
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.go.example import row
from reviewloop.rules.go.syntax import argument, call_name, fields, receiver, text_of
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_SESSION = Regex(r"(?i)sess|token|auth|jwt")
_row = partial(row, reviewer=SECURITY)


def _modes(node: "SgNode", source: Source) -> Found | None:
    if receiver(node) not in {"os", "ioutil"}:
        return None
    mode = argument(node, 1 if call_name(node) in {"Chmod", "Mkdir", "MkdirAll"} else 2)
    found = re.fullmatch(r"0o?([0-7]{3,4})", mode.text()) if mode is not None else None
    if mode is None or found is None or int(found.group(1)[-1]) & 2 == 0:
        return None
    severity = NIT if call_name(node).startswith("Mkdir") else SHOULD  # the umask takes it away
    return Found(mode, f"Everybody may write to it ({mode.text()}).", severity)


def _shared_temporary(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    if receiver(node) not in {"os", "ioutil"} or first is None:
        return None
    return first if re.match(r"/(?:var/)?tmp/\w", text_of(first)) else None


def _no_limit(node: "SgNode", source: Source) -> Found | None:
    kind = node.field("type")
    name = kind.text() if kind is not None else ""
    given = fields(node)
    if name == "http.Server":
        limited = {"ReadTimeout", "ReadHeaderTimeout"} & set(given)
        assigned = source.says(r"\.Read(?:Header)?Timeout\s*=")
        return None if limited or assigned else Found(node)
    return None


def _listens(node: "SgNode", source: Source) -> "SgNode | None":
    return node if receiver(node) == "http" else None


def _cookie(node: "SgNode", source: Source) -> Found | None:
    kind = node.field("type")
    if kind is None or kind.text() != "http.Cookie":
        return None
    given = fields(node)
    missing = [n for n in ("HttpOnly", "Secure") if n not in given or given[n].text() == "false"]
    if (
        not missing
        or "Value" not in given
        or ("MaxAge" in given and given["MaxAge"].text() == "-1")
    ):
        return None
    name = given["Name"].text() if "Name" in given else ""
    severity = SHOULD if _SESSION.search(name) else NIT
    return Found(node, f"The cookie is set without {' and '.join(missing)}.", severity)


PATTERNS = (
    Pattern(
        _row(
            "open-rights",
            severity=SHOULD,
            source="CWE-732",
            title="Everybody may write to it.",
            why="Any user of the machine can replace what the program reads.",
            fix="Use 0o600 for files and 0o750 for folders.",
            bad="err := os.WriteFile(name, data, 0666)\n---\nos.MkdirAll(dir, 0o777)",
            good="err := os.WriteFile(name, data, 0o600)\n---\nos.MkdirAll(dir, 0755)",
        ),
        _modes,
        calls=("WriteFile", "OpenFile", "Chmod", "Mkdir", "MkdirAll"),
    ),
    Pattern(
        _row(
            "shared-temporary-file",
            severity=SHOULD,
            source="CWE-377",
            title="A file of a known name is made where everybody may write.",
            why="Another user can put a link there first and have you overwrite its target.",
            fix="Use os.CreateTemp.",
            bad='f, err := os.Create("/tmp/state.json")',
            good='f, err := os.CreateTemp("", "state")\n---\nf, err := os.Create("/srv/a")',
        ),
        _shared_temporary,
        calls=("Create", "OpenFile", "WriteFile", "Mkdir", "MkdirAll"),
        hints=("tmp/",),
    ),
    Pattern(
        _row(
            "server-without-limits",
            severity=SHOULD,
            source="CWE-400",
            title="The server waits without end for a request to arrive.",
            why="A few clients that send slowly hold all connections.",
            fix="Set ReadHeaderTimeout.",
            bad='s := &http.Server{Addr: ":80"}',
            good='s := &http.Server{Addr: ":80", ReadHeaderTimeout: time.Second}',
        ),
        _no_limit,
        kinds=("composite_literal",),
        hints=("http.Server",),
    ),
    Pattern(
        _row(
            "plain-listen",
            severity=NIT,
            source="CWE-400",
            title="http.ListenAndServe has no time limits.",
            why="A few clients that send slowly hold all connections.",
            fix="Make an http.Server with ReadHeaderTimeout.",
            bad='http.ListenAndServe(":80", nil)',
            good="server.ListenAndServe()",
        ),
        _listens,
        calls=("ListenAndServe", "ListenAndServeTLS"),
    ),
    Pattern(
        _row(
            "cookie-unprotected",
            severity=SHOULD,
            source="CWE-1004",
            title="A cookie is set without protection.",
            why="Scripts in the page can read it, or it travels over plain HTTP.",
            fix="Set HttpOnly, Secure and SameSite.",
            bad='http.SetCookie(w, &http.Cookie{Name: "session", Value: id})',
            good='http.SetCookie(w, &http.Cookie{Name: "s", Value: i, HttpOnly: true, '
            "Secure: true})",
        ),
        _cookie,
        kinds=("composite_literal",),
        hints=("http.Cookie",),
    ),
)
