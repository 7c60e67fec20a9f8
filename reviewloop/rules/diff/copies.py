"""Finds code of the change that exists elsewhere too: copied instead of shared."""

from collections import Counter
from collections.abc import Iterator

from reviewloop.analysis.contract import (
    ChangeCheck,
    ChangeView,
    Hit,
    SourceFile,
    Span,
)
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity
from reviewloop.rules.catalogue import rule
from reviewloop.rules.diff.copied_lines import (
    LEAST,
    Sketch,
    SketchLine,
    distinctiveness,
    is_compared,
    is_logic,
    runs_of,
)
from reviewloop.rules.diff.near_copies import NearCopy, near_copies

_FEW, _MANY = 6, 10  # lines from which on a copy is a nit, and a should-fix
_MANY_NEAR = 16  # the same for a copy with other names
_PROBES = 200  # lines of the change to search for in the repository
_COMMON = 12  # a line in more locations is not distinctive
_READ = 60  # files of the repository that are compared

_RULE = rule("diff/copied-code")


@dataclass(frozen=True)
class _Block:
    """A run of significant lines of a changed file that exists elsewhere too."""

    mine: Sketch
    theirs: Sketch
    lines: tuple[SketchLine, ...]
    other: tuple[int, int]  # first and last line of the other location
    key: int  # of its first window, to recognise it in the base

    @property
    def path(self) -> str:
        return self.mine.path

    @property
    def other_path(self) -> str:
        return self.theirs.path

    def grown(self, added: frozenset[int]) -> tuple[Span, tuple[int, int], int]:
        """Return both locations extended by equal lines after them, and the significant lines."""
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
    """Yield a hit for each location of the change with code that exists elsewhere, too."""
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
    moved = None
    exact: set[tuple[str, int]] = set()
    for block in (*within, *_from_repository(view, sketches, added, covered)):
        exact |= {(block.path, sketch_line.line) for sketch_line in block.lines}
        exact |= {(block.other_path, line) for line in range(block.other[0], block.other[1] + 1)}
        moved = _removed_windows(view, sketches) if moved is None else moved
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
    for near in near_copies(view, sketches, added, exact):
        yield _near_hit(near)


def _near_hit(near: NearCopy) -> Hit:
    where = f"{near.other_path}:{near.other_first}-{near.other_last}"
    return Hit(
        _RULE.id,
        near.path,
        Span(near.first, near.last),
        f"These {near.count} lines stand in {where} too, with other names or values.",
        severity=Severity.SHOULD_FIX if near.count >= _MANY_NEAR else Severity.NIT,
        identity=f"near copy of {near.other_path}",
    )


def _within(files: list[SourceFile], sketches: dict[str, Sketch]) -> Iterator[_Block]:
    """Yield the copies inside the change, each with the earlier location."""
    seen: dict[int, tuple[str, int]] = {}
    for file in files:
        sketch, added = sketches[file.path], file.added_numbers
        fresh = [sketch_line.line in added for sketch_line in sketch.lines]
        run = runs_of(fresh)
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


def _shared(mine: Sketch, at: int, theirs: Sketch, there: int, most: int) -> int:
    """Return how many significant lines are equal from two locations on."""
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
    """Yield the blocks of the change that unchanged code of the repository already has."""
    probes = _probes(sketches, added, covered)
    if not probes:
        return
    locations: dict[str, list[tuple[str, int]]] = {}
    for path, line, text in view.search_new(sorted(probes)):
        shown = " ".join(text.split())
        if shown in probes and line not in added.get(path, ()):
            locations.setdefault(shown, []).append((path, line))
    others: dict[str, Sketch | None] = {}
    done: set[tuple[str, int]] = set()
    for probe, (path, at) in sorted(probes.items(), key=lambda item: item[1]):
        for other_path, line in locations.get(probe, ())[:_COMMON]:
            if len(locations[probe]) > _COMMON or (path, sketches[path].lines[at].line) in done:
                break
            other = _sketch_of(view, other_path, sketches, others)
            block = other and _around(sketches[path], at, added[path], other, line)
            if block:
                done.update((path, sketch_line.line) for sketch_line in block.lines)
                yield block
                break


def _probes(
    sketches: dict[str, Sketch], added: dict[str, frozenset[int]], covered: set[tuple[str, int]]
) -> dict[str, tuple[str, int]]:
    """Return the most distinctive of every six added lines, with its location."""
    found: list[tuple[int, str, tuple[str, int]]] = []
    for path, sketch in sketches.items():
        fresh = [t.line in added[path] and (path, t.line) not in covered for t in sketch.lines]
        run = runs_of(fresh)
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
    for _, text, first_seen in found:
        if len(probes) >= _PROBES:
            break
        probes.setdefault(text, first_seen)
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
    """Return the windows that the change removes somewhere: moved code is no copy."""
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
