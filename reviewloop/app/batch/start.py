"""Finds the batch that a command means, or makes one, and writes its introduction."""

import secrets
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import field, replace

from reviewloop.app.batch.limits import Spending
from reviewloop.app.batch.session import BatchOptions
from reviewloop.app.batch.spec_changes import renumbered
from reviewloop.app.batch.status import (
    ANEW,
    TaskStatus,
    branch_of,
    is_called,
    statuses_in,
    statuses_of,
)
from reviewloop.app.model_access import models_without_price
from reviewloop.app.project import Repository, team_of
from reviewloop.app.run.start import uncommitted_note
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ReviewLoopError, UsageError
from reviewloop.domain.reason import NO_REASON, ReasonKind, reason
from reviewloop.domain.task import Spec
from reviewloop.git.revisions import branch_exists
from reviewloop.render.text import cap_money
from reviewloop.settings import Settings
from reviewloop.specs.order import Order
from reviewloop.specs.select import is_done, progress
from reviewloop.store.batches import BatchRecord
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus

_NOT_CHOSEN = reason(ReasonKind.NOT_CHOSEN)


@dataclass(frozen=True)
class BatchRequest:
    """The command line of a batch; a cap of None keeps the earlier one."""

    spec: str = ""
    tasks: Sequence[str] = ()
    wave: int | None = None
    mode: str = "queue"
    budget_usd: float | None = None  # 0: no cap
    deadline: float | None = None  # 0: no deadline
    options: BatchOptions = field(default_factory=BatchOptions)

    def with_caps(self, record: BatchRecord) -> BatchRecord:
        """Return a record with the new caps."""
        kept, until = record.budget_usd, record.deadline
        return replace(
            record,
            budget_usd=kept if self.budget_usd is None else self.budget_usd or None,
            deadline=until if self.deadline is None else self.deadline,
        )


@dataclass(frozen=True)
class ChosenBatch:
    """The batch that a command means: its new record, and its record `before`."""

    record: BatchRecord
    before: BatchRecord | None  # None: it is new
    numbered: str = ""  # sentence: its tasks have other numbers than before


def nothing_left(spec: Spec, request: BatchRequest) -> str:
    """Return the sentence for a request whose tasks are all done."""
    if request.wave is not None and not request.tasks:
        return f"wave {request.wave} of {spec.path} is done"
    which = "every chosen task" if request.tasks else "every required task"
    return f"{which} of {spec.path} is done"


def finished_record(
    repository: Repository, before: BatchRecord | None, spec: Spec, request: BatchRequest, why: str
) -> BatchRecord:
    """Return the record to report when nothing is left to do: the batch before, or an empty one."""
    if before is not None:
        before, _ = renumbered(before, spec)
        tasks = _still(repository, before, spec)
        others = (
            dict.fromkeys(tasks, _NOT_CHOSEN) if request.tasks or request.wave is not None else {}
        )
        return replace(before, tasks=tasks, held={**before.held, **others})
    branch, now = repository.user.branch or "", time.time()
    record = BatchRecord("", spec.path, request.mode, branch=branch, ended=True, created_at=now)
    return replace(record, because=reason(ReasonKind.OTHERS_LEFT, text=why))


def find_batch(
    repository: Repository,
    before: BatchRecord | None,
    spec: Spec,
    order: Order,
    request: BatchRequest,
) -> ChosenBatch:
    """Return the batch to continue, or a new one.

    Raises `UsageError` while runs of these tasks wait for another branch.
    """
    _require_here(repository, spec, order)
    steps = {step.task.id: step for step in order.steps}
    numbered = ""
    if before is not None:
        before, changed = renumbered(before, spec)
        if changed:
            numbered = f"{spec.path} numbers its tasks otherwise than when {before.batch_id} began"
    if before is not None and _is_through(repository, before, spec):
        before, new = None, _new(repository, spec)
    else:
        new = before or _new(repository, spec)
    tasks = _still(repository, new, spec)
    record = replace(
        request.with_caps(new),
        mode=request.mode,
        branch=repository.user.branch or "",
        head=new.head or repository.user.head or "",
        tasks={**tasks, **{task: step.task.title for task, step in steps.items()}},
        needs={**new.needs, **{task: list(step.needs) for task, step in steps.items()}},
        left_out=list(order.left_out),
        held={task: _NOT_CHOSEN for task in tasks if task not in steps},
        refused=[],
        until_failure=request.options.until_failure,
        ended=False,
        because=NO_REASON,
    )
    return ChosenBatch(record, before, numbered if before is not None else "")


