"""The caps of a batch on cost and time, and the cost of its runs."""

import time
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from reviewloop.app.project import Repository
from reviewloop.app.run_source import RunSource
from reviewloop.domain.batch_report import Cost, KeptRun
from reviewloop.domain.errors import BudgetExhaustedError, ReviewLoopError, UsageError
from reviewloop.domain.reason import Param, ReasonKind
from reviewloop.llm.budget import Spent, higher_cap
from reviewloop.regex import regex
from reviewloop.render.batch import RAISES
from reviewloop.render.text import cap_money
from reviewloop.settings import Settings
from reviewloop.store.batches import BatchRecord
from reviewloop.store.batches import cost_of as stored_cost
from reviewloop.store.runs import RunRecord, RunStatus

PAID = "paid_before"
"""The option of a run with its cost before this batch took it over."""


def spent_of(repository: RunSource, run: RunRecord) -> Spent:
    """Return what one run has used so far."""
    return repository.spent(run)


def cost_of(repository: RunSource, run: RunRecord) -> Cost:
    """Return the whole cost of a run, whoever advanced it."""
    return _cost(spent_of(repository, run), run)


def _cost(spent: Spent, run: RunRecord) -> Cost:
    unsure = (spent.unpriced, spent.estimated)
    return Cost(spent.calls, spent.tokens, spent.usd, *unsure, run.active_seconds).rounded()


def cost_before_batch(run: RunRecord) -> Cost:
    """Return what a run had cost before its batch took it over."""
    paid = run.options.get(PAID) or {}
    return stored_cost(paid) if isinstance(paid, Mapping) else Cost(usd=float(paid))


def kept_rows(record: BatchRecord, there: Collection[str]) -> dict[str, list[KeptRun]]:
    """Return task -> its deleted runs; `there` are the ids of runs that exist."""
    return {
        task: [one for one in kept if one.run not in there] for task, kept in record.kept.items()
    }


class BatchCapError(BudgetExhaustedError):
    """The batch reached one of its caps; `flags` of `reviewloop batch` raise it."""

    kind = ReasonKind.BATCH_CAP

    def __init__(self, problem: str, way: str, *, flags: tuple[str, ...]) -> None:
        super().__init__(f"{problem}; nothing is lost: {way}")
        self.brief, self.flags = problem, flags

    def params(self) -> dict[str, Param]:
        """Return the parameters of its reason."""
        return {"flags": self.flags}


MONEY, MINUTES, TOKENS = "limits.usd", "limits.minutes", "limits.tokens"


