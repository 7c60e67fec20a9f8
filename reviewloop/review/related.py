"""Relates changed files to each other, and a change to the changes of its base by names."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from posixpath import basename, dirname, normpath, splitext
from typing import NamedTuple

from reviewloop.analysis.outline import CONTAINERS, Symbol, language_of, outline
from reviewloop.git.diff import Change, FileChange
from reviewloop.regex import regex
from reviewloop.review.selection import LOCK_FILES

STRONG = 8  # the strength of an import or a test
_FOLDER = 2
_READ_AT_MOST = 200_000  # characters of a file
_AMBIGUOUS = 5  # files that one name may mean; with more it is ignored
_FOLDER_OF = 40  # files; in a larger folder each file is tied to the next one only
_LINE = regex(
    r"^.*\b(?:import|from|require|require_relative|include|use|using|mod|source|extends)\b.*$", re.M
)
_NAME = regex(r"[\w@$./:\\-]+")
_ENDING = regex(r"\.(?:h|hh|hpp|js|jsx|mjs|cjs|ts|tsx|css|scss|rb|sh|php|vue|tf|json|ya?ml)$")
_TEST_NAME = regex(r"^test_|^test(?=[A-Z])|_test$|_spec$|\.(?:test|spec)$|Tests?$|Spec$")
_ENTRIES = {"__init__", "index", "mod", "main", "lib"}

Ties = Mapping[str, Mapping[str, int]]
"""Path -> related paths with their strength, in both directions."""


def find_related(paths: Iterable[str], read: Callable[[str], str | None]) -> Ties:
    """Return which of these files are related; `read` returns the text of a file, or None."""
    given = list(paths)
    found: dict[str, dict[str, int]] = {path: defaultdict(int) for path in given}

    def tie(one: str, other: str, strength: int) -> None:
        if one != other:
            found[one][other] += strength
            found[other][one] += strength

    index = _Index(given)
    for path in given:
        for other in sorted(index.named_in(path, (read(path) or "")[:_READ_AT_MOST])):
            tie(path, other, STRONG)
    for one, other in _tests(given):
        tie(one, other, STRONG)
    for folder in _grouped(given, dirname).values():
        close = pairwise(folder) if len(folder) > _FOLDER_OF else _pairs(folder)
        for one, other in close:
            tie(one, other, _FOLDER)
    return found


class _Index:
    """Files by the names that sources use for them."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths: dict[str, list[str]] = defaultdict(list)  # without ending
        self._ends: dict[str, list[str]] = defaultdict(list)  # the last two or more parts of it
        self._folders: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            module = splitext(path)[0]
            if basename(module) in _ENTRIES:
                self._paths[dirname(module)].append(path)
            self._paths[module].append(path)
            self._folders[dirname(path)].append(path)
            parts = module.split("/")
            for start in range(1, len(parts) - 1):
                self._ends["/".join(parts[start:])].append(path)

    def named_in(self, path: str, text: str) -> set[str]:
        """Return the files that the imports of a file name."""
        found: set[str] = set()
        for line in _LINE.findall(text):
            names = _NAME.findall(line)
            # `from a.b import c` means a/b/c, or c inside of a/b.
            joined = []
            if names[:1] == ["from"] and len(names) > 3:
                inside = names[1] if names[1].endswith(".") else f"{names[1]}."
                joined = [inside + name for name in names[3:]]
            for name in (*names, *joined):
                found.update(self._files(name, dirname(path)))
        return found - {path}

    def _files(self, name: str, folder: str) -> list[str]:
        for target in _targets(name, folder):
            for known in (self._paths, self._ends):
                files = known.get(target, [])
                if 0 < len(files) <= _AMBIGUOUS:
                    return files
            files = self._folders.get(target, []) if "/" in target else []
            if 0 < len(files) <= _AMBIGUOUS:
                return files
        return []


def _targets(name: str, folder: str) -> Iterator[str]:
    """Yield the paths without ending that a name may mean, the most exact first."""
    plain = _ENDING.sub("", name.strip(".") if name.endswith(".") else name)
    if plain.startswith("."):
        if "/" in plain:
            yield normpath(f"{folder}/{plain}").lstrip("/")
            return
        dots = len(plain) - len(plain.lstrip("."))
        above = folder.split("/")[: len(folder.split("/")) - dots + 1]
        yield "/".join([*above, *plain.lstrip(".").split(".")]).lstrip("/")
        return
    plain = plain.replace("::", "/").replace("\\", "/").removeprefix("@/")
    if "/" not in plain:
        plain = plain.replace(".", "/")
    yield f"{folder}/{plain}" if folder else plain
    parts = plain.split("/")
    for start in range(max(1, len(parts) - 1)):  # a name without its folders is too ambiguous
        yield "/".join(parts[start:])


