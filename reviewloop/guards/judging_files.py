"""Notices when a change edits what decides whether it is green."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from reviewloop.guards.base import GuardInput, ReadFile
from reviewloop.guards.surroundings import Surroundings, table
from reviewloop.workspace.projects import below, folders_down_to

_WHOLE_FILES = ("pytest.ini", ".pytest.ini", "tox.ini", ".coveragerc", "ruff.toml", ".ruff.toml")
_MAKEFILES = ("Makefile", "makefile", "GNUmakefile")
_OURS = ("reviewloop.toml",)


def changed_judges(change: GuardInput) -> Iterator[str]:
    """Yield a reason for each file whose part in judging changes is changed by this one.

    In a repository without any tests, what is new is how it gets them: no reason.
    """
    for folder in folders_down_to(change.env.project):
        for name in (*_OURS, *_WHOLE_FILES, *_MAKEFILES):
            file = change.change.file(below(folder, name))
            if file is not None and (file.status != "A" or name in _OURS):
                yield f"{file.path} takes part in judging changes and is changed"
    for name, part, read in _PARTS:
        for file in change.change.files:
            if name not in {file.path.rpartition("/")[2], file.old_path.rpartition("/")[2]}:
                continue
            before = read(_files(file.old_path, change.read_base))
            after = read(_files(file.path, change.read_new))
            if before != after and (before or change.tested_before()):
                yield f"{part} of {file.path} takes part in judging changes and is changed"


def _files(path: str, read: ReadFile) -> Surroundings:
    return Surroundings(read, frozenset({path}), Path(), (), "")


def _scripts(files: Surroundings) -> dict[str, Any]:
    package = files.json(*files.paths)
    scripts = table(package, "scripts")
    names = ("build", "test", "lint", "pretest", "posttest", "prebuild", "postbuild")
    found = {name: scripts[name] for name in names if name in scripts}
    found |= {key: value for key, value in scripts.items() if key.startswith("test:")}
    return found | {name: package[name] for name in _RUNNERS if name in package}


def _tools(files: Surroundings) -> dict[str, Any]:
    tools = table(files.toml(*files.paths), "tool")
    return {name: tools[name] for name in ("pytest", "coverage", "reviewloop") if name in tools}


def _sections(files: Surroundings) -> dict[str, Any]:
    found = files.ini(*files.paths)
    return {name: found[name] for name in found if name.startswith(("tool:pytest", "coverage:"))}


_RUNNERS = ("jest", "vitest", "mocha", "ava", "karma", "tap", "nyc", "c8", "jasmine")
_PARTS: tuple[tuple[str, str, Callable[[Surroundings], dict[str, Any]]], ...] = (
    ("package.json", "a script or a test runner's table", _scripts),
    ("pyproject.toml", "a tool's table", _tools),
    ("setup.cfg", "a section", _sections),
)
