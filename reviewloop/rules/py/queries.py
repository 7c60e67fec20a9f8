"""Python rules on queries that run once per element."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Found, Source, nodes_of
from reviewloop.regex import regex
from reviewloop.rules.py.syntax import (
    argument,
    arguments,
    call_name,
    loop_names,
    receiver,
    repeated,
    uses,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_SESSION = regex(r"(?:^|\.)(?:db\.)?[sS]ession(?:\(\))?$")
_CURSOR = regex(r"(?:^|\.)(?:\w*cursor|cur|conn|connection|\w*db)(?:\(\))?$")
_SCHEMA = regex(
    r"(?i)[\"'frbu\s]*(?:create|drop|alter|pragma|set|vacuum|analyze|truncate|grant|use)\b"
)
_RELATED = regex(r"(?:all|count|filter|exists|first|values_list|values|order_by)$")
_FIELD = frozenset({"name", "title", "username", "email", "slug", "first_name", "last_name"})


def find_query_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a query of a Django manager that runs once per element of a loop, else None."""
    if node.kind() == "for_statement":
        return _inner_query(node, source)
    of = receiver(node)
    if ".objects" not in of and not of.endswith("objects"):
        return None
    return node if repeated(node, source) is not None else None


def _inner_query(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the query that an inner loop is over where it uses a variable of the outer loop."""
    values = node.field("right")
    if values is None or not re.match(r"[A-Z]\w*\.objects\.", values.text()[:200]):
        return None
    loop = repeated(node, source)
    return values if loop is not None and uses(values, loop_names(loop)) else None


def find_session_query_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a query of an SQLAlchemy session that runs once per element of a loop, else None."""
    of, name = receiver(node), call_name(node)
    if name in {"all", "one", "first", "one_or_none", "count", "scalar"}:
        if not re.search(r"[sS]ession(?:\(\))?\.query\(", of):
            return None
    elif not _is_session(of, source):
        return None
    return node if repeated(node, source) is not None else None


def _is_session(of: str, source: Source) -> bool:
    """Whether a text names a session of SQLAlchemy; FastAPI's guides call it `db`."""
    if of == "db":
        return source.mentions(r"\bsqlalchemy\b") and source.mentions(r"\bdb\s*:.{0,80}Session\b")
    return _SESSION.search(of) is not None and source.mentions("(?i)sqlalchemy")


def find_execute_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return an `execute` per element with values, or with a loop variable in its statement.

    None for statements on the schema, and for a loop over whole statements.
    """
    of, first = receiver(node), argument(node, 0)
    if first is None or not _CURSOR.search(of) or _SCHEMA.match(first.text()[:60]):
        return None
    loop = repeated(node, source)
    if loop is None or (uses(first, loop_names(loop)) and first.kind() == "identifier"):
        return None  # the loop is over statements
    given = len(arguments(node)) > 1 or uses(first, loop_names(loop))
    return node if given else None


def find_save_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a `save()` of a loop's own variable, in a file that mentions Django; else None."""
    if arguments(node) or not source.mentions("django"):
        return None
    loop = repeated(node, source)
    return node if loop is not None and receiver(node) in loop_names(loop) else None


def find_commit_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a `commit()` of a session or connection that runs once per element, else None."""
    if not re.search(r"(?:^|\.)(?:[sS]ession|conn|connection|db)$", receiver(node)):
        return None
    return node if repeated(node, source) is not None else None


def find_related_in_loop(node: "SgNode", source: Source) -> Found | None:
    """Return an access such as `x.author.name` or `x.tags.all()` in a loop over a plain query."""
    values, body, left = node.field("right"), node.field("body"), node.field("left")
    if values is None or body is None or left is None or left.kind() != "identifier":
        return None
    text = values.text()
    if not re.match(r"[A-Z]\w*\.objects\.", text) or re.search(r"_related\(|\.values|only\(", text):
        return None
    for access in nodes_of(body, ("attribute",)):
        of, last = access.field("object"), access.field("attribute")
        if of is None or last is None or of.kind() != "attribute":
            continue
        if not of.text().startswith(left.text() + ".") or of.text().count(".") != 1:
            continue
        called = access.parent()
        is_call = called is not None and called.kind() == "call"
        if last.text() in _FIELD or (is_call and _RELATED.match(last.text())):
            return Found(access, related=((values, "the query has no select_related"),))
    return None
