"""What a review found and what it read, as a value that every format is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from reviewloop.analysis.contract import AnalyserReport
from reviewloop.findings import Finding
from reviewloop.output.readership import Readership
from reviewloop.workspace.patches import Hunk

ReviewerStatus = Literal["done", "failed", "skipped"]
Outcome = Literal["clean", "findings", "incomplete", "nothing_to_review"]


@dataclass(frozen=True)
class ReviewedFile:
    """A file of the change that was read; `added` holds inclusive ranges of its new lines."""

    path: str  # as `os.fsdecode` gives it: bytes that are no UTF-8 stand as lone surrogates
    status: str  # git's letter: A, M, D, R, T
    added: tuple[tuple[int, int], ...]
    old_path: str = ""
    removed: int = 0


@dataclass(frozen=True)
class SkippedFile:
    """A file of the change that was not read, and why."""

    path: str
    status: str
    reason: str  # the same words for the same reason: reports count by them
    unread: bool = False  # and it may hold anything: the review is incomplete without it
    chosen: bool = False  # the change itself brings the reason: the base does not know it


@dataclass(frozen=True)
class ReviewerReport:
    """How one reviewer fared."""

    name: str
    status: ReviewerStatus
    seconds: float
    findings: int
    model: str = ""
    tokens: dict[str, int] = field(default_factory=dict)  # input, output, cache_read, cache_write
    cost_usd: float | None = None
    reason: str = ""  # why it failed or was skipped


@dataclass(frozen=True)
class ReviewReport:
    """A whole review. It is built once, when everything is known, and never changes."""

    what: str  # "your changes against main (1a2b3c4), uncommitted work included"
    base: str  # commit or tree ids
    head: str
    findings: tuple[Finding, ...]  # most severe first, status open
    silenced: tuple[Finding, ...]  # suppressed, dismissed or in the baseline; `note` says why
    reviewed: tuple[ReviewedFile, ...]
    skipped: tuple[SkippedFile, ...]
    agents: tuple[ReviewerReport, ...]
    analysers: tuple[AnalyserReport, ...]
    outcome: Outcome
    exit_code: int
    fail_on: str
    seconds: float
    model: str  # "none" or a name
    notes: tuple[str, ...] = ()  # one-line remarks for people
    below: int = 0  # findings not listed because of --min-severity
    unlisted: dict[str, int] = field(default_factory=dict)  # how many of them by severity
    usage: dict[str, Any] = field(default_factory=dict)  # tokens and cost of the whole review
    readership: Readership | None = None  # what models read of it; None: none was asked


class Source(Protocol):
    """Where a format reads the code from that it shows."""

    def text(self, path: str) -> str | None:
        """Return the new version of a file, its lines separated by LF; None when there is none."""

    def hunks(self, path: str) -> Sequence[Hunk]:
        """Return the blocks of a file's diff, none when it has no text diff."""
