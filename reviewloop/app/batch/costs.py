"""What a run cost its batch: apart from what it had cost before the batch took it over."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from reviewloop.app.project import Repository
from reviewloop.app.soundness import JOURNAL
from reviewloop.models.budget import Spent, spent_by, usage_of
from reviewloop.store.batches import BatchRecord
from reviewloop.store.journal import Journal
from reviewloop.store.runs import RunRecord

PAID = "paid_before"
"""The option of a run that says what it had cost when this batch took it over."""


@dataclass(frozen=True)
class Cost:
    """Calls, tokens, money and active time.

    `unpriced` counts calls whose price is not known, `estimated` those whose tokens are: their
    replies were cut off.
    """

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0
    unpriced: int = 0
    estimated: int = 0
    seconds: float = 0.0

    def plus(self, other: "Cost", sign: int = 1) -> "Cost":
        """Return both together."""
        mine, others = asdict(self), asdict(other)
        return Cost(**{name: mine[name] + sign * others[name] for name in mine})

    def plain(self) -> dict[str, Any]:
        """Return it as JSON-plain values."""
        return asdict(self.rounded())

    def rounded(self) -> "Cost":
        """Return it in the digits that are shown: sums are made of these, so that they add up."""
        return replace(self, usd=round(self.usd, 6), seconds=round(self.seconds, 1))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Cost":
        """Return what `plain` wrote."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def spent_of(repository: Repository, run: RunRecord) -> Spent:
    """Return what one run has used so far."""
    place: Path = repository.run_folder(run.run_id) / JOURNAL
    if not place.exists():
        return Spent()
    journal = Journal(place)
    try:
        return spent_by(journal)
    finally:
        journal.close()


def cost_of(repository: Repository, run: RunRecord) -> Cost:
    """Return all that a run took so far, whoever moved it."""
    return _cost(spent_of(repository, run), run)


def cost_of_calls(usages: Iterable[dict[str, Any]], run: RunRecord) -> Cost:
    """Return what a run took by the usage of its model calls, wherever its journal is."""
    spent = Spent()
    for usage in usages:
        spent = spent.plus(usage_of(usage))
    return _cost(spent, run)


def _cost(spent: Spent, run: RunRecord) -> Cost:
    unsure = (spent.unpriced, spent.estimated)
    return Cost(spent.calls, spent.tokens, spent.usd, *unsure, run.active_seconds).rounded()


def before(run: RunRecord) -> Cost:
    """Return what a run of a batch had cost when that batch took it over."""
    paid = run.options.get(PAID) or {}
    return Cost.of(paid) if isinstance(paid, Mapping) else Cost(usd=float(paid))


def kept_rows(record: BatchRecord, there: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Return task -> rows of its runs that were deleted; `there` are the runs that were not."""
    return {
        task: [row for row in rows if row["run"] not in there] for task, rows in record.kept.items()
    }
