"""The Go front end: requests, packages, and Go's calls."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reviewloop.analysis.contract import Hit, SourceFile
from reviewloop.regex import regex
from reviewloop.rules.taint.access import bind
from reviewloop.rules.taint.project import Module, Project
from reviewloop.rules.taint.syntax import Attr, Class, Param
from reviewloop.rules.taint.table_dialect import TableDialect, hit_of
from reviewloop.rules.taint.values import (
    OBJECTS,
    PLAIN,
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

_SOURCE = regex(
    r"http\.Request|gin\.Context|echo\.Context|fiber\.Ctx|chi\.URLParam|mux\.Vars|FormValue\("
)
_HARM = regex(
    r"Query|Exec|Raw|exec\.Command|os\.|ioutil|http\.|template\.|Fprint|Write|Redirect|return"
)
# Request parts that a web page cannot make another user's browser send.
_OF_THE_BROWSER = {
    "Path": frozenset({"open-redirect"}),
    "Host": frozenset({"open-redirect", "xss"}),
}
_DATA = frozenset(
    {"Form", "PostForm", "Header", "Body", "Host", "RequestURI", "MultipartForm", "URL"}
)
_CALLED = frozenset({"FormValue", "PostFormValue", "PathValue", "Cookie", "UserAgent", "Referer"})
_GIN = frozenset(
    [
        *("Param", "Query", "PostForm", "DefaultQuery", "QueryParam", "FormValue", "Params"),
        *("GetHeader", "GetQuery", "DefaultPostForm", "QueryParams", "GetRawData", "Body"),
        "Cookie",
    ]
)
_CONTEXT = regex(r"^\*?(?:gin\.Context|echo\.Context|fiber\.Ctx)$")
_HARMLESS = regex(
    r"^(?:\[\])?\*?(?:u?int\d*|float\d+|bool|time\.\w+|uuid\.UUID|error|context\.Context|byte|rune)$"
)
_TEXT = regex(r"\b(?:string|any|interface\{\}|byte|\[\]string)\b|^map\[")
_FILLS = frozenset(
    [
        *("Decode", "Unmarshal", "Bind", "ShouldBindJSON", "BindJSON", "ShouldBind", "BodyParser"),
        *("ShouldBindQuery", "BindQuery", "QueryParser"),
    ]
)
_VERB = regex(r"%[-+# 0]*\d*(?:\.\d+)?(?:\[\d+\])?([a-zA-Z%])")
_URL = "@request.URL"


@dataclass
class Package:
    """The shared definitions of the files in one folder."""

    env: Env = field(default_factory=Env)
    types: dict[str, ClassInfo] = field(default_factory=dict)
    complete: bool = False


class GoDialect(TableDialect):
    """Evaluates Go's values, calls and parameters."""

    language = "go"

    def path_of(self, path: str) -> str:
        """Return the path of a callee as in the table."""
        return path.replace("\x02", ".")

    def name(self, frame: Frame, name: str) -> Value | None:
        """Return the value of a name that the file does not define."""
        if name == "%re":
            return named("re")
        if name.startswith("%type:"):
            return self.typed(frame.machine, name[6:])
        project = frame.machine.project
        if isinstance(project, Project):
            return package_value(project, frame.machine.path, name)
        return None

    def typed(self, machine: Machine, text: str) -> Value:
        """Return a value of a type."""
        word = text.lstrip("*& ").partition("[")[0].partition("{")[0]
        value = Value(path=word)
        cls = self.class_of(machine, word)
        if cls is not None:
            value.ref, value.instance = cls, True
        return value

    def class_of(self, machine: Machine, word: str) -> ClassInfo | None:
        """Return a type of the project by its name in a file."""
        project = machine.project
        if not isinstance(project, Project) or not re.fullmatch(r"[\w.]+", word):
            return None
        head, _, tail = word.rpartition(".")
        if not head:
            found = package_value(project, machine.path, tail)
        else:
            module = project.modules.get(machine.path)
            known = module.env.get(head) if module is not None else None
            found = machine.imported_value(f"{known.path}.{tail}") if known is not None else None
        return found.ref if found is not None and isinstance(found.ref, ClassInfo) else None

    def attribute(self, frame: Frame, expr: Attr, owner: Value) -> Value:
        """Return `owner.name`."""
        name = expr.name
        path = f"{owner.path}.{'host' if name == 'Host' else name}"[-160:]
        if owner.path == "@gin":
            return Value(path="@request" if name == "Request" else path, bound=owner)
        if owner.path == "@request":
            if name == "URL":
                found = self.request_data(frame, expr, _URL, RANDOM | OBJECTS | {"open-redirect"})
                found.bound = owner
                return found
            if name in _DATA:
                return self._request_field(frame, expr, path, owner)
            return Value(path=path, bound=owner)
        if owner.path == _URL:
            cleared = RANDOM | OBJECTS | _OF_THE_BROWSER.get(name, frozenset())
            found = self.request_data(frame, expr, path, cleared)
            found.bound = owner
            if name in {"Path", "RawPath"}:
                found.shape = "/\x01\x00"  # no other host can be named there
            return found
        known = self.field(frame, owner, name) or self._field(frame, owner, name)
        if known is not None:
            return known
        if not owner.taints:
            return Value(path=path, bound=owner)
        part = self.part(owner, name)
        return part if part is not None else Value(changed(owner.taints), path=path, bound=owner)

    def _request_field(self, frame: Frame, expr: Attr, path: str, owner: Value) -> Value:
        cleared = RANDOM | OBJECTS | _OF_THE_BROWSER.get(expr.name, frozenset())
        found = self.request_data(frame, expr, path, cleared)
        found.bound = owner
        return found

    def _field(self, frame: Frame, owner: Value, name: str) -> Value | None:
        """Return a field by its type, a method of an interface by the only type that has it."""
        cls = owner.ref
        if not isinstance(cls, ClassInfo) or not owner.instance or cls.machine is None:
            return None
        path = f"{owner.path}.{name}"[-160:]
        kind = cls.attributes.get(name)
        if kind is not None:
            if _HARMLESS.match(kind):
                return Value(path=path, bound=owner)
            value = self.typed(cls.machine, kind)
            if value.ref is None and (owner.taints and _TEXT.search(kind)):
                return None
            whole = () if any(taint.bare for taint in owner.taints) else changed(owner.taints)
            value.path, value.taints, value.bound = path, whole, owner
            return value
        project = cls.machine.project
        if cls.methods or not isinstance(project, Project):
            return None
        complete(project, cls.machine.path)
        package = package_of(project, cls.machine.path)
        having = [one for one in package.types.values() if name in one.methods]
        if len(having) != 1:
            return None
        return Value(path=path, ref=having[0].methods[name], bound=owner)

    def source(self, frame: Frame, site: Site) -> Value | None:
        """Return the data that a call reads from a request."""
        callee = site.expr.callee
        if not isinstance(callee, Attr):
            return None
        shown = Attr(site.expr.start, site.expr.end, callee.owner, callee.name)
        path = f"{site.path}()"
        given = site.receiver.path
        if (given == "@request" and site.name in _CALLED) or (
            given == "@gin" and site.name in _GIN
        ):
            return self.request_data(frame, shown, path, RANDOM | OBJECTS)
        if given == _URL and site.name == "Query":
            return self.request_data(frame, shown, path, RANDOM | OBJECTS)
        if site.name in {"Vars", "URLParam"} and any(arg.path == "@request" for arg in site.args):
            return self.request_data(frame, shown, path, RANDOM | OBJECTS)
        if given.startswith("@request") and site.name == "Get" and site.receiver.taints:
            return self.request_data(frame, shown, path, RANDOM | OBJECTS)
        return None

    def result_of(self, frame: Frame, site: Site, path: str) -> Value | None:
        """Return the result of calls that join texts, fill variables or write to buffers."""
        if path in {"fmt.Sprintf", "fmt.Sprint", "fmt.Sprintln"} and site.args:
            return _formatted(site) if path == "fmt.Sprintf" else concat(site.args)
        if path in {"path/filepath.Join", "path.Join"}:
            parts = [piece for arg in site.args for piece in (constant("/"), arg)][1:]
            joined = concat(parts)
            taints = join_taints(joined.taints, site.starred)
            return Value(taints, path="realpath()", shape=text_of(joined))
        if path in {"path/filepath.Clean", "path/filepath.Abs", "path.Clean"} and site.args:
            first = site.args[0]
            return Value(changed(first.taints), path="realpath()", shape=text_of(first))
        if path in {"string", "[]byte", "strings.TrimSpace"} and site.args:
            return site.args[0]
        if path in {"strings.ReplaceAll", "strings.Replace"} and len(site.args) > 2:
            replaced = site.args[1].const
            cleared = frozenset({"sql-injection"}) if replaced == "'" else frozenset[str]()
            return Value(changed(site.args[0].taints, cleared))
        if path == "strings.Join" and site.args:
            return Value(changed(site.args[0].taints))
        if site.name in _FILLS and site.expr.arguments:
            self._fill(frame, site)
            return Value(path=f"{site.path}()"[-160:])
        return self._buffer(frame, site, path)

    def _fill(self, frame: Frame, site: Site) -> None:
        """`json.NewDecoder(r.Body).Decode(&order)` and `c.ShouldBindJSON(&order)`."""
        taints = site.receiver.taints
        target = site.expr.arguments[-1].value
        if site.receiver.path in {"@gin", "@request"} and isinstance(site.expr.callee, Attr):
            shown = Attr(site.expr.start, site.expr.end, site.expr.callee.owner, site.name)
            taints = self.request_data(frame, shown, "", RANDOM).taints
        elif len(site.args) > 1:
            taints = join_taints(taints, site.args[0].taints)
        if taints:
            filled = duplicate(frame.value(target))
            filled.taints = changed(taints)
            bind(frame, target, filled)

    def _buffer(self, frame: Frame, site: Site, path: str) -> Value | None:
        builder = ("strings.Builder", "bytes.Buffer")
        if site.receiver.path in builder and isinstance(site.expr.callee, Attr):
            if site.name == "String":
                return Value(changed(site.receiver.taints), shape=site.receiver.shape)
            if site.name in {"WriteString", "Write", "WriteByte", "WriteRune"} and site.args:
                self._append(frame, site.expr.callee.owner, site.receiver, site.args[0])
                return Value(path="int")
        if path == "fmt.Fprintf" and len(site.args) > 1 and site.args[0].path in builder:
            inner = Site(site.expr, site.callee, path, site.name, site.args[1:], {})
            self._append(frame, site.expr.arguments[0].value, site.args[0], _formatted(inner))
            return Value(path="int")
        return None

    def _append(self, frame: Frame, target: object, buffer: Value, added: Value) -> None:
        from reviewloop.rules.taint.syntax import Expr

        held = Value(buffer.taints, shape=buffer.shape or "")
        text = concat([held, added])
        made = Value(text.taints, path=buffer.path, shape=text_of(text))
        if isinstance(target, Expr):
            bind(frame, target, made)

    def bind(self, frame: Frame, info: FunctionInfo) -> None:
        """Set the parameters of a function to their values."""
        for index, param in enumerate(info.node.params):
            frame.env.vars[param.name] = self._param(frame, info, param, index)

    def _param(self, frame: Frame, info: FunctionInfo, param: Param, index: int) -> Value:
        if info.owner is not None and index == 0 and param.name == "self":
            made = self.parameter(info, param)
            made.ref, made.instance = info.owner, True
            return made
        kind = param.annotation
        if kind.endswith("http.Request"):
            return Value(path="@request")
        if _CONTEXT.match(kind):
            return Value(path="@gin")
        if kind.endswith("http.ResponseWriter"):
            return Value(path="@writer")
        if _HARMLESS.match(kind) and not param.star:
            return Value(path=param.name)
        made = self.parameter(info, param)
        known = self.typed(frame.machine, kind)
        if known.ref is not None:
            made.ref, made.instance = known.ref, True
        elif "." in known.path:
            return Value(path=param.name)  # an object of a library: a transaction, a client
        return made


