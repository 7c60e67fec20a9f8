"""Which places an environment in a checkout may open to commands: packages and tool chains only.

A checkout brings its `.venv` and `node_modules` along, perhaps from strangers: links in them, lines
of `.pth` files and `pyvenv.cfg` can name any folder, a home or one with sockets. What is named
counts only if it shows by itself that it is what such a place should be.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from reviewloop.workspace.folders import find
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.sandbox.bubblewrap import SYSTEM

_PACKAGES = frozenset({"site-packages", "dist-packages", "node_modules"})
_OF_A_PREFIX = frozenset({"bin", "lib", "lib64"})
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg", "package.json")
_MODULE = frozenset({".py", ".pyi", ".so", ".pyd", ".pth", ".egg-link"})
_DESCRIPTION = (".dist-info", ".egg-info", ".egg", ".libs")
_LINK = "120000"
_NEVER = ("/etc", "/proc", "/run", "/sys", "/var/run")
_ABOVE = 2  # folders; `src` and `src/python` lie below the file that describes a project


def lendable(place: Path, checkout: Path, home: Path) -> bool:
    """Whether commands may read a place that an environment of `checkout` names.

    `home` is the person's home folder. What stands in the checkout itself, reached by no link, may
    be read. Anything else has to be an environment, a Python installation, or packages.
    """
    try:
        real = place.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # absent, a loop of links, no name at all
        return False
    root = Path(os.path.realpath(checkout))
    if root.is_relative_to(real) or Path(os.path.realpath(home)).is_relative_to(real):
        return False
    if place.is_relative_to(checkout) and real == root / place.relative_to(checkout):
        return True
    if any(real.is_relative_to(name) for name in _NEVER):
        return False
    return (
        any(real.is_relative_to(name) for name in SYSTEM)
        or bool(_PACKAGES & set(real.parts))
        or _is_environment(real)
        or (real.name in _OF_A_PREFIX and _is_environment(real.parent))
        or _is_code(real, home)
    )


def only_lendable(places: Iterable[Path], checkout: Path, home: Path) -> tuple[Path, ...]:
    """Return those of the places that may be read."""
    return tuple(place for place in places if lendable(place, checkout, home))


def not_committed(names: Iterable[str], private: PrivateRepo) -> tuple[str, ...]:
    """Return those names below which the checked-out commit has no environment, and no link.

    One that is committed is anybody's: its `.pth` files could name other projects of a person.
    """
    if not private.head:
        return tuple(names)
    names = tuple(names)
    described = {name: f"{name}/pyvenv.cfg" for name in names}
    there = find(private.pool, private.head, (*names, *described.values()))
    links = {path for path, held in there.items() if held.mode == _LINK}
    return tuple(name for name in names if name not in links and described[name] not in there)


def _is_environment(folder: Path) -> bool:
    """Whether a folder is a virtual environment, conda's, or where a Python is installed."""
    if _is_file(folder / "pyvenv.cfg") or _is_file(folder / "conda-meta/history"):
        return True
    return any(next(folder.glob(f"{name}/*py*/os.py"), None) for name in ("lib", "lib64"))


def _is_code(real: Path, home: Path) -> bool:
    """Whether a place is a package or a module, or in a project that its own file describes."""
    if _is_file(real):
        known = real.suffix in _MODULE and (
            _is_file(real.parent / "__init__.py")
            or next(real.parent.glob("*.dist-info"), None) is not None
            or _is_code(real.parent, home)
        )
        return known or real.name == "pyvenv.cfg"
    if real.name.endswith(_DESCRIPTION) or _is_file(real / "__init__.py"):
        return True
    for folder in (real, *real.parents[:_ABOVE]):
        if home.is_relative_to(folder):
            return False
        if any(_is_file(folder / name) for name in _PROJECT):
            return True
    return False


def _is_file(path: Path) -> bool:
    """Whether there is a regular file; unlike `Path.is_file`, no error where nobody may look."""
    return os.path.isfile(path)  # noqa: PTH113
