"""Stores the user's files, uncommitted ones included, as a tree; runs none of their programs."""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.lfs import LARGEST, parse_pointer, pointer_for
from reviewloop.git.paths import shown
from reviewloop.git.process import Git


def snapshot(git: Git, *, lfs_pointers: bool = False) -> str:
    """Update the index of `git` (a copy of the user's) from the work tree; return its tree.

    Raises WorkspaceError for unresolved conflicts, unreadable files, and changed files whose
    committed form depends on a filter program, which we never start. With `lfs_pointers`, changed
    files of Git LFS become the pointers that its filter would make of them.
    """
    if git.run("ls-files", "-u", "-z"):
        raise unresolved(git)
    gone, there = changed_paths(git)
    lines = []
    for path, name in filters(git, there).items():
        if name == "lfs":
            line = pointer_line(git, path)
            if line is None:
                continue  # already a pointer
            if lfs_pointers or _holds(git, line):
                lines.append(line)
                there.remove(os.fsencode(path))
                continue
        raise WorkspaceError(
            f"{shown(path)} was changed and needs the filter {name!r}, "
            "which is not run here; commit or stash that file, then run again."
        )
    store(git, gone, there)
    if lines:
        git.run("update-index", "-z", "--index-info", input=b"\0".join(lines) + b"\0")
    return git.text("write-tree")


def unresolved(git: Git) -> WorkspaceError:
    """Return the error for an index with conflicts."""
    return WorkspaceError(
        f"{git.work_tree} has unresolved merge conflicts; resolve them, then run again."
    )


def changed_paths(git: Git) -> tuple[list[bytes], list[bytes]]:
    """Return the deleted paths, and the modified or untracked ones.

    Nested repositories are left out.
    """
    output = git.run("diff-files", "--name-status", "-z", "--ignore-submodules=dirty")
    fields = output.split(b"\0")
    gone: list[bytes] = []
    there: list[bytes] = []
    for status, path in zip(fields[0::2], fields[1::2], strict=False):
        (gone if status == b"D" else there).append(path)
    untracked = git.run("ls-files", "-o", "--exclude-standard", "-z")
    there += [path for path in untracked.split(b"\0") if path and not path.endswith(b"/")]
    return gone, there


def filters(git: Git, paths: list[bytes]) -> dict[str, str]:
    """Return path -> name of its filter, for the paths that have one."""
    if not paths:
        return {}
    output = git.run("check-attr", "-z", "--stdin", "filter", input=b"\0".join(paths) + b"\0")
    fields = output.split(b"\0")
    return {
        os.fsdecode(path): value.decode("utf-8", "replace")
        for path, value in zip(fields[0::3], fields[2::3], strict=False)
        if value not in {b"unspecified", b"unset"}
    }


def _holds(git: Git, line: bytes) -> bool:
    """Return whether the index has this entry already: the file is touched, not changed."""
    facts, _, path = line.partition(b"\t")
    return git.run("ls-files", "-s", "-z", "--", os.fsdecode(path)).startswith(facts + b" ")


def pointer_line(git: Git, path: str) -> bytes | None:
    """Return the index line that Git LFS would commit; None where no filter is needed.

    That is for other entries than regular files, and for a file that is a pointer itself.
    """
    with _opened(git, path) as file:
        if file is None or parse_pointer(file.read(LARGEST + 1)):
            return None
        file.seek(0)
        text = pointer_for(file).text()
        mode = os.fstat(file.fileno()).st_mode
    known = git.run("ls-files", "-s", "-z", "--", path).split(b" ")[0]
    plain = b"100755" if mode & stat.S_IXUSR else b"100644"
    oid = git.run("hash-object", "-w", "--stdin", "--no-filters", input=text).strip()
    return (known or plain) + b" " + oid + b"\t" + os.fsencode(path)


@contextmanager
def _opened(git: Git, path: str) -> Iterator[IO[bytes] | None]:
    """Yield a regular file of the work tree; links are not followed, pipes do not block."""
    if git.work_tree is None:
        raise ValueError("files are in a work tree")
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(git.work_tree / path, flags)
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            yield None
            return
        raise cannot_read(path, error) from None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        yield file if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def cannot_read(path: str, error: OSError) -> WorkspaceError:
    """Return the error for a file without read permission."""
    return WorkspaceError(
        f"{shown(path)} cannot be read ({error.strerror}); make it readable or ignore it, "
        "then run again."
    )


def store(
    git: Git, gone: list[bytes], there: list[bytes], env: Mapping[str, str] | None = None
) -> None:
    """Add files to the index from disk, and remove deleted ones.

    Deleted ones come first: a folder may have become a file, or a link that leads elsewhere.
    """
    for flags, paths in ((("--force-remove",), gone), (("--add", "--remove"), there)):
        if paths:
            listing = b"\0".join(paths) + b"\0"
            git.run("update-index", *flags, "-z", "--stdin", input=listing, env_extra=env)
