"""A whole review in the artifact between two jobs: its report, typed and bounded."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus
from reviewloop.domain.finding import Severity
from reviewloop.github.handed.findings import (
    MOST_FILES,
    MOST_FINDINGS,
    Count,
    FindingPart,
    Hide,
    Inside,
    Middle,
    Name,
    Strict,
    cut,
    listed_path,
)
from reviewloop.github.handed.readership import ReadershipPart
from reviewloop.render.report import (
    Outcome,
    ReviewedFile,
    ReviewerReport,
    ReviewerStatus,
    ReviewReport,
    SkippedFile,
)
from reviewloop.render.text import counted

_SECONDS = Annotated[float, Field(ge=0, le=10**7)]
_USD = Annotated[float, Field(ge=0, le=10**6)]
_TOKENS = ("input", "output", "cache_read", "cache_write")


class FilePart(Strict):
    """A file that was read, or that was not, with the reason."""

    path: Inside
    status: str = Field(pattern=r"^[A-Z]?$")
    added: int = Field(default=0, ge=0, le=10**9)  # lines
    removed: int = Field(default=0, ge=0, le=10**9)
    reason: Middle = ""
    unread: bool = False
    chosen: bool = False

    @classmethod
    def read(cls, file: ReviewedFile) -> Self:
        """Return a file that was read."""
        lines = sum(last - first + 1 for first, last in file.added)
        status = file.status[:1]
        return cls(path=listed_path(file.path), status=status, added=lines, removed=file.removed)

    @classmethod
    def left_out(cls, file: SkippedFile) -> Self:
        """Return a file that was not read."""
        own = {"path": listed_path(file.path), "status": file.status[:1]}
        return cls.fitting({**vars(file), **own})


class UsedPart(Strict):
    """What models used."""

    input: Count = 0
    output: Count = 0
    cache_read: Count = 0
    cache_write: Count = 0
    cost_usd: _USD | None = None
    estimated: bool = False

    @classmethod
    def of(cls, usage: Mapping[str, Any]) -> Self:
        """Return the figures of a report."""
        cost = usage.get("cost_usd")
        return cls(
            **{name: int(usage.get(name) or 0) for name in _TOKENS},
            cost_usd=None if cost is None else float(cost),
            estimated=bool(usage.get("estimated")),
        )


class ReviewerPart(Strict):
    """How a reviewer fared."""

    name: Name
    status: ReviewerStatus
    seconds: _SECONDS
    findings: Count
    model: Name
    tokens: UsedPart
    cost_usd: _USD | None
    reason: Middle

    @classmethod
    def of(cls, report: ReviewerReport) -> Self:
        """Return what is handed over of it."""
        return cls.fitting({**vars(report), "tokens": UsedPart.of(report.tokens)})

    def reviewer(self, hide: Hide) -> ReviewerReport:
        """Return the report, without the secrets that `hide` knows."""
        tokens = self.tokens.model_dump(include=set(_TOKENS), exclude_defaults=True)
        who = self.name, self.status, self.seconds, self.findings, self.model
        return ReviewerReport(*who, tokens, self.cost_usd, hide(self.reason))


class AnalyserPart(Strict):
    """How an analyser fared."""

    name: Name
    status: AnalyserStatus
    seconds: _SECONDS
    version: Name
    files: Count
    reason: Middle

    @classmethod
    def of(cls, report: AnalyserReport) -> Self:
        """Return what is handed over of it."""
        return cls.fitting(vars(report))

    def analyser(self, hide: Hide) -> AnalyserReport:
        """Return the report, without the secrets that `hide` knows."""
        what = self.name, self.status, self.seconds, self.version, self.files
        return AnalyserReport(*what, hide(self.reason))


class ReportPart(Strict):
    """What a review found and read."""

    findings: tuple[FindingPart, ...] = Field(max_length=MOST_FINDINGS)
    silenced: tuple[FindingPart, ...] = Field(max_length=MOST_FINDINGS)
    reviewed: tuple[FilePart, ...] = Field(max_length=MOST_FILES)
    skipped: tuple[FilePart, ...] = Field(max_length=MOST_FILES)
    agents: tuple[ReviewerPart, ...] = Field(max_length=200)
    analysers: tuple[AnalyserPart, ...] = Field(max_length=200)
    outcome: Outcome
    exit_code: Literal[0, 1, 2, 3, 5, 6, 70, 130]
    fail_on: Literal["must", "should", "nit", "never"]
    seconds: _SECONDS
    model: Name
    notes: tuple[Middle, ...] = Field(max_length=1000)
    below: Count
    unlisted: dict[Severity, Count] = Field(default_factory=dict, max_length=3)
    usage: UsedPart
    readership: ReadershipPart | None

    @classmethod
    def of(cls, report: ReviewReport) -> Self:
        """Return what is handed over; of too many findings the worst, with a note on the rest."""
        notes = [cut(note, 2000) for note in report.notes][:900]
        for what, found in (("findings", report.findings), ("silenced", report.silenced)):
            if more := max(0, len(found) - MOST_FINDINGS):
                notes.append(f"{counted(more, 'more finding')} ({what}) are in the report only")
        own, read = {name: getattr(report, name) for name in cls.model_fields}, report.readership
        return cls.fitting(
            own
            | {
                "findings": tuple(map(FindingPart.of, report.findings[:MOST_FINDINGS])),
                "silenced": tuple(map(FindingPart.of, report.silenced[:MOST_FINDINGS])),
                "reviewed": tuple(map(FilePart.read, report.reviewed)),
                "skipped": tuple(map(FilePart.left_out, report.skipped)),
                "agents": tuple(map(ReviewerPart.of, report.agents)),
                "analysers": tuple(map(AnalyserPart.of, report.analysers)),
                "exit_code": int(report.exit_code),
                "notes": tuple(notes),
                "usage": UsedPart.of(report.usage),
                "readership": ReadershipPart.of(read) if read else None,
            }
        )

    def report(self, hide: Hide, *, base: str, head: str) -> ReviewReport:
        """Return the report, its texts without the secrets that `hide` knows."""
        return ReviewReport(
            what="",
            base=base,
            head=head,
            findings=tuple(part.finding(hide) for part in self.findings),
            silenced=tuple(part.finding(hide) for part in self.silenced),
            reviewed=tuple(
                ReviewedFile(f.path, f.status, ((1, f.added),) if f.added else (), "", f.removed)
                for f in self.reviewed
            ),
            skipped=tuple(
                SkippedFile(f.path, f.status, hide(f.reason), f.unread, f.chosen)
                for f in self.skipped
            ),
            agents=tuple(part.reviewer(hide) for part in self.agents),
            analysers=tuple(part.analyser(hide) for part in self.analysers),
            outcome=self.outcome,
            exit_code=self.exit_code,
            fail_on=self.fail_on,
            seconds=self.seconds,
            model=self.model,
            notes=tuple(map(hide, self.notes)),
            below=self.below,
            unlisted={str(severity): n for severity, n in self.unlisted.items()},
            usage=self.usage.model_dump(exclude_defaults=True),
            readership=self.readership.readership(hide) if self.readership else None,
        )
