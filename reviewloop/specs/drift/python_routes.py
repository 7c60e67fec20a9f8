"""Endpoints of FastAPI, Flask and Django: routes, and the prefixes of mounted routers."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from reviewloop.architecture.imports import Modules
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex
from reviewloop.specs.drift.names import METHODS, CodeName, CodeNames, Unread, route_of, shown_route

HINT = regex(
    r"\.(?:get|post|put|patch|delete|head|options|route|api_route|websocket)\("
    r"|APIRouter|FastAPI\(|Flask\(|Blueprint\(|urlpatterns|add_url_rule|add_api_route|include_router"
    r"|register_blueprint|DefaultRouter|SimpleRouter"
)
_FRAMEWORK = regex(
    r"\b(?:fastapi|flask|starlette|quart|django|rest_framework|urlpatterns|APIRouter|Blueprint)\b"
)
_VERBS = {method.lower(): method for method in METHODS}
_APPS = frozenset(("FastAPI", "Flask", "Quart", "Starlette"))
_ROUTERS = frozenset(("APIRouter", "Blueprint", "DefaultRouter", "SimpleRouter"))
_OF_REST = frozenset(("DefaultRouter", "SimpleRouter"))
_NAMED_GROUP = regex(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)")
_COMPUTED = "the path of the route is computed"

_Key = tuple[str, str]  # the file, and the name of a router in it


@dataclass(frozen=True)
class _Router:
    prefix: str | None  # None: it is computed
    is_app: bool = False
    of_rest: bool = False


@dataclass(frozen=True)
class _Route:
    owner: _Key
    methods: tuple[str, ...]
    path: str | None
    at: tuple[str, int]


@dataclass(frozen=True)
class _Mount:
    parent: _Key
    child: _Key
    prefix: str | None
    instead: bool = False  # of the router's own prefix


@dataclass
class _Found:
    routers: dict[_Key, _Router] = field(default_factory=dict)
    routes: list[_Route] = field(default_factory=list)
    mounts: list[_Mount] = field(default_factory=list)
    bound: dict[_Key, _Key] = field(default_factory=dict)  # an imported name -> its target
    unread: list[Unread] = field(default_factory=list)


def read_python_routes(texts: Mapping[str, str], modules: Modules) -> CodeNames:
    """Return the endpoints that Python files, by path, define together."""
    found = _Found()
    for path, text in texts.items():
        if not HINT.search(text):
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            if _FRAMEWORK.search(text):
                found.unread.append(Unread("endpoint", "the file cannot be parsed", path))
            continue
        if _FRAMEWORK.search(text) or "@" in text:
            _File(path, tree, modules, found).read()
    names: list[CodeName] = []
    for route in found.routes:
        owner = _resolved(route.owner, found)
        if route.path is None:
            found.unread.append(Unread("endpoint", _COMPUTED, *route.at))
            continue
        for prefix, loose in _prefixes(owner, found, ()):
            full = route_of(f"{prefix}/{route.path}")
            text = f"{'/'.join(route.methods) or 'ANY'} {shown_route(full)}"
            names.append(
                CodeName(
                    "endpoint", text, *route.at, methods=route.methods, route=full, loose=loose
                )
            )
    return CodeNames(list(dict.fromkeys(names)), found.unread)


def _resolved(key: _Key, found: _Found, depth: int = 0) -> _Key:
    if key in found.routers or depth > 8:
        return key
    return _resolved(found.bound[key], found, depth + 1) if key in found.bound else key


def _prefixes(key: _Key, found: _Found, seen: tuple[_Key, ...]) -> list[tuple[str, bool]]:
    """Return the prefixes of a router's routes, one for each mount; whether more may exist."""
    if key in seen:
        return []
    router = found.routers.get(key)
    own = (router.prefix if router else None) or ""
    loose = router is None or router.prefix is None
    above = [one for one in found.mounts if _resolved(one.child, found) == key]
    if not above:
        return [(own, loose or not (router and router.is_app))]
    result = []
    for mount in above:
        for prefix, open_ in _prefixes(_resolved(mount.parent, found), found, (*seen, key)):
            inner = "" if mount.instead and mount.prefix else own
            full = f"{prefix}/{mount.prefix or ''}/{inner}"
            result.append((full, loose or open_ or mount.prefix is None))
    return result


