"""The Python front end: reads files, resolves their imports, and words the findings."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from reviewloop.analysis.contract import MUST, SHOULD, Hit, Rule, SourceFile
from reviewloop.regex import regex
from reviewloop.rules.catalogue import rules_of
from reviewloop.rules.taint.project import Module, Project, member, normal, sentence_of
from reviewloop.rules.taint.sources import ANY_SOURCE, NO_VIEWS, routed_functions
from reviewloop.rules.taint.values import Env, Found, Frame, LineIndex, Machine, Value

_RULES: dict[str, Rule] = {rule.id.partition("/")[2]: rule for rule in rules_of("taint")}
_OLDER_XXE = "{source} is parsed by {sink}, which loads external entities before lxml 5"


def _hit(found: Found) -> Hit:
    rule = _RULES[found.rule]
    if found.rule == "xxe" and not found.sure:
        rule = replace(rule, message=_OLDER_XXE)
    severity = rule.severity if found.sure or rule.severity is not MUST else SHOULD
    confidence: Literal["high", "medium"] = "high" if found.sure else "medium"
    return Hit(rule.id, found.path, None, sentence_of(rule, found), severity, confidence)


_HARM = regex(
    r"execute|\bsystem\b|popen|subprocess|\beval\(|\bexec\(|\bopen\(|Path\(|pickle|yaml|Template|"
    r"render_template_string|redirect|urlopen|requests|httpx|mark_safe|Markup|Response|\.raw\(|"
    r"text\(|fetch|unlink|remove|rmtree|send_file|find_one|\.find\(|search|xpath|return\b"
)


_ENDS = regex(
    r"\.execute|\bsystem\(|popen|subprocess|\beval\(|\bexec\(|\bopen\(|read_text|pickle|yaml\.|Template\("
    r"|render_template_string|redirect|urlopen|requests\.|httpx|mark_safe|Markup|HttpResponse|\.raw\("
    r"|text\(|fetch|unlink|os\.remove|rmtree|send_file|find_one|search_s|xpath|create_subprocess"
    r"|\brequest\b|import \*|(?i:\bselect\b.{1,200}\bfrom\b)|</?\w+>"
)


class Python:
    """The front end of Python."""

    def has_source(self, file: SourceFile) -> bool:
        """Whether outside data can enter in a file."""
        return file.path.endswith(".py") and ANY_SOURCE.search(file.text) is not None

    def may_be_called(self, file: SourceFile) -> bool:
        """Whether a file has a sink that callers' arguments can reach."""
        return "def " in file.text and _HARM.search(file.text) is not None

    def ends_flows(self, text: str) -> bool:
        """Whether a file at the limit of following can be either end of a flow."""
        return _ENDS.search(text) is not None

    def load(self, project: Project, path: str, text: str, level: int) -> Module:
        """Read a file and run its top level."""
        from reviewloop.rules.taint.expressions import evaluate
        from reviewloop.rules.taint.python_reader import read_module
        from reviewloop.rules.taint.statements import execute, note_import
        from reviewloop.rules.taint.syntax import Import

        source = text.encode("utf-8", "surrogatepass")
        body = read_module(source)
        machine = Machine(source, evaluate, execute, path, project)
        machine.found, machine.depth = project.found, project.depth
        machine.repeated = project.repeated
        machine.backstage = bool(NO_VIEWS.search(path))
        machine.routed = routed_functions(text)
        for statement in body:
            if isinstance(statement, Import):
                for bound, dotted in statement.names:
                    note_import(machine, bound, dotted)
        module = Module(path, machine, Env(), level, LineIndex(source))
        project.modules[path] = module
        machine.execute(Frame(machine, module.env), body)
        return module

    def run(self, module: Module) -> None:
        """Analyse every function of a file."""
        from reviewloop.rules.taint.functions import run_waiting

        run_waiting(module.machine)

    def find(self, module: Module, dotted: str, paths: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Yield files that may define an imported name, each with the rest of the name."""
        own = posixpath.dirname(module.path)
        name = dotted.lstrip(".")
        up = len(dotted) - len(name)
        parts = [part for part in name.split(".") if part]
        if up:
            roots = [normal(posixpath.join(own, *[".."] * (up - 1)))]
        else:
            folders = own.split("/") if own else []
            roots = ["", "src", *("/".join(folders[:n]) for n in range(len(folders), 0, -1))]
        for root in dict.fromkeys(roots):
            for count in range(len(parts), -1 if up else 0, -1):
                base = posixpath.join(root, *parts[:count])
                for file in (f"{base}.py", posixpath.join(base, "__init__.py")):
                    if file in paths and file != module.path:
                        yield file, ".".join(parts[count:])

    def export(self, project: Project, module: Module, name: str) -> Value | None:
        """Return the value of a name that a file exports."""
        if not name:
            return None
        first, *rest = name.split(".")
        value = module.env.get(first)
        if value is None:
            for star in module.machine.stars:
                found = project.value(module.path, f"{star.rstrip('.')}.{name}", name)
                if found is not None:
                    return found
            return None
        if value.ref is None and value.path and not value.taints:
            dotted = ".".join([value.path, *rest])
            return module.machine.imported_value(dotted)
        return member(value, rest)

    def callers(self, file: SourceFile) -> Sequence[str]:
        """Return texts, one of which is in each line that imports a file."""
        stem = posixpath.basename(file.path).removesuffix(".py")
        if stem == "__init__":
            stem = posixpath.basename(posixpath.dirname(file.path))
        if not stem:
            return ()
        return f"import {stem}", f"{stem} import", f".{stem}", f", {stem}"

    def hit(self, found: Found) -> Hit:
        """Return the hit for a flow, without its locations."""
        return _hit(found)
