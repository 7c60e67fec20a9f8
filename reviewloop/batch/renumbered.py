"""Runs of tasks that the spec numbers or names otherwise by now: what becomes of them is asked."""

from collections.abc import Mapping

from reviewloop.batch.stands import is_called
from reviewloop.runs.repository import Repository
from reviewloop.specs.model import Spec
from reviewloop.specs.order import Step
from reviewloop.specs.select import is_done
from reviewloop.store.batches import BatchRecord
from reviewloop.store.runs import RunRecord


def strays_of(repository: Repository, spec: Spec) -> dict[str, str]:
    """Return task id -> why it must wait: a run that is not over was for it, or for its old id.

    Such a run's task is found by its title; where no task has that any more, by its id.
    """
    found: dict[str, str] = {}
    for run in repository.runs.all():
        here = run.spec_path == spec.path and run.branch == repository.user.branch
        if run.status.over or not here or not run.task_id or _is_known(repository, run, spec):
            continue
        said = _sentence(run)
        named = [
            task.id
            for task in spec.tasks
            if not is_done(spec, task) and is_called(repository, run, task.title)
        ]
        for task in named or [run.task_id]:
            found.setdefault(task, said)
    return found


def was_renumbered(repository: Repository, record: BatchRecord, steps: Mapping[str, Step]) -> bool:
    """Whether a batch has runs under ids that are those of other tasks by now."""
    return any(
        run.options.get("batch") == record.batch_id
        and run.task_id in steps
        and not is_called(repository, run, steps[run.task_id].task.title)
        for run in repository.runs.all()
    )


def _is_known(repository: Repository, run: RunRecord, spec: Spec) -> bool:
    return any(
        task.id == run.task_id and is_called(repository, run, task.title) for task in spec.tasks
    )


def _sentence(run: RunRecord) -> str:
    answer = "approve or reject it" if run.status == "waiting" else "reject it"
    return (
        f"run {run.run_id} ({run.status}) is of '{run.title}', which was task {run.task_id} when "
        f"it began; {answer} first (`reviewloop queue`), then the same command goes on"
    )
