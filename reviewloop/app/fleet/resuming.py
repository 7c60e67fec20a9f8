"""Has workers go on with a run that stopped, under caps that a person raised."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reviewloop.app.batch.stands import ANEW
from reviewloop.app.fleet.jobs import Jobs, Pending
from reviewloop.app.project import kept, settings_of
from reviewloop.app.run.answers import is_stopped
from reviewloop.domain.errors import BudgetExhaustedError, UsageError
from reviewloop.store.batches import BatchRecord
from reviewloop.store.postgres.batches import SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus

_OWN_CAP = re.compile(r"`reviewloop resume (--[\w-]+) ([\d.]+)`")  # in the reason of a run
_CAPS = {"--budget-usd": "usd", "--budget-tokens": "tokens", "--minutes": "minutes"}
_RESUMABLE = (RunStatus.RUNNING, RunStatus.PAUSED)


@dataclass(frozen=True)
class Resumed:
    """The run that goes on, the tasks that were queued for it, and why nobody takes them now."""

    run: RunRecord
    added: tuple[str, ...]
    unattended: str


def resume(database: Database, url: str, named: str | None, caps: Mapping[str, Any]) -> Resumed:
    """Queue the task of a stopped run, and those that wait for it; its record keeps the caps.

    Raises `UsageError` for a run that did not stop, or that a worker has or would take as it is,
    `BudgetExhaustedError` for one that could not go on under these caps.
    """
    runs, jobs = SharedRuns(database), Jobs(database, url)
    run = runs.find(named) if named else runs.only(_RESUMABLE, "resume")
    _require_stopped(run)
    job = _job_of(run, jobs)
    if job is not None and (job.taken or not caps):
        raise UsageError(_under_way(run, job))
    settings = settings_of(run, caps)  # refuses what is no cap
    if job is None:
        _require_more(run, caps)
    batch = SharedBatches(database).get(str(run.options["batch"]))
    if caps:
        run.settings = kept(settings)
        runs.save(run)
    SharedBatches(database).tell(batch.record.batch_id, "")  # what stopped the batch is over
    waiting = _waiting_for(run, batch.record, runs.of(batch.about))
    wanted = waiting if job is not None else [run.task_id, *waiting]
    added = jobs.tasks(batch.record.batch_id, batch.about, wanted)
    return Resumed(run, tuple(added), jobs.unattended())


def why_not_asked(database: Database, url: str, run: RunRecord) -> str:
    """Return why a run that is on its way cannot be answered, and what can be done; else ""."""
    if not is_stopped(run):
        return ""
    job = _job_of(run, Jobs(database, url))
    if job is not None:
        return f"run {run.run_id} does not wait for an answer: {_where(run, job)}"
    return (
        f"run {run.run_id} does not wait for an answer: it stopped on its way; `reviewloop resume "
        f"{run.run_id}` goes on with it"
    )


def _require_stopped(run: RunRecord) -> None:
    if run.status.over:
        raise UsageError(f"run {run.run_id} is over (it is {run.status})")
    if not is_stopped(run):
        raise UsageError(
            f"run {run.run_id} did not stop, it waits for you: `reviewloop show {run.run_id}`"
        )


def _require_more(run: RunRecord, caps: Mapping[str, Any]) -> None:
    """Refuse to queue a run that reached a cap of its own, and would reach it again at once."""
    found = _OWN_CAP.search(run.reason)
    if run.status is not RunStatus.PAUSED or found is None or found[1] not in _CAPS:
        return
    cap = _CAPS[found[1]]
    kept = run.settings.get("limits", {}).get(cap, 0)
    if caps.get(f"limits.{cap}", 0) > kept or kept >= float(found[2]):  # it was raised since
        return
    raise BudgetExhaustedError(
        f"run {run.run_id} has reached a cap of its own, {kept:g} {cap}; "
        f"`reviewloop resume {run.run_id} {found[1]} {found[2]}` goes on with it"
    )


def _job_of(run: RunRecord, jobs: Jobs) -> Pending | None:
    """Return the job that moves a run, one that a worker has taken before one that is queued."""
    mine = [
        job
        for job in jobs.pending()
        if job.args.get("run") == run.run_id
        or (job.batch == run.options.get("batch") and job.args.get("task") == run.task_id)
    ]
    return max(mine, key=lambda job: job.taken, default=None)


def _under_way(run: RunRecord, job: Pending) -> str:
    return f"there is nothing to resume: {_where(run, job)}"


def _where(run: RunRecord, job: Pending) -> str:
    if job.taken:
        return f"a worker is at it; `reviewloop logs -f {run.run_id}` follows it"
    return "it is queued, and the next free worker goes on with it"


def _waiting_for(run: RunRecord, record: BatchRecord, runs: list[RunRecord]) -> list[str]:
    """Return the tasks of the batch that could not begin without this one, in their order."""
    begun = {
        one.task_id
        for one in runs
        if one.spec_path == record.spec_path and not _done_once_more(one)
    }
    found = {run.task_id}
    for task in record.tasks:  # what a task needs stands before it
        if found & {*record.needs.get(task, ())}:
            found.add(task)
    return [task for task in record.tasks if task in found - begun]


def _done_once_more(run: RunRecord) -> bool:
    return run.status.over and any(run.options.get(name) for name in ("redo", ANEW))
