"""JavaScript rules on queries, requests and other waiting in loops or on the event loop."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source, key
from reviewloop.regex import regex
from reviewloop.rules.js.syntax import (
    call_name,
    function_around,
    is_async,
    is_awaited,
    loop_around,
    plain,
    receiver,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_PROGRAMS = regex(
    r"(?:^|/)(?:bin|cli|scripts?|tools?|build|examples?|bench\w*)/|cli\.\w+$|\.config\.\w+$|logger"
    r"|(?:example|bench\w*)\.\w+$"
)
_DATA = regex(
    r"(?:db|database|knex|prisma|client|pool|conn|connection|repo|repository|model|collection|sql"
    r"|mongo|redis|store|dao|manager|tx|trx|axios|http)\w*$|^[A-Z][a-z]\w*$|[rR]epository\b",
    re.IGNORECASE,
)
_ORM = frozenset(
    {
        "findOne",
        "findById",
        "findByPk",
        "findUnique",
        "findFirst",
        "findMany",
        "findAll",
        "findOneBy",
    }
)
_QUERY = frozenset({"query", "execute", "aggregate", "countDocuments", "raw", "$queryRaw"})
_HTTP = frozenset({"fetch", "axios"})
_WAITS = regex(
    r"sleep|delay|setTimeout|(?<!a)wait|pause|backoff|retry|once\(|tick|timers?|poll", re.IGNORECASE
)
_SYNC = regex(
    r"(?:read|write|append|copy|open|close|stat|lstat|exists|mkdir|mkdtemp|readdir|readlink|rename|rm"
    r"|rmdir|unlink|access|chmod|realpath|exec|execFile|spawn|pbkdf2|scrypt|gzip|gunzip|deflate"
    r"|inflate|brotliCompress|hash|compare|generateKeyPair)\w*Sync$"
)
_HANDLER = regex(
    r"^\(?\s*(?:err(?:or)?\s*(?::[^,]*)?,\s*)?_?req(?:uest)?\b[^,]*,\s*_?(?:res|reply|response)\b|^\(?\s*ctx\b"
)
_EACH = frozenset({"map", "forEach", "flatMap", "filter"})


def repeated(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the loop, or the callback per element, that repeats a node."""
    loop = loop_around(node, source)
    if loop is not None:
        return loop if loop.kind() in {"for_in_statement", "for_statement"} else None
    around = function_around(node, source)
    if around is None:
        return None
    given = around.parent()
    call = given.parent() if given is not None and given.kind() == "arguments" else None
    return call if call is not None and call_name(call) in _EACH else None


def find_query_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/query-in-loop."""
    name, of = call_name(node), receiver(node)
    last = of.split(".")[-1].split("(")[0]
    if name in _HTTP:
        known = not of
    elif name in _ORM:
        known = bool(last)
    elif name in _QUERY:
        known = bool(_DATA.search(last))
    else:
        known = name in {"get", "post"} and of in {"axios", "http", "got"}
    if not known or not _awaited(node):
        return None
    loop = repeated(node, source)
    return node if loop is not None and not _stops(loop) and not _batched(loop) else None


def _awaited(node: "SgNode") -> bool:
    parent = node.parent()
    return is_awaited(node) or (
        parent is not None
        and parent.kind()
        in {
            "arrow_function",
            "return_statement",
            "member_expression",
        }
    )


def _stops(loop: "SgNode") -> bool:
    """Whether a loop searches for the first success, retries, or goes page by page."""
    return bool(
        re.search(r"\bbreak\b|\breturn\b|retry|attempt|page|cursor|batch|chunk", _body(loop))
    )


def _body(loop: "SgNode") -> str:
    if loop.kind() == "call_expression":
        return ""
    return loop.text()[:5_000]


def _batched(loop: "SgNode") -> bool:
    return bool(re.search(r"batch|chunk|page|slice|retr|attempt", loop.text()[:200], re.IGNORECASE))


def find_await_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/await-in-loop."""
    loop = loop_around(node, source)
    if loop is None or loop.kind() != "for_in_statement":
        return None
    head = loop.text()[:200]
    if re.match(r"for\s+await", head) or " of " not in head.partition("{")[0] or _stops(loop):
        return None
    call = _call_waited_for(node)
    if call is None or _WAITS.search(loop.text()[:5_000]) or _carried(call, loop):
        return None
    return None if find_query_in_loop(call, source) is not None else node


def _call_waited_for(node: "SgNode") -> "SgNode | None":
    parent = node.parent()
    if parent is not None and parent.kind() == "call_expression":
        function = parent.field("function")
        if function is not None and key(function) == key(node):
            return parent  # `await f<T>()`: the call is around the word
    value = node.named_children()[:1]
    inner = plain(value[0]) if value else None
    return inner if inner is not None and inner.kind() == "call_expression" else None


def _carried(node: "SgNode", loop: "SgNode") -> bool:
    """Whether an iteration of a loop may need the result of the previous one."""
    item = loop.field("left")
    name = item.text() if item is not None else ""
    if name and not re.search(rf"\b{re.escape(name[:50])}\b", node.text()) and name.isidentifier():
        return True
    body = loop.field("body")
    text = body.text() if body is not None else ""
    return text.count("await ") > 1 or bool(
        re.search(r"^\s*\{?\s*\w+(?:\.\w+)* [+-]?= await", text)
    )


def find_blocking_call(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/blocking-call."""
    if not _SYNC.match(call_name(node)):
        return None
    around = function_around(node, source)
    if around is None or _PROGRAMS.search(source.file.path):
        return None
    if is_async(around):
        return node
    given = around.field("parameters")
    return node if given is not None and _HANDLER.match(given.text()[:200]) else None
