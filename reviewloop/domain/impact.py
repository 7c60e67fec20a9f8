"""What a change of a spec reaches: files that change with it, those that mention it and stay."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

_SHOWN = 4  # names in a reason
_LISTS = ("names", "words", "imports", "endpoints")
FileKind = Literal["code", "test", "document", "schema", "diagram", "settings", "spec"]
KINDS: tuple[FileKind, ...] = (
    *("spec", "code", "schema", "settings", "test", "document", "diagram"),
)
"""All kinds of files, in the order of an account."""


@dataclass(frozen=True)
class ImpactedFile:
    """A file that mentions or uses what changes."""

    path: str
    kind: FileKind
    line: int = 0  # of the first mention; 0 where it only imports, or is new
    names: tuple[str, ...] = ()  # stems of what it mentions
    words: tuple[str, ...] = ()  # the same as it writes them
    imports: tuple[str, ...] = ()  # files of the change that it imports
    endpoints: tuple[str, ...] = ()  # that it offers or describes, of those that mention a name
    task: str = ""  # that changes it, "" for none
    stays: str = ""  # why it stays as it is, "" where nobody said so

    @property
    def is_open(self) -> bool:
        """Whether nothing changes it and nobody said why it stays."""
        return not self.task and not self.stays

    @property
    def reason(self) -> str:
        """Why it is listed."""
        parts = [
            f"mentions {', '.join((self.words or self.names)[:_SHOWN])}" if self.names else "",
            f"imports {', '.join(self.imports)}" if self.imports else "",
            f"offers {', '.join(self.endpoints)}" if self.endpoints else "",
        ]
        return "; ".join(filter(None, parts)) or "is new"


@dataclass(frozen=True)
class Impact:
    """All files that mention or use what changes, and by which names they were found."""

    names: tuple[str, ...]
    files: tuple[ImpactedFile, ...]
    left_out: int = 0  # files that nobody looked into: too large, or no text
    common: tuple[str, ...] = ()  # words that are all over the project
    common_files: int = 0  # that mention nothing but these, and are not listed

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
    def from_plain(cls, values: Mapping[str, Any]) -> "Impact":
        """Rebuild what `plain` returned."""

        def listed(one: Mapping[str, Any]) -> dict[str, Any]:
            lists = {key: tuple(one.get(key, ())) for key in _LISTS}
            return {key: value for key, value in one.items() if key != "reason"} | lists

        files = tuple(ImpactedFile(**listed(one)) for one in values["files"])
        return cls(
            tuple(values["names"]),
            files,
            values["left_out"],
            tuple(values["common"]),
            values["common_files"],
        )
