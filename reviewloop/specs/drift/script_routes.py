"""Endpoints of Express and NestJS, and of Go's net/http and gin; others are listed as unread."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from reviewloop.architecture.imports import Modules
from reviewloop.regex import regex
from reviewloop.specs.drift.names import (
    METHODS,
    CodeName,
    CodeNames,
    Unread,
    closing,
    comments_blanked,
    line_at,
    route_of,
    shown_route,
)

_COMPUTED = "the path of the route is computed"
_VERBS = "|".join(method.lower() for method in METHODS)
_STRING = r"(?P<quote>['\"`])(?P<path>[^'\"`\n]*)(?P=quote)"
_MADE = regex(
    r"(?P<name>[\w$]+)(?:\s*:\s*[\w.]+)?\s*=\s*(?:(?P<app>express\s*\(\s*\))"
    r"|(?:express\s*\.\s*)?Router\s*\(|new\s+(?:express\.)?Router\s*\()"
)
_IMPORTED = regex(
    r"import\s+(?:(?P<default>[\w$]+)\s*,?\s*)?(?:\{(?P<named>[^}]*)\}|\*\s+as\s+(?P<all>[\w$]+))?"
    r"\s*from\s*['\"](?P<from>[^'\"]+)['\"]"
    r"|(?:const|let|var)\s+(?:(?P<one>[\w$]+)|\{(?P<some>[^}]*)\})\s*=\s*require\(\s*['\"]"
    r"(?P<required>[^'\"]+)['\"]\s*\)(?P<member>\.\w+)?"
)
_INLINE = regex(r"require\(\s*['\"](?P<from>[^'\"]+)['\"]\s*\)")
_EXPORTED = regex(r"(?:module\.exports\s*=|export\s+default)\s*(?P<name>[\w$]+)\s*(?:;|\n|$)")
_PARAMETER = regex(r"\(\s*(?P<name>app|router|server|api)\b[^)]*\)\s*(?::\s*\w+\s*)?(?:=>|\{)")
_CONTROLLER = regex(r"@Controller\s*\(")
_HANDLER = regex(r"@(?P<verb>Get|Post|Put|Patch|Delete|Head|Options|All)\s*\(")
_GLOBAL_PREFIX = regex(rf"setGlobalPrefix\(\s*{_STRING}")
_PATH_KEY = regex(rf"\bpath\s*:\s*{_STRING}")
_TEXT = regex(_STRING)

_Key = tuple[str, str]


class _Use(NamedTuple):
    parent: _Key
    child: _Key
    prefix: str | None


class _Raw(NamedTuple):
    owner: _Key
    methods: tuple[str, ...]
    path: str
    line: int


def read_script_routes(texts: Mapping[str, str], modules: Modules) -> CodeNames:
    """Return the endpoints that JavaScript and TypeScript files, by path, define together."""
    found = CodeNames()
    express = _Express(modules)
    prefix = ""
    for path, raw in texts.items():
        if "express" in raw or "Router" in raw or "@Controller" in raw or "setGlobalPrefix" in raw:
            text = comments_blanked(raw)
            if given := _GLOBAL_PREFIX.search(text):
                prefix = given["path"]
            if "express" in raw or "Router" in raw:
                express.read(path, text, found)
    for path, raw in texts.items():
        if "@Controller" in raw:
            _nest(path, comments_blanked(raw), prefix, found)
    found.names += express.names()
    return found


def _named(path: str, line: int, methods: tuple[str, ...], full: str, *, loose: bool) -> CodeName:
    route = route_of(full)
    text = f"{'/'.join(methods) or 'ANY'} {shown_route(route)}"
    return CodeName("endpoint", text, path, line, methods=methods, route=route, loose=loose)


class _Express:
    """The Express routers of all files, and their uses."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules
        self.apps: set[_Key] = set()
        self.routers: set[_Key] = set()
        self.exported: dict[str, str] = {}
        self.routes: list[_Raw] = []
        self.uses: list[_Use] = []

    def read(self, path: str, text: str, found: CodeNames) -> None:
        bound = dict(self._imports(path, text))
        names = {one["name"]: bool(one["app"]) for one in _MADE.finditer(text)}
        for one in _PARAMETER.finditer(text):
            names.setdefault(one["name"], False)
        if not names:
            return
        self.apps |= {(path, name) for name, app in names.items() if app}
        self.routers |= {(path, name) for name, app in names.items() if not app}
        if exported := _EXPORTED.search(text):
            self.exported[path] = exported["name"]
        alternatives = "|".join(re.escape(name) for name in sorted(names))
        call = re.compile(
            rf"(?<![\w$.])(?:this\.)?(?P<name>{alternatives})\s*\.\s*"
            rf"(?P<verb>{_VERBS}|all|route|use)\s*\("
        )
        for one in call.finditer(text):
            start, end = one.end(), closing(text, one.end() - 1)
            inside = text[start:end]
            owner, line = (path, one["name"]), line_at(text, one.start())
            given = re.match(rf"\s*{_STRING}", inside)
            if one["verb"] == "use":
                self._use(owner, given, inside, bound, path)
            elif given is None or "${" in given["path"]:
                computed = re.match(r"\s*(?:`|[\w$.]+\s*(?:\+|,))", inside)
                if computed and (one["verb"] == "route" or "," in inside):
                    found.unread.append(Unread("endpoint", _COMPUTED, path, line))
            elif one["verb"] == "route":
                for verb, at in _chained(text, end):
                    self.routes.append(
                        _Raw(owner, _methods(verb), given["path"], line_at(text, at))
                    )
            elif given["path"].startswith(("/", "*")) and "," in inside:
                self.routes.append(_Raw(owner, _methods(one["verb"]), given["path"], line))

    def _imports(self, path: str, text: str) -> Iterator[tuple[str, _Key]]:
        for one in _IMPORTED.finditer(text):
            target = self.modules.script(one["from"] or one["required"], path)
            if not target:
                continue
            for name in (one["default"], one["all"], one["one"]):
                if name:
                    yield name, (target, (one["member"] or "").lstrip("."))
            for part in (one["named"] or one["some"] or "").split(","):
                words = re.split(r"\s+as\s+|\s*:\s*", part.strip())
                if words[0]:
                    yield words[-1], (target, words[0])

    def _use(
        self,
        owner: _Key,
        given: re.Match[str] | None,
        inside: str,
        bound: Mapping[str, _Key],
        path: str,
    ) -> None:
        prefix: str | None = given["path"] if given else ""
        if given is None and re.match(r"\s*(?:`|[\w$.]+\s*\+)", inside):
            prefix = None
        rest = inside[given.end() :] if given else inside
        for word in re.findall(r"(?<![\w$.'\"])[\w$]+", rest):
            if word in bound:
                self.uses.append(_Use(owner, bound[word], prefix))
            elif (path, word) in self.routers:
                self.uses.append(_Use(owner, (path, word), prefix))
        for one in _INLINE.finditer(rest):
            if target := self.modules.script(one["from"], path):
                self.uses.append(_Use(owner, (target, ""), prefix))

    def names(self) -> list[CodeName]:
        result = []
        for one in self.routes:
            for prefix, loose in self._prefixes(one.owner, ()):
                full = f"{prefix}/{one.path}"
                result.append(_named(one.owner[0], one.line, one.methods, full, loose=loose))
        return list(dict.fromkeys(result))

    def _prefixes(self, key: _Key, seen: tuple[_Key, ...]) -> list[tuple[str, bool]]:
        if key in self.apps or key in seen:
            return [("", False)] if key in self.apps else []
        above = [one for one in self.uses if self._means(one.child, key)]
        if not above:
            return [("", True)]
        return [
            (f"{prefix}/{one.prefix or ''}", loose or one.prefix is None)
            for one in above
            for prefix, loose in self._prefixes(one.parent, (*seen, key))
        ]

    def _means(self, child: _Key, key: _Key) -> bool:
        if child[0] != key[0]:
            return False
        own = [name for path, name in self.routers if path == key[0]]
        return child[1] == key[1] or (
            child[1] not in own and (self.exported.get(key[0]) == key[1] or len(own) == 1)
        )


