"""Version modules that an install writes into the checkout and that git does not hold."""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from reviewloop.workspace.distrusted import read_plain

_VERSION = re.compile(r"\w*version\w*\.\w{1,5}|VERSION", re.IGNORECASE)
_LONGEST = 16 * 1024  # bytes; a version and what it was made from


def copy_version_files(user_root: Path, workspace: Path) -> Iterator[str]:
    """Copy the version modules that setuptools-scm and hatch-vcs write when they install.

    They are ignored by git, yet packages import them. The workspace's own file names them, so only
    what is called a version and is as short as one is copied: a checkout has secrets, too.
    """
    for name in _version_files(workspace / "pyproject.toml"):
        source, target = user_root / name, workspace / name
        inside = not Path(name).is_absolute() and ".." not in Path(name).parts
        if not inside or not _VERSION.fullmatch(Path(name).name) or os.path.lexists(target):
            continue
        if _real(source) != _real(user_root) / name or not target.parent.is_dir():
            continue
        if _real(target.parent) != _real(workspace) / Path(name).parent:
            continue
        content = read_plain(source, links=False)
        if not content or len(content) > _LONGEST:
            continue
        target.write_bytes(content)
        yield f"{name} was copied from the checkout: it is generated and not in git."


def _version_files(pyproject: Path) -> Iterator[str]:
    try:
        tools = tomllib.loads(read_plain(pyproject, links=False).decode())["tool"]
    except (ValueError, RecursionError, KeyError):
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
            if isinstance(value, str) and "\0" not in value:
                yield value


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
