"""Parses `.reviewloop/architecture.toml`: layers, slices, locations of kinds, style keys."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any, NoReturn

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.globs import PatternError, fits, require_sound
from reviewloop.regex import regex
from reviewloop.settings.loading import toml_problem

ARCHITECTURE_FILE = ".reviewloop/architecture.toml"
CASES = ("kebab-case", "snake_case", "camelCase", "PascalCase")
# Languages with a style of their own; TypeScript is JavaScript.
LANGUAGES = ("python", "javascript", "go")
TAB = "tab"

_TOP = ("layers", "layer", "slices", "kinds", "style", "diagram", "decisions")
_LAYER = ("paths", "may_import", "forbidden")
_SLICES = ("name", "paths", "may_import")
_KIND = ("name", "files", "folders")
_STYLE = ("file_case", "variable_case", "indent")
_NAME = regex(r"[A-Za-z0-9_-]+")
_LARGEST_INDENT = 8


@dataclass(frozen=True)
class Layer:
    """A group of files, and the other layers that they may import."""

    name: str
    paths: tuple[str, ...]
    may_import: tuple[str, ...]  # names, in the order of the file
    forbidden: tuple[str, ...] = ()  # third-party packages
    by_order: bool = True  # it may import all layers below it


@dataclass(frozen=True)
class Slices:
    """Folders side by side, one slice each, that do not import each other."""

    name: str
    paths: tuple[str, ...]  # each folder that a pattern matches is one slice
    may_import: tuple[str, ...] = ()  # names of slices that all others may import


@dataclass(frozen=True)
class Kind:
    """A kind of file, by its name, and its allowed folders."""

    name: str
    files: tuple[str, ...]
    folders: tuple[str, ...]


@dataclass(frozen=True)
class Style:
    """Names of files and variables, and indentation; empty or 0 is not checked."""

    file_case: str = ""
    variable_case: str = ""
    indent: int | str = 0


@dataclass(frozen=True)
class Architecture:
    """The structure rules of a repository; paths are relative to the folder of the project."""

    layers: tuple[Layer, ...] = ()  # top first
    levels: tuple[tuple[str, ...], ...] = ()  # names of `layers`, those side by side in one group
    slices: tuple[Slices, ...] = ()
    kinds: tuple[Kind, ...] = ()
    styles: Mapping[str, Style] = field(default_factory=dict)  # by language, "" for all
    required: tuple[str, ...] = ()  # required layers
    diagram: str = ""  # the document with the diagram
    decisions: tuple[str, ...] = ()  # in words; no check covers them

    @cached_property
    def by_name(self) -> dict[str, Layer]:
        """The layers by their names."""
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def _known(self) -> dict[str, str]:
        return {}

    def layer_of(self, path: str) -> str:
        """Return the layer of a file, "" for none; of several the one with the longest pattern."""
        if path not in self._known:
            fitting = [
                (len(pattern), layer.name)
                for layer in self.layers
                for pattern in layer.paths
                if fits(pattern, case=True, rooted=True, folders="all")(path)
            ]
            longest = max((length for length, _ in fitting), default=0)
            self._known[path] = next((name for size, name in fitting if size == longest), "")
        return self._known[path]

    def slice_of(self, path: str) -> tuple[Slices, str] | None:
        """Return the slices and the folder of a file's own slice, None if it is in none."""
        for slices in self.slices:
            for pattern in slices.paths:
                depth = pattern.strip("/").count("/") + 1
                parts = path.split("/")
                folder = "/".join(parts[:depth])
                if len(parts) > depth and fits(pattern, case=True, rooted=True)(folder):
                    return slices, folder
        return None

    def style_of(self, language: str) -> Style:
        """Return the style of a language; its own keys come before those of all."""
        every = self.styles.get("", Style())
        own = self.styles.get(language, Style())
        return Style(
            own.file_case or every.file_case,
            own.variable_case or every.variable_case,
            own.indent or every.indent,
        )


def parse_architecture(data: bytes, name: str = ARCHITECTURE_FILE) -> Architecture:
    """Parse the file; raise `UsageError` with file, line and what to do."""
    try:
        text = data.decode("utf-8-sig")
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{name}:{line}: not UTF-8; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(toml_problem(name, data, str(error))) from None
    return _Reader(name, text).read(table)


