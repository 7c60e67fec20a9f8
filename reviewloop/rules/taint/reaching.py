"""What names, attributes and subscripts are: the doors through which outside data comes in."""

from reviewloop.rules.taint.frame import Frame, known_constant
from reviewloop.rules.taint.scopes import ClassInfo, FunctionInfo
from reviewloop.rules.taint.sources import (
    ENVIRON_KEYS,
    JSON_DATA,
    PATH_DATA,
    REQUEST_DATA,
    REQUEST_OBJECTS,
    ROUTE_DATA,
    SELF_DATA,
    SELF_REQUEST,
    SERVER_KEYS,
)
from reviewloop.rules.taint.syntax import Attr, Expr, Index
from reviewloop.rules.taint.values import (
    CLEAN,
    OBJECTS,
    RANDOM,
    UNKNOWN,
    Taint,
    Value,
    changed,
    constant,
    named,
    series,
)

_REDIRECT = frozenset({"open-redirect"})
_PATH_NAMES = frozenset({"name", "stem", "suffix", "suffixes"})
_NO_TEXT = frozenset(
    [
        "status_code",
        "status",
        "ok",
        "elapsed",
        "size",
        "length",
        "port",
        "closed",
        "encoding",
        "content_length",
        "is_valid",
        "errors",
        "returncode",
        "pid",
        "lineno",
        "mode",
        "dtype",
        "shape",
        "scheme",
        "content_type",
        "mimetype",
        "charset",
        "is_authenticated",
        "id",
        "pk",
    ]
)


def name_value(frame: Frame, name: str) -> Value:
    """Return what a variable is; one that was never set is known by its name."""
    found = frame.env.get(name)
    if found is not None:
        return found
    if name == "request" and frame.machine.web and "*" in frame.machine.imported:
        return request_object(frame, "request")
    return named(name)


def canonical(frame: Frame, dotted: str, name: str) -> Value:
    """Return what an imported name is."""
    if dotted in REQUEST_OBJECTS:
        return request_object(frame, name)
    return named(dotted)


def request_object(frame: Frame, name: str) -> Value:
    """Return a request: harmless as such, its contents are not."""
    from reviewloop.rules.taint.values import Origin

    origin = Origin(f"object:{name}", 0, 0, name, "object")
    return Value(taints=(Taint(origin, RANDOM | OBJECTS, bare=True),), path="@request")


def source(frame: Frame, expr: Expr, path: str, data: str) -> Value:
    """Return outside data that an expression takes from a request."""
    cleared = RANDOM
    if data not in JSON_DATA:
        cleared |= OBJECTS
    if data in PATH_DATA:
        cleared |= _REDIRECT
    return Value(taints=(Taint(frame.machine.origin(expr), cleared),), path=path)


def attribute(frame: Frame, expr: Attr, owner: Value) -> Value:
    """Return `owner.name`."""
    name = expr.name
    path = f"{owner.path}.{name}"
    if owner.path in _DOORS:
        return _DOORS[owner.path](frame, expr, owner, path)
    if owner.fields is not None and name in owner.fields:
        return owner.fields[name]
    if (owner.path == "flask" and name == "request") or path in REQUEST_OBJECTS:
        return request_object(frame, path)
    method = method_of(frame, owner.ref, name)
    if method is not None:
        return Value(path=path, ref=method, bound=owner)
    if owner.instance and isinstance(owner.ref, ClassInfo):
        annotation = owner.ref.attributes.get(name)
        if annotation is not None and _harmless(annotation):
            return CLEAN
    if not owner.taints:
        return Value(path=path[-160:], bound=owner)
    if name in _NO_TEXT and owner.path:
        return Value(path=path[-160:], bound=owner)
    if owner.path.startswith("@request.") and owner.path.count(".") == 1:
        return _deeper(frame, expr, owner, path)
    taints = changed(owner.taints, _cleared_by_attribute(name, owner))
    return Value(taints=taints, path=path[-160:], bound=owner)


def _harmless(annotation: str) -> bool:
    from reviewloop.rules.taint.entries import harmless_type

    return harmless_type(annotation)


