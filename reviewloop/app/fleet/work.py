"""Carries out one job of a worker: advances a task, or applies an answer."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from reviewloop.app.batch.limits import Spending
from reviewloop.app.batch.policy import because_of
from reviewloop.app.batch.queue import find_missing_task, missing_task_reason
from reviewloop.app.batch.report import build_report, note_rows, queue_entry
from reviewloop.app.batch.session import BatchOptions, ReportListener, Session
from reviewloop.app.batch.spec_changes import runs_needed_by, tasks_held_by_runs
from reviewloop.app.batch.stack import (
    Waiting,
    approvable_runs,
    base_on,
    conflict_below,
    keep_conflict,
    line_up,
    no_merge,
)
from reviewloop.app.batch.status import TaskStatus, statuses_of
from reviewloop.app.batch.work import Work
from reviewloop.app.fleet.answers import command_of
from reviewloop.app.fleet.jobs import Jobs
from reviewloop.app.fleet.workplace import Job, Workplace, mark_all, opened_job
from reviewloop.app.project import Repository, read_settings
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import give_up, require_question
from reviewloop.app.run.changing import ConflictError, rebase
from reviewloop.app.run.start import RunRequest
from reviewloop.app.run.view import proposal_of, view
from reviewloop.app.stats import catch_up
from reviewloop.domain.batch_report import QueueEntry
from reviewloop.domain.errors import (
    InterruptedByUserError,
    ReviewLoopError,
    StoreError,
    WorkspaceError,
)
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, naming, reason
from reviewloop.domain.task import Spec
from reviewloop.git.revisions import first_commit_time
from reviewloop.git.transfer import is_fetched
from reviewloop.render.batch import queue_row_object, report_object
from reviewloop.render.reasons import sentence
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.order import Order, order_tasks
from reviewloop.store.batches import BatchRecord, BatchStore, stored_row
from reviewloop.store.metrics import MetricsStore, RunMetrics
from reviewloop.store.postgres.batches import About, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.figures import SharedFigures
from reviewloop.store.runs import RunRecord, RunStatus, is_stopped

_ASKS = (RunStatus.WAITING, RunStatus.BLOCKED)


def carry_out(job: Job, run_id: str, answer: Mapping[str, str], after: Collection[str]) -> Reason:
    """Apply the user's answer; return a note for them.

    `after` are the runs approved before this one: where those were rebased, it is rebased onto
    them.
    """
    repository = job.repository
    run = repository.runs.find(run_id)
    if run.status is RunStatus.COMMITTED:
        return NO_REASON  # before this worker died, or another one did
    if answer["choice"] == "skip" and is_stopped(run):
        give_up(repository, run, answer["text"])
        return NO_REASON
    if is_stopped(run):  # a worker died or stopped during this answer
        run = advance_run(job, run, None)
        if run.status not in _ASKS or run.proposal != answer["proposal"]:
            return because_of(run)
    require_question(run, answer)
    if answer["choice"] == "approve":
        line = _approved_line(job, after)
        if not _fits(job, run, line):
            return _moved_along(job, run, line, after)
    return because_of(advance_run(job, run, answer))


def advance_run(job: Job, run: RunRecord, answer: Mapping[str, str] | None) -> RunRecord:
    """Advance a run, with an answer if it waits for one; return its record."""
    listener = job.workplace.listener
    return advance(
        job.repository,
        run.run_id,
        answer=answer,
        listener=lambda event: listener.event(run.task_id, event),
        opened=job.workplace.workers.opened,
    )


def _approved_line(job: Job, after: Collection[str]) -> Sequence[Waiting]:
    """Return the stack above the branch of those approved runs that were rebased."""
    repository = job.repository
    approved = [run for run in repository.runs.all() if run.run_id in after]
    asking_anew = [run for run in approved if not run.reason]  # else its commit failed
    return line_up(repository.user.head or "", approvable_runs(repository, asking_anew)).stacked


def _fits(job: Job, run: RunRecord, line: Sequence[Waiting]) -> bool:
    """Return whether a run's commit follows the branch, or is in it if the push was not confirmed.

    False while runs approved before it are not committed.
    """
    user = job.repository.user
    if run.base_commit == user.head:
        return not line
    proposed = approvable_runs(job.repository, [run])
    return bool(proposed) and is_fetched(user, job.batch.about.branch, proposed[0].commit)


def _moved_along(
    job: Job, run: RunRecord, line: Sequence[Waiting], after: Collection[str]
) -> Reason:
    """Rebase a run onto the current branch for another look of the user; return the note."""
    repository = job.repository
    if why := _no_merge(job, run) or _why_not_yet(job, run, line, after):
        return why
    there = runs_needed_by(run, (one.run for one in line)).values()
    if need := find_missing_task(repository, run, there):
        lacks = missing_task_reason(repository, run, need)
        return naming(reason(ReasonKind.ERROR, text=lacks.why), *lacks.runs)
    top = line[-1] if line else None
    below, listener = top.run.run_id if top else "", job.workplace.listener.event
    done = [one.run.task_id for one in line]
    try:
        run = rebase(
            repository,
            run.run_id,
            base_on(repository, top) if top else None,
            options={"stands_on": below, "done": done, "redo": False},  # see `rebase`
            listener=lambda event: listener(run.task_id, event),
        )
    except ConflictError as error:
        onto = top.commit if top else repository.user.head or ""
        keep_conflict(repository, run.run_id, onto, str(error))
        return _no_merge(job, repository.runs.find(run.run_id))
    if run.status is not RunStatus.WAITING:
        return because_of(run)
    return reason(ReasonKind.REBASED_THERE, branch=run.branch, run=below)


def _no_merge(job: Job, run: RunRecord) -> Reason:
    """Return that a run, or a run below it, does not merge, and what helps; "" if it may."""
    waiting = approvable_runs(job.repository, job.repository.runs.all())
    mine = next((one for one in waiting if one.run.run_id == run.run_id), None)
    met = conflict_below(job.repository, mine, waiting) if mine else None
    return no_merge(met) if met else NO_REASON


def _why_not_yet(
    job: Job,
    run: RunRecord,
    line: Sequence[Waiting],
    after: Collection[str],
) -> Reason:
    """Return what must be on the branch, or in the stack above it, before a run; "" if all is."""
    there = {one.run.run_id for one in line}
    waiting = approvable_runs(job.repository, job.repository.runs.all())
    needs = runs_needed_by(run, (one.run for one in waiting))
    for one in waiting:
        other = one.run.run_id
        if one.commit == run.base_commit:
            return reason(ReasonKind.ANSWER_FIRST, run=other, how="builds_on")
        if other in needs and other not in there:
            return reason(ReasonKind.ANSWER_FIRST, run=other, how="needs")
    for below in job.repository.runs.all():
        builds_on = below.run_id in after and below.run_id == run.options.get("stands_on")
        if builds_on and below.run_id not in there and below.status is not RunStatus.COMMITTED:
            # It was rebased, and its gates turned red.
            which = str(below.status)
            return reason(ReasonKind.ANSWER_FIRST, run=below.run_id, how="builds_on", which=which)
    return NO_REASON


def store_figures(repository: Repository, about: About, database: Database) -> list[str]:
    """Store new figures; return notes on those that could not be counted."""
    shared = SharedFigures(database)
    try:
        with closing(MetricsStore(repository.folder)) as store:
            problems = catch_up(repository.folder, repository.runs, store)
            known = shared.stamps(about.repository)
            rows = [row for row in store.all() if known.get(row.run_id) != row.record_at]
    except WorkspaceError as error:
        return [str(error)]
    born = {path for key, path in shared.spec_dates() if key == about.repository}
    spec_dates = {}
    for path in {row.spec_path for row in rows if row.committed_at and row.spec_path} - born:
        if (at := first_commit_time(repository.user, path)) is not None:
            spec_dates[path] = at
    if rows or spec_dates:
        shared.save(about.repository, about.branch, rows, spec_dates)
    return problems


def figures_shown(database: Database) -> list[RunMetrics]:
    """Return the rows of all runs.

    With several repositories, paths of specs start with the repository's name. The same task on two
    branches is two tasks, each with its own first review and end.
    """
    named = _named_specs(database)

    def own(branch: str, task: str) -> str:
        return f"{branch}:{task}" if task else ""

    return [
        replace(row, spec_path=named(key, row.spec_path), task_id=own(branch, row.task_id))
        for key, branch, row in SharedFigures(database).all()
    ]


def spec_dates_shown(database: Database) -> dict[str, float]:
    """Return when specs were added to their repositories, by the names of `figures_shown`."""
    named = _named_specs(database)
    return {
        named(key, path): at for (key, path), at in SharedFigures(database).spec_dates().items()
    }


def _named_specs(database: Database) -> Callable[[str, str], str]:
    names = {batch.about.repository: batch.about.name for batch in SharedBatches(database).all()}
    several = len({key for key, _, _ in SharedFigures(database).all()}) > 1

    def named(key: str, path: str) -> str:
        return f"{names.get(key, key)}/{path}" if several and path else path

    return named


_UNTIL_FAILURE = {ReasonKind.FAILURE_STOPS, ReasonKind.STILL_BLOCKED}
_LONGEST_DIFF = 2_000_000  # characters


def do_task(workplace: Workplace, batch_id: str, task: str) -> None:
    """Advance one task of a batch as far as possible without a user.

    Raises `BusyError` while another worker is on the branch, `InterruptedByUserError` when this
    worker was stopped, `StoreError` when the database is away: the job is then done again.
    """
    with opened_job(workplace, batch_id) as job:
        record = job.batch.record
        try:
            with closing(BatchStore(job.repository.folder)) as store:
                _work(job, store, record, task)
        except (InterruptedByUserError, StoreError):
            raise
        except ReviewLoopError as error:
            record.because = error.because
            if _is_open(job.repository, record, task):
                record.held[task] = record.because  # tasks that wait for it report it
            workplace.notify(f"{task}: {error}")
        for run in job.repository.runs.all():
            mine = run.options.get("batch") == batch_id and run.task_id == task
            if mine and run.status is RunStatus.PAUSED:
                workplace.call(job.repository, run)
        _finish(job, record)


def do_answer(
    workplace: Workplace,
    batch_id: str,
    run_id: str,
    answer: Mapping[str, str],
    after: Collection[str] = (),
) -> None:
    """Apply a user's answer to a run; see `do_task` and `carry_out`."""
    with opened_job(workplace, batch_id) as job:
        try:
            note = carry_out(job, run_id, answer, after)
        except (InterruptedByUserError, StoreError):
            raise
        except ReviewLoopError as error:
            note = error.because
        job.runs.note(run_id, note, sentence(note))
        workplace.notify(f"{run_id}: {_carried_out(job, run_id, answer, note)}")
        _finish(job, job.batch.record, answered=run_id)
        _queue_open_tasks(job)


