"""Finds the project where a person stands: a repository may hold several, each in its folder."""

import os
import re
import tomllib
from pathlib import Path

from reviewloop.workspace.distrusted import read_plain

_FOLDERS = (".kiro", ".reviewloop", ".specify", "openspec")
_NOT_PROJECTS = frozenset({"node_modules", "openspec", "specs", "docs", "venv"})
_FEATURE = re.compile(r"\d+-")
_TASK = re.compile(rb"^\s*[-*] \[[ xX~-]\]", re.MULTILINE)


def folder_in(root: Path, start: Path) -> str:
    """Return a folder relative to the checkout at `root`, "" for the root and for any outside."""
    try:
        place = start.resolve().relative_to(root.resolve())
    except ValueError:
        return ""
    return "" if place == Path() else place.as_posix()


def project_at(root: Path, here: str) -> str:
    """Return the nearest folder upwards from `here` that is a project, "" for the root.

    A project has specs, steering, agents or settings of its own.
    """
    parts = here.split("/") if here else []
    for depth, name in enumerate(parts):
        if name.startswith(".") or name in _NOT_PROJECTS:
            parts = parts[:depth]
            break
    while parts:
        folder = "/".join(parts)
        if _is_project(root / folder):
            return folder
        parts.pop()
    return ""


def folders_down_to(project: str) -> list[str]:
    """Return the root ("") and each folder from there to the project, the outermost first."""
    parts = project.split("/") if project else []
    return ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]


def below(project: str, name: str) -> str:
    """Return the path of a project's file as the repository has it."""
    return f"{project}/{name}" if project else name


def _is_project(folder: Path) -> bool:
    return (
        any((folder / name).is_dir() for name in _FOLDERS)
        or os.path.lexists(folder / "reviewloop.toml")
        or _has_table(folder / "pyproject.toml")
        or _has_features(folder / "specs")
        or _has_spec_file(folder / "docs")
    )


def _has_table(path: Path) -> bool:
    data = read_plain(path)
    try:
        tool = tomllib.loads(data.decode("utf-8-sig")).get("tool", {})
    except ValueError:
        return b"[tool.reviewloop" in data  # broken: whoever reads it says so
    return isinstance(tool, dict) and "reviewloop" in tool


def _has_features(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return any(
        _FEATURE.match(one.name) and any((one / n).is_file() for n in ("spec.md", "tasks.md"))
        for one in sorted(folder.iterdir())
    )


def _has_spec_file(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return any(_TASK.search(read_plain(path)) for path in sorted(folder.glob("*-spec.md")))
