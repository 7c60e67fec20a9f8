"""Reads and writes the pointers of Git LFS, and finds their local content.

A pointer is a small text: a version, the SHA-256 of the content and its size. No filter of Git LFS
is started for it, and nothing is downloaded.
"""

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import IO

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

HEADER = b"version https://git-lfs.github.com/spec/v1\n"
LARGEST = 1024  # bytes of a pointer, by the specification

_POINTER = regex(
    re.escape(HEADER) + rb"(?:ext-\d-\S+ sha256:[0-9a-f]{64}\n)*"
    rb"oid sha256:([0-9a-f]{64})\nsize (\d{1,19})\n?"
)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Pointer:
    """The git content of a file that is stored in Git LFS."""

    oid: str  # SHA-256 of the content, hexadecimal
    size: int  # bytes

    def text(self) -> bytes:
        """Return it as Git LFS would commit it; an empty file has no pointer."""
        return HEADER + f"oid sha256:{self.oid}\nsize {self.size}\n".encode() if self.size else b""


def parse_pointer(data: bytes) -> Pointer | None:
    """Return the pointer in a blob, None for other content."""
    found = _POINTER.fullmatch(data) if len(data) <= LARGEST else None
    return Pointer(found.group(1).decode(), int(found.group(2))) if found else None


def pointer_for(file: IO[bytes]) -> Pointer:
    """Return the pointer to the rest of an open file."""
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return Pointer(digest.hexdigest(), size)


def is_content_of(data: bytes, pointer: Pointer) -> bool:
    """Return whether bytes are the content of a pointer."""
    return len(data) == pointer.size and hashlib.sha256(data).hexdigest() == pointer.oid


def copy_content(common_dir: Path, pointer: Pointer, target: Path) -> bool:
    """Replace a pointer's file by its local content; return False when there is none.

    Only `lfs/objects` of the git directory is read. Content with another hash is refused, so that
    nothing else can get in this way.
    """
    oid = pointer.oid
    source = common_dir / "lfs/objects" / oid[:2] / oid[2:4] / oid
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(source, flags)
    except OSError:
        return False  # missing, not readable, or a link
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size != pointer.size:
            return False
        if pointer_for(file) != pointer:
            return False
        file.seek(0)
        mode = stat.S_IMODE(target.lstat().st_mode)
        target.unlink()  # never through a link
        with target.open("xb") as copy:
            while chunk := file.read(_CHUNK):
                copy.write(chunk)
        target.chmod(mode)
        return True
