"""What a worker does with one job: a task taken a step further, or a person's answer carried out.

All of it is done under the lock of the branch, on the worker's own clone, and read from the runs
before: a job that is done twice, or after another worker died over it, does what is left of it.
"""

from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import replace

from reviewloop.app.batch.account import account, queue_row
from reviewloop.app.batch.keeping import note_rows
from reviewloop.app.batch.line import waiting_in
from reviewloop.app.batch.noting import Noting
from reviewloop.app.batch.renumbered import strays_of
from reviewloop.app.batch.sitting import Asked, Sitting
from reviewloop.app.batch.spending import Spending
from reviewloop.app.batch.stands import Stand, stands_of
from reviewloop.app.batch.work import Work
from reviewloop.app.fleet.answers import word_of
from reviewloop.app.fleet.carrying import advanced, carry_out
from reviewloop.app.fleet.copies import mark_all
from reviewloop.app.fleet.figures import bring_figures
from reviewloop.app.fleet.jobs import Jobs
from reviewloop.app.fleet.place import Job, Place, opened_job
from reviewloop.app.project import Repository, read_settings
from reviewloop.app.run.answers import is_stopped
from reviewloop.app.run.branches import head_now
from reviewloop.app.run.start import Wanted
from reviewloop.app.run.view import proposal_of, view
from reviewloop.domain.errors import InterruptedByUserError, ReviewLoopError, StoreError
from reviewloop.domain.task import Spec
from reviewloop.git.transfer import is_fetched
from reviewloop.render.batch import NOT_CHOSEN
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.order import Order, order_tasks
from reviewloop.store.batches import BatchRecord, BatchStore
from reviewloop.store.postgres.batches import SharedBatches
from reviewloop.store.runs import RunRecord, RunStatus

_ASKS = (RunStatus.WAITING, RunStatus.BLOCKED)
_UNTIL_FAILURE = "(--until-failure)"  # stands in the reason of a batch that it stopped
_LONGEST_DIFF = 2_000_000  # characters


def do_task(place: Place, batch_id: str, task: str) -> None:
    """Take one task of a batch as far as it comes without a person.

    Raises `BusyError` while another worker is on the branch, `InterruptedByUserError` when this one
    was told to stop, `StoreError` when the database is away: the job is to be done again then.
    """
    with opened_job(place, batch_id) as job:
        record = job.batch.record
        try:
            with closing(BatchStore(job.repository.folder)) as store:
                _work(job, store, record, task)
        except (InterruptedByUserError, StoreError):
            raise
        except ReviewLoopError as error:
            record.reason = str(error)
            if _is_open(job.repository, record, task):
                record.held[task] = record.reason  # what waits for it is told of it by that
            place.say(f"{task}: {error}")
        for run in job.repository.runs.all():
            mine = run.options.get("batch") == batch_id and run.task_id == task
            if mine and run.status is RunStatus.PAUSED:
                place.call(job.repository, run)
        _finish(job, record)


def do_answer(
    place: Place, batch_id: str, run_id: str, answer: Mapping[str, str], after: Collection[str] = ()
) -> None:
    """Carry out a person's answer to a run; see `do_task` and `carry_out`."""
    with opened_job(place, batch_id) as job:
        try:
            note = carry_out(job, run_id, answer, after)
        except (InterruptedByUserError, StoreError):
            raise
        except ReviewLoopError as error:
            note = str(error)
        job.runs.note(run_id, note)
        place.say(f"{run_id}: {_carried_out(job, run_id, answer, note)}")
        _finish(job, job.batch.record, answered=run_id)
        _queue_open_tasks(job)


def _carried_out(job: Job, run_id: str, answer: Mapping[str, str], note: str) -> str:
    """Return what became of an answer; why something was rejected is what the person said."""
    status = job.repository.runs.find(run_id).status
    if note and status is not RunStatus.SKIPPED:
        return note
    state = "rejected" if status is RunStatus.SKIPPED else status
    return f"{word_of(answer['choice'])} is carried out, it is {state} now"


def _work(job: Job, store: BatchStore, record: BatchRecord, task: str) -> None:
    """Do what the batch would do in a sitting of its own that has only this task to take up."""
    store.save(record)
    about = job.batch.about
    loaded = read_settings(job.repository.user.root, about.flags, project=about.project)
    wanted = Wanted(
        spec=record.spec_path,
        unsandboxed="accepted" if job.place.unsandboxed else "",
        flags=about.flags,
    )
    if record.until_failure and _UNTIL_FAILURE in record.reason:
        record.held[task] = record.reason
        return  # until `batch` is said again
    spec = open_spec(DiskFiles(job.repository.user.root), record.spec_path)
    order = _order(job.repository, record, spec)
    ids = [step.task.id for step in order.steps]
    if task not in ids:  # done by now, taken out of the spec, or called otherwise there
        _settle_pushed(job, record, task)
        if why := _renamed(record, spec, task):
            record.held[task] = why
            job.place.say(f"{task}: {why}")
        return
    mine = replace(record, reason="")
    sitting = Sitting(
        job.repository,
        store,
        mine,
        order,
        Asked(until_failure=record.until_failure, wanted=wanted),
        Spending(job.repository, record, loaded.settings),
        Noting(job.place.told, job.repository, store, mine),
        {other for other in ids if other != task},
        strays=strays_of(job.repository, spec),
    )
    Work(sitting, job.place.crew).do()
    held = {one: why for one, why in sitting.record.held.items() if one == task}
    record.held = {**record.held, **held}
    if not (record.reason and held.get(task, "").startswith("waits for ")):  # the first cause stays
        record.reason, record.ended = sitting.record.reason, sitting.record.ended
    record.said, record.refused = sitting.record.said, sitting.record.refused


