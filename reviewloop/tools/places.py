"""Finds what a model means by a path, and says what is there when it is no readable file."""

import difflib
from pathlib import PurePosixPath

from reviewloop.git.objects import Entry, TreeReader
from reviewloop.tools.answers import CallRefusedError, shown_name

_NAMED = 5  # similar paths offered
_COMPARED = 20_000  # files; beyond that, similar names are not looked for


def plain_path(path: str) -> str:
    """Return the path as trees spell it: no `./` in front, no slash at the end; root is empty."""
    plain = path.strip()
    while plain.startswith("./"):
        plain = plain[2:]
    plain = plain.rstrip("/") if plain != "/" else plain
    return "" if plain == "." else plain


def file_at(reader: TreeReader, path: str) -> Entry | None:
    """Return the file at a path, None for a folder; raise CallRefusedError for anything else."""
    if not path:
        return None
    entry = reader.entry(path)
    if entry is None:
        if reader.list_dir(path) is not None:
            return None
        raise _nothing_there(reader, path)
    if entry.kind == "symlink":
        target = shown_name((reader.read(path, 4096) or b"").decode("utf-8", "surrogateescape"))
        raise CallRefusedError(
            f"{shown_name(path)} is a symbolic link to {target}; read the file it points to"
        )
    if entry.kind == "submodule":
        raise CallRefusedError(
            f"{shown_name(path)} is a submodule at {entry.oid[:12]}; its files are not part of "
            "this repository"
        )
    return entry


def _nothing_there(reader: TreeReader, path: str) -> CallRefusedError:
    name = shown_name(path)
    if path.startswith(("/", "~")) or ".." in path.split("/"):
        return CallRefusedError(
            f"{name} is not inside the repository; give paths relative to its root, like src/app.py"
        )
    like = _similar(path, [entry.path for entry in reader.entries()])
    if not like:
        return CallRefusedError(f"there is no {name}; find files with glob")
    return CallRefusedError(f"there is no {name}; files with a similar name:", "\n".join(like))


def _similar(path: str, paths: list[str]) -> list[str]:
    wanted = PurePosixPath(path).name
    same = [p for p in paths if PurePosixPath(p).name.casefold() == wanted.casefold()]
    if not same and len(paths) <= _COMPARED:
        same = difflib.get_close_matches(path, paths, n=_NAMED, cutoff=0.7)
    return [shown_name(p) for p in same[:_NAMED]]
