"""Carries out a person's answer to a run, on the clone of the worker that has its branch."""

from collections.abc import Collection, Mapping, Sequence

from reviewloop.app.batch.conflicts import conflict_below, keep_conflict
from reviewloop.app.batch.line import Waiting, base_on, line_up, waiting_in
from reviewloop.app.batch.needing import needed_of
from reviewloop.app.batch.queue import lacking, what_lacks
from reviewloop.app.fleet.place import Job
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import give_up, is_stopped, require_question
from reviewloop.app.run.changing import ConflictError, rebase
from reviewloop.git.transfer import is_fetched
from reviewloop.store.runs import RunRecord, RunStatus

_ASKS = (RunStatus.WAITING, RunStatus.BLOCKED)


def carry_out(job: Job, run_id: str, answer: Mapping[str, str], after: Collection[str]) -> str:
    """Do what the person said; return what they should know of it.

    `after` are the runs that were approved before this one: where they were brought onto another
    commit, it is brought onto them.
    """
    repository = job.repository
    run = repository.runs.find(run_id)
    if run.status is RunStatus.COMMITTED:
        return ""  # before this worker died, or another one did
    if answer["choice"] == "skip" and is_stopped(run):
        give_up(repository, run, answer["text"])
        return ""
    if is_stopped(run):  # a worker died over this answer, or was stopped
        run = advanced(job, run, None)
        if run.status not in _ASKS or run.proposal != answer["proposal"]:
            return run.reason
    require_question(run, answer)
    if answer["choice"] == "approve":
        line = _brought(job, after)
        if not _fits(job, run, line):
            return _moved_along(job, run, line, after)
    return advanced(job, run, answer).reason


def advanced(job: Job, run: RunRecord, answer: Mapping[str, str] | None) -> RunRecord:
    """Go on with a run, with an answer if it waits for one; return it as it is then."""
    told = job.place.told
    return advance(
        job.repository,
        run.run_id,
        answer=answer,
        listener=lambda event: told.event(run.task_id, event),
        opened=job.place.crew.opened,
    )


def _brought(job: Job, after: Collection[str]) -> Sequence[Waiting]:
    """Return the line above the branch of those approved runs that were brought there."""
    repository = job.repository
    approved = [run for run in repository.runs.all() if run.run_id in after]
    asking_anew = [run for run in approved if not run.reason]  # else it could not be committed
    return line_up(repository.user.head or "", waiting_in(repository, asking_anew)).standing


def _fits(job: Job, run: RunRecord, line: Sequence[Waiting]) -> bool:
    """Whether a run's commit follows the branch, or is in it: the remote's answer can be lost.

    What was approved before it comes before it, too.
    """
    user = job.repository.user
    if run.base_commit == user.head:
        return not line
    proposed = waiting_in(job.repository, [run])
    return bool(proposed) and is_fetched(user, job.batch.about.branch, proposed[0].commit)


def _moved_along(job: Job, run: RunRecord, line: Sequence[Waiting], after: Collection[str]) -> str:
    """Bring a run to where the branch is now, so that a person can look at it there."""
    repository = job.repository
    if why := _no_merge(job, run) or _why_not_yet(job, run, line, after):
        return why
    there = needed_of(run, (one.run for one in line)).values()
    if need := lacking(repository, run, there):
        return what_lacks(repository, run, need)[0]
    top = line[-1] if line else None
    below, listener = top.run.run_id if top else "", job.place.told.event
    done = [one.run.task_id for one in line]
    try:
        run = rebase(
            repository,
            run.run_id,
            base_on(repository, top) if top else None,
            options={"stands_on": below, "done": done, "redo": False},  # see `train`
            listener=lambda event: listener(run.task_id, event),
        )
    except ConflictError as error:
        onto = top.commit if top else repository.user.head or ""
        keep_conflict(repository, run.run_id, onto, str(error))
        return _no_merge(job, repository.runs.find(run.run_id))
    if run.status is not RunStatus.WAITING:
        return run.reason
    place = f"there, onto {below}" if below else "there"
    lacked = f"it built on a commit that {run.branch} lacks"
    return f"{lacked}, and was rebased {place}: look at it again, then answer"


def _no_merge(job: Job, run: RunRecord) -> str:
    """Return that a run, or what it stands on, does not merge, and what helps; "" if it may."""
    waiting = waiting_in(job.repository, job.repository.runs.all())
    mine = next((one for one in waiting if one.run.run_id == run.run_id), None)
    why = conflict_below(job.repository, mine, waiting) if mine else ""
    return why and f"{why}, or reject it"


def _why_not_yet(
    job: Job,
    run: RunRecord,
    line: Sequence[Waiting],
    after: Collection[str],
) -> str:
    """Return what has to be on the branch, or in the line above it, before a run; "" if all is."""
    there = {one.run.run_id for one in line}
    waiting = waiting_in(job.repository, job.repository.runs.all())
    needs = needed_of(run, (one.run for one in waiting))
    for one in waiting:
        other = one.run.run_id
        if one.commit == run.base_commit:
            return f"it builds on {other}, which waits: approve that one first"
        if other in needs and other not in there:
            return f"its task needs what {other} does, which waits: approve that one first"
    for below in job.repository.runs.all():
        stood_on = below.run_id in after and below.run_id == run.options.get("stands_on")
        if stood_on and below.run_id not in there and below.status is not RunStatus.COMMITTED:
            # It was rebased, and its gates turned red there.
            other = f"{below.run_id}, which is {below.status} now"
            return f"it was built on {other}: answer that one first"
    return ""
