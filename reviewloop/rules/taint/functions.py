"""Functions and classes: the values of their parameters, and their summaries for callers."""

# One file: a summary binds parameters, runs the body and is asked for by the calls in other bodies.

from __future__ import annotations

import re
from dataclasses import replace

from reviewloop.regex import regex
from reviewloop.rules.taint.access import FILE_NAMES, UPLOAD, method_of, request_object
from reviewloop.rules.taint.names import names_clean
from reviewloop.rules.taint.python_sink_tests import risky_words
from reviewloop.rules.taint.python_table import python_table
from reviewloop.rules.taint.sources import (
    INJECTED_TYPES,
    REQUEST_TYPES,
    ROUTE_PART,
    SERVING_CLASSES,
    TEXT_TYPES,
    harmless_type,
)
from reviewloop.rules.taint.syntax import (
    Assign,
    Attr,
    Call,
    Class,
    Const,
    Expr,
    Forget,
    Function,
    Name,
    Param,
)
from reviewloop.rules.taint.values import (
    CLEAN,
    MOST_CALLS,
    OBJECTS,
    RANDOM,
    ClassInfo,
    Found,
    Frame,
    FunctionInfo,
    Location,
    Machine,
    Origin,
    Site,
    Summary,
    Taint,
    Value,
    changed,
    duplicate,
    join,
    join_taints,
)

_MOST_DEPTH = 4
_MOST_LOCATIONS = 6


def summary_of(machine: Machine, info: FunctionInfo) -> Summary | None:
    """Return the summary of a function, None during its own analysis or beyond the depth limit."""
    if info.summary is None and not info.running and machine.depth.calls < MOST_CALLS:
        info.summary = summarise(info.machine, info)
    return info.summary


def arguments_of(frame: Frame, expr: Call, info: FunctionInfo) -> dict[str, Value]:
    """Return the arguments of a call by the names of the parameters."""
    names = [param.name for param in info.node.params if not param.star]
    if info.owner is not None and names and names[0] in {"self", "cls"}:
        names = names[1:]
    found: dict[str, Value] = {}
    position = 0
    for argument in expr.arguments:
        if argument.name and argument.name not in {"*", "**"}:
            found[argument.name] = frame.value(argument.value)
        elif not argument.name:
            if position < len(names):
                found[names[position]] = frame.value(argument.value)
            position += 1
    return found


def _mapping(frame: Frame, site: Site, info: FunctionInfo) -> dict[str, Value]:
    """Return the values of a function's parameters at one of its calls."""
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
    """Return the result of a function of this file, recording the sinks it passes data to."""
    mapping = _mapping(frame, site, info)
    bound = site.callee.bound
    if bound is not None and bound.fields:
        mapping.update(_construction(bound))
    if bound is not None and info.machine.dialect is not None:
        mapping[info.param_id("self")] = bound
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
    returned = substitute(summary.returns, mapping, 0)
    if returned.taints and names_clean(info.node.name):
        returned = duplicate(returned)
        returned.taints = changed(returned.taints, sure=False)
    return returned


def _construction(bound: Value) -> dict[str, Value]:
    """Return the arguments of `__init__` stored in an object."""
    held = (bound.fields or {}).get("(made with)")
    return dict(held.fields) if held is not None and held.fields else {}


def _carry(frame: Frame, site: Site, summary: Summary, mapping: dict[str, Value]) -> None:
    here = Location(frame.machine.path, site.expr.start, site.expr.end)
    for reached in summary.reached:
        value = _held(mapping, reached.taint.origin.id)
        if value is None:
            if (
                not (
                    isinstance(site.callee.ref, FunctionInfo)
                    and reached.taint.origin.id.startswith(site.callee.ref.prefix)
                )
                and len(frame.summary.reached) < 40
            ):
                frame.summary.reached.append(reached)
            continue
        if reached.category == "command-injection" and reached.taint.bare:
            value = risky_words(value)  # a list of arguments that the function passes on
        for taint in _combine(reached.taint, value.taints):
            if reached.category in taint.cleared or taint.layers:
                continue
            if taint.origin.kind == "object" and taint.bare:
                continue
            if taint.origin.kind == "random" and reached.category != "weak-random":
                continue
            if taint.origin.kind == "param":
                if len(frame.summary.reached) < 40:
                    via = (*reached.via, here)[:_MOST_LOCATIONS]
                    frame.summary.reached.append(replace(reached, taint=taint, via=via))
                continue
            frame.machine.report(
                Found(
                    reached.rule,
                    reached.start,
                    reached.end,
                    reached.what,
                    taint.origin,
                    reached.sure and taint.sure and taint.origin.kind != "object",
                    reached.path,
                    (*reached.via, here),
                )
            )


