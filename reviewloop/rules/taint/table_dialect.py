"""Evaluates calls in JavaScript and Go by the tables beside this file."""

from __future__ import annotations

import re
from dataclasses import field
from functools import cached_property
from typing import Literal

from reviewloop.analysis.contract import MUST, SHOULD, Hit
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex
from reviewloop.rules.catalogue import rule
from reviewloop.rules.taint.access import element_of
from reviewloop.rules.taint.functions import follow
from reviewloop.rules.taint.names import cleaned_by
from reviewloop.rules.taint.project import sentence_of
from reviewloop.rules.taint.queries import note_callback
from reviewloop.rules.taint.syntax import Attr, Param
from reviewloop.rules.taint.table_sink_tests import (
    TABLE_TESTS,
    address_in,
    callee_text,
    is_http_client,
)
from reviewloop.rules.taint.values import (
    CLEAN,
    FLOWS,
    RANDOM,
    TABLES,
    ClassInfo,
    Found,
    Frame,
    FunctionInfo,
    Origin,
    Site,
    Taint,
    Value,
    changed,
    join_taints,
    read_flows,
)

_CALLBACKS = frozenset({"then", "map", "flatMap", "forEach", "filter", "some", "every", "find"})
_TEXT_METHODS = regex(
    r"(?:trim\w*|lower|toUpperCase|slice|substring|substr|concat|split|join|toString|padStart|normalize"
    r"|replaceAll|flat|keys|values|entries|pop|shift|at|filter|json|text|get|getAll|String|Bytes"
    r"|query|Query|Get|Values|Param|FormValue|first|format|reverse|sort|map)$"
)

_WHOLE = frozenset({"toString", "toJSON"})  # the whole address that was parsed
ON_BASE = "(on a base)"  # field of an address that is relative to a host of the program's, mostly


@dataclass(frozen=True)
class Sink:
    """A row of the table of sinks."""

    rule: str
    kind: str
    args: tuple[int, ...]
    test: str
    severity: str


@dataclass
class Table:
    """The effects of a language's library functions."""

    language: str
    sinks: dict[str, list[Sink]] = field(default_factory=dict)
    cleaners: dict[str, frozenset[str]] = field(default_factory=dict)
    carries: frozenset[str] = frozenset()
    encoded: dict[str, frozenset[str]] = field(default_factory=dict)  # by "URL().search"

    @classmethod
    def read(cls, language: str) -> Table:
        """Return the table of a language."""
        plain = read_flows(TABLES / f"{language}.toml")
        table = cls(language)
        for row in plain["sink"]:
            sink = Sink(
                row["rule"],
                row["kind"],
                tuple(row.get("args", (0,))),
                row.get("test", ""),
                row.get("severity", "must"),
            )
            for callee in row["callees"]:
                table.sinks.setdefault(callee, []).append(sink)
        for row in plain["cleaner"]:
            cleared = FLOWS if row["for"] == ["all"] else frozenset(row["for"])
            for callee in row["callees"]:
                table.cleaners[callee] = table.cleaners.get(callee, frozenset()) | cleared
        for row in plain.get("encoded", ()):
            for member in (f"{of}().{name}" for of in row["of"] for name in row["members"]):
                table.encoded[member] = table.encoded.get(member, frozenset()) | set(row["for"])
        table.carries = frozenset(plain["carries"]["callees"])
        return table


