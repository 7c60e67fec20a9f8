"""Reads the rules of a review from the base commit, and finds those that the change edits."""

import os
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reviewloop.app.project import PYPROJECT, SETTINGS_FILE
from reviewloop.git.comparison import Comparison
from reviewloop.git.paths import UnsafePathError, checked_path
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import folders_down_to, path_in_repository
from reviewloop.regex import regex
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line

_PATHS = (
    SETTINGS_FILE,
    PYPROJECT,
    ".kiroignore",
    ".reviewloop",
    ".kiro/agents",
    ".kiro/steering",
)
_NAMED = 3  # files in a sentence


def edited_judges(comparison: Comparison, project: str = "") -> tuple[str, ...]:
    """Return the paths of settings, agents, steering and baseline that the change edits."""
    private, old, new = comparison.private, comparison.base, comparison.new
    folders = folders_down_to(project)
    names = tuple(path_in_repository(one, name) for one in folders for name in _PATHS)
    changed: Iterable[str] = sorted(comparison.changed)
    if comparison.old != old:  # only some paths are reviewed; a rule file may be another path
        listing = private.git.run("diff-tree", "-r", "--name-only", "-z", old, new)
        changed = [os.fsdecode(path) for path in listing.split(b"\0") if path]
    inside = tuple(f"{name}/" for name in names)
    paths = [
        path
        for path in changed
        if path in names or path.startswith(inside) or path.rpartition("/")[2] == "AGENTS.md"
    ]
    for path in {path_in_repository(folder, PYPROJECT) for folder in folders}.intersection(paths):
        before, after = (_table(private.read(tree, path)) for tree in (old, new))
        if before == after:
            paths.remove(path)
    return tuple(paths)


def rules_notice(paths: tuple[str, ...], *, base: bool) -> str:
    """Return one line: the change edits its own rules, and which version applies."""
    named = ", ".join(map(one_line, paths[:_NAMED]))
    more = f" and {counted(len(paths) - _NAMED, 'more file')}" if paths[_NAMED:] else ""
    counts = (
        "the old version counts"
        if base
        else "the new version counts (--rules-from base uses the old one)"
    )
    return f"the change edits rules of its own review ({named}{more}): {counts}"


def _table(data: bytes | None) -> Any:
    """Return our settings in a pyproject.toml; all of it where it cannot be parsed."""
    if not data or b"reviewloop" not in data:
        return None
    try:
        tool = tomllib.loads(data.decode("utf-8-sig")).get("tool", {})
    except ValueError:
        return data
    return tool.get("reviewloop") if isinstance(tool, dict) else data


_FOLDERS = (".reviewloop/", ".kiro/agents/", ".kiro/steering/")
_ENDS = tuple(f"/{name}" for name in (SETTINGS_FILE, PYPROJECT, "AGENTS.md", ".kiroignore"))
_REFERENCE = regex(rb"#\[\[file:([^\]\n]+)\]\]|file://([^\s\"']+)")
_MOST_BYTES = 1024 * 1024  # of one file; rules are prose
_MOST_REFERENCES = 200


@contextmanager
def rules_of(private: PrivateRepo, tree: str) -> Iterator[Path]:
    """Yield a folder with the review rules of a tree, laid out as in the repository.

    Plain files only: links are left out, and invalid paths of a forged tree are skipped.
    """
    with tempfile.TemporaryDirectory(prefix="reviewloop-") as name:
        root = Path(name)
        plain = {e.path for e in private.entries(tree) if e.mode.startswith("100")}
        rules = [path for path in sorted(plain) if _is_rule(path)]
        named: dict[str, None] = {}
        for path in rules:
            text = _write(private, tree, path, root)
            for inside in (match[1] or match[2] for match in _REFERENCE.finditer(text)):
                named |= dict.fromkeys(_locations(inside.decode("utf-8", "replace").strip(), path))
        for path in list(named)[:_MOST_REFERENCES]:
            if path in plain:
                _write(private, tree, path, root)
        yield root


def _is_rule(path: str) -> bool:
    # A nested folder may be a project with its own rules.
    inner = f"/{path}"
    return inner.endswith(_ENDS) or any(f"/{folder}" in inner for folder in _FOLDERS)


def _locations(reference: str, of: str) -> Iterator[str]:
    """Yield the paths a reference may mean: from the root, or from the file that has it."""
    for start in (Path(), Path(of).parent):
        parts: list[str] = []
        for part in (start / reference).parts:
            if part == "..":
                parts = parts[:-1]
            elif part not in {"/", "."}:
                parts.append(part)
        yield "/".join(parts)


def _write(private: PrivateRepo, tree: str, path: str, root: Path) -> bytes:
    data = private.read(tree, path)
    if data is None or len(data) > _MOST_BYTES:
        return b""
    try:
        target = root / checked_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except (UnsafePathError, OSError):  # `..`, or a name that is a file and a folder
        return b""
    return data
