"""Chooses the next action of a batch session: a snapshot in, an action out.

Nothing here reads a repository or the time, so the order of a batch is tested in milliseconds;
`work.py` takes the snapshots and carries out the actions.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from reviewloop.app.batch.stack import (
    Beginnings,
    StartingPoint,
    Waiting,
    base_for,
    chain_below,
    line_up,
    listed_above,
    starts_at_head,
)
from reviewloop.app.batch.status import TaskRun, TaskStatus, why_held
from reviewloop.dataclass import dataclass
from reviewloop.domain.reason import Reason, ReasonKind, reason
from reviewloop.specs.order import Order, Step
from reviewloop.store.runs import RunRecord, RunStatus

NONE: frozenset[str] = frozenset()
SETTLED = {RunStatus.WAITING, RunStatus.BLOCKED}


@dataclass(frozen=True)
class Snapshot:
    """All inputs of the next action. Read-only."""

    order: Order
    tasks: Mapping[str, TaskRun]
    waiting: Sequence[Waiting]  # runs that can be approved, in the order of their tasks
    head: str  # the commit of the branch
    mode: str = "queue"  # each | queue | autopilot
    parallel: int = 1
    busy: Collection[str] = NONE  # tasks in progress in this session
    tried: Collection[str] = NONE  # tasks that this session has started or resumed
    alone: Collection[str] = NONE  # tasks whose share of the budget was too small
    passed: Collection[str] = NONE  # tasks that cannot start, so nothing waits for them
    answered: Collection[str] = NONE  # runs that autopilot or the user has answered
    kept: Collection[str] = NONE  # runs that keep their base: they do not fit another
    moved: Collection[str] = NONE  # runs that other processes hold now
    given_up: Collection[str] = NONE  # runs of other processes that are not waited for any more
    rebasing: bool = False  # a run is being rebased beside those in progress
    straightening: bool = False  # nothing starts until the stack is complete
    followed: bool = False  # waiting for others has just changed nothing
    loose: bool = False  # a task may start on fewer tasks than are listed above it
    closing: bool = False  # nothing more starts
    asks: bool = True  # finished runs are answered
    failed: bool = False  # an error stops the whole batch: runs in progress finish

    @cached_property
    def steps(self) -> Sequence[Step]:
        """The tasks in their order."""
        return self.order.steps

    @cached_property
    def still(self) -> frozenset[str]:
        """The tasks that have ended in this session, in whatever way.

        An open task has ended when it cannot start because a task that it needs failed.
        """
        found: set[str] = set()
        for step in self.steps:  # each comes after the tasks it needs
            task, status = step.task.id, self.tasks[step.task.id].status
            if task in self.busy:
                continue
            ended = status not in {TaskStatus.OPEN, TaskStatus.STOPPED}
            done = ended or task in self.tried or task in self.passed
            never = status is TaskStatus.OPEN and any(
                need in found and not self.tasks[need].status.carries for need in step.needs
            )
            if done or never:
                found.add(task)
        return frozenset(found)

    @cached_property
    def stack(self) -> Sequence[Waiting]:
        """The waiting runs that form one stack on the branch, the lowest first."""
        return line_up(self.head, self.waiting).stacked

    @property
    def is_straight(self) -> bool:
        """Whether all waiting runs are in the stack."""
        return len(self.stack) == len(self.waiting)

    @cached_property
    def committed(self) -> frozenset[str]:
        """The tasks whose commits are on the branch."""
        tasks = self.tasks.items()
        return frozenset(task for task, one in tasks if one.status is TaskStatus.COMMITTED)

    def is_with_others(self, task: str) -> bool:
        """Return whether another process advances the run of a task, which may get another base."""
        run = self.tasks[task].run
        running = run is not None and self.tasks[task].status is TaskStatus.RUNNING
        return running and run is not None and run.run_id not in self.given_up


@dataclass(frozen=True)
class Begin:
    """Start the run of a task."""

    step: Step
    start: StartingPoint


@dataclass(frozen=True)
class GoOn:
    """Resume the stopped run of a task."""

    step: Step
    run: RunRecord


@dataclass(frozen=True)
class Rebase:
    """Rebase a waiting run onto another, `below`, or onto the branch."""

    step: Step
    run: RunRecord
    below: Waiting | None
    done: Collection[str]  # tasks in the commits below it afterwards
    beside: bool = False  # while other runs are in progress

    @property
    def options(self) -> dict[str, Any]:
        """Return what the run's record stores about its new base."""
        onto = self.below.run.run_id if self.below else ""
        # It fits, so a batch killed earlier no longer ends it to do its task again.
        return {"stands_on": onto, "done": sorted(self.done), "redo": False}


@dataclass(frozen=True)
class Answer:
    """Answer a finished run according to the mode."""

    step: Step
    run: RunRecord


@dataclass(frozen=True)
class Follow:
    """Wait for other processes that move runs of the stack."""


@dataclass(frozen=True)
class Loosen:
    """Let the next task start on fewer tasks than are listed above it."""


@dataclass(frozen=True)
class PassOver:
    """Stop waiting for tasks that cannot start."""

    tasks: frozenset[str]


@dataclass(frozen=True)
class Wait:
    """Wait until a run in progress ends."""


@dataclass(frozen=True)
class End:
    """This session can do nothing more."""


Action = Begin | GoOn | Rebase | Answer | Follow | Loosen | PassOver | Wait | End


