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
        raise WorkspaceError(
            f"{git.work_tree} has unresolved merge conflicts; resolve them, then run again."
        )
    changed = git.run("diff-files", "--name-only", "-z", "--ignore-submodules=dirty")
    untracked = git.run("ls-files", "-o", "--exclude-standard", "-z")
    # A nested repository is listed as a folder; it belongs to itself, not to this change.
    paths = [path for path in changed.split(b"\0") if path]
    paths += [path for path in untracked.split(b"\0") if path and not path.endswith(b"/")]
    if paths:
        listing = b"\0".join(paths) + b"\0"
        _refuse_filtered(git, listing)
        git.run("update-index", "--add", "--remove", "-z", "--stdin", input=listing)
    return git.text("write-tree")


def _refuse_filtered(git: Git, listing: bytes) -> None:
    output = git.run("check-attr", "-z", "--stdin", "filter", input=listing)
    fields = output.split(b"\0")
    for path, value in zip(fields[0::3], fields[2::3], strict=False):
        if value not in {b"unspecified", b"unset"}:
            name = value.decode("utf-8", "replace")
            raise WorkspaceError(
                f"{shown(os.fsdecode(path))} was changed and needs the filter {name!r}, "
                "which is not run here; commit or stash that file, then run again."
            )
