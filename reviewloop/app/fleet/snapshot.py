"""A snapshot of a store, read once, and the runs of each branch in it."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

from reviewloop.app.batch.queue import Queue, queue_of
from reviewloop.app.fleet.jobs import ANSWER, TASK, Jobs, Pending
from reviewloop.dataclass import dataclass
from reviewloop.domain.batch_report import Figures, KeptRun, RunReport
from reviewloop.domain.errors import UsageError
from reviewloop.domain.reason import Reason
from reviewloop.git.transfer import host_and_path
from reviewloop.llm.budget import Spent, spent_on
from reviewloop.render.proposal import Proposal
from reviewloop.specs.files import MemoryFiles
from reviewloop.store.batches import Session, StoredRow
from reviewloop.store.journal import CallUsage
from reviewloop.store.postgres.batches import About, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.replica import usage_of_calls
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus


@dataclass(frozen=True)
class CurrentCheckout:
    """The checkout around the current folder."""

    branch: str  # "": none
    addresses: Collection[tuple[str, str]]  # hosts and paths of its remotes

    def has(self, about: About) -> bool:
        """Return whether this is a checkout of that repository."""
        return host_and_path(about.address) in self.addresses


class _ReadRuns(SharedRuns):
    """Runs that are already read."""

    def __init__(self, database: Database, runs: Sequence[RunRecord]) -> None:
        super().__init__(database)
        self._runs = runs

    def all(self) -> list[RunRecord]:
        """Return the runs, without reading them again."""
        return list(self._runs)

    def _of_id(self, run_id: str) -> RunRecord | None:
        return next((run for run in self._runs if run.run_id == run_id), None)


class Snapshot:
    """Batches, runs and jobs of a store, the newest batches and runs first."""

    def __init__(self, database: Database, url: str) -> None:
        self.database, self.url = database, url
        self.batches = SharedBatches(database).all()
        self._shown = SharedRuns(database).all_shown()
        self.runs = [run for run, _, _ in self._shown]
        self.pending = Jobs(database, url).pending()
        self.abouts = {one.record.batch_id: one.about for one in self.batches}
        self.answers = {
            str(job.args["run"]): str(job.args["answer"]["choice"])
            for job in self.pending
            if job.name == ANSWER
        }
        """Run -> its answer that is on the way to a worker."""
        self._branches: dict[str, BranchSource] = {}

    def branch_of(self, run: RunRecord) -> "BranchSource":
        """Return the branch of a run."""
        about = self.abouts.get(str(run.options.get("batch", "")))
        if about is None:
            raise UsageError(f"the batch of run {run.run_id} is not in this store any more")
        return self.branch(about)

    def branch(self, about: About) -> "BranchSource":
        """Return the runs of a branch."""
        if about.lock not in self._branches:
            self._branches[about.lock] = BranchSource(self, about)
        return self._branches[about.lock]

    @cached_property
    def branches(self) -> "list[BranchSource]":
        """The branches with runs, the oldest first."""
        runs = sorted(self.runs, key=lambda run: run.created_at)
        known = (run for run in runs if run.options.get("batch") in self.abouts)
        return list(dict.fromkeys(map(self.branch_of, known)))

    def jobs_of(self, batch_id: str) -> list[Pending]:
        """Return what is queued or in progress for a batch."""
        return [job for job in self.pending if job.batch == batch_id]

    def is_at_work(self, run: RunRecord) -> bool:
        """Return whether a worker advances a run."""
        batch = str(run.options.get("batch", ""))
        return bool({(batch, run.task_id), (batch, run.run_id)} & self._taken)

    def state_of(self, run: RunRecord) -> str:
        """Return the status of a run; a running one without a worker is stopped."""
        idle = run.status is RunStatus.RUNNING and not self.is_at_work(run)
        return "stopped" if idle else str(run.status)

    @cached_property
    def _taken(self) -> set[tuple[str, Any]]:
        return {
            (job.batch, job.args["task" if job.name == TASK else "run"])
            for job in self.pending
            if job.taken
        }

    @cached_property
    def kept(self) -> dict[str, KeptRun]:
        """The stored rows of finished runs, by run."""
        rows = (rows for batch in self.batches for rows in batch.record.kept.values())
        return {one.run: one for row in rows for one in row}

    @cached_property
    def shown(self) -> dict[str, StoredRow]:
        """The last report of each waiting run's proposal, by run."""
        return {one.run.run_id: one.row for one in self._shown if one.row}

    @cached_property
    def notes(self) -> dict[str, Reason]:
        """The outcome of the latest answer, by run."""
        return {one.run.run_id: one.note for one in self._shown}

    @cached_property
    def usages(self) -> dict[str, list[CallUsage]]:
        """The usage of the calls of all runs that are not over."""
        return usage_of_calls(
            self.database, [run.run_id for run in self.runs if not run.status.over]
        )