class _File:
    """One file of Python: its routers, routes, mounts and imports."""

    def __init__(self, path: str, tree: ast.Module, modules: Modules, found: _Found) -> None:
        self.path, self.tree, self.modules, self.found = path, tree, modules, found
        self.constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and isinstance(node.value.value, str)
        }

    def read(self) -> None:
        nodes = list(ast.walk(self.tree))
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                self._assignment(node)
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call):
                        self._decorator(decorator)
            elif isinstance(node, ast.Call):
                self._call(node)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for one in node.names:
                if target := self.modules.python(one.name, self.path):
                    self.found.bound[self.path, one.asname or one.name] = (target, "")
            return
        base = "." * node.level + (node.module or "")
        for one in node.names:
            inner = f"{base}{'' if base.endswith('.') else '.'}{one.name}"
            target = self.modules.python(inner, self.path, within=base)
            if target:
                stem = target.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]
                whole = stem == one.name and base.rpartition(".")[2] != one.name
                name = "" if whole else one.name
                self.found.bound[self.path, one.asname or one.name] = (target, name)

    def _assignment(self, node: ast.Assign | ast.AnnAssign) -> None:
        made = _called(node.value) if isinstance(node.value, ast.Call) else ""
        if made not in _APPS | _ROUTERS or not isinstance(node.value, ast.Call):
            return
        prefix = self._keyword(node.value, "prefix", "url_prefix")
        router = _Router(prefix, made in _APPS, made in _OF_REST)
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if name := _dotted(target):
                self.found.routers[self.path, name] = router

    def _decorator(self, call: ast.Call) -> None:
        if isinstance(call.func, ast.Attribute) and (owner := _dotted(call.func.value)):
            self._route(call, call.func.attr, self._key(owner))

    def _route(self, call: ast.Call, verb: str, owner: _Key) -> None:
        if verb in _VERBS:
            methods: tuple[str, ...] | None = (_VERBS[verb],)
        elif verb in {"route", "api_route", "add_url_rule", "add_api_route"}:
            methods = self._methods(call)
        else:
            return
        given = call.args[0] if call.args else _argument(call, "path", "rule")
        if given is None:
            return
        path = self._text(given)
        known = _resolved(owner, self.found) in self.found.routers or owner in self.found.bound
        if not known and (path is None or not path.startswith("/")):
            return  # some other decorator: `@cache.get(key)`
        at = (self.path, call.lineno)
        self.found.routes.append(_Route(owner, methods or (), path, at))

    def _methods(self, call: ast.Call) -> tuple[str, ...]:
        given = _argument(call, "methods")
        if isinstance(given, ast.List | ast.Tuple | ast.Set):
            texts = [self._text(one) for one in given.elts]
            return tuple(sorted(text.upper() for text in texts if text))
        return () if given is not None else ("GET",)

    def _call(self, call: ast.Call) -> None:
        name = _called(call)
        owner = _dotted(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if name in {"add_url_rule", "add_api_route"} and owner:
            self._route(call, name, self._key(owner))
        elif name in {"include_router", "register_blueprint"} and owner and call.args:
            child = _dotted(call.args[0])
            prefix = self._keyword(call, "prefix", "url_prefix")
            if child:
                mount = _Mount(
                    self._key(owner), self._key(child), prefix, name == "register_blueprint"
                )
                self.found.mounts.append(mount)
        elif name == "register" and owner and len(call.args) > 1:
            router = self.found.routers.get(self._key(owner))
            if router and router.of_rest:
                path = self._text(call.args[0])
                for full in [path] if path is None else [path, f"{path}/{{pk}}"]:
                    at = (self.path, call.lineno)
                    self.found.routes.append(_Route(self._key(owner), (), full, at))
        elif name in {"path", "re_path", "url"} and not owner and len(call.args) > 1:
            self._django(call, name)

    def _django(self, call: ast.Call, name: str) -> None:
        own = (self.path, "urlpatterns")
        if not any(
            isinstance(node, ast.Name) and node.id == "urlpatterns" for node in ast.walk(self.tree)
        ):
            return
        self.found.routers.setdefault(own, _Router(""))
        path = self._text(call.args[0])
        if path is not None and name != "path":
            plain = _NAMED_GROUP.sub("{}", path).removeprefix("^").removesuffix("$")
            path = None if re.search(r"[\\()|+*?\[]", plain) else plain
        view = call.args[1]
        if isinstance(view, ast.Call) and _called(view) == "include":
            for child in self._included(view):
                self.found.mounts.append(_Mount(own, child, path))
            return
        if isinstance(view, ast.Attribute) and view.attr == "urls":
            return  # the admin site
        self.found.routes.append(_Route(own, (), path, (self.path, call.lineno)))

    def _included(self, call: ast.Call) -> Iterator[_Key]:
        given = call.args[0] if call.args else None
        if isinstance(given, ast.Tuple) and given.elts:
            given = given.elts[0]
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            if target := self.modules.python(given.value, self.path):
                yield (target, "urlpatterns")
        elif isinstance(given, ast.Attribute) and (name := _dotted(given.value)):
            key = self._key(name)
            yield key if given.attr == "urls" else (key[0], "urlpatterns")
        elif isinstance(given, ast.Name):
            yield self._key(given.id)

    def _key(self, dotted: str) -> _Key:
        """Return the router that a name in this file refers to: a local or an imported one."""
        if (self.path, dotted) in self.found.routers:
            return (self.path, dotted)
        owner, _, last = dotted.rpartition(".")
        module = self.found.bound.get((self.path, owner))
        if module and not module[1]:
            return (module[0], last)
        return (self.path, dotted)

    def _keyword(self, call: ast.Call, *names: str) -> str | None:
        """Return a text given by keyword, "" if it is not given, None if it is computed."""
        given = _argument(call, *names)
        return "" if given is None else self._text(given)

    def _text(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            return self.constants.get(node.id)
        if isinstance(node, ast.JoinedStr):
            parts = [
                self._text(one.value if isinstance(one, ast.FormattedValue) else one)
                for one in node.values
            ]
            return None if None in parts else "".join(part or "" for part in parts)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self._text(node.left), self._text(node.right)
            return None if left is None or right is None else left + right
        return None


def _argument(call: ast.Call, *names: str) -> ast.expr | None:
    return next((one.value for one in call.keywords if one.arg in names), None)


def _called(node: ast.expr | None) -> str:
    """Return the last name of a called expression."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""
