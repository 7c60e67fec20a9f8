"""Turns the person's files, uncommitted ones included, into a tree; nothing of theirs is run."""

import os
from collections.abc import Mapping

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.git import Git
from reviewloop.workspace.paths import shown


def snapshot(git: Git) -> str:
    """Update the index of `git` (a copy of the person's) from the work tree; return its tree.

    Raises WorkspaceError for unresolved conflicts, unreadable files, and changed files whose
    committed form depends on a filter program, which we never start.
    """
    if git.run("ls-files", "-u", "-z"):
        raise unresolved(git)
    gone, there = changed_paths(git)
    for path, name in filters(git, there).items():
        raise WorkspaceError(
            f"{shown(path)} was changed and needs the filter {name!r}, "
            "which is not run here; commit or stash that file, then run again."
        )
    store(git, gone, there)
    return git.text("write-tree")


def unresolved(git: Git) -> WorkspaceError:
    """Return the error for an index with conflicts."""
    return WorkspaceError(
        f"{git.work_tree} has unresolved merge conflicts; resolve them, then run again."
    )


def changed_paths(git: Git) -> tuple[list[bytes], list[bytes]]:
    """Return the paths that are gone, and those that are modified or untracked.

    Nested repositories belong to themselves, not to this change.
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


def store(
    git: Git, gone: list[bytes], there: list[bytes], env: Mapping[str, str] | None = None
) -> None:
    """Take files into the index as they are on disk, and out of it those that are gone.

    What is gone goes first: a folder may have become a file, or a link that leads elsewhere.
    """
    for flags, paths in ((("--force-remove",), gone), (("--add", "--remove"), there)):
        if paths:
            listing = b"\0".join(paths) + b"\0"
            git.run("update-index", *flags, "-z", "--stdin", input=listing, env_extra=env)