def _is_open(repository: Repository, record: BatchRecord, task: str) -> bool:
    """Whether nothing of a task was begun."""
    titles = {task: record.tasks[task]}
    stands = stands_of(repository, record.batch_id, record.spec_path, titles)
    return stands[task].stand is Stand.OPEN


def _settle_pushed(job: Job, record: BatchRecord, task: str) -> None:
    """Finish a run whose commit reached the branch just before its worker died."""
    titles = {task: record.tasks[task]}
    stands = stands_of(job.repository, record.batch_id, record.spec_path, titles)
    run, user = stands[task].run, job.repository.user
    proposal = proposal_of(job.repository, run) if run is not None else None
    if run is None or proposal is None or not proposal["commit"] or not is_stopped(run):
        return
    if is_fetched(user, job.batch.about.branch, proposal["commit"]):
        advanced(job, run, None)


def _order(repository: Repository, record: BatchRecord, spec: Spec) -> Order:
    stands = stands_of(repository, record.batch_id, record.spec_path, record.tasks)
    left = [t for t in _known(record, spec) if stands[t].stand is not Stand.COMMITTED]
    return order_tasks(spec, left) if left else Order((), ())


def _known(record: BatchRecord, spec: Spec) -> list[str]:
    """Return the tasks of a batch that are called in the spec as when they were queued."""
    return [t for t in record.tasks if t in spec.by_id and not _renamed(record, spec, t)]


def _renamed(record: BatchRecord, spec: Spec, task: str) -> str:
    """Say what a task is called now that was called otherwise when it was queued, "" if not."""
    before, now = record.tasks[task], spec.by_id.get(task)
    if now is None or now.title == before:
        return ""
    return (
        f"task {task} was '{before}' when it was queued and is '{now.title}' now; the next "
        "`reviewloop batch` queues what is open"
    )


def _finish(job: Job, record: BatchRecord, answered: str = "") -> None:
    """Tell everybody how far the batch is; an answer was carried out to the run `answered`."""
    repository = job.repository
    for run in repository.runs.all():
        told = job.runs.told_of(run.run_id) if run.status in _ASKS else None
        if told is not None and told[1].get("of") != [run.proposal, run.reason]:
            _show(job, run)
            job.place.call(repository, run)
            if run.run_id != answered:
                job.runs.note(run.run_id, "")  # it was about what the run was before
    note_rows(repository, record)
    head = head_now(repository, job.batch.about.branch)  # for whoever looks without a clone
    SharedBatches(job.database).settle(record, {**account(repository, record), "head": head})
    for sentence in bring_figures(repository, job.batch.about, job.database):
        job.place.say(sentence)
    mark_all(repository, job.batch.about)


def _show(job: Job, run: RunRecord) -> None:
    """Keep what a person has to see of a run before they answer: they need no clone for it."""
    repository = job.repository
    found = waiting_in(repository, [run])
    row = queue_row(repository, run, str(run.status))
    row |= {"proposed": found[0].commit if found else "", "of": [run.proposal, run.reason]}
    with view(repository, run) as seen:
        diff = seen.diff()
        if len(diff) > _LONGEST_DIFF:
            cut = diff.rfind("\n", 0, _LONGEST_DIFF)
            diff = f"{diff[:cut]}\n(cut: {len(diff):,} characters in all)\n"
        job.runs.show(run.run_id, row, seen.proposal, diff)


def _queue_open_tasks(job: Job) -> None:
    """An answer may have freed tasks: queue those of which nothing was begun."""
    record, repository = job.batch.record, job.repository
    stands = stands_of(repository, record.batch_id, record.spec_path, record.tasks)
    others = {task for task, why in record.held.items() if why.startswith(NOT_CHOSEN)}
    tasks = [t for t, one in stands.items() if one.stand is Stand.OPEN and t not in others]
    if tasks:
        known = _known(record, open_spec(DiskFiles(repository.user.root), record.spec_path))
        tasks = [task for task in tasks if task in known]
        Jobs(job.database, job.place.url).tasks(record.batch_id, job.batch.about, tasks)
