"""Replaces files of the person's checkout, each only if it still holds what we read."""

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.paths import checked_path, shown


def rewrite(root: Path, files: Mapping[str, tuple[bytes, bytes]]) -> list[str]:
    """Write new contents over old ones and return the paths that were written.

    `files` maps a path relative to `root` to (content it must hold, content to write). All are
    checked before the first is written; raises WorkspaceError when one is something else by now.
    Modes stay as they are. A path through a symbolic link is refused.
    """
    for path, (old, _) in files.items():
        _require(root, path, old)
    for path, (old, new) in files.items():
        target = _require(root, path, old)
        mode = stat.S_IMODE(target.lstat().st_mode)
        handle, name = tempfile.mkstemp(prefix=".reviewloop-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(new)
            Path(name).chmod(mode)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return list(files)


def _require(root: Path, path: str, old: bytes) -> Path:
    target = root / checked_path(path)
    inside = target.parent.resolve().is_relative_to(root.resolve())
    if not inside or target.is_symlink() or not target.is_file():
        raise WorkspaceError(
            f"{shown(path)} is no plain file of the checkout; nothing was written."
        )
    if target.read_bytes() != old:
        raise WorkspaceError(
            f"{shown(path)} is not what was reviewed (edited meanwhile, or converted when it was "
            "read); nothing was written."
        )
    return target
