"""The facts about the code in the artifact between two jobs, typed and bounded."""

from itertools import islice
from typing import Annotated, Literal, Self

from pydantic import Field

from reviewloop.github.earlier.codeprints import Fate
from reviewloop.github.earlier.facts import Facts, Spot
from reviewloop.github.handed.findings import (
    LONGEST_PATH,
    MOST_FILES,
    MOST_FINDINGS,
    FindingId,
    Inside,
    Line,
    NoCommit,
    NoPath,
    Strict,
    cut,
    is_inside,
)
from reviewloop.github.handed.report import ReportPart

Code = Annotated[str, Field(pattern=r"^(?:[0-9]{1,3}:[0-9a-f]{8}|file|none)?$")]
Paths = Annotated[tuple[Inside, ...], Field(max_length=MOST_FILES)]
Ids = Annotated[tuple[FindingId, ...], Field(max_length=2 * MOST_FINDINGS)]


class SpotPart(Strict):
    """Where a comment on a finding may stand."""

    side: Literal["LEFT", "RIGHT"]
    first: Line
    last: Line
    whole: bool
    offers: bool


class FatePart(Strict):
    """What became of code that an earlier finding was about."""

    path: NoPath
    code: Code
    fate: Fate


class FactsPart(Strict):
    """What telling the review takes from the code; see `earlier.facts`."""

    since: NoCommit
    spots: dict[FindingId, SpotPart] = Field(max_length=MOST_FINDINGS)
    codes: dict[FindingId, Code] = Field(max_length=3 * MOST_FINDINGS)
    fates: tuple[FatePart, ...] = Field(max_length=2 * MOST_FINDINGS)
    pushed: Ids
    touched: Paths
    renamed: dict[Inside, Inside] = Field(max_length=MOST_FILES)
    confirmed: Ids

    @classmethod
    def of(cls, facts: Facts, report: ReportPart) -> Self:
        """Return what is handed over of the facts, about the findings that are."""
        placed = {part.id for part in report.findings if part.path}
        named = placed | {part.id for part in (*report.findings, *report.silenced)}
        renamed = {_plain(old): _plain(new) for old, new in facts.renamed.items()}
        fates = {(_plain(path), code): fate for (path, code), fate in facts.fates.items()}
        touched = {_plain(path) for path in facts.touched}
        return cls(
            since=facts.since,
            spots={n: SpotPart(**s._asdict()) for n, s in facts.spots.items() if n in placed},
            # Those of earlier findings, which the report does not name, count, too.
            codes=dict(islice(facts.codes.items(), 3 * MOST_FINDINGS)),
            fates=tuple(
                FatePart(path=path, code=code, fate=fate)
                for (path, code), fate in fates.items()
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
            spots={name: Spot(**spot.model_dump()) for name, spot in self.spots.items()},
            codes=dict(self.codes),
            fates={(part.path, part.code): part.fate for part in self.fates},
            pushed=frozenset(self.pushed),
            touched=frozenset(self.touched),
            renamed=dict(self.renamed),
            confirmed=frozenset(self.confirmed),
        )


def _plain(path: str) -> str:
    return cut(path, LONGEST_PATH)
