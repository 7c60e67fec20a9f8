"""The person's own editor: a text, or files, are opened in it and read back."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from reviewloop.errors import UsageError

_NAMES = ("GIT_EDITOR", "VISUAL", "EDITOR")
_DEFAULT = "vi"


def edit_files(files: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """Return files as the person left them, None for one that they deleted.

    They are opened in one call of the editor that the environment names, `vi` without one. Raises
    `UsageError` when it cannot be started or fails: what was written is thrown away then.
    """
    name, command = _editor()
    with tempfile.TemporaryDirectory(prefix="reviewloop-edit-") as folder:
        places = {path: Path(folder) / path for path in files}
        for path, data in files.items():
            places[path].parent.mkdir(parents=True, exist_ok=True)
            places[path].write_bytes(data)
        try:
            ended = subprocess.run([*command, *map(str, places.values())], check=False).returncode
        except OSError as error:
            raise UsageError(
                f"{name} ({shlex.join(command)}) could not be started ({error.strerror}); set "
                "EDITOR to the editor to use; nothing was changed"
            ) from error
        if ended:
            raise UsageError(
                f"{name} ({shlex.join(command)}) ended with {ended}; nothing was changed"
            )
        return {path: at.read_bytes() if at.is_file() else None for path, at in places.items()}


def _editor() -> tuple[str, list[str]]:
    for name in _NAMES:
        said = os.environ.get(name, "").strip()
        if not said:
            continue
        try:
            return name, shlex.split(said)
        except ValueError:
            raise UsageError(
                f"{name} ({said}) has a quote without its end; nothing was changed"
            ) from None
    return "the editor", [_DEFAULT]
