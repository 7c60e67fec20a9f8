"""Work out what a call returns, and note the sinks its arguments reach."""

import re
from dataclasses import dataclass

from reviewloop.rules.taint import local_calls
from reviewloop.rules.taint.cleaners import (
    CARRIES,
    CLEANERS,
    CLEANING_METHODS,
    DECODES,
    ENCODES,
    PARSES,
    SAME,
    SELECTS_BY_NAME,
    UNQUOTES,
    cleaned_by,
)
from reviewloop.rules.taint.frame import Frame
from reviewloop.rules.taint.methods import METHODS, method_result
from reviewloop.rules.taint.reaching import source
from reviewloop.rules.taint.scopes import ClassInfo, FunctionInfo, duplicate
from reviewloop.rules.taint.sink_tests import check_sinks
from reviewloop.rules.taint.sources import READS_REQUEST, SAFE_NAME, SOURCE_CALLS
from reviewloop.rules.taint.syntax import Call, Name
from reviewloop.rules.taint.values import (
    CLEAN,
    FLOWS,
    RANDOM,
    Taint,
    Value,
    changed,
    join_taints,
    series,
    text_of,
)
from reviewloop.rules.taint.weak_values import weak_call


@dataclass(slots=True)
class Site:
    """A call with everything in it worked out."""

    expr: Call
    callee: Value
    path: str
    name: str  # the last part of the path
    args: list[Value]
    keywords: dict[str, Value]
    starred: tuple[Taint, ...] = ()

    @property
    def receiver(self) -> Value:
        """The object whose method is called."""
        return self.callee.bound or CLEAN

    def all_taints(self) -> tuple[Taint, ...]:
        """Return what comes in by any argument."""
        return join_taints(
            *[arg.taints for arg in self.args],
            *[value.taints for value in self.keywords.values()],
            self.starred,
        )

    def argument(self, place: int, name: str = "") -> Value | None:
        """Return an argument by position or keyword."""
        if name and name in self.keywords:
            return self.keywords[name]
        return self.args[place] if 0 <= place < len(self.args) else None


def call(frame: Frame, expr: Call) -> Value:
    """Return what a call gives back."""
    callee = frame.value(expr.callee)
    args: list[Value] = []
    keywords: dict[str, Value] = {}
    starred: tuple[Taint, ...] = ()
    for argument in expr.arguments:
        value = frame.value(argument.value)
        if argument.name == "*" and value.seq is not None:
            args += value.seq
        elif argument.name == "**" and value.items is not None:
            keywords.update({str(key): item for key, item in value.items.items()})
        elif argument.name in {"*", "**"}:
            starred = join_taints(starred, value.taints)
        elif argument.name:
            keywords[argument.name] = value
        else:
            args.append(value)
    path = callee.path
    site = Site(expr, callee, path, path.rpartition(".")[2], args, keywords, starred)
    if callee.ref is not None and not callee.instance:
        return _local(frame, site)
    if path:
        check_sinks(frame, site)
        weak = weak_call(frame, site)
        if weak is not None:
            return weak
    return _result(frame, site)


def _local(frame: Frame, site: Site) -> Value:
    ref = site.callee.ref
    if isinstance(ref, ClassInfo):
        return local_calls.construct(frame, site, ref)
    if isinstance(ref, FunctionInfo):
        value = local_calls.follow(frame, site, ref)
        cleared = cleaned_by(site.name)
        if value.taints and cleared and _works_on_characters(frame, ref):
            return Value(taints=changed(value.taints, cleared))
        return value
    return CLEAN


_BY_CHARACTER = re.compile(rb"\bfor\b|translate\(|filter\(|\bsub\(|join\(")


def _works_on_characters(frame: Frame, info: FunctionInfo) -> bool:
    """Whether a cleaning function of this file does what we cannot follow, instead of nothing."""
    return bool(_BY_CHARACTER.search(frame.machine.source, info.node.start, info.node.end))


def _result(frame: Frame, site: Site) -> Value:
    path = site.path
    made = f"{path}()"[-160:]
    for find in (_cleaner, _door, _same, method_result):
        found = find(frame, site)
        if found is not None:
            return found
    taints = site.all_taints()
    if site.receiver.taints and site.callee.taints:
        return _method_of_data(frame, site, made)
    if not taints:
        return Value(path=made)
    return Value(taints=_unknown(site, taints), path=made)


def _cleaner(frame: Frame, site: Site) -> Value | None:
    path = site.path
    cleared = CLEANERS.get(path)
    if cleared is None and site.callee.bound is not None:
        cleared = CLEANING_METHODS.get(site.name)
        if cleared is not None and not (site.receiver.taints or cleared is not FLOWS):
            return Value(path=f"{path}()")
    if cleared is None:
        return None
    if cleared == FLOWS:
        weak = tuple(t for t in site.all_taints() if t.origin.kind == "random")
        return Value(taints=changed(weak), path=f"{path}()")
    taints = join_taints(site.all_taints(), site.receiver.taints)
    return Value(taints=changed(taints, cleared), path=f"{path}()")


_HELD = re.compile(r"@request\.\w+")


def _door(frame: Frame, site: Site) -> Value | None:
    """Calls that bring outside data in."""
    path, receiver = site.path, site.receiver
    if path in SOURCE_CALLS:
        return source(frame, site.expr, f"{path}()", "args")
    if path.startswith("@request.") and path.count(".") == 1 and site.callee.taints:
        return source(frame, site.expr, f"{path}()", site.name)
    if _HELD.fullmatch(receiver.path) and receiver.taints and site.name not in METHODS:
        return _read(frame, site)
    if _HELD.fullmatch(receiver.path) and receiver.taints and site.name in {"get", "pop"}:
        return _read(frame, site)
    if receiver.path in {"@environ", "os.environ"} or path in {"os.getenv", "os.environ.get"}:
        from reviewloop.rules.taint.reaching import environ_value

        key = site.argument(0)
        return environ_value(frame, site.expr, path, key) if key is not None else CLEAN
    if receiver.path == "@event" and site.name == "get":
        return source(frame, site.expr, "@event[]", "json")
    if receiver.path in {"@tornado", "@websocket", "@http"} and site.callee.taints:
        return source(frame, site.expr, f"{path}()", "json" if "json" in site.name else "args")
    return _wrapper(frame, site)


