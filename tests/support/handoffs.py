"""Handoffs for tests: commits in a directory of ours, and texts."""

from pathlib import Path
from typing import Any

from reviewloop.git.directory import write_git_dir
from reviewloop.git.process import Git
from reviewloop.github.artifacts.handoff import Handoff

OURS = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {"NAME": "reviewloop", "EMAIL": "reviewloop@localhost"}.items()
}


def scratch(repo: Path, folder: Path) -> Git:
    """Return git on a bare directory of ours that sees the objects of a checkout."""
    write_git_dir(folder, objects=[repo / ".git/objects"], head="ref: refs/heads/x", settings={})
    return Git(folder)


def task(base: str, commit: str, **more: Any) -> Handoff:
    words: dict[str, Any] = {
        "title": "Find items",
        "body": "What it is.",
        "base_branch": "main",
    } | more
    branch = words.pop("branch", "reviewloop/2.1")
    return Handoff(kind="task", repo="octo/demo", branch=branch, onto=base, commit=commit, **words)
