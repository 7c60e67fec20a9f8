"""Which of the files that say how a change is judged the change itself edits."""

import os
import tomllib
from typing import Any

from reviewloop.output.figures import counted
from reviewloop.output.untrusted import one_line
from reviewloop.runs.project import PYPROJECT, SETTINGS_FILE
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.projects import below, folders_down_to

_PATHS = (
    SETTINGS_FILE,
    PYPROJECT,
    ".kiroignore",
    ".reviewloop",
    ".kiro/agents",
    ".kiro/steering",
)
_NAMED = 3  # files in a sentence


def edited_judges(private: PrivateRepo, old: str, new: str, project: str = "") -> tuple[str, ...]:
    """Return the paths of settings, agents, steering and baseline that differ in two trees."""
    folders = folders_down_to(project)
    names = tuple(below(one, name) for one in folders for name in _PATHS)
    listing = private.git.run("diff-tree", "-r", "--name-only", "-z", old, new)
    changed = [os.fsdecode(path) for path in listing.split(b"\0") if path]
    inside = tuple(f"{name}/" for name in names)
    paths = [
        path
        for path in changed
        if path in names or path.startswith(inside) or path.rpartition("/")[2] == "AGENTS.md"
    ]
    for path in {below(folder, PYPROJECT) for folder in folders}.intersection(paths):
        before, after = (_table(private.read(tree, path)) for tree in (old, new))
        if before == after:
            paths.remove(path)
    return tuple(paths)


def told_of(paths: tuple[str, ...], *, base: bool) -> str:
    """Return in one line that a change edits what judges it, and which version counts."""
    named = ", ".join(map(one_line, paths[:_NAMED]))
    more = f" and {counted(len(paths) - _NAMED, 'more file')}" if paths[_NAMED:] else ""
    counts = (
        "the old version counts"
        if base
        else "the new version counts (--rules-from base uses the old one)"
    )
    return f"the change edits rules of its own review ({named}{more}): {counts}"


def _table(data: bytes | None) -> Any:
    """Return our settings in a pyproject.toml; all of it where nobody can tell."""
    if not data or b"reviewloop" not in data:
        return None
    try:
        tool = tomllib.loads(data.decode("utf-8-sig")).get("tool", {})
    except ValueError:
        return data
    return tool.get("reviewloop") if isinstance(tool, dict) else data