def schedule(now: Snapshot) -> Action:
    """Return the next action."""
    if now.straightening and not now.failed and (found := next_rebase(now)):
        return found
    if now.asks and (answer := next_answer(now)):
        return answer
    if not (now.failed or now.closing) and len(now.busy) < now.parallel:
        if beside := _rebase_beside(now):
            return beside
        if begun := next_task(now):
            return begun
    if now.busy:
        return Wait()
    if now.failed or now.closing:
        return End()
    return _when_idle(now)


def _when_idle(now: Snapshot) -> Action:
    """Return the action that lets a task start when no run is in progress and no task can start."""
    if found := next_rebase(now):
        return found
    if not now.followed and (not now.is_straight or any(map(now.is_with_others, now.tasks))):
        return Follow()
    if not now.loose:
        return Loosen()
    if others := frozenset(now.tasks) - now.still:
        return PassOver(others)
    return End()


def next_answer(now: Snapshot) -> Answer | None:
    """Return the next run to answer: one whose earlier tasks have all ended."""
    if now.mode == "queue":
        return None
    for step in now.steps:
        if step.task.id not in now.still and not now.closing:
            return None
        run = now.tasks[step.task.id].run
        if run is not None and run.status in SETTLED and run.run_id not in now.answered:
            return Answer(step, run)
    return None


def next_task(now: Snapshot) -> Begin | GoOn | None:
    """Return the first task that can start or resume, None when there is none."""
    for step in now.steps:
        task = step.task.id
        if task in now.tried or task in now.busy or (now.busy and task in now.alone):
            continue
        one = now.tasks[task]
        if one.status is TaskStatus.STOPPED and one.run is not None:
            return GoOn(step, one.run)
        if now.still.issuperset(step.after) and (start := start_of(now, step)) is not None:
            return Begin(step, start)
    return None


def start_of(now: Snapshot, step: Step) -> StartingPoint | None:
    """Return where a task without a run starts, None if it may not start now."""
    task = now.tasks[step.task.id]
    if task.status is not TaskStatus.OPEN or why_held(step, now.tasks):
        return None
    anew = task.run is not None and bool(task.run.options.get("redo"))  # did not fit
    return base_for(
        step,
        now.tasks,
        now.waiting,
        head=now.head,
        deep=anew or (now.mode != "autopilot" and now.parallel == 1),
        above=listed_above(now.order, step),
        loose=now.loose,
    )


def next_rebase(now: Snapshot, *, before_others_begin: bool = True) -> Rebase | None:
    """Return the first run to rebase, if all tasks before its own have ended.

    So its base does not depend on which run is faster.
    """
    if now.is_straight:
        return None
    positions = {one.run.run_id: position for position, one in enumerate(now.stack)}
    by_task = {one.run.task_id: one for one in now.waiting}
    top = 0  # number of runs of the stack below the next one
    for step in now.steps:
        one = by_task.get(step.task.id)
        if one is not None and step.task.id in now.busy:
            return None  # it has just finished: its thread still holds it
        if now.is_with_others(step.task.id):
            return None  # its base is not known yet
        if one is not None and one.run.run_id in positions:
            top = max(top, positions[one.run.run_id] + 1)
        elif one is not None:
            done = now.committed.union(other.run.task_id for other in now.stack[:top])
            if one.run.run_id not in now.kept and done.issuperset(step.needs):
                if one.run.run_id in now.moved:
                    return None
                if before_others_begin or not _is_built_on(now, step, one):
                    return Rebase(step, one.run, now.stack[top - 1] if top else None, done)
                return None  # what follows builds on it
        if step.task.id not in now.still:
            return None
    return None


def _rebase_beside(now: Snapshot) -> Rebase | None:
    """Return the next run to rebase beside those in progress.

    Only in the queue mode: in others each finished run is answered in order. One at a time, because
    the next one is rebased onto it.
    """
    if now.rebasing or now.mode != "queue":
        return None
    found = next_rebase(now, before_others_begin=False)
    return replace(found, beside=True) if found else None


def _is_built_on(now: Snapshot, step: Step, one: Waiting) -> bool:
    """Return whether a task will start on this run as it is, which must not depend on timing."""
    if not starts_at_head(chain_below(one, now.waiting), now.head):
        return False
    beginnings = Beginnings(now.order)
    return any(
        now.tasks[other.task.id].status is TaskStatus.OPEN
        and step.task.id in beginnings.before(other.task.id)
        and beginnings.alone(other.task.id)
        and not any(now.tasks[need].status.fails for need in beginnings.before(other.task.id))
        for other in now.steps
    )


@dataclass(frozen=True)
class Approve:
    """Commit a run without a user."""


@dataclass(frozen=True)
class LeaveToUser:
    """Leave a run in the queue; the report adds a `because` about its base by itself."""

    because: Reason


Decision = Approve | Rebase | LeaveToUser


def decide(now: Snapshot, step: Step, run: RunRecord, because: Reason) -> Decision:
    """Return what autopilot does with a finished run; `because` is why a user has to see it."""
    found = next((one for one in now.waiting if one.run.run_id == run.run_id), None)
    if found is None or because:
        return LeaveToUser(because)
    if below := chain_below(found, now.waiting)[:-1]:
        base = below[-1].run.run_id
        return LeaveToUser(reason(ReasonKind.BUILDS_ON, run=base, which="waits for a person"))
    missing = [need for need in step.needs if need not in now.committed]
    if missing:
        why = f"it needs task {missing[0]}, which is not committed"
        return LeaveToUser(reason(ReasonKind.ERROR, text=why))
    if run.base_commit != now.head:
        return Rebase(step, run, None, now.committed)
    return Approve()
