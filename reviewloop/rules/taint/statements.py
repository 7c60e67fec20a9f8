"""Executes statements, tracking variables along every path."""

from collections.abc import Callable
from typing import Any

from reviewloop.regex import regex
from reviewloop.rules.taint.access import bind, canonical, element_of, names_secret, stored_name
from reviewloop.rules.taint.expressions import refine
from reviewloop.rules.taint.functions import define_class, define_function
from reviewloop.rules.taint.names import names_clean
from reviewloop.rules.taint.python_table import python_table
from reviewloop.rules.taint.queries import repeats
from reviewloop.rules.taint.syntax import (
    Assign,
    Bare,
    Call,
    Case,
    Chain,
    Class,
    Compare,
    Expr,
    Forget,
    Function,
    If,
    Import,
    Leave,
    Logic,
    Loop,
    Match,
    Name,
    Series,
    Stmt,
    Try,
    Unary,
    With,
)
from reviewloop.rules.taint.values import (
    CLEAN,
    FLOWS,
    MOST_DEPTH,
    Env,
    Frame,
    Machine,
    Value,
    changed,
    duplicate,
    join,
    truth,
)


def leave(frame: Frame, statement: Leave) -> None:
    """Record the value that leaves a block, and end its path."""
    value = frame.value(statement.value) if statement.value is not None else CLEAN
    if statement.kind in {"break", "continue"}:
        if frame.loops:
            base, exits = frame.loops[-1]
            exits.append(frame.env.changes_since(base))
    elif statement.kind == "return":
        _return(frame, statement, value)
    frame.env.dead = True


def _return(frame: Frame, statement: Leave, value: Value) -> None:
    value = frame.env.baked(value)
    frame.leave(value)
    if statement.value is None:
        frame.summary.note_guards(frame.env, False)
        return
    if frame.page and value.taints:
        _page(frame, statement.value, value)
    own = frame.machine.dialect is None
    if frame.info is not None and own and names_secret(frame.info.node.name):
        stored_name(frame, statement.value, frame.info.node.name, value)
    if frame.info is not None:
        if value.seq:
            value = value.seq[-1 if _ends_with_error(frame) else 0]
        known = True if _MADE_ERROR.search(value.path) else truth(value)
        for outcome in (True, False):
            if known is not (not outcome):
                _note_guards(frame, statement.value, outcome)


_MADE_ERROR = regex(r"(?:^|\.)(?:New\w*|\w*[eE]rrorf?|\w*Wrapf?)\(\)$")


def _page(frame: Frame, expr: Expr, value: Value) -> None:
    """Record a handler's result as a page, unless it is a response or data."""
    body = value
    if value.seq:
        body = value.seq[0]
        declared = [member for member in value.seq[1:] if member.items]
        for member in declared:
            kinds = [
                str(v.const)
                for k, v in (member.items or {}).items()
                if str(k).lower() == "content-type"
            ]
            if kinds and "html" not in kinds[0]:
                return
    if body.items is not None or body.path in {"dict()", "list()"} or body.instance:
        return
    last = body.path.rstrip("()").rpartition(".")[2]
    if last[:1].isupper() and body.path.endswith("()"):
        return
    if is_unknown_result(body):
        return
    frame.reach("xss", expr, body, "the page it returns")


def is_unknown_result(value: Value) -> bool:
    """Whether a value is exactly the result of an unknown function.

    That may be a response, or escaped; joined with other text it is certainly a part of a page.
    """
    return value.path.endswith("()") and not any(taint.sure for taint in value.taints)


def _note_guards(frame: Frame, expr: Expr, outcome: bool) -> None:
    """Record the checks of parameters after which a function returns true, or false."""
    branch = frame.env.branch()
    if isinstance(expr, Series) and expr.kind == "tuple" and expr.members:
        expr = expr.members[-1 if _ends_with_error(frame) else 0]
    refine(frame, expr, outcome, branch)
    frame.summary.note_guards(branch, outcome)


def _ends_with_error(frame: Frame) -> bool:
    """Whether the last of several results is an error: Go's convention."""
    dialect = frame.machine.dialect
    return dialect is not None and dialect.language == "go"


_NEVER_RETURN = frozenset(
    {
        "flask.abort()",
        "quart.abort()",
        "bottle.abort()",
        "sanic.exceptions.abort()",
        "werkzeug.exceptions.abort()",
        "abort()",
        "sys.exit()",
        "os._exit()",
        "exit()",
        "quit()",
        "never()",
    }
)


def execute(frame: Frame, body: list[Stmt]) -> None:
    """Execute statements in order; statements after an exit are skipped."""
    machine = frame.machine
    if machine.depth.nodes >= MOST_DEPTH:
        return
    machine.depth.nodes += 1
    for statement in body:
        _RUNNERS[type(statement)](frame, statement)
        if frame.env.dead:
            break
    machine.depth.nodes -= 1


def _bare(frame: Frame, statement: Bare) -> None:
    value = frame.value(statement.value)
    if value.path in _NEVER_RETURN:
        frame.env.dead = True
    if statement.kind == "assert":
        refine(frame, statement.value, True, frame.env)


