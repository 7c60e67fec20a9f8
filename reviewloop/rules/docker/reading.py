"""Parses a Dockerfile into instructions and stages with their lines."""

import json
import re
from dataclasses import field, replace
from functools import cached_property
from typing import NamedTuple

from reviewloop.analysis.contract import Span
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

_DIRECTIVE = regex(r"^#\s*(\w+)\s*=\s*(\S+)\s*$")
_HEREDOC = regex(r"<<(-?)([\"']?)([A-Za-z_][\w.]*)\2")
_FLAG = regex(r"\s*--([a-z-]+)(?:=(\"[^\"]*\"|\S*))?(?=\s|$)")
_REFERENCE = regex(r"\$(?:\{(\w+)(?::?([-+])([^}]*))?\}|(\w+))")
_MOST_PARENTS = 50
_WITH_HEREDOC = frozenset({"RUN", "COPY", "ADD"})


class Heredoc(NamedTuple):
    """A document inside an instruction; `line` is its first line of text."""

    name: str
    line: int
    text: str


@dataclass(frozen=True)
class Instruction:
    """One instruction. `value` keeps line ends, so that row r of it is line `line` + r."""

    keyword: str  # upper case
    line: int
    end_line: int
    column: int  # line of the keyword, 1-based
    width: int  # end column of the last line, exclusive
    value: str  # text after the keyword; `\\` continues a line
    flags: tuple[tuple[str, str], ...] = ()
    heredocs: tuple[Heredoc, ...] = ()
    offset: int = 0  # 1-based column at which `value` starts on the first line
    on_build: bool = False

    @property
    def span(self) -> Span:
        """The location of the whole instruction."""
        return Span(self.line, self.end_line, self.column, self.width)

    @cached_property
    def flat(self) -> str:
        """The value on one line, without the line continuations."""
        return re.sub(r"\\\n\s*", " ", self.value).strip()

    @cached_property
    def listed(self) -> tuple[str, ...] | None:
        """The value as a JSON list of texts, None when it is not one."""
        if not self.flat.startswith("["):
            return None
        try:
            value = json.loads(self.flat)
        except (ValueError, RecursionError):
            return None
        texts = isinstance(value, list) and all(isinstance(part, str) for part in value)
        return tuple(value) if texts else None

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The value's words without quotes; the list's texts when it is a list."""
        if self.listed is not None:
            return self.listed
        return tuple(word.strip("\"'") for word in self.flat.split())

    def flag(self, name: str) -> str | None:
        """Return the value of a flag, "" for one without a value, None when it is not there."""
        return next((value for key, value in self.flags if key == name), None)


@dataclass
class Stage:
    """One FROM and the instructions after it."""

    start: Instruction
    index: int
    image: str  # with the default values of ARGs inserted; "" if unknown
    alias: str
    instructions: list[Instruction] = field(default_factory=list)

    def of(self, *keywords: str) -> list[Instruction]:
        """Return the stage's instructions with one of these keywords."""
        return [i for i in self.instructions if i.keyword in keywords and not i.on_build]


@dataclass
class Dockerfile:
    """All instructions of a file, and its stages."""

    instructions: list[Instruction]
    before: list[Instruction]  # before the first FROM
    stages: list[Stage]

    @property
    def final(self) -> Stage | None:
        """The stage that becomes the image."""
        return self.stages[-1] if self.stages else None

    def parent(self, stage: Stage) -> Stage | None:
        """Return the earlier stage that a stage builds on."""
        index = self._first_named.get(stage.image.lower(), stage.index)
        return self.stages[index] if index < stage.index else None

    @cached_property
    def _first_named(self) -> dict[str, int]:
        named = [(s.alias.lower(), s.index) for s in reversed(self.stages) if s.alias]
        return dict(named)

    def chain(self, stage: Stage) -> list[Stage]:
        """Return a stage and the stages it is built on, nearest first."""
        found = [stage]
        while len(found) < _MOST_PARENTS and (under := self.parent(found[-1])) is not None:
            found.append(under)
        return found

    def shipped(self) -> list[Stage]:
        """Return the final stage and the stages it is built on, nearest first."""
        return self.chain(self.final) if self.final is not None else []


def read(text: str) -> Dockerfile:
    """Parse a Dockerfile; text that is no instruction becomes one of its own."""
    instructions = _instructions(text)
    starts = (n for n, i in enumerate(instructions) if i.keyword == "FROM" and not i.on_build)
    first = next(starts, len(instructions))
    before = instructions[:first]
    values = _defaults(before)
    stages: list[Stage] = []
    for instruction in instructions[first:]:
        if instruction.keyword == "FROM" and not instruction.on_build:
            stages.append(_stage(instruction, len(stages), values))
        else:
            stages[-1].instructions.append(instruction)
    return Dockerfile(instructions, before, stages)


