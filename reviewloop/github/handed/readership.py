"""What models read of a change, in the artifact between two jobs: typed and bounded."""

from typing import Annotated, Self

from pydantic import Field

from reviewloop.github.handed.findings import (
    MOST_FILES,
    Count,
    Hide,
    Inside,
    Middle,
    Name,
    NoCommit,
    Strict,
    cut,
    listed_path,
)
from reviewloop.render.report import FileRead, PartRead, Readership, Share

_MOST = 5000  # parts of a change
_NAMES = 200
Names = Annotated[tuple[Name, ...], Field(max_length=_NAMES)]


class FileReadPart(Strict):
    """How one file was read."""

    path: Inside
    share: Share
    by: Names
    parts: tuple[Count, ...] = Field(max_length=_MOST)
    reason: Middle

    @classmethod
    def of(cls, file: FileRead) -> Self:
        """Return what is handed over of it."""
        return cls.fitting({**vars(file), "path": listed_path(file.path), "by": _names(file.by)})


class PartReadPart(Strict):
    """One part of the change, and who did not read it."""

    number: Count
    files: Count
    by: Names
    missed: tuple[tuple[Name, Middle], ...] = Field(max_length=_NAMES)

    @classmethod
    def of(cls, part: PartRead) -> Self:
        """Return what is handed over of it."""
        missed = tuple((cut(who, 200), cut(why, 2000)) for who, why in part.missed)
        return cls.fitting({**vars(part), "by": _names(part.by), "missed": missed})


class ReadershipPart(Strict):
    """Everything that models were given."""

    files: tuple[FileReadPart, ...] = Field(max_length=MOST_FILES)
    parts: tuple[PartReadPart, ...] = Field(max_length=_MOST)
    since: NoCommit

    @classmethod
    def of(cls, read: Readership) -> Self:
        """Return what is handed over."""
        files = tuple(map(FileReadPart.of, read.files))
        return cls(files=files, parts=tuple(map(PartReadPart.of, read.parts)), since=read.since)

    def readership(self, hide: Hide) -> Readership:
        """Return it, without the secrets that `hide` knows."""
        return Readership(
            tuple(FileRead(f.path, f.share, f.by, f.parts, hide(f.reason)) for f in self.files),
            tuple(
                PartRead(p.number, p.files, p.by, tuple((who, hide(why)) for who, why in p.missed))
                for p in self.parts
            ),
            self.since,
        )


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(cut(name, 200) for name in names[:_NAMES])
