"""Go through statements, keeping variables along every path."""

from collections.abc import Callable
from typing import Any

from reviewloop.rules.taint.assigning import bind, element_of
from reviewloop.rules.taint.blocks import (
    Assign,
    Bare,
    Case,
    Class,
    Forget,
    Function,
    If,
    Import,
    Leave,
    Loop,
    Match,
    Stmt,
    Try,
    With,
)
from reviewloop.rules.taint.defining import define_class, define_function
from reviewloop.rules.taint.frame import MOST_DEPTH, Frame, Machine
from reviewloop.rules.taint.guards import refine
from reviewloop.rules.taint.leaving import leave
from reviewloop.rules.taint.reaching import canonical
from reviewloop.rules.taint.scopes import Env
from reviewloop.rules.taint.sources import FRAMEWORKS
from reviewloop.rules.taint.stores import stored_name
from reviewloop.rules.taint.syntax import Call, Chain, Compare, Logic, Name, Unary
from reviewloop.rules.taint.values import FLOWS, Value, join, truth

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
    """Run statements in order; what comes after a way out is not looked at."""
    machine = frame.machine
    if machine.depth >= MOST_DEPTH:
        return
    machine.depth += 1
    for statement in body:
        _RUNNERS[type(statement)](frame, statement)
        if frame.env.dead:
            break
    machine.depth -= 1


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
        for each in statement.targets:
            bind(frame, each, value)
    if isinstance(target, Name):
        stored_name(frame, target, target.id, value)
        if isinstance(statement.value, Call | Compare | Logic | Unary) and not statement.op:
            frame.checks[target.id] = statement.value


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
    frame.passes += 1
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
    """Whether a subject matches a case: None when that is not known."""
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
    """Remember that the file imports something."""
    machine.imported.add(dotted)
    machine.packages.update(dotted.lower().split("."))
    if bound == "*":
        machine.imported.add("*")
    top = dotted.lstrip(".").split(".")[0]
    if top in FRAMEWORKS:
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