def _assign(frame: Frame, statement: Assign) -> None:
    value = frame.value(statement.value)
    target = statement.targets[0]
    if statement.op:
        both = Chain(target.start, statement.value.end, target, [(statement.op, statement.value)])
        combined = frame.value(both)
        if not combined.path and isinstance(target, Name):
            combined = join(combined, combined)
        bind(frame, target, combined)
        value = combined
    else:
        if value.taints and isinstance(target, Name) and names_clean(target.id):
            value = duplicate(value)
            value.taints = changed(value.taints, sure=False)
        for each in statement.targets:
            bind(frame, each, value)
    if isinstance(target, Name) and frame.machine.dialect is None:
        stored_name(frame, target, target.id, value)
    if not statement.op and isinstance(statement.value, Call | Compare | Logic | Unary):
        names = target.members if isinstance(target, Series) else [target]
        result = names[-1 if _ends_with_error(frame) else 0] if names else target
        if isinstance(result, Name):
            frame.checks[result.id] = statement.value


def _if(frame: Frame, statement: If) -> None:
    outer = frame.env
    rest = outer.branch()
    branches: list[Env] = []
    for test, body in statement.branches:
        frame.env = rest
        known = truth(frame.value(test))
        if known is not False:
            frame.env = rest.changes_since(outer) if len(branches) else outer.branch()
            frame.env.vars.update(rest.vars)
            refine(frame, test, True, frame.env)
            execute(frame, body)
            branches.append(frame.env)
        if known is True:
            rest.dead = True
            break
        frame.env = rest
        refine(frame, test, False, rest)
    if not rest.dead:
        frame.env = rest
        execute(frame, statement.otherwise)
    branches.append(rest)
    frame.env = outer
    outer.merge(branches)


def _loop(frame: Frame, statement: Loop) -> None:
    outer = frame.env
    source = frame.value(statement.source)
    if statement.target is None and truth(source) is False:
        return
    many = repeats(frame, statement)
    frame.passes += 1
    frame.repeats += many
    for _ in range(2 if frame.passes <= 2 else 1):
        exits: list[Env] = []
        frame.env = outer.branch()
        frame.loops.append((outer, exits))
        if statement.target is not None:
            bind(frame, statement.target, element_of(source))
        else:
            refine(frame, statement.source, True, frame.env)
        execute(frame, statement.body)
        frame.loops.pop()
        branches = [frame.env, *exits]
        frame.env = outer
        outer.merge(branches, with_base=True)
    frame.passes -= 1
    frame.repeats -= many
    execute(frame, statement.otherwise)


def _try(frame: Frame, statement: Try) -> None:
    outer = frame.env
    body = outer.branch()
    frame.env = body
    execute(frame, statement.body)
    reached = Env(outer, dict(body.vars))
    for name, value in reached.vars.items():
        before = outer.get(name)
        reached.vars[name] = join(before, value) if before is not None else value
    if not body.dead:
        execute(frame, statement.otherwise)
    branches = [body]
    for name, handler in statement.handlers:
        frame.env = Env(outer, dict(reached.vars))
        if name:
            frame.env.vars[name] = Value(path="exception")
        execute(frame, handler)
        branches.append(frame.env)
    frame.env = outer
    outer.merge(branches)
    dead = outer.dead
    outer.dead = False
    execute(frame, statement.final)
    outer.dead = outer.dead or dead


def _with(frame: Frame, statement: With) -> None:
    for value_expr, target in statement.items:
        value = frame.value(value_expr)
        if target is not None:
            bind(frame, target, value)
    execute(frame, statement.body)


def _match(frame: Frame, statement: Match) -> None:
    outer = frame.env
    subject = frame.value(statement.subject)
    branches: list[Env] = []
    complete = False
    for case in statement.cases:
        fits = _fits(subject, case)
        if fits is False:
            continue
        frame.env = outer.branch()
        for name in case.binds:
            frame.env.vars[name] = subject
        if case.literals:
            frame.env.clear(subject, FLOWS)
        if case.guard is not None:
            frame.value(case.guard)
            refine(frame, case.guard, True, frame.env)
        execute(frame, case.body)
        branches.append(frame.env)
        if fits and case.guard is None:
            complete = True
            break
    frame.env = outer
    outer.merge(branches, with_base=not complete)


def _fits(subject: Value, case: Case) -> bool | None:
    """Return whether a subject matches a case, None if unknown."""
    if not case.literals:
        return None if case.literals is None else True
    if not subject.known():
        return None
    return subject.const in case.literals


def _import(frame: Frame, statement: Import) -> None:
    for bound, dotted in statement.names:
        note_import(frame.machine, bound, dotted)
        if bound and bound != "*":
            frame.env.vars[bound] = canonical(frame, dotted, bound)


def note_import(machine: Machine, bound: str, dotted: str) -> None:
    """Record an import of the file."""
    machine.imported.add(dotted)
    machine.packages.update(dotted.lower().split("."))
    if bound == "*":
        machine.imported.add("*")
        machine.stars.append(dotted)
    top = dotted.lstrip(".").split(".")[0]
    if top in python_table().frameworks:
        machine.frameworks.add(top)


def _forget(frame: Frame, statement: Forget) -> None:
    for name in statement.names:
        old = frame.env.get(name)
        if old is not None:
            frame.env.vars[name] = Value(taints=old.taints, path=old.path)


_RUNNERS: dict[type[Stmt], Callable[[Frame, Any], None]] = {
    Bare: _bare,
    Assign: _assign,
    Leave: leave,
    If: _if,
    Loop: _loop,
    Try: _try,
    With: _with,
    Match: _match,
    Import: _import,
    Forget: _forget,
    Function: define_function,
    Class: define_class,
}
