"""The values of a pull request, a comment to post and the outcome of posting."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Literal

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode
from reviewloop.domain.finding import Severity

Side = Literal["LEFT", "RIGHT"]
SEVERITIES = {"must": Severity.MUST_FIX, "should": Severity.SHOULD_FIX, "nit": Severity.NIT}
"""Severities by the words of options and inputs."""


class Status(StrEnum):
    """The status of a review of a pull request; only PASSED means that it found nothing to fix."""

    PASSED = "passed"
    NEEDS_CHANGES = "needs_changes"  # findings at or above `fail-on`
    FINDINGS = "findings"  # must-fix findings are open, and `fail-on: never` asked to go on
    NEEDS_USER = "needs_person"  # a stranger's change excludes files of its own from the review
    REVIEW_ERROR = "review_error"  # something was not reviewed, or could not be posted
    SKIPPED = "skipped"  # on purpose, with the reason in the summary of the job


@dataclass(frozen=True)
class Repo:
    """A repository by its names."""

    owner: str
    name: str

    @property
    def full(self) -> str:
        """Return `owner/name`."""
        return f"{self.owner}/{self.name}"

    @classmethod
    def of(cls, full: str) -> "Repo":
        """Split `owner/name`; raise ValueError for anything else."""
        owner, slash, name = full.partition("/")
        if not owner or not slash or not name or "/" in name:
            raise ValueError(f"{full!r} is not owner/name")
        return cls(owner, name)


@dataclass(frozen=True)
class PullRequest:
    """A pull request; commits are full ids."""

    repo: Repo
    number: int
    base_sha: str
    head_sha: str
    base_ref: str
    head_ref: str
    head_repo: str  # owner/name; "" when the fork is gone
    author: str
    author_is_bot: bool = False
    draft: bool = False
    open: bool = True
    labels: tuple[str, ...] = ()
    changed_files: int = 0
    title: str = ""
    body: str = ""
    url: str = ""  # of its page

    @property
    def is_fork(self) -> bool:
        """Whether the head is in another repository, where others may write."""
        return self.head_repo.lower() != self.repo.full.lower()


@dataclass(frozen=True)
class Comment:
    """One inline comment to post; lines are 1-based in the file of its side."""

    path: str
    body: str
    line: int
    start_line: int | None = None  # less than `line`, in the same hunk; None for one line
    side: Side = "RIGHT"
    finding: str = ""  # fingerprint


@dataclass(frozen=True)
class Posted:
    """The result of posting comments: every finding is in exactly one of these."""

    inline: tuple[str, ...] = ()  # fingerprints
    on_file: tuple[str, ...] = ()  # on the file, because GitHub refused the line
    left: tuple[str, ...] = ()  # for the summary
    known: tuple[str, ...] = ()  # posted earlier
    problems: tuple[str, ...] = ()  # sentences
    broken: bool = False  # an error ended the posting; the last problem names it
    exit_code: ExitCode = ExitCode.CLEAN  # of that error


@dataclass(frozen=True)
class State:
    """The state that our own summary comment keeps between pushes."""

    reviewed_sha: str = ""
    base_sha: str = ""
    findings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    paused: bool = False
    spent_usd: float = 0.0
    spent_tokens: int = 0
    refused: tuple[str, ...] = ()  # users who were informed that they may not dismiss
    note: str = ""  # why the state that exists cannot be used; not stored
