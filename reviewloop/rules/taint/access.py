"""Reads and stores values: names, attributes and members of containers."""

import re

from reviewloop.regex import regex
from reviewloop.rules.taint.python_table import python_table
from reviewloop.rules.taint.sources import (
    ENVIRON_KEYS,
    SELF_REQUEST,
    SERVER_KEYS,
    harmless_type,
)
from reviewloop.rules.taint.syntax import Attr, Expr, Index, Name, Series, Star
from reviewloop.rules.taint.values import (
    CLEAN,
    OBJECTS,
    RANDOM,
    UNKNOWN,
    ClassInfo,
    Frame,
    FunctionInfo,
    Origin,
    Taint,
    Value,
    changed,
    constant,
    duplicate,
    join,
    join_taints,
    known_constant,
    mapping,
    named,
    series,
    text_of,
)

_SESSION = regex(r"(?:^|[._])session$", re.IGNORECASE)
_HEADERS = regex(r"(?:^|[._])headers$")
_RESPONSE = regex(r"(?:Response|response|resp|make_response)(?:\(\))?$")
SECRET_NAME = regex(
    r"(?:passw|secret|token|csrf|xsrf|nonce|otp|salt|session|cookie|api_?key|auth|credential|"
    r"remember|reset_?(?:key|code)|verif\w*_?(?:key|code)|activation|invite_?code|private_?key|"
    r"encryption_?key|pin_?code|\bpin\b|passphrase|signing)",
    re.IGNORECASE,
)
_NO_SECRET = regex(
    r"(?:tokens|tokeni[sz]|num_|_count|count_|max_|min_|_len|_size|sleep|delay|jitter|timeout|"
    r"_seed|test|fake|mock|sample|example|author|special_|pad_token|token_id|vocab|mask)",
    re.IGNORECASE,
)


def names_secret(text: str) -> bool:
    """Whether a name is that of a secret which an attacker must not guess."""
    return bool(SECRET_NAME.search(text)) and not _NO_SECRET.search(text)


def stored_name(frame: Frame, target: Expr, name: str, value: Value) -> None:
    """Report a secret that is set to a weak random value."""
    if any(taint.origin.kind == "random" for taint in value.taints) and names_secret(name):
        frame.reach("weak-random", target, value, f"`{name}`")


def stored_attribute(frame: Frame, target: Attr, owner: Value, value: Value) -> None:
    """Evaluate `owner.name = value`."""
    stored_name(frame, target, target.name, value)
    if target.name == "location" and _RESPONSE.search(owner.path):
        frame.reach("open-redirect", target, value, "the address of a redirect")
    if target.name in {"data", "body", "content"} and owner.path.endswith(
        ("flask.Response()", "make_response()", "HttpResponse()")
    ):
        frame.reach("xss", target, value, "the page")


def stored_member(frame: Frame, target: Index, owner: Value, key: Value, value: Value) -> None:
    """Evaluate `owner[key] = value`."""
    path = owner.path
    name = key.const if isinstance(key.const, str) else ""
    stored_name(frame, target, name, value)
    if _SESSION.search(path) and not path.startswith(("requests", "boto3", "tf.", "sqlalchemy")):
        stored_name(frame, target, "session", value)
        frame.reach("trust-boundary", target, value, "the session")
        frame.reach("trust-boundary", target, key, "a key of the session")
    elif not name and names_secret(path.rpartition(".")[2]):
        stored_name(frame, target, path.rpartition(".")[2], value)
    if _HEADERS.search(path) or _RESPONSE.search(path):
        if name.lower() == "location" and not open_prefix(value):
            return
        if name.lower() == "location":
            frame.reach("open-redirect", target, value, "the Location header")
        elif not path.startswith(("@request", "requests", "httpx", "aiohttp.Client")):
            frame.reach("header-injection", target, value, "a response header", sure=False)


_FIXED_TARGET = regex(
    r"/[^/\\\x00]|\?|#|https?://[^/\x00]+[/?#]|\w+/|\x01|\w[\w.-]*\.(?:html?|php)"
)


def open_prefix(value: Value) -> bool:
    """Whether untrusted data controls the start of an address."""

    text = text_of(value)
    return text is None or not _FIXED_TARGET.match(text)


UPLOADS = frozenset({"files", "FILES"})
UPLOAD = frozenset({"path-traversal", "trust-boundary"})
FILE_NAMES = frozenset({"filename", "raw_filename"})
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
    """Return the value of a variable; an undefined one is known by its name."""
    found = frame.env.get(name)
    if found is not None:
        return found
    if frame.machine.dialect is not None:
        return frame.machine.dialect.name(frame, name) or named(name)
    if name == "request" and frame.machine.web and "*" in frame.machine.imported:
        return request_object(frame, "request")
    return named(name)


def canonical(frame: Frame, dotted: str, name: str) -> Value:
    """Return the value of an imported name."""
    if dotted in python_table().requests:
        return request_object(frame, name)
    return named(dotted)


def request_object(frame: Frame, name: str) -> Value:
    """Return a request object: harmless itself, unlike its contents."""

    origin = Origin(f"object:{name}", 0, 0, name, "object", frame.machine.path)
    return Value(taints=(Taint(origin, RANDOM | OBJECTS, bare=True),), path="@request")


