"""Stores the user's files as a tree for a review; unreadable files are listed, not refused."""

import os
import re
import stat
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.attributes import attributes_in
from reviewloop.git.lfs import HEADER
from reviewloop.git.paths import shown
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.git.repository import forget_assumed
from reviewloop.git.review_repository import ReviewRepository
from reviewloop.git.snapshot import (
    cannot_read,
    changed_paths,
    filters,
    pointer_line,
    store,
    unresolved,
)
from reviewloop.regex import regex


class Unread(StrEnum):
    """Why the content of a file is not read, in words; other reasons are sentences of their own."""

    IN_LFS = "in Git LFS; its content is not read"


_MAX_BYTES = 32 << 20  # of one changed file; storing it would take longer than the review
_MOST_CODE = 5_000_000  # bytes; larger files are not read anyway
_MANY = 30  # files
_ENCRYPTS = regex(r"crypt|gpg|pgp|ssl|sops|secret|vault|seal|blackbox|strongbox|\bage\b", re.I)
_MARKED = regex(rb"(?:\A|\0)(?:[a-z]|M|S) ")  # of `ls-files -v`: assumed, unmerged, skipped


@dataclass(frozen=True)
class Taken:
    """The files as a tree, with the paths that kept their old version, and why."""

    tree: str
    unreadable: tuple[tuple[str, str], ...] = ()
    unread: frozenset[str] = frozenset()  # of these, encrypted files that must not be read
    raw: tuple[tuple[str, str], ...] = ()  # (path, filter that git would have run)
    skipped: frozenset[str] = frozenset()  # marked skip-worktree: may be missing on disk


def take_files(
    private: PrivateRepo, repository: ReviewRepository, extra: tuple[str, ...] = ()
) -> Taken:
    """Return the tree of the files on disk: staged, modified and untracked ones, and `extra`.

    `extra` paths are included although they are ignored. Where git would run a filter, the bytes on
    disk are used, unless the filter encrypts. Raises WorkspaceError for unresolved conflicts and
    for unreadable files.
    """
    with private.scratch_index() as scratch:
        git, skipped = _copied(repository, private, scratch, None)
        gone, there = changed_paths(git)
        there += [os.fsencode(path) for path in extra]
        unreadable: dict[str, str] = {}
        raw = _filtered(private, repository, git, there, unreadable)
        unread = frozenset(path for path, reason in unreadable.items() if reason != Unread.IN_LFS)
        there = [path for path in there if os.fsdecode(path) not in unreadable]
        there = [path for path in there if not _is_special(repository, path, unreadable)]
        _store(repository, git, gone, there)
        listed = tuple(sorted(unreadable.items()))
        return Taken(_write(git), listed, unread, tuple(sorted(raw.items())), skipped)


def take_staged(private: PrivateRepo, repository: ReviewRepository) -> Taken:
    """Return the tree of the index: what `git commit` would commit now."""
    with private.scratch_index() as scratch:
        source = os.environ.get("GIT_INDEX_FILE")  # `git commit -a` gives its hooks another index
        named = Path(source) if source else None
        if named and not named.is_absolute():
            named = repository.user.root / named
        if named and not named.resolve().is_relative_to(repository.user.git_dir.resolve()):
            named = None
        git, skipped = _copied(repository, private, scratch, named)
        return Taken(_write(git), skipped=skipped)


def is_pointer(data: bytes | None) -> bool:
    """Return whether a blob is the pointer of a file in Git LFS."""
    return data is not None and data.startswith(HEADER)


def _copied(
    repository: ReviewRepository, private: PrivateRepo, scratch: Git, source: Path | None
) -> tuple[Git, frozenset[str]]:
    if scratch.index is None:
        raise ValueError("a scratch index has a path")
    git = repository.user.build_index(private.git, scratch.index, source)
    output = git.run("ls-files", "-v", "-z")
    if not _MARKED.search(output):
        return git, frozenset()
    listed = [(line[:1], line[2:]) for line in output.split(b"\0") if line]
    if any(mark in b"Mm" for mark, _ in listed):
        raise unresolved(git)
    forget_assumed(git, [path for mark, path in listed if mark.islower()])
    return git, frozenset(os.fsdecode(path) for mark, path in listed if mark in b"Ss")


def _write(git: Git) -> str:
    # A review needs no objects of unchanged files (partial clones lack many).
    return git.text("write-tree", "--missing-ok")