def _formatted(site: Site) -> Value:
    template = site.args[0]
    text = text_of(template)
    if text is None or template.taints:
        return concat(site.args)
    rest = list(site.args[1:])
    used: list[Value] = []

    def piece(match: re.Match[str]) -> str:
        if match[1] == "%":
            return "%"
        value = rest.pop(0) if rest else Value()
        if match[1] in "dtxXbcfgeUp":
            return PLAIN
        used.append(value)
        return piece_of(value)

    shape = _VERB.sub(piece, text)[:400]
    taints = changed(join_taints(*[value.taints for value in used], site.starred))
    return Value(taints, shape=shape)


def package_of(project: Project, path: str) -> Package:
    """Return the shared definitions of a folder."""
    folder = posixpath.dirname(path)
    found = project.packages.get(folder)
    if not isinstance(found, Package):
        found = project.packages[folder] = Package()
    return found


def package_value(project: Project, path: str, name: str) -> Value | None:
    """Return the value of a package's name, reading all of its files for it."""
    package = package_of(project, path)
    for attempt in range(2):
        found = package.env.vars.get(name)
        if found is not None:
            return found
        cls = package.types.get(name)
        if cls is not None:
            return Value(path=name, ref=cls)
        if attempt == 0:
            complete(project, path)
    return None


