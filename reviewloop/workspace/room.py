"""Whether a disk has room for a command: one that is full breaks more than the command."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from reviewloop.errors import WorkspaceError


def lacks_room(folders: Iterable[Path], needed: int) -> bool:
    """Whether fewer than `needed` bytes are free on a disk that holds one of the folders."""
    return any(shutil.disk_usage(folder).free < needed for folder in folders)


def refuse_full_disk(folders: Iterable[Path], needed: int) -> None:
    """Raise WorkspaceError when fewer than `needed` bytes are free where the folders are."""
    for folder in folders:
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise WorkspaceError(
                f"Only {free // 1024 // 1024} MB are free on the disk that holds {folder}; "
                "free some space, then resume the run."
            )
