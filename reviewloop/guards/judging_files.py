"""Notices when a change edits what decides whether it is green."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from reviewloop.guards.base import GuardInput, ReadFile
from reviewloop.guards.surroundings import Surroundings, table

_WHOLE_FILES = ("pytest.ini", ".pytest.ini", "tox.ini", ".coveragerc", "ruff.toml", ".ruff.toml")
_MAKEFILES = ("Makefile", "makefile", "GNUmakefile")
_OURS = ("reviewloop.toml",)


def changed_judges(change: GuardInput) -> Iterator[str]:
    """Yield a reason for each file whose part in judging changes is changed by this one.

    A new file in a repository that had none is how a project gets its tests: no reason.
    """
    for path in (*_OURS, *_WHOLE_FILES, *_MAKEFILES):
        file = change.change.file(path)
        if file is not None and (file.status != "A" or path in _OURS):
            yield f"{path} takes part in judging changes and is changed"
    for path, part, read in _PARTS:
        if change.change.file(path) is None:
            continue
        before = read(_files(path, change.read_base))
        if before and before != read(_files(path, change.read_new)):
            yield f"{part} of {path} takes part in judging changes and is changed"


def _files(path: str, read: ReadFile) -> Surroundings:
    return Surroundings(read, frozenset({path}), Path(), (), "")


def _scripts(files: Surroundings) -> dict[str, Any]:
    scripts = table(files.json("package.json"), "scripts")
    names = ("build", "test", "lint", "pretest", "posttest", "prebuild", "postbuild")
    return {name: scripts[name] for name in names if name in scripts}


def _tools(files: Surroundings) -> dict[str, Any]:
    tools = table(files.toml("pyproject.toml"), "tool")
    return {name: tools[name] for name in ("pytest", "coverage", "reviewloop") if name in tools}


_PARTS: tuple[tuple[str, str, Callable[[Surroundings], dict[str, Any]]], ...] = (
    ("package.json", "a script", _scripts),
    ("pyproject.toml", "a tool's table", _tools),
)
