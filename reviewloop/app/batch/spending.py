"""The caps of a whole batch: what its runs may still spend, and until when."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from reviewloop.app.batch.costs import before, kept_rows, spent_of
from reviewloop.app.project import Repository
from reviewloop.domain.errors import BudgetExhaustedError, ReviewLoopError
from reviewloop.models.budget import Spent, raised
from reviewloop.render.text import cap_money
from reviewloop.settings import Settings
from reviewloop.store.batches import BatchRecord
from reviewloop.store.runs import RunRecord, RunStatus

MONEY, MINUTES, TOKENS = "limits.usd", "limits.minutes", "limits.tokens"


class Spending:
    """Divides what is left of a batch's caps among its runs; `settings` hold those of one run."""

    def __init__(self, repository: Repository, record: BatchRecord, settings: Settings) -> None:
        self.repository = repository
        self._record = record
        self._limits = settings.limits
        self._known: dict[str, tuple[float, Spent]] = {}  # run -> when it was saved, what it used

    def usd(self) -> float:
        """Return what all runs of the batch have cost so far, since they are of this batch.

        It is what the account shows, those that were rejected or deleted since included.
        """
        gone = sum(float(row["cost"]["usd"]) for row in self._deleted())
        return gone + sum(max(0.0, self._usd_of(run) - before(run).usd) for run in self._runs())

    def tokens(self) -> int:
        """Return the tokens of all that `usd` counts."""
        gone = sum(int(row["cost"]["tokens"]) for row in self._deleted())
        return gone + sum(
            max(0, self._spent_of(run).tokens - before(run).tokens) for run in self._runs()
        )

    def _runs(self) -> list[RunRecord]:
        return [run for run in self.repository.runs.all() if _of(run, self._record)]

    def _deleted(self) -> list[dict[str, Any]]:
        """Return the rows of runs that were deleted."""
        there = {run.run_id for run in self.repository.runs.all()}
        return [row for rows in kept_rows(self._record, there).values() for row in rows]

    def _usd_of(self, run: RunRecord) -> float:
        return self._spent_of(run).usd

    def _spent_of(self, run: RunRecord) -> Spent:
        saved, spent = self._known.get(run.run_id, (0.0, Spent()))
        if saved != run.updated_at or run.status is RunStatus.RUNNING:
            spent = spent_of(self.repository, run)
            self._known[run.run_id] = (run.updated_at, spent)
        return spent

    def require(self) -> None:
        """Raise `BudgetExhaustedError` when nothing may begin any more."""
        budget, deadline = self._record.budget_usd, self._record.deadline
        if budget is not None and (used := self.usd()) >= budget:
            spent = f"{cap_money(used)} of {cap_money(budget)}"
            raise BudgetExhaustedError(
                f"the batch's budget is spent: {spent}; nothing is lost: the same command "
                f"goes on with a higher `--budget-usd`, such as {raised(budget, used):g}, or with "
                "`--budget-usd none`"
            )
        if deadline and time.time() >= deadline:
            shown = time.strftime("%Y-%m-%d %H:%M", time.localtime(deadline))
            raise BudgetExhaustedError(
                f"the batch's deadline has passed ({shown}); nothing is lost: the same command "
                "goes on with a later `--deadline`, or with `--deadline none`"
            )

    def why_spent(self, task: str) -> BudgetExhaustedError:
        """Return what to say when the batch's cap has stopped a task."""
        try:
            self.require()
        except BudgetExhaustedError as error:
            return error
        money, time_ = self._record.budget_usd is not None, bool(self._record.deadline)
        raised = ["a higher `--budget-usd`"] * money + ["a later `--deadline`"] * time_
        return BudgetExhaustedError(
            f"what is left of the batch's caps is too little for the next call of task {task}; "
            f"nothing is lost: the same command goes on with {' or '.join(raised)}"
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
        own = self.own(run)
        caps: dict[str, Any] = {**own}
        if self._record.budget_usd is not None:
            held = (caps[MONEY] - self._usd_of(other) for other, caps in beside)
            left = self._record.budget_usd - self.usd() - sum(max(0.0, usd) for usd in held)
            left = max(0.0, left) / sharing
            usd = spent_of(self.repository, run).usd + left
            caps[MONEY] = max(min(own[MONEY], usd), 1e-9)
        if self._record.deadline:
            left = max(0.0, self._record.deadline - time.time())
            minutes = (run.active_seconds + left) / 60
            caps[MINUTES] = max(min(own[MINUTES], minutes), 1e-9)
        return caps

    def own(self, run: RunRecord) -> dict[str, float]:
        """Return the caps of one run: its own, or those of the settings where these are higher.

        A person may have raised them for this one, or in the settings since it began.
        """
        raised = run.settings.get("limits", {})
        return {
            MONEY: max(self._limits.usd, raised.get("usd", 0)),
            MINUTES: max(self._limits.minutes, raised.get("minutes", 0)),
            TOKENS: max(self._limits.tokens, raised.get("tokens", 0)),
        }

    def stopped_by_batch(
        self, run: RunRecord, caps: Mapping[str, Any], error: ReviewLoopError
    ) -> bool:
        """Whether it was the batch's cap that stopped a run, not the run's own."""
        if not isinstance(error, BudgetExhaustedError):
            return False
        own = self.own(run)
        return error.cap in own and caps[error.cap] < own[error.cap]


def is_about_money(error: ReviewLoopError) -> bool:
    """Whether it was a cap on money that stopped a run."""
    return isinstance(error, BudgetExhaustedError) and error.cap == MONEY


def _of(run: RunRecord, record: BatchRecord) -> bool:
    return run.options.get("batch") == record.batch_id