@dataclass
class _Reader:
    """Turns the tables of the file into values; every error names file and line."""

    file: str
    text: str

    def read(self, table: Mapping[str, Any]) -> Architecture:
        self._known(table, _TOP, "")
        levels = tuple(self._levels(table.get("layers", [])))
        ordered = [name for level in levels for name in level]
        tables = self._table(table.get("layer", {}), "layer")
        for name in ordered:
            if name not in tables:
                self.refuse("layers", f"the layer {name} has no [layer.{name}] with its paths")
        for name in tables:
            if ordered and name not in ordered:
                self.refuse(f"[layer.{name}]", f"add {name} to `layers`, which gives the order")
        layers = tuple(
            self._layer(name, tables[name], levels, list(tables)) for name in ordered or tables
        )
        self._require_no_circle(layers)
        if not levels:
            levels = tuple((name,) for name in _top_first(layers))
            layers = tuple({one.name: one for one in layers}[level[0]] for level in levels)
        style = self._table(table.get("style", {}), "style")
        required = self._texts(style.get("required_layers", []), "required_layers")
        for name in required:
            self._require_known(name, list(tables), "required_layers")
        return Architecture(
            layers,
            levels,
            tuple(self._slices(one) for one in self._tables(table.get("slices", []), "slices")),
            tuple(self._kind(one) for one in self._tables(table.get("kinds", []), "kinds")),
            dict(self._styles(style)),
            required,
            self._text(table.get("diagram", ""), "diagram"),
            self._texts(table.get("decisions", []), "decisions"),
        )

    def refuse(self, near: str, problem: str) -> NoReturn:
        """Raise the error for the line that holds `near`, else for the first one."""
        lines = self.text.split("\n")
        code = (line.partition("#")[0] if near[:1] != "#" else line for line in lines)
        line = next((n for n, one in enumerate(code, 1) if near in one), 1)
        raise UsageError(f"{self.file}:{line}: {problem}")

    def _levels(self, given: Any) -> Iterator[tuple[str, ...]]:
        seen: set[str] = set()
        for entry in self._texts(given, "layers"):
            names = tuple(name.strip() for name in entry.split("|"))
            for name in names:
                if not _NAME.fullmatch(name):
                    self.refuse(entry, f"{name!r} is no name of a layer; use letters, digits, - _")
                if name in seen:
                    self.refuse(entry, f"the layer {name} is there twice")
                seen.add(name)
            yield names

    def _layer(
        self, name: str, given: Any, levels: Sequence[Sequence[str]], known: Sequence[str]
    ) -> Layer:
        where = f"[layer.{name}]"
        table = self._table(given, where)
        self._known(table, _LAYER, where)
        paths = self._patterns(table.get("paths", []), where)
        if not paths:
            self.refuse(where, f'say where the layer {name} is: paths = ["src/{name}"]')
        forbidden = self._texts(table.get("forbidden", []), "forbidden")
        if "may_import" in table:
            allowed = self._texts(table["may_import"], "may_import")
            for other in allowed:
                self._require_known(other, known, where)
            return Layer(name, paths, allowed, forbidden, by_order=False)
        if not levels:
            self.refuse(where, f"say what {name} may import, or give the order of all by `layers`")
        at = next(number for number, level in enumerate(levels) if name in level)
        below = tuple(other for level in levels[at + 1 :] for other in level)
        return Layer(name, paths, below, forbidden)

    def _require_no_circle(self, layers: Sequence[Layer]) -> None:
        circle = _circle(layers)
        if not circle:
            return
        known = {layer.name: layer for layer in layers}
        # The line to change must exist: an edge that follows from the order has none.
        name = next(one for one in circle if not known[one].by_order)
        way = " -> ".join(circle)
        self.refuse(f"[layer.{name}]", f"the layers import each other in a circle: {way}")

    def _slices(self, table: Mapping[str, Any]) -> Slices:
        self._known(table, _SLICES, "[[slices]]")
        name = self._text(table.get("name", ""), "[[slices]]")
        paths = self._patterns(table.get("paths", []), "[[slices]]")
        if not name or not paths:
            self.refuse(
                "[[slices]]", 'slices have a name and paths, ["src/features/*"] for example'
            )
        return Slices(name, paths, self._texts(table.get("may_import", []), "[[slices]]"))

    def _kind(self, table: Mapping[str, Any]) -> Kind:
        self._known(table, _KIND, "[[kinds]]")
        name = self._text(table.get("name", ""), "[[kinds]]")
        files = self._patterns(table.get("files", []), "[[kinds]]")
        folders = self._patterns(table.get("folders", []), "[[kinds]]")
        if not (name and files and folders):
            self.refuse("[[kinds]]", "a kind has a name, files and the folders where they live")
        return Kind(name, files, folders)

    def _styles(self, table: Mapping[str, Any]) -> Iterator[tuple[str, Style]]:
        self._known(table, (*_STYLE, "required_layers", *LANGUAGES), "[style]")
        yield "", self._style(table, "[style]")
        for language in LANGUAGES:
            if language in table:
                where = f"[style.{language}]"
                own = self._table(table[language], where)
                self._known(own, _STYLE, where)
                yield language, self._style(own, where)

    def _style(self, table: Mapping[str, Any], where: str) -> Style:
        for key in ("file_case", "variable_case"):
            case = table.get(key, CASES[0])
            if case not in CASES:
                self.refuse(key, f"{key} is {case!r}; it is one of {', '.join(CASES)}")
        indent = table.get("indent", TAB)
        sound = isinstance(indent, int) and 0 < indent <= _LARGEST_INDENT and indent is not True
        if indent != TAB and not sound:
            self.refuse("indent", f'indent is {indent!r}; it is a number of spaces or "{TAB}"')
        return Style(
            table.get("file_case", ""), table.get("variable_case", ""), table.get("indent", 0)
        )

    def _known(self, table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
        for key in table:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(keys)}"
                self.refuse(key, f"{where or 'this file'} has no key {key}; {hint}")

    def _require_known(self, name: str, known: Sequence[str], near: str) -> None:
        if name not in known:
            similar = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {similar[0]}?" if similar else f"there are: {', '.join(known)}"
            self.refuse(f'"{name}"', f"{near}: there is no layer {name}; {hint}")

    def _table(self, value: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self.refuse(where.strip("[]").rpartition(".")[2], f"{where} is a table")
        return value

    def _tables(self, value: Any, where: str) -> list[Mapping[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.refuse(where, f"write {where} as [[{where}]]")
        return value

    def _texts(self, value: Any, near: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.refuse(near, f"{near.strip('[]')} is a list of texts")
        return tuple(value)

    def _patterns(self, value: Any, near: str) -> tuple[str, ...]:
        patterns = self._texts(value, near)
        for pattern in patterns:
            try:
                require_sound(pattern)
            except PatternError as error:
                self.refuse(f'"{pattern}"', f"the pattern {pattern!r} {error}")
        return patterns

    def _text(self, value: Any, near: str) -> str:
        if not isinstance(value, str):
            self.refuse(near, f"{near.strip('[]')} is a text")
        return value


def _circle(layers: Sequence[Layer]) -> list[str]:
    """Return the names on a cycle of layers, the first one twice; [] without one."""
    below = {layer.name: layer.may_import for layer in layers}
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for other in below[name]:
            if found := walk(other, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for layer in layers if (found := walk(layer.name, []))), [])


def _top_first(layers: Sequence[Layer]) -> list[str]:
    """Return the names so that each layer comes before all that it may import."""
    below = {layer.name: layer.may_import for layer in layers}
    order: list[str] = []

    def visit(name: str) -> None:
        if name not in order:
            for other in below[name]:
                visit(other)
            order.append(name)

    for layer in reversed(layers):
        visit(layer.name)
    return order[::-1]


def in_words(architecture: Architecture) -> str:
    """Return the rules as text for agents, in a few lines."""
    lines: list[str] = []
    if architecture.layers:
        lines.append("Layers, top first; a layer imports only what is named behind it:")
        for layer in architecture.layers:
            allowed = ", ".join(layer.may_import) or "no other layer"
            lines.append(f"- {layer.name} ({', '.join(layer.paths)}): may import {allowed}")
            if layer.forbidden:
                lines.append(f"  and never the packages {', '.join(layer.forbidden)}")
    for slices in architecture.slices:
        allowed = f", all may import {', '.join(slices.may_import)}" if slices.may_import else ""
        lines.append(
            f"- each folder {', '.join(slices.paths)} is a slice of its own ({slices.name}): "
            f"slices do not import each other{allowed}"
        )
    for kind in architecture.kinds:
        files, folders = ", ".join(kind.files), ", ".join(kind.folders)
        lines.append(f"- {kind.name}: files {files} live in {folders}")
    for name in architecture.required:
        lines.append(f"- the layer {name} is required: do not leave it out")
    for language, style in architecture.styles.items():
        words = [
            f"files are named in {style.file_case}" if style.file_case else "",
            f"variables in {style.variable_case}" if style.variable_case else "",
            f"lines are indented by {_indent_in_words(style.indent)}" if style.indent else "",
        ]
        if any(words):
            lines.append(f"- {language or 'all code'}: {', '.join(filter(None, words))}")
    lines += [f"- decided: {decision}" for decision in architecture.decisions]
    return "\n".join(lines)


def _indent_in_words(indent: int | str) -> str:
    return "tabs" if indent == TAB else f"{indent} spaces"
