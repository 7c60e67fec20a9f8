"""What all parts of a batch share while it works: the repository, the order, and who is told."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from reviewloop.app.batch.line import Waiting
from reviewloop.app.batch.looks import Looks
from reviewloop.app.batch.spending import Spending
from reviewloop.app.batch.stacking import StartingPoint, base_for, listed_above
from reviewloop.app.batch.stands import Stand, TaskRun, is_called, why_held
from reviewloop.app.project import Repository
from reviewloop.app.run.branches import looked_again
from reviewloop.app.run.start import Wanted
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.loop.context import RunContext
from reviewloop.specs.order import Order, Step
from reviewloop.store.batches import BatchRecord, BatchStore
from reviewloop.store.runs import RunRecord


@dataclass(frozen=True)
class Asked:
    """What the person asked of a batch, beside what its record keeps."""

    until_failure: bool = False
    parallel: int = 1
    wanted: Wanted = field(default_factory=Wanted)  # what the plan of every run has in common


class Told(Protocol):
    """Whoever shows a batch to people, and asks them."""

    def opened(self, sentence: str) -> None:
        """Something to know of the whole batch: how it begins, or that a task of it cannot."""

    def planned(self, titles: Mapping[str, str], left: Collection[str]) -> None:
        """All tasks that were chosen, by id in their order; `left` may begin now or later."""

    def begun(self, task: str, run: RunRecord, below: str) -> None:
        """A run was begun or is gone on with; `below` names the run whose commit it starts from."""

    def event(self, task: str, event: Mapping[str, Any]) -> None:
        """A run told something; called from the thread of that run."""

    def settled(self, task: str, run: RunRecord, why: str) -> None:
        """A run stands still; `why` says what a person should know of it."""

    def ask(self, repository: Repository, run: RunRecord) -> dict[str, str] | None:
        """Return a person's choice and words, None to leave the run in the queue."""


@dataclass
class Sitting:
    """One sitting of a batch, whose lock the caller holds."""

    repository: Repository
    store: BatchStore
    record: BatchRecord
    order: Order
    asked: Asked
    spending: Spending
    told: Told
    tried: set[str] = field(default_factory=set)  # tasks that were taken up in this sitting
    # Runs at work with the caps they have: what these may still spend is not left.
    at_work: dict[str, tuple[RunRecord, Mapping[str, Any]]] = field(default_factory=dict)
    loose: bool = False  # what is listed above a task cannot be had in one commit
    opened: Callable[[RunContext], None] | None = None  # told of each run that begins to work
    strays: Mapping[str, str] = field(default_factory=dict)  # task -> why it waits for a person
    looks: Looks = field(default_factory=Looks)

    @property
    def head(self) -> str:
        """The commit of the branch when it was last looked at."""
        return self.repository.user.head or ""

    def look(self) -> Repository:
        """Look at the repository again, which the last approval has changed, and return it.

        Raises `WorkspaceError` when another branch is checked out: no task was begun for that one.
        """
        found, mine = looked_again(self.repository), self.repository.user.branch
        if found.user.branch != mine:
            raise WorkspaceError(
                f"the batch works on {mine}, and meanwhile {found.user.branch or 'no branch'} was "
                f"checked out; nothing is lost: `git switch {mine}`, then the same command goes on"
            )
        self.repository = found
        return found

    def caps(self, run: RunRecord, sharing: int = 1) -> dict[str, Any]:
        """Return the caps for a run; `sharing` runs divide what those at work leave."""
        return self.spending.caps(run, sharing, self.at_work.values())

    def stands(self) -> Mapping[str, TaskRun]:
        """Return where every task of the order stands; nobody changes the records in it."""
        of = (self.record.batch_id, self.record.spec_path, self.repository.user.branch or "")
        return self.looks.stands(self.repository, of, self._titles)

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {step.task.id: step.task.title for step in self.order.steps}

    def waiting(self, stands: Mapping[str, TaskRun]) -> list[Waiting]:
        """Return the runs of the batch that wait, in the order of their tasks."""
        return self.looks.waiting(self.repository, stands)

    def start_of(self, step: Step, stands: Mapping[str, TaskRun]) -> StartingPoint | None:
        """Return where a task starts that has no run yet, None if it may not have one now."""
        if stands[step.task.id].stand is not Stand.OPEN or why_held(step, stands):
            return None
        run = stands[step.task.id].run
        anew = run is not None and bool(run.options.get("redo"))  # it did not fit elsewhere
        deep = anew or (self.record.mode != "autopilot" and self.asked.parallel == 1)
        return base_for(
            step,
            stands,
            self.waiting(stands),
            head=self.head,
            deep=deep,
            above=listed_above(self.order, step),
            loose=self.loose,
        )

    def require_free(self, step: Step) -> None:
        """Raise `UsageError` for a task that has a run elsewhere, or under another number."""
        task, here = step.task, self.repository.user.branch
        if task.id in self.strays:
            raise UsageError(self.strays[task.id])
        for run in self.repository.runs.of_task(task.id):
            mine = run.spec_path == self.record.spec_path
            away = mine and not run.status.over and run.branch != here
            if away and is_called(self.repository, run, task.title):
                raise UsageError(
                    f"task {task.id} has a run for {run.branch} already: {run.run_id} "
                    f"({run.status}); answer it there first"
                )

    def end(self) -> None:
        """Write down why tasks were not begun, and whether anything is left to be done."""
        stands, record = self.stands(), self.record
        for step in self.order.steps:
            task = step.task.id
            if stands[task].stand is Stand.OPEN and task not in record.held:
                record.held[task] = why_held(step, stands)
        stopped = any(one.stand is Stand.STOPPED for one in stands.values())
        record.ended = not stopped and not record.reason
        self.store.save(record)

    def tell(self, step: Step, event: Mapping[str, Any]) -> None:
        """Hand on what a run told."""
        self.told.event(step.task.id, event)
