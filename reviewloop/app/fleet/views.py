"""The current reports of batches that workers do; needs no clone."""

from dataclasses import replace

from reviewloop.app.batch.report import build_report, run_report, with_earlier, with_rows
from reviewloop.app.fleet.jobs import TASK
from reviewloop.app.fleet.port import QUEUED
from reviewloop.app.fleet.queue import conflict_of, note_now
from reviewloop.app.fleet.snapshot import BranchSource, Snapshot
from reviewloop.domain.batch_report import BatchReport, TaskReport
from reviewloop.domain.reason import NO_REASON, ReasonKind, reason
from reviewloop.render.batch import ON_ITS_WAY, next_of
from reviewloop.specs.tasks import UNTICKED
from reviewloop.store.batches import BatchRecord
from reviewloop.store.postgres.batches import SharedBatch
from reviewloop.store.runs import RunStatus

_BEGINS = reason(ReasonKind.ERROR, text="a worker begins")


def reports_of(snapshot: Snapshot) -> list[BatchReport]:
    """Return the report of every batch with tasks left, else of the newest one.

    A task that a later batch took over counts for that one only.
    """
    reports, left = [], []
    later: set[tuple[str, str, str]] = set()
    for batch in snapshot.batches:  # the newest first
        one = report_of(snapshot, batch)
        at = (batch.about.lock, batch.record.spec_path)
        mine = {(*at, row.task) for row in one.tasks}
        open_ones = {(*at, row.task) for row in one.tasks if row.state != "committed"}
        if one.state == "running" or open_ones - later or (one.state != "ended" and mine - later):
            left.append(one)
        reports.append(one)
        later |= mine
    return left or reports[:1]


def report_of(snapshot: Snapshot, batch: SharedBatch) -> BatchReport:
    """Return the report of a batch, with its queued tasks."""
    source = snapshot.branch(batch.about)
    found = build_report(source, batch.record)
    rows = [_now(source, batch.record, row) for row in found.tasks]
    return replace(with_rows(found, rows), remote=batch.about.address)


def _now(source: BranchSource, record: BatchRecord, row: TaskReport) -> TaskReport:
    """Return the row of a task with the jobs queued or in progress for it."""
    jobs = source.snapshot.jobs_of(record.batch_id)
    taken = {str(job.args["task"]): job.taken for job in jobs if job.name == TASK}
    if row.task in taken and row.state in {"open", "stopped"}:
        return replace(row, because=_BEGINS if taken[row.task] else QUEUED, next="")
    if row.state == "open":
        return _done(source, record, row) or _unbegun(source, record, row)
    if row.state in {"waiting", "blocked"}:
        row = _answered(source, row)
    if row.task in taken and row.state == "waiting":
        row = replace(row, next="it is queued: a worker does its task once more")
    return replace(row, next=ON_ITS_WAY) if row.run in source.snapshot.answers else row


def _answered(source: BranchSource, row: TaskReport) -> TaskReport:
    """Return the row of a waiting run with the outcome of its latest answer."""
    run = source.runs.find(row.run)
    if met := conflict_of(source, run):
        because = reason(ReasonKind.ERROR, text=met.why)
        return replace(row, because=because, next=f"`{met.next}`, or reject it")
    return replace(row, because=note_now(source, run, row.because))


def _done(source: BranchSource, record: BatchRecord, row: TaskReport) -> TaskReport | None:
    """Return the row of a task that another batch's run has committed since this batch started."""
    same = (record.spec_path, row.title)
    run = next((run for run in source.runs.all() if (run.spec_path, run.title) == same), None)
    if run is None or run.status is not RunStatus.COMMITTED or run.evidence.get(UNTICKED):
        return None
    if run.updated_at < record.created_at:  # the task was open again at that time
        return None
    report = replace(run_report(source, run, record.batch_id), because=NO_REASON)
    return replace(with_earlier(row.task, row.title, report, ()), chosen=row.chosen)


def _unbegun(source: BranchSource, record: BatchRecord, row: TaskReport) -> TaskReport:
    """Return the row of a task that is not started; the run that held it may be over now."""
    held = row.because
    runs = source.runs.all() if held.kind is ReasonKind.OTHER_RUN else []
    run = next((one for one in runs if one.run_id == held.text("run")), None)
    if run is None or held.text("status") == run.status:
        return row
    now = reason(held.kind, **{**held.params, "status": str(run.status)})
    row = replace(row, because=NO_REASON if run.status.over else now)
    going_on, because = source.is_batch_at_work(record.batch_id), record.because
    following = next_of(row, row.because, going_on=going_on, batch_because=because, by_workers=True)
    return replace(row, next=following)
