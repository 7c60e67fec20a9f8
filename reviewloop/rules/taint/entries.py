"""What the parameters of a function are: whether a framework calls it with outside data."""

import re

from reviewloop.rules.taint.frame import Frame
from reviewloop.rules.taint.reaching import request_object
from reviewloop.rules.taint.routes import (
    INJECTED_TYPES,
    ROUTE_METHODS,
    ROUTE_PART,
    SAFE_CONVERTERS,
    SAFE_TYPES,
    TEXT_TYPES,
)
from reviewloop.rules.taint.scopes import FunctionInfo
from reviewloop.rules.taint.sources import REQUEST_TYPES, SERVING_CLASSES
from reviewloop.rules.taint.syntax import Attr, Call, Const, Expr, Name, Param
from reviewloop.rules.taint.values import OBJECTS, RANDOM, Origin, Taint, Value

_REQUEST_NAMES = frozenset({"request", "req", "_request", "http_request"})
_VERBS = frozenset(["get", "post", "put", "patch", "delete", "head", "options"])
_CONTEXTS = frozenset({"context", "ctx", "lambda_context", ""})
_API = frozenset({"fastapi", "starlette", "litestar", "ninja", "robyn", "blacksheep"})
_RESPONSES = re.compile(
    rb"HttpResponse|JsonResponse|render\(|redirect\(|get_object_or_404|FileResponse|Response\("
)
_DATA_PARAMS = re.compile(r"\b(?:Query|Path|Body|Form|Header|Cookie|File)\b")
_CLIENTS = ("requests", "httpx", "urllib", "urllib3", "scrapy", "aiohttp")
_READ_OF_SERVED = re.compile(rb"\brequest\.(?:args|form|GET|POST|query_params)\b")
_READ_OF_ANY = re.compile(rb"\brequest\.(?:args|form|json|data|GET|POST|query_params)\b")
_PART = re.compile(r"\{(\w+)(?::(\w+))?\}")
_WRAPPERS = frozenset({"Optional", "Union", "None", "typing", "t"})
_ENUM = re.compile(r"(?:^|\.)(?:\w*Enum|\w*Flag|TextChoices|IntegerChoices)$")
_KEYS = re.compile(r"(?:^|_)(?:pk|id|uuid|year|month|day|page|number|num|count|limit|offset)$")


def harmless_type(annotation: str) -> bool:
    """Whether a type leaves nothing dangerous: numbers, UUIDs, enumerations."""
    text = re.sub(
        r"\b(?:Optional|Union|List|Sequence|Set|list|set|tuple|typing|t)\b", " ", annotation
    )
    inner = re.match(r"\s*\[?\s*Annotated\[([^,\]]+)", text)
    words = re.findall(r"[\w.]+", inner[1] if inner else text)
    named = [word.rpartition(".")[2] for word in words]
    if "Literal" in named:
        return True
    return bool(named) and all(SAFE_TYPES.fullmatch(word) for word in named)


def bind_params(frame: Frame, info: FunctionInfo) -> None:
    """Give the parameters of a function their values, and say what it returns to."""
    node = info.node
    routes = [
        route for decorator in node.decorators if (route := _route(frame, decorator)) is not None
    ]
    rule = frame.machine.routed.get(node.name, "")
    if "<" in rule and "django" not in frame.machine.frameworks and info.owner is None:
        routes.append(rule)
    handler = bool(routes)
    serving = _serving(frame, info)
    frame.fixed_path = handler and all("<" not in path and "{" not in path for path in routes)
    frame.page = handler and _returns_pages(frame)
    for place, param in enumerate(node.params):
        value = _special(frame, info, param, place, serving)
        if value is None and handler and _is_choice(frame, param):
            value = Value(path=param.name)
        if value is None and handler:
            value = _route_param(frame, info, param, routes)
        if value is None and serving and place > 0 and node.name in _VERBS:
            value = _outside(param, RANDOM | OBJECTS) if not _harmless(param) else Value()
        if value is None and _django_view(frame, info, place):
            value = _view_param(param)
        frame.env.vars[param.name] = value if value is not None else _param(info, param)


def _param(info: FunctionInfo, param: Param) -> Value:
    """A parameter of an ordinary function: what it is, its callers decide."""
    if _harmless(param):
        return Value(path=param.name)
    origin = Origin(info.param_id(param.name), param.start, param.end, param.name, "param")
    return Value(taints=(Taint(origin, bare=True),), path=param.name)


def _harmless(param: Param) -> bool:
    return bool(param.annotation) and harmless_type(param.annotation)


def _is_choice(frame: Frame, param: Param) -> bool:
    """Whether a parameter's type is an enumeration of this file: the framework refuses the rest."""
    annotated = re.match(r"\s*(?:typing\.|t\.)?Annotated\[([^,\]]+)", param.annotation)
    words = re.findall(r"\w+", annotated[1] if annotated else param.annotation)
    words = [word for word in words if word not in _WRAPPERS]
    return bool(words) and all(
        word in frame.machine.classes
        and any(_ENUM.search(base) for base in frame.machine.classes[word].bases)
        for word in words
    )


def _outside(param: Param, cleared: frozenset[str], sure: bool = True) -> Value:
    what = f"the parameter {param.name}"
    origin = Origin(f"request:{param.start}", param.start, param.end, what, "request")
    return Value(taints=(Taint(origin, cleared, sure),), path=param.name)


