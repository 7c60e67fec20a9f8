"""Reads what a git directory brings along as if an attacker had written it.

A repository that came as an archive, on a stick or out of a cache has a `.git` that somebody else
filled: its files may be links to secrets, pipes that never end, or point at other folders.
"""

import os
import re
import stat
from pathlib import Path

from reviewloop.domain.errors import WorkspaceError

MOST_BYTES = 4 << 20  # ignore rules and lists of folders are never so long
_COMMIT = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_OBJECTS = re.compile(r"[0-9a-f]{2}|info|pack|(?:tmp|incoming)[-_].*|.*\.lock|\.nfs.*|\.DS_Store")


def read_plain(path: Path | None, *, links: bool = True) -> bytes:
    """Return the content of a regular file, nothing for anything else; never waits for a pipe.

    Without `links` the file itself must not be a symbolic link. What is longer than 4 MB is cut.
    """
    if path is None:
        return b""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if links else os.O_NOFOLLOW)
    try:
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - a descriptor
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return b""
            return file.read(MOST_BYTES)
    except (OSError, ValueError):
        return b""  # git passes over what it cannot read, too


def shallow_commits(path: Path) -> bytes:
    """Return a file of shallow commits; lines that are no commit's id are left out."""
    lines = read_plain(path).split(b"\n")
    return b"".join(line + b"\n" for line in lines if _COMMIT.fullmatch(line))


def require_own_files(root: Path, git_dir: Path) -> None:
    """Refuse a git directory that claims a folder which does not name it in return.

    With `core.worktree` it could make us take somebody's home for the project.
    """
    named = root / ".git"
    if named.is_file():
        target = read_plain(named).decode("utf-8", "surrogateescape").rstrip("\r\n")
        named = root / target.removeprefix("gitdir:").strip()
    try:
        if named.samefile(git_dir):
            return
    except OSError:
        pass
    raise WorkspaceError(
        f"{git_dir} claims the files in {root}, which have another git directory or none "
        "(core.worktree); take that setting back, then run again."
    )


def refuse_endless(root: Path, git_dir: Path, common_dir: Path) -> None:
    """Refuse a repository where git would wait for ever: for a pipe in a plain file's place."""
    places = [root / name for name in (".gitignore", ".gitattributes")]
    places += [git_dir / name for name in ("HEAD", "index")]
    places += [common_dir / name for name in ("packed-refs", "shallow", "config")]
    for place in places:
        try:
            mode = place.stat().st_mode
        except OSError:
            continue
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise WorkspaceError(
                f"{place} is no plain file, and git would read it without end; remove it, then "
                "run again."
            )


def is_object_folder(folder: Path) -> bool:
    """Whether a folder holds objects of git and nothing else, so that a sandbox may read it.

    Any folder can be named as one to borrow from: a home, say.
    """
    try:
        with os.scandir(folder) as entries:
            return all(_OBJECTS.fullmatch(entry.name) for entry in entries)
    except OSError:
        return False
