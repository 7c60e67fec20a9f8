"""Version modules that an install writes into the checkout and that git does not hold."""

import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path


def copy_version_files(user_root: Path, workspace: Path) -> Iterator[str]:
    """Copy the version modules that setuptools-scm and hatch-vcs write when they install.

    They are ignored by git, yet packages import them.
    """
    for name in _version_files(workspace / "pyproject.toml"):
        source, target = user_root / name, workspace / name
        inside = not Path(name).is_absolute() and ".." not in Path(name).parts
        if not inside or target.exists() or target.is_symlink() or not source.is_file():
            continue
        if source.resolve() != user_root.resolve() / name or not target.parent.is_dir():
            continue
        if target.parent.resolve() != workspace.resolve() / Path(name).parent:
            continue
        shutil.copyfile(source, target)
        yield f"{name} was copied from the checkout: it is generated and not in git."


def _version_files(pyproject: Path) -> Iterator[str]:
    try:
        tools = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError):
        return
    places = (
        (("setuptools_scm",), ("version_file", "write_to")),
        (("hatch", "build", "hooks", "vcs"), ("version-file",)),
        (("pdm", "version"), ("write_to",)),
        (("pdm", "build"), ("version-file",)),
    )
    for tables, keys in places:
        table = tools
        for name in tables:
            table = table.get(name, {}) if isinstance(table, dict) else {}
        for key in keys:
            value = table.get(key) if isinstance(table, dict) else None
            if isinstance(value, str):
                yield value