def _new(repository: Repository, spec: Spec) -> BatchRecord:
    name = f"batch-{time.strftime('%m%d')}-{secrets.token_hex(2)}"
    return BatchRecord(name, spec.path, "", head=repository.user.head or "")


def _still(repository: Repository, record: BatchRecord, spec: Spec) -> dict[str, str]:
    """Return the tasks of a record that can still be done or were done in it."""
    gone = {
        task
        for task, one in statuses_in(repository, record).items()
        if one.run is None and task not in record.kept and _is_over(spec, task)
    }
    return {task: title for task, title in record.tasks.items() if task not in gone}


def _is_over(spec: Spec, task: str) -> bool:
    return task not in spec.by_id or is_done(spec, spec.by_id[task])


def _is_through(repository: Repository, before: BatchRecord, spec: Spec) -> bool:
    """Return whether a batch is finished, so that tasks open now belong to a new one."""
    return all(
        one.status is TaskStatus.COMMITTED
        or (_is_over(spec, task) and (one.run is None or one.run.status.over))
        for task, one in statuses_in(repository, before).items()
    )


def reopen_rejected(repository: Repository, found: ChosenBatch, order: Order) -> None:
    """Let a batch redo what was rejected or undone before this session.

    A rejection during a session holds until the next one. The run stays in the report as an earlier
    try. A finished batch also redoes tasks that were committed and unticked since.
    """
    before, titles = found.before, {step.task.id: step.task.title for step in order.steps}
    if before is None:
        return
    anew = {TaskStatus.REJECTED, *([TaskStatus.COMMITTED] if before.ended else [])}
    about = (before.batch_id, before.spec_path, titles, branch_of(repository, before))
    for one in statuses_of(repository, *about).values():
        if one.run is not None and one.status in anew:
            with hold(repository.run_lock(one.run.run_id), f"run {one.run.run_id}"):
                run = repository.runs.find(one.run.run_id)
                run.options[ANEW] = True
                repository.runs.save(run)


def _require_here(repository: Repository, spec: Spec, order: Order) -> None:
    """Raise `UsageError` for tasks whose runs, made by a batch, are not over on another branch."""
    here, titles = repository.user.branch, {s.task.id: s.task.title for s in order.steps}
    runs = [
        run
        for run in repository.runs.all()
        if not run.status.over and run.spec_path == spec.path and run.task_id in titles
    ]
    begun = {run.task_id for run in runs if run.branch == here}
    away = [
        run
        for run in runs
        if run.branch != here
        and run.options.get("batch")
        and run.task_id not in begun
        and is_called(repository, run, titles[run.task_id])
    ]
    if away:
        raise UsageError(_elsewhere(repository, spec, away))


def _elsewhere(repository: Repository, spec: Spec, runs: Sequence[RunRecord]) -> str:
    branch = runs[0].branch
    mine = [run for run in runs if run.branch == branch]
    states = {RunStatus.WAITING: "waiting for you", RunStatus.BLOCKED: "blocked"}
    parts = Counter(states.get(run.status, "on the way") for run in mine)
    tasks = "1 of these tasks is" if len(mine) == 1 else f"{len(mine)} of these tasks are"
    exists = branch_exists(repository.user, branch)
    there = f"`git switch {branch}` to go on there, or " if exists else ""
    return (
        f"the batch of {spec.path} works on {branch}{'' if exists else ', which is gone'}: {tasks} "
        f"not over there ({', '.join(f'{n} {state}' for state, n in parts.items())}); "
        f"{there}end those runs with "
        f"`reviewloop queue reject {' '.join(run.run_id for run in mine)}` to begin anew "
        f"on {repository.user.branch or 'this commit'}"
    )


def introduction(
    spending: Spending,
    meant: ChosenBatch,
    spec: Spec,
    order: Order,
    request: BatchRequest,
    settings: Settings,
) -> list[str]:
    """Return the introduction of a batch; its first sentence says what will be done."""
    record, repository = meant.record, spending.repository
    statuses = _statuses(repository, record, order)
    left = _left(statuses)
    chosen = len(order.steps)
    if meant.before is not None:
        tasks = f"{min(left, chosen)} of {len(statuses)} tasks left"
    else:
        tasks = _of_spec(spec, chosen) + (f", {left} of them left" if left < chosen else "")
    if blocked := statuses.count(TaskStatus.BLOCKED):
        tasks += f" and {blocked} blocked"
    where = f"{spec.path} on {record.branch}"
    if left:
        caps = _caps(record, settings.limits.usd, min(left, chosen), spending.usd())
        parts = [f"{where}: {tasks}, {_how(record, request)}; {caps}"]
    else:
        parts = [f"{where}: no task left to begin, mode {record.mode}"]
    if meant.before is not None:
        going_on = _going_on(meant.before, record, request, statuses)
        parts.append("; ".join(filter(None, (going_on, meant.numbered))))
    if left and repository.user.dirty:
        mine = uncommitted_note(repository.user, "the runs", spec)
        parts.append(f"{mine}; what changes one of these files cannot be approved over the edit")
    return parts


