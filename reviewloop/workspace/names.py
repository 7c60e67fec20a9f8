"""Finds the names of a tree that a file system does not keep apart, or does not give back.

Some take `Readme` and `README` for one name, some write accents in another form. There the files
of such a tree cannot all be on disk, so nothing can be built or tested on them.
"""

import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.paths import parents, shown
from reviewloop.workspace.private import PrivateRepo

_SHOWN = 3  # groups of names in a sentence
_PROBES = ("case", "CASE", "caf\u00e9", "cafe\u0301", "stra\u00dfe", "strasse", "\ufb01n", "fin")


def require_distinct_names(private: PrivateRepo, tree: str, folder: Path) -> None:
    """Raise WorkspaceError when the disk of `folder` cannot hold the names of `tree` as they are.

    Names are tried out in a folder that goes away again, and only those that could be confused.
    """
    try:
        if keeps_all_names(folder):
            return
        lost = lost_names((entry.path for entry in private.entries(tree)), folder)
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be written to: {error}.") from error
    if lost:
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        named = "; ".join(" and ".join(map(shown, group)) for group in lost[:_SHOWN])
        raise WorkspaceError(
            f"The disk of {folder} does not keep these names as git has them: {named}{more}; "
            "rename them, or set REVIEWLOOP_STATE_DIR to a folder on another disk "
            "(a review works as it is)."
        )


def keeps_all_names(folder: Path) -> bool:
    """Whether names are but bytes to the disk of a folder, as they nearly always are."""
    with tempfile.TemporaryDirectory(prefix=".names-", dir=folder) as probe:
        return _are_kept(_PROBES, Path(probe))


def lost_names(paths: Iterable[str], folder: Path) -> list[tuple[str, ...]]:
    """Return the groups of paths that would share a place on the disk of `folder`.

    A group of one is a path that the disk would give back by another name.
    """
    with tempfile.TemporaryDirectory(prefix=".names-", dir=folder) as name:
        return [group for group in _doubtful(paths) if not _are_kept(group, Path(name))]


def _doubtful(paths: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield groups of paths told apart by case or form only, and single ones with more forms."""
    groups: dict[str, dict[str, None]] = {}
    for path in paths:
        for place in (*parents(path), path):
            if place.isascii() and place == place.casefold():
                key = place
            else:
                key = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", place).casefold())
            groups.setdefault(key, {})[place] = None
    for key, group in groups.items():
        if len(group) > 1 or (not key.isascii() and _has_forms(next(iter(group)))):
            yield tuple(group)


def _has_forms(path: str) -> bool:
    name = path.rpartition("/")[2]
    return any(unicodedata.normalize(form, name) != name for form in ("NFC", "NFD"))


def _are_kept(group: tuple[str, ...], probe: Path) -> bool:
    """Whether a folder lists all names of a group after they were written, and only those."""
    names = {path.rpartition("/")[2] for path in group}
    if len(names) < len(group):  # of folders that are told apart by their names alone
        return True
    for name in names:
        (probe / name).touch()
    listed = set(listed_names(probe))
    for name in listed:
        (probe / name).unlink()
    return names <= listed


def listed_names(folder: Path) -> list[str]:
    """Return the names in a folder as the file system tells them."""
    return [path.name for path in folder.iterdir()]
