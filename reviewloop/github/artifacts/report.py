"""A whole review as a typed and bounded part of the artifact between two jobs."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Annotated, Any, Literal, Self, cast

from annotated_types import MaxLen
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus
from reviewloop.domain.finding import Evidence, Finding, Placement, Severity, Status
from reviewloop.domain.usage import TokenUsage
from reviewloop.github.rereview.matching import CodePresence, CommentLocation, Facts
from reviewloop.regex import regex
from reviewloop.render.report import (
    FileRead,
    Outcome,
    PartRead,
    Readership,
    ReviewedFile,
    ReviewerReport,
    ReviewerStatus,
    ReviewReport,
    Share,
    SkippedFile,
)
from reviewloop.render.text import counted

_BYTES = regex("[\udc80-\udcff]")  # what `os.fsdecode` makes of bytes that are no UTF-8
Redact = Callable[[str], str]
LONGEST_PATH = 4096
MOST_FINDINGS = 5000  # in each of the two lists of a report
MOST_FILES = 50_000
_MOST_EVIDENCE = 50
_LINES = 10_000_000
_LONG, _MIDDLE, _NAME, _TITLE, _CODE = 8000, 2000, 200, 300, 10_000


class Strict(BaseModel):
    """A model without extra fields, type conversion or infinite numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @classmethod
    def fitting(cls, values: Mapping[str, Any]) -> Self:
        """Return the part with these values, texts cut to its limits."""
        given = dict(values)
        for name, field in cls.model_fields.items():
            if type(given.get(name)) is str:  # an enum is one, too, and never too long
                limits = [m.max_length for m in field.metadata if isinstance(m, MaxLen)]
                given[name] = cut(given[name], min(limits, default=LONGEST_PATH))
        return cls.model_validate(given)


def is_inside(path: str) -> bool:
    """Whether a path is valid in git: relative, and inside the tree."""
    parts = path.split("/")
    return len(path) <= LONGEST_PATH and "\0" not in path and not {"", ".", ".."} & set(parts)


def listed_path(path: str) -> str:
    """Return the name of a file for a list, also of a path that no repository can have."""
    path = plain_path(path)
    return path if is_inside(path) else f"?{path.replace('/', '∕').replace(chr(0), '')[-1000:]}"


def plain_path(path: str) -> str:
    """Return a path that UTF-8 can encode: other bytes are escaped."""
    return _BYTES.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", path)


def _inside(path: str) -> str:
    if not is_inside(path):
        raise ValueError("a path leads out of the repository, or is too long")
    return path


def _inside_or_none(path: str) -> str:
    return path and _inside(path)


