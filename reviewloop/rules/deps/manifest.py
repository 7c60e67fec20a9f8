"""The contents of a manifest in any format, and TOML and JSON parsers that keep line numbers."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex


class Located(NamedTuple):
    """A scalar: its keys from the root (without list positions), its text and its line."""

    path: tuple[str, ...]
    value: str
    line: int
    key_line: int  # of its own key


# An unclosed string also matches: otherwise each of its quotes would start a new search.
_TOML = regex(
    r"""(?P<comment>\#[^\n]*+)
    | (?P<text>\"{3}(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"{3})?+ | '{3}(?:[^']|'(?!''))*+(?:'{3})?+
        | \"(?:[^\"\\\n]|\\[^\n])*+\"?+ | '[^'\n]*+'?+)
    | (?P<sign>[][{}=,.\n])
    | (?P<bare>[^\s\#\"'\][{}=,.]++)""",
    re.VERBOSE | re.DOTALL,
)
_JSON = regex(
    r"""(?P<text>\"(?:[^\"\\\n]|\\.)*+\"?+) | (?P<sign>[][{}:,]) | (?P<bare>[^\s\"\][{}:,]++)""",
    re.VERBOSE,
)
_ESCAPE = regex(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_DEEPEST = 50  # no manifest is nested deeper; hostile ones are cut off here


class LineIndex:
    """Maps offsets of a text to its lines."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def at(self, offset: int) -> int:
        """Return the 1-based line of an offset."""
        return bisect_right(self._starts, offset)


def _unquoted(piece: str) -> str:
    for quote in ('"""', "'''", '"', "'"):
        if piece.startswith(quote) and len(piece) >= 2 * len(quote):
            inner = piece[len(quote) : -len(quote)]
            return _ESCAPE.sub(_unescape, inner) if quote[0] == '"' else inner
    return piece


def _unescape(found: re.Match[str]) -> str:
    if found.group(1):
        return chr(int(found.group(1), 16))
    return _ESCAPES.get(found.group(2), found.group(2))


class _Frame:
    """An open list or table: its keys from the root and, in a table, the current key."""

    def __init__(self, path: tuple[str, ...], *, table: bool) -> None:
        self.path, self.table = path, table
        self.key: tuple[str, ...] = ()
        self.key_line = 0
        self.in_value = not table

    def next_pair(self) -> None:
        if self.table:
            self.key, self.in_value = (), False


def toml_values(text: str) -> Iterator[Located]:
    """Yield the scalars of a TOML text in their order."""
    lines = LineIndex(text)
    top = _Frame((), table=True)
    stack = [top]
    header: list[str] | None = None
    for found in _TOML.finditer(text):
        kind, piece, frame = found.lastgroup, found.group(), stack[-1]
        if kind == "comment":
            continue
        if header is not None:
            if piece == "\n":
                top.path, header = tuple(header), None
                top.next_pair()
            elif kind in {"text", "bare"}:
                header.append(_unquoted(piece))
        elif piece == "[" and frame is top and not top.in_value and not top.key:
            header = []
        elif piece == "\n":
            if frame is top:
                top.next_pair()
        elif kind == "sign":
            _toml_sign(piece, stack)
        elif frame.in_value:
            line = lines.at(found.start())
            yield Located((*frame.path, *frame.key), _unquoted(piece), line, frame.key_line or line)
        else:
            frame.key = (*frame.key, _unquoted(piece))
            frame.key_line = lines.at(found.start())


def _toml_sign(piece: str, stack: list[_Frame]) -> None:
    frame = stack[-1]
    if piece in "[{" and frame.in_value and len(stack) < _DEEPEST:
        stack.append(_Frame((*frame.path, *frame.key), table=piece == "{"))
    elif piece in "]}" and len(stack) > 1:
        stack.pop()
    elif piece == "=":
        frame.in_value = True
    elif piece == "," and len(stack) > 1:
        frame.next_pair()


def json_values(text: str) -> Iterator[Located]:
    """Yield the scalars of a JSON text in their order."""
    lines = LineIndex(text)
    stack = [_Frame((), table=False)]
    for found in _JSON.finditer(text):
        kind, piece, frame = found.lastgroup, found.group(), stack[-1]
        if piece in {"[", "{"} and len(stack) < _DEEPEST:
            stack.append(_Frame((*frame.path, *frame.key), table=piece == "{"))
        elif piece in {"]", "}"}:
            if len(stack) > 1:
                stack.pop()
        elif piece == ",":
            frame.next_pair()
        elif piece == ":":
            frame.in_value = True
        elif kind == "text" and frame.table and not frame.in_value:
            frame.key, frame.key_line = (_unquoted(piece),), lines.at(found.start())
        elif kind in {"text", "bare"} and frame.in_value:
            line = lines.at(found.start())
            yield Located((*frame.path, *frame.key), _unquoted(piece), line, frame.key_line or line)


class Ecosystem(StrEnum):
    """The registry of a package, by the names that OSV records use."""

    PYPI = "PyPI"
    NPM = "npm"
    CRATES = "crates.io"
    GO = "Go"
    RUBYGEMS = "RubyGems"
    MAVEN = "Maven"


class Origin(StrEnum):
    """How a dependency is fetched."""

    REGISTRY = "registry"
    GIT = "git"
    URL = "url"
    LOCAL = "local"  # a folder of the repository


@dataclass(frozen=True)
class Entry:
    """One dependency of a manifest."""

    ecosystem: Ecosystem
    name: str  # as the registry compares it
    requirement: str  # the version requirement as written, "" for none
    line: int
    end_line: int
    origin: Origin = Origin.REGISTRY
    address: str = ""  # of a git repository or an archive
    revision: str = ""  # the git revision
    development: bool = False  # only needed to work on the project
    transitive: bool = False  # listed for the tool: go's indirect, npm's overrides
    hashed: bool = False  # the manifest holds the archive's checksum


@dataclass(frozen=True)
class Index:
    """An index of packages."""

    address: str
    line: int
    extra: bool = False  # used beside the default one


@dataclass(frozen=True)
class Script:
    """A command that runs when the package is installed."""

    name: str
    command: str
    line: int


@dataclass(frozen=True)
class Manifest:
    """The contents of a manifest that the checks read."""

    entries: tuple[Entry, ...] = ()
    indexes: tuple[Index, ...] = ()
    scripts: tuple[Script, ...] = ()
    library: bool = False  # installed beside others, so that open requirements are right
    constrained: bool = False  # another file given on a line of its own pins the versions
    private: bool = False  # never published


_SEPARATORS = regex(r"[-_.]+")


def python_name(name: str) -> str:
    """Return a Python package's name as PyPI compares it."""
    return _SEPARATORS.sub("-", name).lower()


def git_revision(address: str) -> tuple[str, str]:
    """Split the address of a git repository into the address and the revision after its @."""
    address, _, fragment = address.partition("#")
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "", address
    host, slash, path = rest.partition("/")
    path, _, revision = path.partition("@")
    return f"{scheme}{separator}{host}{slash}{path}", revision or _fragment_revision(fragment)


def _fragment_revision(fragment: str) -> str:
    """Return the revision in a fragment: npm puts it after #, pip puts egg= and subdirectory=
    there.
    """
    return "" if "=" in fragment else fragment.removeprefix("semver:")
