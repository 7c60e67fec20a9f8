"""Python: calls that block the event loop, and clients made at the wrong time."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Pattern, Source
from reviewloop.rules.py.syntax import (
    arguments,
    call_name,
    function_around,
    in_async,
    loop_names,
    receiver,
    repeated,
    row,
    uses,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_ASYNC = "https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code"
_CONNECTING = frozenset(
    {
        ("sqlite3", "connect"),
        ("psycopg2", "connect"),
        ("pymysql", "connect"),
        ("MySQLdb", "connect"),
        ("pyodbc", "connect"),
        ("smtplib", "SMTP"),
        ("smtplib", "SMTP_SSL"),
        ("ftplib", "FTP"),
        ("socket", "create_connection"),
        ("socket", "gethostbyname"),
        ("socket", "getaddrinfo"),
        ("shutil", "copytree"),
        ("shutil", "rmtree"),
        ("shutil", "make_archive"),
        ("bcrypt", "hashpw"),
        ("bcrypt", "checkpw"),
        ("hashlib", "pbkdf2_hmac"),
        ("hashlib", "scrypt"),
        ("boto3", "client"),
        ("boto3", "resource"),
        ("os", "waitpid"),
    }
)
_FIRST_PAGE = ("list_objects_v2", "list_objects", "scan", "describe_instances", "list_users")


def _blocking(node: "SgNode", source: Source) -> "SgNode | None":
    if (receiver(node), call_name(node)) not in _CONNECTING:
        return None
    return node if in_async(node, source) else None


def _driver(node: "SgNode", source: Source) -> "SgNode | None":
    if not re.search(r"(?:^|\.)(?:\w*cursor|cur|conn|connection|session|db)$", receiver(node)):
        return None
    if not source.says(r"^\s*(?:import|from) (?:sqlite3|psycopg2|pymysql|MySQLdb|pyodbc)\b"):
        return None
    return node if in_async(node, source) else None


def _sync_client(node: "SgNode", source: Source) -> "SgNode | None":
    name, of = call_name(node), receiver(node)
    if name in {"Redis", "StrictRedis"} and (
        of not in {"redis", ""} or source.says(r"redis\.asyncio")
    ):
        return None
    if name == "MongoClient" and of not in {"pymongo", ""}:
        return None
    return node if in_async(node, source) else None


def _django(node: "SgNode", source: Source) -> "SgNode | None":
    if not re.search(r"[A-Z]\w*\.objects(?:\.|$)", receiver(node)):
        return None
    return node if in_async(node, source) else None


def _awaited(node: "SgNode", source: Source) -> "SgNode | None":
    loop = repeated(node, source)
    if loop is None or loop.kind() != "for_statement" or loop.text().startswith("async"):
        return None
    text = loop.text()[:8_000]
    if re.search(
        r"sleep|(?<!a)wait|\breturn\b|\bcontinue\b|lock|limit|stream|send|write|drain", text
    ):
        return None
    if text.count("await ") != 1 or not uses(node, loop_names(loop)):
        return None
    parent = node.parent()
    return (
        node
        if parent is not None
        and parent.kind() in {"expression_statement", "assignment", "argument_list"}
        else None
    )


def _in_handler(node: "SgNode", source: Source) -> "SgNode | None":
    around = function_around(node, source)
    given = around.field("parameters") if around is not None else None
    if receiver(node) != "boto3" or given is None:
        return None
    return node if re.match(r"\(\s*event\b[^,]*,\s*_?context\b", given.text()) else None


def _first_page(node: "SgNode", source: Source) -> "SgNode | None":
    of, around = receiver(node), function_around(node, source)
    if not re.search(r"(?i)(?:client|s3|ec2|iam|table|dynamo\w*)$", of) or not source.says("boto3"):
        return None
    if call_name(node) == "scan" and not re.search(r"(?i)table$|dynamo\w*$", of):
        return None
    text = around.text()[:30_000] if around is not None else source.text[:30_000]
    told = re.search(
        r"Token|paginat|LastEvaluatedKey|IsTruncated|MaxKeys|Limit|Marker|InstanceIds", text
    )
    return None if told or arguments(node) else node


PATTERNS = (
    Pattern(
        row(
            "blocking-in-async",
            SHOULD,
            source=_ASYNC,
            title="A call that blocks, inside an async function.",
            why="Nothing else of the program runs until it is done.",
            fix="Use an asynchronous library, or await asyncio.to_thread(...).",
            bad="async def f():\n    c = sqlite3.connect(p)\n---\n"
            "async def f():\n    return bcrypt.hashpw(a, b)",
            good="async def f():\n    c = await asyncio.to_thread(sqlite3.connect, p)\n---\n"
            "def f():\n    c = sqlite3.connect(p)",
        ),
        _blocking,
        calls=tuple(sorted({name for _, name in _CONNECTING})),
        hints=("async def",),
    ),
    Pattern(
        row(
            "blocking-query-in-async",
            SHOULD,
            source=_ASYNC,
            title="A synchronous driver is asked inside an async function.",
            why="Nothing else of the program runs until the database has answered.",
            fix="Use an asynchronous driver, or await asyncio.to_thread(...).",
            bad="import sqlite3\nasync def f(conn):\n    conn.execute('select 1')",
            good="import aiosqlite\nasync def f(conn):\n    await conn.execute('select 1')",
        ),
        _driver,
        calls=("execute", "executemany", "fetchall", "fetchone", "commit"),
        hints=("async def",),
    ),
    Pattern(
        row(
            "blocking-client-in-async",
            SHOULD,
            source=_ASYNC,
            title="A synchronous client is made inside an async function.",
            why="Nothing else of the program runs while it waits for its server.",
            fix="Use redis.asyncio, or pymongo's AsyncMongoClient.",
            bad="import redis\nasync def f():\n    r = redis.Redis()",
            good="import redis.asyncio as redis\nasync def f():\n    r = redis.Redis()",
        ),
        _sync_client,
        calls=("Redis", "StrictRedis", "MongoClient"),
        hints=("async def",),
    ),
    Pattern(
        row(
            "django-query-in-async",
            SHOULD,
            source="https://docs.djangoproject.com/en/stable/topics/async/#async-safety",
            title="A synchronous query inside an async function.",
            why="Django raises SynchronousOnlyOperation, or blocks everything else.",
            fix="Use the methods that start with `a`: aget, acount, acreate.",
            bad="async def f(i):\n    return User.objects.get(pk=i)",
            good="async def f(i):\n    return await User.objects.aget(pk=i)\n---\n"
            "async def f():\n    return [u async for u in User.objects.filter(a=1)]",
        ),
        _django,
        calls=("get", "first", "count", "exists", "create", "get_or_create", "update", "delete"),
        hints=("async def",),
    ),
    Pattern(
        row(
            "await-in-loop",
            NIT,
            source="https://docs.python.org/3/library/asyncio-task.html#task-groups",
            title="Each iteration waits for the one before it.",
            why="The waiting adds up where it could overlap.",
            fix="Use a TaskGroup or asyncio.gather, unless the order matters.",
            bad="async def f(xs):\n    for x in xs:\n        out.append(await load(x))",
            good="async def f(xs):\n    return await asyncio.gather(*map(load, xs))\n---\n"
            "async def f(xs):\n    async for x in xs:\n        await load(x)",
        ),
        _awaited,
        kinds=("await",),
        hints=("await",),
    ),
    Pattern(
        row(
            "client-in-handler",
            NIT,
            source="https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html",
            title="A client is made at every call of the handler.",
            why="Made outside, it lives on to the next call, with its connections.",
            fix="Make it in the module.",
            bad="def handler(event, context):\n    s3 = boto3.client('s3')",
            good="s3 = boto3.client('s3')\ndef handler(event, context):\n    s3.list_buckets()",
        ),
        _in_handler,
        calls=("client", "resource"),
        hints=("boto3",),
    ),
    Pattern(
        row(
            "first-page-only",
            NIT,
            source="https://boto3.amazonaws.com/v1/documentation/api/latest/guide/paginators.html",
            title="Only the first page of the answer is read.",
            why="Beyond a thousand objects or a megabyte the rest is silently missing.",
            fix="Use get_paginator.",
            bad="import boto3\ndef f(s3):\n    return s3.list_objects_v2(Bucket='b')['Contents']",
            good="import boto3\ndef f(s3):\n    return s3.get_paginator('list_objects_v2')",
        ),
        _first_page,
        calls=_FIRST_PAGE,
        hints=("boto3",),
    ),
)
