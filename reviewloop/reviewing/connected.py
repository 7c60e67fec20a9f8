"""Tells which files that changed below a change it has to do with: what it touches and uses."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    """
    found: dict[str, set[str]] = defaultdict(set)
    ours = {path: file.path for file in change.files for path in (file.old_path, file.path)}
    theirs = {path: file.path for file in below.files for path in (file.old_path, file.path)}
    for path in ours.keys() & theirs.keys():
        found[theirs[path]].add(ours[path])

    def read(path: str) -> str | None:
        text = after(path)
        return before(path) if text is None else text

    near = ties(list(dict.fromkeys([*ours, *theirs])), read)
    for path, file in theirs.items():
        tied = (other for other, strength in near[path].items() if strength >= STRONG)
        found[file].update(ours[other] for other in tied if other in ours)
    for file, other in _by_names(change, below, before, after):
        found[file].add(other)
    for file, other in _in_one_sequence(change, below):
        found[file].add(other)
    return {file.path: tuple(sorted(found[file.path])) for file in below.files if found[file.path]}


def _by_names(
    change: Change, below: Change, before: Read, after: Read
) -> Iterator[tuple[str, str]]:
    """Yield (file below, file of the change) where one mentions what the other touches."""
    texts = {file.path: _text(file, after) for file in change.files}
    used = {path: set(_WORD.findall(text)) for path, text in texts.items()}
    for number, file in enumerate(below.files):
        names = list(_names(file, before, after, outlined=number < _OUTLINED))
        listed = _is_code(file.path) and not has_names(file.path)
        for path, words in used.items():
            by_name = any(one.means_the_same(file.path, path, words) for one in names)
            if by_name or (listed and basename(file.path) in texts[path]):
                yield file.path, path
    there: dict[str, list[_Name]] = {}
    for number, file in enumerate(change.files):
        if number < _OUTLINED:
            touched = touched_names(file, before, after)
            there[file.path] = [_Name.of(one) for one in touched if one.how != "+"]
    for file in below.files:
        words = set(_WORD.findall(_text(file, after)))
        for path, names in there.items():
            if any(one.means_the_same(file.path, path, words) for one in names):
                yield file.path, path


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

    def means_the_same(self, one: str, other: str, words: set[str]) -> bool:
        """Whether one of two files mentions, by its words, what the other touches.

        A name of several words is likely to be the same. `Order` and `total` may be anybody's, or
        words of a comment, unless the language uses types, or what is in its folder, unimported.
        """
        name = self.name
        if name not in words or (self.owner and self.owner not in words):
            return False
        if "_" in name.strip("_") or _HUMP.search(name):
            return not (name.startswith("__") and name.endswith("__"))
        language = language_of(one)
        if language != language_of(other):
            return False
        if name[0].isupper():
            return language in _UNIMPORTED
        return language in _ONE_FOLDER and dirname(one) == dirname(other)


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


def _in_one_sequence(change: Change, below: Change) -> Iterator[tuple[str, str]]:
    """Yield pairs of files that both sides added to a folder whose files follow each other."""
    added = [file.path for file in change.files if file.status == "A"]
    for file in below.files:
        if file.status != "A":
            continue
        for path in added:
            folder = dirname(path)
            if folder == dirname(file.path) and (
                basename(folder).lower() in _SEQUENCES
                or (_NUMBERED.match(basename(path)) and _NUMBERED.match(basename(file.path)))
            ):
                yield file.path, path
