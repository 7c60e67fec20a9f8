"""Finds functions of the project that query a database and are called for every element."""

from __future__ import annotations

import re

from reviewloop.regex import regex
from reviewloop.rules.taint.syntax import Attr, Call, Loop, Series
from reviewloop.rules.taint.values import Frame, FunctionInfo, Location, Query, Site

_MOST_CALLS = 3  # between the loop and the query
_FEW = 6  # members of a list that is written down
_DATABASE = regex(
    r"(?i)(?:^|[._])\w*(?:db|database|conn|connection|cursor|cur|session|engine|pool|tx|trx|knex"
    r"|prisma|queryer|querier|repository|repo)(?:\(\))?$"
)
_PYTHON_TEXT = "get first last count exists create get_or_create update_or_create aggregate"
_PYTHON_MANAGER = frozenset(_PYTHON_TEXT.split())
_SESSION_TEXT = "get scalar scalars execute fetch fetchrow fetchval"
_PYTHON_SESSION = frozenset(_SESSION_TEXT.split())
_PYTHON_ROWS = frozenset({"all", "one", "first", "one_or_none", "count", "scalar"})
_SCRIPT_TEXT = "query execute aggregate countDocuments raw $queryRaw $executeRaw"
_SCRIPT = frozenset(_SCRIPT_TEXT.split())
_MODEL_TEXT = (
    "findOne findById findByPk findUnique findUniqueOrThrow findFirst findMany findAll findOneBy"
)
_SCRIPT_MODELS = frozenset(_MODEL_TEXT.split())
_GO_TEXT = "Query QueryRow QueryContext QueryRowContext Exec ExecContext NamedExec"
_GO = frozenset(_GO_TEXT.split())
_GO_MODELS = frozenset({"First", "Find", "Take", "Get", "Select", "GetContext", "SelectContext"})
_WRITES = regex(
    rb"(?i)\.(?:\w*create|insert|update|save|delete)\w*\("
    rb"|\b(?:insert\s+into|update\s+\S+\s+set|delete\s+from)\b"
)
_READS = regex(rb"(?i)\bselect\b")
_ONE_TIME = regex(r"(?i)migrat|seed|fixture|(?:^|/)scripts?/")  # programs that run once
_REMEMBERS = regex(rb"(?i)cache|memo|\blru|\bonce\b|lazy|singleton")
_STOPS = regex(rb"(?i)\bbreak\b|retr(?:y|ies)|attempt|page|cursor|batch|chunk|sleep|poll|migrat")
_RETURNS = regex(rb"\breturn\b")  # of the first success; in Go also of every error


def repeats(frame: Frame, loop: Loop) -> bool:
    """Whether a loop runs its body for each of many elements, and not until it succeeds."""
    if loop.target is None or _ONE_TIME.search(frame.machine.path):
        return False
    if isinstance(loop.source, Series) and len(loop.source.members) <= _FEW:
        return False
    text = frame.machine.source[loop.start : loop.end][:5_000]
    if _STOPS.search(text):
        return False
    return frame.machine.path.endswith((".py", ".go")) or not _RETURNS.search(text)


def note_query(frame: Frame, site: Site) -> None:
    """Record the first query that a function makes itself."""
    if frame.info is None or frame.summary.query is not None or not _is_query(frame, site.expr):
        return
    if not _remembers(frame.info):
        here = Location(frame.machine.path, site.expr.start, site.expr.end)
        call, whole = (
            frame.machine.source[one.start : one.end][:4_000] for one in (here, frame.info.node)
        )
        writes = _WRITES.search(whole if not _READS.search(whole) else call) is not None
        frame.summary.query = Query(here, "", writes)


def note_call(frame: Frame, site: Site) -> None:
    """Record a query behind a call: for the callers, or to be reported from inside a loop."""
    info = site.callee.ref
    if not isinstance(info, FunctionInfo) or info.summary is None:
        return
    query = info.summary.query
    if query is None or len(query.calls) >= _MOST_CALLS:
        return
    here = Location(frame.machine.path, site.expr.start, site.expr.end)
    behind = query._replace(called=query.called or info.node.name, calls=(*query.calls, here))
    if frame.repeats:
        frame.machine.repeated.setdefault(here, behind)
    if frame.info is not None and frame.summary.query is None and not _remembers(frame.info):
        frame.summary.query = behind


def note_callback(frame: Frame, callback: FunctionInfo) -> None:
    """Report the query behind a call in a function that is called for each element."""
    query = callback.summary.query if callback.summary is not None else None
    if query is not None and query.calls and query.calls[-1].path == frame.machine.path:
        frame.machine.repeated.setdefault(query.calls[-1], query)


def _remembers(info: FunctionInfo) -> bool:
    """Whether a function keeps what it has read: then calling it again costs nothing."""
    text = info.machine.source[max(0, info.node.start - 100) : info.node.end]
    return _REMEMBERS.search(text[:4_000]) is not None


def _is_query(frame: Frame, call: Call) -> bool:
    if not isinstance(call.callee, Attr):
        return False
    name, owner = call.callee.name, call.callee.owner
    of = frame.machine.source[owner.start : owner.end][-200:].decode("utf-8", "replace")
    path = frame.machine.path
    if path.endswith(".py"):
        if ".objects" in of:
            return name in _PYTHON_MANAGER
        if re.search(r"[sS]ession(?:\(\))?\.query\(", of):
            return name in _PYTHON_ROWS
        return name in _PYTHON_SESSION and _DATABASE.search(of) is not None
    if path.endswith(".go"):
        if name in _GO_MODELS:
            return re.search(r"(?i)(?:^|\.)\w*(?:db|tx)$|\bdb\.", of) is not None
        return name in _GO and _DATABASE.search(of) is not None
    if name in _SCRIPT_MODELS:
        return bool(of)
    return name in _SCRIPT and _DATABASE.search(of) is not None
