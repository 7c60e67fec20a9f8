"""How far workers are with the tasks of a spec, as a checkout has it."""

from reviewloop.app.fleet.jobs import TASK, Jobs
from reviewloop.app.fleet.queue import CurrentCheckout
from reviewloop.app.fleet.views import RunsFor, runs_for, runs_shown
from reviewloop.app.project import Repository
from reviewloop.domain.task import Spec
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo
from reviewloop.git.transfer import addresses_of
from reviewloop.store.batches import BatchRecord
from reviewloop.store.places import repository_folder
from reviewloop.store.postgres.batches import About, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus

InWork = dict[str, tuple[str, str]]
"""Task id -> the run, "" for none, and where it stands."""


def tasks_in_work(
    database: Database, url: str, user: UserRepo, spec: Spec
) -> tuple[InWork, dict[str, str]]:
    """Return what the store has for the tasks of a spec, and {task: why `batch` does not queue it}.

    For the branch that is checked out. A task that was committed and pushed counts as long as the
    checkout lacks that; one that only is queued has no run.
    """
    here = CurrentCheckout(user.branch or "", addresses_of(user))
    found: InWork = {}
    held: dict[str, str] = {}
    for about, records in _batches(database, here):
        repository = Repository(user, repository_folder(user.key), SharedRuns(database))
        there = runs_for(database, about, repository, spec)
        states = {run.run_id: state for run, state in runs_shown(database, url)}
        queued = _queued(Jobs(database, url), records, spec)
        found |= dict.fromkeys(queued, ("", "queued"))
        found |= _committed(there)
        for task, run in there.by_task().items():
            state = "stopped" if states[run.run_id] == "paused" else states[run.run_id]
            at_once = state == "stopped" and task in queued
            found[task] = (run.run_id, "running" if at_once else state)
        held |= there.strays
    return found, held


def _batches(database: Database, here: CurrentCheckout) -> list[tuple[About, list[BatchRecord]]]:
    """Return the batches of the branch around the current folder; usually of one remote."""
    found: dict[str, tuple[About, list[BatchRecord]]] = {}
    for batch in SharedBatches(database).all():
        if batch.about.branch == here.branch and here.has(batch.about):
            found.setdefault(batch.about.lock, (batch.about, []))[1].append(batch.record)
    return list(found.values())


def _queued(jobs: Jobs, records: list[BatchRecord], spec: Spec) -> set[str]:
    """Return the tasks that workers will take up: under ids that are theirs still."""
    titles = {record.batch_id: record.tasks for record in records}
    asked = [(job.batch, str(job.args["task"])) for job in jobs.pending() if job.name == TASK]
    return {
        task
        for batch, task in asked
        if task in spec.by_id and titles.get(batch, {}).get(task) == spec.by_id[task].title
    }


def _committed(there: RunsFor) -> InWork:
    """Return the tasks that workers committed where this checkout is not yet."""
    user = there.repository.user
    git, latest = Git(user.git_dir), dict[str, RunRecord]()
    for run in there.runs:  # the newest first
        latest.setdefault(run.task_id, run)
    found: InWork = {}
    for task, run in latest.items():
        below = ("merge-base", "--is-ancestor", run.commit, user.head or "HEAD")
        if run.status is RunStatus.COMMITTED and git.result(*below).exit_code:
            found[task] = (run.run_id, "committed")
    return found
