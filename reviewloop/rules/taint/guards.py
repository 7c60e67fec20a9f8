"""What a condition shows about outside data on the path where it holds, or does not."""

from reviewloop.rules.taint.characters import excluded, forbidding, matching
from reviewloop.rules.taint.cleaners import (
    CHECKS_FILE_TYPE,
    HOST_PIECE,
    PIECE,
    RESOLVED,
    SAYS_SAFE,
    SAYS_UNSAFE,
)
from reviewloop.rules.taint.frame import Frame
from reviewloop.rules.taint.scopes import Env, FunctionInfo
from reviewloop.rules.taint.syntax import (
    Argument,
    Attr,
    Call,
    Compare,
    Comprehension,
    Expr,
    Logic,
    Name,
    Unary,
    Walrus,
)
from reviewloop.rules.taint.values import FLOWS, OBJECTS, Value, text_of

_HOST = frozenset({"open-redirect", "ssrf"})
_PATH = frozenset({"path-traversal"})
_MOST_REFINING = 3  # checks inside checks: the work must not double with every level
_TYPE_CHECKS = frozenset(
    ["isdigit", "isalpha", "isalnum", "isnumeric", "isdecimal", "isidentifier", "is_integer"]
)
_NUMBERS = ("int", "float", "bool", "UUID", "uuid.UUID", "datetime", "date", "Decimal", "Enum")


def refine(frame: Frame, test: Expr, outcome: bool, env: Env) -> None:
    """Note in `env` what is known when a test came out as `outcome`."""
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
    elif isinstance(test, Name) and test.id in frame.checks:
        refine(frame, frame.checks[test.id], outcome, env)
    elif isinstance(test, Attr) and not outcome and HOST_PIECE.search("." + test.name):
        env.clear(frame.value(test), _HOST)


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
    for operand in test.operands:
        if isinstance(operand, Call):
            _found(frame, operand, test, outcome, env)


def _found(frame: Frame, call: Call, test: Compare, outcome: bool, env: Env) -> None:
    """`text.find("..") == -1`, `text.count("'") > 0`."""
    if not isinstance(call.callee, Attr) or call.callee.name not in {"find", "count"}:
        return
    literal = _literal(frame, call.arguments)
    absent = {("==", True), ("!=", False), ("<", True), (">", False), (">=", False), ("is", True)}
    if literal and (test.ops[0], outcome) in absent:
        env.clear(frame.value(call.callee.owner), forbidding(literal))


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


def _equal(left: Value, right: Value, env: Env) -> None:
    for one, other in ((left, right), (right, left)):
        if not one.taints or _from_outside(other) or other.const is None:
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
    callee = frame.value(test.callee)
    path, name = callee.path, callee.path.rpartition(".")[2]
    if callee.ref is not None and isinstance(callee.ref, FunctionInfo):
        _own_check(frame, test, callee.ref, outcome, env)
        return
    if name in {"isinstance", "bool", "any", "all", "match", "fullmatch", "search"}:
        _builtin(frame, test, name, callee, outcome, env)
        return
    if isinstance(test.callee, Attr) and _method(frame, test, test.callee, outcome, env):
        return
    if CHECKS_FILE_TYPE.search(name):
        return
    unsafe = bool(SAYS_UNSAFE.search(name))
    if (unsafe and not outcome) or (outcome and not unsafe and SAYS_SAFE.search(name)):
        for argument in test.arguments:
            env.clear(frame.value(argument.value), FLOWS)
    elif path == "os.path.isabs" or not outcome:
        return


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
    if not outcome and _literal(frame, test.arguments) in {"//", "http", "http://"}:
        env.clear(owner, frozenset({"open-redirect"}))


def _builtin(frame: Frame, test: Call, name: str, callee: Value, outcome: bool, env: Env) -> None:
    arguments = [argument.value for argument in test.arguments]
    if name == "bool" and arguments:
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
    """Note what a regular expression shows: all of the text when it is anchored."""
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
    """Apply what a function of this file has checked when it returns true."""
    if not outcome:
        return
    from reviewloop.rules.taint.local_calls import arguments_of, summary_of

    summary = summary_of(frame.machine, info)
    if summary is None:
        return
    for name, value in arguments_of(frame, test, info).items():
        cleared = summary.true_guards.get(info.param_id(name))
        if cleared:
            env.clear(value, cleared)
