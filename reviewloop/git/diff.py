"""Reads the difference of two trees: names and counts first, hunks on demand."""

from collections.abc import Iterable
from dataclasses import field
from functools import cached_property

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.objects import ObjectPool
from reviewloop.git.patches import (
    DIFF_FLAGS,
    SUBMODULE,
    DiffLine,
    Facts,
    Hunk,
    Patches,
    PatchSource,
    Status,
    new_side,
    parse_facts,
)
from reviewloop.git.paths import shown
from reviewloop.git.process import Git

__all__ = ["Change", "DiffLine", "FileChange", "Hunk", "Status", "read_change"]

_NUL_SEARCH = 8000  # bytes; the same as git's check for text


@dataclass(frozen=True)
class FileChange:
    """One changed file. Its facts are loaded; `hunks` and what depends on them are read once."""

    path: str
    old_path: str  # differs from path only for renames
    status: Status
    old_mode: str
    new_mode: str
    old_oid: str
    new_oid: str
    binary: bool
    added: int
    removed: int
    _patches: "Patches" = field(repr=False, compare=False)
    _position: int = field(repr=False, compare=False)

    @property
    def submodule(self) -> bool:
        """Whether the change moves a submodule, which has no content to read."""
        return SUBMODULE in {self.old_mode, self.new_mode}

    @property
    def patch(self) -> str:
        """The file's part of the diff with its header, as valid UTF-8."""
        return self._patches.text(self._position)

    @property
    def hunks(self) -> tuple[Hunk, ...]:
        """The hunks of the file; none for binary files, pure renames and mode changes.

        Raises WorkspaceError when they do not match git's own counts.
        """
        if self.binary:
            return ()
        blocks = self._patches.blocks(self._position)
        self._check(blocks.added, blocks.removed)
        return blocks.hunks

    @cached_property
    def added_ranges(self) -> tuple[tuple[int, int], ...]:
        """First and last line of each run of added lines: 1-based, inclusive, in the new file."""
        if self.binary:
            return ()
        ranges, added, removed = self._patches.ranges(self._position)
        self._check(added, removed)
        return ranges

    @property
    def added_lines(self) -> tuple[tuple[int, int], ...]:
        """The same as `added_ranges`."""
        return self.added_ranges

    @property
    def added_text(self) -> dict[int, str]:
        """Line number in the new file -> text, of the added lines."""
        return {number: line.text for number, line in new_side(self.hunks) if line.sign == "+"}

    def line_text(self, line: int) -> str | None:
        """Return a line of the new file if the diff shows it (added or context), else None."""
        return next((found.text for at, found in new_side(self.hunks) if at == line), None)

    def _check(self, added: int, removed: int) -> None:
        if (added, removed) != (self.added, self.removed):
            raise WorkspaceError(
                f"The diff of {shown(self.path)} has +{added} -{removed} lines, but git "
                f"counts +{self.added} -{self.removed}; please report this with the two versions."
            )


@dataclass(frozen=True)
class Change:
    """The difference between two trees; it may be empty."""

    old: str
    new: str
    files: tuple[FileChange, ...]
    _source: "PatchSource" = field(repr=False, compare=False)

    def __bool__(self) -> bool:
        return bool(self.files)

    @property
    def added(self) -> int:
        """Added lines of all files."""
        return sum(file.added for file in self.files)

    @property
    def removed(self) -> int:
        """Removed lines of all files."""
        return sum(file.removed for file in self.files)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the files, without old names of renamed ones."""
        return tuple(file.path for file in self.files)

    def file(self, path: str) -> FileChange | None:
        """Return the file with this (new) path, or None when it is not part of the change."""
        return self._by_path.get(path)

    def added_lines(self, path: str) -> tuple[tuple[int, int], ...]:
        """Return the ranges of added lines of a file; none for files outside the change."""
        file = self.file(path)
        return file.added_ranges if file else ()

    def patch(self, paths: Iterable[str] | None = None, context_lines: int | None = None) -> str:
        """Return the diff text of all or some files, as valid UTF-8."""
        requested = None if paths is None else set(paths)
        patches = self._source.patches(context_lines)
        return "".join(
            patches.text(position)
            for position, file in enumerate(self.files)
            if requested is None or file.path in requested
        )

    @cached_property
    def _by_path(self) -> dict[str, FileChange]:
        return {file.path: file for file in self.files}


def read_change(git: Git, pool: ObjectPool, old: str, new: str, context_lines: int = 3) -> Change:
    """Return the change from one tree (or commit) of `git`'s repository to another."""
    output = git.run("diff-tree", "--raw", "--numstat", "-z", *DIFF_FLAGS, old, new, "--")
    facts = tuple(parse_facts(output))
    binary = [fact.counts is None and _is_binary(pool, fact) for fact in facts]
    source = PatchSource(git, old, new, context_lines, facts, tuple(binary))
    patches = source.patches(None)
    files = []
    for position, fact in enumerate(facts):
        counts = (0, 0) if binary[position] else fact.counts
        if counts is None or (fact.status == "T" and not binary[position]):
            # Text that git calls binary (attributes, a size limit), or a change of type, which git
            # counts as an edit while the diff shows two whole files.
            counts = patches.ranges(position)[1:]
        files.append(FileChange(*fact[:7], binary[position], *counts, patches, position))
    return Change(old, new, tuple(files), source)


def _is_binary(pool: ObjectPool, fact: Facts) -> bool:
    """Return whether a version has a NUL byte near its start, whatever attributes say."""
    for mode, oid in ((fact.old_mode, fact.old_oid), (fact.new_mode, fact.new_oid)):
        if mode not in {"000000", SUBMODULE} and b"\0" in (pool.read(oid, _NUL_SEARCH) or b""):
            return True
    return False