def _tests(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of a test and its subject, by their names."""
    for some in _grouped(paths, _subject).values():
        tests = [path for path in some if _is_test(path)]
        sources = [path for path in some if not _is_test(path)]
        if len(sources) <= _AMBIGUOUS:
            yield from ((test, source) for test in tests for source in sources)


def _is_test(path: str) -> bool:
    return _TEST_NAME.search(splitext(basename(path))[0]) is not None


def _subject(path: str) -> str:
    return _TEST_NAME.sub("", splitext(basename(path))[0]).casefold()


def _grouped(paths: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        groups[key(path)].append(path)
    return groups


def _pairs(paths: list[str]) -> Iterator[tuple[str, str]]:
    for number, path in enumerate(paths):
        for other in paths[number + 1 :]:
            yield path, other


def group_related(items: Sequence[tuple[str, int]], ties: Ties, room: int) -> list[list[int]]:
    """Return groups of indices into `items`, (path, size) pairs, each group at most `room` in sum.

    Every index is in exactly one group; an item larger than `room` has its own. Strongly related
    items are joined first, as long as they fit; then groups are filled in the order of the items,
    which keeps folders together. The same input always gives the same groups.
    """
    clusters = _Clusters([size for _, size in items])
    at = {path: position for position, (path, _) in enumerate(items)}  # the last piece of a file
    for _, one, other in sorted(
        (-strength, at[path], at[near])
        for path, tied in ties.items()
        for near, strength in tied.items()
        if strength >= STRONG and path in at and near in at and at[path] < at[near]
    ):
        clusters.join(one, other, room)
    groups: list[tuple[int, list[int]]] = []
    for size, members in clusters.in_order():
        fitting = (n for n, (used, _) in enumerate(groups) if used + size <= room)
        number = next(fitting, None)
        if number is None:
            groups.append((size, members))
        else:
            groups[number] = (groups[number][0] + size, groups[number][1] + members)
    return sorted(sorted(members) for _, members in groups)


class _Clusters:
    """Joined indices, with the size of each cluster."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = list(sizes)
        self._members = [[position] for position in range(len(sizes))]
        self._home = list(range(len(sizes)))

    def join(self, one: int, other: int, room: int) -> None:
        """Join two clusters if the result is not larger than `room`."""
        first, second = sorted((self._home[one], self._home[other]))
        if first == second or self._sizes[first] + self._sizes[second] > room:
            return
        self._sizes[first] += self._sizes[second]
        self._members[first] += self._members[second]
        for position in self._members[second]:
            self._home[position] = first

    def in_order(self) -> list[tuple[int, list[int]]]:
        """Return (size, indices) of each cluster, in the order of their first indices."""
        mine = [n for n, home in enumerate(self._home) if n == home]
        return [(self._sizes[n], self._members[n]) for n in mine]


Read = Callable[[str], str | None]

_OUTLINED = 400  # files that are parsed at most
_LARGEST = 200_000  # characters of a file that is parsed
_NAMES_SHOWN = 12  # of one file
_DATA = frozenset({"json", "yaml", "css", "html"})


class TouchedName(NamedTuple):
    """A public name that a change adds (+), removes (-), changes (=>) or whose code it touches."""

    how: str  # + | - | => | ~
    name: str  # `Class.method`
    text: str  # for users


def changed_names(change: Change, before: Read, after: Read, room: int) -> str:
    """Return a line for each file with the public names it adds, changes or removes.

    `before` and `after` read a file of the two trees. At most about `room` characters; the number
    of left-out files is appended.
    """
    lines: list[str] = []
    hidden = 0
    for number, file in enumerate(change.files):
        known = touched_names(file, before, after) if number < _OUTLINED else ()
        names = [touched.text for touched in known]
        if not names:
            hidden += number >= _OUTLINED
            continue
        more = f"; and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        line = f"{file.path}: {'; '.join(names[:_NAMES_SHOWN])}{more}"
        room -= len(line) + 1
        if room < 0:
            hidden += 1
        else:
            lines.append(line)
    if hidden:
        lines.append(f"(the names of {hidden} more files have no room here)")
    return "\n".join(lines)


def has_names(path: str) -> bool:
    """Return whether the public names of such a file can be parsed."""
    return language_of(path) not in {None, *_DATA}


def touched_names(file: FileChange, before: Read, after: Read) -> Iterator[TouchedName]:
    """Yield the public names of a file that a change touches; none where they cannot be parsed."""
    if file.binary or file.submodule or not has_names(file.path):
        return
    old = _public(file.old_path or file.path, before) if file.status != "A" else []
    new = _public(file.path, after) if file.status != "D" else []
    known = {symbol.name: symbol.signature for symbol in old}
    for symbol in new:
        name, now = symbol.name, symbol.signature or symbol.name
        if name not in known:
            yield TouchedName("+", name, f"+ {now}")
        elif known[name] != symbol.signature:
            yield TouchedName("=>", name, f"{known[name] or name} => {now}")
        elif symbol.kind not in CONTAINERS and _touched(symbol, file.added_ranges):
            yield TouchedName("~", name, f"~ {name}")
    left = {symbol.name for symbol in new}
    for name in known:
        if name not in left:
            yield TouchedName("-", name, f"- {name}")


def _public(path: str, read: Read) -> list[Symbol]:
    text = read(path)
    if text is None or len(text) > _LARGEST:
        return []
    return [s for s in outline(path, text) if not s.name.rpartition(".")[2].startswith("_")]


def _touched(symbol: Symbol, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= symbol.end_line and symbol.line <= last for first, last in ranges)


Connected = Mapping[str, tuple[str, ...]]
"""Path of a file changed in the base -> the related files of the change."""
Tie = tuple[str, str]
"""(file of the base, file of the change)."""

_NAMED = 40  # files of the change related to one file of the base
# characters read of a file; files whose names are parsed, beyond which changed lines are used
_LINES = 2000  # changed lines read of a file without names
_WORD = regex(r"[^\W\d]\w{3,}")
_PROSE = regex(r"\.(?:md|markdown|rst|txt|adoc)$", re.IGNORECASE)
# Here a file uses names of another in its folder without importing them.
_ONE_FOLDER = frozenset({"go", "java", "kotlin", "csharp", "scala", "swift", "hcl"})
_UNIMPORTED = _ONE_FOLDER | {"ruby", "php"}  # and types of other folders, too
_HUMP = regex(r"[a-z\d][A-Z]")
_NUMBERED = regex(r"[A-Za-z]{0,2}_?\d")
_SEQUENCES = {"migrations", "migrate", "versions"}


def relate_changes(change: Change, below: Change, before: Read, after: Read) -> Connected:
    """Return the relations of `change` to `below`, the changes of its new base.

    Two files are related when both sides change the file; when one imports the other or tests it;
    when one mentions a public name that the other touches (in the base any; in the change one that
    existed before), if the name is specific; or when both are added to one numbered sequence, such
    as migrations. `before` reads a file of the old base, `after` one of the current change. For
    each file of the base at most 40 files are listed, in this order of kinds.
    """
    found: dict[str, dict[str, None]] = defaultdict(dict)
    ours = {path: file.path for file in change.files for path in (file.old_path, file.path)}
    theirs = {path: file.path for file in below.files for path in (file.old_path, file.path)}
    for file, other in _all_ties(change, below, ours, theirs, before, after):
        if len(found[file]) < _NAMED:
            found[file][other] = None
    return {file.path: tuple(sorted(found[file.path])) for file in below.files if found[file.path]}


def _all_ties(
    change: Change,
    below: Change,
    ours: Mapping[str, str],
    theirs: Mapping[str, str],
    before: Read,
    after: Read,
) -> Iterator[Tie]:
    """Yield (file of the base, file of the change); `ours` and `theirs` include old
    names of files.
    """
    for path in sorted(ours.keys() & theirs.keys()):
        yield theirs[path], ours[path]

    def read(path: str) -> str | None:
        text = after(path)
        return before(path) if text is None else text

    near = find_related(list(dict.fromkeys([*ours, *theirs])), read)
    for path, file in theirs.items():
        for other, strength in near[path].items():
            if strength >= STRONG and other in ours:
                yield file, ours[other]
    yield from _by_names(change, below, before, after)
    yield from _in_one_sequence(change, below)


def _by_names(change: Change, below: Change, before: Read, after: Read) -> Iterator[Tie]:
    """Yield (file of the base, file of the change) where one mentions names that the
    other touches.
    """
    texts = {file.path: _text(file, after) for file in change.files}
    words = _Words(texts)
    for number, file in enumerate(below.files):
        names = _names(file, before, after, outlined=number < _OUTLINED)
        for path in words.mention(file.path, names):
            yield file.path, path
        if _is_code(file.path) and not has_names(file.path):
            name = basename(file.path)
            likely = words.holding(max(_WORD.findall(name), key=len, default=""))
            yield from ((file.path, path) for path in likely if name in texts[path])
    words = _Words({file.path: _text(file, after) for file in below.files})
    for file in change.files[:_OUTLINED]:
        touched = touched_names(file, before, after)
        there = [_Name.of(one) for one in touched if one.how != "+"]
        for path in words.mention(file.path, there):
            yield path, file.path


class _Words:
    """An index of words to files, so that names are looked up, not searched in each file."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._languages = {path: language_of(path) for path in texts}
        self._holding: dict[str, dict[str, None]] = defaultdict(dict)
        for path, text in texts.items():
            for word in set(_WORD.findall(text)):
                self._holding[word][path] = None

    def holding(self, word: str) -> Iterable[str]:
        """Return the files that hold a word, or all for ""."""
        return self._holding.get(word, {}) if word else self._languages

    def mention(self, path: str, names: Iterable["_Name"]) -> Iterator[str]:
        """Yield the files that mention one of the names touched in the file `path`."""
        mentioned: set[str] = set()
        for one in dict.fromkeys(names):
            holding = self._holding.get(one.name, {})
            with_owner = self._holding.get(one.owner, {}) if one.owner else holding
            for other in one.meant_in(path, holding, self._languages):
                if other not in mentioned and other in with_owner:
                    mentioned.add(other)
                    yield other


class _Name(NamedTuple):
    """A name that one side touches; `owner` is the class that must be mentioned with it."""

    name: str
    owner: str = ""

    @classmethod
    def of(cls, touched: TouchedName) -> "_Name":
        owner, _, name = touched.name.rpartition(".")
        # A call of a removed method breaks, whatever its class. A changed body or a new method
        # concerns only users of this class: many have a `to_dict`.
        return cls(name, owner.rpartition(".")[2] if touched.how in {"~", "+"} else "")

    def meant_in(
        self, path: str, holding: Iterable[str], languages: Mapping[str, str | None]
    ) -> Iterable[str]:
        """Return those files with the name that are likely to mean this one.

        It is touched in `path`. A name of several words is likely to be the same. `Order` and
        `total` may be other names, or words of a comment, unless the language uses types, or names
        of its folder, without imports.
        """
        name, language = self.name, language_of(path)
        if "_" in name.strip("_") or _HUMP.search(name):
            return () if name.startswith("__") and name.endswith("__") else holding
        if name[0].isupper() and language in _UNIMPORTED:
            return (other for other in holding if languages[other] == language)
        if not name[0].isupper() and language in _ONE_FOLDER:
            near = (other for other in holding if dirname(other) == dirname(path))
            return (other for other in near if languages[other] == language)
        return ()


def _names(file: FileChange, before: Read, after: Read, *, outlined: bool) -> Iterable[_Name]:
    """Return the names that a file's change is about."""
    if not _is_code(file.path) or file.binary or file.submodule:
        return ()
    if has_names(file.path) and outlined:
        return [_Name.of(one) for one in touched_names(file, before, after)]
    if file.added + file.removed > _LINES:
        return ()
    lines = (line.text for hunk in file.hunks for line in hunk.lines if line.sign in "+-")
    return [_Name(word) for word in sorted(set(_WORD.findall("\n".join(lines))))]


def _text(file: FileChange, after: Read) -> str:
    if file.binary or file.submodule or not _is_code(file.path):
        return ""
    return (after(file.path) or "")[:_LARGEST]


def _is_code(path: str) -> bool:
    """Return whether the content of a file can break something; prose cannot."""
    return not _PROSE.search(path) and basename(path).lower() not in LOCK_FILES


def _in_one_sequence(change: Change, below: Change) -> Iterator[Tie]:
    """Yield pairs of files that both sides added to a folder with a numbered sequence."""
    added: dict[str, list[str]] = defaultdict(list)
    for file in change.files:
        if file.status == "A":
            added[dirname(file.path)].append(file.path)
    for file in below.files:
        folder = dirname(file.path)
        if file.status != "A" or folder not in added:
            continue
        if basename(folder).lower() in _SEQUENCES:
            yield from ((file.path, path) for path in added[folder][:_NAMED])
        elif _NUMBERED.match(basename(file.path)):
            numbered = (path for path in added[folder] if _NUMBERED.match(basename(path)))
            yield from ((file.path, path) for path in islice(numbered, _NAMED))
