"""Store values: in variables, attributes and containers, by unpacking and by loops."""

from reviewloop.rules.taint.frame import Frame, known_constant
from reviewloop.rules.taint.scopes import duplicate
from reviewloop.rules.taint.stores import stored_attribute, stored_member
from reviewloop.rules.taint.syntax import Attr, Expr, Index, Name, Series, Star
from reviewloop.rules.taint.values import CLEAN, Value, constant, join_taints, mapping, series


def bind(frame: Frame, target: Expr, value: Value) -> None:
    """Give a target a value."""
    if isinstance(target, Name):
        frame.store(target, value)
    elif isinstance(target, Series):
        _unpack(frame, target.members, value)
    elif isinstance(target, Star):
        bind(frame, target.value, Value(taints=value.taints))
    elif isinstance(target, Attr):
        owner = frame.value(target.owner)
        stored_attribute(frame, target, owner, value)
        _replace(frame, target.owner, _with_field(owner, target.name, frame.env.baked(value)))
    elif isinstance(target, Index):
        owner, key = frame.value(target.owner), frame.value(target.key)
        stored_member(frame, target, owner, key, value)
        _replace(frame, target.owner, with_member(owner, key, frame.env.baked(value)))


def _replace(frame: Frame, target: Expr, value: Value | None) -> None:
    """Give the variable or attribute that holds a container its new content."""
    if value is None:
        return
    if isinstance(target, Name):
        frame.env.vars[target.id] = value
    elif isinstance(target, Attr) and isinstance(target.owner, Name):
        owner = frame.value(target.owner)
        changed_owner = _with_field(owner, target.name, value)
        if changed_owner is not None:
            frame.env.vars[target.owner.id] = changed_owner
    elif isinstance(target, Index) and isinstance(target.owner, Name):
        owner = frame.value(target.owner)
        changed_owner = with_member(owner, frame.value(target.key), value)
        if changed_owner is not None:
            frame.env.vars[target.owner.id] = changed_owner


replace = _replace


def _with_field(owner: Value, name: str, value: Value) -> Value | None:
    if owner.path == "@request" or len(owner.fields or ()) > 64:
        return None
    copy = duplicate(owner)
    copy.fields = {**(owner.fields or {}), name: value}
    return copy


def with_member(owner: Value, key: Value, value: Value) -> Value | None:
    """Return a container after `owner[key] = value`, None when nothing changes for us."""
    if owner.path.startswith("@"):
        return None
    if known_constant(key):
        if owner.items is not None:
            items = dict(owner.items)
            items[key.const] = value
            made = mapping(items)
            made.path = owner.path or made.path
            return made
        if owner.seq is not None and isinstance(key.const, int):
            members = list(owner.seq)
            if -len(members) <= key.const < len(members):
                members[key.const] = value
                return series(members, owner.path)
    if not value.taints and not key.taints:
        return None
    copy = Value(taints=join_taints(owner.taints, value.taints, key.taints), path=owner.path)
    copy.ref, copy.instance, copy.fields = owner.ref, owner.instance, owner.fields
    return copy


def _unpack(frame: Frame, targets: list[Expr], value: Value) -> None:
    starred = any(isinstance(target, Star) for target in targets)
    if value.seq is not None and len(value.seq) == len(targets) and not starred:
        for target, member in zip(targets, value.seq, strict=True):
            bind(frame, target, member)
        return
    for target in targets:
        bind(frame, target, Value(taints=value.taints, path=f"{value.path}[]"[-160:]))


def element_of(value: Value) -> Value:
    """Return what a loop over a value yields, all rounds in one."""
    if value.fields is not None and "[]" in value.fields:
        return value.fields["[]"]
    if value.items is not None:
        return _common([constant(key) for key in value.items])
    if value.seq is not None:
        return _common(list(value.seq))
    if isinstance(value.const, str):
        return Value(shape="\x01")
    if not value.taints:
        return CLEAN if not value.path else Value(path=f"{value.path}[]"[-160:])
    return Value(taints=value.taints, path=f"{value.path}[]"[-160:])


def _common(values: list[Value]) -> Value:
    from reviewloop.rules.taint.values import join

    if not values:
        return CLEAN
    result = values[0]
    for value in values[1:]:
        result = join(result, value)
    return result
