"""The state of the engine: kinds of harm, values, variables along a path, functions."""

# One file: values hold functions, functions hold variables, and variables hold values.

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from reviewloop.analysis.contract import Span
from reviewloop.analysis.data_tables import read_table
from reviewloop.rules.taint.syntax import Attr, Call, Class, Expr, Function, Name, Stmt

TABLES = Path(__file__).parent
_OF_THE_ENGINE = frozenset({"header-injection", "nosql-code", "trust-boundary"})


@cache
def read_flows(path: Path) -> dict[str, Any]:
    """Return a table of sources, sinks and sanitizers."""
    table: dict[str, Any] = read_table(path)
    return table


def kinds_of(folder: Path) -> frozenset[str]:
    """Return the kinds of harm in the tables of a folder.

    A sink of Python has the kind that its rule is named after; the engine knows some without a row.
    """
    rows = (row for path in folder.glob("*.toml") for row in read_flows(path)["sink"])
    return _OF_THE_ENGINE.union(row.get("kind", row["rule"]) for row in rows)


FLOWS = kinds_of(TABLES)
"""Every kind of harm: a check of unknown strength clears all of them."""

RANDOM = frozenset({"weak-random"})
OBJECTS = frozenset({"nosql-injection"})  # dangerous only if a value may be an object
TAINTED, PLAIN = "\x00", "\x01"  # unknown parts of a text: from outside, and not
_MOST_TAINTS, _MOST_MEMBERS, _MOST_SHAPE = 4, 64, 400


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()  # an unknown constant


class Origin(NamedTuple):
    """Where outside data enters. The same text read twice is the same data."""

    id: str
    start: int
    end: int
    what: str  # "request.args.get('q')": for the message
    kind: str  # request, object (the request itself), random, param
    path: str = ""  # the file
    segment: bool = False  # one path segment matched by a route: without a slash
    declared: bool = False  # a parameter that a framework fills: it matched and parsed the value


class Location(NamedTuple):
    """A location in a file of the project."""

    path: str
    start: int
    end: int


class Query(NamedTuple):
    """A query of a database, and the calls that lead to it, innermost first."""

    at: Location
    called: str  # the function that makes it, "" in that function itself
    writes: bool
    calls: tuple[Location, ...] = ()


class Taint(NamedTuple):
    """Outside data in a value, and the kinds of harm that it cannot do."""

    origin: Origin
    cleared: frozenset[str] = frozenset()
    sure: bool = True
    layers: int = 0  # encodings around it that leave only harmless characters
    bare: bool = False  # the object itself, unchanged


@dataclass(slots=True, eq=False)
class Value:
    """An immutable value; some instances are shared."""

    taints: tuple[Taint, ...] = ()
    const: Any = UNKNOWN
    path: str = ""  # its access path: "os.path.join", "sqlite3.connect().cursor()"
    shape: str | None = None  # a text with its unknown parts marked
    seq: tuple[Value, ...] | None = None  # the members of a list or tuple
    items: dict[Any, Value] | None = None  # the members of a dictionary by constant key
    fields: dict[str, Value] | None = None
    ref: FunctionInfo | ClassInfo | None = None  # a definition of this file
    instance: bool = False  # an object of the class `ref`
    bound: Value | None = None  # the object of a bound method

    def known(self) -> bool:
        """Whether the constant is known."""
        return self.const is not UNKNOWN


CLEAN = Value()


def constant(value: Any) -> Value:
    """Return the value of a literal."""
    return Value(const=value)


def named(path: str) -> Value:
    """Return a value known only by its access path."""
    return Value(path=path[-160:])


def tainted(taints: tuple[Taint, ...], path: str = "", shape: str | None = None) -> Value:
    """Return a value of unknown content."""
    return Value(taints=taints, path=path[-160:], shape=shape)


