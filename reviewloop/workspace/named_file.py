"""Checks a file that a person names for us to write: a repository must not lead it elsewhere.

`report.html` in a repository of strangers may be a link to a start-up file of the person's.
"""

import os
import stat
from pathlib import Path

from reviewloop.errors import UsageError


def refuse_links(path: str | Path) -> None:
    """Raise `UsageError` when a link inside a checkout stands on the way to a file, or is the file.

    So does a pipe or a device there. Links outside of any checkout are the person's own.
    """
    parts = Path(path).parts
    here = "/" if os.path.isabs(path) else os.path.realpath(".")  # noqa: PTH117
    for number, name in enumerate(parts):
        if name == "..":
            here = os.path.dirname(here)  # noqa: PTH120 - `here` has no links
            continue
        place = os.path.join(here, name)  # noqa: PTH118
        try:
            mode = os.lstat(place).st_mode
        except OSError:
            return  # nothing is there yet, or nobody may look: writing says so
        if _is_odd(mode, last=number + 1 == len(parts)) and (root := _checkout(here)):
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
            raise UsageError(
                f"{path} is not written: {place} is {kind} in the repository {root}; "
                "name another file"
            )
        here = os.path.realpath(place)


def _is_odd(mode: int, *, last: bool) -> bool:
    return stat.S_ISLNK(mode) or (last and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)))


def _checkout(folder: str) -> str:
    """Return the checkout that a folder lies in, "" for none."""
    while not os.path.lexists(os.path.join(folder, ".git")):  # noqa: PTH118
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            return ""
        folder = above
    return folder