class BranchSource:
    """The runs of one branch as workers reported them, as an `app.run_source.RunSource`."""

    checkout = None
    by_workers = True
    files = MemoryFiles({})

    def __init__(self, snapshot: Snapshot, about: About) -> None:
        self.snapshot, self.about = snapshot, about
        self.branch = about.branch
        self.batches = [one for one in snapshot.batches if one.about.lock == about.lock]
        mine = {one.record.batch_id for one in self.batches}
        runs = [run for run in snapshot.runs if run.options.get("batch") in mine]
        self.runs = _ReadRuns(snapshot.database, runs)
        self._by_id = {run.run_id: run for run in runs}

    @property
    def name(self) -> str:
        """The branch, with its repository."""
        return f"{self.about.branch} of {self.about.address}"

    def is_called(self, name: str) -> bool:
        """Return whether this name means it, with or without the repository."""
        return name in {self.branch, self.name}

    @cached_property
    def queue(self) -> Queue:
        """The queue of the branch, without interrupted runs, which only workers resume."""
        return replace(queue_of(self), cut_off=())

    @property
    def head(self) -> str | None:
        """The last reported commit of the branch, None without a report."""
        reports = sorted(
            (one.account for one in self.batches), key=lambda one: one.get("told_at", 0.0)
        )
        return next((str(one["head"]) for one in reversed(reports) if one.get("head")), None)

    def head_of(self, branch: str) -> str:
        """Return the same for its own branch, "" for any other."""
        return (self.head or "") if branch == self.branch else ""

    def is_clean(self) -> bool:
        """Return False: a worker's clone with files in the way is gone."""
        return False

    def is_at_work(self, run_id: str) -> bool:
        """Return whether a worker advances a run."""
        return self.snapshot.is_at_work(self._by_id[run_id])

    def is_batch_at_work(self, batch_id: str) -> bool:
        """Return whether something is queued or in progress for a batch."""
        return bool(self.snapshot.jobs_of(batch_id))

    def sessions(self, batch_id: str) -> Sequence[Session]:
        """Return none: workers take jobs."""
        return ()

    def tasks_of(self, spec_path: str) -> list[str]:
        """Return the tasks of a spec as the latest batch took them."""
        newest = (one.record for one in self.batches if one.record.spec_path == spec_path)
        return next((list(record.tasks) for record in newest), [])

    def stored_title(self, title: str) -> str:
        """Return the title: who queued it has other secrets than who wrote the record."""
        return title

    def proposal(self, run: RunRecord) -> Proposal | None:
        """Return the proposal of a run."""
        found, _ = SharedRuns(self.snapshot.database).proposal(run.run_id)
        return cast(Proposal, found) or None

    def commit_of(self, run: RunRecord) -> str:
        """Return the commit that a run proposes; "" until its proposal is reported."""
        shown = self.snapshot.shown.get(run.run_id)
        if shown is None or run.status is not RunStatus.WAITING or shown.proposal != run.proposal:
            return ""
        return shown.proposed

    def spent(self, run: RunRecord) -> Spent:
        """Return the usage of a run's model calls, as far as it is stored."""
        known = self.snapshot.usages
        if run.run_id not in known:
            known = usage_of_calls(self.snapshot.database, [run.run_id])
        return spent_on(known[run.run_id])

    def figures(self, run: RunRecord) -> Figures:
        """Return the figures that a worker reported; zeros without a report."""
        return self.reported(run).figures

    def reported(self, run: RunRecord) -> RunReport:
        """Return the reported row of a run, an empty one without a report."""
        if run.status.over and (kept := self.snapshot.kept.get(run.run_id)):
            return kept
        shown = self.snapshot.shown.get(run.run_id)
        return shown.report if shown else RunReport(state=str(run.status))