def _held(mapping: dict[str, Value], ident: str) -> Value | None:
    """Return the value of a parameter, or of a part of one (`options.name`)."""
    found = mapping.get(ident)
    if found is not None or not mapping:
        return found
    head, _, tail = ident.rpartition(":")
    name, *parts = tail.split(".")
    found = mapping.get(f"{head}:{name}")
    for part in parts:
        if found is None:
            return None
        if found.items is not None:
            found = found.items.get(part, CLEAN)
        elif found.fields is not None and part in found.fields:
            found = found.fields[part]
        elif part in FILE_NAMES:
            named = (taint._replace(cleared=taint.cleared - UPLOAD) for taint in found.taints)
            found = Value(changed(tuple(named)))
        else:
            found = Value(changed(found.taints))
    return found


def _combine(inner: Taint, outer: tuple[Taint, ...]) -> list[Taint]:
    """Return the taints of an argument after the function's operations on its parameter."""
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
    """Replace the parameters in a function's value by the caller's arguments."""
    if depth > _MOST_DEPTH or not (value.taints or value.fields or value.items or value.seq):
        return value
    if value.taints and len(value.taints) == 1 and value.taints[0].bare:
        whole = _held(mapping, value.taints[0].origin.id)
        if whole is not None and not value.taints[0].cleared:
            return whole
    groups = []
    for taint in value.taints:
        outer = _held(mapping, taint.origin.id)
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


_REQUEST_NAMES = frozenset({"request", "req", "_request", "http_request"})
_VERBS = frozenset(["get", "post", "put", "patch", "delete", "head", "options"])
_CONTEXTS = frozenset({"context", "ctx", "lambda_context", ""})
_API = frozenset({"fastapi", "starlette", "litestar", "ninja", "robyn", "blacksheep"})
_RESPONSES = regex(
    rb"HttpResponse|JsonResponse|render\(|redirect\(|get_object_or_404|FileResponse|Response\("
)
_DATA_PARAMS = regex(r"\b(?:Query|Path|Body|Form|Header|Cookie|File)\b")
_CLIENTS = ("requests", "httpx", "urllib", "urllib3", "scrapy", "aiohttp")
_READ_OF_SERVED = regex(rb"\brequest\.(?:args|form|GET|POST|query_params)\b")
_READ_OF_ANY = regex(rb"\brequest\.(?:args|form|json|data|GET|POST|query_params)\b")
_PART = regex(r"\{(\w+)(?::(\w+))?\}")
_WRAPPERS = frozenset({"Optional", "Union", "None", "typing", "t"})
_ENUM = regex(r"(?:^|\.)(?:\w*Enum|\w*Flag|TextChoices|IntegerChoices)$")
_KEYS = regex(r"(?:^|_)(?:pk|id|uuid|year|month|day|page|number|num|count|limit|offset)$")


def bind_params(frame: Frame, info: FunctionInfo) -> None:
    """Set the parameters of a function to their values, and record the type of its result."""
    if frame.machine.dialect is not None:
        frame.machine.dialect.bind(frame, info)
        return
    node = info.node
    routes = [
        route for decorator in node.decorators if (route := _route(frame, decorator)) is not None
    ]
    rule = frame.machine.routed.get(node.name, "")
    if "<" in rule and "django" not in frame.machine.frameworks and info.owner is None:
        routes.append(rule)
    handler = bool(routes) or info.injected
    serving = _serving(frame, info)
    frame.fixed_path = handler and all("<" not in path and "{" not in path for path in routes)
    frame.page = bool(routes) and (_returns_pages(frame) or _declares_page(frame, info))
    for position, param in enumerate(node.params):
        value = _special(frame, info, param, position, serving)
        if value is None and handler and _is_choice(frame, param):
            value = Value(path=param.name)
        if value is None and handler:
            value = _route_param(frame, info, param, routes)
            if value is None and info.injected:
                value = _typed_param(frame, param)
        if value is None and serving and position > 0 and node.name in _VERBS:
            # The routes of views stand elsewhere; a part of a path has no slash unless they say so.
            kind = "unknown" if serving == "@view" else "path"
            value = _part(frame, param, kind) if not _harmless(param) else Value()
        if value is None and _django_view(frame, info, position):
            value = _view_param(frame, param)
        frame.env.vars[param.name] = value if value is not None else _param(info, param)


