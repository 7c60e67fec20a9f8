"""Single steps of a task's run: start it, advance it in a thread, answer it, redo it."""

import threading
import traceback
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from reviewloop.app.batch.limits import PAID, cost_of
from reviewloop.app.batch.session import Session
from reviewloop.app.batch.stack import StartingPoint
from reviewloop.app.batch.status import TaskStatus, kept_title
from reviewloop.app.project import Repository
from reviewloop.app.redactors import redactor_for
from reviewloop.app.run.advance import advance
from reviewloop.app.run.changing import BY
from reviewloop.app.run.start import begin, plan
from reviewloop.domain.errors import ExitCode, GuardRailError, UsageError, WorkspaceError
from reviewloop.domain.reason import ReasonKind, reason
from reviewloop.faults import fault
from reviewloop.loop.context import RunContext
from reviewloop.render.reasons import sentence
from reviewloop.specs.order import Step
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus


class ActiveRuns:
    """The runs in progress; all of them can be stopped."""

    def __init__(self) -> None:
        self._contexts: dict[str, RunContext] = {}
        self._lock = threading.Lock()
        self._stopping = False

    def contexts(self) -> tuple[RunContext, ...]:
        """Return the runs in progress; from now on later ones are stopped when they open."""
        with self._lock:
            self._stopping = True
            return tuple(self._contexts.values())

    def opened(self, context: RunContext) -> None:
        """Add a run that was opened."""
        with self._lock:
            self._contexts[context.record.run_id] = context
            stopping = self._stopping
        if stopping:
            context.stop()

    def closed(self, run_id: str) -> None:
        """Remove a run that stopped."""
        with self._lock:
            self._contexts.pop(run_id, None)


def begin_task(session: Session, step: Step, start: StartingPoint) -> RunRecord:
    """Start the run of a task at `start`. Raises what `plan` raises."""
    statuses = session.statuses()
    committed = {task for task, one in statuses.items() if one.status is TaskStatus.COMMITTED}
    done = start.done | committed
    request = replace(
        session.options.request,
        task=step.task.id,
        spec=session.record.spec_path,
        base=start.base(session.repository),
        done=frozenset(done),
        models_checked=True,
    )
    try:
        planned = plan(session.repository, request)
    except GuardRailError as error:
        raise for_a_batch(error) from error
    if planned.task and planned.task.title != step.task.title:
        raise UsageError(
            f"{planned.task.where}: task {step.task.id} was '{step.task.title}' when the batch "
            f"began and is '{planned.task.title}' now; the next `reviewloop batch` does it"
        )
    called = {**dict.fromkeys(step.needs, ""), **session.record.tasks}
    options = {
        **planned.options,
        "batch": session.record.batch_id,
        "done": sorted(done),
        "needs": list(step.needs),
        "needs_called": {need: kept_title(session.repository, called[need]) for need in step.needs},
        "stands_on": start.run_id,
        "redo_of": _given_up(statuses[step.task.id].run),
    }
    fault("batch.begin")
    return begin(session.repository, replace(planned, options=options))


def adopt_run(session: Session, run: RunRecord) -> RunRecord:
    """Make a run without a batch, or of an earlier one, a run of this batch; return its record.

    Otherwise the batch would not count its task as done. Raises `WorkspaceError` while another
    process advances it.
    """
    batch, repository = session.record.batch_id, session.repository
    if run.options.get("batch") == batch:
        return run
    with hold(repository.run_lock(run.run_id), f"run {run.run_id}"):
        run = repository.runs.find(run.run_id)
        if not run.status.over:
            run.options |= {"batch": batch, PAID: cost_of(repository, run).plain()}
            repository.runs.save(run)
    return run


def adopt_runs(session: Session) -> None:
    """Make all waiting and stopped runs runs of this batch, except those another process
    advances.
    """
    for one in session.statuses().values():
        if one.run is not None and not one.run.status.over:
            with suppress(WorkspaceError):
                adopt_run(session, one.run)


def advance_task(
    session: Session,
    active: ActiveRuns,
    repository: Repository,
    step: Step,
    run: RunRecord,
    caps: Any,
) -> RunRecord:
    """Advance a run; callable from a thread, so it opens its own connection to the runs."""
    with closing(repository.runs.again()) as runs:
        try:
            return advance(
                replace(repository, runs=runs),
                run.run_id,
                listener=partial(session.report, step),
                # It may have started with another model, or under lower caps.
                overrides={**session.options.request.flags, **session.spending.own(run)},
                for_now=caps,
                opened=active.opened,
            )
        finally:
            active.closed(run.run_id)


def record_crash(session: Session, run: RunRecord, error: Exception) -> RunRecord:
    """Record that an unexpected exception ended the work on a run; return the run."""
    repository = session.repository
    redactor = redactor_for(repository.user.root, repository.user.git_dir)
    trace = redactor.for_people("".join(traceback.format_exception(error)))
    log = repository.run_folder(run.run_id) / "logs" / "broken.txt"
    with hold(repository.run_lock(run.run_id), f"run {run.run_id}"):
        run = repository.runs.find(run.run_id)
        run.status, run.exit_code = RunStatus.PAUSED, int(ExitCode.BUG)
        why = reason(ReasonKind.BUG, error=type(error).__name__, place=str(log))
        run.explain(why, sentence(why))
        repository.runs.save(run)
        with suppress(OSError):
            log.write_text(trace, encoding="utf-8", errors="replace")
    return run


def answer_run(
    session: Session, step: Step, run: RunRecord, answer: Mapping[str, str]
) -> RunRecord:
    """Answer a waiting run under the caps of the batch; return its new record."""
    return advance(
        session.look(),
        run.run_id,
        answer=answer,
        listener=partial(session.report, step),
        for_now=session.caps(run),
        opened=session.opened,
    )


def redo_task(session: Session, step: Step, run: RunRecord, why: str) -> bool:
    """End a run that does not fit its new base, so that its task is done again; return if it was.

    Only once: a run that is itself a second try stays, and so does one that was answered meanwhile.
    """
    if run.options.get("redo_of"):
        return False
    repository, proposal = session.look(), run.proposal
    try:
        with hold(repository.run_lock(run.run_id), f"run {run.run_id}"):
            run = repository.runs.find(run.run_id)
            if run.status.over or run.proposal != proposal:
                return False
            run.options["redo"] = True
            repository.runs.save(run)
        fault("batch.redo")
        text = f"{why}; the task is done once more"
        answer = {"choice": "skip", "by": BY, "text": text, "proposal": proposal}
        run = answer_run(session, step, run, answer)
    except (UsageError, WorkspaceError):
        return False
    session.tried.discard(step.task.id)
    session.listener.settled(step.task.id, run, why)
    return True


def for_a_batch(error: GuardRailError) -> GuardRailError:
    """Return the error with the command that makes a branch, as a batch has no option for that."""
    problem = error.brief or error.problem
    return GuardRailError(f"{problem}; make a branch for the batch: `git switch -c NAME`")


def _given_up(before: RunRecord | None) -> str:
    return before.run_id if before and before.options.get("redo") else ""
