"""Reduces a file to its significant lines, so that copies are found by what they do."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from reviewloop.analysis.contract import PathClass
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.regex import regex

LEAST = 5  # fewest significant lines to compare
_LANGUAGES = {
    *("python", "javascript", "typescript", "tsx", "go", "shell", "java", "rust", "ruby", "php"),
    *("csharp", "kotlin", "c", "cpp", "swift", "scala"),
}
_GENERATED = regex(r"generated|do not edit|auto-?generated", re.IGNORECASE)
_NOT_OURS = regex(
    r"(?:^|/)(?:vendor|third_party|node_modules|dist|migrations|generated|_vendor)/|_pb2|\.pb\."
    r"|\.min\.|\.d\.ts$",
    re.IGNORECASE,
)
# Lines that every file has: sharing them has no benefit.
_TRIVIAL = regex(
    r"[\W\d_]*|(?:#|//|/\*|\*|--|;;)(?!\[).*"
    r"|(?:from|import|use|using|package|require|include|export \*)\b.*"
    r"|#(?:include|import|define|if|endif|ifdef|ifndef|pragma)\b.*|@\w[\w.]*(?:\([^()]*\))?"
    r"|(?:else|try|finally|do|begin|end|then|fi|done|esac|pass|break|continue|return|default)\W*"
    r"|\}?\s*(?:else|finally|catch)\b[^=]{0,40}\{"
    r"|return (?:None|True|False|null|true|false|nil|self|this|err);?"
    r"|if err != nil \{|except\b.{0,60}:|\w+ = require\(.*|const .{0,80} = require\(.*"
    r"|use strict.?;?"
    r"|(?:public|private|protected|internal):?"
)
_DOCSTRING = regex(r'[rRbBuUfF]{0,2}("""|\'\'\')')
LITERAL = regex(r"\"(?:[^\"\\]|\\.){0,300}\"|'(?:[^'\\]|\\.){0,300}'|`[^`]{0,300}`")
NUMBER = regex(r"\b\d[\w.]*")
WORD = regex(r"[A-Za-z_]\w*")
# An argument, a field, an entry of a table: lists of them repeat without copying.
_ENTRY = regex(
    r".{0,200}[,(\[{]|\w+\??:\s.{0,120}|[\w.\"'\[\]]+\s*=\s*[\w.\"'\-\[\]{}()]{0,60},?|\)?\s*->.{0,100}:"
    r"|[\w.]+\s*=\s*[\w.]+,?|\"[^\"]*\"\s*:\s.*|(?:async )?(?:def|func|function|class|fn)\b.*"
)


class SketchLine(NamedTuple):
    """A significant line: its number and its text without formatting."""

    line: int
    text: str


class Sketch:
    """The significant lines of one version of one file."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._text = text

    @cached_property
    def written(self) -> list[str]:
        """Every line, without formatting."""
        return [" ".join(line.split()) for line in self._text.split("\n")]

    @cached_property
    def lines(self) -> list[SketchLine]:
        """The significant lines, in order."""
        return _sketch_lines(self.written, language_of(self.path, ""))

    @cached_property
    def keys(self) -> list[int]:
        """A number for every window of `LEAST` significant lines, equal for equal windows."""
        texts = [hash(line.text) for line in self.lines]
        return [hash(tuple(texts[at : at + LEAST])) for at in range(len(texts) - LEAST + 1)]


def is_compared(path: str, text: str) -> bool:
    """Whether copies in a file matter: it is written by hand, and is no test or example."""
    return (
        language_of(path, "") in _LANGUAGES
        and path_class(path) is PathClass.PRODUCT
        and not _NOT_OURS.search(path)
        and not _GENERATED.search(text[:400])
    )


def is_logic(block: Sequence[SketchLine]) -> bool:
    """Whether a block has logic, unlike a table, a signature or a list of fields."""
    logic = [line for line in block if not _ENTRY.fullmatch(line.text)]
    shapes = {_shape(line.text) for line in block}
    return len(logic) * 2 >= len(block) and len(logic) >= 3 and len(shapes) * 3 >= len(block) * 2


def distinctiveness(text: str) -> int:
    """Return how distinctive a line is: its number of different words."""
    return min(len({word.lower() for word in WORD.findall(text)}), 12) * 4 + min(len(text), 80)


def _sketch_lines(lines: Sequence[str], language: str) -> list[SketchLine]:
    found = []
    inside = ""
    for number, text in enumerate(lines, 1):
        if language == "python":
            was = inside
            inside = _docstring_after(text, inside)
            if was or (inside and _DOCSTRING.match(text)) or _DOCSTRING.match(text):
                continue
        if len(text) > 4 and len(text) < 600 and not _TRIVIAL.fullmatch(text):
            found.append(SketchLine(number, text))
    return found


def _docstring_after(text: str, inside: str) -> str:
    """Return the quotes of the docstring that is open after a line, "" for none."""
    if inside:
        return "" if inside in text else inside
    opened = _DOCSTRING.match(text)
    if opened and text.count(opened.group(1)) == 1:
        return opened.group(1)
    return ""


def _shape(text: str) -> str:
    """Return a line with names, literals and numbers blurred."""
    return WORD.sub("a", NUMBER.sub("0", LITERAL.sub('"', text)))


def runs_of(fresh: list[bool]) -> list[int]:
    """Return for each significant line how many added ones follow in a row."""
    lengths = [0] * (len(fresh) + 1)
    for at in range(len(fresh) - 1, -1, -1):
        lengths[at] = lengths[at + 1] + 1 if fresh[at] else 0
    return lengths
