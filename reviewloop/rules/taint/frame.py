"""The state of one pass over a file, and of one function in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from reviewloop.rules.taint.blocks import Stmt
from reviewloop.rules.taint.scopes import ClassInfo, Env, FunctionInfo, Reached, Summary
from reviewloop.rules.taint.syntax import Expr, Name
from reviewloop.rules.taint.values import CLEAN, UNKNOWN, Origin, Taint, Value

MOST_CALLS = 12  # how deep functions of the file are followed into each other
MOST_DEPTH = 90  # together with that: the stack must hold whatever a file nests


class Found(NamedTuple):
    """A flow that will be reported."""

    rule: str
    start: int
    end: int
    what: str
    origin: Origin | None
    sure: bool


@dataclass(slots=True)
class Machine:
    """One pass over one file."""

    source: bytes
    evaluate: Callable[[Frame, Expr], Value]
    execute: Callable[[Frame, list[Stmt]], None]
    summarise: Callable[[Machine, FunctionInfo], Summary]
    found: dict[tuple[str, int, int], Found] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)  # dotted names
    frameworks: set[str] = field(default_factory=set)
    waiting: list[FunctionInfo] = field(default_factory=list)
    classes: dict[str, ClassInfo] = field(default_factory=dict)
    backstage: bool = False  # the file's path says that it holds no views
    routed: dict[str, str] = field(default_factory=dict)  # functions and the paths they serve
    calls: int = 0  # functions of the file being followed right now
    depth: int = 0  # expressions and blocks inside each other right now
    packages: set[str] = field(default_factory=set)  # the parts of the imported names

    @property
    def web(self) -> bool:
        """Whether the file knows a web framework."""
        return bool(self.frameworks)

    def uses(self, *packages: str) -> bool:
        """Whether any of the packages is imported anywhere in the file so far."""
        return not self.packages.isdisjoint(packages)

    def text(self, start: int, end: int) -> str:
        """Return the source between two offsets on one line, shortened."""
        text = " ".join(
            self.source[start : min(end, start + 400)].decode("utf-8", "replace").split()
        )
        return text if len(text) <= 60 else text[:57] + "..."

    def origin(self, expr: Expr, kind: str = "request", what: str = "") -> Origin:
        """Return the origin that an expression is."""
        text = self.text(expr.start, expr.end)
        return Origin(f"{kind}:{text}", expr.start, expr.end, what or text, kind)

    def report(self, found: Found) -> None:
        """Remember a finding; the surest of several at one place stays."""
        key = (found.rule, found.start, found.end)
        old = self.found.get(key)
        if old is None or (found.sure and not old.sure):
            self.found[key] = found


@dataclass(slots=True)
class Frame:
    """One function being looked at, or the module."""

    machine: Machine
    env: Env
    info: FunctionInfo | None = None
    page: bool = False  # what it returns goes to a browser as HTML
    fixed_path: bool = False  # its route has no part that a visitor chooses
    summary: Summary = field(default_factory=Summary)
    loops: list[tuple[Env, list[Env]]] = field(default_factory=list)
    passes: int = 0  # how many loops around us are run twice
    refining: int = 0  # how many checks are being looked into right now
    checks: dict[str, Expr] = field(default_factory=dict)  # variables that hold a check
    exits: list[tuple[Env, Value]] = field(default_factory=list)

    def value(self, expr: Expr) -> Value:
        """Return what an expression is, noting the sinks it reaches."""
        machine = self.machine
        if machine.depth >= MOST_DEPTH:
            return CLEAN
        machine.depth += 1
        value = machine.evaluate(self, expr)
        machine.depth -= 1
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
        """Note that a value reaches a sink; return whether it holds anything that matters."""
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
                    Reached(taint, category, rule, expr.start, expr.end, what, sure)
                )
            return False
        self.machine.report(Found(rule, expr.start, expr.end, what, origin, sure and taint.sure))
        return True

    def store(self, target: Expr, value: Value) -> None:
        """Give a variable a value."""
        if isinstance(target, Name):
            self.checks.pop(target.id, None)
            self.env.vars[target.id] = self.env.baked(value)


def known_constant(value: Value) -> bool:
    """Whether a value can be the key of a container."""
    return value.const is not UNKNOWN and isinstance(value.const, str | int | bytes | None)
