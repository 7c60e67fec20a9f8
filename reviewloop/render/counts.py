"""Counts the findings of a run by outcome; the only place that counts them.

The live line, the approval screen, the commit message and a batch's report show these counts;
`stats` sums the same outcomes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from reviewloop.dataclass import dataclass
from reviewloop.domain.event import EventFacts
from reviewloop.domain.finding import Finding, Severity, Status
from reviewloop.render.text import counted

BY_USER = "person"
"""The agent name of a user's request, which does not count as a finding."""

OUTCOMES: Mapping[Status, Literal["fixed", "dismissed", "left"]] = {
    Status.FIXED: "fixed",
    Status.DISMISSED: "dismissed",
    Status.OPEN: "left",
    Status.UNRESOLVED: "left",
}
"""Status -> outcome; merged and silenced findings have none."""


@dataclass(frozen=True)
class Counts:
    """The counts of a run's findings; each is counted once."""

    must_fix: int = 0  # left
    should_fix: int = 0  # left
    nits: int = 0  # left; the loop does not fix them
    fixed: int = 0  # of any severity
    dismissed: int = 0  # of any severity

    @property
    def left(self) -> int:
        """Open findings that have to be fixed."""
        return self.must_fix + self.should_fix

    @property
    def found(self) -> int:
        """All but unfixed nits."""
        return self.left + self.fixed + self.dismissed

    @property
    def words(self) -> str:
        """`1 must fix, 1 should fix remaining; 3 fixed, 0 dismissed, 2 nits`."""
        named = {Severity.MUST_FIX: self.must_fix, Severity.SHOULD_FIX: self.should_fix}
        left = ", ".join(f"{n} {severity.label}" for severity, n in named.items() if n) or "none"
        over = f"{self.fixed} fixed, {self.dismissed} dismissed, {counted(self.nits, 'nit')}"
        return f"{left} remaining; {over}"

    def facts(self) -> EventFacts:
        """Return the counts for an event."""
        return {
            "must_fix": self.must_fix,
            "should_fix": self.should_fix,
            "nits": self.nits,
            "fixed": self.fixed,
            "dismissed": self.dismissed,
        }

    @classmethod
    def of_event(cls, facts: EventFacts) -> "Counts":
        """Return the counts of an event; what it does not tell is 0."""
        return cls(
            must_fix=facts.get("must_fix", 0),
            should_fix=facts.get("should_fix", 0),
            nits=facts.get("nits", 0),
            fixed=facts.get("fixed", 0),
            dismissed=facts.get("dismissed", 0),
        )


def count(findings: Iterable[Finding]) -> Counts:
    """Count the findings of a run."""
    return _count((f.severity, f.status) for f in findings if BY_USER not in f.agents)


def count_records(records: Iterable[Mapping[str, object]]) -> Counts:
    """Return the same for findings in the form of a proposal."""
    return _count(
        (Severity(str(one["severity"])), Status(str(one["status"])))
        for one in records
        if not is_request(one)
    )


def requests_left(records: Iterable[Mapping[str, object]]) -> int:
    """Return how many of the user's requests are not done."""
    return sum(
        is_request(one) and OUTCOMES.get(Status(str(one["status"]))) == "left" for one in records
    )


def is_request(finding: Mapping[str, object]) -> bool:
    """Return whether this is a user's request by `modify`, which does not count as a finding."""
    agents = finding["agents"]
    return isinstance(agents, list | tuple) and BY_USER in agents


def _count(pairs: Iterable[tuple[Severity, Status]]) -> Counts:
    counts = Counter((severity, OUTCOMES.get(status)) for severity, status in pairs)
    left = {severity: counts[severity, "left"] for severity in Severity}
    return Counts(
        left[Severity.MUST_FIX],
        left[Severity.SHOULD_FIX],
        left[Severity.NIT],
        sum(counts[severity, "fixed"] for severity in Severity),
        sum(counts[severity, "dismissed"] for severity in Severity),
    )
