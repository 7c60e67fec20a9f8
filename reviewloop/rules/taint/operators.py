"""Binary operators: sums, joined texts and paths, `%` formatting."""

import operator
from collections.abc import Callable
from typing import Any

from reviewloop.rules.taint.frame import Frame
from reviewloop.rules.taint.syntax import Chain
from reviewloop.rules.taint.values import (
    CLEAN,
    PLAIN,
    Value,
    changed,
    concat,
    constant,
    join_taints,
    mapping,
    piece_of,
    series,
    text_of,
)

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "/": operator.truediv,
    "%": operator.mod,
}


def chain(frame: Frame, expr: Chain) -> Value:
    """Return what a chain of binary operators gives."""
    value = frame.value(expr.first)
    start = expr.first.start
    parts: list[Value] = []
    for op, right_expr in expr.rest:
        right = frame.value(right_expr)
        if op == "+" and not (value.seq or right.seq or _numbers(value, right)):
            parts = parts or [value]
            parts.append(right)
            value = concat(parts) if len(parts) < 4 else Value()
            continue
        if parts:
            value, parts = concat(parts), []
        value = _binary(frame, value, op, right, start)
    return concat(parts) if parts else value


def _numbers(left: Value, right: Value) -> bool:
    return isinstance(left.const, int | float) and isinstance(right.const, int | float)


def _binary(frame: Frame, left: Value, op: str, right: Value, start: int) -> Value:
    if _numbers(left, right) and op in _ARITHMETIC:
        small = abs(left.const) < 10**9 and abs(right.const) < 10**9
        if small and (right.const or op in "+-*"):
            return constant(_ARITHMETIC[op](left.const, right.const))
    if op == "%":
        return formatted(left, right)
    taints = changed(join_taints(left.taints, right.taints))
    if op == "/":
        is_path = left.path.startswith("pathlib.") or bool(right.taints) or "Path" in left.path
        shape = f"{piece_of(left)}/{piece_of(right)}"[:400]
        return Value(taints=taints, path="pathlib.Path()" if is_path else "", shape=shape)
    if op == "+" and left.seq is not None and right.seq is not None:
        return series([*left.seq, *right.seq])
    if op == "+" and left.seq:
        return Value(taints=taints, path="list()", seq=(*left.seq, Value(taints=right.taints)))
    if op == "|" and left.items is not None and right.items is not None:
        return mapping({**left.items, **right.items})
    return Value(taints=taints) if taints else CLEAN


def formatted(template: Value, filling: Value) -> Value:
    """Return `template % filling`."""
    text = text_of(template)
    if text is None or not isinstance(text, str):
        return Value(taints=changed(join_taints(template.taints, filling.taints)))
    parts = text.split("%s") if "%s" in text else text.split("%(")
    members = list(filling.seq) if filling.seq is not None else [filling] * (len(parts) - 1)
    used = members
    if filling.items is not None:
        used = [value for key, value in filling.items.items() if f"%({key})" in text]
        members = used
    if "%d" in text and "%s" not in text and "%r" not in text and filling.items is None:
        used = []
    shape = parts[0]
    for index, rest in enumerate(parts[1:]):
        piece = piece_of(members[index]) if index < len(members) else PLAIN
        shape += piece + (rest.partition(")s")[2] if "%(" in text and "%s" not in text else rest)
    taints = changed(join_taints(template.taints, *[member.taints for member in used]))
    return Value(taints=taints, shape=shape[:400])
