"""How far workers are with the tasks of a spec, as a checkout has it."""

from dataclasses import replace

from reviewloop.app.batch.spec_changes import runs_by_task, tasks_held_by_runs
from reviewloop.app.batch.status import is_called
from reviewloop.app.fleet.jobs import TASK
from reviewloop.app.fleet.port import TasksInWork
from reviewloop.app.fleet.snapshot import BranchSource, CurrentCheckout, Snapshot
from reviewloop.app.project import Repository
from reviewloop.domain.task import Spec
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo
from reviewloop.git.transfer import addresses_of
from reviewloop.render.reasons import sentence
from reviewloop.store.folders import repository_folder
from reviewloop.store.runs import RunRecord, RunStatus

InWork = dict[str, tuple[str, str]]
"""Task id -> (run or "", status)."""


def tasks_in_work(snapshot: Snapshot, user: UserRepo, spec: Spec) -> TasksInWork:
    """Return what the store has on the tasks of a spec, and why `batch` does not queue some.

    For the branch checked out. A committed and pushed task is included while the checkout lacks
    that commit; a task that is only queued has no run.
    """
    here = CurrentCheckout(user.branch or "", addresses_of(user))
    found: InWork = {}
    held: dict[str, str] = {}
    abouts = {one.about.lock: one.about for one in snapshot.batches}
    for about in abouts.values():
        if about.branch != here.branch or not here.has(about):
            continue
        source = snapshot.branch(about)
        repository = Repository(user, repository_folder(user.key), source.runs)
        queued = _queued(source, spec)
        found |= dict.fromkeys(queued, ("", "queued"))
        found |= _committed(repository, spec)
        for task, run in runs_by_task(repository, spec).items():
            state = snapshot.state_of(run)
            stopped = state in {"paused", "stopped"}
            queued_again = "running" if stopped and task in queued else "stopped"
            found[task] = (run.run_id, queued_again if stopped else state)
        held |= {task: sentence(why) for task, why in tasks_held_by_runs(repository, spec).items()}
    return TasksInWork(found, held, {})


def runs_for(repository: Repository, spec: Spec) -> list[RunRecord]:
    """Return the runs of tasks whose ids did not change, the newest first."""
    titles = {task.id: task.title for task in spec.tasks}
    return [
        run
        for run in repository.runs.all()
        if run.spec_path == spec.path
        and run.task_id in titles
        and is_called(repository, run, titles[run.task_id])
    ]


def with_runs_of(repository: Repository, source: BranchSource) -> Repository:
    """Return a checkout with the store's runs of a branch."""
    return replace(repository, runs=source.runs)


def _queued(source: BranchSource, spec: Spec) -> set[str]:
    """Return the queued tasks whose ids did not change."""
    titles = {one.record.batch_id: one.record.tasks for one in source.batches}
    jobs = [
        (job.batch, str(job.args["task"])) for job in source.snapshot.pending if job.name == TASK
    ]
    return {
        task
        for batch, task in jobs
        if task in spec.by_id and titles.get(batch, {}).get(task) == spec.by_id[task].title
    }


def _committed(repository: Repository, spec: Spec) -> InWork:
    """Return the tasks that workers committed and this checkout does not have yet."""
    user, newest = repository.user, dict[str, RunRecord]()
    for run in runs_for(repository, spec):
        newest.setdefault(run.task_id, run)
    found: InWork = {}
    for task, run in newest.items():
        below = ("merge-base", "--is-ancestor", run.commit, user.head or "HEAD")
        if run.status is RunStatus.COMMITTED and Git(user.git_dir).result(*below).exit_code:
            found[task] = (run.run_id, "committed")
    return found
