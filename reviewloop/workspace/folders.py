"""Reads and writes single folders of a tree as git stores them, so that no process is started.

An agent writes a file at a time and asks before each; four starts of git for it cost more than all
else of such a call. The format is in the chapter of Pro Git on objects.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.pool import ObjectPool

FOLDER = "040000"
SUBMODULE = "160000"
_FOLDER_AS_STORED = b"40000"
_EXECUTABLE = 0o100
_MODE = re.compile(rb"[0-7]{5,6}")


class Found(NamedTuple):
    """What a tree holds at a path."""

    mode: str  # "040000" for a folder
    oid: str


class _Raw(NamedTuple):
    """The same as it stands in a folder."""

    mode: bytes
    oid: bytes


def find(pool: ObjectPool, tree: str, paths: Iterable[str]) -> dict[str, Found]:
    """Return what a tree (or the tree of a commit) holds at these paths, folders included."""
    read = {"": _parsed(*pool.read_tree(tree))}

    def folder(path: str) -> Mapping[bytes, _Raw]:
        if path not in read:
            held = at(path)
            inside = held is not None and held.mode == FOLDER
            read[path] = _parsed(*pool.read_tree(held.oid)) if held and inside else {}
        return read[path]

    def at(path: str) -> Found | None:
        above, slash, name = path.rpartition("/")
        raw = folder(above).get(_encoded(name)) if above or not slash else None
        return raw and Found(raw.mode.decode().zfill(6), raw.oid.hex())

    return {path: held for path in paths if (held := at(path)) is not None}


def _encoded(name: str) -> bytes:
    try:
        return os.fsencode(name)
    except UnicodeEncodeError:  # no file can have this name
        return b""


def plain_mode(mode: str) -> str:
    """Return a mode as git writes it today; old trees have others for the same kinds of files."""
    if not mode.startswith("100"):
        return mode
    return "100755" if int(mode, 8) & _EXECUTABLE else "100644"


def edited(
    pool: ObjectPool,
    tree: str,
    changes: Mapping[str, Found | None],
    write: Callable[[bytes], str],
) -> str:
    """Return a tree with files replaced, or removed for None; a folder without files is none.

    `write` stores a folder and returns its id. The paths were checked to lead through folders.
    """
    parts = {tuple(os.fsencode(path).split(b"/")): to for path, to in changes.items()}
    return _edited(pool, tree, parts, write) or write(b"")


def _edited(
    pool: ObjectPool,
    tree: str,
    changes: Mapping[tuple[bytes, ...], Found | None],
    write: Callable[[bytes], str],
) -> str:
    """Return the id of one folder after the changes below it, "" when nothing is left in it."""
    oid, before = pool.read_tree(tree) if tree else ("", b"")
    entries = _parsed(oid, before)
    below: dict[bytes, dict[tuple[bytes, ...], Found | None]] = {}
    for (name, *rest), to in sorted(changes.items(), key=lambda item: item[1] is not None):
        if rest:
            below.setdefault(name, {})[tuple(rest)] = to
        elif to is None:
            entries.pop(name, None)
        else:
            entries[name] = _Raw(to.mode.lstrip("0").encode(), bytes.fromhex(to.oid))
    for name, inner in below.items():
        there = entries.get(name)
        made = _edited(pool, there.oid.hex() if there else "", inner, write)
        if made:
            entries[name] = _Raw(_FOLDER_AS_STORED, bytes.fromhex(made))
        else:
            entries.pop(name, None)
    after = b"".join(
        entry.mode + b" " + name + b"\0" + entry.oid
        for name, entry in sorted(entries.items(), key=_order)
    )
    if after == before:
        return oid
    return write(after) if after else ""


def _parsed(oid: str, data: bytes) -> dict[bytes, _Raw]:
    """Cut a folder into its entries; `oid` is its own id, which is as long as theirs."""
    entries: dict[bytes, _Raw] = {}
    place, length = 0, len(oid) // 2
    while place < len(data):
        space = data.find(b" ", place)
        end = data.find(b"\0", space) + 1
        entry = _Raw(data[place:space], data[end : end + length])
        if space < 0 or not end or len(entry.oid) != length or not _MODE.fullmatch(entry.mode):
            raise WorkspaceError(f"the tree {oid} is damaged; run `git fsck`")
        entries[data[space + 1 : end - 1]] = entry
        place = end + length
    return entries


def _order(item: tuple[bytes, _Raw]) -> bytes:
    """Sort folders as if their names ended with a slash, as git does."""
    name, entry = item
    return name + b"/" if entry.mode.zfill(6) == FOLDER.encode() else name
