"""Go rules on servers without limits, cookies, and files that others can write."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.go.syntax import argument, call_name, fields, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_SESSION = regex(r"(?i)sess|token|auth|jwt")


def find_open_rights(node: "SgNode", source: Source) -> Found | None:
    """Return the mode in a call that lets everybody write to a file or a folder, else None."""
    if receiver(node) not in {"os", "ioutil"}:
        return None
    mode = argument(node, 1 if call_name(node) in {"Chmod", "Mkdir", "MkdirAll"} else 2)
    found = re.fullmatch(r"0o?([0-7]{3,4})", mode.text()) if mode is not None else None
    if mode is None or found is None or int(found.group(1)[-1]) & 2 == 0:
        return None
    severity = NIT if call_name(node).startswith("Mkdir") else SHOULD  # the umask takes it away
    return Found(mode, f"Everybody may write to it ({mode.text()}).", severity)


def find_cookie_unprotected(node: "SgNode", source: Source) -> Found | None:
    """Return a cookie with a value that lacks HttpOnly or Secure; None for one that is deleted."""
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
