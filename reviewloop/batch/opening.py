"""Begins a batch, or takes up the one that was not finished, and does its work under its lock."""

import secrets
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from reviewloop.batch.account import lock_of
from reviewloop.batch.sitting import Asked, Sitting, Told
from reviewloop.batch.spending import Spending
from reviewloop.batch.stands import Stand, stands_of
from reviewloop.batch.work import Work
from reviewloop.errors import ExitCode, InterruptedByUserError, ReviewLoopError, UsageError
from reviewloop.runs.held_values import masking_for
from reviewloop.runs.project import read_settings
from reviewloop.runs.repository import Repository
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.model import Spec
from reviewloop.specs.order import Order, order_tasks
from reviewloop.store.batches import BatchRecord, BatchStore
from reviewloop.store.locks import hold

MODES = ("each", "queue", "autopilot")


@dataclass(frozen=True)
class Wish:
    """What stands on the command line of a batch."""

    spec: str = ""
    tasks: Sequence[str] = ()
    wave: int | None = None
    mode: str = "queue"
    budget_usd: float | None = None
    deadline: float = 0.0
    asked: Asked = field(default_factory=Asked)


def run_batch(
    repository: Repository, wish: Wish, told: Told
) -> tuple[BatchRecord, ReviewLoopError | None]:
    """Do all that can be done of a batch; return its record and what stopped it before its end.

    Raises `UsageError` for a spec or a choice that cannot be, `WorkspaceError` while another batch
    works in this repository.
    """
    with (
        hold(lock_of(repository), "the batch of this repository"),
        closing(BatchStore(repository.folder)) as store,
    ):
        loaded = read_settings(repository.user.root, wish.asked.wanted.flags)
        files = DiskFiles(repository.user.root)
        spec = open_spec(files, wish.spec or loaded.settings.spec.path or None)
        order = order_tasks(spec, wish.tasks, wish.wave)
        record = _record(repository, store, spec, order, wish)
        spending = Spending(repository, record, loaded.settings)
        work = Work(Sitting(repository, store, record, order, wish.asked, spending, told))
        told.opened(_opening(order, record, loaded.settings.limits.usd))
        try:
            work.do()
        except ReviewLoopError as stopped:
            error = _interrupted() if isinstance(stopped, InterruptedByUserError) else stopped
            masking = masking_for(repository.user.root, repository.user.git_dir)
            record.reason = masking.for_people(str(error))
            store.save(record)
            if error.exit_code is ExitCode.USAGE and not work.began:
                raise
            return record, error
        return record, None


def _interrupted() -> InterruptedByUserError:
    return InterruptedByUserError("interrupted; nothing is lost: the same command goes on")


def newest_batch(repository: Repository) -> BatchRecord | None:
    """Return the latest batch of a repository, None when there was none."""
    if not (repository.folder / "batches.sqlite").exists():
        return None
    with closing(BatchStore(repository.folder)) as store:
        return store.newest()


def _record(
    repository: Repository, store: BatchStore, spec: Spec, order: Order, wish: Wish
) -> BatchRecord:
    """Return the record of the batch that is to be gone on with, or a new one."""
    before = store.newest(spec.path)
    if before is None or (before.ended and _has_new_work(repository, before, order)):
        if not order.steps:
            raise UsageError(_nothing(spec, order))
        before = BatchRecord(f"batch-{time.strftime('%m%d')}-{secrets.token_hex(2)}", spec.path, "")
    record = replace(
        before,
        mode=wish.mode,
        tasks={**before.tasks, **{step.task.id: step.task.title for step in order.steps}},
        left_out=list(order.left_out),
        held={},
        refused=[],
        ended=False,
        budget_usd=wish.budget_usd if wish.budget_usd is not None else before.budget_usd,
        deadline=wish.deadline or before.deadline,
        reason="",
    )
    store.save(record)
    return record


def _has_new_work(repository: Repository, before: BatchRecord, order: Order) -> bool:
    """Whether a batch that came to its end leaves something to a new one."""
    titles = {step.task.id: step.task.title for step in order.steps}
    stands = stands_of(repository, before.batch_id, before.spec_path, titles)
    waits = {Stand.WAITING, Stand.BLOCKED}
    return not titles or any(one.stand not in waits for one in stands.values())


def _opening(order: Order, record: BatchRecord, usd: float) -> str:
    """Return what will be done and what it may cost, before anything is paid."""
    count = len(order.steps)
    most = usd * count if record.budget_usd is None else min(usd * count, record.budget_usd)
    until = ""
    if record.deadline:
        until = f", until {time.strftime('%Y-%m-%d %H:%M', time.localtime(record.deadline))}"
    tasks = "1 task" if count == 1 else f"{count} tasks"
    return f"{record.spec_path}: {tasks}, at most ${usd:g} each and ${most:g} in all{until}"


def _nothing(spec: Spec, order: Order) -> str:
    if order.left_out:
        return f"no task of {spec.path} can be done: {order.left_out[0]}"
    return f"every chosen task of {spec.path} is done"
