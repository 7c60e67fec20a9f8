"""A name in code or in a spec, and how two spellings of it are matched."""

import re
from collections.abc import Callable, Iterable
from dataclasses import field
from functools import lru_cache

from reviewloop.dataclass import dataclass
from reviewloop.domain.drift import NameKind
from reviewloop.regex import regex

Read = Callable[[str], str | None]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
ANY = "ANY"
_PARAMETER = regex(r"\{[^}/]*\}|<[^>/]*>|\[[^\]/]*\]|^[:$][\w-]+\??$|^\*\w*$")
_WORD = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class CodeName:
    """Something that code defines; `others` are its further names.

    An endpoint has `methods` (none for all) and a `route`; a `loose` one may have an unknown
    prefix. A `quiet` name needs no spec: `make lint`, a program itself. A `local` one needs a spec
    only where specs list others of its file.
    """

    kind: NameKind
    text: str
    path: str
    line: int
    others: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    route: tuple[str, ...] = ()
    loose: bool = False
    quiet: bool = False
    local: bool = False

    @property
    def location(self) -> str:
        """`path:line`."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Unread:
    """A line or a file with a definition in a form that is not parsed."""

    kind: NameKind
    reason: str
    path: str
    line: int = 0

    @property
    def location(self) -> str:
        """`path:line`, or the path."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass
class CodeNames:
    """All names read from one tree."""

    names: list[CodeName] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    programs: set[str] = field(default_factory=set)  # commands of the project itself

    def add(self, more: "CodeNames") -> None:
        """Add the names that another reader found."""
        self.names += more.names
        self.unread += more.unread
        self.programs |= more.programs


def route_of(path: str) -> tuple[str, ...]:
    """Return the segments of an endpoint's path; a variable is `{}`, however it is written."""
    path = re.sub(r"^https?://[^/]*", "", path.strip()).split("?")[0].split("#")[0]
    parts = [part for part in path.split("/") if part]
    return tuple("{}" if _PARAMETER.search(part) else part.casefold() for part in parts)


def ends_alike(long: tuple[str, ...], short: tuple[str, ...]) -> bool:
    """Whether a route ends with another one that has at least one fixed segment."""
    if not short or all(part == "{}" for part in short) or len(short) > len(long):
        return False
    return long[len(long) - len(short) :] == short


def shown_route(route: Iterable[str]) -> str:
    """Return a route as a path."""
    return "/" + "/".join(route)


@lru_cache(maxsize=8192)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, the last one in the singular."""
    words = [word.casefold() for word in _WORD.findall(name)]
    if words and len(words[-1]) > 3 and words[-1].endswith("s") and not words[-1].endswith("ss"):
        words[-1] = f"{words[-1][:-3]}y" if words[-1].endswith("ies") else words[-1][:-1]
    return tuple(words)


def comments_blanked(text: str) -> str:
    """Return a text in a language with C's comments, with these as spaces; lines and columns
    stay.
    """
    return _C_TOKENS.sub(
        lambda found: found[0] if found[0][0] in "\"'`" else re.sub(r"[^\n]", " ", found[0]), text
    )


_C_TOKENS = regex(
    r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|//[^\n]*|/\*.*?\*/", re.DOTALL
)


def line_at(text: str, index: int) -> int:
    """Return the line, from 1, of a character."""
    return text.count("\n", 0, index) + 1


def closing(text: str, index: int) -> int:
    """Return the index of the bracket that closes the one at `index`, the end if none does."""
    depth = 0
    for found in _BRACKETS.finditer(text, index):
        if found[0] in "([{":
            depth += 1
        elif found[0] in ")]}":
            depth -= 1
            if depth == 0:
                return found.start()
    return len(text)


_BRACKETS = regex(
    r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|[()\[\]{}]", re.DOTALL
)
