"""Variables along the paths of a function, and what is known of the file's own definitions."""

from __future__ import annotations

from dataclasses import dataclass, field

from reviewloop.rules.taint.blocks import Class, Function
from reviewloop.rules.taint.values import CLEAN, Taint, Value, changed, join


@dataclass(slots=True)
class Env:
    """Variables as a branch sees them; what it changes stays its own until branches are merged."""

    parent: Env | None = None
    vars: dict[str, Value] = field(default_factory=dict)
    guards: dict[str, frozenset[str]] = field(default_factory=dict)  # by origin: harmless for
    dead: bool = False

    def get(self, name: str) -> Value | None:
        """Return a variable, None when it was never set."""
        at: Env | None = self
        while at is not None:
            found = at.vars.get(name)
            if found is not None:
                return found
            at = at.parent
        return None

    def guard(self, origin: str) -> frozenset[str]:
        """Return what a check on this path has made the data of an origin harmless for."""
        at: Env | None = self
        while at is not None:
            found = at.guards.get(origin)
            if found is not None:
                return found
            at = at.parent
        return frozenset()

    def clear(self, value: Value, categories: frozenset[str]) -> None:
        """Remember that the data in a value passed a check."""
        for taint in value.taints:
            if taint.origin.kind != "object":
                self.guards[taint.origin.id] = self.guard(taint.origin.id) | categories

    def branch(self) -> Env:
        """Return a place for what one branch changes."""
        return Env(self)

    def guarded(self, taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
        """Return taints with what the checks on this path have shown."""
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
        """Return a value that keeps what the checks have shown when the branch is over."""
        taints = self.guarded(value.taints)
        if taints is value.taints:
            return value
        copy = duplicate(value)
        copy.taints = taints
        return copy

    def changes_since(self, base: Env) -> Env:
        """Return everything changed between `base` and here as one branch of `base`."""
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
        """Go on after branches of this environment; `with_base`: or none of them was taken."""
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
    """Let branches that only checked a variable contribute it as checked."""
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


@dataclass(slots=True)
class Summary:
    """What callers must know of a function of the file."""

    returns: Value = CLEAN
    ends: bool = False  # it never comes back
    reached: list[Reached] = field(default_factory=list)
    fields: dict[str, Value] = field(default_factory=dict)  # of `self` when it returns
    guards: dict[str, frozenset[str]] = field(default_factory=dict)  # when it returns at all
    true_guards: dict[str, frozenset[str]] = field(default_factory=dict)  # when it returns true


@dataclass(slots=True, eq=False)
class FunctionInfo:
    """A function of the file; its summary is made when it is first needed."""

    node: Function
    env: Env
    owner: ClassInfo | None = None
    summary: Summary | None = None
    running: bool = False

    def param_id(self, name: str) -> str:
        """Return the id of the origin that stands for a parameter."""
        return f"{self.node.start}:{name}"


@dataclass(slots=True, eq=False)
class ClassInfo:
    """A class of the file."""

    node: Class
    env: Env
    methods: dict[str, FunctionInfo] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)  # annotated fields and their types
    bases: tuple[str, ...] = ()  # dotted names, those of parents in this file included


def weakened(value: Value) -> Value:
    """Return a value that came through code we cannot see."""
    return Value(taints=changed(value.taints, sure=False))