def not_priced(
    repository: Repository, record: BatchRecord, order: Order, settings: Settings
) -> list[str]:
    """Return a note about models without a known price, where a task is left to start."""
    unknown = _unpriced(repository, settings)
    if not unknown or not _left(_statuses(repository, record, order)):
        return []
    return [
        f"no price is known for {' and '.join(unknown)}: no cap on money counts its calls; "
        f"limits.tokens ({settings.limits.tokens:,}) stops each run"
    ]


def _statuses(repository: Repository, record: BatchRecord, order: Order) -> list[TaskStatus]:
    doing = {step.task.id for step in order.steps}
    return [one.status for one in statuses_in(repository, record, doing).values()]


def _left(statuses: Iterable[TaskStatus]) -> int:
    return sum(status in {TaskStatus.OPEN, TaskStatus.STOPPED} for status in statuses)


def _of_spec(spec: Spec, chosen: int) -> str:
    done, required = progress(spec)
    tasks = "1 task" if chosen == 1 else f"{chosen} tasks"
    if chosen >= required:
        return tasks
    return f"{chosen} of {required} tasks" + (f" ({done} done before)" if done else "")


def _how(record: BatchRecord, request: BatchRequest) -> str:
    parallel = request.options.parallel
    pace = "one at a time" if parallel == 1 else f"up to {parallel} side by side"
    until = ", until the first failure" if request.options.until_failure else ""
    return f"{pace}, mode {record.mode}{until}"


def _caps(record: BatchRecord, each: float, count: int, used: float) -> str:
    most, budget = each * count, record.budget_usd
    until = f", until {_clock(record.deadline)}" if record.deadline else ""
    if budget is None or used <= 0:
        most = most if budget is None else min(most, budget)
        return f"at most ${each:g} each and ${most:g} in all{until}"
    most = min(most, max(0.0, budget - used))
    spent = f"{cap_money(used)} of ${budget:g} is spent"
    return f"at most ${each:g} each and {cap_money(most)} more in all ({spent}){until}"


def _going_on(
    before: BatchRecord, record: BatchRecord, request: BatchRequest, statuses: Iterable[TaskStatus]
) -> str:
    """Return how far the continued batch is, and which of its caps still hold."""
    found = list(statuses)
    counts = [
        f"{count} {words}"
        for status, words in (
            (TaskStatus.COMMITTED, "committed"),
            (TaskStatus.WAITING, "waiting for you"),
            (TaskStatus.BLOCKED, "blocked"),
            (TaskStatus.STOPPED, "stopped on the way"),
            (TaskStatus.REJECTED, "rejected"),
        )
        if (count := found.count(status))
    ]
    parts = [f"goes on with {before.batch_id}: {', '.join(counts) or 'nothing is finished yet'}"]
    if added := [task for task in record.tasks if task not in before.tasks]:
        parts.append(f"added to it: {', '.join(added)}")
    parts += _held_on(record, request)
    if before.mode != record.mode:
        parts.append(f"mode {before.mode} before")
    if before.until_failure and not record.until_failure:
        parts.append("failures stop it no longer, as --until-failure is not said again")
    return "; ".join(parts)


def _held_on(record: BatchRecord, request: BatchRequest) -> list[str]:
    """Return the caps of an earlier session that still hold, with the option that lifts each."""
    parts = []
    if request.budget_usd is None and record.budget_usd is not None:
        parts.append(f"budget ${record.budget_usd:g} from before (--budget-usd none lifts it)")
    if request.deadline is None and record.deadline:
        shown = _clock(record.deadline)
        parts.append(f"deadline {shown} from before (--deadline none lifts it)")
    return parts


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _unpriced(repository: Repository, settings: Settings) -> list[str]:
    """Return the models of the team without a known price."""
    with suppress(ReviewLoopError):  # starting a task reports what is wrong there
        team = team_of(repository.user.root, repository.user.project)
        return models_without_price(settings, team.members)
    return []
