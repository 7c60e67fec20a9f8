"""What a session of a batch does next: one value in, one action out.

Nothing here reads a repository or the time, so the order of a batch is tested in milliseconds;
`work.py` takes the snapshots and carries the actions out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from reviewloop.app.batch.stack import (
    Beginnings,
    StartingPoint,
    Waiting,
    base_for,
    chain_below,
    follows,
    line_up,
    listed_above,
)
from reviewloop.app.batch.status import TaskRun, TaskStatus, why_held
from reviewloop.domain.reason import Reason, ReasonKind, reason
from reviewloop.specs.order import Order, Step
from reviewloop.store.runs import RunRecord, RunStatus

NONE: frozenset[str] = frozenset()
SETTLED = {RunStatus.WAITING, RunStatus.BLOCKED}


@dataclass(frozen=True)
class Snapshot:
    """All that decides about the next action. Nobody changes what is in it."""

    order: Order
    tasks: Mapping[str, TaskRun]
    waiting: Sequence[Waiting]  # runs that can be approved, in the order of their tasks
    head: str  # the commit of the branch
    mode: str = "queue"  # each | queue | autopilot
    parallel: int = 1
    busy: Collection[str] = NONE  # tasks at work in this session
    tried: Collection[str] = NONE  # tasks that this session has taken up
    alone: Collection[str] = NONE  # tasks that ran short of money beside others
    passed: Collection[str] = NONE  # tasks that nothing waits for any more
    answered: Collection[str] = NONE  # runs that autopilot or the user has looked at
    kept: Collection[str] = NONE  # runs that stay where they are: they do not fit elsewhere
    moved: Collection[str] = NONE  # runs that other processes have at this moment
    given_up: Collection[str] = NONE  # runs of others that are not waited for any longer
    rebasing: bool = False  # a run is rebased beside those at work
    straightening: bool = False  # nothing begins until the stack is straight
    followed: bool = False  # waiting for others has just changed nothing
    loose: bool = False  # a task may begin on less than all that is listed above it
    closing: bool = False  # nothing begins any more
    asks: bool = True  # finished runs are answered
    failed: bool = False  # something stops the whole batch: what is at work comes to its end

    @cached_property
    def steps(self) -> Sequence[Step]:
        """The tasks in their order."""
        return self.order.steps

    @cached_property
    def still(self) -> frozenset[str]:
        """The tasks that have come to rest in this session, however they ended.

        An open one has when it cannot begin any more: something that it needs failed.
        """
        found: set[str] = set()
        for step in self.steps:  # each comes after what it needs
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
        """What waits in one stack on the branch, the lowest first."""
        return line_up(self.head, self.waiting).stacked

    @property
    def is_straight(self) -> bool:
        """Whether all that waits is in the stack."""
        return len(self.stack) == len(self.waiting)

    @cached_property
    def committed(self) -> frozenset[str]:
        """The tasks whose commits are on the branch."""
        tasks = self.tasks.items()
        return frozenset(task for task, one in tasks if one.status is TaskStatus.COMMITTED)

    def is_with_others(self, task: str) -> bool:
        """Whether another process moves the run of a task, which may be elsewhere then."""
        run = self.tasks[task].run
        running = run is not None and self.tasks[task].status is TaskStatus.RUNNING
        return running and run is not None and run.run_id not in self.given_up


@dataclass(frozen=True)
class Begin:
    """Begin the run of a task."""

    step: Step
    start: StartingPoint


@dataclass(frozen=True)
class GoOn:
    """Go on with the run of a task that was stopped on its way."""

    step: Step
    run: RunRecord


@dataclass(frozen=True)
class Rebase:
    """Rebase a run that waits onto another, `below`, or onto the branch."""

    step: Step
    run: RunRecord
    below: Waiting | None
    done: Collection[str]  # tasks in the commits below it then
    beside: bool = False  # while others are at work

    @property
    def options(self) -> dict[str, Any]:
        """What the run's record keeps about its new base."""
        onto = self.below.run.run_id if self.below else ""
        # It fits, so it is not given up any more, as it was to be when the batch was killed.
        return {"stands_on": onto, "done": sorted(self.done), "redo": False}


@dataclass(frozen=True)
class Answer:
    """Answer a finished run as the mode says."""

    step: Step
    run: RunRecord


@dataclass(frozen=True)
class Follow:
    """Wait for other processes that move runs of the stack."""


@dataclass(frozen=True)
class Loosen:
    """Let the next task begin on less than all that is listed above it."""


@dataclass(frozen=True)
class PassOver:
    """Let nothing wait any longer for tasks that cannot begin."""

    tasks: frozenset[str]


@dataclass(frozen=True)
class Wait:
    """Wait until one of those at work comes to rest."""


@dataclass(frozen=True)
class End:
    """Nothing is left that this session can do."""


Action = Begin | GoOn | Rebase | Answer | Follow | Loosen | PassOver | Wait | End


def schedule(now: Snapshot) -> Action:
    """Return what to do next."""
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
    """Return what helps a task to begin where nothing is at work and none can."""
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
    """Return the next run to answer: each is when all tasks before it have come to rest."""
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
    """Return the first task that can be taken a step further, None when there is none."""
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
    """Return where a task starts that has no run yet, None if it may not have one now."""
    task = now.tasks[step.task.id]
    if task.status is not TaskStatus.OPEN or why_held(step, now.tasks):
        return None
    anew = task.run is not None and bool(task.run.options.get("redo"))  # it did not fit elsewhere
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
    """Return the first run to rebase, if all tasks before its own have come to rest.

    So what is below it does not depend on which run is faster.
    """
    if now.is_straight:
        return None
    positions = {one.run.run_id: position for position, one in enumerate(now.stack)}
    by_task = {one.run.task_id: one for one in now.waiting}
    top = 0  # so many of the stack are below what comes next
    for step in now.steps:
        one = by_task.get(step.task.id)
        if one is not None and step.task.id in now.busy:
            return None  # it has only just finished: its thread still has it
        if now.is_with_others(step.task.id):
            return None  # nobody knows yet where it will be
        if one is not None and one.run.run_id in positions:
            top = max(top, positions[one.run.run_id] + 1)
        elif one is not None:
            done = now.committed.union(other.run.task_id for other in now.stack[:top])
            if one.run.run_id not in now.kept and done.issuperset(step.needs):
                if one.run.run_id in now.moved:
                    return None
                if before_others_begin or not _is_built_on(now, step, one):
                    return Rebase(step, one.run, now.stack[top - 1] if top else None, done)
                return None  # what comes after it stands on it
        if step.task.id not in now.still:
            return None
    return None


def _rebase_beside(now: Snapshot) -> Rebase | None:
    """Return the next run to rebase beside those at work.

    Only where all finished runs wait: else each is answered, in its turn, where it is. One at a
    time, because the next one is rebased onto it.
    """
    if now.rebasing or now.mode != "queue":
        return None
    found = next_rebase(now, before_others_begin=False)
    return replace(found, beside=True) if found else None


def _is_built_on(now: Snapshot, step: Step, one: Waiting) -> bool:
    """Whether a task will begin on this run where it is: that must not depend on time."""
    if not follows(chain_below(one, now.waiting), now.head):
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
    """Leave a run in the queue; `because` of what it builds on the report finds out itself."""

    because: Reason


Decision = Approve | Rebase | LeaveToUser


def decide(now: Snapshot, step: Step, run: RunRecord, because: Reason) -> Decision:
    """Return what autopilot does with a finished run; `because` says why a user has to see it."""
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
