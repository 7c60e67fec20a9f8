"""A finding in the artifact between two jobs: typed, bounded, and free of anything that acts.

Lengths are those that a comment shows at most, so that nothing that would be told is cut. The
address of a rule is left out: it is looked up in our own rule book again.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

from annotated_types import MaxLen
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from reviewloop.domain.finding import Evidence, Finding, Placement, Severity, Status

_BYTES = re.compile("[\udc80-\udcff]")  # what `os.fsdecode` makes of bytes that are no UTF-8
Hide = Callable[[str], str]
LONGEST_PATH = 4096
MOST_FINDINGS = 5000  # in each of the two lists of a report
MOST_FILES = 50_000
_MOST_EVIDENCE = 50
_LINES = 10_000_000
_LONG, _MIDDLE, _NAME, _TITLE, _CODE = 8000, 2000, 200, 300, 10_000


class Strict(BaseModel):
    """No other fields, no converted types, no infinite numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @classmethod
    def fitting(cls, values: Mapping[str, Any]) -> Self:
        """Return the part with these values, texts cut to what it takes."""
        given = dict(values)
        for name, field in cls.model_fields.items():
            if type(given.get(name)) is str:  # an enum is one, too, and never too long
                limits = [m.max_length for m in field.metadata if isinstance(m, MaxLen)]
                given[name] = cut(given[name], min(limits, default=LONGEST_PATH))
        return cls.model_validate(given)


def is_inside(path: str) -> bool:
    """Whether a path is one that git can have: relative, and leading nowhere else."""
    parts = path.split("/")
    return len(path) <= LONGEST_PATH and "\0" not in path and not {"", ".", ".."} & set(parts)


def listed_path(path: str) -> str:
    """Return the name of a file for a list; one that no repository can have is told, too."""
    path = plain_path(path)
    return path if is_inside(path) else f"?{path.replace('/', '∕').replace(chr(0), '')[-1000:]}"


def plain_path(path: str) -> str:
    """Return a path as UTF-8 can hold it: other bytes as people are shown them."""
    return _BYTES.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", path)


def _inside(path: str) -> str:
    if not is_inside(path):
        raise ValueError("a path leads out of the repository, or is too long")
    return path


def _inside_or_none(path: str) -> str:
    return path and _inside(path)


def cut(text: str, most: int) -> str:
    """Return at most so many characters, as UTF-8 can hold them."""
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


class FindingPart(Strict):
    """What is told about a finding."""

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

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Return what is handed over; a place that cannot be named is none."""
        path = plain_path(finding.path)
        placed = not path or is_inside(path)
        new = finding.replacement
        fits = new is not None and len(new) <= _CODE and cut(new, _CODE) == new
        own = {name: getattr(finding, name) for name in cls.model_fields}
        return cls.fitting(
            own
            | {
                "agents": tuple(cut(name, _NAME) for name in finding.agents[:50]),
                "path": path if placed else "",
                "line": finding.line or None,
                "end_line": finding.end_line or None,
                "side": "old" if finding.side == "old" else "new",
                "replacement": new if fits else None,
                "evidence": tuple(
                    EvidencePart.fitting(piece.model_dump())
                    for piece in finding.evidence[:_MOST_EVIDENCE]
                ),
                "placement": finding.placement if placed else Placement.UNANCHORED,
            }
        )

    def finding(self, hide: Hide) -> Finding:
        """Return the finding, its texts without the secrets that `hide` knows."""
        given = self.model_dump(exclude={"evidence", "replacement"})
        limits = {"title": _TITLE, "why": _LONG, "suggestion": _LONG, "note": _MIDDLE}
        limits |= {"rule": _NAME, "quote": _LONG}
        given |= {name: cut(hide(given[name]), most) for name, most in limits.items()}
        new = self.replacement
        return Finding(
            **given,
            evidence=tuple(
                Evidence(kind=e.kind, source=hide(e.source), text=hide(e.text))
                for e in self.evidence
            ),
            # Code with a secret in it is nothing to commit.
            replacement=new if new is not None and hide(new) == new else None,
        )
