"""`ReviewReport`: the result of a review and who read what; every format renders it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from typing import Any, Literal, Protocol

from reviewloop.analysis.contract import AnalyserReport
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Finding
from reviewloop.domain.usage import TokenUsage
from reviewloop.git.patches import Hunk

Share = Literal["whole", "in parts", "partly", "not"]


@dataclass(frozen=True)
class FileRead:
    """How one file was read; `by` are the reviewers that were shown its whole diff."""

    path: str
    share: Share  # "partly": no reviewer was shown all of it
    by: tuple[str, ...] = ()
    parts: tuple[int, ...] = ()  # the parts of the change that show it
    reason: str = ""  # why it was not read, or not by all

    @property
    def read(self) -> bool:
        """Whether at least one reviewer was shown all of it."""
        return self.share in {"whole", "in parts"}


@dataclass(frozen=True)
class PartRead:
    """One part of the change; `missed` holds (reviewer, reason) of those that did not read it."""

    number: int
    files: int
    by: tuple[str, ...] = ()
    missed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Readership:
    """All files given to models, without those skipped for all."""

    files: tuple[FileRead, ...]
    parts: tuple[PartRead, ...]
    since: str = ""  # commit of an earlier review: only changes since were read

    @property
    def unread(self) -> tuple[FileRead, ...]:
        """The files that no model was shown completely."""
        return tuple(file for file in self.files if not file.read)

    @property
    def plain(self) -> bool:
        """Whether there is nothing to report: one part that all reviewers read."""
        missed = any(part.missed for part in self.parts)
        return len(self.parts) <= 1 and not missed and not self.unread and not self.since


def files_by_reason(files: Iterable[FileRead]) -> list[tuple[str, list[FileRead]]]:
    """Return files by the reason for not reading them, the most frequent reason first."""
    groups: dict[str, list[FileRead]] = {}
    for file in files:
        groups.setdefault(file.reason, []).append(file)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def with_reasons(readership: Readership, change: Callable[[str], str]) -> Readership:
    """Return it with the reasons, which quote models and providers, passed through `change`."""
    files = tuple(replace(file, reason=change(file.reason)) for file in readership.files)
    parts = tuple(
        replace(part, missed=tuple((name, change(why)) for name, why in part.missed))
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


ReviewerStatus = Literal["done", "failed", "skipped"]
Outcome = Literal["clean", "findings", "incomplete", "nothing_to_review"]


@dataclass(frozen=True)
class ReviewedFile:
    """A file of the change that was read; `added` holds inclusive ranges of its new lines."""

    path: str  # from `os.fsdecode`: bytes that are not UTF-8 are lone surrogates
    status: str  # git's letter: A, M, D, R, T
    added: tuple[tuple[int, int], ...]
    old_path: str = ""
    removed: int = 0


@dataclass(frozen=True)
class SkippedFile:
    """A file of the change that was not read, and why."""

    path: str
    status: str
    reason: str  # always the same text for the same reason, as reports group by it
    unread: bool = False  # it may hold a fault: the review is incomplete without it
    chosen: bool = False  # the reason comes from the change itself, not the base


@dataclass(frozen=True)
class ReviewerReport:
    """The result of one reviewer."""

    name: str
    status: ReviewerStatus
    seconds: float
    findings: int
    model: str = ""
    tokens: TokenUsage = field(default_factory=TokenUsage)
    cost_usd: float | None = None
    reason: str = ""  # why it failed or was skipped
    unnamed: str = ""  # the same with "it" for its name, where it is named


@dataclass(frozen=True)
class ReviewReport:
    """A whole review. It is built once, when everything is known, and never changes."""

    what: str  # "your changes against main (1a2b3c4), uncommitted work included"
    base: str  # commit or tree ids
    head: str
    findings: tuple[Finding, ...]  # most severe first, status open
    silenced: tuple[Finding, ...]  # suppressed, dismissed or in the baseline; `note` has the reason
    reviewed: tuple[ReviewedFile, ...]
    skipped: tuple[SkippedFile, ...]
    agents: tuple[ReviewerReport, ...]
    analysers: tuple[AnalyserReport, ...]
    outcome: Outcome
    exit_code: int
    fail_on: str
    seconds: float
    model: str  # "none" or a name
    notes: tuple[str, ...] = ()  # one-line notes for people
    nothing_staged: bool = False  # staged changes were requested, and only others exist
    below: int = 0  # findings not listed because of --min-severity
    unlisted: dict[str, int] = field(default_factory=dict)  # their number by severity
    usage: TokenUsage = field(default_factory=TokenUsage)  # tokens and cost of the whole review
    readership: Readership | None = None  # None: no model was asked


class Source(Protocol):
    """Returns the code that a format shows."""

    def text(self, path: str) -> str | None:
        """Return the new version of a file, its lines separated by LF; None when there is none."""

    def hunks(self, path: str) -> Sequence[Hunk]:
        """Return the hunks of a file's diff, none when it has no text diff."""