def _param(info: FunctionInfo, param: Param) -> Value:
    """Return an ordinary function's parameter: its callers decide its value."""
    if _harmless(param):
        return Value(path=param.name)
    path = info.machine.path
    origin = Origin(info.param_id(param.name), param.start, param.end, param.name, "param", path)
    return Value(taints=(Taint(origin, bare=True),), path=param.name)


def _harmless(param: Param) -> bool:
    return bool(param.annotation) and harmless_type(param.annotation)


def _is_choice(frame: Frame, param: Param) -> bool:
    """Whether a parameter's type is an enumeration of this file: the framework rejects the rest."""
    annotated = re.match(r"\s*(?:typing\.|t\.)?Annotated\[([^,\]]+)", param.annotation)
    words = re.findall(r"\w+", annotated[1] if annotated else param.annotation)
    words = [word for word in words if word not in _WRAPPERS]
    return bool(words) and all(
        word in frame.machine.classes
        and any(_ENUM.search(base) for base in frame.machine.classes[word].bases)
        for word in words
    )


def _outside(path: str, param: Param, cleared: frozenset[str], sure: bool = True) -> Value:
    what = f"the parameter {param.name}"
    ident = f"{path}:request:{param.start}"
    origin = Origin(ident, param.start, param.end, what, "request", path, declared=True)
    return Value(taints=(Taint(origin, cleared, sure),), path=param.name)


def _route(frame: Frame, decorator: Expr) -> str | None:
    """Return the path of a route's decorator, None for another decorator."""
    if not isinstance(decorator, Call):
        return None
    callee = decorator.callee
    name = callee.name if isinstance(callee, Attr) else ""
    if isinstance(callee, Name) and "bottle" in frame.machine.frameworks:
        name = callee.id
    if name not in python_table().routes:
        return None
    for argument in decorator.arguments:
        if argument.name in {"", "path", "rule", "uri"}:
            value = argument.value
            if isinstance(value, Const) and isinstance(value.value, str):
                return value.value if value.value.startswith("/") or not value.value else None
            return "<path:unknown>" if name in {"route", "api_route"} else None
    return None


def _returns_pages(frame: Frame) -> bool:
    """Whether a string returned by a handler is sent as HTML."""
    known = frame.machine.frameworks
    return not (known & _API) and (
        bool(known & {"flask", "quart", "bottle", "cherrypy"}) or not known
    )


_PAGE_CLASS = regex(r"response_class\s*=\s*(?:\w+\.)*HTMLResponse\b")


def _declares_page(frame: Frame, info: FunctionInfo) -> bool:
    """Whether a route declares that its handler returns HTML."""
    return any(
        _PAGE_CLASS.search(frame.machine.source[part.start : part.end].decode("utf-8", "replace"))
        for part in info.node.decorators
    )


def _serving(frame: Frame, info: FunctionInfo) -> str:
    """Return the kind of `self` in a class that serves requests, else ""."""
    if info.owner is None:
        return ""
    for base in info.owner.bases:
        for pattern, kind in SERVING_CLASSES:
            if pattern.search(base.split("[")[0]):
                if kind == "@tornado" and not frame.machine.uses("tornado") and "." not in base:
                    return "@http" if frame.machine.uses("http", "socketserver") else "@tornado"
                return kind if kind != "@view" or frame.machine.web else ""
    return ""


def _special(
    frame: Frame, info: FunctionInfo, param: Param, position: int, serving: str
) -> Value | None:
    """Return the arguments that frameworks always pass: self, the request, an environment, an
    event.
    """
    names = [other.name for other in info.node.params]
    if param.name == "self" and position == 0 and info.owner is not None:
        return _self(frame, info, serving)
    if param.name == "cls" and position == 0 and info.owner is not None:
        return Value(path=info.owner.node.name, ref=info.owner)
    if param.annotation and REQUEST_TYPES.search(param.annotation):
        known = "urllib" not in param.annotation and (
            frame.machine.web or _is_read_as_request(frame, info, param)
        )
        return request_object(frame, param.name) if known else None
    if param.name in _REQUEST_NAMES and not param.annotation:
        known = frame.machine.web or _is_read_as_request(frame, info, param)
        if known:
            return request_object(frame, param.name)
    if "WebSocket" in param.annotation or (param.name == "websocket" and not param.annotation):
        return Value(path="@websocket")
    following = names[position + 1] if position + 1 < len(names) else ""
    if param.name in {"environ", "env"} and following == "start_response":
        return Value(path="@environ")
    alone = position == 0 and len(names) == 2 and info.owner is None
    if alone and param.name in {"event", "_event"} and following.strip("_") in _CONTEXTS:
        return Value(path="@event")
    return None


