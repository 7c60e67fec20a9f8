"""Python: queries, requests and programs that are run once per element."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Found, Pattern, Source, nodes_of
from reviewloop.rules.lazy_regex import Regex
from reviewloop.rules.py.syntax import (
    argument,
    arguments,
    call_name,
    loop_names,
    receiver,
    repeated,
    row,
    uses,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_DJANGO = "https://docs.djangoproject.com/en/stable/topics/db/optimization/"
_ALCHEMY = "https://docs.sqlalchemy.org/en/20/orm/queryguide/relationships.html"
_ASKING = (
    *("get", "first", "last", "count", "exists", "create", "get_or_create", "update_or_create"),
    *("update", "delete", "aggregate", "earliest", "latest"),
)
_SESSION = Regex(r"(?:^|\.)(?:db\.)?[sS]ession(?:\(\))?$")
_CURSOR = Regex(r"(?:^|\.)(?:\w*cursor|cur|conn|connection|\w*db)(?:\(\))?$")
_SCHEMA = Regex(
    r"(?i)[\"'frbu\s]*(?:create|drop|alter|pragma|set|vacuum|analyze|truncate|grant|use)\b"
)
_RELATED = Regex(r"(?:all|count|filter|exists|first|values_list|values|order_by)$")
_FIELD = frozenset({"name", "title", "username", "email", "slug", "first_name", "last_name"})


def _django(node: "SgNode", source: Source) -> "SgNode | None":
    if node.kind() == "for_statement":
        return _inner_query(node, source)
    of = receiver(node)
    if ".objects" not in of and not of.endswith("objects"):
        return None
    return node if repeated(node, source) is not None else None


def _inner_query(node: "SgNode", source: Source) -> "SgNode | None":
    """Find `for o in orders: for i in Item.objects.filter(order=o)`."""
    values = node.field("right")
    if values is None or not re.match(r"[A-Z]\w*\.objects\.", values.text()[:200]):
        return None
    loop = repeated(node, source)
    return values if loop is not None and uses(values, loop_names(loop)) else None


def _alchemy(node: "SgNode", source: Source) -> "SgNode | None":
    of, name = receiver(node), call_name(node)
    if name in {"all", "one", "first", "one_or_none", "count", "scalar"}:
        if not re.search(r"[sS]ession(?:\(\))?\.query\(", of):
            return None
    elif not _SESSION.search(of) or not source.says("(?i)sqlalchemy"):
        return None
    return node if repeated(node, source) is not None else None


def _cursor(node: "SgNode", source: Source) -> "SgNode | None":
    of, first = receiver(node), argument(node, 0)
    if first is None or not _CURSOR.search(of) or _SCHEMA.match(first.text()[:60]):
        return None
    loop = repeated(node, source)
    if loop is None or (uses(first, loop_names(loop)) and first.kind() == "identifier"):
        return None  # the loop is over statements
    given = len(arguments(node)) > 1 or uses(first, loop_names(loop))
    return node if given else None


def _saved(node: "SgNode", source: Source) -> "SgNode | None":
    if arguments(node) or not source.says("django"):
        return None
    loop = repeated(node, source)
    return node if loop is not None and receiver(node) in loop_names(loop) else None


def _committed(node: "SgNode", source: Source) -> "SgNode | None":
    if not re.search(r"(?:^|\.)(?:[sS]ession|conn|connection|db)$", receiver(node)):
        return None
    return node if repeated(node, source) is not None else None


def _related(node: "SgNode", source: Source) -> Found | None:
    """Find `for x in Model.objects...: x.author.name` and `x.tags.all()`."""
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


PATTERNS = (
    Pattern(
        row(
            "query-in-loop",
            SHOULD,
            source=_DJANGO,
            title="A query is made for every element.",
            why="A hundred elements take a hundred round trips to the database.",
            fix="Ask once, with `__in` or in_bulk, and write with bulk_create or bulk_update.",
            bad="for i in ids:\n    users.append(User.objects.get(pk=i))\n---\n"
            "n = [Order.objects.filter(user=u).count() for u in users]",
            good="users = User.objects.filter(pk__in=ids)\n---\n"
            "for u in User.objects.filter(active=True).iterator():\n    f(u)\n---\n"
            "for name in ('a', 'b'):\n    User.objects.get(name=name)",
        ),
        _django,
        kinds=("for_statement",),
        calls=_ASKING,
        hints=(".objects",),
    ),
    Pattern(
        row(
            "session-query-in-loop",
            SHOULD,
            source=_ALCHEMY,
            title="A query is made for every element.",
            why="A hundred elements take a hundred round trips to the database.",
            fix="Ask once with `in_`, or load the relation with selectinload.",
            bad="import sqlalchemy\nfor i in ids:\n    out.append(session.get(User, i))\n---\n"
            "for i in ids:\n    out.append(db.session.query(User).filter_by(id=i).first())",
            good="import sqlalchemy\nusers = session.scalars(select(User).where(User.id.in_(ids)))",
        ),
        _alchemy,
        calls=(
            "get",
            "execute",
            "scalar",
            "scalars",
            "all",
            "one",
            "first",
            "one_or_none",
            "count",
        ),
        hints=("ession",),
    ),
    Pattern(
        row(
            "execute-in-loop",
            SHOULD,
            source="https://peps.python.org/pep-0249/#executemany",
            title="The database is asked once for every element.",
            why="A hundred elements take a hundred round trips to the database.",
            fix="Read with one query (JOIN or IN), write with executemany.",
            bad='for i in ids:\n    cursor.execute("SELECT a FROM t WHERE id = %s", (i,))',
            good='cursor.executemany("INSERT INTO t VALUES (%s)", values)\n---\n'
            "for statement in statements:\n    cursor.execute(statement)\n---\n"
            'for t in tables:\n    cursor.execute(f"DROP TABLE {t}")',
        ),
        _cursor,
        calls=("execute",),
    ),
    Pattern(
        row(
            "save-in-loop",
            NIT,
            source=_DJANGO,
            title="Every element is saved by itself.",
            why="A hundred elements take a hundred round trips to the database.",
            fix="Use bulk_update, or update() on the query.",
            bad="from django.db import models\nfor u in users:\n    u.seen = True\n    u.save()",
            good="from django.db import models\nUser.objects.bulk_update(users, ['seen'])",
        ),
        _saved,
        calls=("save",),
    ),
    Pattern(
        row(
            "commit-in-loop",
            NIT,
            source="https://www.sqlite.org/faq.html#q19",
            title="Every element has a transaction of its own.",
            why="Each commit waits for the disk, and a failure leaves half of the work done.",
            fix="Commit once, after the loop or per batch.",
            bad="for u in users:\n    session.add(u)\n    session.commit()",
            good="for u in users:\n    session.add(u)\nsession.commit()",
        ),
        _committed,
        calls=("commit",),
    ),
    Pattern(
        row(
            "related-in-loop",
            SHOULD,
            source=_DJANGO,
            title="A related object is fetched for every element.",
            why="A hundred elements take a hundred and one queries.",
            fix="Add select_related or prefetch_related to the query.",
            bad="for b in Book.objects.all():\n    print(b.author.name)\n---\n"
            "for b in Book.objects.filter(a=1):\n    f(b.tags.all())",
            good="for b in Book.objects.select_related('author'):\n    print(b.author.name)\n---\n"
            "for b in Book.objects.all():\n    print(b.created.year)",
        ),
        _related,
        kinds=("for_statement",),
        hints=(".objects",),
    ),
)
