"""The JavaScript and TypeScript front end: requests, modules, and calls."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from reviewloop.analysis.contract import Hit, SourceFile
from reviewloop.regex import regex
from reviewloop.rules.taint.project import Module, Project, member, normal
from reviewloop.rules.taint.schemas import of_schema
from reviewloop.rules.taint.syntax import Attr, Param
from reviewloop.rules.taint.table_dialect import ON_BASE, TableDialect, hit_of
from reviewloop.rules.taint.values import (
    CLEAN,
    OBJECTS,
    RANDOM,
    ClassInfo,
    Env,
    Found,
    Frame,
    FunctionInfo,
    LineIndex,
    Machine,
    Site,
    Value,
    changed,
    concat,
    constant,
    duplicate,
    join_taints,
    named,
    piece_of,
    text_of,
)

SUFFIXES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
_LANGUAGES = {".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx"}
_LONGEST_LINE = 20_000  # characters: a longer file is generated
_SOURCE = regex(
    r"\b_?req\b|\brequest\b|\bctx\b|\bcontext\b|\bc\.req\b|\bevent\b|@(?:Query|Body|Param|Headers)\("
)
_HARM = regex(
    r"query|execute|raw|Raw|exec|spawn|readFile|writeFile|unlink|Stream|send|redirect|fetch|axios|got"
    r"|http|eval|Function|render|compile|serialize|findOne|return|=>"
)
_ENDS = regex(
    r"\.query\(|\.raw\(|\.execute\(|RawUnsafe|child_process|shelljs|execa|readFile|writeFile|ReadStream"
    r"|WriteStream|unlink|sendFile|redirect\(|\bfetch\(|axios|\bgot\b|\beval\(|new Function|\bejs\b"
    r"|serialize|findOne|renderString|\breq\.|request\.|ctx\.|</?\w+>|export \* from"
    r"|(?i:\bselect\b.{1,200}\bfrom\b)"
)
_REQUESTS = frozenset({"req", "_req", "request", "httpReq"})
_CONTEXTS = frozenset({"ctx", "context", "c"})
_REPLIES = frozenset({"res", "_res", "response", "reply", "h"})
_DATA = frozenset(
    [
        *("body", "query", "params", "headers", "cookies", "signedCookies", "url", "originalUrl"),
        *("rawBody", "files", "file", "searchParams", "queryStringParameters", "pathParameters"),
        *("multiValueQueryStringParameters", "hostname", "rawQueryString", "nextUrl"),
    ]
)
_CALLED = frozenset(
    [
        *("get", "header", "param", "query", "json", "text", "formData", "queries", "parseBody"),
        "blob",
    ]
)
_OWN_ADDRESS = frozenset({"url", "originalUrl", "nextUrl"})
_PLAIN_TEXT = frozenset({"params", "pathParameters", "headers", "hostname", "cookies"})
_NO_TEXT = frozenset({"length", "size", "status", "statusCode", "byteLength"})
_HARMLESS = regex(r"^(?:number|boolean|bigint|Date|null|undefined|\s|\|)+$")
_DECORATED = regex(r"@(?:Query|Body|Param|Headers|Cookies|UploadedFile|Req|Request)\(")
_RESOLVES = frozenset(
    {"path.resolve", "path.join", "path.normalize", "path.posix.join", "path.relative"}
)
_SAME = frozenset({"util.promisify", "promisify", "Object.freeze", "await", "bluebird.promisify"})


class ScriptDialect(TableDialect):
    """Evaluates JavaScript's values, calls and parameters."""

    language = "javascript"

    def path_of(self, path: str) -> str:
        """Return the path of a callee, without the wrappers of imports."""
        path = path.replace("\x02", ".").replace(".default", "")
        for long, short in (("fs/promises", "fs"), ("fs-extra", "fs"), ("fs.promises", "fs")):
            if path.startswith(long):
                path = short + path[len(long) :]
        for long in ("mysql2/promise", "lodash/escape"):
            path = path.replace(long, {"lodash/escape": "lodash.escape"}.get(long, "mysql2"))
        head, _, last = path.rpartition(".")
        name = head.replace("()", "").rpartition(".")[2]
        owner = re.sub(r"\.(?:status|code|type|set|header)\(\)", "", head).rpartition(".")[2]
        if owner in _REPLIES | _CONTEXTS | {"NextResponse", "@request"} or name in _REPLIES:
            return f"@reply.{last}"
        return path

    def name(self, frame: Frame, name: str) -> Value | None:
        """Return the value of a name that the file does not define."""
        if name.startswith("%") and name[1:] in frame.machine.imported:
            return named(name[1:])
        if name == "%re":
            return named("re")
        return None

    def attribute(self, frame: Frame, expr: Attr, owner: Value) -> Value:
        """Return `owner.name`."""
        name = expr.name
        path = f"{owner.path}.{name}"[-160:]
        known = self.field(frame, owner, name)
        if known is not None:
            return known
        if owner.path == "@context" and name in {"request", "req"}:
            return Value(path="@request", bound=owner)
        if owner.path in {"@request", "@context"} and name in _DATA:
            cleared = RANDOM
            if name in _OWN_ADDRESS:
                cleared |= {"open-redirect"}
            if name in _PLAIN_TEXT:
                cleared |= OBJECTS
            found = self.request_data(frame, expr, path, cleared)
            found.bound = owner
            if name == "originalUrl":
                found.shape = "/\x01\x00"  # a path: no other host can be named there
            return found
        if name == "length" or not owner.taints:
            return Value(path=path, bound=owner)
        if owner.path.startswith(("@request.", "@context.")) and owner.path.count(".") == 1:
            cleared = owner.taints[0].cleared
            found = self.request_data(frame, expr, path, cleared)
            found.bound = owner
            return found
        if name in _NO_TEXT:
            return Value(path=path, bound=owner)
        part = self.part(owner, name)
        if part is not None:
            return part
        encoded = self.table.encoded.get(path, frozenset())
        whole = owner if owner.path == "URL()" and name == "href" else Value()
        left = changed(owner.taints, encoded)
        return Value(left, path=path, bound=owner, shape=whole.shape, fields=whole.fields)

    def source(self, frame: Frame, site: Site) -> Value | None:
        """Return the data that a call reads from a request."""
        callee = site.expr.callee
        if site.receiver.path not in {"@request", "@context"} or not isinstance(callee, Attr):
            return None
        if site.name not in _CALLED:
            return None
        cleared = RANDOM if site.name in {"json", "parseBody"} else RANDOM | OBJECTS
        shown = Attr(site.expr.start, site.expr.end, callee.owner, site.name)
        return self.request_data(frame, shown, f"{site.path}()", cleared)

    def result_of(self, frame: Frame, site: Site, path: str) -> Value | None:
        """Return the result of calls that join texts, paths and lists."""
        if path in _SAME and site.args:
            return site.args[0]
        schema = of_schema(frame, site)
        if schema is not None:
            return schema
        if path in _RESOLVES:
            parts = [piece for arg in site.args for piece in (constant("/"), arg)][1:]
            joined = concat(parts)
            taints = join_taints(joined.taints, site.starred)
            shape = text_of(joined)
            return Value(taints, path="realpath()", shape=shape)
        if path == "URL" and site.args and site.all_taints():
            return _address_of(site)
        if site.name == "concat" and site.callee.bound is not None:
            return concat([site.receiver, *site.args])
        if site.name == "replace" and site.receiver.taints:
            # The removed part may be all that was dangerous.
            return Value(path=f"{site.path}()"[-160:])
        if path in {"String", ".toString"} and site.args:
            copy = duplicate(site.args[0])
            copy.taints, copy.items, copy.seq = changed(copy.taints, OBJECTS), None, None
            return copy
        return None

    def bind(self, frame: Frame, info: FunctionInfo) -> None:
        """Set the parameters of a function to their values."""
        params = info.node.params
        for index, param in enumerate(params):
            frame.env.vars[param.name] = self._param(frame, info, param, index)

    def _param(self, frame: Frame, info: FunctionInfo, param: Param, index: int) -> Value:
        name, annotation = param.name, param.annotation
        if info.owner is not None and index == 0 and name in {"self", "cls"}:
            return self._self(frame, info, name)
        if _DECORATED.search(annotation) and info.owner is not None:
            plain = _DECORATED.sub("", annotation).partition(")")[2].strip()
            if "Pipe" in annotation or _HARMLESS.match(plain or "x"):
                return Value(path=name)
            return self.outside(frame, param, RANDOM if "Body" in annotation else RANDOM | OBJECTS)
        if annotation and _HARMLESS.match(annotation):
            return Value(path=name)
        if name in _REQUESTS and not _is_to_be_made(frame, info, name):
            return Value(path="@request")
        if name in _CONTEXTS or name == "event":
            return Value(path="@request" if name == "event" else "@context")
        following = info.node.params[index + 1].name if index + 1 < len(info.node.params) else ""
        if name.startswith("%") and following in _REPLIES:
            return Value(path="@request")
        if name in _REPLIES:
            return Value(path=name)
        made = self.parameter(info, param)
        known = self._class(frame, annotation)
        if known is not None:
            made.ref, made.instance = known, True
        return made

    def _class(self, frame: Frame, annotation: str) -> ClassInfo | None:
        word = re.match(r"(?:@\w+\([^)]*\)\s*)?([A-Z]\w*)$", annotation.strip())
        if word is None:
            return None
        value = frame.env.get(word[1])
        if value is not None and value.ref is None and value.path:
            value = frame.machine.imported_value(value.path)
        return value.ref if value is not None and isinstance(value.ref, ClassInfo) else None

    def _self(self, frame: Frame, info: FunctionInfo, name: str) -> Value:
        from reviewloop.rules.taint.functions import summary_of

        if name == "cls":
            return Value(path="self", ref=info.owner)
        value = Value(path="self", ref=info.owner, instance=True)
        at = info.owner
        while at is not None and "__init__" not in at.methods:
            at = at.parents[0] if at.parents else None
        init = at.methods["__init__"] if at is not None else None
        if init is not None and init is not info:
            summary = summary_of(frame.machine, init)
            value.fields = dict(summary.fields) if summary is not None and summary.fields else None
        return value


