"""Work out what an expression is."""

import operator
from collections.abc import Callable
from typing import Any

from reviewloop.rules.taint.assigning import bind, element_of
from reviewloop.rules.taint.calls import call
from reviewloop.rules.taint.frame import Frame, known_constant
from reviewloop.rules.taint.guards import refine
from reviewloop.rules.taint.operators import chain
from reviewloop.rules.taint.reaching import attribute, name_value, subscript
from reviewloop.rules.taint.syntax import (
    Attr,
    Call,
    Chain,
    Choice,
    Compare,
    Comprehension,
    Const,
    Cut,
    Expr,
    Index,
    Lambda,
    Logic,
    Mapping,
    Name,
    Opaque,
    Series,
    Star,
    Text,
    Unary,
    Walrus,
)
from reviewloop.rules.taint.values import (
    CLEAN,
    UNKNOWN,
    Value,
    changed,
    concat,
    constant,
    join,
    join_taints,
    mapping,
    series,
    text_of,
    truth,
)


def evaluate(frame: Frame, expr: Expr) -> Value:
    """Return what an expression is, noting the sinks it reaches."""
    return _EVALUATORS[type(expr)](frame, expr)


def _name(frame: Frame, expr: Name) -> Value:
    return name_value(frame, expr.id)


def _const(frame: Frame, expr: Const) -> Value:
    return constant(expr.value)


def _attr(frame: Frame, expr: Attr) -> Value:
    return attribute(frame, expr, frame.value(expr.owner))


def _index(frame: Frame, expr: Index) -> Value:
    owner = frame.value(expr.owner)
    key = frame.value(expr.key)
    return subscript(frame, expr, owner, key)


def _cut(frame: Frame, expr: Cut) -> Value:
    ends = [frame.value(end).const if end is not None else None for end in (expr.low, expr.high)]
    if all(end is None or isinstance(end, int) for end in ends):
        return Value(const=slice(*ends))
    return CLEAN


def _text(frame: Frame, expr: Text) -> Value:
    return concat([frame.value(part) for part in expr.parts])


def _logic(frame: Frame, expr: Logic) -> Value:
    outer = frame.env
    frame.env = outer.branch()
    result: Value | None = None
    for operand in expr.operands:
        value = frame.value(operand)
        known = truth(value)
        if known is not None and known == (expr.op == "or"):
            result = join(result, value) if result is not None else value
            break
        if known is None or operand is expr.operands[-1]:
            result = join(result, value) if result is not None else value
        refine(frame, operand, expr.op == "and", frame.env)
    outer.vars.update(frame.env.vars)
    frame.env = outer
    return result if result is not None else CLEAN


def _unary(frame: Frame, expr: Unary) -> Value:
    value = frame.value(expr.operand)
    if expr.op == "not":
        known = truth(value)
        return constant(not known) if known is not None else CLEAN
    return value if value.taints else CLEAN


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
    "is": lambda a, b: a is b,
    "is not": lambda a, b: a is not b,
}


def _compare(frame: Frame, expr: Compare) -> Value:
    values = [frame.value(operand) for operand in expr.operands]
    if len(values) != 2 or len(expr.ops) != 1:
        return CLEAN
    left, right = plain(values[0]), plain(values[1])
    if left is UNKNOWN or right is UNKNOWN or expr.ops[0] not in _COMPARISONS:
        return CLEAN
    try:
        return constant(_COMPARISONS[expr.ops[0]](left, right))
    except TypeError:
        return CLEAN


def plain(value: Value) -> Any:
    """Return the constant a value is, containers of constants included."""
    if value.seq is not None and all(known_constant(member) for member in value.seq):
        return [member.const for member in value.seq]
    return value.const


def _choice(frame: Frame, expr: Choice) -> Value:
    known = truth(frame.value(expr.test))
    outer = frame.env
    results = []
    for outcome, branch in ((True, expr.yes), (False, expr.no)):
        if known is None or known == outcome:
            frame.env = outer.branch()
            refine(frame, expr.test, outcome, frame.env)
            results.append(frame.env.baked(frame.value(branch)))
            frame.env = outer
    return join(results[0], results[1]) if len(results) == 2 else results[0]


def _series(frame: Frame, expr: Series) -> Value:
    members: list[Value] = []
    open_ended = False
    for member in expr.members:
        value = frame.value(member)
        if isinstance(member, Star):
            if value.seq is None:
                open_ended = True
                members.append(value)
            else:
                members += value.seq
        else:
            members.append(value)
    made = series(members, "set()" if expr.kind == "set" else "")
    if expr.kind == "set" and made.taints:
        return Value(taints=made.taints)
    if open_ended:
        first = {"[0]": members[0]} if not isinstance(expr.members[0], Star) else None
        return Value(taints=made.taints, path="list()", fields=first)
    return made


def _mapping(frame: Frame, expr: Mapping) -> Value:
    items: dict[Any, Value] = {}
    rest: list[Value] = []
    for key_expr, value_expr in expr.pairs:
        value = frame.value(value_expr)
        key = frame.value(key_expr) if key_expr is not None else None
        if key is not None and known_constant(key):
            items[key.const] = value
        elif key is None and value.items is not None:
            items.update(value.items)
        else:
            rest.append(Value(taints=key.taints) if key is not None else value)
            rest.append(value)
    return mapping(items, join_taints(*[value.taints for value in rest]))


def _comprehension(frame: Frame, expr: Comprehension) -> Value:
    outer = frame.env
    frame.env = outer.branch()
    for clause in expr.clauses:
        if clause.target is None:
            frame.value(clause.source)
            refine(frame, clause.source, True, frame.env)
        else:
            bind(frame, clause.target, element_of(frame.value(clause.source)))
    results = [frame.env.baked(frame.value(result)) for result in expr.results]
    frame.env = outer
    taints = join_taints(*[result.taints for result in results])
    shape = text_of(results[0]) if len(results) == 1 and results else None
    made = Value(taints=taints, path="list()")
    if shape is not None and len(results) == 1:
        made.fields = {"[]": results[0]}
    return made


def _lambda(frame: Frame, expr: Lambda) -> Value:
    outer = frame.env
    frame.env = outer.branch()
    for param in expr.params:
        frame.env.vars[param.name] = Value(path=param.name)
    result = frame.value(expr.body)
    frame.env = outer
    return Value(taints=result.taints, path="lambda")


def _walrus(frame: Frame, expr: Walrus) -> Value:
    value = frame.value(expr.value)
    frame.store(Name(expr.start, expr.end, expr.name), value)
    if isinstance(expr.value, Call | Compare | Logic):
        frame.checks[expr.name] = expr.value
    return value


def _star(frame: Frame, expr: Star) -> Value:
    return frame.value(expr.value)


def _opaque(frame: Frame, expr: Opaque) -> Value:
    values = [frame.value(part) for part in expr.parts]
    return Value(taints=changed(join_taints(*[value.taints for value in values])))


_EVALUATORS: dict[type[Expr], Callable[[Frame, Any], Value]] = {
    Name: _name,
    Const: _const,
    Attr: _attr,
    Index: _index,
    Cut: _cut,
    Text: _text,
    Chain: chain,
    Logic: _logic,
    Unary: _unary,
    Compare: _compare,
    Choice: _choice,
    Series: _series,
    Mapping: _mapping,
    Comprehension: _comprehension,
    Lambda: _lambda,
    Walrus: _walrus,
    Star: _star,
    Opaque: _opaque,
    Call: call,
}