def cut(text: str, most: int) -> str:
    """Return at most so many characters, all of which UTF-8 can encode."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= most else f"{text[: most - 1]}…"


FindingId = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Inside = Annotated[str, Field(max_length=LONGEST_PATH), AfterValidator(_inside)]
NoPath = Annotated[str, Field(max_length=LONGEST_PATH), AfterValidator(_inside_or_none)]
Name = Annotated[str, Field(max_length=_NAME)]
Middle = Annotated[str, Field(max_length=_MIDDLE)]
Long = Annotated[str, Field(max_length=_LONG)]
NoCommit = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})?$")]
Count = Annotated[int, Field(ge=0, le=10**12)]
Line = Annotated[int, Field(ge=1, le=_LINES)]
Column = Annotated[int, Field(ge=0, le=_LINES)]


class EvidencePart(Strict):
    """One piece of evidence."""

    kind: Name
    source: Name
    text: Middle
    path: NoPath = ""
    line: int = Field(default=0, ge=0, le=_LINES)

    @classmethod
    def of(cls, piece: Evidence) -> Self:
        """Return the part for a piece of evidence."""
        return cls.fitting(piece.model_dump())

    def evidence(self, redact: Redact) -> Evidence:
        """Return the evidence, without its location and without the secrets `redact` knows."""
        return Evidence(kind=self.kind, source=redact(self.source), text=redact(self.text))


class FindingPart(Strict):
    """A finding."""

    id: FindingId
    agents: tuple[Name, ...] = Field(max_length=50)
    severity: Severity
    title: str = Field(min_length=1, max_length=_TITLE)
    why: Long
    suggestion: Long
    path: NoPath
    line: Line | None
    end_line: Line | None
    column: Column
    end_column: Column
    side: Literal["new", "old"]
    rule: Name
    confidence: Name
    quote: Long
    replacement: str | None = Field(max_length=_CODE)
    evidence: tuple[EvidencePart, ...] = Field(max_length=_MOST_EVIDENCE)
    placement: Placement
    file_exists: bool = True
    status: Status
    note: Middle
    note_from: EvidencePart | None = None
    dismissal: Middle | None = None

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Return the part for a finding; an invalid location is left out."""
        path = plain_path(finding.path)
        is_located = not path or is_inside(path)
        new = finding.replacement
        fits = new is not None and len(new) <= _CODE and cut(new, _CODE) == new
        own = {name: getattr(finding, name) for name in cls.model_fields}
        return cls.fitting(
            own
            | {
                "agents": tuple(cut(name, _NAME) for name in finding.agents[:50]),
                "path": path if is_located else "",
                "line": finding.line or None,
                "end_line": finding.end_line or None,
                "side": "old" if finding.side == "old" else "new",
                "replacement": new if fits else None,
                "evidence": tuple(map(EvidencePart.of, finding.evidence[:_MOST_EVIDENCE])),
                "note_from": finding.note_from and EvidencePart.of(finding.note_from),
                "placement": finding.placement if is_located else Placement.UNANCHORED,
            }
        )

    def finding(self, redact: Redact) -> Finding:
        """Return the finding with the secrets that `redact` knows taken out."""
        given = self.model_dump(exclude={"evidence", "note_from", "replacement"})
        limits = {"title": _TITLE, "why": _LONG, "suggestion": _LONG, "note": _MIDDLE}
        limits |= {"rule": _NAME, "quote": _LONG}
        if self.dismissal is not None:
            limits["dismissal"] = _MIDDLE
        elif "dismissal" not in self.model_fields_set:  # by an older release: it is in the note
            del given["dismissal"]
        given |= {name: cut(redact(given[name]), most) for name, most in limits.items()}
        new = self.replacement
        return Finding(
            **given,
            evidence=tuple(each.evidence(redact) for each in self.evidence),
            note_from=self.note_from.evidence(redact) if self.note_from else None,
            # Code with a secret in it must not be committed.
            replacement=new if new is not None and redact(new) == new else None,
        )


_MOST = 5000  # parts of a change
_NAMES = 200
Names = Annotated[tuple[Name, ...], Field(max_length=_NAMES)]


class FileReadPart(Strict):
    """How one file was read by models."""

    path: Inside
    share: Share
    by: Names
    parts: tuple[Count, ...] = Field(max_length=_MOST)
    reason: Middle

    @classmethod
    def of(cls, file: FileRead) -> Self:
        """Return the part for a file."""
        return cls.fitting({**vars(file), "path": listed_path(file.path), "by": _names(file.by)})


class PartReadPart(Strict):
    """One part of the change, and the reviewers that did not read it."""

    number: Count
    files: Count
    by: Names
    missed: tuple[tuple[Name, Middle], ...] = Field(max_length=_NAMES)

    @classmethod
    def of(cls, part: PartRead) -> Self:
        """Return the part for a part of the change."""
        missed = tuple((cut(who, 200), cut(why, 2000)) for who, why in part.missed)
        return cls.fitting({**vars(part), "by": _names(part.by), "missed": missed})


class ReadershipPart(Strict):
    """Everything that models were given to read."""

    files: tuple[FileReadPart, ...] = Field(max_length=MOST_FILES)
    parts: tuple[PartReadPart, ...] = Field(max_length=_MOST)
    since: NoCommit

    @classmethod
    def of(cls, read: Readership) -> Self:
        """Return the part for a readership."""
        files = tuple(map(FileReadPart.of, read.files))
        return cls(files=files, parts=tuple(map(PartReadPart.of, read.parts)), since=read.since)

    def readership(self, redact: Redact) -> Readership:
        """Return it with the secrets that `redact` knows taken out."""
        return Readership(
            tuple(FileRead(f.path, f.share, f.by, f.parts, redact(f.reason)) for f in self.files),
            tuple(
                PartRead(
                    p.number, p.files, p.by, tuple((who, redact(why)) for who, why in p.missed)
                )
                for p in self.parts
            ),
            self.since,
        )


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(cut(name, 200) for name in names[:_NAMES])