def _carried_out(job: Job, run_id: str, answer: Mapping[str, str], note: Reason) -> str:
    """Return the outcome of an answer; a rejection has its reason from the user."""
    status = job.repository.runs.find(run_id).status
    if note and status is not RunStatus.SKIPPED:
        return sentence(note)
    state = "rejected" if status is RunStatus.SKIPPED else status
    return f"{command_of(answer['choice'])} is carried out, it is {state} now"


def _work(job: Job, store: BatchStore, record: BatchRecord, task: str) -> None:
    """Do what a batch session with only this task would do."""
    store.save(record)
    about = job.batch.about
    loaded = read_settings(job.repository.user.root, about.flags, project=about.project)
    request = RunRequest(
        spec=record.spec_path,
        unsandboxed="accepted" if job.workplace.unsandboxed else "",
        flags=about.flags,
        no_hooks=about.no_hooks,
    )
    if record.until_failure and record.because.kind in _UNTIL_FAILURE:
        record.held[task] = record.because
        return  # until the next `batch`
    spec = open_spec(DiskFiles(job.repository.user.root), record.spec_path)
    order = _order(job.repository, record, spec)
    ids = [step.task.id for step in order.steps]
    if task not in ids:  # done, removed from the spec, or renamed there
        _settle_pushed(job, record, task)
        if why := _renamed(record, spec, task):
            record.held[task] = reason(ReasonKind.ERROR, text=why)
            job.workplace.notify(f"{task}: {why}")
        return
    mine = replace(record, because=NO_REASON)
    session = Session(
        job.repository,
        store,
        mine,
        order,
        BatchOptions(until_failure=record.until_failure, request=request),
        Spending(job.repository, record, loaded.settings),
        ReportListener(job.workplace.listener, job.repository, store, mine),
        {other for other in ids if other != task},
        strays=tasks_held_by_runs(job.repository, spec),
    )
    Work(session, job.workplace.workers).do()
    held = {one: why for one, why in session.record.held.items() if one == task}
    record.held = {**record.held, **held}
    waits = held.get(task, NO_REASON).kind is ReasonKind.NEED_OPEN
    if not (record.because and waits):  # the first cause is kept
        record.because, record.ended = session.record.because, session.record.ended
    record.said, record.refused = session.record.said, session.record.refused


