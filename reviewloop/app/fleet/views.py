"""What a user sees of the work of all workers; needs no clone."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reviewloop.app.batch.limits import before, cost_of_calls
from reviewloop.app.batch.policy import because_of
from reviewloop.app.batch.report import unbegun, unbegun_row, with_earlier, with_rows
from reviewloop.app.batch.spec_changes import runs_by_task, strays_of, was_renumbered
from reviewloop.app.batch.status import ANEW, is_called
from reviewloop.app.fleet.jobs import ANSWER, TASK, Jobs
from reviewloop.app.fleet.port import QUEUED
from reviewloop.app.fleet.queue import latest, with_next
from reviewloop.app.project import Repository
from reviewloop.domain.batch_report import BatchReport, Cost, TaskReport
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.domain.task import Spec
from reviewloop.render.batch import ON_ITS_WAY, next_of
from reviewloop.render.reasons import sentence
from reviewloop.specs.order import Order
from reviewloop.specs.tasks import UNTICKED
from reviewloop.store.batches import BatchRecord, batch_report, reason_told, task_report
from reviewloop.store.postgres.batches import About, SharedBatch, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.replica import usage_of_calls
from reviewloop.store.postgres.runs import BranchRuns, SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus

_RUN = re.compile(r"\brun (\S+) \((\w+)\)")  # in a reason that names a run and where it stood
_NEED = re.compile(r"waits for (\S+), which is ")
_BEGINS = reason(ReasonKind.ERROR, text="a worker begins")


class Since:
    """Knows the runs of all batches as they are now."""

    def __init__(self, batches: Sequence[SharedBatch], runs: Sequence[RunRecord]) -> None:
        locks = {one.record.batch_id: one.about.lock for one in batches}
        self._statuses = {run.run_id: run.status for run in runs}
        self._told = {row.run: row for one in batches for row in rows_of(one)}
        self._latest: dict[tuple[str, str, str], RunRecord] = {}
        for run in sorted(runs, key=lambda run: run.created_at):
            at = locks.get(str(run.options.get("batch", "")), "")
            self._latest[at, run.spec_path, run.title] = run

    def open_row(self, batch: SharedBatch, row: TaskReport, *, going_on: bool) -> TaskReport:
        """Return the row of a task that its batch did not begin, as it is by now."""
        if done := self._done(batch, row):
            return done
        before = sentence(row.because)
        why = self._now(before)
        if why == before:
            return row
        now = replace(row, because=reason_told(why))
        because = batch.record.because
        following = next_of(
            now, now.because, going_on=going_on, batch_because=because, by_workers=True
        )
        return replace(now, next=following)

    def _done(self, batch: SharedBatch, row: TaskReport) -> TaskReport | None:
        """Return the row of a task that a run of another batch committed since this one began."""
        at = (batch.about.lock, batch.record.spec_path, row.title)
        run = self._latest.get(at)
        if run is None or run.status is not RunStatus.COMMITTED or run.evidence.get(UNTICKED):
            return None
        if run.updated_at < batch.record.created_at:  # and the task was open again then
            return None
        told = self._told.get(run.run_id, unbegun_row(row.task, row.title))
        return replace(
            told,
            task=row.task,
            run=run.run_id,
            state=str(RunStatus.COMMITTED),
            step="",
            because=NO_REASON,
            next="",
            commit=run.commit,
            branch=run.branch,
            approved_by=run.approved_by,
            cost=Cost(),
            before=told.cost.plus(told.before).rounded(),
            earlier=None,
        )

    def _now(self, why: str) -> str:
        """Return a reason as it holds now, "" where the run that it names is over."""
        named = _RUN.search(why)
        status = self._statuses.get(named[1]) if named else None
        if named is None or status is None:
            return why
        return "" if status.over else f"{why[: named.start(2)]}{status}{why[named.end(2) :]}"


def rows_of(batch: SharedBatch) -> list[TaskReport]:
    """Return the rows of a batch as a worker told them last."""
    return [task_report(row) for row in batch.account.get("tasks", ())]


def without_what_is_done(
    rows: Sequence[TaskReport], *, going_on: bool, batch_because: Reason
) -> list[TaskReport]:
    """Return the rows of a batch, none of which says that it waits for a task that is committed."""
    done = {row.task for row in rows if row.state == "committed"}
    found = []
    for row in rows:
        need = _NEED.match(sentence(row.because)) if row.state == "open" else None
        if need and need[1] in done:
            row = replace(row, because=NO_REASON)
            following = next_of(
                row, going_on=going_on, batch_because=batch_because, by_workers=True
            )
            row = replace(row, next=following)
        found.append(row)
    return found


@dataclass(frozen=True)
class RunsFor:
    """The runs of one branch, as they are to the tasks of a spec; needs no clone of a worker."""

    repository: Repository  # the checkout, with the runs of the store
    spec: Spec
    runs: Sequence[RunRecord]  # of tasks that have this id still, newest first
    strays: Mapping[str, str]  # task -> why it waits for a person: a run was of it, or its old id

    def by_task(self) -> dict[str, RunRecord]:
        """Return the latest run that is not over of each task, by the id that it has now."""
        return runs_by_task(self.repository, self.spec)

    def other_tasks_of(self, record: BatchRecord, order: Order) -> bool:
        """Whether a batch has runs under ids that are those of other tasks by now."""
        steps = {step.task.id: step for step in order.steps}
        return was_renumbered(self.repository, record, steps)


def runs_for(database: Database, about: About, repository: Repository, spec: Spec) -> RunsFor:
    """Return the runs that a store has for a spec on a branch."""
    there = replace(repository, runs=BranchRuns(database, about))
    titles = {task.id: task.title for task in spec.tasks}
    runs = [
        run
        for run in there.runs.all()
        if run.spec_path == spec.path
        and run.task_id in titles
        and is_called(there, run, titles[run.task_id])
    ]
    return RunsFor(there, spec, runs, strays_of(there, spec))


_FOR_GOOD = {"committed", "rejected", "undone"}


def batches_shown(database: Database, url: str) -> list[BatchReport]:
    """Return the account of every batch in which something is left, else of the newest one.

    What a later batch has taken up is left in that one only.
    """
    look = _Look(database, url)
    told, left = [], []
    later: set[tuple[str, str, str]] = set()
    for batch in look.batches:  # the newest first
        one = look.account(batch)
        at = (batch.about.lock, batch.record.spec_path)
        mine = {(*at, row.task) for row in one.tasks}
        open_ones = {(*at, row.task) for row in one.tasks if row.state != "committed"}
        if one.state == "running" or open_ones - later or (one.state != "ended" and mine - later):
            left.append(one)
        told.append(one)
        later |= mine
    return left or told[:1]


def batch_shown(database: Database, url: str, batch_id: str) -> BatchReport:
    """Return the account of one batch as it is now."""
    return _Look(database, url).account(SharedBatches(database).get(batch_id))


def runs_shown(database: Database, url: str) -> list[tuple[RunRecord, str]]:
    """Return every run, newest first, and its status; one that nobody moves is stopped."""
    pending = Jobs(database, url).pending()
    taken = {
        (job.batch, job.args.get("task") or job.args.get("run")) for job in pending if job.taken
    }
    shown = []
    for run in SharedRuns(database).all():
        batch = str(run.options.get("batch", ""))
        moved = {(batch, run.task_id), (batch, run.run_id)} & taken
        idle = run.status is RunStatus.RUNNING and not moved
        shown.append((run, "stopped" if idle else str(run.status)))
    return shown


class _Look:
    """What the store holds at one moment, read once."""

    def __init__(self, database: Database, url: str) -> None:
        self.batches = SharedBatches(database).all()
        self._runs = SharedRuns(database).all()
        self._pending = Jobs(database, url).pending()
        self._notes = SharedRuns(database).notes()
        self._over = [run.run_id for run in self._runs if run.status.over]
        self._since = Since(self.batches, self._runs)
        self._places = {b.record.batch_id: b.about.lock for b in self.batches}
        told = {row.run for b in self.batches for row in rows_of(b)}
        fresh = [run for run in self._runs if not run.status.over and run.run_id not in told]
        working = [run for run in self._runs if run.status is RunStatus.RUNNING]
        self._used = usage_of_calls(database, [run.run_id for run in (*fresh, *working)])

    def account(self, batch: SharedBatch) -> BatchReport:
        """Return the account as a worker told it last, with what happened since."""
        record = batch.record
        mine = [job for job in self._pending if job.batch == record.batch_id]
        jobs = {str(job.args["task"]): job.taken for job in mine if job.name == TASK}
        at_work = {job.args["run"] for job in mine if job.name == ANSWER and job.taken}
        answered = {job.args["run"] for job in self._pending if job.name == ANSWER}
        told = {row.task: row for row in rows_of(batch)}
        newest = self._newest(batch)
        rows: list[TaskReport] = []
        for task, title in record.tasks.items():
            row = told.get(task) or unbegun_row(task, title)
            held = record.held.get(task, NO_REASON)
            if (run := newest.get(task)) is not None:
                taken = jobs.get(task, run.run_id in at_work)
                if run.run_id in self._used:
                    row = self._begun(record, run, row)
                row = self._as_said(_now(row, run, taken=taken, going_on=bool(mine)), run)
            if task in jobs and row.state in {"open", "stopped"}:
                row = replace(row, because=_BEGINS if jobs[task] else QUEUED, next="")
            elif task in jobs and row.state == "waiting":
                row = replace(row, next="it is queued: a worker does its task once more")
            elif row.state == "open":
                row = replace(row, because=row.because or held)
                row = self._since.open_row(batch, row, going_on=bool(mine))
            if row.run in answered:
                row = replace(row, next=ON_ITS_WAY)
            rows.append(replace(row, chosen=held.kind is not ReasonKind.NOT_CHOSEN))
        rows = without_what_is_done(rows, going_on=bool(mine), batch_because=record.because)
        known = batch_report(batch.account) if batch.account else unbegun(record)
        report = replace(
            known,
            batch=record.batch_id,
            spec=record.spec_path,
            mode=record.mode,
            branch=batch.about.branch,
            remote=batch.about.address,
            state="running" if mine else "ended" if record.ended else "stopped",
            because=record.because,
            left_out=tuple(record.left_out),
            budget_usd=record.budget_usd,
            deadline=record.deadline,
        )
        return with_rows(report, rows)

    def _as_said(self, row: TaskReport, run: RunRecord) -> TaskReport:
        """Return the row of a run with the latest that was said of it, if it asks."""
        if run.status not in {RunStatus.WAITING, RunStatus.BLOCKED}:
            return row
        note, before = self._notes.get(run.run_id, ""), sentence(row.because)
        why, following = with_next(latest(run, note, before, self._over))
        because = row.because if why == before else reason_told(why)
        return replace(row, because=because, next=following or row.next)

    def _begun(self, record: BatchRecord, run: RunRecord, row: TaskReport) -> TaskReport:
        """Return a row with what its run cost up to now; what was told may be of another run."""
        cost = cost_of_calls(self._used[run.run_id], run)
        paid = before(run) if run.options.get("batch") == record.batch_id else cost
        tries = [one for one in record.kept.get(run.task_id, ()) if one.run != run.run_id]
        if row.run != run.run_id:
            row = unbegun_row(run.task_id, row.title)
        last = replace(row, cost=cost.plus(paid, -1), before=paid)
        found = with_earlier(row.task, row.title, last, tries)
        return replace(found, refused=row.refused, chosen=row.chosen, next=row.next)

    def _newest(self, batch: SharedBatch) -> dict[str, RunRecord]:
        """Return of each task the run that counts: also one that the batch will take up."""
        record, found = batch.record, dict[str, RunRecord]()
        for run in sorted(self._runs, key=lambda run: run.status.over):
            own = str(run.options.get("batch", ""))
            here = self._places.get(own) == batch.about.lock
            same = (run.spec_path, run.title) == (record.spec_path, record.tasks.get(run.task_id))
            if own == record.batch_id or (here and same and not run.status.over):
                found.setdefault(run.task_id, run)
        return found


def _now(told: TaskReport, run: RunRecord, *, taken: bool, going_on: bool) -> TaskReport:
    """Return the row of a task with what its run is now; what was told of it before may be old."""
    if run.status is RunStatus.SKIPPED and run.options.get("redo"):
        return told  # its task is done once more
    if run.status.over and run.options.get(ANEW):
        if told.run != run.run_id and told.state in _FOR_GOOD:
            return told  # it was done anew, and that run was deleted
        return replace(told, state="open", run="", because=NO_REASON, next="")
    state = "rejected" if run.status is RunStatus.SKIPPED else str(run.status)
    if run.status in {RunStatus.RUNNING, RunStatus.PAUSED}:
        state = "running" if taken else "stopped"
    row = replace(
        told,
        run=run.run_id,
        state=state,
        step=run.step if state in {"running", "stopped"} else "",
        commit=run.commit,
        branch=run.branch,
        approved_by=run.approved_by,
    )
    if (told.run, told.state) != (run.run_id, state):
        because = because_of(run)
        following = next_of(row, because, going_on=going_on, by_workers=True)
        row = replace(row, because=because, next=following)
    return row