class TableDialect:
    """A language whose libraries are described by a table."""

    language = ""
    mongo = regex(r"mongo", re.IGNORECASE)

    @cached_property
    def table(self) -> Table:
        """The effects of the language's library functions."""
        return Table.read(self.language)

    def path_of(self, path: str) -> str:
        """Return the path of a callee as in the table."""
        return path

    def name(self, frame: Frame, name: str) -> Value | None:
        """Return the value of a name that the file does not define."""
        return None

    def source(self, frame: Frame, site: Site) -> Value | None:
        """Return the outside data that a call returns, None for none."""
        return None

    def result_of(self, frame: Frame, site: Site, path: str) -> Value | None:
        """Return the result of a call that is special in the language."""
        return None

    def call(self, frame: Frame, site: Site) -> Value:
        """Return the result of a call that cannot be followed; record its sinks."""
        path = self.path_of(site.path)
        self._check(frame, site, path)
        for find in (self.source, self._callback):
            found = find(frame, site)
            if found is not None:
                return found
        special = self.result_of(frame, site, path)
        if special is not None:
            return special
        made = f"{site.path}()"[-160:]
        taints = join_taints(site.all_taints(), site.receiver.taints)
        if not taints:
            return Value(path=made)
        cleared = self.table.cleaners.get(path)
        if cleared is None and site.callee.bound is not None:
            cleared = self.table.cleaners.get(f".{site.name}")
        if cleared is None:
            cleared = cleaned_by(site.name) or None
        if cleared is not None:
            left = () if cleared == FLOWS else changed(taints, cleared)
            held = _held_address(site)
            return Value(left, path=made, shape=held.shape, fields=held.fields)
        if path in self.table.carries:
            return Value(changed(site.all_taints()), path=made)
        if site.receiver.taints and _TEXT_METHODS.match(site.name):
            encoded = self.table.encoded.get(path, frozenset())
            held = _held_address(site)
            left = changed(site.receiver.taints, encoded)
            return Value(left, path=made, shape=held.shape, fields=held.fields)
        return Value(path=made)

    def _callback(self, frame: Frame, site: Site) -> Value | None:
        """Follow a callback for each element, or for the result of a promise."""
        first = site.args[0] if site.args else None
        if first is None or site.name not in _CALLBACKS or not isinstance(first.ref, FunctionInfo):
            return None
        given = site.receiver if site.name == "then" else element_of(site.receiver)
        inner = Site(site.expr, first, first.path, site.name, [given], {})
        value = follow(frame, inner, first.ref)
        if site.name != "then":
            note_callback(frame, first.ref)
        if site.name in {"map", "flatMap"}:
            return Value(value.taints, path="list()", shape=None)
        return value if site.name == "then" else Value(changed(site.receiver.taints), path="list()")

    def _check(self, frame: Frame, site: Site, path: str) -> None:
        rows = list(self.table.sinks.get(path, ()))
        if not rows and site.callee.bound is not None:
            rows = self.table.sinks.get(f".{site.name}", [])
        for row in rows:
            for number in row.args:
                value = site.args[number] if number < len(site.args) else None
                if value is None or not value.taints:
                    continue
                if not row.test or TABLE_TESTS[row.test](self, frame, site, value):
                    what = f"`{callee_text(frame, site)}()`"
                    value = address_in(value) if row.kind == "ssrf" else value
                    sure = row.severity == "must" and not _is_watched(row, frame)
                    if row.test == "client address" and not is_http_client(frame):
                        sure = False
                    if row.kind == "path-traversal" and _validates(frame):
                        sure = False
                    if ON_BASE in (value.fields or ()) or _is_own_address(row, value):
                        sure = False
                    frame.reach(row.rule, site.expr, value, what, sure, row.kind)
                    return

    def outside(self, frame: Frame, param: Param, cleared: frozenset[str] = RANDOM) -> Value:
        """Return a parameter that a framework fills with outside data."""
        path = frame.machine.path
        what = f"the parameter {param.name}"
        ident = f"{path}:request:{param.start}"
        origin = Origin(ident, param.start, param.end, what, "request", path, declared=True)
        return Value((Taint(origin, cleared),), path=param.name)

    def parameter(self, info: FunctionInfo, param: Param) -> Value:
        """Return an ordinary function's parameter: its callers decide its value."""
        path = info.machine.path
        ident = info.param_id(param.name)
        origin = Origin(ident, param.start, param.end, param.name, "param", path)
        return Value((Taint(origin, bare=True),), path=param.name)

    def request_data(
        self, frame: Frame, expr: Attr, path: str, cleared: frozenset[str] = RANDOM
    ) -> Value:
        """Return outside data that is read from a request."""
        return Value((Taint(frame.machine.origin(expr), cleared),), path=path)

    def part(self, owner: Value, name: str) -> Value | None:
        """Return a part of a parameter as an origin of its own, None for another owner."""
        taint = owner.taints[0] if len(owner.taints) == 1 else None
        if taint is None or not taint.bare or taint.origin.kind != "param":
            return None
        if owner.ref and not taint.origin.id.rpartition(":")[2].startswith("self"):
            return None
        if taint.origin.id.count(".", taint.origin.id.rfind(":")) > 2:
            return None
        origin = taint.origin._replace(id=f"{taint.origin.id}.{name}")
        path = f"{owner.path}.{name}"[-160:]
        return Value((taint._replace(origin=origin),), path=path, bound=owner)

    def field(self, frame: Frame, owner: Value, name: str) -> Value | None:
        """Return a field or method of an object of the project, None if unknown."""
        if owner.fields is not None and name in owner.fields:
            return owner.fields[name]
        if owner.items is not None and name in owner.items:
            return owner.items[name]
        at: ClassInfo | FunctionInfo | None = owner.ref
        for _ in range(6):
            if not isinstance(at, ClassInfo):
                return None
            if name in at.methods:
                path = f"{owner.path}.{name}"[-160:]
                return Value(path=path, ref=at.methods[name], bound=owner)
            at = at.parents[0] if at.parents else None
        return None


_VALIDATES = regex(
    rb"(?i)\b\w*(?:validate|secure|safe|sanitize|clean)\w*(?:file|path|name|join|dir)\w*\("
)


def _validates(frame: Frame) -> bool:
    """Whether the function also hands paths to a function that says to check them."""
    info = frame.info
    body = frame.machine.source[info.node.start : info.node.end] if info is not None else b""
    return _VALIDATES.search(body[:30_000]) is not None


_OWN_ADDRESS = regex(
    r"(?:_?req|request|httpReq|(?:ctx|context|c)\.req(?:uest)?|ctx|context)"
    r"\.(?:url|originalUrl|nextUrl(?:\.\w+)*)"
)


def _is_own_address(row: Sink, value: Value) -> bool:
    """Whether a request goes to the address that was called: only its Host could name another."""
    return row.kind == "ssrf" and all(
        _OWN_ADDRESS.fullmatch(one.origin.what) for one in value.taints
    )


def _held_address(site: Site) -> Value:
    """Return the parsed address that a call returns as a text, nothing for another call."""
    return site.receiver if site.receiver.path == "URL()" and site.name in _WHOLE else CLEAN


# Agents and dialers that check their address, and refuse private networks.
_WATCHED = regex(
    rb"\.Control\s*=\s*func\(|Control:\s*func\(|[aA]gent:[^\n]{0,80}(?:[sS]srf|[fF]iltering)\w*\("
)


def _is_watched(row: Sink, frame: Frame) -> bool:
    return row.kind == "ssrf" and _WATCHED.search(frame.machine.source) is not None


def hit_of(found: Found) -> Hit:
    """Return the hit for a flow to a sink of a table, without its locations."""
    page = rule(found.rule)
    sentence = sentence_of(page, found)
    confidence: Literal["high", "medium"] = "high" if found.sure else "medium"
    severity = MUST if found.sure else SHOULD  # the page's is for what is seen without a flow
    return Hit(found.rule, found.path, None, sentence, severity, confidence)