def _methods(verb: str) -> tuple[str, ...]:
    return () if verb.lower() == "all" else (verb.upper(),)


def _chained(text: str, end: int) -> Iterator[tuple[str, int]]:
    """Yield the verbs chained to `route(...)`."""
    link = re.compile(rf"\s*\.\s*(?P<verb>{_VERBS}|all)\s*\(")
    while found := link.match(text, end + 1):
        yield found["verb"], found.start("verb")
        end = closing(text, found.end() - 1)


def _nest(path: str, text: str, prefix: str, found: CodeNames) -> None:
    """Add the handlers of a file's controllers."""
    heads = [(one.start(), _paths(text, one.end())) for one in _CONTROLLER.finditer(text)]
    for one in _HANDLER.finditer(text):
        above = [paths for start, paths in heads if start < one.start()]
        own, line = _paths(text, one.end()), line_at(text, one.start())
        if not above:
            continue
        if above[-1] is None or own is None:
            found.unread.append(Unread("endpoint", _COMPUTED, path, line))
            continue
        for start in above[-1]:
            for end in own:
                full = f"{prefix}/{start}/{end}"
                methods = _methods(one["verb"])
                found.names.append(_named(path, line, methods, full, loose=True))


def _paths(text: str, start: int) -> list[str] | None:
    """Return the paths in a decorator, None if they are computed."""
    inside = text[start : closing(text, start - 1)].strip()
    if not inside:
        return [""]
    if inside.startswith("{"):
        given = _PATH_KEY.search(inside)
        return [given["path"]] if given else None if "path" in inside else [""]
    if inside.startswith(("'", '"', "[", "`")) and "${" not in inside:
        return [one["path"] for one in _TEXT.finditer(inside)]
    return None


