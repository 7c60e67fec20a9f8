"""Starts a batch, or continues the unfinished one, under its lock."""

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Protocol

from reviewloop.app.batch.limits import Spending
from reviewloop.app.batch.run_steps import for_a_batch
from reviewloop.app.batch.session import INTERRUPTED, BatchListener, ReportListener, Session
from reviewloop.app.batch.spec_changes import tasks_held_by_runs
from reviewloop.app.batch.start import (
    BatchRequest,
    ChosenBatch,
    find_batch,
    finished_record,
    introduction,
    not_priced,
    nothing_left,
    reopen_rejected,
)
from reviewloop.app.batch.status import TaskStatus, newest_here, statuses_in, statuses_of, why_held
from reviewloop.app.batch.work import Work
from reviewloop.app.model_access import require_models
from reviewloop.app.project import Repository, read_settings, require_trust, team_of
from reviewloop.app.redactors import redactor_for
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import is_half_way
from reviewloop.app.run.branches import choose_branch, reread_repository
from reviewloop.app.run.cleaning import leave_out
from reviewloop.app.spec.approval import require_approval
from reviewloop.app.spec.unfinished_specs import name_unfinished_session
from reviewloop.domain.errors import (
    ExitCode,
    GuardRailError,
    InterruptedByUserError,
    ReviewLoopError,
    UsageError,
)
from reviewloop.domain.reason import NO_REASON, ReasonKind, reason
from reviewloop.domain.task import Spec
from reviewloop.llm.model_choice import ensure_model
from reviewloop.settings import Loaded, Settings
from reviewloop.settings.loading import FLAG
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.order import Order, order_tasks
from reviewloop.store.batches import BatchRecord, BatchStore, SessionClock
from reviewloop.store.locks import hold, is_held

MODES = ("each", "queue", "autopilot")

_OTHERS_LEFT = reason(ReasonKind.OTHERS_LEFT)

_TO_DO = {TaskStatus.OPEN, TaskStatus.STOPPED}

Ended = tuple[BatchRecord, ReviewLoopError | None]


class Shown(BatchListener, Protocol):
    """The listener that shows a whole session."""

    def spent(self, usd: float, tokens: int) -> None:
        """Report what earlier sessions of the batch have used."""


def run_batch(repository: Repository, request: BatchRequest, listener: Shown) -> Ended:
    """Run a batch as far as possible; return its record and the error that stopped it, if any.

    Where nothing is left to do, the listener is notified and the record is returned unchanged.
    Raises `UsageError` for an invalid spec, choice or branch, and `WorkspaceError` while another
    batch works in this repository.
    """
    user = repository.user
    loaded = read_settings(user.root, request.options.request.flags, project=user.project)
    spec = _spec(repository, request, loaded.settings)
    with (
        hold(repository.batch_lock, "the batch of this repository", f"spec {spec.path}"),
        closing(BatchStore(repository.folder)) as store,
    ):
        if gone := leave_out(repository):
            listener.opened(gone)
        if _finish_half_way(repository, listener):
            repository = reread_repository(repository)
            spec = _spec(repository, request, loaded.settings)
        order = order_tasks(spec, request.tasks, request.wave)
        before = newest_here(repository, store, spec.path)
        if not order.steps:
            if order.left_out and before is None:
                raise UsageError(f"no task of {spec.path} can be done: {order.left_out[0]}")
            listener.opened(why := nothing_left(spec, request))
            return _nothing_done(repository, before, spec, request, why), None
        found = find_batch(repository, before, spec, order, request)
        found.record.tasks = _as_listed(spec, found.record.tasks)
        if found.before is None:
            _require_branch(repository, loaded.settings)
        problem, doubts = _of_models(repository, found, order, loaded)
        if problem is None:
            reopen_rejected(repository, found, order)
        spending = Spending(repository, found.record, loaded.settings)
        for sentence in introduction(spending, found, spec, order, request, loaded.settings):
            listener.opened(sentence)
        if problem is not None:
            raise problem
        for sentence in (
            *doubts,
            *not_priced(repository, found.record, order, loaded.settings),
        ):
            listener.opened(sentence)
        if found.before is not None:
            listener.spent(spending.usd(), spending.tokens())
        strays = tasks_held_by_runs(repository, spec)
        reports = ReportListener(listener, repository, store, found.record)
        session = Session(
            repository,
            store,
            found.record,
            order,
            request.options,
            spending,
            reports,
            strays=strays,
        )
        return _sat(session, found)


def _spec(repository: Repository, request: BatchRequest, settings: Settings) -> Spec:
    user = repository.user
    named, here = (
        request.spec or settings.spec.path or None,
        user.here if request.spec else user.project,
    )
    with name_unfinished_session(repository):
        spec = open_spec(DiskFiles(user.root), named, project=user.project, here=here)
    if settings.spec.require_approval:
        require_approval(repository, spec)
    return spec