def raw_notes(raw: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return a sentence for each (path, filter) that would have changed the content."""
    paths: dict[str, list[str]] = {}
    for path, name in raw:
        paths.setdefault(name, []).append(shown(path))
    notes = []
    for name, (first, *others) in sorted(paths.items()):
        files = f"{first} and {len(others)} more as they are" if others else f"{first} as it is"
        whose = "their" if others else "its"
        notes.append(f"{files} on disk: {whose} filter {name!r} was not run")
    return tuple(notes)


def _filtered(
    private: PrivateRepo,
    repository: ReviewRepository,
    git: Git,
    paths: list[bytes],
    unreadable: dict[str, str],
) -> dict[str, str]:
    """Return path -> filter of files whose bytes on disk are used; add others to `unreadable`.

    Git ignores a filter without a program too. Attributes are often the repository's own, so no
    filter may silently exclude a file from a review.
    """
    raw: dict[str, str] = {}
    pointers: list[bytes] = []
    filtered = filters(git, paths)
    known = _in_lfs(private, repository, [path for path, name in filtered.items() if name == "lfs"])
    for path, name in filtered.items():
        if name == "lfs":
            if path not in known and _is_small(repository, path):
                raw[path] = name  # only the change's own attributes put it into Git LFS
                continue
            if line := pointer_line(git, path):
                pointers.append(line)
                unreadable[path] = Unread.IN_LFS
            continue
        programs = [
            repository.config.get(f"filter.{name}.{kind}", "") for kind in ("clean", "process")
        ]
        if _ENCRYPTS.search(" ".join((name, *programs))) and any(programs):
            unreadable[path] = f"needs the filter {name!r}, which encrypts and is not run here"
        elif any(programs):
            raw[path] = name
    if pointers:
        git.run("update-index", "-z", "--index-info", input=b"\0".join(pointers) + b"\0")
    return raw


def _in_lfs(private: PrivateRepo, repository: ReviewRepository, paths: list[str]) -> frozenset[str]:
    """Return the paths that attributes of the last commit put into Git LFS."""
    if not paths or repository.user.head is None:
        return frozenset(paths)
    tree = private.git.text("rev-parse", f"{repository.user.head}^{{tree}}")
    attributes = attributes_in(private, tree, paths, ("filter",))
    return frozenset(path for path, values in attributes.items() if values.get("filter") == "lfs")


def _is_small(repository: ReviewRepository, path: str) -> bool:
    """Return whether a file may be code: Git LFS is for larger files."""
    try:
        return (repository.user.root / path).lstat().st_size <= _MOST_CODE
    except OSError:
        return False


def _is_special(repository: ReviewRepository, path: bytes, unreadable: dict[str, str]) -> bool:
    name = os.fsdecode(path)
    try:
        found = (repository.user.root / name).lstat()
    except OSError:
        return False  # deleted; or git reports why it cannot be read
    mode = found.st_mode
    if stat.S_ISREG(mode) and found.st_size > _MAX_BYTES:
        size, limit = found.st_size >> 20, _MAX_BYTES >> 20
        unreadable[name] = f"is {size} MB large; changed files over {limit} MB are not read"
    elif not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):
        unreadable[name] = "is no regular file"
    return name in unreadable


def _store(repository: ReviewRepository, git: Git, gone: list[bytes], there: list[bytes]) -> None:
    try:
        store(git, gone, there, _one_pack(git) if len(there) > _MANY else None)
    except WorkspaceError:
        for path in map(os.fsdecode, there):
            try:
                mode = (repository.user.root / path).lstat().st_mode
                if stat.S_ISREG(mode):
                    (repository.user.root / path).open("rb").close()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise cannot_read(path, error) from None
        raise


def _one_pack(git: Git) -> dict[str, str] | None:
    """Return settings by which git writes new content to one pack, eight times as fast as files.

    Before 2.37, `git update-index` would make a pack of each file.
    """
    version = re.search(r"(\d+)\.(\d+)", git.text("version"))
    if version is None or tuple(map(int, version.groups())) < (2, 37):
        return None
    return {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "core.bigFileThreshold",
        "GIT_CONFIG_VALUE_0": "1",
        "GIT_CONFIG_KEY_1": "core.fsync",
        "GIT_CONFIG_VALUE_1": "none",
    }
