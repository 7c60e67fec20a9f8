"""Finds code of the change that stands elsewhere too: copied instead of shared."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from reviewloop.analysis.contract import (
    ChangeCheck,
    ChangeView,
    Hit,
    PathClass,
    SourceFile,
    Span,
)
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.domain.finding import Severity
from reviewloop.rules.catalogue import rule

LEAST = 5  # telling lines that make two places worth comparing
_LANGUAGES = {
    *("python", "javascript", "typescript", "tsx", "go", "shell", "java", "rust", "ruby", "php"),
    *("csharp", "kotlin", "c", "cpp", "swift", "scala"),
}
_GENERATED = re.compile(r"generated|do not edit|auto-?generated", re.IGNORECASE)
_NOT_OURS = re.compile(
    r"(?:^|/)(?:vendor|third_party|node_modules|dist|migrations|generated|_vendor)/|_pb2|\.pb\."
    r"|\.min\.|\.d\.ts$",
    re.IGNORECASE,
)
# What every file holds: nothing is gained by sharing it.
_TRIVIAL = re.compile(
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
_DOCSTRING = re.compile(r'[rRbBuUfF]{0,2}("""|\'\'\')')
_LITERAL = re.compile(r"\"(?:[^\"\\]|\\.){0,300}\"|'(?:[^'\\]|\\.){0,300}'|`[^`]{0,300}`")
_NUMBER = re.compile(r"\b\d[\w.]*")
_WORD = re.compile(r"[A-Za-z_]\w*")
# An argument, a field, an entry of a table: lists of them repeat without anyone having copied.
_ENTRY = re.compile(
    r".{0,200}[,(\[{]|\w+\??:\s.{0,120}|[\w.\"'\[\]]+\s*=\s*[\w.\"'\-\[\]{}()]{0,60},?|\)?\s*->.{0,100}:"
    r"|[\w.]+\s*=\s*[\w.]+,?|\"[^\"]*\"\s*:\s.*|(?:async )?(?:def|func|function|class|fn)\b.*"
)


class Telling(NamedTuple):
    """A line that tells something: its number and its text without what formatting adds."""

    line: int
    text: str


