"""Methods of texts, lists, dictionaries, buffers and the like: what they return and change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reviewloop.rules.taint.assigning import replace, with_member
from reviewloop.rules.taint.cleaners import RESOLVED
from reviewloop.rules.taint.frame import Frame, known_constant
from reviewloop.rules.taint.syntax import Attr
from reviewloop.rules.taint.text_methods import TEXT_METHODS
from reviewloop.rules.taint.values import (
    CLEAN,
    Value,
    changed,
    concat,
    constant,
    first_of,
    join_taints,
    mapping,
    series,
    text_of,
)

if TYPE_CHECKING:
    from reviewloop.rules.taint.calls import Site


def method_result(frame: Frame, site: Site) -> Value | None:
    """Return what a well-known method gives back, None when it is not one."""
    if site.callee.bound is None or not isinstance(site.expr.callee, Attr):
        return None
    handle = METHODS.get(site.name)
    return handle(frame, site, site.receiver) if handle is not None else None


def _keep(frame: Frame, site: Site, value: Value | None) -> None:
    """Give the variable the method was called on its new content."""
    if isinstance(site.expr.callee, Attr):
        replace(frame, site.expr.callee.owner, value)


def _append(frame: Frame, site: Site, owner: Value) -> Value | None:
    added = site.args[0] if site.args else CLEAN
    added = frame.env.baked(added)
    if owner.seq is not None and site.name == "append" and frame.passes < 2:
        _keep(frame, site, series([*owner.seq, added], owner.path))
    elif owner.seq is not None and site.name == "extend" and added.seq is not None:
        _keep(frame, site, series([*owner.seq, *added.seq], owner.path))
    elif added.taints and not owner.path.startswith("@"):
        taints = join_taints(owner.taints, added.taints)
        made = Value(taints=taints, path=owner.path or "list()")
        first = first_of(owner)
        made.fields = {"[0]": first} if first is not None else None
        _keep(frame, site, made)
    return CLEAN


def _insert(frame: Frame, site: Site, owner: Value) -> Value | None:
    if len(site.args) != 2:
        return None
    place = site.args[0].const
    if owner.seq is not None and isinstance(place, int):
        members = list(owner.seq)
        members.insert(place, site.args[1])
        _keep(frame, site, series(members, owner.path))
    elif site.args[1].taints:
        _keep(frame, site, Value(taints=join_taints(owner.taints, site.args[1].taints)))
    return CLEAN


def _pop(frame: Frame, site: Site, owner: Value) -> Value | None:
    key = site.args[0] if site.args else constant(-1)
    if owner.seq and isinstance(key.const, int) and -len(owner.seq) <= key.const < len(owner.seq):
        members = list(owner.seq)
        taken = members.pop(key.const)
        _keep(frame, site, series(members, owner.path))
        return taken
    return _get(frame, site, owner)


def _reorder(frame: Frame, site: Site, owner: Value) -> Value | None:
    if owner.seq is None:
        return None
    _keep(frame, site, CLEAN if site.name == "clear" else Value(taints=owner.taints))
    return CLEAN


def _get(frame: Frame, site: Site, owner: Value) -> Value | None:
    """`mapping.get(key)`; a config parser takes a section first."""
    keys = site.args
    if "ConfigParser()" in owner.path and len(keys) >= 2 and known_constant(keys[1]):
        section = (owner.items or {}).get(keys[0].const)
        return (section.items or {}).get(keys[1].const, CLEAN) if section is not None else CLEAN
    if owner.items is None or not keys:
        return None
    default = site.argument(1, "default") or CLEAN
    if known_constant(keys[0]):
        found = owner.items.get(keys[0].const)
        return found if found is not None else default
    return Value(taints=join_taints(owner.taints, default.taints))


def _set(frame: Frame, site: Site, owner: Value) -> Value | None:
    if "ConfigParser()" not in owner.path or len(site.args) != 3:
        return None
    section, key, value = site.args
    sections = dict(owner.items or {})
    if known_constant(section) and known_constant(key):
        held = sections.get(section.const)
        items = dict(held.items or {}) if held is not None else {}
        sections[section.const] = mapping({**items, key.const: value})
        made = mapping(sections)
        made.path = owner.path
        _keep(frame, site, made)
    return CLEAN


def _update(frame: Frame, site: Site, owner: Value) -> Value | None:
    extra = site.args[0] if site.args else CLEAN
    if owner.path.startswith("@"):
        return None
    if owner.items is not None and (extra.items is not None or not site.args):
        named: dict[Any, Value] = {**owner.items, **(extra.items or {}), **site.keywords}
        _keep(frame, site, mapping(named))
    elif site.all_taints():
        path = owner.path or "dict()"
        _keep(frame, site, Value(taints=join_taints(owner.taints, site.all_taints()), path=path))
    return CLEAN


def _setdefault(frame: Frame, site: Site, owner: Value) -> Value | None:
    if owner.items is None or len(site.args) < 2:
        return None
    if known_constant(site.args[0]) and site.args[0].const not in owner.items:
        _keep(frame, site, with_member(owner, site.args[0], site.args[1]))
        return site.args[1]
    return _get(frame, site, owner)


def _views(frame: Frame, site: Site, owner: Value) -> Value | None:
    if owner.items is None:
        return None
    if site.name == "keys":
        return series([constant(key) for key in owner.items])
    if site.name == "values":
        return series(list(owner.items.values()))
    return series([series([constant(k), v]) for k, v in owner.items.items()])


def _write(frame: Frame, site: Site, owner: Value) -> Value | None:
    """Text buffers keep what is written to them."""
    if not owner.path.endswith(("StringIO()", "BytesIO()")) or not site.args:
        return None
    text = concat([Value(taints=owner.taints, shape=owner.shape or ""), site.args[0]])
    _keep(frame, site, Value(taints=text.taints, shape=text_of(text), path=owner.path))
    return CLEAN


def _getvalue(frame: Frame, site: Site, owner: Value) -> Value | None:
    if not owner.path.endswith(("StringIO()", "BytesIO()")):
        return None
    return Value(taints=changed(owner.taints), shape=owner.shape)


def _copy(frame: Frame, site: Site, owner: Value) -> Value | None:
    if owner.items is None and owner.seq is None:
        return None
    return owner


def _relative_to(frame: Frame, site: Site, owner: Value) -> Value | None:
    """Raises unless the path lies inside."""
    if RESOLVED.search(owner.path):
        frame.env.clear(owner, frozenset({"path-traversal"}))
    return None


METHODS: dict[str, Callable[[Frame, Site, Value], Value | None]] = {
    "append": _append,
    "add": _append,
    "extend": _append,
    "appendleft": _append,
    "insert": _insert,
    "pop": _pop,
    "sort": _reorder,
    "reverse": _reorder,
    "clear": _reorder,
    "get": _get,
    "set": _set,
    "update": _update,
    "setdefault": _setdefault,
    "keys": _views,
    "values": _views,
    "items": _views,
    "write": _write,
    "getvalue": _getvalue,
    "relative_to": _relative_to,
    "copy": _copy,
    **TEXT_METHODS,
}
