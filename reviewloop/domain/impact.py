"""The impact of a change of a spec: files that change with it, and files that only mention it."""

from typing import Literal

from reviewloop.dataclass import dataclass
from reviewloop.domain.stored import read_stored

_SHOWN = 4  # names listed in a reason
_LISTS = ("names", "words", "imports", "endpoints")
FileKind = Literal["code", "test", "document", "schema", "diagram", "settings", "spec"]
KINDS: tuple[FileKind, ...] = (
    *("spec", "code", "schema", "settings", "test", "document", "diagram"),
)
"""All kinds of files, in the order of a report."""


@dataclass(frozen=True)
class ImpactedFile:
    """A file that mentions or uses what changes."""

    path: str
    kind: FileKind
    line: int = 0  # of the first mention; 0 for an import only, or a new file
    names: tuple[str, ...] = ()  # stems of the names it mentions
    words: tuple[str, ...] = ()  # the same names as written
    imports: tuple[str, ...] = ()  # files of the change that it imports
    endpoints: tuple[str, ...] = ()  # its endpoints that mention a name
    task: str = ""  # the task that changes it, or ""
    stays: str = ""  # why it stays unchanged, or ""

    @property
    def is_open(self) -> bool:
        """Whether no task changes it and no reason says why it stays."""
        return not self.task and not self.stays

    @property
    def reason(self) -> str:
        """Return why it is listed."""
        parts = [
            f"mentions {', '.join((self.words or self.names)[:_SHOWN])}" if self.names else "",
            f"imports {', '.join(self.imports)}" if self.imports else "",
            f"offers {', '.join(self.endpoints)}" if self.endpoints else "",
        ]
        return "; ".join(filter(None, parts)) or "is new"


@dataclass(frozen=True)
class Impact:
    """All files that mention or use what changes, and the names by which they were found."""

    names: tuple[str, ...]
    files: tuple[ImpactedFile, ...]
    left_out: int = 0  # files that were not searched: too large, or not text
    common: tuple[str, ...] = ()  # words found all over the project
    common_files: int = 0  # unlisted files that mention only these

    def plain(self) -> dict[str, object]:
        """Return it as JSON-plain values."""
        files = [{**vars(one), "reason": one.reason} for one in self.files]
        return {
            "names": list(self.names),
            "files": files,
            "left_out": self.left_out,
            "common": list(self.common),
            "common_files": self.common_files,
        }

    @classmethod
    def from_plain(cls, values: object) -> "Impact":
        """Rebuild what `plain` returned; raise ValueError for anything else."""
        return read_stored(cls, values)
