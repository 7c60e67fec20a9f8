"""Finds copies with other names or values: equal line by line once those are blurred."""

from collections.abc import Iterator, Sequence

from reviewloop.analysis.contract import ChangeView
from reviewloop.analysis.languages import language_of
from reviewloop.dataclass import dataclass
from reviewloop.rules.diff.copied_lines import (
    LITERAL,
    NUMBER,
    WORD,
    Sketch,
    is_compared,
    is_logic,
    runs_of,
)

LEAST = 8  # lines in a row; fewer are similar by chance
_NEIGHBOURS = 20  # files beside the changed ones that are compared
_NEIGHBOUR_TEXT = 200_000  # characters of them
_LOCATIONS = 4  # of one blurred window; more often, it is idiomatic code
_EQUAL_NAMES = 1 / 3  # of the names of both locations: with none in common they are unrelated
_KEYWORDS_TEXT = """
    abstract and as assert async auto await base begin bool break byte case catch chan char class
    const continue def default defer delete do double elif else elsif end enum except export extends
    false False final finally float fn for foreach from func function global go goto if impl import
    in instanceof int interface is lambda let long loop map match mod mut namespace new nil None
    nonlocal not null or package pass print private protected public raise range readonly record
    ref rescue return select self short static str string struct super switch template then this
    throw throws trait true True try type typedef typeof union unless unsafe until use using val var
    virtual void when where while with yield
"""
_KEYWORDS = frozenset(_KEYWORDS_TEXT.split())


@dataclass(frozen=True)
class NearCopy:
    """Lines of the change that equal another location except for names and values."""

    path: str
    first: int
    last: int
    other_path: str
    other_first: int
    other_last: int
    count: int  # significant lines


@dataclass(frozen=True)
class _Location:
    sketch: Sketch
    shapes: list[str]
    at: int


def near_copies(
    view: ChangeView,
    sketches: dict[str, Sketch],
    added: dict[str, frozenset[int]],
    covered: set[tuple[str, int]],
) -> Iterator[NearCopy]:
    """Yield near copies of other code of the change, of its files and of files beside them.

    `sketches` are the changed files with their `added` lines; `covered` lines are reported already.
    """
    fresh = {
        path: [t.line in added[path] and (path, t.line) not in covered for t in sketch.lines]
        for path, sketch in sketches.items()
    }
    runs = {path: runs_of(flags) for path, flags in fresh.items()}
    if not any(max(run) >= LEAST for run in runs.values()):
        return
    shapes = {path: [_blurred(t.text) for t in s.lines] for path, s in sketches.items()}
    index: dict[int, list[_Location]] = {}
    for other in (*sketches.values(), *_neighbours(view, sketches)):
        theirs = shapes.get(other.path) or [_blurred(t.text) for t in other.lines]
        for at, key in enumerate(_keys(theirs)):
            locations = index.setdefault(key, [])
            if len(locations) <= _LOCATIONS:
                locations.append(_Location(other, theirs, at))
    moved = _gone(view, sketches)
    for path, sketch in sketches.items():
        at, mine = 0, shapes[path]
        keys = _keys(mine)
        while at < len(keys):
            most = runs[path][at]
            if most < LEAST:
                at += 1
                continue
            found = None
            locations = index.get(keys[at], [])
            if len(locations) <= _LOCATIONS and keys[at] not in moved:
                found = _best(_Location(sketch, mine, at), locations, most, fresh)
            if found is None:
                at += 1
                continue
            location, length = found
            lines, theirs_lines = sketch.lines[at:], location.sketch.lines[location.at :]
            yield NearCopy(
                path,
                lines[0].line,
                lines[length - 1].line,
                location.sketch.path,
                theirs_lines[0].line,
                theirs_lines[length - 1].line,
                length,
            )
            at += length


def _best(
    mine: _Location, locations: Sequence[_Location], most: int, fresh: dict[str, list[bool]]
) -> tuple[_Location, int] | None:
    """Return the location with the most lines equal except for names, and their number."""
    best: tuple[_Location, int] | None = None
    order = {path: number for number, path in enumerate(fresh)}
    for location in locations:
        same_file = location.sketch is mine.sketch
        if same_file and location.at == mine.at:
            continue
        # Of two new locations the later one is the copy.
        flags = fresh.get(location.sketch.path)
        if flags is not None and flags[location.at]:
            here = (order[mine.sketch.path], mine.at)
            if (order[location.sketch.path], location.at) > here:
                continue
        limit = min(most, abs(location.at - mine.at)) if same_file else most
        length = _alike(mine, location, limit)
        if length >= LEAST and (best is None or length > best[1]):
            best = (location, length)
    return best


def _alike(mine: _Location, theirs: _Location, most: int) -> int:
    """Return how many lines agree under a one-to-one mapping of the names of the two locations."""
    to: dict[str, str] = {}
    back: dict[str, str] = {}
    length = equal = 0
    while length < most:
        a, b = mine.at + length, theirs.at + length
        if b >= len(theirs.shapes) or mine.shapes[a] != theirs.shapes[b]:
            break
        text, other = mine.sketch.lines[a].text, theirs.sketch.lines[b].text
        pairs = list(zip(_names(text), _names(other), strict=True))
        if any(to.get(x, y) != y or back.get(y, x) != x for x, y in pairs):
            break
        for x, y in pairs:
            to[x], back[y] = y, x
        equal += text == other
        length += 1
    block = mine.sketch.lines[mine.at : mine.at + length]
    kept = sum(1 for x, y in to.items() if x == y)
    if length < LEAST or equal == length or not is_logic(block):
        return 0
    return length if kept >= len(to) * _EQUAL_NAMES else 0


def _neighbours(view: ChangeView, sketches: dict[str, Sketch]) -> Iterator[Sketch]:
    """Yield files of the same languages in the folders of the changed ones, up to a limit."""
    folders = {path.rpartition("/")[0] for path in sketches}
    languages = {language_of(path, "") for path in sketches}
    files, characters = 0, 0
    for path in view.list_new():
        if path.rpartition("/")[0] not in folders or path in sketches:
            continue
        if language_of(path, "") not in languages or not is_compared(path, ""):
            continue
        text = view.read_new(path) or ""
        files, characters = files + 1, characters + len(text)
        if files > _NEIGHBOURS or characters > _NEIGHBOUR_TEXT:
            return
        if is_compared(path, text):
            yield Sketch(path, text)


def _gone(view: ChangeView, sketches: dict[str, Sketch]) -> set[int]:
    """Return the blurred windows that the change removes: moved code is no copy."""
    gone: set[int] = set()
    for path in view.changed_paths:
        base = view.read_base(path)
        if base and is_compared(path, base):
            before = _keys([_blurred(t.text) for t in Sketch(path, base).lines])
            now = sketches[path].lines if path in sketches else []
            gone.update(set(before) - set(_keys([_blurred(t.text) for t in now])))
    return gone


def _keys(shapes: list[str]) -> list[int]:
    """Return a number for every window of lines, equal for equal windows."""
    hashes = [hash(shape) for shape in shapes]
    return [hash(tuple(hashes[at : at + LEAST])) for at in range(len(hashes) - LEAST + 1)]


def _blurred(text: str) -> str:
    """Return a line with names, literals and numbers blurred; keywords and signs stay."""
    text = NUMBER.sub("0", LITERAL.sub('"', text))
    return WORD.sub(lambda word: word[0] if word[0] in _KEYWORDS else "a", text)


def _names(text: str) -> list[str]:
    text = NUMBER.sub("0", LITERAL.sub('"', text))
    return [word for word in WORD.findall(text) if word not in _KEYWORDS]