def complete(project: Project, path: str) -> None:
    """Read the other files of a package."""
    package = package_of(project, path)
    if package.complete:
        return
    package.complete = True
    folder = posixpath.dirname(path)
    own = project.modules.get(path)
    for other in sorted(project.paths):
        mine = posixpath.dirname(other) == folder and other.endswith(".go")
        if mine and not other.endswith("_test.go"):
            project.module(other, own.level if own is not None else 0)


class Go:
    """The front end of Go."""

    dialect = GoDialect()

    def has_source(self, file: SourceFile) -> bool:
        """Whether outside data can enter in a file."""
        return file.path.endswith(".go") and _SOURCE.search(file.text) is not None

    def may_be_called(self, file: SourceFile) -> bool:
        """Whether a file has a sink that callers' arguments can reach."""
        return file.path.endswith(".go") and _HARM.search(file.text) is not None

    def ends_flows(self, text: str) -> bool:
        """Whether a file at the limit of following can be either end of a flow."""
        return _HARM.search(text) is not None

    def load(self, project: Project, path: str, text: str, level: int) -> Module:
        """Read a file and run its top level."""
        from reviewloop.analysis.parsing import parse
        from reviewloop.rules.taint.expressions import evaluate
        from reviewloop.rules.taint.go_reader import GoReader
        from reviewloop.rules.taint.statements import execute
        from reviewloop.rules.taint.syntax import Import

        reader = GoReader(text)
        body = reader.block(parse(text, "go"))
        source = text.encode("utf-8", "surrogatepass")
        machine = Machine(source, evaluate, execute, path, project, self.dialect)
        machine.found, machine.depth = project.found, project.depth
        machine.repeated = project.repeated
        package = package_of(project, path)
        module = Module(path, machine, Env(package.env), level, LineIndex(source))
        project.modules[path] = module
        for name, read in reader.types.items():
            cls = self._class(package, module, name)
            cls.attributes.update(read.fields)
        for name, made in reader.methods:
            cls = self._class(package, module, name)
            info = FunctionInfo(made, module.env, machine, cls)
            cls.methods[made.name] = info
            machine.waiting.append(info)
        imports = [one for one in body if isinstance(one, Import)]
        for statement in imports:
            machine.imported.update(dotted for _, dotted in statement.names)
        frame = Frame(machine, module.env)
        machine.execute(frame, list(imports))
        before = dict(module.env.vars)
        machine.execute(frame, [one for one in body if not isinstance(one, Import)])
        for name, value in module.env.vars.items():
            if before.get(name) is not value:
                package.env.vars[name] = value
        return module

    def _class(self, package: Package, module: Module, name: str) -> ClassInfo:
        found = package.types.get(name)
        if found is None:
            node = Class(0, 0, name, [], [])
            found = package.types[name] = ClassInfo(node, module.env, machine=module.machine)
        return found

    def run(self, module: Module) -> None:
        """Analyse every function of a file."""
        from reviewloop.rules.taint.functions import run_waiting

        run_waiting(module.machine)

    def find(self, module: Module, dotted: str, paths: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Yield files that may define an imported name, each with the rest of the name."""
        first, _, rest = dotted.partition(".")
        parts = first.replace("\x02", ".").split("/")
        if "." not in parts[0]:
            return  # the standard library
        folders: dict[str, str] = {}
        for path in paths:
            if path.endswith(".go") and not path.endswith("_test.go"):
                folder = posixpath.dirname(path)
                folders[folder] = min(path, folders.get(folder, path))
        for start in range(1, len(parts)):
            file = folders.get("/".join(parts[start:]))
            if file is not None:
                yield file, rest
                return

    def export(self, project: Project, module: Module, name: str) -> Value | None:
        """Return the value of a package's name."""
        first, *rest = name.split(".")
        value = package_value(project, module.path, first)
        for part in rest:
            if value is None:
                return None
            value = self.dialect.field(Frame(module.machine, module.env), value, part)
        return value

    def callers(self, file: SourceFile) -> Sequence[str]:
        """Return texts, one of which is in each line that imports a file's package."""
        folder = posixpath.basename(posixpath.dirname(file.path))
        return (f'/{folder}"',) if folder else ()

    def hit(self, found: Found) -> Hit:
        """Return the hit for a flow, without its locations."""
        return hit_of(found)