def _is_read_as_request(frame: Frame, info: FunctionInfo, param: Param) -> bool:
    """Whether a function reads from a `request` what only a web framework puts there."""
    if param.name != "request":
        return False
    body = frame.machine.source[info.node.start : info.node.end]
    # Requests that a client is about to send hold data, too; theirs is not from outside.
    read = _READ_OF_SERVED if frame.machine.uses(*_CLIENTS) else _READ_OF_ANY
    return read.search(body) is not None


def _self(frame: Frame, info: FunctionInfo, serving: str) -> Value:

    value = Value(path=serving or "self", ref=info.owner, instance=True)
    init = method_of(frame, info.owner, "__init__")
    if init is not None and init is not info:
        summary = summary_of(frame.machine, init)
        value.fields = dict(summary.fields) if summary is not None and summary.fields else None
    return value


def _route_param(frame: Frame, info: FunctionInfo, param: Param, routes: list[str]) -> Value | None:
    """Return a route's argument: a part of the path, and by type the rest of the request."""
    for route in routes:
        for match in ROUTE_PART.finditer(route):
            if match["name"] == param.name or match["kind"] == param.name:
                kind = match["kind"] if match["name"] == param.name else match["name"]
                return _part(frame, param, kind or match["filter"] or "")
        for match in _PART.finditer(route):
            if match[1] == param.name:
                return _part(frame, param, match[2] or "")
        if route == "<path:unknown>" and param.name not in {"self", "cls"}:
            return _part(frame, param, "unknown")
    return _typed_param(frame, param) if frame.machine.frameworks & _API else None


def _typed_param(frame: Frame, param: Param) -> Value:
    """Return the argument that a framework passes by type."""
    default = param.default
    text = frame.machine.text(default.start, default.end) if default is not None else ""
    given = _DEPENDS.search(text) or _DEPENDS.search(param.annotation)
    if given is not None:
        return _injected(frame, given[1], param)
    if _harmless(param) or "Depends" in text or "Security" in text:
        return Value(path=param.name)
    if _DATA_PARAMS.search(text) or _DATA_PARAMS.search(param.annotation):
        return _outside(frame.machine.path, param, RANDOM | OBJECTS)
    if INJECTED_TYPES.search(param.annotation):
        return Value(path=param.name)
    if "UploadFile" in param.annotation:
        value = _outside(frame.machine.path, param, RANDOM | OBJECTS)
        value.path = "@request.files[]"
        return value
    words = set(re.findall(r"\w+", param.annotation))
    model = next((word for word in words if word in frame.machine.classes), None)
    if model is not None:
        value = _outside(frame.machine.path, param, RANDOM)
        value.ref, value.instance = frame.machine.classes[model], True
        return value
    return _outside(
        frame.machine.path, param, RANDOM if words & {"dict", "Dict", "Any"} else RANDOM | OBJECTS
    )


_DEPENDS = regex(r"\b(?:Depends|Security)\(\s*([A-Za-z_][\w.]*)\s*[,)]")


def _injected(frame: Frame, name: str, param: Param) -> Value:
    """Return FastAPI's argument for `Depends(name)`: the result of that function."""
    head, _, rest = name.partition(".")
    known = frame.env.get(head)
    if known is not None and (rest or known.ref is None):
        known = frame.machine.imported_value(f"{known.path}.{rest}" if rest else known.path)
    info = known.ref if known is not None else None
    if not isinstance(info, FunctionInfo) or info.running:
        return Value(path=param.name)
    if not info.injected:
        info.injected, info.summary = True, None
    summary = summary_of(frame.machine, info)
    if summary is None or not summary.returns.taints:
        return Value(path=param.name)
    return substitute(summary.returns, {}, 0)


