"""Writes objects and refs of our own git directory as files: the same bytes as git's, no process.

A step keeps its tree twice or thrice; each start of git costs more than all of this. The formats
are in the chapters of Pro Git on objects and references.
"""

import hashlib
import os
import secrets
import zlib
from pathlib import Path

_QUICK = 1  # of zlib: a run's own directory is small, and gone in a month


def write_object(folder: Path, kind: str, content: bytes, object_format: str) -> str:
    """Store an object in the objects folder `folder` and return its id; again changes nothing."""
    data = f"{kind} {len(content)}\0".encode() + content
    name = hashlib.new(object_format, data, usedforsecurity=False).hexdigest()
    place = folder / name[:2] / name[2:]
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        write_whole(place, zlib.compress(data, _QUICK), 0o444)
    return name


def write_ref(git_dir: Path, reference: str, commit: str) -> None:
    """Point a ref of our own directory at a commit, whatever it pointed at before."""
    place = git_dir / reference
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, f"{commit}\n".encode(), 0o644)


def write_whole(place: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file of ours so that it is there as a whole, or not at all."""
    temporary = place.with_name(f"tmp_obj_{secrets.token_hex(6)}")  # git's own prefix for these
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