def _is_open(repository: Repository, record: BatchRecord, task: str) -> bool:
    """Return whether a task was not started."""
    titles = {task: record.tasks[task]}
    statuses = statuses_of(repository, record.batch_id, record.spec_path, titles)
    return statuses[task].status is TaskStatus.OPEN


def _settle_pushed(job: Job, record: BatchRecord, task: str) -> None:
    """Finish a run whose commit was pushed just before its worker died."""
    titles = {task: record.tasks[task]}
    statuses = statuses_of(job.repository, record.batch_id, record.spec_path, titles)
    run, user = statuses[task].run, job.repository.user
    proposal = proposal_of(job.repository, run) if run is not None else None
    if run is None or proposal is None or not proposal["commit"] or not is_stopped(run):
        return
    if is_fetched(user, job.batch.about.branch, proposal["commit"]):
        advance_run(job, run, None)


def _order(repository: Repository, record: BatchRecord, spec: Spec) -> Order:
    statuses = statuses_of(repository, record.batch_id, record.spec_path, record.tasks)
    left = [t for t in _known(record, spec) if statuses[t].status is not TaskStatus.COMMITTED]
    return order_tasks(spec, left) if left else Order((), ())


def _known(record: BatchRecord, spec: Spec) -> list[str]:
    """Return the tasks of a batch whose titles in the spec did not change since they
    were queued.
    """
    return [t for t in record.tasks if t in spec.by_id and not _renamed(record, spec, t)]