def _route(frame: Frame, decorator: Expr) -> str | None:
    """Return the path a decorator binds a function to, None when it is no route."""
    if not isinstance(decorator, Call):
        return None
    callee = decorator.callee
    name = callee.name if isinstance(callee, Attr) else ""
    if isinstance(callee, Name) and "bottle" in frame.machine.frameworks:
        name = callee.id
    if name not in ROUTE_METHODS:
        return None
    for argument in decorator.arguments:
        if argument.name in {"", "path", "rule", "uri"}:
            value = argument.value
            if isinstance(value, Const) and isinstance(value.value, str):
                return value.value if value.value.startswith("/") or not value.value else None
            return "<path:unknown>" if name in {"route", "api_route"} else None
    return None


def _returns_pages(frame: Frame) -> bool:
    """Whether a string that a handler returns is sent as HTML."""
    known = frame.machine.frameworks
    return not (known & _API) and (
        bool(known & {"flask", "quart", "bottle", "cherrypy"}) or not known
    )


def _serving(frame: Frame, info: FunctionInfo) -> str:
    """Return the kind of `self` where a class serves requests, else ""."""
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
    frame: Frame, info: FunctionInfo, param: Param, place: int, serving: str
) -> Value | None:
    """Return what frameworks always pass: self, the request, an environment, an event."""
    names = [other.name for other in info.node.params]
    if param.name == "self" and place == 0 and info.owner is not None:
        return _self(frame, info, serving)
    if param.name == "cls" and place == 0 and info.owner is not None:
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
    following = names[place + 1] if place + 1 < len(names) else ""
    if param.name in {"environ", "env"} and following == "start_response":
        return Value(path="@environ")
    alone = place == 0 and len(names) == 2 and info.owner is None
    if alone and param.name in {"event", "_event"} and following.strip("_") in _CONTEXTS:
        return Value(path="@event")
    return None


def _is_read_as_request(frame: Frame, info: FunctionInfo, param: Param) -> bool:
    """Whether a function takes from a `request` what only a web framework puts there."""
    if param.name != "request":
        return False
    body = frame.machine.source[info.node.start : info.node.end]
    # Requests that a client is about to send hold data, too; theirs is not from outside.
    read = _READ_OF_SERVED if frame.machine.uses(*_CLIENTS) else _READ_OF_ANY
    return read.search(body) is not None


def _self(frame: Frame, info: FunctionInfo, serving: str) -> Value:
    from reviewloop.rules.taint.local_calls import summary_of
    from reviewloop.rules.taint.reaching import method_of

    value = Value(path=serving or "self", ref=info.owner, instance=True)
    init = method_of(frame, info.owner, "__init__")
    if init is not None and init is not info:
        summary = summary_of(frame.machine, init)
        value.fields = dict(summary.fields) if summary is not None and summary.fields else None
    return value


def _route_param(frame: Frame, info: FunctionInfo, param: Param, routes: list[str]) -> Value | None:
    """Return what a route passes: parts of the path, and by type the rest of the request."""
    for route in routes:
        for match in ROUTE_PART.finditer(route):
            if match["name"] == param.name or match["kind"] == param.name:
                kind = match["kind"] if match["name"] == param.name else match["name"]
                return _part(param, kind or match["filter"] or "")
        for match in _PART.finditer(route):
            if match[1] == param.name:
                return _part(param, match[2] or "")
        if route == "<path:unknown>" and param.name not in {"self", "cls"}:
            return _part(param, "")
    return _typed_param(frame, param) if frame.machine.frameworks & _API else None


def _typed_param(frame: Frame, param: Param) -> Value:
    """Return what a framework that goes by types passes."""
    default = param.default
    text = frame.machine.text(default.start, default.end) if default is not None else ""
    if _harmless(param) or "Depends" in text or "Security" in text:
        return Value(path=param.name)
    if _DATA_PARAMS.search(text) or _DATA_PARAMS.search(param.annotation):
        return _outside(param, RANDOM | OBJECTS)
    if INJECTED_TYPES.search(param.annotation):
        return Value(path=param.name)
    if "UploadFile" in param.annotation:
        value = _outside(param, RANDOM | OBJECTS)
        value.path = "@request.files[]"
        return value
    words = set(re.findall(r"\w+", param.annotation))
    model = next((word for word in words if word in frame.machine.classes), None)
    if model is not None:
        value = _outside(param, RANDOM)
        value.ref, value.instance = frame.machine.classes[model], True
        return value
    return _outside(param, RANDOM if words & {"dict", "Dict", "Any"} else RANDOM | OBJECTS)


def _part(param: Param, kind: str) -> Value:
    if kind in SAFE_CONVERTERS or _harmless(param) or kind.lower().endswith(("int", "uuid")):
        return Value(path=param.name)
    return _outside(param, RANDOM | OBJECTS)


def _django_view(frame: Frame, info: FunctionInfo, place: int) -> bool:
    """Whether a function looks like a Django view, whose later parameters come from the URL."""
    params = info.node.params
    if place == 0 or not params or "django" not in frame.machine.frameworks:
        return False
    first = params[0].name
    if info.node.name in frame.machine.routed and info.owner is None:
        return True
    if info.owner is not None or first not in _REQUEST_NAMES or frame.machine.backstage:
        return False
    body = frame.machine.source[info.node.start : info.node.end]
    return bool(_RESPONSES.search(body))


def _view_param(param: Param) -> Value | None:
    if _KEYS.search(param.name) or param.default is not None or param.star == "*":
        return Value(path=param.name)
    if param.annotation and not TEXT_TYPES.search(param.annotation):
        return Value(path=param.name)
    return _outside(param, RANDOM | OBJECTS, sure=bool(param.annotation))