def _part(frame: Frame, param: Param, kind: str) -> Value:
    lower = kind.lower()
    if kind in python_table().converters or lower.endswith("int") or "uuid" in lower:
        return Value(path=param.name)
    if _harmless(param):
        return Value(path=param.name)
    value = _outside(frame.machine.path, param, RANDOM | OBJECTS)
    if kind in _SEGMENTS:
        value.taints = tuple(
            taint._replace(origin=taint.origin._replace(segment=True)) for taint in value.taints
        )
    return value


# Converters of web frameworks that match no slash; they decode before they match. `unknown`: of a
# route that is not seen.
_SEGMENTS = frozenset({"", "str", "string", "unknown"})


def _django_view(frame: Frame, info: FunctionInfo, position: int) -> bool:
    """Whether a function looks like a Django view, whose later parameters come from the URL."""
    params = info.node.params
    if position == 0 or not params or "django" not in frame.machine.frameworks:
        return False
    first = params[0].name
    if info.node.name in frame.machine.routed and info.owner is None:
        return True
    if info.owner is not None or first not in _REQUEST_NAMES or frame.machine.backstage:
        return False
    body = frame.machine.source[info.node.start : info.node.end]
    return bool(_RESPONSES.search(body))


def _view_param(frame: Frame, param: Param) -> Value | None:
    if _KEYS.search(param.name) or param.default is not None or param.star == "*":
        return Value(path=param.name)
    if param.annotation and not TEXT_TYPES.search(param.annotation):
        return Value(path=param.name)
    return _outside(frame.machine.path, param, RANDOM | OBJECTS, sure=bool(param.annotation))


def define_function(frame: Frame, statement: Function) -> None:
    """Bind a function to its name and queue it for analysis."""
    info = FunctionInfo(statement, frame.env, frame.machine)
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
        if parent is None:
            there = machine.imported_value(bases[-1])
            ref = there.ref if there is not None else None
            parent = ref if isinstance(ref, ClassInfo) else None
        if parent is not None:
            cls.parents = (*cls.parents, parent)
            bases += parent.bases
            cls.attributes.update(parent.attributes)
    cls.bases = tuple(bases)
    outer = frame.env
    frame.env = outer.branch()
    for part in statement.body:
        if isinstance(part, Function):
            info = FunctionInfo(part, outer, machine, cls)
            cls.methods[part.name] = info
            machine.waiting.append(info)
        elif isinstance(part, Assign) and isinstance(part.targets[0], Name):
            if part.annotation:
                cls.attributes[part.targets[0].id] = part.annotation
            frame.value(part.value)
        elif isinstance(part, Forget) and part.declared[0]:
            name, annotation = part.declared
            cls.attributes[name] = annotation
        else:
            frame.machine.execute(frame, [part])
    frame.env = outer
    machine.classes[statement.name] = cls
    frame.env.vars[statement.name] = Value(path=statement.name, ref=cls)


def summarise(machine: Machine, info: FunctionInfo) -> Summary:
    """Analyse a function once: record its flows, return its summary."""
    info.running = True
    machine.known.append(info)
    machine.depth.calls += 1
    frame = Frame(machine, info.env.branch(), info)
    bind_params(frame, info)
    frame.machine.execute(frame, info.node.body)
    if not frame.env.dead:
        frame.leave(Value(const=None))
        frame.summary.note_guards(frame.env, False)
    _conclude(frame, info)
    machine.depth.calls -= 1
    info.running = False
    return frame.summary


def _conclude(frame: Frame, info: FunctionInfo) -> None:
    summary = frame.summary
    returns: Value | None = None
    guards: dict[str, frozenset[str]] | None = None
    for env, value, seen in frame.exits:
        if value.const is not None or len(frame.exits) == 1:
            returns = join(returns, value) if returns is not None else value
        guards = seen if guards is None else {k: v & guards[k] for k, v in seen.items()}
        own = env.get("self")
        if own is not None and own.fields is not None and info.owner is not None:
            for name, held in own.fields.items():
                old = summary.fields.get(name)
                summary.fields[name] = join(old, held) if old is not None else held
    summary.ends = not frame.exits and not info.node.asynchronous
    summary.returns = returns if returns is not None else CLEAN
    summary.guards = {name: cleared for name, cleared in (guards or {}).items() if cleared}


def run_waiting(machine: Machine) -> None:
    """Analyse every function that a file's top level, or a function in it, defines."""
    while machine.waiting:
        info = machine.waiting.pop(0)
        if info.summary is None and not info.running:
            info.summary = summarise(machine, info)
