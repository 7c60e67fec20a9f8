"""Follow calls into functions and classes of the same file, by what is known of them as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reviewloop.rules.taint.frame import MOST_CALLS, Found, Frame, Machine
from reviewloop.rules.taint.reaching import method_of
from reviewloop.rules.taint.scopes import ClassInfo, FunctionInfo, Summary, duplicate
from reviewloop.rules.taint.syntax import Call
from reviewloop.rules.taint.values import CLEAN, Taint, Value, join_taints

if TYPE_CHECKING:
    from reviewloop.rules.taint.calls import Site

_MOST_DEPTH = 4


def summary_of(machine: Machine, info: FunctionInfo) -> Summary | None:
    """Return what is known of a function, None while it is being looked at or lies too deep."""
    if info.summary is None and not info.running and machine.calls < MOST_CALLS:
        info.summary = machine.summarise(machine, info)
    return info.summary


def arguments_of(frame: Frame, expr: Call, info: FunctionInfo) -> dict[str, Value]:
    """Return the arguments of a call by the names of the parameters."""
    names = [param.name for param in info.node.params if not param.star]
    if info.owner is not None and names and names[0] in {"self", "cls"}:
        names = names[1:]
    found: dict[str, Value] = {}
    place = 0
    for argument in expr.arguments:
        if argument.name and argument.name not in {"*", "**"}:
            found[argument.name] = frame.value(argument.value)
        elif not argument.name:
            if place < len(names):
                found[names[place]] = frame.value(argument.value)
            place += 1
    return found


def _mapping(frame: Frame, site: Site, info: FunctionInfo) -> dict[str, Value]:
    """Return what stands for the parameters of a function at one of its calls."""
    params = info.node.params
    names = [param.name for param in params if not param.star]
    if info.owner is not None and names and names[0] in {"self", "cls"}:
        names = names[1:]
    found: dict[str, Value] = {}
    for param in params:
        if param.star == "*":
            extra = join_taints(*[arg.taints for arg in site.args[len(names) :]], site.starred)
            found[info.param_id(param.name)] = Value(taints=extra)
        elif param.star == "**":
            extra = join_taints(*[v.taints for k, v in site.keywords.items() if k not in names])
            found[info.param_id(param.name)] = Value(taints=extra)
    for name, value in zip(names, site.args, strict=False):
        found[info.param_id(name)] = value
    for name, value in site.keywords.items():
        if name in names:
            found[info.param_id(name)] = value
    if site.starred:
        for name in names:
            found.setdefault(info.param_id(name), Value(taints=site.starred))
    return found


def follow(frame: Frame, site: Site, info: FunctionInfo) -> Value:
    """Return what a function of this file gives back, noting the sinks it carries data to."""
    mapping = _mapping(frame, site, info)
    bound = site.callee.bound
    if bound is not None and bound.fields:
        mapping.update(_construction(bound))
    summary = summary_of(frame.machine, info)
    if summary is None:
        return CLEAN
    for name, value in mapping.items():
        mapping[name] = frame.env.baked(value)
    _carry(frame, site, summary, mapping)
    for origin, cleared in summary.guards.items():
        if origin in mapping:
            frame.env.clear(mapping[origin], cleared)
    if summary.ends:
        return Value(path="never()")
    return substitute(summary.returns, mapping, 0)


def _construction(bound: Value) -> dict[str, Value]:
    """Return what stands for the parameters of `__init__` in an object."""
    held = (bound.fields or {}).get("(made with)")
    return dict(held.fields) if held is not None and held.fields else {}


def _carry(frame: Frame, site: Site, summary: Summary, mapping: dict[str, Value]) -> None:
    for reached in summary.reached:
        value = mapping.get(reached.taint.origin.id)
        if value is None:
            if (
                reached.taint.origin.id.split(":")[0]
                != str(getattr(getattr(site.callee.ref, "node", None), "start", ""))
                and len(frame.summary.reached) < 40
            ):
                frame.summary.reached.append(reached)
            continue
        for taint in _combine(reached.taint, value.taints):
            if reached.category in taint.cleared or taint.layers:
                continue
            if taint.origin.kind == "object" and taint.bare:
                continue
            if taint.origin.kind == "random" and reached.category != "weak-random":
                continue
            if taint.origin.kind == "param":
                if len(frame.summary.reached) < 40:
                    again = reached.__class__(
                        taint,
                        reached.category,
                        reached.rule,
                        reached.start,
                        reached.end,
                        reached.what,
                        reached.sure,
                    )
                    frame.summary.reached.append(again)
                continue
            frame.machine.report(
                Found(
                    reached.rule,
                    reached.start,
                    reached.end,
                    reached.what,
                    taint.origin,
                    reached.sure and taint.sure,
                )
            )


def _combine(inner: Taint, outer: tuple[Taint, ...]) -> list[Taint]:
    """Return the taints of an argument after what the function did to its parameter."""
    return [
        Taint(
            taint.origin,
            taint.cleared | inner.cleared,
            taint.sure and inner.sure,
            max(0, taint.layers + inner.layers),
            taint.bare and inner.bare,
        )
        for taint in outer
    ]


def substitute(value: Value, mapping: dict[str, Value], depth: int) -> Value:
    """Return a value of a function in the words of its caller."""
    if depth > _MOST_DEPTH or not (value.taints or value.fields or value.items or value.seq):
        return value
    if value.taints and len(value.taints) == 1 and value.taints[0].bare:
        whole = mapping.get(value.taints[0].origin.id)
        if whole is not None and not value.taints[0].cleared:
            return whole
    groups = []
    for taint in value.taints:
        outer = mapping.get(taint.origin.id)
        if outer is not None:
            groups.append(tuple(_combine(taint, outer.taints)))
        elif taint.origin.kind != "param":
            groups.append((taint,))
    copy = duplicate(value)
    copy.taints = join_taints(*groups)
    if value.seq is not None:
        copy.seq = tuple(substitute(member, mapping, depth + 1) for member in value.seq)
    if value.items is not None:
        copy.items = {k: substitute(v, mapping, depth + 1) for k, v in value.items.items()}
    if value.fields is not None:
        copy.fields = {k: substitute(v, mapping, depth + 1) for k, v in value.fields.items()}
    return copy


def construct(frame: Frame, site: Site, cls: ClassInfo) -> Value:
    """Return an object of a class of this file."""
    made = Value(path=f"{site.path}()", ref=cls, instance=True)
    if any(base.endswith("Enum") for base in cls.bases):
        return Value(path=made.path)
    init = method_of(frame, cls, "__init__")
    if init is None:
        names = list(cls.attributes)
        fields = dict(zip(names, site.args, strict=False))
        fields.update(site.keywords)
        made.fields = fields or None
        if not cls.attributes:
            made.taints = join_taints(site.all_taints())
        return made
    mapping = _mapping(frame, site, init)
    summary = summary_of(frame.machine, init)
    if summary is None:
        return made
    _carry(frame, site, summary, mapping)
    fields = {name: substitute(value, mapping, 1) for name, value in summary.fields.items()}
    fields["(made with)"] = Value(fields=mapping)
    made.fields = fields
    return made
