"""What of a change models have read: which files, in how many parts, by whom, and what not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

Share = Literal["whole", "in parts", "partly", "not"]


@dataclass(frozen=True)
class FileRead:
    """How one file was read; `by` are the reviewers that were shown all of its diff."""

    path: str
    share: Share  # "partly": no reviewer was shown all of it
    by: tuple[str, ...] = ()
    parts: tuple[int, ...] = ()  # the parts of the change in which it was put
    reason: str = ""  # why it was not read, or not by everybody

    @property
    def read(self) -> bool:
        """Whether at least one reviewer was shown all of it."""
        return self.share in {"whole", "in parts"}


@dataclass(frozen=True)
class PartRead:
    """One part of the change; `missed` holds (reviewer, why) of those that did not read it."""

    number: int
    files: int
    by: tuple[str, ...] = ()
    missed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Readership:
    """Everything models were given to read; files skipped for all are not among them."""

    files: tuple[FileRead, ...]
    parts: tuple[PartRead, ...]
    since: str = ""  # commit of an earlier review: only what was pushed since then was read

    @property
    def unread(self) -> tuple[FileRead, ...]:
        """The files that no model was shown as a whole."""
        return tuple(file for file in self.files if not file.read)

    @property
    def plain(self) -> bool:
        """Whether there is nothing to tell: one part that everybody read."""
        missed = any(part.missed for part in self.parts)
        return len(self.parts) <= 1 and not missed and not self.unread and not self.since


def files_by_reason(files: Iterable[FileRead]) -> list[tuple[str, list[FileRead]]]:
    """Return files by the reason why they were not read, the most frequent reason first."""
    groups: dict[str, list[FileRead]] = {}
    for file in files:
        groups.setdefault(file.reason, []).append(file)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def without_secrets(readership: Readership, hide: Callable[[str], str]) -> Readership:
    """Return it with the reasons, which quote models and providers, passed through `hide`."""
    files = tuple(replace(file, reason=hide(file.reason)) for file in readership.files)
    parts = tuple(
        replace(part, missed=tuple((name, hide(why)) for name, why in part.missed))
        for part in readership.parts
    )
    return replace(readership, files=files, parts=parts)


def plain(readership: Readership) -> dict[str, Any]:
    """Return it as JSON-plain values; paths may hold lone surrogates."""
    return {
        "since": readership.since or None,
        "parts": [
            {
                "number": part.number,
                "files": part.files,
                "read_by": list(part.by),
                "missed": [{"reviewer": name, "reason": why} for name, why in part.missed],
            }
            for part in readership.parts
        ],
        "files": [
            {
                "path": file.path,
                "share": file.share,
                "read_by": list(file.by),
                "parts": list(file.parts),
                "reason": file.reason,
            }
            for file in readership.files
        ],
    }
