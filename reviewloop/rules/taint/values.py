"""What the taint pass knows about a value: where it comes from, and what it surely is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from reviewloop.rules.taint.scopes import ClassInfo, FunctionInfo

FLOWS = frozenset(
    {
        "sql-injection",
        "command-injection",
        "code-injection",
        "template-injection",
        "path-traversal",
        "xss",
        "ldap-injection",
        "xpath-injection",
        "open-redirect",
        "deserialization",
        "ssrf",
        "xxe",
        "trust-boundary",
        "header-injection",
        "nosql-injection",
        "nosql-code",
    }
)
RANDOM = frozenset({"weak-random"})
OBJECTS = frozenset({"nosql-injection"})  # dangerous only where a value may be an object
TAINTED, PLAIN = "\x00", "\x01"  # unknown pieces of a text: from outside, and not
_MOST_TAINTS, _MOST_MEMBERS, _MOST_SHAPE = 4, 64, 400


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()  # a constant that is not known


class Origin(NamedTuple):
    """Where outside data enters. The same text read twice is the same data."""

    id: str
    start: int
    end: int
    what: str  # "request.args.get('q')": for the message
    kind: str  # request, object (the request itself), random, param


class Taint(NamedTuple):
    """Outside data in a value, and what it has been made harmless for."""

    origin: Origin
    cleared: frozenset[str] = frozenset()
    sure: bool = True
    layers: int = 0  # encodings around it that leave only harmless characters
    bare: bool = False  # the very object, nothing taken from it or done to it


@dataclass(slots=True, eq=False)
class Value:
    """Never changed once made; the shared ones must stay what they are."""

    taints: tuple[Taint, ...] = ()
    const: Any = UNKNOWN
    path: str = ""  # how it was reached: "os.path.join", "sqlite3.connect().cursor()"
    shape: str | None = None  # a text with its unknown pieces marked
    seq: tuple[Value, ...] | None = None  # the members of a list or tuple
    items: dict[Any, Value] | None = None  # the members of a dictionary by constant key
    fields: dict[str, Value] | None = None
    ref: FunctionInfo | ClassInfo | None = None  # a definition of this file
    instance: bool = False  # an object of the class `ref`
    bound: Value | None = None  # the object a method was taken from

    def known(self) -> bool:
        """Whether the constant is known."""
        return self.const is not UNKNOWN


CLEAN = Value()


def constant(value: Any) -> Value:
    """Return the value of a literal."""
    return Value(const=value)


def named(path: str) -> Value:
    """Return a value that is only known by how it is reached."""
    return Value(path=path[-160:])


def tainted(taints: tuple[Taint, ...], path: str = "", shape: str | None = None) -> Value:
    """Return a value of unknown content."""
    return Value(taints=taints, path=path[-160:], shape=shape)


def join_taints(*groups: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """Return the taints of a value that may be, or holds, any of several."""
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
    """Return what a variable is when it may be either."""
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
    """Return the first member of a list, also of one whose length is not known."""
    if value.seq:
        return value.seq[0]
    return (value.fields or {}).get("[0]")


def _either_path(left: Value, right: Value) -> str:
    """A handle that starts as None (`fd = None`) is what it becomes."""
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
    """Return a value as a text with marks for unknown pieces, None when nothing is known."""
    if value.const is not UNKNOWN:
        if isinstance(value.const, bytes):
            return value.const.decode("utf-8", "replace")
        return str(value.const)
    if value.shape is not None:
        return value.shape
    return TAINTED if value.taints else None


def piece_of(value: Value) -> str:
    """Return a value as a piece of a text."""
    text = text_of(value)
    return PLAIN if text is None else text


def concat(parts: list[Value]) -> Value:
    """Return the text that consists of the parts."""
    if all(isinstance(part.const, str) for part in parts):
        text = "".join(part.const for part in parts)
        if len(text) <= 10 * _MOST_SHAPE:
            return constant(text)
    shape = "".join(piece_of(part)[:_MOST_SHAPE] for part in parts[:_MOST_MEMBERS])
    taints = changed(join_taints(*[part.taints for part in parts]))
    return Value(taints=taints, shape=shape[:_MOST_SHAPE])


def series(members: list[Value], path: str = "") -> Value:
    """Return a list or tuple of the members."""
    taints = join_taints(*[member.taints for member in members])
    seq = tuple(members) if len(members) <= _MOST_MEMBERS else None
    return Value(taints=taints, seq=seq, path=path)


def mapping(items: dict[Any, Value] | None, rest: tuple[Taint, ...] = ()) -> Value:
    """Return a dictionary; `rest` is what hides behind keys that are not known."""
    if items is None or rest:
        held = [value.taints for value in (items or {}).values()]
        return Value(taints=join_taints(rest, *held), path="dict()")
    taints = join_taints(*[value.taints for value in items.values()])
    if len(items) > _MOST_MEMBERS:
        return Value(taints=taints, path="dict()")
    return Value(taints=taints, items=items, path="dict()")


def truth(value: Value) -> bool | None:
    """Return whether a value is true, None when that is not known."""
    if value.const is not UNKNOWN:
        return bool(value.const)
    if value.seq:
        return True
    return None