def _nothing_done(
    repository: Repository, before: BatchRecord | None, spec: Spec, request: BatchRequest, why: str
) -> BatchRecord:
    """Return the record to report when nothing is done: that of this command."""
    record = finished_record(repository, before, spec, request, why)
    if before is None:
        return record
    more = any(one.status in _TO_DO for one in statuses_in(repository, record).values())
    others = _OTHERS_LEFT if request.tasks or request.wave is not None else record.because
    because = others if more else NO_REASON
    tasks = _as_listed(spec, record.tasks)
    return replace(record, tasks=tasks, mode=request.mode, ended=not more, because=because)


def _as_listed(spec: Spec, tasks: Mapping[str, str]) -> dict[str, str]:
    """Return tasks in the order of the spec; those removed from it come last."""
    positions = {task.id: position for position, task in enumerate(spec.tasks)}
    return {
        task: tasks[task] for task in sorted(tasks, key=lambda t: positions.get(t, len(positions)))
    }


def _finish_half_way(repository: Repository, listener: BatchListener) -> bool:
    """Finish interrupted commits; return whether there were any.

    They come first: their tasks are ticked in the spec and their files are in the checkout already.
    """
    here = repository.user.branch
    found = [
        run
        for run in repository.runs.all()
        if run.branch == here
        and is_half_way(repository, run)
        and not is_held(repository.run_lock(run.run_id))
    ]
    for run in found:
        listener.opened(f"finishes the commit of {run.run_id}, which was cut off")
        advance(repository, run.run_id)
    return bool(found)


def _sat(session: Session, found: ChosenBatch) -> Ended:
    """Work while there is something to do; a new batch that started nothing leaves no record."""
    repository, store, record = session.repository, session.store, found.record
    store.save(record)
    with closing(SessionClock(repository.folder, record.batch_id)) as clock:
        session.listener.clock = clock
        statuses = session.statuses()
        left = {task for task, one in statuses.items() if one.status in _TO_DO}
        session.listener.planned({s.task.id: s.task.title for s in session.order.steps}, left)
        work = Work(session)
        try:
            work.do()
            if record.ended and _has_more(session):
                record.ended, record.because = False, _OTHERS_LEFT
                store.save(record)
        except ReviewLoopError as stopped:
            nothing = stopped.exit_code is ExitCode.USAGE and not work.began
            error = _interrupted() if isinstance(stopped, InterruptedByUserError) else stopped
            redactor = redactor_for(repository.user.root, repository.user.git_dir)
            record.because = error.because.changed(redactor.for_people)
            store.save(record)
            if found.before is None and not _has_runs(repository, record):
                store.delete(record.batch_id)
                raise error from None
            if nothing:
                if found.before is not None:  # as before this command
                    store.save(replace(found.before, said=record.said, kept=record.kept))
                raise
            return record, error
        return record, None


def _of_models(
    repository: Repository, found: ChosenBatch, order: Order, loaded: Loaded
) -> tuple[ReviewLoopError | None, tuple[str, ...]]:
    """Return the error of models that cannot be asked, and notes about doubtful ones.

    None where no task may start.
    """
    record, titles = found.record, {step.task.id: step.task.title for step in order.steps}
    statuses = statuses_of(repository, record.batch_id, record.spec_path, titles, record.branch)
    asking = {TaskStatus.OPEN, TaskStatus.REJECTED}  # a new batch has no rejected task
    if FLAG in {loaded.origins[f"models.{kind}"] for kind in ("reasoning", "generation")}:
        asking.add(TaskStatus.STOPPED)  # else it keeps its model
    if not any(
        statuses[step.task.id].status in asking and not why_held(step, statuses)
        for step in order.steps
    ):
        return None, ()
    try:
        require_trust(loaded, repository)
        team = team_of(repository.user.root, repository.user.project)
        return None, require_models(ensure_model(loaded, os.environ), team)
    except ReviewLoopError as error:
        return error, ()


def _has_more(session: Session) -> bool:
    """Return whether tasks of the batch that were not chosen this time can continue
    without a user.
    """
    chosen = {step.task.id for step in session.order.steps}
    statuses = statuses_in(session.repository, session.record)
    return any(one.status in _TO_DO for task, one in statuses.items() if task not in chosen)


def _has_runs(repository: Repository, record: BatchRecord) -> bool:
    return any(run.options.get("batch") == record.batch_id for run in repository.runs.all())


def _interrupted() -> InterruptedByUserError:
    return InterruptedByUserError(INTERRUPTED).in_brief("interrupted")


def _require_branch(repository: Repository, settings: Settings) -> None:
    """Raise, before anything is written, for a branch that no run could commit to."""
    try:
        choose_branch(repository, settings, "", "batch")
    except GuardRailError as error:
        raise for_a_batch(error) from None
