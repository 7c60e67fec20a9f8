"""Evaluates expressions, and the facts that follow from conditions."""

# One file: checks in conditions are read with the same cases as the expressions they are made of.

import operator
import re
from collections.abc import Callable
from typing import Any

from reviewloop.regex import regex
from reviewloop.rules.taint.access import attribute, bind, element_of, name_value, subscript
from reviewloop.rules.taint.calls import call, excluded, forbidding, matching
from reviewloop.rules.taint.functions import arguments_of, summary_of
from reviewloop.rules.taint.names import (
    CHECKS_FILE_TYPE,
    HOST_PIECE,
    NAMED_SAFE,
    NAMED_UNSAFE,
    PIECE,
    RESOLVED,
)
from reviewloop.rules.taint.syntax import (
    Argument,
    Attr,
    Call,
    Chain,
    Choice,
    Compare,
    Comprehension,
    Const,
    Cut,
    Expr,
    FunctionValue,
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
    FLOWS,
    OBJECTS,
    PLAIN,
    UNKNOWN,
    Env,
    Frame,
    FunctionInfo,
    Value,
    changed,
    concat,
    constant,
    join,
    join_taints,
    known_constant,
    mapping,
    piece_of,
    series,
    text_of,
    truth,
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
    """Return the result of a chain of binary operators."""
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
    """Return the result of `template % filling`."""
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


_HOST = frozenset({"open-redirect", "ssrf"})
_PATH = frozenset({"path-traversal"})
_MOST_REFINING = 3  # checks inside checks: the work must not double with every level
_TYPE_CHECKS = frozenset(
    ["isdigit", "isalpha", "isalnum", "isnumeric", "isdecimal", "isidentifier", "is_integer"]
)
# Such a check parses an address in ways that are not followed.
_URL_CHECK = regex(
    r"(?:safe|valid|allowed|trusted|local|same).{0,12}(?:ur[il]|redirect|next|host|origin)"
    r"|(?:ur[il]|redirect|next|host|origin).{0,12}(?:safe|valid|allowed|trusted|local)",
    re.IGNORECASE,
)
_ERROR_NAME = regex(r"(?:\w*_)?(?:err|error|errors|problem|problems|invalid)$|\w+Error$")
_NUMBERS = ("int", "float", "bool", "UUID", "uuid.UUID", "datetime", "date", "Decimal", "Enum")


def refine(frame: Frame, test: Expr, outcome: bool, env: Env) -> None:
    """Record in `env` the facts that follow from the `outcome` of a test."""
    if frame.refining < _MOST_REFINING:
        frame.refining += 1
        _refine(frame, test, outcome, env)
        frame.refining -= 1


def _refine(frame: Frame, test: Expr, outcome: bool, env: Env) -> None:
    if isinstance(test, Unary) and test.op == "not":
        _refine(frame, test.operand, not outcome, env)
    elif isinstance(test, Logic):
        _logic(frame, test, outcome, env)
    elif isinstance(test, Compare):
        _compare(frame, test, outcome, env)
    elif isinstance(test, Call):
        _call(frame, test, outcome, env)
    elif isinstance(test, Walrus):
        _refine(frame, test.value, outcome, env)
    elif isinstance(test, Name):
        check = frame.checks.get(test.id)
        if isinstance(check, Call) and _ERROR_NAME.match(test.id):
            _trouble(frame, check, outcome, env)
        elif check is not None:
            refine(frame, check, outcome, env)
        if not outcome:
            _empty(test.id, frame.value(test), env)
    elif isinstance(test, Attr) and not outcome and HOST_PIECE.search("." + test.name):
        env.clear(frame.value(test), _HOST)


def _empty(name: str, value: Value, env: Env) -> None:
    """Set a variable that is false: a text is empty, and nothing in it comes from outside."""
    if (
        not value.taints
        or value.items is not None
        or value.seq is not None
        or value.ref is not None
    ):
        return
    if len(value.taints) == 1 and (value.taints[0].bare or _READ.fullmatch(value.path)):
        env.clear(value, FLOWS)  # all that is made of it, too
    env.vars[name] = constant("")


_READ = regex(r"@request\.\w+(?:\.get\(\)|\[\])")


def _logic(frame: Frame, test: Logic, outcome: bool, env: Env) -> None:
    if (test.op == "and") == outcome:
        for operand in test.operands:
            _refine(frame, operand, outcome, env)
        return
    branches = []
    for operand in test.operands:
        branch = env.branch()
        _refine(frame, operand, outcome, branch)
        branches.append(branch)
    env.merge(branches)


def _compare(frame: Frame, test: Compare, outcome: bool, env: Env) -> None:
    if len(test.operands) == 3 or len(test.ops) != 1:
        return
    left, right = (frame.value(operand) for operand in test.operands)
    op = test.ops[0]
    if op in {"in", "not in"}:
        _membership(left, right, (op == "in") == outcome, env)
    elif op in {"==", "!=", "is", "is not"} and (op in {"==", "is"}) == outcome:
        _equal(left, right, env)
    elif right.const == "" and op in {"==", "!="} and HOST_PIECE.search(left.path):
        env.clear(left, _HOST)
    first = test.operands[0]
    if right.const is None and op in {"==", "!=", "is", "is not"}:
        if isinstance(first, Name) and _ERROR_NAME.match(first.id):
            _refine(frame, first, (op in {"!=", "is not"}) == outcome, env)
        return
    for operand, other in zip(test.operands, (right, left), strict=True):
        if isinstance(operand, Call):
            _found(frame, operand, other.const, op, outcome, env)


_ABSENT = frozenset(
    [("==", -1), ("<", 0), ("is", -1), ("<=", -1)]  # result of `find` and `indexOf`
)
_PRESENT = frozenset([("!=", -1), (">", -1), (">=", 0), ("is not", -1)])
_COUNTS_NONE = frozenset([("==", 0), ("<", 1), ("<=", 0)])
_COUNTS_ANY = frozenset([("!=", 0), (">", 0), (">=", 1)])


def _found(frame: Frame, call: Call, number: object, op: str, outcome: bool, env: Env) -> None:
    """`text.find("..") == -1`, `text.count("'") > 0`, `KINDS.indexOf(kind) !== -1`."""
    if not isinstance(call.callee, Attr) or not isinstance(number, int):
        return
    name = call.callee.name
    if name in {"find", "indexOf", "lastIndexOf"}:
        absent, present = _ABSENT, _PRESENT
    elif name == "count":
        absent, present = _COUNTS_NONE, _COUNTS_ANY
    else:
        return
    missing = (op, number) in (absent if outcome else present)
    if not missing and (op, number) not in (present if outcome else absent):
        return
    arguments = call.arguments
    element = frame.value(arguments[0].value) if arguments else CLEAN
    _membership(element, frame.value(call.callee.owner), not missing, env)


def _membership(left: Value, right: Value, inside: bool, env: Env) -> None:
    if not inside:
        if right.taints and isinstance(left.const, str):
            env.clear(right, forbidding(left.const))
        return
    if right.path.endswith(".parents"):
        if RESOLVED.search(right.path):
            env.clear(right, _PATH)
        return
    if left.taints and not _from_outside(right):
        if HOST_PIECE.search(left.path):
            env.clear(left, _HOST)
        elif not PIECE.search(left.path):
            env.clear(left, FLOWS)


def _from_outside(value: Value) -> bool:
    return any(taint.origin.kind == "request" for taint in value.taints)


_OWN_URL = regex(r"\brequest\.(?:url|url_root|base_url|host_url)$")


def _is_own_host(value: Value) -> bool:
    """Whether a value is the host under which the visitor called this site."""
    requested = all(_OWN_URL.search(taint.origin.what) for taint in value.taints)
    return bool(value.taints) and requested and HOST_PIECE.search(value.path) is not None


def _equal(left: Value, right: Value, env: Env) -> None:
    for one, other in ((left, right), (right, left)):
        own = HOST_PIECE.search(one.path) and _is_own_host(other)
        if not one.taints or (_from_outside(other) and not own) or other.const is None:
            continue
        if "commonpath()" in one.path or "commonprefix()" in one.path:
            env.clear(one, _PATH)
        elif HOST_PIECE.search(one.path):
            env.clear(one, _HOST)
        elif not PIECE.search(one.path):
            env.clear(one, FLOWS)


def _literal(frame: Frame, arguments: list[Argument]) -> str:
    for argument in arguments:
        value = frame.value(argument.value)
        if isinstance(value.const, str):
            return value.const
        if value.seq:
            texts = [member.const for member in value.seq if isinstance(member.const, str)]
            return min(texts, key=len) if texts else ""
    return ""


def _call(frame: Frame, test: Call, outcome: bool, env: Env) -> None:
    callee = _callee_of(frame, test)
    path, name = callee.path, callee.path.rpartition(".")[2]
    if callee.ref is not None and isinstance(callee.ref, FunctionInfo):
        _own_check(frame, test, callee.ref, outcome, env)
        return
    if name in {"isinstance", "bool", "len", "any", "all", "match", "fullmatch", "search"}:
        _builtin(frame, test, name, callee, outcome, env)
        return
    if isinstance(test.callee, Attr) and _method(frame, test, test.callee, outcome, env):
        return
    if CHECKS_FILE_TYPE.search(name):
        return
    unsafe = bool(NAMED_UNSAFE.search(name))
    if (unsafe and not outcome) or (outcome and not unsafe and NAMED_SAFE.search(name)):
        for argument in test.arguments:
            env.clear(frame.value(argument.value), FLOWS)
    elif path == "os.path.isabs" or not outcome:
        return


def _callee_of(frame: Frame, test: Call) -> Value:
    """Return the called function, also if another file of the project defines it."""
    callee = frame.value(test.callee)
    if callee.ref is None and callee.path and not callee.taints:
        return frame.machine.imported_value(callee.path) or callee
    return callee


def _trouble(frame: Frame, test: Call, outcome: bool, env: Env) -> None:
    """`error = validate(name)`: the call returns an error, and an empty result means valid."""
    own = isinstance(_callee_of(frame, test).ref, FunctionInfo)
    refine(frame, test, outcome if own else not outcome, env)


def _method(frame: Frame, test: Call, callee: Attr, outcome: bool, env: Env) -> bool:
    """Handle methods of the data itself; return whether the name was one of them."""
    name = callee.name
    if name in _TYPE_CHECKS:
        owner = frame.value(callee.owner)
        if outcome and not PIECE.search(owner.path):
            env.clear(owner, FLOWS)
    elif name == "startswith":
        owner = frame.value(callee.owner)
        _prefix(owner, text_of(_first(frame, test)), outcome, env, frame, test)
    elif name == "is_relative_to":
        owner = frame.value(callee.owner)
        if outcome and RESOLVED.search(owner.path):
            env.clear(owner, _PATH)
    else:
        return name in {"endswith", "get", "exists", "is_file", "lower", "strip", "is_dir"}
    return True


def _first(frame: Frame, test: Call) -> Value:
    return frame.value(test.arguments[0].value) if test.arguments else Value()


def _prefix(
    owner: Value, literal: str | None, outcome: bool, env: Env, frame: Frame, test: Call
) -> None:
    if outcome and RESOLVED.search(owner.path):
        env.clear(owner, _PATH)
    known = literal is not None and "\x00" not in literal
    if outcome and known and literal is not None and not PIECE.search(owner.path):
        rest = literal.partition("://")[2]
        if (
            "/" in rest
            or (literal.startswith("/") and len(literal) > 2)
            or literal.startswith("\x01")
            or "\x01" in rest
        ):
            env.clear(owner, _HOST)
    if not outcome and RESOLVED.search(owner.path) and literal is not None and literal[:2] == "..":
        env.clear(owner, _PATH)
    if not outcome and _literal(frame, test.arguments) in {"//", "http", "http://"}:
        env.clear(owner, frozenset({"open-redirect"}))


def _builtin(frame: Frame, test: Call, name: str, callee: Value, outcome: bool, env: Env) -> None:
    arguments = [argument.value for argument in test.arguments]
    if name in {"bool", "len"} and arguments:
        _refine(frame, arguments[0], outcome, env)
    elif name == "isinstance" and len(arguments) == 2 and outcome:
        kinds = frame.machine.source[arguments[1].start : arguments[1].end].decode(
            "utf-8", "ignore"
        )
        words = [
            word.strip(" ()") for word in kinds.replace("|", ",").split(",") if word.strip(" ()")
        ]
        value = frame.value(arguments[0])
        if words and all(word.endswith(_NUMBERS) for word in words):
            env.clear(value, FLOWS)
        elif words and all(word in {"str", "bytes"} for word in words):
            env.clear(value, OBJECTS)
    elif name in {"any", "all"} and arguments and isinstance(arguments[0], Comprehension):
        _every(frame, arguments[0], name, outcome, env)
    elif name in {"match", "fullmatch", "search"}:
        _pattern(frame, test, name, callee, outcome, env)


def _every(frame: Frame, test: Comprehension, name: str, outcome: bool, env: Env) -> None:
    """`any(bad in text for bad in [...])` is false, `all(c in GOOD for c in text)` is true."""
    if (name == "all") != outcome or len(test.results) != 1 or len(test.clauses) != 1:
        return
    clause, result = test.clauses[0], test.results[0]
    source = frame.value(clause.source)
    if source.taints:
        if outcome and isinstance(result, Compare | Call | Logic):
            env.clear(source, FLOWS)
        return
    if isinstance(result, Compare) and len(result.operands) == 2:
        if source.seq is not None:
            text = "".join(str(m.const) for m in source.seq if isinstance(m.const, str))
        else:
            text = source.const if isinstance(source.const, str) else "'<;../(&"
        if (result.ops[0] == "in") != outcome:
            env.clear(frame.value(result.operands[1]), forbidding(text))


def _pattern(frame: Frame, test: Call, name: str, callee: Value, outcome: bool, env: Env) -> None:
    """Record what a match proves: something about all of the text if the pattern is anchored."""
    values = [frame.value(argument.value) for argument in test.arguments]
    owner = callee.path.rpartition(".")[0]
    if owner in {"re", "regex"} and len(values) >= 2:
        pattern, subject = values[0], values[1]
    elif values and callee.bound is not None:
        pattern, subject = (callee.bound.fields or {}).get("pattern", callee.bound), values[0]
    else:
        return
    if not subject.taints or PIECE.search(subject.path):
        return
    text = pattern.const
    if isinstance(text, str):
        if outcome:
            env.clear(subject, matching(text, name == "fullmatch", name != "search"))
        else:
            env.clear(subject, excluded(text))
    elif outcome and not _from_outside(pattern):
        env.clear(subject, FLOWS)


def _own_check(frame: Frame, test: Call, info: FunctionInfo, outcome: bool, env: Env) -> None:
    """Apply the checks of a project's function that returned true, or false."""
    summary = summary_of(frame.machine, info)
    if summary is None:
        return
    guards = summary.true_guards if outcome else summary.false_guards
    safe = outcome and _URL_CHECK.search(info.node.name) is not None
    for name, value in arguments_of(frame, test, info).items():
        cleared = guards.get(info.param_id(name), frozenset()) | (_HOST if safe else frozenset())
        if cleared:
            env.clear(value, cleared)


def evaluate(frame: Frame, expr: Expr) -> Value:
    """Return the value of an expression, recording the sinks it reaches."""
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


def _evaluating_logic(frame: Frame, expr: Logic) -> Value:
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


def _evaluating_compare(frame: Frame, expr: Compare) -> Value:
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
    """Return the constant of a value, constants in containers included."""
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
    frame.repeats += 1
    results = [frame.env.baked(frame.value(result)) for result in expr.results]
    frame.repeats -= 1
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


def _function(frame: Frame, expr: FunctionValue) -> Value:
    info = FunctionInfo(expr.function, frame.env, frame.machine)
    frame.machine.waiting.append(info)
    return Value(path=expr.function.name, ref=info)


_EVALUATORS: dict[type[Expr], Callable[[Frame, Any], Value]] = {
    Name: _name,
    Const: _const,
    Attr: _attr,
    Index: _index,
    Cut: _cut,
    Text: _text,
    Chain: chain,
    Logic: _evaluating_logic,
    Unary: _unary,
    Compare: _evaluating_compare,
    Choice: _choice,
    Series: _series,
    Mapping: _mapping,
    Comprehension: _comprehension,
    Lambda: _lambda,
    Walrus: _walrus,
    Star: _star,
    Opaque: _opaque,
    Call: call,
    FunctionValue: _function,
}
