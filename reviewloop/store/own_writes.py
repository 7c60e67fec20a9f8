"""Records reviewloop's own writes to a checkout during `watch`, which are not the user's edits.

During a watch there is a folder, and every writer adds a line to its file before the write.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reviewloop.store.folders import private_file, private_folder, state_root

_MOST_BYTES = 4_000_000  # of a killed watch that left its folder


def record_write(path: Path, data: bytes | None) -> None:
    """Record that a file is about to hold these bytes, None where it is removed."""
    with suppress(OSError):  # a write must not fail because of a watch
        folder = state_root() / "watching"
        if not folder.is_dir():
            return
        file = folder / "writes"
        if file.exists() and file.stat().st_size > _MOST_BYTES:
            return
        with private_file(file).open("ab") as lines:
            lines.write(json.dumps([str(path), _digest(data)]).encode() + b"\n")


class OwnWrites:
    """The writes since a watch started."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: set[tuple[str, str]] = set()
        self._read = 0

    def has(self, path: Path, data: bytes | None) -> bool:
        """Return whether the file holds these bytes because reviewloop wrote them."""
        with suppress(OSError):
            with self._file.open("rb") as lines:
                lines.seek(self._read)
                new = lines.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read += len(whole)
            self._known |= {(one[0], one[1]) for one in map(json.loads, whole.splitlines())}
        return (str(path), _digest(data)) in self._known


@contextmanager
def recorded_writes() -> Iterator[OwnWrites]:
    """Record writes inside the block."""
    folder = private_folder(state_root() / "watching")
    file = folder / "writes"
    file.unlink(missing_ok=True)
    try:
        yield OwnWrites(file)
    finally:
        file.unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()


def _digest(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest()