def _read(frame: Frame, site: Site) -> Value:
    """`request.args.get("x", type=int)` and the like."""
    kind = site.keywords.get("type")
    if kind is not None and kind.path in CLEANERS:
        return Value(path=f"{kind.path}()")
    if site.receiver.path.endswith(".META") and site.args:
        from reviewloop.rules.taint.sources import SERVER_KEYS

        key = site.args[0].const
        if isinstance(key, str) and SERVER_KEYS.match(key):
            return CLEAN
    origin = frame.machine.origin(site.expr)
    if site.name in CLEANING_METHODS:
        return Value(path=f"{site.path}()")
    taints = tuple(
        taint._replace(origin=origin) if taint.origin.kind == "request" else taint
        for taint in site.receiver.taints
    )
    return Value(taints=taints, path=f"{site.path}()")


def _wrapper(frame: Frame, site: Site) -> Value | None:
    """Objects and helpers that get the request handed over."""
    requests = [
        value
        for value in [*site.args, *site.keywords.values()]
        if value.path in {"@request", "@event", "@environ"}
    ]
    if requests:
        last = site.name.rpartition(".")[2]
        if last[:1].isupper() or "wrap" in last.lower():
            return Value(path="@wrapper")
        if READS_REQUEST.search(last) and not SAFE_NAME.search(last) and not site.callee.ref:
            found = source(frame, site.expr, f"{site.path}()", "args")
            return Value(taints=changed(found.taints, sure=True), path=found.path)
        return Value(path=f"{site.path}()")
    if site.receiver.path == "@wrapper":
        if READS_REQUEST.search(site.name) and not SAFE_NAME.search(site.name):
            return source(frame, site.expr, f"{site.path}()", "args")
        return Value(path=f"{site.path}()")
    return None


def _same(frame: Frame, site: Site) -> Value | None:
    path = site.path
    first = site.args[0] if site.args else next(iter(site.keywords.values()), None)
    if first is None:
        return None
    if path in SAME:
        if path in {"str", "unicode"} and first.taints:
            copy = duplicate(first)
            copy.taints = changed(first.taints, frozenset({"nosql-injection"}))
            copy.seq = copy.items = copy.fields = None
            return copy
        return first
    if path in ENCODES or path in DECODES:
        layers = 1 if path in ENCODES else -1
        return Value(taints=changed(site.all_taints(), layers=layers), path=f"{path}()")
    if path in PARSES:
        taints = changed(first.taints)
        return Value(
            taints=tuple(t._replace(cleared=t.cleared - {"nosql-injection"}) for t in taints),
            path=f"{path}()",
        )
    if path in UNQUOTES:
        return Value(
            taints=tuple(
                taint._replace(cleared=taint.cleared & (RANDOM | {"nosql-injection"}), bare=False)
                for taint in first.taints
            ),
            path=f"{path}()",
        )
    if path in {"list", "tuple", "sorted", "reversed", "set"} and first.seq is not None:
        keeps = path in {"list", "tuple"}
        return series(list(first.seq)) if keeps else Value(taints=first.taints)
    if path == "shlex.split":
        return Value(taints=changed(first.taints), path="shlex.split()", shape=text_of(first))
    if path == "dict" and first.items is not None and not site.keywords:
        return first
    if path in {"os.path.join", "posixpath.join", "ntpath.join"}:
        from reviewloop.rules.taint.values import concat, constant

        slashed = [part for arg in site.args for part in (constant("/"), arg)][1:]
        joined = concat(slashed)
        return Value(
            taints=join_taints(joined.taints, site.starred),
            path="os.path.join()",
            shape=text_of(joined),
        )
    return None


def _method_of_data(frame: Frame, site: Site, made: str) -> Value:
    """A method we know nothing about, called on outside data: most transform it."""
    taints = join_taints(site.receiver.taints, _carried(site))
    if site.name in {"save", "delete", "close", "seek", "connect"}:
        return Value(path=made)
    return Value(taints=changed(taints), path=made)


def _carried(site: Site) -> tuple[Taint, ...]:
    """What of a method's arguments comes back: a lookup on a parameter only selects by its key."""
    lookup = SELECTS_BY_NAME.match(site.name.lstrip("_"))
    if lookup and all(taint.origin.kind == "param" for taint in site.receiver.taints):
        return join_taints(*[value.taints for value in site.args[1:]])  # what stands in for nothing
    return site.all_taints()


def _unknown(site: Site, taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """What an unknown function makes of outside data given to it."""
    if isinstance(site.expr.callee, Name) and not site.path:
        return changed(taints, sure=False)
    if CARRIES.match(site.path):
        return changed(taints)
    cleared = cleaned_by(site.name)
    if cleared:
        return changed(taints, cleared)
    if site.name.lower().endswith(("url", "uri", "link", "href")):
        return changed(taints, frozenset({"open-redirect", "ssrf"}), sure=False)
    if SELECTS_BY_NAME.match(site.name.lstrip("_")):
        return ()
    if site.name[:1].isupper() and site.name.endswith(("Response", "Error", "Exception", "Form")):
        return ()
    return changed(taints, sure=False)
