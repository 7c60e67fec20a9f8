"""Runs of tasks that the spec numbers or names otherwise by now: what becomes of them is asked."""

from collections.abc import Mapping

from reviewloop.batch.stands import is_called
from reviewloop.runs.repository import Repository
from reviewloop.specs.model import Spec, Task
from reviewloop.specs.order import Step
from reviewloop.specs.select import is_done
from reviewloop.specs.tick import UNTICKED
from reviewloop.store.batches import BatchRecord
from reviewloop.store.runs import RunRecord, RunStatus


def strays_of(repository: Repository, spec: Spec) -> dict[str, str]:
    """Return task id -> why it must wait: a run was for it, or for its old id.

    It is not over, or it committed the task and could not tick it. Such a run's task is found by
    its title; where no task has that any more, by its id.
    """
    found: dict[str, str] = {}
    for run in repository.runs.all():
        here = run.spec_path == spec.path and run.branch == repository.user.branch
        if run.status.over or not here or not run.task_id or _is_known(repository, run, spec):
            continue
        named = _named(repository, run, spec)
        said = _sentence(run, ticks=len(named) == 1)
        for task in [one.id for one in named if not is_done(spec, one)] or [run.task_id]:
            found.setdefault(task, said)
    return found | _unticked(repository, spec)


def runs_by_task(repository: Repository, spec: Spec) -> dict[str, RunRecord]:
    """Return the latest run that is not over of each task, by the id that the task has now."""
    found: dict[str, RunRecord] = {}
    for run in reversed(repository.runs.all()):  # the oldest first
        if run.status.over or not run.task_id or run.spec_path not in {spec.path, spec.tasks_path}:
            continue
        named = [task.id for task in _named(repository, run, spec)]
        if run.task_id in named:
            found[run.task_id] = run
        elif len(named) == 1:
            found[named[0]] = run
    return found


def was_renumbered(repository: Repository, record: BatchRecord, steps: Mapping[str, Step]) -> bool:
    """Whether a batch has runs under ids that are those of other tasks by now."""
    return any(
        run.options.get("batch") == record.batch_id
        and run.task_id in steps
        and not is_called(repository, run, steps[run.task_id].task.title)
        for run in repository.runs.all()
    )


def _unticked(repository: Repository, spec: Spec) -> dict[str, str]:
    """Return the open tasks whose latest run committed them: doing them anew changes nothing."""
    latest: dict[str, RunRecord] = {}
    for run in sorted(repository.runs.all(), key=lambda one: one.created_at):
        if run.spec_path == spec.path and run.branch == repository.user.branch and run.task_id:
            latest[run.title] = run
    found: dict[str, str] = {}
    for run in latest.values():
        if run.status is not RunStatus.COMMITTED or not run.evidence.get(UNTICKED):
            continue
        for task in _named(repository, run, spec):
            if not is_done(spec, task):
                found[task.id] = (
                    f"run {run.run_id} committed '{run.title}' ({run.commit[:10]}) and could not "
                    f"tick it: tick {task.where} by hand, or `reviewloop run {task.id}` does it "
                    "once more"
                )
    return found


def _named(repository: Repository, run: RunRecord, spec: Spec) -> list[Task]:
    return [task for task in spec.tasks if is_called(repository, run, task.title)]


def _is_known(repository: Repository, run: RunRecord, spec: Spec) -> bool:
    return any(
        task.id == run.task_id and is_called(repository, run, task.title) for task in spec.tasks
    )


def _sentence(run: RunRecord, *, ticks: bool) -> str:
    answer = "approve or reject it" if run.status == "waiting" else "reject it"
    by_hand = "" if ticks or run.status != "waiting" else "; approved, tick its task by hand"
    return (
        f"run {run.run_id} ({run.status}) is of '{run.title}', which was task {run.task_id} when "
        f"it began; {answer} first (`reviewloop queue`){by_hand}, then the same command goes on"
    )
