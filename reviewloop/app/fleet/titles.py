"""Which runs of a store are those of the tasks that a spec has now: ids are given anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reviewloop.app.batch.renumbered import runs_by_task, strays_of, was_renumbered
from reviewloop.app.batch.stands import is_called
from reviewloop.app.project import Repository
from reviewloop.domain.task import Spec
from reviewloop.specs.order import Order
from reviewloop.store.batches import BatchRecord
from reviewloop.store.postgres.batches import About
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import BranchRuns
from reviewloop.store.runs import RunRecord


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