def source(frame: Frame, expr: Expr, path: str, data: str) -> Value:
    """Return the outside data that an expression reads from a request."""
    cleared = RANDOM
    if data not in python_table().json_data:
        cleared |= OBJECTS
    if data in python_table().path_data:
        cleared |= _REDIRECT
    if data in UPLOADS:
        cleared |= UPLOAD  # an upload is no path, its name is one
    shape = _BEGINNINGS.get(data)
    return Value(taints=(Taint(frame.machine.origin(expr), cleared),), path=path, shape=shape)


# How the path and the address of a request begin: no other host can be named there.
_BEGINNINGS = {
    **dict.fromkeys(
        ("path", "path_info", "raw_path", "full_path", "fullpath", "get_full_path"), "/\x01\x00"
    ),
    **dict.fromkeys(("base_url", "url_root", "host_url"), "http://\x01/\x00"),
}

UPDATED = "[updated]"
"""Marks what took over members of others: its attributes are not surely among them."""


def attribute(frame: Frame, expr: Attr, owner: Value) -> Value:
    """Return `owner.name`."""
    if frame.machine.dialect is not None:
        return frame.machine.dialect.attribute(frame, expr, owner)
    name = expr.name
    path = f"{owner.path}.{name}"
    if owner.path in _DOORS:
        return _DOORS[owner.path](frame, expr, owner, path)
    if owner.fields is not None and name in owner.fields:
        return owner.fields[name]
    if (owner.path == "flask" and name == "request") or path in python_table().requests:
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
    if name in FILE_NAMES or (name == "name" and _is_upload(owner)):
        return Value(taints=_file_names(owner.taints), path=path[-160:], bound=owner)
    if name in _NO_TEXT and owner.path:
        return Value(path=path[-160:], bound=owner)
    if owner.path.startswith("@request.") and owner.path.count(".") == 1:
        return _deeper(frame, expr, owner, path)
    sure = UPDATED not in (owner.fields or ())
    taints = changed(owner.taints, _cleared_by_attribute(name, owner), sure)
    return Value(taints=taints, path=path[-160:], bound=owner)


def _harmless(annotation: str) -> bool:

    return harmless_type(annotation)


def _is_upload(owner: Value) -> bool:
    return any(t.origin.kind == "request" and t.cleared >= UPLOAD for t in owner.taints)


def _file_names(taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """Return the taints of an upload's name; for a parameter the name is a part of its own."""
    return tuple(
        taint._replace(origin=taint.origin._replace(id=f"{taint.origin.id}.filename"), bare=False)
        if taint.origin.kind == "param" and taint.bare
        else taint._replace(cleared=taint.cleared - UPLOAD, bare=False)
        for taint in taints
        if taint.origin.kind != "object" or not taint.bare
    )


def _cleared_by_attribute(name: str, owner: Value) -> frozenset[str]:
    if name in _PATH_NAMES and "pathlib" in owner.path:
        return frozenset({"path-traversal"})
    return frozenset()


def method_of(frame: Frame, ref: ClassInfo | FunctionInfo | None, name: str) -> FunctionInfo | None:
    """Return a method by name, also from parent classes in this file."""
    for _ in range(6):
        if not isinstance(ref, ClassInfo):
            return None
        if name in ref.methods:
            return ref.methods[name]
        ref = ref.parents[0] if ref.parents else None
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
    if expr.name in python_table().route_data and frame.fixed_path:
        return Value(path="fixed")
    if expr.name in python_table().request_data:
        found = source(frame, expr, path, expr.name)
        found.bound = owner
        return found
    return Value(path=path, bound=owner)


def _self_attribute(frame: Frame, expr: Attr, owner: Value, path: str) -> Value:
    if expr.name == "request" and owner.path in SELF_REQUEST:
        return request_object(frame, "self.request")
    if owner.fields is not None and expr.name in owner.fields:
        return owner.fields[expr.name]
    if expr.name in python_table().self_data.get(owner.path, ()):
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
    """Return the value under a key of a WSGI or CGI environment."""
    if isinstance(key.const, str) and ENVIRON_KEYS.match(key.const):
        return source(frame, expr, "environ[]", "args")
    return CLEAN


def _member(owner: Value, key: Value) -> Value | None:
    """Return the member of a container under a constant key, None if unknown."""
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


def bind(frame: Frame, target: Expr, value: Value) -> None:
    """Assign a value to a target."""
    if isinstance(target, Name):
        frame.store(target, value)
    elif isinstance(target, Series):
        _unpack(frame, target.members, value)
    elif isinstance(target, Star):
        bind(frame, target.value, Value(taints=value.taints))
    elif isinstance(target, Attr):
        owner = frame.value(target.owner)
        if frame.machine.dialect is None:
            stored_attribute(frame, target, owner, value)
        _replace(frame, target.owner, _with_field(owner, target.name, frame.env.baked(value)))
    elif isinstance(target, Index):
        owner, key = frame.value(target.owner), frame.value(target.key)
        if frame.machine.dialect is None:
            stored_member(frame, target, owner, key, value)
        _replace(frame, target.owner, with_member(owner, key, frame.env.baked(value)))


def _replace(frame: Frame, target: Expr, value: Value | None) -> None:
    """Store the new content of a container in its variable or attribute."""
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
    """Return a container after `owner[key] = value`, None if the change is irrelevant."""
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
    if all(taint.origin.kind == "param" for taint in owner.taints):
        # An attribute of it is another thing than its members.
        copy.fields = {**(owner.fields or {}), UPDATED: CLEAN}
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
    """Return the joined value of all elements in a loop."""
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

    if not values:
        return CLEAN
    result = values[0]
    for value in values[1:]:
        result = join(result, value)
    return result
