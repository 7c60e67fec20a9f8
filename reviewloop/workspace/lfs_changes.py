"""Finds what a change does to files in Git LFS: their content is not ours to store."""

from reviewloop.workspace.attributes import attributes_in
from reviewloop.workspace.diff import Change
from reviewloop.workspace.lfs import LARGEST, parse_pointer
from reviewloop.workspace.paths import shown
from reviewloop.workspace.private import PrivateRepo


def lfs_stop(private: PrivateRepo, change: Change, *, pointers: bool) -> str:
    """Return why a change must not be committed for its files in Git LFS, "" when it may.

    Their content would land in git itself. With `pointers` a file may become another pointer;
    deleting one is always fine.
    """
    there = {file.path: file.new_oid for file in change.files if file.status != "D"}
    for path, values in attributes_in(private, change.new, there, ("filter",)).items():
        if values.get("filter") != "lfs":
            continue
        is_pointer = parse_pointer(private.pool.read(there[path], LARGEST + 1) or b"") is not None
        if not is_pointer:
            return f"{shown(path)} is kept in Git LFS, and its content would be committed itself"
        if not pointers:
            return f'{shown(path)} is kept in Git LFS; workspace.lfs = "pointer" lets it change'
    return ""
