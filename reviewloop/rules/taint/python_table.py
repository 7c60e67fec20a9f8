"""Effects of Python's library functions on data: the table `python.toml`, read once."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple, TypedDict

from reviewloop.rules.taint.values import FLOWS, TABLES, read_flows


class Sink(NamedTuple):
    """A dangerous call.

    `callee` is a whole dotted name, or ".method" for a method of any object. `test` names a further
    condition (see `python_sink_tests`).
    """

    rule: str
    callee: str
    args: tuple[int | str, ...] = (0,)  # positions and keywords
    test: str = ""
    what: str = ""  # for the message; "" is the call itself
    sure: bool = True


class PythonTable(NamedTuple):
    """The table; callees are whole dotted names."""

    sinks: Mapping[str, tuple[Sink, ...]]  # by the last part of their name
    cleaners: Mapping[str, frozenset[str]]  # kinds of harm that a call prevents
    cleaning_methods: Mapping[str, frozenset[str]]  # the same for methods of any object, by name
    same: frozenset[str]
    encodes: frozenset[str]
    decodes: frozenset[str]
    parses: frozenset[str]
    unquotes: frozenset[str]
    frameworks: frozenset[str]
    requests: frozenset[str]
    request_data: frozenset[str]
    json_data: frozenset[str]
    path_data: frozenset[str]
    route_data: frozenset[str]
    routes: frozenset[str]
    converters: frozenset[str]
    self_data: Mapping[str, frozenset[str]]  # by the kind of object that serves requests
    sources: Mapping[str, str]  # outside data that a call returns, in words


class _SinkRow(TypedDict, total=False):
    rule: str
    callees: list[str]
    args: list[int | str]
    test: str
    what: str
    sure: bool


@cache
def python_table() -> PythonTable:
    """Return the table, which names the source of each fact."""
    plain = read_flows(TABLES / "python.toml")

    def callees(name: str) -> frozenset[str]:
        return frozenset(plain[name]["callees"])

    def names(name: str) -> frozenset[str]:
        return frozenset(plain[name]["names"])

    cleaners: dict[str, frozenset[str]] = {}
    methods: dict[str, frozenset[str]] = {}
    for row in plain["cleaner"]:
        cleared = FLOWS if row["for"] == ["all"] else frozenset(row["for"])
        for callee in row["callees"]:
            if callee.startswith("."):
                methods[callee[1:]] = cleared
            else:
                cleaners[callee] = cleared
    return PythonTable(
        sinks=_sinks(plain["sink"]),
        cleaners=cleaners,
        cleaning_methods=methods,
        same=callees("same"),
        encodes=callees("encodes"),
        decodes=callees("decodes"),
        parses=callees("parses"),
        unquotes=callees("unquotes"),
        frameworks=names("frameworks"),
        requests=names("requests"),
        request_data=names("request_data"),
        json_data=names("json_data"),
        path_data=names("path_data"),
        route_data=names("route_data"),
        routes=names("routes"),
        converters=names("converters"),
        self_data={row["kind"]: frozenset(row["names"]) for row in plain["self"]},
        sources={callee: row["what"] for row in plain["source"] for callee in row["callees"]},
    )


def _sinks(rows: Iterable[_SinkRow]) -> dict[str, tuple[Sink, ...]]:
    found: dict[str, list[Sink]] = {}
    for row in rows:
        for callee in row["callees"]:
            sink = Sink(
                row["rule"],
                callee,
                tuple(row.get("args", (0,))),
                row.get("test", ""),
                row.get("what", ""),
                row.get("sure", True),
            )
            found.setdefault(callee.rpartition(".")[2], []).append(sink)
    return {name: tuple(sinks) for name, sinks in found.items()}