class Sketch:
    """The telling lines of one version of one file."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._text = text

    @cached_property
    def written(self) -> list[str]:
        """Every line, without what formatting adds."""
        return [" ".join(line.split()) for line in self._text.split("\n")]

    @cached_property
    def lines(self) -> list[Telling]:
        """The telling lines, in order."""
        return _telling(self.written, language_of(self.path, ""))

    @cached_property
    def keys(self) -> list[int]:
        """A number for every window of `LEAST` telling lines, equal for equal windows."""
        texts = [hash(telling.text) for telling in self.lines]
        return [hash(tuple(texts[at : at + LEAST])) for at in range(len(texts) - LEAST + 1)]


def is_compared(path: str, text: str) -> bool:
    """Whether copies in a file matter: people wrote it, and it is no test or example."""
    return (
        language_of(path, "") in _LANGUAGES
        and path_class(path) is PathClass.PRODUCT
        and not _NOT_OURS.search(path)
        and not _GENERATED.search(text[:400])
    )


def is_logic(block: Sequence[Telling]) -> bool:
    """Whether a block does something, where a table, a signature or a list of fields does not."""
    logic = [telling for telling in block if not _ENTRY.fullmatch(telling.text)]
    shapes = {_shape(telling.text) for telling in block}
    return len(logic) * 2 >= len(block) and len(logic) >= 3 and len(shapes) * 3 >= len(block) * 2


def distinctiveness(text: str) -> int:
    """Return how well a line can be told from others: its number of different words."""
    return min(len({word.lower() for word in _WORD.findall(text)}), 12) * 4 + min(len(text), 80)


def _telling(lines: Sequence[str], language: str) -> list[Telling]:
    found = []
    inside = ""
    for number, text in enumerate(lines, 1):
        if language == "python":
            was = inside
            inside = _docstring_after(text, inside)
            if was or (inside and _DOCSTRING.match(text)) or _DOCSTRING.match(text):
                continue
        if len(text) > 4 and len(text) < 600 and not _TRIVIAL.fullmatch(text):
            found.append(Telling(number, text))
    return found


def _docstring_after(text: str, inside: str) -> str:
    """Return the quotes of the docstring that is open behind a line, "" for none."""
    if inside:
        return "" if inside in text else inside
    opened = _DOCSTRING.match(text)
    if opened and text.count(opened.group(1)) == 1:
        return opened.group(1)
    return ""


def _shape(text: str) -> str:
    """Return a line with names, literals and numbers made equal."""
    return _WORD.sub("a", _NUMBER.sub("0", _LITERAL.sub('"', text)))


_FEW, _MANY = 6, 10  # lines from which on a copy is worth a remark, and a change
_PROBES = 200  # lines of the change that are looked for in the repository
_COMMON = 12  # a line that stands in more places says nothing
_READ = 60  # files of the repository that are compared

_RULE = rule("diff/copied-code")


@dataclass(frozen=True)
class _Block:
    """A run of telling lines of a changed file that stands elsewhere too."""

    mine: Sketch
    theirs: Sketch
    lines: tuple[Telling, ...]
    other: tuple[int, int]  # first and last line there
    key: int  # of its first window, to recognise it in the base

    @property
    def path(self) -> str:
        return self.mine.path

    @property
    def other_path(self) -> str:
        return self.theirs.path

    def grown(self, added: frozenset[int]) -> tuple[Span, tuple[int, int], int]:
        """Return both places with the lines behind that are equal too, and how many lines tell."""
        first, last = self.lines[0].line, self.lines[-1].line
        start, end = self.other
        mine, theirs = self.mine.written, self.theirs.written
        while (
            last < len(mine)
            and end < len(theirs)
            and last + 1 in added
            and mine[last]
            and mine[last] == theirs[end]
        ):
            last, end = last + 1, end + 1
        count = sum(1 for line in mine[first - 1 : last] if line)
        return Span(first, last), (start, end), count


def find_copied_code(view: ChangeView) -> Iterator[Hit]:
    """Yield a hit for each place of the change whose code stands elsewhere, too."""
    files = [
        file
        for file in view.files
        if file.added and file.status != "T" and is_compared(file.path, file.text)
    ]
    sketches = {file.path: Sketch(file.path, file.text) for file in files}
    added = {file.path: file.added_numbers for file in files}
    within = list(_within(files, sketches))
    covered = {(b.path, t.line) for b in within for t in b.lines} | {
        (b.other_path, line) for b in within for line in range(b.other[0], b.other[1] + 1)
    }
    blocks = [*within, *_from_repository(view, sketches, added, covered)]
    if not blocks:
        return
    moved = _removed_windows(view, sketches)
    for block in blocks:
        if block.key in moved or not is_logic(block.lines):
            continue
        span, (first, last), count = block.grown(added[block.path])
        if count < _FEW:
            continue
        yield Hit(
            _RULE.id,
            block.path,
            span,
            f"These {count} lines stand in {block.other_path}:{first}-{last} too.",
            severity=Severity.SHOULD_FIX if count >= _MANY else Severity.NIT,
            identity=f"copy of {block.other_path}",
        )


def _within(files: list[SourceFile], sketches: dict[str, Sketch]) -> Iterator[_Block]:
    """Yield the copies inside the change, each with the place that comes first."""
    seen: dict[int, tuple[str, int]] = {}
    for file in files:
        sketch, added = sketches[file.path], file.added_numbers
        fresh = [telling.line in added for telling in sketch.lines]
        run = _runs(fresh)
        at = 0
        while at < len(sketch.keys):
            if run[at] < LEAST:
                at += 1
                continue
            key = sketch.keys[at]
            earlier = seen.get(key)
            if earlier is None:
                seen[key] = (file.path, at)
                at += 1
                continue
            other = sketches[earlier[0]]
            length = _shared(sketch, at, other, earlier[1], run[at])
            if earlier[0] == file.path:
                length = min(length, at - earlier[1])  # a repetition may not overlap itself
            if length < LEAST:
                at += 1
                continue
            theirs = other.lines[earlier[1] : earlier[1] + length]
            lines = tuple(sketch.lines[at : at + length])
            span = (theirs[0].line, theirs[-1].line)
            yield _Block(sketch, other, lines, span, key)
            at += length


def _runs(fresh: list[bool]) -> list[int]:
    """Return for each telling line how many added ones follow each other from there on."""
    lengths = [0] * (len(fresh) + 1)
    for at in range(len(fresh) - 1, -1, -1):
        lengths[at] = lengths[at + 1] + 1 if fresh[at] else 0
    return lengths


def _shared(mine: Sketch, at: int, theirs: Sketch, there: int, most: int) -> int:
    """Return how many telling lines are equal from two places on."""
    length = 0
    while (
        length < most
        and there + length < len(theirs.lines)
        and mine.lines[at + length].text == theirs.lines[there + length].text
    ):
        length += 1
    return length


def _from_repository(
    view: ChangeView,
    sketches: dict[str, Sketch],
    added: dict[str, frozenset[int]],
    covered: set[tuple[str, int]],
) -> Iterator[_Block]:
    """Yield the blocks of the change that unchanged code of the repository holds already."""
    probes = _probes(sketches, added, covered)
    if not probes:
        return
    places: dict[str, list[tuple[str, int]]] = {}
    for path, line, text in view.search_new(sorted(probes)):
        shown = " ".join(text.split())
        if shown in probes and line not in added.get(path, ()):
            places.setdefault(shown, []).append((path, line))
    others: dict[str, Sketch | None] = {}
    done: set[tuple[str, int]] = set()
    for probe, (path, at) in sorted(probes.items(), key=lambda item: item[1]):
        for other_path, line in places.get(probe, ())[:_COMMON]:
            if len(places[probe]) > _COMMON or (path, sketches[path].lines[at].line) in done:
                break
            other = _sketch_of(view, other_path, sketches, others)
            block = other and _around(sketches[path], at, added[path], other, line)
            if block:
                done.update((path, telling.line) for telling in block.lines)
                yield block
                break


def _probes(
    sketches: dict[str, Sketch], added: dict[str, frozenset[int]], covered: set[tuple[str, int]]
) -> dict[str, tuple[str, int]]:
    """Return the most telling line of every six added ones, with its place."""
    found: list[tuple[int, str, tuple[str, int]]] = []
    for path, sketch in sketches.items():
        fresh = [t.line in added[path] and (path, t.line) not in covered for t in sketch.lines]
        run = _runs(fresh)
        at = 0
        while at < len(fresh):
            if run[at] < LEAST:
                at += max(1, run[at])
                continue
            window = range(at, at + LEAST)
            best = max(window, key=lambda n: distinctiveness(sketch.lines[n].text))
            text = sketch.lines[best].text
            if len(text) >= 16:
                found.append((distinctiveness(text), text, (path, best)))
            at += LEAST
    found.sort(reverse=True)
    probes: dict[str, tuple[str, int]] = {}
    for _, text, place in found:
        if len(probes) >= _PROBES:
            break
        probes.setdefault(text, place)
    return probes


def _sketch_of(
    view: ChangeView, path: str, known: dict[str, Sketch], read: dict[str, Sketch | None]
) -> Sketch | None:
    if path in known:
        return known[path]
    if path not in read:
        if len(read) >= _READ or not is_compared(path, ""):
            return None
        text = view.read_new(path)
        read[path] = Sketch(path, text) if text and is_compared(path, text) else None
    return read[path]


def _around(
    mine: Sketch, at: int, added: frozenset[int], other: Sketch, line: int
) -> _Block | None:
    """Return the block around two equal lines, as far as both sides are equal."""
    there = next((n for n, t in enumerate(other.lines) if t.line == line), -1)
    if there < 0 or other.lines[there].text != mine.lines[at].text:
        return None
    first = 0
    while (
        at > first
        and there > first
        and mine.lines[at - first - 1].line in added
        and mine.lines[at - first - 1].text == other.lines[there - first - 1].text
    ):
        first += 1
    start, start_there = at - first, there - first
    most = 0
    while start + most < len(mine.lines) and mine.lines[start + most].line in added:
        most += 1
    length = _shared(mine, start, other, start_there, most)
    if mine is other:
        length = min(length, abs(start - start_there))
    if length < LEAST:
        return None
    theirs = other.lines[start_there : start_there + length]
    lines = tuple(mine.lines[start : start + length])
    span = (theirs[0].line, theirs[-1].line)
    return _Block(mine, other, lines, span, mine.keys[start])


def _removed_windows(view: ChangeView, sketches: dict[str, Sketch]) -> set[int]:
    """Return the windows that the change takes away somewhere: what moves is no copy."""
    removed: set[int] = set()
    for path in view.changed_paths:
        base = view.read_base(path)
        if not base or not is_compared(path, base):
            continue
        before = Counter(Sketch(path, base).keys)
        now = Counter(sketches[path].keys) if path in sketches else Counter()
        removed.update(before - now)
    return removed


COPIES = ChangeCheck("copied code", (_RULE,), find_copied_code)
