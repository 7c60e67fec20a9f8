"""Checks paths that a model names in a tree: relative, plain, and never git's own folder."""

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping

from reviewloop.domain.errors import WorkspaceError
from reviewloop.regex import regex

_MODES = {"100644", "100755", "120000"}
_MAX_NAME = 255  # bytes; no disk has longer names
_MAX_PATH = 4000
# HFS+ ignores these characters, so `.g\u200cit` is `.git` there.
_IGNORED_BY_HFS = regex("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_GIT_ALIASES = regex(r"\.git|git~\d+")
_GIT_MODULES = regex(r"\.gitmodules|(gitmod|gi7e\w*)~\d+")


class UnsafePathError(WorkspaceError):
    """A path that leaves the tree, names git's own folder, or leads through something else."""


def checked_path(path: str) -> str:
    """Return the path unchanged, or raise UnsafePathError with the reason."""
    if not path or "\0" in path:
        raise UnsafePathError(f"{path!r} is no file path.")
    if path.startswith(("/", "~/")):
        raise UnsafePathError(f"{path!r} is absolute; name files relative to the project's root.")
    try:
        raw = os.fsencode(path)
    except UnicodeEncodeError:
        raise UnsafePathError(f"{path!r} cannot be the name of a file.") from None
    if len(raw) > _MAX_PATH or any(len(name) > _MAX_NAME for name in raw.split(b"/")):
        raise UnsafePathError(f"{path[:80]!r}… is too long for a file name.")
    for name in path.split("/"):
        if name in {"", ".", ".."}:
            raise UnsafePathError(f"{path!r} is not a plain path; leave out empty, . and .. parts.")
        if any(_is_git_folder(part) for part in name.split("\\")):
            raise UnsafePathError(f"{path!r} names git's own folder, which is out of bounds.")
    return path


def shown(path: str) -> str:
    """Return a path as valid UTF-8 for a message: each foreign byte becomes one character."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def parents(path: str) -> tuple[str, ...]:
    """Return the folders above a path, outermost first: `a/b/c` gives `a` and `a/b`."""
    parts = path.split("/")[:-1]
    return tuple("/".join(parts[: count + 1]) for count in range(len(parts)))


def named_by(changes: Iterable[str]) -> tuple[str, ...]:
    """Return the paths of an edit and all folders above them; raise for unsafe ones."""
    requested: dict[str, None] = {}
    for path in changes:
        checked_path(path)
        requested.update(dict.fromkeys((*parents(path), path)))
    return tuple(requested)


def check_edit(
    modes_there: Mapping[str, str], changes: Mapping[str, bytes | None], modes: Mapping[str, str]
) -> None:
    """Raise for an edit that leads through files, or creates other entries than files.

    `modes_there` has the tree's modes at the paths from `named_by`.
    """
    removed = {path for path, content in changes.items() if content is None}
    for path, content in changes.items():
        if modes.get(path, "100644") not in _MODES:
            raise UnsafePathError(f"{shown(path)} cannot have the mode {modes[path]}.")
        for parent in parents(path):
            if modes_there.get(parent, "040000") != "040000" and parent not in removed:
                raise UnsafePathError(
                    f"{shown(path)} leads through {shown(parent)}, which is no folder."
                )
            if changes.get(parent) is not None:
                raise UnsafePathError(
                    f"{shown(path)} lies below {shown(parent)}, which is written as a file."
                )
        _check_target(path, modes_there.get(path), content is not None and path not in modes)
        if modes.get(path) == "120000" and _is_alias(path.rpartition("/")[2], _GIT_MODULES):
            raise UnsafePathError(f"{shown(path)} cannot be a link: git reads it as settings.")


def _check_target(path: str, mode: str | None, writes_plainly: bool) -> None:
    if mode in {"040000", "160000"}:
        kind = "folder" if mode == "040000" else "submodule"
        raise UnsafePathError(f"{shown(path)} is a {kind}; only files can be written or removed.")
    if mode == "120000" and writes_plainly:
        raise UnsafePathError(f"{shown(path)} is a symbolic link; remove it, then write a file.")


def _is_git_folder(name: str) -> bool:
    return _is_alias(name, _GIT_ALIASES)


def _is_alias(name: str, aliases: re.Pattern[str]) -> bool:
    """Return whether some disk treats this name as git's: case, NTFS streams and short
    names, HFS+.
    """
    plain = _IGNORED_BY_HFS.sub("", unicodedata.normalize("NFKC", name)).casefold()
    return bool(aliases.fullmatch(plain.split(":")[0].rstrip(". ")))