_BELOW_A_HOST = regex(r"/[^/\\\x00]|[?#]|\.\.?/")


def _address_of(site: Site) -> Value:
    """Return `new URL(address)` or `new URL(address, base)`, with what is known of its text.

    A path stays on the host of the base. Other data may name a host of its own, which is not shown.
    """
    first, base = site.args[0], site.args[1] if len(site.args) > 1 else None
    made = Value(changed(site.all_taints()), path="URL()", shape=text_of(first))
    if base is None:
        return made
    if _BELOW_A_HOST.match(made.shape or ""):
        made.shape = f"{piece_of(base)}{made.shape}"
    elif base.taints:
        made.shape = None
    elif first.taints:
        made.fields = {ON_BASE: CLEAN}
    return made


_OPTIONS = (
    rb"\.(?:data|dataType|timeout|timeoutMs|responseType|withCredentials|baseURL|baseUrl|retries)\b"
)


def _is_to_be_made(frame: Frame, info: FunctionInfo, name: str) -> bool:
    """Whether a parameter holds options of a request to others, which nobody has sent to us."""
    if len(info.node.params) > 1 and info.node.params[1].name in _REPLIES:
        return False
    body = frame.machine.source[info.node.start : info.node.end][:30_000]
    return re.search(rb"\b" + name.encode() + _OPTIONS, body) is not None


