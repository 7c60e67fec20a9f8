"""The table of manifests: by file name, who reads them and which lock files pin them."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from reviewloop.rules.dependencies.manifest import Manifest
from reviewloop.rules.dependencies.node_manifests import read_package_json
from reviewloop.rules.dependencies.other_manifests import (
    read_cargo_toml,
    read_gemfile,
    read_go_mod,
    read_gradle,
    read_pom,
)
from reviewloop.rules.dependencies.python_manifests import (
    read_development_requirements,
    read_pipfile,
    read_pyproject,
    read_requirements,
    read_setup_cfg,
    read_setup_py,
)


@dataclass(frozen=True)
class Format:
    """One kind of manifest."""

    name: re.Pattern[str]  # matched against the whole path
    read: Callable[[str], Manifest]
    locks: tuple[str, ...] = ()  # beside it, or in the root of its workspace
    workspace: tuple[tuple[str, str], ...] = ()  # (file, words in it) that make a root


def _named(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:.*/)?{pattern}")


_PYTHON_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "pixi.lock")
_NODE_LOCKS = (
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock",
    "bun.lockb",
)  # fmt: skip
_COMPILED = ("{stem}.txt",)  # pip-compile's, beside what it was compiled from
_DEVELOPMENT = r"dev|develop|development|test|tests|testing|doc|docs|lint|ci|build|typing|types"

_ONLY_DEVELOPERS = (
    rf"(?:requirements[-_.](?:{_DEVELOPMENT})|(?:{_DEVELOPMENT})[-_.]requirements"
    rf"|requirements/(?:{_DEVELOPMENT}))"
)
_ANYBODY = r"(?:[^/]*requirements[^/]*|requirements/[^/]+)"

FORMATS: tuple[Format, ...] = (
    Format(_named(rf"{_ONLY_DEVELOPERS}\.in"), read_development_requirements, _COMPILED),
    Format(_named(rf"{_ONLY_DEVELOPERS}\.txt"), read_development_requirements),
    Format(_named(rf"{_ANYBODY}\.in"), read_requirements, _COMPILED),
    Format(_named(rf"{_ANYBODY}\.txt"), read_requirements),
    Format(
        _named(r"pyproject\.toml"), read_pyproject, _PYTHON_LOCKS,
        (("pyproject.toml", "[tool.uv.workspace]"),),
    ),
    Format(_named("Pipfile"), read_pipfile, ("Pipfile.lock",)),
    Format(_named(r"setup\.cfg"), read_setup_cfg),
    Format(_named(r"setup\.py"), read_setup_py),
    Format(
        _named(r"package\.json"), read_package_json, _NODE_LOCKS,
        (("package.json", '"workspaces"'), ("pnpm-workspace.yaml", "packages")),
    ),
    Format(
        _named(r"Cargo\.toml"), read_cargo_toml, ("Cargo.lock",), (("Cargo.toml", "[workspace"),)
    ),
    Format(_named(r"go\.mod"), read_go_mod, ("go.sum",)),
    Format(_named("(?:Gemfile|gems\\.rb)"), read_gemfile, ("Gemfile.lock", "gems.locked")),
    Format(_named(r"pom\.xml"), read_pom),
    Format(_named(r"build\.gradle(?:\.kts)?"), read_gradle, ("gradle.lockfile",)),
)  # fmt: skip


def format_of(path: str) -> Format | None:
    """Return the kind of manifest a path names, None when it names none."""
    return next((known for known in FORMATS if known.name.fullmatch(path)), None)


def lock_of(
    path: str, known: Format, paths: Collection[str], read: Callable[[str], str | None]
) -> str:
    """Return the path of the lock file that pins a manifest, "" when there is none.

    `paths` are those of the new tree. A lock further up counts only in the root of a workspace.
    """
    folder, _, name = path.rpartition("/")
    names = [lock.format(stem=name.rpartition(".")[0]) for lock in known.locks]
    beside = True
    while True:
        prefix = f"{folder}/" if folder else ""
        if beside or any(words in (read(prefix + file) or "") for file, words in known.workspace):
            lock = next((prefix + lock for lock in names if prefix + lock in paths), "")
            if lock:
                return lock
        if not folder:
            return ""
        folder, beside = folder.rpartition("/")[0], False
