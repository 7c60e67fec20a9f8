"""A finding: what is wrong, how severe, where, why, and what to do about it."""

import hashlib
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Severity(StrEnum):
    """Ordered: red and yellow findings are fixed, green ones are only listed."""

    MUST_FIX = "must_fix"
    SHOULD_FIX = "should_fix"
    NIT = "nit"

    @property
    def rank(self) -> int:
        """0 is the most severe."""
        return list(Severity).index(self)

    @property
    def mark(self) -> str:
        """The sign shown to people."""
        return {"must_fix": "🔴", "should_fix": "🟡", "nit": "🟢"}[self]

    @property
    def label(self) -> str:
        """The words shown to people."""
        return {"must_fix": "must fix", "should_fix": "should fix", "nit": "nit"}[self]

    @property
    def actionable(self) -> bool:
        """Whether the loop fixes findings of this severity."""
        return self is not Severity.NIT


DISMISSED_BY_USER = "dismissed: "  # prefix of the note of a finding that a user dismissed
IN_BASELINE = "in the baseline"  # the note of a finding that the baseline accepts


class Status(StrEnum):
    """The status of a finding."""

    OPEN = "open"
    FIXED = "fixed"
    UNRESOLVED = "unresolved"
    DISMISSED = "dismissed"
    SUPPRESSED = "suppressed"


class Placement(StrEnum):
    """Where the quoted code was found (see `review.anchoring`)."""

    CHANGED = "changed"  # on lines of the change: the normal case
    CONTEXT = "context"  # in the file, but not on changed lines: listed, not inline
    FILE = "file"  # about the file or the change as a whole; nothing was quoted
    UNANCHORED = "unanchored"  # the quote is nowhere: listed as such, never acted on by itself


class Evidence(BaseModel):
    """Why a finding is believed: quoted code, the message of a tool or gate, a user's request."""

    model_config = ConfigDict(frozen=True)

    kind: str = "quote"  # quote | analyser | related | gate | verdict | person | baseline
    source: str = ""  # tool, gate, agent or user
    text: str = ""
    path: str = ""  # another file with a related location
    line: int = 0  # there


class Finding(BaseModel):
    """A change that a reviewer, an analyser, a gate or a user requests.

    Lines are 1-based and inclusive, counted by LF only, in the new file. `line` is None for
    findings about a whole file or the whole change.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    agents: tuple[str, ...]
    severity: Severity
    title: Annotated[str, Field(min_length=1, max_length=300)]
    why: str = ""
    suggestion: str = ""
    path: str = ""
    line: int | None = None
    end_line: int | None = None
    column: int = 0  # 1-based, in characters; 0: the whole line
    end_column: int = 0  # exclusive
    side: str = "new"
    category: str = ""
    rule: str = ""
    url: str = ""  # documentation of the rule
    confidence: str = "medium"
    quote: str = ""
    replacement: str | None = None
    fix_safe: bool = False  # the replacement cannot change what the code does
    evidence: tuple[Evidence, ...] = ()
    placement: Placement = Placement.CHANGED
    file_exists: bool = True  # False: its reviewer named no file of change or repository
    round_found: int = 0
    status: Status = Status.OPEN
    attempts: int = 0
    note: str = ""  # the last event: why unresolved, who dismissed it and for what reason
    note_from: Evidence | None = None  # what the note tells: a verdict of `evidence`, the baseline
    dismissal: str | None = None  # the reason of the user who dismissed it

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_release(cls, values: object) -> object:
        """Read the user's reason from the note, where earlier releases stored it."""
        if not isinstance(values, dict) or "dismissal" in values:
            return values
        note = values.get("note", "")
        if values.get("status") != Status.DISMISSED or not note.startswith(DISMISSED_BY_USER):
            return values
        return {**values, "dismissal": note.removeprefix(DISMISSED_BY_USER)}

    @property
    def open_and_actionable(self) -> bool:
        """Whether the loop should try to fix this by itself."""
        return (
            self.status is Status.OPEN
            and self.severity.actionable
            and self.placement is not Placement.UNANCHORED
        )

    def with_note(
        self, note: str, note_from: Evidence | None = None, **updates: object
    ) -> "Finding":
        """Return the finding with a new note, where it is from, and other fields changed."""
        return self.model_copy(update={"note": note, "note_from": note_from, **updates})

    @property
    def may_fail(self) -> bool:
        """Whether it can fail a review: not where neither its code nor its file exists."""
        return self.file_exists or self.placement is not Placement.UNANCHORED

    @property
    def where(self) -> str:
        """`path:line`, as terminals and editors link it."""
        if not self.path:
            return "(whole change)"
        return f"{self.path}:{self.line}" if self.line else self.path


def fingerprint(path: str, quote: str, rule_or_title: str) -> str:
    """Return the id of a finding: stable when lines move, new when its quoted code changes.

    White space is collapsed and case folded, so reformatting nearby keeps the id.
    """
    parts = (path, normalise_text(quote), normalise_text(rule_or_title))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:12]


def normalise_text(text: str) -> str:
    """Return a text normalised for fingerprints."""
    # The number of a redacted secret differs between machines; the finding is the same.
    text = re.sub(r"(⟦secret:[\w.\-]+):[0-9a-f]{6}⟧", r"\1⟧", text)
    return re.sub(r"\s+", " ", text).strip().casefold()


def distinguish(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings of one source; equal ids at different lines are made distinct.

    The first keeps its id. Without this, the second of two equal lines would be lost.
    """
    lines_at: dict[str, list[int | None]] = {}
    distinct = []
    for finding in findings:
        lines = lines_at.setdefault(finding.id, [])
        if finding.line not in lines:
            lines.append(finding.line)
        number = lines.index(finding.line) + 1
        if number > 1:
            about = finding.rule or finding.title
            ident = fingerprint(finding.path, f"{finding.id} #{number}", about)
            finding = finding.model_copy(update={"id": ident})
        distinct.append(finding)
    return distinct


def by_severity(findings: "list[Finding]") -> "list[Finding]":
    """Return the findings most severe first, then by location, in a stable order."""
    return sorted(findings, key=lambda f: (f.severity.rank, f.path, f.line or 0, f.id))
