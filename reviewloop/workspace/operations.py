"""Tells what git is in the middle of: a merge, a rebase, picking commits, a bisection."""

from pathlib import Path

from reviewloop.workspace.distrusted import read_plain

# In this order: a rebase leaves CHERRY_PICK_HEAD behind while it stops at a conflict.
_MARKS = (
    ("rebase-merge", "rebase"),
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("BISECT_LOG", "bisect"),
)


def operation(git_dir: Path) -> str | None:
    """Return what git is in the middle of (merge, rebase, ...), or None."""
    found = (what for name, what in _MARKS if (git_dir / name).exists())
    if what := next(found, None):
        return what
    todo = read_plain(git_dir / "sequencer/todo")  # between two commits of several
    return ("revert" if todo.startswith(b"revert") else "cherry-pick") if todo else None
