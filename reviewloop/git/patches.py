"""The text of a diff, split into files, hunks and pieces of limited length."""

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import islice
from typing import Literal, NamedTuple, cast

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.paths import shown
from reviewloop.git.process import Git
from reviewloop.regex import regex

Status = Literal["A", "M", "D", "R", "T"]

SUBMODULE = "160000"

# Everything that a configuration could change about the text, set explicitly.
DIFF_FLAGS = (
    "-r",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--full-index",
    "--find-renames=50%",
    "--diff-algorithm=myers",
    "--inter-hunk-context=0",
    "--submodule=short",
    "--ignore-submodules=none",
    "--output-indicator-new=+",
    "--output-indicator-old=-",
    "--output-indicator-context= ",
    "--ws-error-highlight=none",
    f"-O{os.devnull}",
)


_HUNK = regex(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_LINES_AT_ONCE = 4_000  # for unidiff, whose lines take five times as much memory as ours
_LINES_KEPT = 50_000  # of parsed hunks, so that a huge change is not in memory as a whole


class DiffLine(NamedTuple):
    r"""A line of a hunk: `+`, `-`, a space, or `\` for git's note about a missing line feed."""

    sign: str
    text: str  # without the line feed; bytes that are not UTF-8 are lone surrogates


@dataclass(frozen=True)
class Hunk:
    """One hunk of a diff; starts and counts as in its `@@` line."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[DiffLine, ...]


@dataclass(frozen=True)
class Blocks:
    """All hunks of one file, and the numbers of lines they add and remove."""

    hunks: tuple[Hunk, ...]
    added: int
    removed: int


class Facts(NamedTuple):
    """Git's facts about one changed file, without its lines."""

    path: str
    old_path: str
    status: Status
    old_mode: str
    new_mode: str
    old_oid: str
    new_oid: str
    counts: tuple[int, int] | None  # None: binary for git


class PatchSource:
    """The patches of a change, one per number of context lines."""

    def __init__(
        self,
        git: Git,
        old: str,
        new: str,
        context_lines: int,
        facts: tuple[Facts, ...],
        binary: tuple[bool, ...],
    ) -> None:
        self.git = git
        self.trees = (old, new)
        self.facts = facts
        self.binary = binary
        self._context_lines = context_lines
        self._lock = threading.Lock()
        self._made: dict[int, Patches] = {}

    def patches(self, context_lines: int | None) -> "Patches":
        """Return the patches with this many context lines (None: the change's default)."""
        lines = self._context_lines if context_lines is None else context_lines
        with self._lock:
            return self._made.setdefault(lines, Patches(self, lines))


class Patches:
    """The diff text, split into files; git runs once, on first use."""

    def __init__(self, source: PatchSource, context_lines: int) -> None:
        self._source = source
        self._context_lines = context_lines
        self._lock = threading.Lock()
        self._chunks: list[tuple[bytes, ...]] | None = None
        self._parsed: OrderedDict[int, Blocks] = OrderedDict()
        self._kept = 0  # lines in `_parsed`

    def text(self, position: int) -> str:
        """Return the diff of the file at this index of the change, as valid UTF-8."""
        return b"".join(self._load()[position]).decode("utf-8", "replace")

    def blocks(self, position: int) -> Blocks:
        """Return the parsed hunks of the file at this index; the latest ones are cached."""
        chunks = self._load()[position]
        with self._lock:
            if found := self._parsed.get(position):
                return found
        hunks = tuple(hunk for chunk in chunks for hunk in _parse_hunks(chunk))
        found = Blocks(hunks, *count(hunks))
        with self._lock:
            self._kept += 0 if position in self._parsed else _size(found)
            self._parsed[position] = found
            while self._kept > _LINES_KEPT and len(self._parsed) > 1:
                self._kept -= _size(self._parsed.popitem(last=False)[1])
        return found

    def ranges(self, position: int) -> tuple[tuple[tuple[int, int], ...], int, int]:
        """Return the runs of added lines of a file, and the numbers of added and removed lines.

        Only the signs are read, so this costs no more than the text of the diff.
        """
        ranges: list[tuple[int, int]] = []
        added = removed = 0
        for chunk in self._load()[position]:
            for start, _, lines in _cut_hunks(chunk):
                number = start
                for line in lines:
                    sign = line[:1]
                    if sign == b"+":
                        added += 1
                        if ranges and ranges[-1][1] == number - 1:
                            ranges[-1] = (ranges[-1][0], number)
                        else:
                            ranges.append((number, number))
                    removed += sign == b"-"
                    number += sign in b"+ "
        return tuple(ranges), added, removed

    def _load(self) -> list[tuple[bytes, ...]]:
        with self._lock:
            if self._chunks is None:
                chunks = self._assign(self._ask(), self._source.facts)
                for position, fact in enumerate(self._source.facts):
                    if fact.counts is None and not self._source.binary[position]:
                        names = dict.fromkeys((fact.old_path, fact.path))
                        chunks[position] = self._assign(self._ask("--text", *names), (fact,))[0]
                self._chunks = chunks
            return self._chunks

    def _ask(self, text: str = "", *paths: str) -> bytes:
        flags = [*DIFF_FLAGS, f"-U{self._context_lines}", *([text] if text else [])]
        return self._source.git.run("diff-tree", "-p", *flags, *self._source.trees, "--", *paths)

    def _assign(self, output: bytes, facts: tuple[Facts, ...]) -> list[tuple[bytes, ...]]:
        """Assign each file its part of the text; both are in the same order."""
        # A line of a hunk starts with a sign and names are quoted, so this only starts files.
        parts = output.split(b"\ndiff --git ")
        chunks = [part + b"\n" for part in parts[:-1]] + [part for part in parts[-1:] if part]
        chunks = chunks[:1] + [b"diff --git " + chunk for chunk in chunks[1:]]
        rest = iter(chunks)
        assigned = [tuple(islice(rest, 2 if fact.status == "T" else 1)) for fact in facts]
        if sum(map(len, assigned)) != sum(1 + (fact.status == "T") for fact in facts) or any(rest):
            raise WorkspaceError(
                f"The diff of {' and '.join(self._source.trees)} names {len(facts)} files but "
                f"shows {len(chunks)}; please report this with the repository."
            )
        return assigned


def parse_facts(output: bytes) -> Iterator[Facts]:
    """Read `--raw --numstat -z`: all raw records first, then the counts in the same order."""
    fields = iter(output.split(b"\0"))
    raw: list[tuple[list[bytes], str, str]] = []
    for record in fields:
        if not record.startswith(b":"):
            break
        facts = record[1:].split(b" ")
        old_path = os.fsdecode(next(fields))
        path = os.fsdecode(next(fields)) if facts[4][:1] == b"R" else old_path
        raw.append((facts, old_path, path))
    else:
        record = b""
    for facts, old_path, path in raw:
        added, removed, name = record.split(b"\t", 2)
        if not name:  # a rename: both names follow
            next(fields)
            next(fields)
        counts = None if added == b"-" else (int(added), int(removed))
        modes = (facts[0].decode(), facts[1].decode(), facts[2].decode(), facts[3].decode())
        yield Facts(path, old_path, cast(Status, facts[4][:1].decode()), *modes, counts)
        record = next(fields, b"")


def _cut_hunks(chunk: bytes) -> Iterator[tuple[int, bytes, list[bytes]]]:
    """Yield (start in the new file, header, lines with line feeds) of each hunk.

    Its end is computed from the counts in its header, since it may hold any text.
    """
    start = chunk.find(b"\n@@ ")
    if start < 0:
        return
    lines = BytesIO(chunk)
    lines.seek(start + 1)
    header = lines.readline()
    while header:
        found = _HUNK.match(header)
        if not found:
            raise WorkspaceError(
                f"A diff has {shown(os.fsdecode(header[:80]))!r} where a hunk should begin; "
                "please report this with the repository."
            )
        old, new = (int(number) if number is not None else 1 for number in found.group(2, 4))
        body = []
        line = lines.readline()
        while line and (old > 0 or new > 0 or line[:1] == b"\\"):
            sign = line[:1]
            old -= sign in b"- "
            new -= sign in b"+ "
            body.append(line)
            line = lines.readline()
        yield int(found.group(3)), header, body
        header = line


def _parse_hunks(chunk: bytes) -> Iterator[Hunk]:
    try:
        from unidiff.patch import PatchSet
    except ModuleNotFoundError:  # not in reviewloop-light
        yield from _plain_hunks(chunk)
        return

    for part in _in_parts(chunk):
        for hunk in PatchSet.from_string("--- a\n+++ b\n" + part)[0]:
            lines = tuple(DiffLine(line.line_type, line.value.removesuffix("\n")) for line in hunk)
            yield Hunk(
                hunk.source_start, hunk.source_length, hunk.target_start, hunk.target_length, lines
            )


def _plain_hunks(chunk: bytes) -> Iterator[Hunk]:
    """Yield what unidiff would; the headers' counts were checked against the lines."""
    for _, header, body in _cut_hunks(chunk):
        found = cast(re.Match[bytes], _HUNK.match(header))
        old, olds, new, news = (1 if each is None else int(each) for each in found.groups())
        texts = (line.removesuffix(b"\n").decode("utf-8", "surrogateescape") for line in body)
        yield Hunk(old, olds, new, news, tuple(DiffLine(text[:1], text[1:]) for text in texts))


def _in_parts(chunk: bytes) -> Iterator[str]:
    """Split the hunks of a file into parts of whole hunks and limited length."""
    part: list[bytes] = []
    for _, header, lines in _cut_hunks(chunk):
        part.append(header)
        part += lines
        if len(part) >= _LINES_AT_ONCE:
            yield b"".join(part).decode("utf-8", "surrogateescape")
            part = []
    if part:
        yield b"".join(part).decode("utf-8", "surrogateescape")


def _size(blocks: Blocks) -> int:
    return sum(len(hunk.lines) for hunk in blocks.hunks)


def new_side(hunks: Iterable[Hunk]) -> Iterator[tuple[int, DiffLine]]:
    """Yield (line number in the new file, line), for added and context lines."""
    for hunk in hunks:
        number = hunk.new_start
        for line in hunk.lines:
            if line.sign in "+ ":
                yield number, line
                number += 1


def count(hunks: Iterable[Hunk]) -> tuple[int, int]:
    """Return the numbers of lines that the hunks add and remove."""
    signs = [line.sign for hunk in hunks for line in hunk.lines]
    return signs.count("+"), signs.count("-")


_HUNK_HEADER = regex(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_FILE = "diff --git "


@dataclass(frozen=True)
class Piece:
    """A part of a file's diff that can be read alone; `number` counts from 1 to `of`."""

    path: str
    text: str
    first: int = 0  # lines of the new file in it; 0 for none
    last: int = 0
    number: int = 1
    of: int = 1

    @property
    def whole(self) -> bool:
        """Whether it is the file's whole diff."""
        return self.of == 1


@dataclass(frozen=True)
class _Block:
    head: str  # of its file
    text: str  # with its own `@@` line
    first: int
    last: int


def cut(path: str, patch: str, room: int) -> tuple[Piece, ...]:
    """Return the diff of a file in pieces of at most `room` characters, in order.

    None are returned when a line, or the header of the file, is too long.
    """
    if len(patch) <= room:
        return (Piece(path, patch),)
    blocks = list(_blocks(patch, room))
    if not blocks or any(len(block.head) + len(block.text) > room for block in blocks):
        return ()
    groups: list[list[_Block]] = []
    left = 0
    for block in blocks:
        new_head = not groups or groups[-1][-1].head != block.head
        size = len(block.text) + (len(block.head) if new_head else 0)
        if not groups or size > left:
            groups.append([])
            left, size = room, len(block.text) + len(block.head)
        groups[-1].append(block)
        left -= size
    pieces = [_piece(path, group) for group in groups]
    return tuple(replace(p, number=n, of=len(pieces)) for n, p in enumerate(pieces, 1))


def _piece(path: str, blocks: Sequence[_Block]) -> Piece:
    text, head = "", ""
    for block in blocks:
        if block.head != head:
            text += block.head
            head = block.head
        text += block.text
    shown = [block for block in blocks if block.last]
    first = min((block.first for block in shown), default=0)
    return Piece(path, text, first, max((block.last for block in shown), default=0))


def _blocks(patch: str, room: int) -> Iterator[_Block]:
    """Yield the hunks, long ones in several parts.

    Lines of a hunk start with a sign, other lines are headers of hunks or files.
    """
    head: list[str] = []
    hunk: list[str] = []
    for line in [*patch.splitlines(keepends=True), ""]:
        begins = _HUNK_HEADER.match(line) is not None or line.startswith(_FILE) or not line
        if begins and hunk:
            yield from _parts("".join(head), hunk, room)
            hunk = []
        if _HUNK_HEADER.match(line) or hunk:
            hunk.append(line)
        elif line.startswith(_FILE):
            head = [line]
        else:
            head.append(line)


def _parts(head: str, hunk: Sequence[str], room: int) -> Iterator[_Block]:
    old, new = map(int, _HUNK_HEADER.findall(hunk[0])[0])
    if len(head) + sum(map(len, hunk)) <= room:
        yield _block(head, hunk[0], hunk[1:], new)
        return
    reserve = room - len(head) - 80  # for an `@@` line
    some: list[str] = []
    size = 0
    for line in [*hunk[1:], ""]:
        if some and (not line or size + len(line) > reserve):
            minus = sum(text[:1] in "- " for text in some)
            plus = sum(text[:1] in "+ " for text in some)
            yield _block(head, f"@@ -{old},{minus} +{new},{plus} @@\n", some, new)
            old, new = old + minus, new + plus
            some, size = [], 0
        some.append(line)
        size += len(line)


def _block(head: str, mark: str, lines: Sequence[str], new: int) -> _Block:
    plus = sum(text[:1] in ("+", " ") for text in lines)
    return _Block(head, mark + "".join(lines), new if plus else 0, new + plus - 1 if plus else 0)
