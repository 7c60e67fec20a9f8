"""Statements of Python as the taint pass sees them."""

from dataclasses import dataclass, field

from reviewloop.rules.taint.syntax import Expr, Param


@dataclass(slots=True)
class Stmt:
    """Any statement."""

    start: int
    end: int


@dataclass(slots=True)
class Bare(Stmt):
    """An expression as a statement; also the test of an `assert` (kind "assert")."""

    value: Expr
    kind: str = ""


@dataclass(slots=True)
class Assign(Stmt):
    """`targets = value`; `op` is "+" for `+=` and so on."""

    targets: list[Expr]
    value: Expr
    op: str = ""
    annotation: str = ""


@dataclass(slots=True)
class Leave(Stmt):
    """`return`, `raise`, `break` or `continue`."""

    kind: str
    value: Expr | None = None


@dataclass(slots=True)
class If(Stmt):
    """`if` and `elif` branches in order, then `else`."""

    branches: list[tuple[Expr, list[Stmt]]]
    otherwise: list[Stmt]


@dataclass(slots=True)
class Loop(Stmt):
    """`for target in source` or (target None) `while source`."""

    target: Expr | None
    source: Expr
    body: list[Stmt]
    otherwise: list[Stmt]


@dataclass(slots=True)
class Try(Stmt):
    """`try` with its handlers (bound name, body)."""

    body: list[Stmt]
    handlers: list[tuple[str, list[Stmt]]]
    otherwise: list[Stmt]
    final: list[Stmt]


@dataclass(slots=True)
class With(Stmt):
    """`with value as target`."""

    items: list[tuple[Expr, Expr | None]]
    body: list[Stmt]


@dataclass(slots=True)
class Case:
    """One `case`: its literals, () when it takes anything, None when that is hard to say."""

    literals: tuple[object, ...] | None
    binds: list[str]
    guard: Expr | None
    body: list[Stmt]


@dataclass(slots=True)
class Match(Stmt):
    """`match subject`."""

    subject: Expr
    cases: list[Case]


@dataclass(slots=True)
class Import(Stmt):
    """(bound name, dotted name) pairs; a bound name of "*" brings everything."""

    names: list[tuple[str, str]]


@dataclass(slots=True)
class Forget(Stmt):
    """`global`, `nonlocal` or `del`: names whose value is not known any more."""

    names: list[str]


@dataclass(slots=True)
class Function(Stmt):
    """A function or method."""

    name: str
    params: list[Param]
    body: list[Stmt]
    decorators: list[Expr] = field(default_factory=list)
    asynchronous: bool = False


@dataclass(slots=True)
class Class(Stmt):
    """A class; `bases` are the texts of its base classes."""

    name: str
    bases: list[str]
    body: list[Stmt]
    decorators: list[Expr] = field(default_factory=list)
