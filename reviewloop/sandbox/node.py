"""Links the checkout's node_modules into the workspace, with local packages from the workspace."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from reviewloop.checkout.files import remove_tree
from reviewloop.domain.errors import WorkspaceError

_NAME = "node_modules"
_MARKER = ".reviewloop"
_CACHES = frozenset({".cache", ".vite", ".vite-temp", ".vitest"})
_DEPTH = 6


def link_node_modules(user_root: Path, workspace: Path) -> tuple[str, ...]:
    """Make every node_modules folder of the checkout usable in the workspace; return notes.

    Packages are links to the checkout's installed ones. Links among them to the checkout's own code
    (npm workspaces, `file:` dependencies) are redirected to the workspace.
    """
    notes = []
    for relative in _projects(workspace):
        source, target = user_root / relative / _NAME, workspace / relative / _NAME
        if not source.is_dir():
            continue
        if _NAME not in _real(source).parts:
            notes.append(f"{relative / _NAME} is a link to something else and is not used.")
            continue
        if target.is_symlink() or (target.exists() and not (target / _MARKER).exists()):
            notes.append(f"{relative / _NAME} is part of the repository and used as it is.")
            continue
        try:
            _link(source, target, user_root.resolve(), workspace)
        except OSError as error:
            raise WorkspaceError(
                f"{source} could not be mirrored for the gates: {error}."
            ) from error
    return tuple(notes)


def verify_node_modules(user_root: Path, workspace: Path) -> str | None:
    """Return why the workspace would use the checkout's own JavaScript, None if it does not."""
    root = user_root.resolve()
    for relative in _projects(workspace):
        folder = workspace / relative / _NAME
        if not (folder / _MARKER).exists():
            continue
        for link in _packages(folder):
            if _own_code(_real(link), root):
                name = link.relative_to(folder)
                return f"{relative / _NAME}/{name} leads to the checkout, not to the workspace"
    return None


def installed_node_modules(user_root: Path) -> tuple[Path, ...]:
    """Return the node_modules folders of the checkout's projects."""
    found = (user_root / relative / _NAME for relative in _projects(user_root))
    return tuple(folder for folder in found if folder.is_dir())


def _projects(workspace: Path) -> Iterator[Path]:
    """Yield the folders with a package.json, and the root, relative to the workspace."""
    for folder, names, files in os.walk(workspace):
        relative = Path(folder).relative_to(workspace)
        names[:] = [n for n in names if n != _NAME and not n.startswith(".")]
        if len(relative.parts) >= _DEPTH:
            names.clear()
        if "package.json" in files or not relative.parts:
            yield relative


def _packages(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("@") and entry.is_dir() and not entry.is_symlink():
            yield from sorted(entry.iterdir())
        elif entry.name not in _CACHES | {_MARKER, ".bin"}:
            yield entry


def _link(source: Path, target: Path, root: Path, workspace: Path) -> None:
    if target.exists():
        remove_tree(target)
    target.mkdir()
    (target / _MARKER).touch()
    for cache in _CACHES:
        (target / cache).mkdir()
    for entry in sorted(source.iterdir()):
        if entry.name in _CACHES:
            continue
        if entry.name == ".bin" and entry.is_dir() and _NAME in _real(entry).parts:
            _link_programs(entry, target / ".bin", root, workspace)
        elif entry.name == ".bin":
            continue  # a link to anything: its files would be copied
        elif entry.name.startswith("@") and entry.is_dir() and not entry.is_symlink():
            (target / entry.name).mkdir()
            for scoped in sorted(entry.iterdir()):
                _link_one(scoped, target / entry.name / scoped.name, root, workspace)
        else:
            _link_one(entry, target / entry.name, root, workspace)


def _link_one(entry: Path, target: Path, root: Path, workspace: Path) -> None:
    real_entry = _real(entry)
    if entry.is_symlink() and _own_code(real_entry, root):
        target.symlink_to(workspace / real_entry.relative_to(root))
    else:
        target.symlink_to(entry.absolute())


def _link_programs(source: Path, target: Path, root: Path, workspace: Path) -> None:
    target.mkdir()
    for entry in sorted(source.iterdir()):
        if entry.is_symlink() and not Path(os.readlink(entry)).is_absolute():  # noqa: PTH115 - as text
            # `../eslint/bin/eslint.js` is valid here too, through our link to the package.
            (target / entry.name).symlink_to(os.readlink(entry))  # noqa: PTH115 - as text
        elif entry.is_symlink():
            _link_one(entry, target / entry.name, root, workspace)
        elif entry.is_file():
            shutil.copy2(entry, target / entry.name)


def _real(path: Path) -> Path:
    """Return the target of a path; unlike in `Path.resolve`, cyclic links are no error."""
    return Path(os.path.realpath(path))


def _own_code(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) and _NAME not in path.relative_to(root).parts
