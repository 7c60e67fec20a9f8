"""A changed file for the kinds of change: both versions, and the lines that differ."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import NamedTuple

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

_COMMENT = regex(r"\s*(?:#(?!\[)|//|/\*|\*(?!\w)|--\s|<!--|;)")
_BEHIND = regex(r"\s+(?://|#)\s.*$")  # a comment after code

CODE = frozenset(
    ("py", "js", "ts", "tsx", "jsx", "mjs", "cjs", "go", "rb", "java", "kt", "php", "rs", "cs")
)
"""Suffixes of files with executable code."""


class Evidence(NamedTuple):
    """One line of evidence for a kind of change."""

    path: str
    line: int  # of the new version; of the old one if the change removes it
    what: str  # a few words

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def _plain(line: str) -> str:
    return _BEHIND.sub("", line).strip()


@dataclass(frozen=True)
class ChangedFile:
    """One changed file; "" is the text of a missing version."""

    path: str
    before: str
    after: str
    added: Mapping[int, str]  # line of the new version -> text
    removed: Mapping[int, str]  # line of the old version -> text

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def ending(self) -> str:
        """The part of the name after the last dot, in lower case."""
        return self.name.rpartition(".")[2].lower() if "." in self.name else ""

    @cached_property
    def _code(self) -> list[tuple[int, str]]:
        lines = [*self.code_added(), *self.code_removed()]
        # Lines that are only moved, indented or commented differently are on both sides.
        both = {_plain(text) for text in self.added.values()}
        both &= {_plain(text) for text in self.removed.values()}
        return [
            (number, text)
            for number, text in lines
            if text.strip() and _plain(text) not in both and not _COMMENT.match(text)
        ]

    def code_added(self) -> Iterator[tuple[int, str]]:
        """Yield number and text of each new line, without docstrings of Python."""
        yield from _without(self.added, self.path, self.after)

    def code_removed(self) -> Iterator[tuple[int, str]]:
        """Yield number and text of each removed line, without docstrings of Python."""
        yield from _without(self.removed, self.path, self.before)

    def code(self) -> Iterator[tuple[int, str]]:
        """Yield number and text of each changed line that is code and was not just moved."""
        yield from self._code

    def first(self, pattern: re.Pattern[str]) -> tuple[int, re.Match[str]] | None:
        """Return the first changed line of code that matches a pattern, with its match."""
        for number, text in self._code:
            if found := pattern.search(text):
                return number, found
        return None


def _without(lines: Mapping[int, str], path: str, text: str) -> Iterator[tuple[int, str]]:
    prose = _docstring_lines(text) if path.endswith(".py") and lines else frozenset()
    yield from ((number, line) for number, line in lines.items() if number not in prose)


@lru_cache(maxsize=256)
def _docstring_lines(text: str) -> frozenset[int]:
    """Return the lines of docstrings: examples in them are never run."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    lines: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            lines.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return frozenset(lines)
