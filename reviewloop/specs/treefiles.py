"""A git tree as `Files`: the committed state, whatever stands on disk at the moment."""

from collections.abc import Iterable
from dataclasses import dataclass

from reviewloop.specs.files import is_below
from reviewloop.workspace.objects import TreeReader


@dataclass(frozen=True)
class TreeFiles:
    """Reads from a tree; links are not followed."""

    reader: TreeReader

    def read(self, path: str) -> bytes | None:
        """Return the content of a regular file of the tree, or None."""
        entry = self.reader.entry(path)
        return self.reader.read(path) if entry and entry.kind in {"file", "executable"} else None

    def paths(self, under: str = "") -> Iterable[str]:
        """Return the sorted paths below `under`."""
        return [e.path for e in self.reader.entries() if is_below(e.path, under)]

    def content_id(self, path: str) -> str:
        """Return the id of the file's blob."""
        entry = self.reader.entry(path)
        return entry.oid if entry and entry.kind in {"file", "executable"} else ""
