"""Ways out of a block, and what they tell about a function."""

from reviewloop.rules.taint.blocks import Leave
from reviewloop.rules.taint.frame import Frame
from reviewloop.rules.taint.guards import refine
from reviewloop.rules.taint.scopes import Env
from reviewloop.rules.taint.stores import names_secret, stored_name
from reviewloop.rules.taint.syntax import Expr
from reviewloop.rules.taint.values import CLEAN, FLOWS, Value


def leave(frame: Frame, statement: Leave) -> None:
    """Note what leaves a block, and end its path."""
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
    frame.exits.append((frame.env, value))
    if statement.value is None:
        return
    if frame.page and value.taints:
        _page(frame, statement.value, value)
    if frame.info is not None and names_secret(frame.info.node.name):
        stored_name(frame, statement.value, frame.info.node.name, value)
    if frame.info is not None and not (value.const is False or value.const is None):
        _true_guards(frame, statement.value)


def _page(frame: Frame, expr: Expr, value: Value) -> None:
    """What a handler returns is a page, unless it is a response or data."""
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
    if made_elsewhere(body):
        return
    frame.reach("xss", expr, body, "the page it returns")


def made_elsewhere(value: Value) -> bool:
    """Whether a value is what a function that we cannot see returned, and nothing beside.

    It may well be a response, or escaped; glued to other text it is certainly a part of a page.
    """
    return value.path.endswith("()") and not any(taint.sure for taint in value.taints)


def _true_guards(frame: Frame, expr: Expr) -> None:
    """Keep what a function has checked about its parameters when it returns something true."""
    branch = frame.env.branch()
    refine(frame, expr, True, branch)
    flat: dict[str, frozenset[str]] = {}
    at: Env | None = branch
    while at is not None:
        for origin, cleared in at.guards.items():
            flat.setdefault(origin, cleared)
        at = at.parent
    old = frame.summary.true_guards
    if "(seen)" in old:
        flat = {name: flat[name] & old[name] for name in old if name in flat}
    frame.summary.true_guards = {**flat, "(seen)": FLOWS}
