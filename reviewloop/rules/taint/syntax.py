"""The engine's expressions and statements, independent of the language."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Expr:
    """Any expression; `start` and `end` are byte offsets."""

    start: int
    end: int


@dataclass(slots=True)
class Name(Expr):
    """A variable."""

    id: str


@dataclass(slots=True)
class Const(Expr):
    """A literal without anything in it that must be computed."""

    value: object


@dataclass(slots=True)
class Attr(Expr):
    """`owner.name`."""

    owner: Expr
    name: str


@dataclass(slots=True)
class Index(Expr):
    """`owner[key]`."""

    owner: Expr
    key: Expr


@dataclass(slots=True)
class Cut(Expr):
    """`low:high` inside brackets."""

    low: Expr | None
    high: Expr | None


@dataclass(slots=True)
class Argument:
    """One argument of a call; `name` is "" for positions, "*" and "**" for unpacking."""

    name: str
    value: Expr


@dataclass(slots=True)
class Call(Expr):
    """`callee(arguments)`."""

    callee: Expr
    arguments: list[Argument]


@dataclass(slots=True)
class Text(Expr):
    """An f-string or adjacent strings."""

    parts: list[Expr]


@dataclass(slots=True)
class Chain(Expr):
    """Binary operators of one left-leaning chain: `first op rest[0] op rest[1] ...`."""

    first: Expr
    rest: list[tuple[str, Expr]]


@dataclass(slots=True)
class Logic(Expr):
    """`and` / `or` over two or more operands."""

    op: str
    operands: list[Expr]


@dataclass(slots=True)
class Unary(Expr):
    """`not`, `-`, `+`, `~`."""

    op: str
    operand: Expr


@dataclass(slots=True)
class Compare(Expr):
    """`left op right`; longer chains keep every operand."""

    operands: list[Expr]
    ops: list[str]


@dataclass(slots=True)
class Choice(Expr):
    """`yes if test else no`."""

    test: Expr
    yes: Expr
    no: Expr


@dataclass(slots=True)
class Series(Expr):
    """A list, tuple or set; `kind` says which."""

    kind: str
    members: list[Expr]


@dataclass(slots=True)
class Mapping(Expr):
    """A dictionary; a key of None stands for `**value`."""

    pairs: list[tuple[Expr | None, Expr]]


@dataclass(slots=True)
class Clause:
    """`for target in source` or (target None) `if source` of a comprehension."""

    target: Expr | None
    source: Expr


@dataclass(slots=True)
class Comprehension(Expr):
    """A list, set, dict or generator comprehension."""

    kind: str
    results: list[Expr]
    clauses: list[Clause]


@dataclass(slots=True)
class Walrus(Expr):
    """`name := value`."""

    name: str
    value: Expr


@dataclass(slots=True)
class Star(Expr):
    """`*value` in a list or a call."""

    value: Expr


@dataclass(slots=True)
class Opaque(Expr):
    """Any other expression: its parts are evaluated, its value is the join of them."""

    parts: list[Expr]


@dataclass(slots=True)
class Param:
    """One parameter of a function; `star` is "", "*" or "**"."""

    name: str
    annotation: str
    default: Expr | None
    star: str
    start: int
    end: int


@dataclass(slots=True)
class Lambda(Expr):
    """An anonymous function."""

    params: list[Param]
    body: Expr


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
    """One `case`: its literals, () if it matches anything, None if that is unknown."""

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
    """(bound name, dotted name) pairs; a bound name of "*" imports everything."""

    names: list[tuple[str, str]]


@dataclass(slots=True)
class Forget(Stmt):
    """`global`, `nonlocal` or `del`: names whose value becomes unknown.

    Also `name: type` without a value: such a name is `declared` with that type.
    """

    names: list[str]
    declared: tuple[str, str] = ("", "")


@dataclass(slots=True)
class Function(Stmt):
    """A function or method."""

    name: str
    params: list[Param]
    read: Callable[[], list[Stmt]]
    decorators: list[Expr] = field(default_factory=list)
    asynchronous: bool = False
    statements: list[Stmt] | None = None

    @property
    def body(self) -> list[Stmt]:
        """The statements; parsed on first use, as most of an imported file is never needed."""
        if self.statements is None:
            self.statements = self.read()
        return self.statements


@dataclass(slots=True)
class FunctionValue(Expr):
    """A function expression."""

    function: Function


@dataclass(slots=True)
class Class(Stmt):
    """A class; `bases` are the texts of its base classes."""

    name: str
    bases: list[str]
    body: list[Stmt]
    decorators: list[Expr] = field(default_factory=list)