_SECONDS = Annotated[float, Field(ge=0, le=10**7)]
_USD = Annotated[float, Field(ge=0, le=10**6)]


class FilePart(Strict):
    """A file that was read, or one that was left out, with the reason."""

    path: Inside
    status: str = Field(pattern=r"^[A-Z]?$")
    added: int = Field(default=0, ge=0, le=10**9)  # lines
    removed: int = Field(default=0, ge=0, le=10**9)
    reason: Middle = ""
    unread: bool = False
    chosen: bool = False

    @classmethod
    def read(cls, file: ReviewedFile) -> Self:
        """Return the part for a file that was read."""
        lines = sum(last - first + 1 for first, last in file.added)
        status = file.status[:1]
        return cls(path=listed_path(file.path), status=status, added=lines, removed=file.removed)

    @classmethod
    def left_out(cls, file: SkippedFile) -> Self:
        """Return the part for a file that was left out."""
        own = {"path": listed_path(file.path), "status": file.status[:1]}
        return cls.fitting({**vars(file), **own})


class UsedPart(Strict):
    """The tokens and money that models used."""

    input: Count = 0
    output: Count = 0
    cache_read: Count = 0
    cache_write: Count = 0
    cost_usd: _USD | None = None
    estimated: bool = False

    @classmethod
    def of(cls, usage: TokenUsage) -> Self:
        """Return the part for the figures of a report."""
        cost = usage.get("cost_usd")
        return cls(
            input=usage.get("input", 0),
            output=usage.get("output", 0),
            cache_read=usage.get("cache_read", 0),
            cache_write=usage.get("cache_write", 0),
            cost_usd=None if cost is None else float(cost),
            estimated=bool(usage.get("estimated")),
        )

    def usage(self) -> TokenUsage:
        """Return the figures that were told."""
        return cast(TokenUsage, self.model_dump(exclude_defaults=True))  # checked when it was read


class ReviewerPart(Strict):
    """The result of a reviewer."""

    name: Name
    status: ReviewerStatus
    seconds: _SECONDS
    findings: Count
    model: Name
    tokens: UsedPart
    cost_usd: _USD | None
    reason: Middle
    unnamed: Middle = ""

    @classmethod
    def of(cls, report: ReviewerReport) -> Self:
        """Return the part for a reviewer's report."""
        return cls.fitting({**vars(report), "tokens": UsedPart.of(report.tokens)})

    def reviewer(self, redact: Redact) -> ReviewerReport:
        """Return the report with the secrets that `redact` knows taken out."""
        counts = {"input", "output", "cache_read", "cache_write"}
        tokens = cast(TokenUsage, self.tokens.model_dump(include=counts, exclude_defaults=True))
        who = self.name, self.status, self.seconds, self.findings, self.model
        why = redact(self.reason), redact(self.unnamed)
        return ReviewerReport(*who, tokens, self.cost_usd, *why)


class AnalyserPart(Strict):
    """The result of an analyser."""

    name: Name
    status: AnalyserStatus
    seconds: _SECONDS
    version: Name
    files: Count
    reason: Middle

    @classmethod
    def of(cls, report: AnalyserReport) -> Self:
        """Return the part for an analyser's report."""
        return cls.fitting(vars(report))

    def analyser(self, redact: Redact) -> AnalyserReport:
        """Return the report with the secrets that `redact` knows taken out."""
        what = self.name, self.status, self.seconds, self.version, self.files
        return AnalyserReport(*what, redact(self.reason))


