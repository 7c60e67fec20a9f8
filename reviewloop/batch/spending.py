"""The caps of a whole batch: what its runs may still spend, and until when."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reviewloop.errors import BudgetExhaustedError, ReviewLoopError
from reviewloop.models.budget import Spent, spent_by
from reviewloop.runs.repository import Repository
from reviewloop.runs.soundness import JOURNAL
from reviewloop.settings import Settings
from reviewloop.store.batches import BatchRecord
from reviewloop.store.journal import Journal
from reviewloop.store.runs import RunRecord, RunStatus

PAID = "paid_before"
"""The option of a run that says what it had cost when this batch took it over."""


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


class Spending:
    """Divides what is left of a batch's caps among its runs; `settings` hold those of one run."""

    def __init__(self, repository: Repository, record: BatchRecord, settings: Settings) -> None:
        self._repository = repository
        self._record = record
        self._limits = settings.limits
        self._known: dict[str, tuple[float, float]] = {}  # run -> when it was saved, what it cost

    def usd(self) -> float:
        """Return what all runs of the batch have cost so far, since they are of this batch."""
        mine = (r for r in self._repository.runs.all() if _of(r, self._record))
        return sum(self._usd_of(run) - float(run.options.get(PAID, 0.0)) for run in mine)

    def _usd_of(self, run: RunRecord) -> float:
        saved, usd = self._known.get(run.run_id, (0.0, 0.0))
        if saved != run.updated_at or run.status is RunStatus.RUNNING:
            usd = spent_of(self._repository, run).usd
            self._known[run.run_id] = (run.updated_at, usd)
        return usd

    def require(self) -> None:
        """Raise `BudgetExhaustedError` when nothing may begin any more."""
        budget, deadline = self._record.budget_usd, self._record.deadline
        if budget is not None and (used := self.usd()) >= budget:
            raise BudgetExhaustedError(
                f"the batch's budget is spent: ${used:.2f} of ${budget:.2f}; nothing is lost: go "
                f"on with `reviewloop batch --budget-usd {budget * 2:g}`"
            )
        if deadline and time.time() >= deadline:
            shown = time.strftime("%Y-%m-%d %H:%M", time.localtime(deadline))
            raise BudgetExhaustedError(
                f"the batch's deadline has passed ({shown}); nothing is lost: go on with "
                "`reviewloop batch --deadline T`"
            )

    def why_spent(self, task: str) -> BudgetExhaustedError:
        """Return what to say when the batch's cap has stopped a task."""
        try:
            self.require()
        except BudgetExhaustedError as error:
            return error
        return BudgetExhaustedError(
            f"what is left of the batch's caps is too little for the next call of task {task}; "
            "nothing is lost: go on with `reviewloop batch` and a higher --budget-usd or a later "
            "--deadline"
        )

    def caps(
        self,
        run: RunRecord,
        sharing: int = 1,
        beside: Iterable[tuple[RunRecord, Mapping[str, Any]]] = (),
    ) -> dict[str, Any]:
        """Return the caps under which a run goes on.

        `beside` are runs at work with their caps: what these may still spend is not left. So many
        runs as `sharing` says divide the rest.
        """
        caps: dict[str, Any] = {
            "limits.usd": self._limits.usd,
            "limits.minutes": self._limits.minutes,
        }
        if self._record.budget_usd is not None:
            held = (caps["limits.usd"] - self._usd_of(other) for other, caps in beside)
            left = self._record.budget_usd - self.usd() - sum(max(0.0, usd) for usd in held)
            left = max(0.0, left) / sharing
            usd = spent_of(self._repository, run).usd + left
            caps["limits.usd"] = max(min(self._limits.usd, usd), 1e-9)
        if self._record.deadline:
            left = max(0.0, self._record.deadline - time.time())
            minutes = (run.active_seconds + left) / 60
            caps["limits.minutes"] = max(min(self._limits.minutes, minutes), 1e-9)
        return caps

    def stopped_by_batch(self, caps: Mapping[str, Any], error: ReviewLoopError) -> bool:
        """Whether it was the batch's cap that stopped a run, not the run's own."""
        if not isinstance(error, BudgetExhaustedError):
            return False
        said = str(error)
        usd = caps["limits.usd"] < self._limits.usd and "limits.usd" in said
        minutes = caps["limits.minutes"] < self._limits.minutes and "limits.minutes" in said
        return usd or minutes


def is_about_money(error: ReviewLoopError) -> bool:
    """Whether it was a cap on money that stopped a run."""
    return isinstance(error, BudgetExhaustedError) and "limits.usd" in str(error)


def _of(run: RunRecord, record: BatchRecord) -> bool:
    return run.options.get("batch") == record.batch_id
