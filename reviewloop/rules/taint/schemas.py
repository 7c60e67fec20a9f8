"""Evaluates zod's schemas: a parsed value is as harmful as its schema lets it be.

Source: https://zod.dev/api. Texts stay as they were sent, unless their format has no harmful
characters; unknown members of an object are left out.
"""

from __future__ import annotations

from reviewloop.regex import regex
from reviewloop.rules.taint.access import element_of
from reviewloop.rules.taint.values import CLEAN, OBJECTS, Frame, Site, Value, changed, join_taints

_SCHEMA = regex(
    r"zod(?:/[\w-]+)?\.(?:default\.)?(?:z\.)?(?:(?:coerce|iso)\.)?(?P<kind>\w+)\(\)(?P<more>.*)"
)
_PARSES = frozenset({"parse", "parseAsync"})
_TRIES = frozenset({"safeParse", "safeParseAsync", "spa"})
_OBJECTS = frozenset({"object", "strictObject", "looseObject"})
_WRAPS = frozenset({"optional", "nullable", "nullish", "readonly"})
_HARMLESS_TEXT = (
    "bigint boolean cuid cuid2 date datetime duration enum float32 float64 guid hex int int32 "
    "int64 ipv4 ipv6 literal nan nanoid nativeEnum never null number stringbool symbol time "
    "uint32 uint64 ulid undefined uuid uuidv4 uuidv6 uuidv7 void"
)
_HARMLESS = frozenset(_HARMLESS_TEXT.split())
_FORMATS = regex(
    r"\.(?:uuid|guid|cuid2?|ulid|nanoid|datetime|date|time|duration|ip|ipv4|ipv6|cidr)\(\)"
)
# They may check or change anything; another schema may let through what this one does not.
_OWN_CHECKS = regex(r"\.(?:refine|superRefine|check|transform|pipe|overwrite|regex|or)\(\)")
_ANOTHER = regex(r"\.(?:or|transform|pipe|overwrite)\(\)")
_KEEPS_UNKNOWN = regex(r"\.(?:passthrough|loose|catchall)\(\)")


def of_schema(frame: Frame, site: Site) -> Value | None:
    """Return the schema that a call makes, or what it lets through; None for another call."""
    if site.name in _PARSES | _TRIES and site.args:
        schema = _known(frame, site.receiver)
        if schema is None:
            return None
        passed = _let_through(schema, site.args[0])
        return passed if site.name in _PARSES else Value(items={"data": passed, "success": CLEAN})
    path = f"{site.path}()"[-160:]
    made = _SCHEMA.fullmatch(path)
    if made is None:
        return None
    given = site.args[0] if site.args else CLEAN
    if not made["more"]:
        if made["kind"] in _WRAPS:
            return given
        if made["kind"] == "array":
            return Value(path=path, fields={"[]": given})
        return Value(path=path, items=given.items if made["kind"] in _OBJECTS else None)
    items = site.receiver.items
    if items is not None and site.name in {"extend", "merge", "safeExtend"}:
        items = {**items, **(given.items or {})}
    return Value(path=path, items=items, fields=site.receiver.fields)


def _known(frame: Frame, value: Value) -> Value | None:
    if not _SCHEMA.fullmatch(value.path):
        value = frame.machine.imported_value(value.path) or value
    return value if _SCHEMA.fullmatch(value.path) else None


def _let_through(schema: Value, data: Value) -> Value:
    """Return the value that a schema makes of data."""
    form = _SCHEMA.fullmatch(schema.path)
    own_check = form is None or _OWN_CHECKS.search(form["more"])
    if form is not None and schema.items is not None:
        members = {
            name: _let_through(one, _member(data, name)) for name, one in schema.items.items()
        }
        kept = data.taints if _KEEPS_UNKNOWN.search(form["more"]) else ()
        if own_check:
            members = {name: _less_sure(one) for name, one in members.items()}
        return Value(changed(kept), items=members)
    if form is not None and form["kind"] == "array" and schema.fields is not None:
        element = _let_through(schema.fields["[]"], element_of(data))
        return Value(join_taints(element.taints), fields={"[]": element})
    harmless = form is not None and (form["kind"] in _HARMLESS or _FORMATS.search(form["more"]))
    if form is not None and harmless and not _ANOTHER.search(form["more"]):
        return CLEAN
    texts = OBJECTS if form is not None and form["kind"] == "string" else frozenset()
    passed = Value(changed(data.taints, texts))
    return _less_sure(passed) if own_check else passed


def _member(data: Value, name: object) -> Value:
    if data.items is not None:
        return data.items.get(name, CLEAN)
    return Value(changed(data.taints))


def _less_sure(value: Value) -> Value:
    return Value(changed(value.taints, sure=False), items=value.items, fields=value.fields)
