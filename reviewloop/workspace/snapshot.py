"""Turns the person's files, uncommitted ones included, into a tree; nothing of theirs is run."""

import os

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
    paths = changed_paths(git)
    if paths:
        for path, name in filters(git, paths).items():
            raise WorkspaceError(
                f"{shown(path)} was changed and needs the filter {name!r}, "
                "which is not run here; commit or stash that file, then run again."
            )
        store(git, paths)
    return git.text("write-tree")


def unresolved(git: Git) -> WorkspaceError:
    """Return the error for an index with conflicts."""
    return WorkspaceError(
        f"{git.work_tree} has unresolved merge conflicts; resolve them, then run again."
    )


def changed_paths(git: Git) -> list[bytes]:
    """Return modified, deleted and untracked paths; nested repositories belong to themselves."""
    changed = git.run("diff-files", "--name-only", "-z", "--ignore-submodules=dirty")
    untracked = git.run("ls-files", "-o", "--exclude-standard", "-z")
    paths = [path for path in changed.split(b"\0") if path]
    return paths + [path for path in untracked.split(b"\0") if path and not path.endswith(b"/")]


def filters(git: Git, paths: list[bytes]) -> dict[str, str]:
    """Return path -> name of its filter, for the paths that have one."""
    output = git.run("check-attr", "-z", "--stdin", "filter", input=b"\0".join(paths) + b"\0")
    fields = output.split(b"\0")
    return {
        os.fsdecode(path): value.decode("utf-8", "replace")
        for path, value in zip(fields[0::3], fields[2::3], strict=False)
        if value not in {b"unspecified", b"unset"}
    }


def store(git: Git, paths: list[bytes]) -> None:
    """Take these files into the index as they are on disk, or out of it when they are gone."""
    listing = b"\0".join(paths) + b"\0"
    git.run("update-index", "--add", "--remove", "-z", "--stdin", input=listing)