def _cleared_by_attribute(name: str, owner: Value) -> frozenset[str]:
    if name in _PATH_NAMES and "pathlib" in owner.path:
        return frozenset({"path-traversal"})
    return frozenset()


def method_of(frame: Frame, ref: ClassInfo | FunctionInfo | None, name: str) -> FunctionInfo | None:
    """Return a method by name, looking at parents of this file too."""
    for _ in range(6):
        if not isinstance(ref, ClassInfo):
            return None
        if name in ref.methods:
            return ref.methods[name]
        parents = [base for base in ref.node.bases if base in frame.machine.classes]
        ref = frame.machine.classes[parents[0]] if parents else None
    return None


def _deeper(frame: Frame, expr: Attr | Index, owner: Value, path: str) -> Value:
    """Return a part of the request's data as an origin of its own."""
    taints = tuple(
        taint._replace(origin=frame.machine.origin(expr))
        if taint.origin.kind == "request"
        else taint
        for taint in owner.taints
    )
    return Value(taints=taints, path=path[-160:], bound=owner)


def _request_attribute(frame: Frame, expr: Attr, owner: Value, path: str) -> Value:
    if expr.name in ROUTE_DATA and frame.fixed_path:
        return Value(path="fixed")
    if expr.name in REQUEST_DATA:
        found = source(frame, expr, path, expr.name)
        found.bound = owner
        return found
    return Value(path=path, bound=owner)


def _self_attribute(frame: Frame, expr: Attr, owner: Value, path: str) -> Value:
    if expr.name == "request" and owner.path in SELF_REQUEST:
        return request_object(frame, "self.request")
    if owner.fields is not None and expr.name in owner.fields:
        return owner.fields[expr.name]
    if expr.name in SELF_DATA.get(owner.path, ()):
        found = source(frame, expr, path, expr.name)
        found.bound = owner
        return found
    method = method_of(frame, owner.ref, expr.name)
    if method is not None:
        return Value(path=path, ref=method, bound=owner)
    return Value(path=path, bound=owner)


_DOORS = {
    "@request": _request_attribute,
    "@tornado": _self_attribute,
    "@http": _self_attribute,
    "@view": _self_attribute,
    "@websocket": _self_attribute,
}


def subscript(frame: Frame, expr: Index, owner: Value, key: Value) -> Value:
    """Return `owner[key]`."""
    if key.const is not UNKNOWN:
        known = _member(owner, key)
        if known is not None:
            return known
    if owner.path in {"@environ", "os.environ"}:
        return environ_value(frame, expr, owner.path, key)
    if owner.path == "@event":
        return source(frame, expr, "@event[]", "json")
    path = f"{owner.path}[:]" if isinstance(key.const, slice) else f"{owner.path}[]"
    if not owner.taints:
        if owner.path == "@request":
            return source(frame, expr, path, "args")
        return Value(path=path[-160:])
    if owner.path.endswith(".META") and isinstance(key.const, str) and SERVER_KEYS.match(key.const):
        return CLEAN
    if owner.path.startswith("@request.") and owner.path.count(".") == 1 and "[" not in owner.path:
        return _deeper(frame, expr, owner, path)
    taints = owner.taints if owner.seq is not None else changed(owner.taints)
    return Value(taints=taints, path=path[-160:])


def environ_value(frame: Frame, expr: Expr, path: str, key: Value) -> Value:
    """Return what a WSGI or CGI environment holds under a key."""
    if isinstance(key.const, str) and ENVIRON_KEYS.match(key.const):
        return source(frame, expr, "environ[]", "args")
    return CLEAN


def _member(owner: Value, key: Value) -> Value | None:
    """Return the member of a container under a constant key, None when it is not known."""
    const = key.const
    if owner.items is not None and known_constant(key):
        if const in owner.items:
            return owner.items[const]
        return Value(path=f"{owner.path}[]")
    sequence = owner.seq
    if sequence is not None and isinstance(const, int) and -len(sequence) <= const < len(sequence):
        return sequence[const]
    if sequence is not None and isinstance(const, slice):
        return series(list(sequence[const]))
    text = owner.const
    if isinstance(text, str | bytes) and isinstance(const, int | slice):
        try:
            return constant(text[const])
        except IndexError:
            return CLEAN
    return None
