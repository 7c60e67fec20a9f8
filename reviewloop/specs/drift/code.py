"""Reads the names of a tree's code: endpoints, tables, settings, commands, and definitions."""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from posixpath import splitext

from reviewloop.analysis.contract import PathClass
from reviewloop.analysis.languages import path_class
from reviewloop.analysis.outline import LANGUAGES, outline
from reviewloop.architecture.imports import Modules
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex
from reviewloop.specs.drift.commands import read_commands, read_settings
from reviewloop.specs.drift.names import CodeName, CodeNames, Read
from reviewloop.specs.drift.python_routes import read_python_routes
from reviewloop.specs.drift.script_routes import (
    read_go_routes,
    read_script_routes,
    routes_of_others,
)
from reviewloop.specs.drift.tables import read_tables

_LARGEST = 500_000  # most characters of a file to read
_DATA = frozenset((".json", ".yaml", ".yml", ".css", ".html", ".htm", ".tf", ".hcl", ".tfvars"))
_CODE = frozenset(LANGUAGES) - _DATA | {".sql", ".prisma", ".vue", ".svelte"}
_FILES = frozenset(("package.json", "pyproject.toml", "Makefile", "makefile", "GNUmakefile"))
_OF_OTHERS = regex(
    r"(?:^|/)(?:node_modules|bower_components|vendor|third_party|site-packages|dist|build|target"
    r"|\.venv|venv|coverage|__pycache__|\.next|\.[^/]+)/|[.\-]min\.[cm]?js$|\.d\.ts$"
)
_SCRIPTS = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx")
_COMMENT = ("#", "//", "*", "/*", "--", "<!--")


@dataclass(frozen=True)
class Code:
    """The code of one tree: its paths, and the texts of the product's code."""

    paths: frozenset[str]
    texts: Mapping[str, str]
    read: Read

    @classmethod
    def of(cls, paths: Iterable[str], read: Read, *, apart_from: Collection[str] = ()) -> "Code":
        """Read the code of a tree without the files of its specs, `apart_from`."""
        known = frozenset(paths)
        texts = {}
        for path in sorted(known):
            ending = splitext(path)[1].lower()
            named = path.rpartition("/")[2] in _FILES
            if not (named or ending in _CODE) or _OF_OTHERS.search(path) or path in apart_from:
                continue
            if path_class(path) is not PathClass.PRODUCT:
                continue
            text = read(path)
            if text is not None and len(text) <= _LARGEST and "\0" not in text[:1000]:
                texts[path] = text
        return cls(known, texts, read)

    @cached_property
    def names(self) -> CodeNames:
        """All endpoints, tables, settings and commands."""
        modules = Modules.of(self.paths, self.read)
        python = {path: text for path, text in self.texts.items() if path.endswith(".py")}
        scripts = {path: text for path, text in self.texts.items() if path.endswith(_SCRIPTS)}
        go = {path: text for path, text in self.texts.items() if path.endswith(".go")}
        found = CodeNames()
        found.add(read_python_routes(python, modules))
        found.add(read_script_routes(scripts, modules))
        found.add(read_go_routes(go))
        found.unread += routes_of_others(self.texts)
        found.add(read_tables(self.texts))
        found.add(read_settings(self.texts))
        found.add(read_commands(self.texts))
        return found

    def defining(self, names: Collection[str]) -> dict[str, CodeName]:
        """Return those of these names that a file defines: as a class, a function, a type, ..."""
        found: dict[str, CodeName] = {}
        if not names:
            return found
        hint = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")
        for path, text in self.texts.items():
            if hint.search(text):
                for symbol in outline(path, text):
                    last = symbol.name.rpartition(".")[2]
                    if last in names and last not in found:
                        found[last] = CodeName("component", last, path, symbol.line)
                if path.endswith((".vue", ".svelte")):
                    stem = splitext(path.rpartition("/")[2])[0]
                    if stem in names:
                        found.setdefault(stem, CodeName("component", stem, path, 1))
        return found

    def classes(self, paths: Iterable[str]) -> list[CodeName]:
        """Return the top-level classes and similar definitions of these files."""
        return [
            CodeName("component", symbol.name, path, symbol.line)
            for path in paths
            for symbol in outline(path, self.texts[path])
            if symbol.kind in {"class", "struct", "interface", "trait", "object"}
            and "." not in symbol.name
        ]

    def line_with(
        self,
        pattern: str,
        hint: str,
        paths: Collection[str] | None = None,
        apart_from: Collection[str] = (),
    ) -> str:
        """Return the first line of code, without comments, that matches a pattern; "" for none.

        Only files that contain the `hint` are searched; `apart_from` are lines that do not count.
        """
        sought, small = re.compile(pattern), hint.casefold()
        for path, text in self.texts.items():
            if (paths is None or path in paths) and small in text.casefold():
                for number, line in enumerate(text.split("\n"), 1):
                    at = f"{path}:{number}"
                    is_comment = line.lstrip().startswith(_COMMENT)
                    if not is_comment and sought.search(line) and at not in apart_from:
                        return at
        return ""

    def outside(self, name: str) -> str:
        """Return the line that imports a name or creates it from elsewhere, or ""."""
        made = rf"(?<![\w.]){re.escape(name)}\s*(?::[^=\n]+)?=(?!=)"
        imported = rf"^\s*(?:from\s+\S+\s+import|import|const|let|var)\b.*\b{re.escape(name)}\b"
        at = self.line_with(f"{made}|{imported}", name)
        if not at:
            return ""
        path, _, number = at.rpartition(":")
        line = self.texts[path].split("\n")[int(number) - 1]
        module = re.search(r"from\s+['\"]?([^\s'\"]+)|require\(\s*['\"]([^'\"]+)", line)
        if module and not re.search(made, line):
            named = module[1] or module[2]
            modules = Modules.of(self.paths, self.read)
            python = path.endswith(".py")
            if (modules.python if python else modules.script)(named, path):
                return ""  # a file of the project, which does not define it any more
        return at