def _renamed(record: BatchRecord, spec: Spec, task: str) -> str:
    """Return a sentence on the new title of a task renamed since it was queued, or ""."""
    before, now = record.tasks[task], spec.by_id.get(task)
    if now is None or now.title == before:
        return ""
    return (
        f"task {task} was '{before}' when it was queued and is '{now.title}' now; the next "
        "`reviewloop batch` queues what is open"
    )


def _finish(job: Job, record: BatchRecord, answered: str = "") -> None:
    """Store the state of the batch; `answered` is the run whose answer was applied."""
    repository = job.repository
    for run in repository.runs.all():
        known = job.runs.shown_of(run.run_id) if run.status in _ASKS else None
        if known is not None and not known.is_about(run):
            _show(job, run)
            job.workplace.call(repository, run)
            if run.run_id != answered:
                job.runs.note(run.run_id, NO_REASON, "")  # it was about what the run was before
    note_rows(repository, record)
    head = repository.head_of(job.batch.about.branch)  # for readers without a clone
    report = report_object(build_report(repository, record))
    SharedBatches(job.database).settle(record, {**report, "head": head})
    for problem in store_figures(repository, job.batch.about, job.database):
        job.workplace.notify(problem)
    mark_all(repository, job.batch.about)


def _show(job: Job, run: RunRecord) -> None:
    """Store what a user needs to see of a run before they answer without a clone."""
    repository = job.repository
    found = approvable_runs(repository, [run])
    report = queue_entry(repository, run, str(run.status))
    row = queue_row_object(QueueEntry(report))
    del row["note"]  # the reader finds out what approving it does
    stored = stored_row(row, report.because, found[0].commit if found else "", run)
    with view(repository, run) as seen:
        diff = seen.diff()
        if len(diff) > _LONGEST_DIFF:
            cut = diff.rfind("\n", 0, _LONGEST_DIFF)
            diff = f"{diff[:cut]}\n(cut: {len(diff):,} characters in all)\n"
        job.runs.show(run.run_id, stored, seen.proposal, diff)


def _queue_open_tasks(job: Job) -> None:
    """Queue the tasks that were not started, as an answer may have freed them."""
    record, repository = job.batch.record, job.repository
    statuses = statuses_of(repository, record.batch_id, record.spec_path, record.tasks)
    others = {task for task, why in record.held.items() if why.kind is ReasonKind.NOT_CHOSEN}
    tasks = [t for t, one in statuses.items() if one.status is TaskStatus.OPEN and t not in others]
    if tasks:
        known = _known(record, open_spec(DiskFiles(repository.user.root), record.spec_path))
        tasks = [task for task in tasks if task in known]
        Jobs(job.database, job.workplace.url).tasks(record.batch_id, job.batch.about, tasks)
