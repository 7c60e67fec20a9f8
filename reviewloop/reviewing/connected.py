"""Tells which files that changed below a change it has to do with: what it touches and uses."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from posixpath import basename, dirname
from typing import NamedTuple

from reviewloop.reviewing.changed_names import TouchedName, has_names, touched_names
from reviewloop.reviewing.neighbours import STRONG, ties
from reviewloop.reviewing.selection import LOCK_FILES
from reviewloop.workspace.diff import Change, FileChange
from reviewloop.workspace.outline import language_of

Read = Callable[[str], str | None]
Connected = Mapping[str, tuple[str, ...]]
"""Path of a file that changed below -> the files of the change that it has to do with."""
Tie = tuple[str, str]
"""(file below, file of the change)."""

_NAMED = 40  # files of the change that one file below is said to have to do with
_LARGEST = 200_000  # characters of a file that is looked at
_OUTLINED = 400  # files whose names are told; of more their changed lines are
_LINES = 2000  # changed lines of a file without names that are looked at
_WORD = re.compile(r"[^\W\d]\w{3,}")
_PROSE = re.compile(r"\.(?:md|markdown|rst|txt|adoc)$", re.IGNORECASE)
# Here one file uses the names of another in its folder without importing them.
_ONE_FOLDER = frozenset({"go", "java", "kotlin", "csharp", "scala", "swift", "hcl"})
_UNIMPORTED = _ONE_FOLDER | {"ruby", "php"}  # and types of other folders, too
_HUMP = re.compile(r"[a-z\d][A-Z]")
_NUMBERED = re.compile(r"[A-Za-z]{0,2}_?\d")
_SEQUENCES = {"migrations", "migrate", "versions"}


def connected(change: Change, below: Change, before: Read, after: Read) -> Connected:
    """Return what of `below`, the change of the commits under it, `change` touches or uses.

    That is a file that both change; one of them imports the other or tests it; one mentions a
    public name that the other touches (below: any; in the change: one that was there before), if
    the name is telling enough; or both are added to one numbered sequence, such as migrations.
    `before` reads a file of the commit below as it was, `after` one of the change as it is now.
    Of each file below at most 40 such files are named, those of the first kinds first.
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
    """Yield (file below, file of the change); `ours` and `theirs` know files by old names, too."""
    for path in sorted(ours.keys() & theirs.keys()):
        yield theirs[path], ours[path]

    def read(path: str) -> str | None:
        text = after(path)
        return before(path) if text is None else text

    near = ties(list(dict.fromkeys([*ours, *theirs])), read)
    for path, file in theirs.items():
        for other, strength in near[path].items():
            if strength >= STRONG and other in ours:
                yield file, ours[other]
    yield from _by_names(change, below, before, after)
    yield from _in_one_sequence(change, below)


def _by_names(change: Change, below: Change, before: Read, after: Read) -> Iterator[Tie]:
    """Yield (file below, file of the change) where one mentions what the other touches."""
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
    """Which files hold a word, so that a name is looked up and not searched in each of them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._languages = {path: language_of(path) for path in texts}
        self._holding: dict[str, dict[str, None]] = defaultdict(dict)
        for path, text in texts.items():
            for word in set(_WORD.findall(text)):
                self._holding[word][path] = None

    def holding(self, word: str) -> Iterable[str]:
        """Return the files that hold a word, all of them for none."""
        return self._holding.get(word, {}) if word else self._languages

    def mention(self, path: str, names: Iterable["_Name"]) -> Iterator[str]:
        """Yield the files that mention one of the names, which are touched in the file `path`."""
        said: set[str] = set()
        for one in dict.fromkeys(names):
            holding = self._holding.get(one.name, {})
            with_owner = self._holding.get(one.owner, {}) if one.owner else holding
            for other in one.meant_in(path, holding, self._languages):
                if other not in said and other in with_owner:
                    said.add(other)
                    yield other


class _Name(NamedTuple):
    """A name that one side touches; `owner` is the class that must be mentioned with it."""

    name: str
    owner: str = ""

    @classmethod
    def of(cls, touched: TouchedName) -> "_Name":
        owner, _, name = touched.name.rpartition(".")
        # Who calls a method that is gone breaks, whatever class it thinks of. Its inside, or a
        # new one, concerns who works with this class: many have a `to_dict`.
        return cls(name, owner.rpartition(".")[2] if touched.how in {"~", "+"} else "")

    def meant_in(
        self, path: str, holding: Iterable[str], languages: Mapping[str, str | None]
    ) -> Iterable[str]:
        """Return those of the files that hold the name which are likely to mean it.

        It is touched in `path`. A name of several words is likely to be the same. `Order` and
        `total` may be anybody's, or words of a comment, unless the language uses types, or what is
        in its folder, unimported.
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
    """Whether what a file says can break something; nothing breaks by what is written of it."""
    return not _PROSE.search(path) and basename(path).lower() not in LOCK_FILES


def _in_one_sequence(change: Change, below: Change) -> Iterator[Tie]:
    """Yield pairs of files that both sides added to a folder whose files follow each other."""
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