def _defaults(before: list[Instruction]) -> dict[str, str]:
    values: dict[str, str] = {}
    for instruction in before:
        if instruction.keyword == "ARG":
            for word in instruction.words:
                name, _, value = word.partition("=")
                values[name] = fill(value.strip("\"'"), values) or ""
    return values


def _stage(start: Instruction, index: int, values: dict[str, str]) -> Stage:
    words = start.words
    image = fill(words[0], values) if words else None
    alias = words[2] if len(words) >= 3 and words[1].lower() == "as" else ""
    return Stage(start, index, image or "", alias)


def fill(text: str, values: dict[str, str]) -> str | None:
    """Insert the values of variables; None if one has no value."""
    missing = False

    def put(found: re.Match[str]) -> str:
        nonlocal missing
        value = values.get(found.group(1) or found.group(4), "")
        if found.group(2) == "-" and not value:
            value = found.group(3)
        missing = missing or not value
        return value

    filled = _REFERENCE.sub(put, text)
    return None if missing else filled


def _instructions(text: str) -> list[Instruction]:
    lines = [line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n")]
    escape = _escape(lines)
    found: list[Instruction] = []
    unclosed: set[str] = set()  # names of heredocs without a closing line
    at = 0
    while at < len(lines):
        stripped = lines[at].strip()
        if not stripped or stripped.startswith("#"):
            at += 1
            continue
        instruction, at = _instruction(lines, at, escape, unclosed)
        found.append(instruction)
    return found


def _escape(lines: list[str]) -> str:
    for line in lines:
        directive = _DIRECTIVE.match(line.strip())
        if not directive:
            break
        if directive.group(1).lower() == "escape":
            return directive.group(2)
    return "\\"


def _instruction(
    lines: list[str], at: int, escape: str, unclosed: set[str]
) -> tuple[Instruction, int]:
    start = at
    rows: list[str] = []
    while at < len(lines):
        row = lines[at].rstrip()
        blank = not row.strip() or row.lstrip().startswith("#")
        if rows and blank:
            rows.append("\\")  # such a line inside an instruction does not end it
            at += 1
            continue
        at += 1
        if row.endswith(escape):
            rows.append(row[: -len(escape)] + "\\")
            continue
        rows.append(row)
        break
    while len(rows) > 1 and rows[-1] == "\\":
        rows.pop()
    column = len(rows[0]) - len(rows[0].lstrip()) + 1
    return _made(rows, start, column, lines, unclosed)


def _made(
    rows: list[str], start: int, column: int, lines: list[str], unclosed: set[str]
) -> tuple[Instruction, int]:
    head = re.match(r"\s*(\S+)[ \t]*", rows[0])
    keyword = head.group(1).rstrip("\\").upper() if head else ""
    width = len(rows[0]) if head is None else head.end()
    end = start + len(rows)
    one = Instruction(
        keyword,
        start + 1,
        end,
        column,
        len(rows[-1]) + 1,
        "\n".join(rows)[width:],
        offset=width + 1,
    )
    if keyword == "ONBUILD":
        one = _inner(one)
    one = _without_flags(one)
    if one.keyword in _WITH_HEREDOC and "<<" in one.value:
        return _with_heredocs(one, lines, end, unclosed)
    return one, end


def _inner(one: Instruction) -> Instruction:
    head = re.match(r"(\S+)[ \t]*", one.value)
    if head is None:
        return replace(one, on_build=True)
    return replace(
        one,
        keyword=head.group(1).upper(),
        value=one.value[head.end() :],
        offset=one.offset + head.end(),
        on_build=True,
    )


def _without_flags(one: Instruction) -> Instruction:
    if not one.value.lstrip(" \t\\\n").startswith("--"):
        return one
    flags: list[tuple[str, str]] = []
    text = one.value.replace("\\\n", "  ")
    at = 0
    while (found := _FLAG.match(text, at)) is not None:
        flags.append((found.group(1), (found.group(2) or "").strip('"')))
        at = found.end()
    # Blanks instead of the flags keep every column and row where it was.
    kept = re.sub(r"[^\n\\]", " ", one.value[:at])
    kept = re.sub(r"\\(?!\n)", " ", kept)
    return replace(one, flags=tuple(flags), value=kept + one.value[at:])


def _with_heredocs(
    one: Instruction, lines: list[str], at: int, unclosed: set[str]
) -> tuple[Instruction, int]:
    documents: list[Heredoc] = []
    for dash, _, name in (found.groups() for found in _HEREDOC.finditer(one.value)):
        first = at
        if name in unclosed:
            return one, one.end_line
        while at < len(lines):
            line = lines[at].lstrip("\t") if dash else lines[at]
            if line == name:
                break
            at += 1
        if at >= len(lines):
            unclosed.add(name)
            return one, one.end_line  # never closed: ignore the rest
        documents.append(Heredoc(name, first + 1, "\n".join(lines[first:at])))
        at += 1
    if not documents:
        return one, at
    return replace(one, heredocs=tuple(documents), end_line=at, width=len(lines[at - 1]) + 1), at