_GO_ROUTE = regex(
    r"(?P<name>[\w.]+)\.(?P<verb>GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|Any|HandleFunc|Handle)"
    r"\(\s*(?:\"(?P<path>[^\"\n]*)\"|(?P<computed>[^\s\")][^,\n]*))\s*,"
)
_GO_GROUP = regex(r"(?P<name>\w+)\s*:?=\s*(?P<above>[\w.]+)\.Group\(\s*(?:\"(?P<path>[^\"\n]*)\")?")
_GO_ROOT = regex(
    r"(?P<name>[\w.]+)\s*:?=\s*(?:gin\.(?:Default|New)|http\.NewServeMux|mux\.NewRouter)\("
)
_GO_METHODS = regex(r"\s*\.\s*Methods\((?P<all>[^)]*)\)")
_GO_HINT = regex(r"net/http|gin-gonic/gin|gorilla/mux")


def read_go_routes(texts: Mapping[str, str]) -> CodeNames:
    """Return the endpoints of Go files; groups count if they are made in the same file."""
    found = CodeNames()
    for path, raw in texts.items():
        if not _GO_HINT.search(raw) or ("http.NewRequest" in raw and "Handle" not in raw):
            continue
        text = comments_blanked(raw)
        roots = {"http", *(one["name"] for one in _GO_ROOT.finditer(text))}
        groups = list(_GO_GROUP.finditer(text))
        for one in _GO_ROUTE.finditer(text):
            line = line_at(text, one.start())
            if one["path"] is None:
                if one["verb"].startswith("Handle") or "gin" in raw:
                    found.unread.append(Unread("endpoint", _COMPUTED, path, line))
                continue
            verb, given = one["verb"], one["path"]
            methods: tuple[str, ...] = (verb,) if verb.isupper() else ()
            if leading := re.match(r"([A-Z]+)\s+(?=\S)", given):
                methods, given = (leading[1],), given[leading.end() :]
            if verb.startswith("Handle"):
                end = closing(text, text.index("(", one.start()))
                if listed := _GO_METHODS.match(text, end + 1):
                    methods = tuple(re.findall(r"\"([A-Z]+)\"", listed["all"]))
            if "/" not in given and not methods:
                continue
            prefix, loose = _group_prefix(one["name"], one.start(), groups, roots)
            full = f"{prefix}/{given[given.find('/') :] if '/' in given else ''}"
            found.names.append(_named(path, line, methods, full, loose=loose))
    return found