class ReportPart(Strict):
    """The findings of a review and what it read."""

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
        """Return the part for a report; of too many findings the worst, with a note on the rest."""
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

    def report(self, redact: Redact, *, base: str, head: str) -> ReviewReport:
        """Return the report with the secrets that `redact` knows taken out."""
        return ReviewReport(
            what="",
            base=base,
            head=head,
            findings=tuple(part.finding(redact) for part in self.findings),
            silenced=tuple(part.finding(redact) for part in self.silenced),
            reviewed=tuple(
                ReviewedFile(f.path, f.status, ((1, f.added),) if f.added else (), "", f.removed)
                for f in self.reviewed
            ),
            skipped=tuple(
                SkippedFile(f.path, f.status, redact(f.reason), f.unread, f.chosen)
                for f in self.skipped
            ),
            agents=tuple(part.reviewer(redact) for part in self.agents),
            analysers=tuple(part.analyser(redact) for part in self.analysers),
            outcome=self.outcome,
            exit_code=self.exit_code,
            fail_on=self.fail_on,
            seconds=self.seconds,
            model=self.model,
            notes=tuple(map(redact, self.notes)),
            below=self.below,
            unlisted={str(severity): n for severity, n in self.unlisted.items()},
            usage=self.usage.usage(),
            readership=self.readership.readership(redact) if self.readership else None,
        )


Code = Annotated[str, Field(pattern=r"^(?:[0-9]{1,3}:[0-9a-f]{8}|file|none)?$")]
Paths = Annotated[tuple[Inside, ...], Field(max_length=MOST_FILES)]
Ids = Annotated[tuple[FindingId, ...], Field(max_length=2 * MOST_FINDINGS)]


class LocationPart(Strict):
    """The location of a comment on a finding."""

    side: Literal["LEFT", "RIGHT"]
    first: Line
    last: Line
    whole: bool
    offers: bool


class PresencePart(Strict):
    """What happened to the code of an earlier finding."""

    path: NoPath
    code: Code
    fate: CodePresence


class FactsPart(Strict):
    """Facts about the code that posting the review needs; see `matching.Facts`."""

    since: NoCommit
    spots: dict[FindingId, LocationPart] = Field(max_length=MOST_FINDINGS)
    codes: dict[FindingId, Code] = Field(max_length=3 * MOST_FINDINGS)
    fates: tuple[PresencePart, ...] = Field(max_length=2 * MOST_FINDINGS)
    pushed: Ids
    touched: Paths
    renamed: dict[Inside, Inside] = Field(max_length=MOST_FILES)
    confirmed: Ids

    @classmethod
    def of(cls, facts: Facts, report: ReportPart) -> Self:
        """Return the part for the facts about the findings of the report."""
        is_located = {part.id for part in report.findings if part.path}
        named = is_located | {part.id for part in (*report.findings, *report.silenced)}
        renamed = {_plain(old): _plain(new) for old, new in facts.renamed.items()}
        fates = {(_plain(path), code): presence for (path, code), presence in facts.fates.items()}
        touched = {_plain(path) for path in facts.touched}
        return cls(
            since=facts.since,
            spots={
                n: LocationPart(**s._asdict())
                for n, s in facts.locations.items()
                if n in is_located
            },
            # Facts of earlier findings, which the report does not name, stay as well.
            codes=dict(islice(facts.codes.items(), 3 * MOST_FINDINGS)),
            fates=tuple(
                PresencePart(path=path, code=code, fate=presence)
                for (path, code), presence in fates.items()
                if not path or is_inside(path)
            ),
            pushed=tuple(sorted(facts.pushed & named)),
            touched=tuple(sorted(filter(is_inside, touched))),
            renamed={o: n for o, n in renamed.items() if is_inside(o) and is_inside(n)},
            confirmed=tuple(sorted(facts.confirmed)),
        )

    def facts(self) -> Facts:
        """Return the facts."""
        return Facts(
            since=self.since,
            locations={
                name: CommentLocation(**location.model_dump())
                for name, location in self.spots.items()
            },
            codes=dict(self.codes),
            fates={(part.path, part.code): part.fate for part in self.fates},
            pushed=frozenset(self.pushed),
            touched=frozenset(self.touched),
            renamed=dict(self.renamed),
            confirmed=frozenset(self.confirmed),
        )


def _plain(path: str) -> str:
    return cut(path, LONGEST_PATH)