class Scripts:
    """The front end of JavaScript and TypeScript."""

    dialect = ScriptDialect()

    def has_source(self, file: SourceFile) -> bool:
        """Whether outside data can enter in a file."""
        return self._readable(file) and _SOURCE.search(file.text) is not None

    def may_be_called(self, file: SourceFile) -> bool:
        """Whether a file has a sink that callers' arguments can reach."""
        return self._readable(file) and _HARM.search(file.text) is not None

    def _readable(self, file: SourceFile) -> bool:
        if not file.path.endswith(SUFFIXES) or file.path.endswith((".d.ts", ".min.js")):
            return False
        return max(map(len, file.lines)) <= _LONGEST_LINE

    def ends_flows(self, text: str) -> bool:
        """Whether a file at the limit of following can be either end of a flow."""
        return _ENDS.search(text) is not None

    def load(self, project: Project, path: str, text: str, level: int) -> Module:
        """Read a file and run its top level."""
        from reviewloop.analysis.parsing import parse
        from reviewloop.rules.taint.expressions import evaluate
        from reviewloop.rules.taint.js_reader import ScriptReader
        from reviewloop.rules.taint.statements import execute
        from reviewloop.rules.taint.syntax import Import

        reader = ScriptReader(text)
        body = reader.block(parse(text, _LANGUAGES.get(posixpath.splitext(path)[1], "javascript")))
        source = text.encode("utf-8", "surrogatepass")
        machine = Machine(source, evaluate, execute, path, project, self.dialect)
        machine.found, machine.depth = project.found, project.depth
        machine.repeated = project.repeated
        machine.imported.update(reader.modules)
        for statement in body:
            if isinstance(statement, Import):
                machine.imported.update(dotted for _, dotted in statement.names)
        module = Module(path, machine, Env(), level, LineIndex(source))
        module.env.vars["exports"] = Value(path="exports")
        module.exports = {exported: named(own) for exported, own in reader.exports.items()}
        project.modules[path] = module
        machine.execute(Frame(machine, module.env), body)
        return module

    def run(self, module: Module) -> None:
        """Analyse every function of a file."""
        from reviewloop.rules.taint.functions import run_waiting

        run_waiting(module.machine)

    def find(self, module: Module, dotted: str, paths: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Yield files that may define an imported name, each with the rest of the name."""
        first, _, rest = dotted.partition(".")
        spec = first.replace("\x02", ".")
        own = posixpath.dirname(module.path)
        bases = []
        if spec.startswith("."):
            bases = [normal(posixpath.join(own, spec))]
        elif spec.startswith(("@/", "~/", "src/")):
            tail = spec.removeprefix("src/") if spec.startswith("src/") else spec[2:]
            folders = own.split("/")
            roots = ["/".join(folders[:n]) for n in range(len(folders), -1, -1)]
            bases = [posixpath.join(root, sub, tail) for root in roots for sub in ("src", "")]
        for base in bases:
            stem, suffix = posixpath.splitext(base)
            tries = [base] if suffix in SUFFIXES else []
            if suffix in {".js", ".mjs", ".cjs"}:
                tries += [stem + other for other in (".ts", ".tsx", ".mts")]
            tries += [base + other for other in SUFFIXES]
            tries += [f"{base}/index{other}" for other in SUFFIXES]
            for file in tries:
                if file in paths and file != module.path:
                    yield file, rest
                    return

    def export(self, project: Project, module: Module, name: str) -> Value | None:
        """Return the value of a name that a file exports."""
        first, *rest = name.split(".") if name else [""]
        exported = module.exports.get(first)
        value = module.env.get(exported.path) if exported is not None else None
        if value is None:
            whole = module.env.get("exports") or CLEAN
            if first in {"", "default"} and (first == "" or not module.exports):
                value = whole if first == "" or whole.ref or whole.items or whole.fields else None
            else:
                held = (whole.items or {}).get(first) or (whole.fields or {}).get(first)
                value = held or member(whole, [first])
        if value is None:
            for star in module.machine.stars:
                found = project.value(module.path, f"{star}.{name}")
                if found is not None:
                    return found
            return None
        if value.ref is None and value.path and not (value.fields or value.items):
            return module.machine.imported_value(".".join([value.path, *rest]))
        for part in rest:
            held = (value.items or {}).get(part) or member(value, [part])
            if held is None:
                return None
            value = held
        return value

    def callers(self, file: SourceFile) -> Sequence[str]:
        """Return texts, one of which is in each line that imports a file."""
        stem = posixpath.splitext(posixpath.basename(file.path))[0]
        if stem == "index":
            stem = posixpath.basename(posixpath.dirname(file.path))
        if not stem:
            return ()
        return tuple(f"/{stem}{end}" for end in ("'", '"', ".js'", '.js"', ".ts'", '.ts"'))

    def hit(self, found: Found) -> Hit:
        """Return the hit for a flow, without its locations."""
        return hit_of(found)
