"""Parses the promises of an API contract: GraphQL, OpenAPI, and others line by line.

Descriptions, comments, the order and deprecation notes do not count.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from reviewloop.guards.change_types.changed import ChangedFile, Evidence
from reviewloop.regex import regex

FILES = regex(
    r"\.(?:proto|graphqls?|thrift|avsc)$|(?:^|/)(?:openapi|swagger)[\w.-]*\.(?:ya?ml|json)$"
)


class Promise(NamedTuple):
    """One part of a contract."""

    shape: str  # its type, or its value
    line: int  # 0 if unknown


Promises = Mapping[str, Promise]  # by name


def broken(file: ChangedFile) -> Iterator[Evidence]:
    """Yield the first part of a contract that the change removes or alters."""
    before, after = promises(file.path, file.before), promises(file.path, file.after)
    if before is None or after is None:
        yield from _lines(file)
        return
    for name, promise in before.items():
        if (now := after.get(name)) is None:
            yield Evidence(file.path, promise.line or _line(file, name), f"{name[:60]} is gone")
            return
        if now.shape != promise.shape:
            line = now.line or _line(file, name)
            yield Evidence(file.path, line, f"{name[:60]} has another shape")
            return


def promises(path: str, text: str) -> Promises | None:
    """Return the promises of a contract; None if it cannot be parsed so."""
    try:
        if path.endswith((".graphql", ".graphqls")):
            return _GraphQL(text).promises
        return _openapi(path, text) if path.endswith((".json", ".yaml", ".yml")) else None
    except (IndexError, ValueError, RecursionError):  # truncated, no document, or too deeply nested
        return None


_TOKEN = regex(
    r'(?P<text>"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n]|\\.)*")|#[^\n]*'
    r"|(?P<token>[A-Za-z_]\w*|[@{}()\[\]:!|&=$]|-?\d[\w.+-]*)",
    re.DOTALL,
)
_OPEN, _CLOSE = "([{", ")]}"


class _GraphQL:
    """Parses a schema in GraphQL's language."""

    def __init__(self, text: str) -> None:
        self.promises: dict[str, Promise] = {}
        self._tokens: list[tuple[str, int]] = []
        self._at = line = 0
        end = 0
        for found in _TOKEN.finditer(text):
            line += text.count("\n", end, found.start())
            end = found.start()
            if found["text"] or found["token"]:
                self._tokens.append(('"' if found["text"] else found["token"], line + 1))
        while self._at < len(self._tokens):
            self._definition()

    @property
    def _next(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _take(self) -> tuple[str, int]:
        self._at += 1
        return self._tokens[self._at - 1]

    def _keep(self, name: str, line: int, shape: str = "") -> None:
        self.promises[name] = Promise(shape, line)

    def _definition(self) -> None:
        kind, _ = self._take()
        if kind == "directive":
            self._take()
            name, line = self._take()
            self._keep(f"@{name}", line)
            if self._next == "(":
                self._balanced()
        elif kind in {"type", "interface", "input", "enum", "union", "scalar"}:
            name, line = self._take()
            self._keep(name, line, kind)
            self._head(name)
            if self._next == "{":
                self._take()
                self._body(name, "}", is_enum=kind == "enum")
        elif kind == "{":  # of `schema`
            self._body("schema", "}", is_enum=False)

    def _head(self, name: str) -> None:
        """Parse the interfaces of a type, or the members of a union."""
        signs = {"implements", "=", "&", "|"}
        while self._next in signs or self._next == "@":
            if self._next == "@":
                self._directive()
                continue
            self._take()
            if self._next not in signs:
                other, line = self._take()
                self._keep(f"{name} {other}", line)

    def _body(self, owner: str, end: str, *, is_enum: bool) -> None:
        while self._next != end:
            name, line = self._take()
            if name == '"':
                continue
            whole = f"{owner}({name})" if end == ")" else f"{owner}.{name}"
            if self._next == "(":
                self._take()
                self._body(whole, ")", is_enum=False)
            shape = "" if is_enum else self._type()
            self._keep(whole, line, shape)
            self._options()
        self._take()

    def _type(self) -> str:
        if self._next != ":":
            return ""
        self._take()
        shape = ""
        while self._next in {"[", "]", "!"} or not shape.strip("["):
            shape += self._take()[0]
        return shape

    def _options(self) -> None:
        """Skip default values and directives."""
        while self._next in {"=", "@"}:
            if self._next == "@":
                self._directive()
                continue
            self._take()
            if self._next in _OPEN:
                self._balanced()
            else:
                self._take()

    def _directive(self) -> None:
        self._take()
        self._take()
        if self._next == "(":
            self._balanced()

    def _balanced(self) -> None:
        depth = 0
        while True:
            token, _ = self._take()
            depth += (token in _OPEN) - (token in _CLOSE)
            if not depth:
                return


_WORDS = frozenset(
    ("description", "summary", "title", "example", "examples", "externalDocs", "tags", "deprecated")
)
_AROUND = frozenset(("info", "servers", "openapi", "swagger"))  # of the document itself
_MOST_YAML = 400_000  # bytes: parsing more takes seconds
_MOST_PROMISES = 200_000
_ALIAS = regex(r"(?m)(?:[:\-]\s+|^\s*)[&*][\w-]")


def _openapi(path: str, text: str) -> Promises | None:
    if not path.endswith(".json") and (len(text) > _MOST_YAML or _ALIAS.search(text)):
        return None
    document = json.loads(text) if path.endswith(".json") else _yaml(text)
    if not isinstance(document, dict):
        return None
    found: dict[str, Promise] = {}
    for key, value in document.items():
        if key not in _AROUND:
            _flat(str(key), value, found, is_named=False)
    return found if len(found) < _MOST_PROMISES else None


def _yaml(text: str) -> Any:
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are safe ones
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _flat(name: str, value: Any, found: dict[str, Promise], *, is_named: bool) -> None:
    """Add each leaf below a name; `is_named`: the keys are names in the contract."""
    if isinstance(value, dict):
        for key, inner in value.items():
            word = str(key)
            if is_named or not (word in _WORDS or word.startswith("x-")):
                names = word == "properties" and not is_named
                _flat(f"{name}.{word}", inner, found, is_named=names)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            if isinstance(inner, dict):
                own = inner.get("name") or inner.get("$ref") or number
                _flat(f"{name}.{own}", inner, found, is_named=False)
            else:
                found[f"{name}.{inner}"] = Promise("", 0)
    else:
        found[name] = Promise(str(value), 0)


_NOTES = regex(r"\[[^\]]*\]|//.*|/\*.*?\*/")


def _lines(file: ChangedFile) -> Iterator[Evidence]:
    kept = {_plain_text(text) for text in file.added.values()}
    for number, text in file.removed.items():
        if (plain := _plain_text(text)).strip("{}") and plain not in kept:
            yield Evidence(file.path, number, text.strip()[:60])
            return


def _plain_text(line: str) -> str:
    """Return a line without comments, options and its position."""
    text = "" if line.lstrip().startswith(("#", "//", "*", "/*", '"""')) else line
    return " ".join(_NOTES.sub("", text).replace(";", " ").split())


def _line(file: ChangedFile, name: str) -> int:
    word = name.rpartition(".")[2]
    lines = [*file.removed.items(), *file.added.items()]
    return next((number for number, text in lines if word in text), lines[0][0] if lines else 1)