class Spending:
    """Divides what is left of a batch's caps among its runs; `settings` hold the caps of
    one run.
    """

    def __init__(self, repository: Repository, record: BatchRecord, settings: Settings) -> None:
        self.repository = repository
        self._record = record
        self._limits = settings.limits
        self._known: dict[str, tuple[float, Spent]] = {}  # run -> (time of its record, its usage)

    def usd(self) -> float:
        """Return in dollars what all runs of the batch have cost since they belong to it.

        Rejected and deleted runs are included, as in the report.
        """
        gone = sum(one.cost.usd for one in self._deleted())
        return gone + sum(
            max(0.0, self._usd_of(run) - cost_before_batch(run).usd) for run in self._runs()
        )

    def tokens(self) -> int:
        """Return the tokens of the same runs as `usd`."""
        gone = sum(one.cost.tokens for one in self._deleted())
        return gone + sum(
            max(0, self._spent_of(run).tokens - cost_before_batch(run).tokens)
            for run in self._runs()
        )

    def _runs(self) -> list[RunRecord]:
        return [run for run in self.repository.runs.all() if _of(run, self._record)]

    def _deleted(self) -> list[KeptRun]:
        """Return the deleted runs of the batch."""
        there = {run.run_id for run in self.repository.runs.all()}
        return [one for kept in kept_rows(self._record, there).values() for one in kept]

    def _usd_of(self, run: RunRecord) -> float:
        return self._spent_of(run).usd

    def _spent_of(self, run: RunRecord) -> Spent:
        saved, spent = self._known.get(run.run_id, (0.0, Spent()))
        if saved != run.updated_at or run.status is RunStatus.RUNNING:
            spent = spent_of(self.repository, run)
            self._known[run.run_id] = (run.updated_at, spent)
        return spent

    def require(self) -> None:
        """Raise `BudgetExhaustedError` when no run may start any more."""
        budget, deadline = self._record.budget_usd, self._record.deadline
        if budget is not None and (used := self.usd()) >= budget:
            spent = f"{cap_money(used)} of {cap_money(budget)}"
            raise BatchCapError(
                f"the batch's budget is spent: {spent}",
                f"the same command goes on with a higher `--budget-usd`, such as "
                f"{higher_cap(budget, used):g}, or with `--budget-usd none`",
                flags=("--budget-usd",),
            )
        if deadline and time.time() >= deadline:
            shown = time.strftime("%Y-%m-%d %H:%M", time.localtime(deadline))
            raise BatchCapError(
                f"the batch's deadline has passed ({shown})",
                "the same command goes on with a later `--deadline`, or with `--deadline none`",
                flags=("--deadline",),
            )

    def why_spent(self, task: str) -> BudgetExhaustedError:
        """Return the error for a task that the batch's cap stopped."""
        try:
            self.require()
        except BudgetExhaustedError as error:
            return error
        capped = {
            "--budget-usd": self._record.budget_usd is not None,
            "--deadline": bool(self._record.deadline),
        }
        flags = tuple(flag for flag in RAISES if capped[flag])
        raised = [f"{RAISES[flag]} `{flag}`" for flag in flags]
        return BatchCapError(
            f"what is left of the batch's caps is too little for the next call of task {task}",
            f"the same command goes on with {' or '.join(raised)}",
            flags=flags,
        )

    def caps(
        self,
        run: RunRecord,
        sharing: int = 1,
        beside: Iterable[tuple[RunRecord, Mapping[str, Any]]] = (),
    ) -> dict[str, Any]:
        """Return the caps under which a run continues.

        `beside` are the runs in progress with their caps; what these may still spend is not
        available. `sharing` runs divide the rest.
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
        """Return the caps of one run: its own, or the higher ones of the settings.

        A user may have raised them for this run, or in the settings since it started.
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
        """Return whether the batch's cap stopped a run, not the run's own."""
        if not isinstance(error, BudgetExhaustedError):
            return False
        own = self.own(run)
        return error.cap in own and caps[error.cap] < own[error.cap]


def is_about_money(error: ReviewLoopError) -> bool:
    """Return whether a cap on money stopped a run."""
    return isinstance(error, BudgetExhaustedError) and error.cap == MONEY


def _of(run: RunRecord, record: BatchRecord) -> bool:
    return run.options.get("batch") == record.batch_id


_SPAN = regex(r"(?:(\d+)h)?(?:(\d+)m(?:in)?)?")
_CLOCK = regex(r"(\d{1,2}):(\d{2})")


def read_deadline(text: str, now: float | None = None) -> float:
    """Return the deadline in seconds since the epoch, 0 for "none".

    Raises `UsageError` for an invalid or past time.
    """
    written = text.strip()
    if written.lower() == "none":
        return 0.0
    at = time.time() if now is None else now
    try:
        found = _read(written, datetime.fromtimestamp(at).astimezone())
        ends = found.timestamp() if found else 0.0
    except (OverflowError, ValueError):  # before the year 1 or after 9999
        found = None
    if found is None:
        raise UsageError(
            f"--deadline {text!r} is no time; write 07:00, 8h, 90m, 2026-01-31T07:00, or none"
        )
    if ends <= at:
        raise UsageError(f"--deadline {text!r} has passed already")
    return ends


def _read(text: str, now: datetime) -> datetime | None:
    span = _SPAN.fullmatch(text)
    if span and any(span.groups()):
        return now + timedelta(hours=int(span[1] or 0), minutes=int(span[2] or 0))
    if clock := _CLOCK.fullmatch(text):
        hour, minute = int(clock[1]), int(clock[2])
        if hour > 23 or minute > 59:
            return None
        today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.astimezone()
