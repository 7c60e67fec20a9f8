"""Functions and classes of the file: what callers must know of them."""

from reviewloop.rules.taint.blocks import Assign, Class, Function, Stmt
from reviewloop.rules.taint.entries import bind_params
from reviewloop.rules.taint.frame import Frame, Machine
from reviewloop.rules.taint.scopes import ClassInfo, Env, FunctionInfo, Summary
from reviewloop.rules.taint.syntax import Name
from reviewloop.rules.taint.values import CLEAN, Value, join


def define_function(frame: Frame, statement: Function) -> None:
    """Bind a function to its name and keep it for later."""
    info = FunctionInfo(statement, frame.env)
    for decorator in statement.decorators:
        frame.value(decorator)
    for param in statement.params:
        if param.default is not None:
            frame.value(param.default)
    frame.env.vars[statement.name] = Value(path=statement.name, ref=info)
    frame.machine.waiting.append(info)


def define_class(frame: Frame, statement: Class) -> None:
    """Bind a class to its name, with its methods and annotated fields."""
    machine = frame.machine
    cls = ClassInfo(statement, frame.env)
    bases: list[str] = []
    for base in statement.bases:
        parent = machine.classes.get(base)
        head, _, rest = base.partition(".")
        known = frame.env.get(head)
        bases.append((known.path if known and known.path else head) + ("." + rest if rest else ""))
        if parent is not None:
            bases += parent.bases
            cls.attributes.update(parent.attributes)
    cls.bases = tuple(bases)
    outer = frame.env
    frame.env = outer.branch()
    for part in statement.body:
        if isinstance(part, Function):
            info = FunctionInfo(part, outer, cls)
            cls.methods[part.name] = info
            machine.waiting.append(info)
        elif isinstance(part, Assign) and isinstance(part.targets[0], Name):
            if part.annotation:
                cls.attributes[part.targets[0].id] = part.annotation
            frame.value(part.value)
        else:
            frame.machine.execute(frame, [part])
    frame.env = outer
    machine.classes[statement.name] = cls
    frame.env.vars[statement.name] = Value(path=statement.name, ref=cls)


def summarise(machine: Machine, info: FunctionInfo) -> Summary:
    """Look at a function once: note its flows, return what callers must know."""
    info.running = True
    machine.calls += 1
    frame = Frame(machine, info.env.branch(), info)
    bind_params(frame, info)
    frame.machine.execute(frame, info.node.body)
    if not frame.env.dead:
        frame.exits.append((frame.env, Value(const=None)))
    _conclude(frame, info)
    machine.calls -= 1
    info.running = False
    return frame.summary


def _conclude(frame: Frame, info: FunctionInfo) -> None:
    summary = frame.summary
    returns: Value | None = None
    guards: dict[str, frozenset[str]] | None = None
    for env, value in frame.exits:
        if value.const is not None or len(frame.exits) == 1:
            returns = join(returns, value) if returns is not None else value
        seen = {
            info.param_id(param.name): env.guard(info.param_id(param.name))
            for param in info.node.params
        }
        guards = seen if guards is None else {k: v & guards[k] for k, v in seen.items()}
        own = env.get("self")
        if own is not None and own.fields is not None and info.owner is not None:
            for name, held in own.fields.items():
                old = summary.fields.get(name)
                summary.fields[name] = join(old, held) if old is not None else held
    summary.ends = not frame.exits and not info.node.asynchronous
    summary.returns = returns if returns is not None else CLEAN
    summary.guards = {name: cleared for name, cleared in (guards or {}).items() if cleared}


def run_module(machine: Machine, body: list[Stmt]) -> None:
    """Run a file: its top level first, then every function in it."""
    frame = Frame(machine, Env())
    frame.machine.execute(frame, body)
    while machine.waiting:
        info = machine.waiting.pop(0)
        if info.summary is None and not info.running:
            info.summary = summarise(machine, info)