def _group_prefix(
    name: str, index: int, groups: list[re.Match[str]], roots: set[str], depth: int = 0
) -> tuple[str, bool]:
    """Return the prefix of a group of routes at a position of the file, and whether it is
    partial.
    """
    if name in roots or depth > 6:
        return "", False
    made = [one for one in groups if one["name"] == name and one.start() < index]
    if not made:
        return "", True
    last = made[-1]
    prefix, loose = _group_prefix(last["above"], last.start(), groups, roots, depth + 1)
    return f"{prefix}/{last['path'] or ''}", loose or last["path"] is None


_SCRIPTS = (".ts", ".js", ".mjs", ".cjs", ".mts", ".cts", ".tsx", ".jsx")
_OTHERS = (
    ("Spring", regex(r"@(?:Request|Get|Post|Put|Patch|Delete)Mapping\b"), (".java", ".kt")),
    ("JAX-RS or Ktor", regex(r"@Path\(\"|\brouting\s*\{"), (".java", ".kt")),
    ("ASP.NET", regex(r"\[Http(?:Get|Post|Put|Patch|Delete)\b|\.Map(?:Get|Post)\("), (".cs",)),
    ("Rails", regex(r"routes\.draw\b"), (".rb",)),
    ("Sinatra", regex(r"\brequire ['\"]sinatra\b|< Sinatra::Base\b"), (".rb",)),
    ("Phoenix", regex(r"\buse \w+(?:\.\w+)*, :router\b|\buse Phoenix\.Router\b"), (".ex",)),
    ("Laravel", regex(r"\bRoute::(?:get|post|put|patch|delete|resource)\("), (".php",)),
    ("Symfony", regex(r"#\[Route\("), (".php",)),
    ("Rust", regex(r"#\[(?:get|post|put|patch|delete)\(\"|\.route\(\s*\"/"), (".rs",)),
    (
        "Fastify, Koa, Hono or hapi",
        regex(
            r"(?:\bfrom|\brequire\()\s*['\"](?:fastify|koa-router|@koa/router|hono|@hapi/hapi)['\"]"
        ),
        _SCRIPTS,
    ),
    (
        "aiohttp, Tornado, Bottle, Falcon, Sanic, Litestar or Pyramid",
        regex(
            r"^\s*(?:(?:import|from)\s+(?:aiohttp\.web|tornado\.web|bottle|falcon|sanic|litestar"
            r"|pyramid)\b|from\s+aiohttp\s+import\s+web\b)",
            re.M,
        ),
        (".py",),
    ),
    ("chi, echo or fiber", regex(r"\"github\.com/(?:go-chi|labstack|gofiber)/"), (".go",)),
)
_BY_FOLDER = (
    ("Next.js", regex(r"(?:^|/)(?:pages|app)/api/.*\.[jt]sx?$")),
    ("SvelteKit", regex(r"(?:^|/)\+server\.[jt]s$")),
    ("Nuxt", regex(r"(?:^|/)server/(?:api|routes)/.*\.(?:get|post|put|patch|delete)\.[jt]s$")),
)


def routes_of_others(texts: Mapping[str, str]) -> Iterator[Unread]:
    """Yield the files with routes of a framework that is not supported."""
    for path, text in texts.items():
        for name, pattern, endings in _OTHERS:
            if path.endswith(endings) and pattern.search(text):
                yield Unread("endpoint", f"routes of {name} are not read", path)
                break
        for name, pattern in _BY_FOLDER:
            if pattern.search(path):
                yield Unread("endpoint", f"routes of {name} are not read", path)