def join_taints(*groups: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """Return the taints of a value that may be, or contain, any of several."""
    filled = [group for group in groups if group]
    if not filled:
        return ()
    if len(filled) == 1 or all(group is filled[0] for group in filled[1:]):
        return filled[0]
    merged: dict[str, Taint] = {}
    for group in filled:
        for taint in group:
            old = merged.get(taint.origin.id)
            if old is None:
                merged[taint.origin.id] = taint
            elif old != taint:
                merged[taint.origin.id] = Taint(
                    old.origin,
                    old.cleared & taint.cleared,
                    old.sure or taint.sure,
                    min(old.layers, taint.layers),
                    old.bare and taint.bare,
                )
    return tuple(merged.values())[:_MOST_TAINTS]


def changed(
    taints: tuple[Taint, ...],
    cleared: frozenset[str] = frozenset(),
    sure: bool = True,
    layers: int = 0,
) -> tuple[Taint, ...]:
    """Return taints after an operation on their value."""
    if not taints:
        return ()
    return tuple(
        Taint(
            taint.origin,
            taint.cleared | cleared,
            taint.sure and sure,
            max(0, taint.layers + layers),
            False,
        )
        for taint in taints
        if taint.origin.kind != "object" or not taint.bare
    )


def join(left: Value, right: Value) -> Value:
    """Return the value of a variable that may be either."""
    if left is right:
        return left
    if left is CLEAN and not right.taints:
        return CLEAN
    taints = join_taints(left.taints, right.taints)
    const = left.const if _same(left.const, right.const) else UNKNOWN
    path = left.path if left.path == right.path else _either_path(left, right)
    value = Value(taints=taints, const=const, path=path)
    if value.const is UNKNOWN:
        value.shape = _join_shapes(left, right)
    if left.seq is not None and right.seq is not None and len(left.seq) == len(right.seq):
        value.seq = tuple(join(a, b) for a, b in zip(left.seq, right.seq, strict=True))
    elif first_of(left) is not None and first_of(right) is not None:
        value.path, value.shape = "list()", None
        value.fields = {"[0]": join(first_of(left) or CLEAN, first_of(right) or CLEAN)}
    if left.items is not None and right.items is not None:
        value.items = _join_members(left.items, right.items)
    if left.ref is right.ref:
        value.ref, value.instance = left.ref, left.instance
        if left.fields is not None and right.fields is not None:
            value.fields = _join_members(left.fields, right.fields)
        if left.bound is not None:
            value.bound = left.bound
    return value


def first_of(value: Value) -> Value | None:
    """Return the first member of a list, also of one of unknown length."""
    if value.seq:
        return value.seq[0]
    return (value.fields or {}).get("[0]")


def _either_path(left: Value, right: Value) -> str:
    """Return the path of either: a handle that starts as None (`fd = None`) becomes the other."""
    if left.const is None:
        return right.path
    return left.path if right.const is None else ""


def _same(left: Any, right: Any) -> bool:
    if left is UNKNOWN or right is UNKNOWN:
        return False
    return type(left) is type(right) and bool(left == right)


def _join_shapes(left: Value, right: Value) -> str | None:
    texts = [text for text in (text_of(left), text_of(right)) if text is not None]
    risky = [text for text in texts if TAINTED in text]
    if len(risky) == 2 and risky[0] != risky[1]:
        return min(risky, key=lambda text: text.index(TAINTED))
    return risky[0] if risky else texts[0] if texts else None


def _join_members(left: dict[Any, Value], right: dict[Any, Value]) -> dict[Any, Value] | None:
    if len(left) + len(right) > 2 * _MOST_MEMBERS:
        return None
    return {key: join(left.get(key, CLEAN), right.get(key, CLEAN)) for key in {**left, **right}}


def text_of(value: Value) -> str | None:
    """Return a value as a text with marks for unknown parts, None if all is unknown."""
    if value.const is not UNKNOWN:
        if isinstance(value.const, bytes):
            return value.const.decode("utf-8", "replace")
        return str(value.const)
    if value.shape is not None:
        return value.shape
    return TAINTED if value.taints else None


def piece_of(value: Value) -> str:
    """Return a value as a part of a text."""
    text = text_of(value)
    return PLAIN if text is None else text


def concat(parts: list[Value]) -> Value:
    """Return the concatenation of the parts."""
    if all(isinstance(part.const, str) for part in parts):
        text = "".join(part.const for part in parts)
        if len(text) <= 10 * _MOST_SHAPE:
            return constant(text)
    shape, query = "", False
    groups: list[tuple[Taint, ...]] = []
    for number, part in enumerate(parts):
        groups.append(changed(part.taints, _HOSTS if query else frozenset()))
        piece = piece_of(part)[:_MOST_SHAPE] if number < _MOST_MEMBERS else ""
        shape += piece
        query = query or "?" in piece or "#" in piece
    return Value(taints=join_taints(*groups), shape=shape[:_MOST_SHAPE])


_HOSTS = frozenset({"open-redirect", "ssrf"})  # what stands behind a question mark names no host


def series(members: list[Value], path: str = "") -> Value:
    """Return a list or tuple of the members."""
    taints = join_taints(*[member.taints for member in members])
    seq = tuple(members) if len(members) <= _MOST_MEMBERS else None
    return Value(taints=taints, seq=seq, path=path)


def mapping(items: dict[Any, Value] | None, rest: tuple[Taint, ...] = ()) -> Value:
    """Return a dictionary; `rest` holds the taints under unknown keys."""
    if items is None or rest:
        held = [value.taints for value in (items or {}).values()]
        return Value(taints=join_taints(rest, *held), path="dict()")
    taints = join_taints(*[value.taints for value in items.values()])
    if len(items) > _MOST_MEMBERS:
        return Value(taints=taints, path="dict()")
    return Value(taints=taints, items=items, path="dict()")


def truth(value: Value) -> bool | None:
    """Return whether a value is true, None if unknown."""
    if value.const is not UNKNOWN:
        return bool(value.const)
    if value.seq:
        return True
    return None


@dataclass(slots=True)
class Env:
    """The variables in a branch; its changes stay its own until branches are merged."""

    parent: Env | None = None
    vars: dict[str, Value] = field(default_factory=dict)
    # By origin: kinds of harm excluded.
    guards: dict[str, frozenset[str]] = field(default_factory=dict)
    dead: bool = False

    def get(self, name: str) -> Value | None:
        """Return a variable, None if it was never set."""
        at: Env | None = self
        while at is not None:
            found = at.vars.get(name)
            if found is not None:
                return found
            at = at.parent
        return None

    def guard(self, origin: str) -> frozenset[str]:
        """Return the kinds of harm that checks on this path exclude for an origin."""
        at: Env | None = self
        while at is not None:
            found = at.guards.get(origin)
            if found is not None:
                return found
            at = at.parent
        return frozenset()

    def clear(self, value: Value, categories: frozenset[str]) -> None:
        """Record that the data in a value passed a check."""
        for taint in value.taints:
            if taint.origin.kind != "object":
                self.guards[taint.origin.id] = self.guard(taint.origin.id) | categories

    def branch(self) -> Env:
        """Return an environment for the changes of one branch."""
        return Env(self)

    def guarded(self, taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
        """Return taints with the results of the checks on this path."""
        if not taints:
            return ()
        kept = [(taint, self.guard(taint.origin.id)) for taint in taints]
        if not any(guard for _, guard in kept):
            return taints
        return tuple(
            taint._replace(cleared=taint.cleared | guard) if guard else taint
            for taint, guard in kept
        )

    def baked(self, value: Value) -> Value:
        """Return a value that keeps the results of checks after the branch."""
        taints = self.guarded(value.taints)
        if taints is value.taints:
            return value
        copy = duplicate(value)
        copy.taints = taints
        return copy

    def changes_since(self, base: Env) -> Env:
        """Return all changes since `base` as one branch of `base`."""
        layers: list[Env] = []
        at: Env | None = self
        while at is not None and at is not base:
            layers.append(at)
            at = at.parent
        made = Env(base)
        for layer in reversed(layers):
            made.vars.update(layer.vars)
            made.guards.update(layer.guards)
        return made

    def merge(self, branches: list[Env], with_base: bool = False) -> None:
        """Merge branches of this environment; `with_base`: or none of them was taken."""
        live = [branch for branch in branches if not branch.dead]
        if not live and not with_base:
            self.dead = True
            return
        count = len(live) + with_base
        gathered: dict[str, tuple[Value, int]] = {}
        for branch in live:
            for name, value in branch.vars.items():
                before = gathered.get(name)
                gathered[name] = (join(before[0], value), before[1] + 1) if before else (value, 1)
        guards: dict[str, tuple[frozenset[str], int]] = {}
        for branch in live:
            for origin, cleared in branch.guards.items():
                seen = guards.get(origin)
                guards[origin] = (seen[0] & cleared, seen[1] + 1) if seen else (cleared, 1)
        checked = [branch for branch in live if branch.guards]
        for name, (value, times) in gathered.items():
            old = self.get(name) if times < count else None
            if old is not None and old.taints and checked:
                value, times = _with_checks(name, old, value, times, checked)
            self.vars[name] = join(old, value) if old is not None and times < count else value
        for origin, (cleared, times) in guards.items():
            self.guards[origin] = cleared & self.guard(origin) if times < count else cleared


def _with_checks(
    name: str, old: Value, value: Value, times: int, checked: list[Env]
) -> tuple[Value, int]:
    """Apply the checks of branches that only checked a variable."""
    for branch in checked:
        if name not in branch.vars:
            value, times = join(branch.baked(old), value), times + 1
    return value, times


def duplicate(value: Value) -> Value:
    """Return a copy whose attributes may be set."""
    return Value(
        value.taints,
        value.const,
        value.path,
        value.shape,
        value.seq,
        value.items,
        value.fields,
        value.ref,
        value.instance,
        value.bound,
    )


@dataclass(slots=True)
class Reached:
    """A sink that a parameter of a function reaches."""

    taint: Taint
    category: str
    rule: str
    start: int
    end: int
    what: str
    sure: bool
    path: str = ""
    via: tuple[Location, ...] = ()  # the calls in between, innermost first


@dataclass(slots=True)
class Summary:
    """The summary of a function for its callers."""

    returns: Value = CLEAN
    ends: bool = False  # it never returns
    reached: list[Reached] = field(default_factory=list)
    fields: dict[str, Value] = field(default_factory=dict)  # of `self` when it returns
    guards: dict[str, frozenset[str]] = field(default_factory=dict)  # checks when it returns at all
    # Checks when it returns true.
    true_guards: dict[str, frozenset[str]] = field(default_factory=dict)
    false_guards: dict[str, frozenset[str]] = field(default_factory=dict)  # checks when it does not
    query: Query | None = None  # the first one that it makes, itself or in what it calls

    def note_guards(self, env: Env, outcome: bool) -> None:
        """Record the checks of parameters after which it returns true, or false."""
        flat: dict[str, frozenset[str]] = {"(seen)": FLOWS}
        at: Env | None = env
        while at is not None:
            for origin, cleared in at.guards.items():
                flat.setdefault(origin, cleared)
            at = at.parent
        known = self.true_guards if outcome else self.false_guards
        both = {name: flat[name] & known[name] for name in known if name in flat}
        kept = both if known else flat
        known.clear()
        known.update(kept)


@dataclass(slots=True, eq=False)
class FunctionInfo:
    """A function of the project; its summary is computed on first use."""

    node: Function
    env: Env
    machine: Machine
    owner: ClassInfo | None = None
    summary: Summary | None = None
    running: bool = False
    injected: bool = False  # a framework calls it with outside data and passes on its result

    def param_id(self, name: str) -> str:
        """Return the id of the origin for a parameter."""
        return f"{self.prefix}{name}"

    @property
    def prefix(self) -> str:
        """The prefix of its parameters' ids."""
        return f"{self.machine.path}@{self.node.start}:"


@dataclass(slots=True, eq=False)
class ClassInfo:
    """A class of the project."""

    node: Class
    env: Env
    parents: tuple[ClassInfo, ...] = ()  # classes of the project
    machine: Machine | None = None  # the file whose imports the types of its fields use
    methods: dict[str, FunctionInfo] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)  # annotated fields and their types
    bases: tuple[str, ...] = ()  # dotted names, those of parents in this file included


def weakened(value: Value) -> Value:
    """Return a value that passed through unknown code."""
    return Value(taints=changed(value.taints, sure=False))


MOST_CALLS = 12  # most calls of the file's functions inside each other
MOST_DEPTH = 90  # together with that: the stack must hold for any nesting of a file


class Found(NamedTuple):
    """A flow to report."""

    rule: str
    start: int
    end: int
    what: str
    origin: Origin | None
    sure: bool
    path: str = ""
    via: tuple[Location, ...] = ()

    @property
    def locations(self) -> tuple[Location, ...]:
        """The locations of the flow, from the sink back to the source."""
        sink = Location(self.path, self.start, self.end)
        if self.origin is None:
            return (sink, *self.via)
        origin = Location(self.origin.path, self.origin.start, self.origin.end)
        return (sink, *self.via, origin)


@dataclass(slots=True)
class Depth:
    """The recursion depth of a pass, over all of its files."""

    calls: int = 0  # functions being followed right now
    nodes: int = 0  # expressions and blocks inside each other right now


class Imports(Protocol):
    """Resolves names of other files of the project."""

    def value(self, path: str, dotted: str) -> Value | None:
        """Return the value of an imported dotted name, None if it is not followed."""


class Dialect(Protocol):
    """The evaluation of what differs between Python and another language."""

    language: str

    def attribute(self, frame: Frame, expr: Attr, owner: Value) -> Value:
        """Return `owner.name`."""

    def call(self, frame: Frame, site: Site) -> Value:
        """Return the result of a call that cannot be followed; record its sinks."""

    def bind(self, frame: Frame, info: FunctionInfo) -> None:
        """Set the parameters of a function to their values."""

    def name(self, frame: Frame, name: str) -> Value | None:
        """Return the value of a name that the file does not define."""


FoundKey = tuple[str, str, int, int, Location | None]


@dataclass(slots=True)
class Machine:
    """One pass over one file."""

    source: bytes
    evaluate: Callable[[Frame, Expr], Value]
    execute: Callable[[Frame, list[Stmt]], None]
    path: str = ""
    project: Imports | None = None
    dialect: Dialect | None = None
    found: dict[FoundKey, Found] = field(default_factory=dict)  # of all files of the project
    depth: Depth = field(default_factory=Depth)  # of all files of the project
    repeated: dict[Location, Query] = field(default_factory=dict)  # by the call in the loop
    imported: set[str] = field(default_factory=set)  # dotted names
    stars: list[str] = field(default_factory=list)  # modules with `import *`
    frameworks: set[str] = field(default_factory=set)
    waiting: list[FunctionInfo] = field(default_factory=list)
    known: list[FunctionInfo] = field(default_factory=list)  # functions that were analysed
    classes: dict[str, ClassInfo] = field(default_factory=dict)
    backstage: bool = False  # a path of a file without views
    plain_again: set[tuple[int, int]] = field(default_factory=set)  # markup parsed at once
    routed: dict[str, str] = field(default_factory=dict)  # functions and the paths that they serve
    packages: set[str] = field(default_factory=set)  # the parts of the imported names

    @property
    def web(self) -> bool:
        """Whether the file uses a web framework."""
        return bool(self.frameworks)

    def uses(self, *packages: str) -> bool:
        """Whether any of the packages is imported in the file so far."""
        return not self.packages.isdisjoint(packages)

    def imported_value(self, dotted: str) -> Value | None:
        """Return the value of a dotted name that another file defines, else None."""
        if self.project is None or self._head(dotted) is None:
            return None
        return self.project.value(self.path, dotted)

    def _head(self, dotted: str) -> str | None:
        """Return the imported part of a dotted name, None for another name."""
        end = len(dotted)
        while end > 0:
            if dotted[:end] in self.imported:
                return dotted[:end]
            end = dotted.rfind(".", 0, end)
        return None

    def text(self, start: int, end: int) -> str:
        """Return the source between two offsets on one line, shortened."""
        text = " ".join(
            self.source[start : min(end, start + 400)].decode("utf-8", "replace").split()
        )
        return text if len(text) <= 60 else text[:57] + "..."

    def origin(self, expr: Expr, kind: str = "request", what: str = "") -> Origin:
        """Return the origin at an expression."""
        text = self.text(expr.start, expr.end)
        ident = f"{self.path}:{kind}:{text}"
        return Origin(ident, expr.start, expr.end, what or text, kind, self.path)

    def report(self, found: Found) -> None:
        """Record a flow; of several at one location the most certain one stays."""
        if found.rule == "path-traversal" and found.origin is not None and found.origin.segment:
            found = found._replace(sure=False)  # `..` alone leads no further than one folder up
        other = None
        if found.origin is not None and len({one.path for one in found.locations}) > 1:
            other = found.locations[-1]
        key = (found.rule, found.path, found.start, found.end, other)
        old = self.found.get(key)
        if old is None or (found.sure and not old.sure):
            self.found[key] = found


class Exit(NamedTuple):
    """An exit of a function: its variables, its result, and the checks before it."""

    env: Env
    value: Value
    guards: dict[str, frozenset[str]]  # of the parameters


@dataclass(slots=True)
class Frame:
    """One function during its analysis, or the module."""

    machine: Machine
    env: Env
    info: FunctionInfo | None = None
    page: bool = False  # its result goes to a browser as HTML
    fixed_path: bool = False  # its route has no part that a visitor chooses
    summary: Summary = field(default_factory=Summary)
    loops: list[tuple[Env, list[Env]]] = field(default_factory=list)
    passes: int = 0  # nesting of loops that run twice
    repeats: int = 0  # nesting of loops over many elements
    refining: int = 0  # nesting of checks under evaluation
    checks: dict[str, Expr] = field(default_factory=dict)  # variables that hold a check
    exits: list[Exit] = field(default_factory=list)

    def value(self, expr: Expr) -> Value:
        """Return the value of an expression, recording the sinks it reaches."""
        machine = self.machine
        if machine.depth.nodes >= MOST_DEPTH:
            return CLEAN
        machine.depth.nodes += 1
        value = machine.evaluate(self, expr)
        machine.depth.nodes -= 1
        return value

    def reach(
        self,
        rule: str,
        expr: Expr,
        value: Value,
        what: str = "",
        sure: bool = True,
        category: str = "",
    ) -> bool:
        """Record that a value reaches a sink; return whether it holds relevant data."""
        hit = False
        for taint in self.env.guarded(value.taints):
            hit = self._reach(taint, category or rule, rule, expr, what, sure) or hit
        return hit

    def _reach(
        self, taint: Taint, category: str, rule: str, expr: Expr, what: str, sure: bool
    ) -> bool:
        origin = taint.origin
        if category in taint.cleared or taint.layers or (origin.kind == "object" and taint.bare):
            return False
        if origin.kind == "random" and category != "weak-random":
            return False
        what = what or self.machine.text(expr.start, expr.end)
        if origin.kind == "param":
            if len(self.summary.reached) < 40:
                self.summary.reached.append(
                    Reached(
                        taint, category, rule, expr.start, expr.end, what, sure, self.machine.path
                    )
                )
            return False
        # That the request as a whole gets somewhere says little: what was read of it is not known.
        sure = sure and taint.sure and origin.kind != "object"
        path = self.machine.path
        self.machine.report(Found(rule, expr.start, expr.end, what, origin, sure, path))
        return True

    def leave(self, value: Value) -> None:
        """Record an exit; later checks do not apply there."""
        guards = {}
        if self.info is not None:
            ids = [self.info.param_id(param.name) for param in self.info.node.params]
            guards = {ident: self.env.guard(ident) for ident in ids}
        self.exits.append(Exit(self.env, value, guards))

    def store(self, target: Expr, value: Value) -> None:
        """Assign a value to a variable."""
        if isinstance(target, Name):
            self.checks.pop(target.id, None)
            self.env.vars[target.id] = self.env.baked(value)


@dataclass(slots=True)
class Site:
    """A call with its parts evaluated."""

    expr: Call
    callee: Value
    path: str
    name: str  # the last part of the path
    args: list[Value]
    keywords: dict[str, Value]
    starred: tuple[Taint, ...] = ()

    @property
    def receiver(self) -> Value:
        """The object of a method call."""
        return self.callee.bound or CLEAN

    def all_taints(self) -> tuple[Taint, ...]:
        """Return the taints of all arguments."""
        return join_taints(
            *[arg.taints for arg in self.args],
            *[value.taints for value in self.keywords.values()],
            self.starred,
        )

    def argument(self, position: int, name: str = "") -> Value | None:
        """Return an argument by position or keyword."""
        if name and name in self.keywords:
            return self.keywords[name]
        return self.args[position] if 0 <= position < len(self.args) else None


def known_constant(value: Value) -> bool:
    """Whether a value can be the key of a container."""
    return value.const is not UNKNOWN and isinstance(value.const, str | int | bytes | None)


class LineIndex:
    """Converts byte offsets into lines and columns of characters."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._plain = source.isascii()
        self._starts = [0]
        at = source.find(b"\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = source.find(b"\n", at + 1)

    def span(self, start: int, end: int) -> Span:
        """Return the span between two byte offsets."""
        line, column = self._column_of(start)
        last, stop = self._column_of(max(start, end))
        return Span(line, last, column, stop)

    def _column_of(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        begin = self._starts[line - 1]
        if self._plain:
            return line, offset - begin + 1
        text = self._source[begin:offset].decode("utf-8", "replace")
        return line, len(text) + 1
