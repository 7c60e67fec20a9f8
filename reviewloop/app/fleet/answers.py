"""How a user's answers reach the runs behind a shared store; needs no clone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reviewloop.app.batch.queue import Holding
from reviewloop.app.batch.status import ANEW
from reviewloop.app.fleet.jobs import Jobs, Pending
from reviewloop.app.fleet.port import Resumed, Sent
from reviewloop.app.fleet.queue import Waits
from reviewloop.app.fleet.snapshot import CurrentCheckout
from reviewloop.app.held_values import redactor_here
from reviewloop.app.project import kept, settings_of
from reviewloop.app.run.answers import require_question, worded
from reviewloop.domain.errors import BudgetExhaustedError, ExitCode, UsageError
from reviewloop.domain.reason import NO_REASON, ReasonKind
from reviewloop.render.batch import ON_ITS_WAY
from reviewloop.render.proposal import Left, left_of
from reviewloop.store.batches import BatchRecord
from reviewloop.store.postgres.batches import SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import OPEN, RESUMABLE, RunRecord, RunStatus, is_stopped

_CAPS = {
    **{"--budget-usd": "usd", "--budget-tokens": "tokens"},
    **{"--minutes": "minutes", "--turns": "turns"},
}


def resume(database: Database, url: str, named: str | None, caps: Mapping[str, Any]) -> Resumed:
    """Queue the task of a stopped run, and those that wait for it; its record keeps the caps.

    Raises `UsageError` for a run that did not stop, or that a worker has or would take as it is,
    `BudgetExhaustedError` for one that could not go on under these caps.
    """
    runs, jobs = SharedRuns(database), Jobs(database, url)
    run = runs.find(named) if named else runs.only(RESUMABLE, "resume")
    _require_stopped(run)
    job = _job_of(run, jobs)
    if job is not None and (job.taken or not caps):
        raise UsageError(_under_way(run, job))
    settings = settings_of(run, caps)  # refuses what is no cap
    if job is None:
        _require_more(run, caps)
    batch = SharedBatches(database).get(str(run.options["batch"]))
    if caps:
        run.settings = kept(settings)
        runs.save(run)
    SharedBatches(database).tell(batch.record.batch_id, NO_REASON)  # what stopped the batch is over
    waiting = _waiting_for(run, batch.record, runs.of(batch.about))
    wanted = waiting if job is not None else [run.task_id, *waiting]
    added = jobs.tasks(batch.record.batch_id, batch.about, wanted)
    return Resumed(run, tuple(added), jobs.unattended())


def why_not_asked(database: Database, url: str, run: RunRecord) -> str:
    """Return why a run that is on its way cannot be answered, and what can be done; else ""."""
    if not is_stopped(run):
        return ""
    job = _job_of(run, Jobs(database, url))
    if job is not None:
        return f"run {run.run_id} does not wait for an answer: {_where(run, job)}"
    return (
        f"run {run.run_id} does not wait for an answer: it stopped on its way; `reviewloop resume "
        f"{run.run_id}` goes on with it"
    )


def _require_stopped(run: RunRecord) -> None:
    if run.status.over:
        raise UsageError(f"run {run.run_id} is over (it is {run.status})")
    if not is_stopped(run):
        raise UsageError(
            f"run {run.run_id} did not stop, it waits for you: `reviewloop show {run.run_id}`"
        )


def _require_more(run: RunRecord, caps: Mapping[str, Any]) -> None:
    """Refuse to queue a run that reached a cap of its own, and would reach it again at once."""
    why = run.because
    flag, needed = why.text("flag"), why.params.get("needed", 0.0)
    reached = why.kind is ReasonKind.CAP_REACHED and isinstance(needed, float | int)
    if run.status is not RunStatus.PAUSED or not reached or flag not in _CAPS:
        return
    cap = _CAPS[flag]
    more = f"{needed:.0f}" if cap in {"tokens", "turns"} else f"{needed:g}"
    kept = run.settings.get("limits", {}).get(cap, 0)
    if caps.get(f"limits.{cap}", 0) > kept or kept >= float(more):  # it was raised since
        return
    raise BudgetExhaustedError(
        f"run {run.run_id} has reached a cap of its own, {kept:g} {cap}; "
        f"`reviewloop resume {run.run_id} {flag} {more}` goes on with it"
    )


def _job_of(run: RunRecord, jobs: Jobs) -> Pending | None:
    """Return the job that moves a run, one that a worker has taken before one that is queued."""
    mine = [
        job
        for job in jobs.pending()
        if job.args.get("run") == run.run_id
        or (job.batch == run.options.get("batch") and job.args.get("task") == run.task_id)
    ]
    return max(mine, key=lambda job: job.taken, default=None)


def _under_way(run: RunRecord, job: Pending) -> str:
    return f"there is nothing to resume: {_where(run, job)}"


def _where(run: RunRecord, job: Pending) -> str:
    if job.taken:
        return f"a worker is at it; `reviewloop logs -f {run.run_id}` follows it"
    return "it is queued, and the next free worker goes on with it"


def _waiting_for(run: RunRecord, record: BatchRecord, runs: list[RunRecord]) -> list[str]:
    """Return the tasks of the batch that could not begin without this one, in their order."""
    begun = {
        one.task_id
        for one in runs
        if one.spec_path == record.spec_path and not _done_once_more(one)
    }
    found = {run.task_id}
    for task in record.tasks:  # what a task needs stands before it
        if found & {*record.needs.get(task, ())}:
            found.add(task)
    return [task for task in record.tasks if task in found - begun]


def _done_once_more(run: RunRecord) -> bool:
    return run.status.over and any(run.options.get(name) for name in ("redo", ANEW))


_ASKS = (RunStatus.WAITING, RunStatus.BLOCKED)


def run_meant(database: Database, named: str | None, choice: str) -> RunRecord:
    """Return the run that an answer is for: the named one, else the only one that asks."""
    runs = SharedRuns(database)
    return runs.only(_ASKS, choice) if named is None else runs.find(named, OPEN)


def must_fix_left(database: Database, run: RunRecord) -> int:
    """Return how many must-fix findings a run that asks has left."""
    return _left_in(SharedRuns(database), run).must_fix


def require_answerable(database: Database, url: str, run: RunRecord, choice: str) -> None:
    """Raise `UsageError` unless a run can be answered so, as all that it builds on is by now."""
    _require_question(database, url, run, worded(run, choice))
    if choice == "approve":
        _require_below(Waits(database, url), run)


def can_be_approved(database: Database, url: str, run: RunRecord) -> bool:
    """Whether a run can be approved, apart from what it builds on."""
    try:
        _require_question(database, url, run, worded(run, "approve"))
    except UsageError:
        return False
    return True


def _require_question(
    database: Database, url: str, run: RunRecord, answer: Mapping[str, str]
) -> None:
    if answer["choice"] == "skip" and is_stopped(run):
        return
    if why := why_not_asked(database, url, run):
        raise UsageError(why)
    require_question(run, answer)


def give_answer(
    database: Database, url: str, run: RunRecord, choice: str, text: str = ""
) -> RunRecord:
    """Queue a person's answer for a worker; return the run as it is now.

    Raises `UsageError` when the run does not ask, or stands on one that waits itself, or needs it.
    """
    answer = worded(run, choice, redactor_here().for_people(text))  # it stays with the job
    _queue(database, url, Waits(database, url), run, answer)
    return run


def runs_named(database: Database, names: Sequence[str]) -> list[RunRecord]:
    """Return the runs that names mean; raise `UsageError` for one that is over."""
    table = SharedRuns(database)
    runs = {run.run_id: run for run in map(table.find, names)}
    for run in runs.values():
        if run.status.over:
            raise UsageError(
                f"run {run.run_id} does not wait any more (it is {run.status}); nothing was done"
            )
    return list(runs.values())


def approve_each(
    database: Database,
    url: str,
    named: Sequence[RunRecord],
    branch: str,
    here: CurrentCheckout | None,
    *,
    agreed: Collection[str] = (),
) -> list[Sent]:
    """Queue the approval of runs and of what they stand on or need; return what became of each.

    What has a must-fix finding left is held unless it is among `agreed`; so is what stands on a run
    that is not approved, or needs it. With no run named, all that waits on a branch, see
    `Waits.on_one_branch`: as on one machine, what has a wish left is held, too, then, and what is
    blocked is left out.
    """
    waits, table, holding = Waits(database, url), SharedRuns(database), Holding()
    asked = {run.run_id for run in named}
    meant = [] if asked else waits.on_one_branch(branch, here)
    chosen = list(named) or [one.run for one in meant if one.waits]
    conflicts = {o.run.run_id: o.conflict for o in waits.waiting if o.run.run_id not in asked}
    commits = {one.run.run_id: one.row["proposed"] for one in waits.asking}
    rows: list[Sent] = []
    for run in waits.blocked_beside(chosen or [one.run for one in meant]):
        following = f"reviewloop queue show {run.run_id} --diff"
        holding.lacks(run, commits[run.run_id], following)
        if not asked:
            rows.append(_left_out(run, following))
    if not asked:
        rows += _answer_under_way(waits, {one.about.lock for one in meant})
    standing = waits.standing()
    for run in waits.in_order(chosen):
        first = bool(asked) and run.run_id not in asked
        row = Sent(run.run_id, "approve", first=first)
        given = "" if run.run_id in asked else waits.answers.get(run.run_id, "")
        left = _left_in(table, run)
        if run.run_id in agreed:
            left = left._replace(must_fix=0)
        if run.run_id in asked:
            left = left._replace(requests=0)
        why, following = conflicts.get(run.run_id, ("", ""))
        if given:
            row = replace(row, what="answered", why=f"{ON_ITS_WAY} already")
        elif why:
            row = replace(row, what="held", why=f"it {why}", next=following, code=ExitCode.WAITING)
        elif held := holding.held(run, left):
            row = replace(row, what="held", why=held.why, next=held.next, code=ExitCode.WAITING)
        else:
            row = replace(row, brought_to="" if run.run_id in standing else run.branch)
            row = _tried(database, url, waits, run, row, worded(run, "approve"))
        if row.what != "queued" and given != "approve":
            holding.lacks(run, commits.get(run.run_id, ""), row.next or "reviewloop queue")
        rows.append(row)
    return rows


def reject_each(database: Database, url: str, runs: Sequence[RunRecord], text: str) -> list[Sent]:
    """Queue the rejection of runs; return what became of each."""
    waits, said = Waits(database, url), redactor_here().for_people(text)
    return [
        _tried(database, url, waits, run, Sent(run.run_id, "skip"), worded(run, "skip", said))
        for run in runs
    ]


def word_of(choice: str) -> str:
    """Return the command that gives an answer, which is called otherwise inside a run."""
    return {"skip": "reject"}.get(choice, choice)


def _left_in(table: SharedRuns, run: RunRecord) -> Left:
    proposal: Any = table.proposal(run.run_id)[0]
    return left_of(proposal)


def _answer_under_way(waits: Waits, locks: Collection[str]) -> list[Sent]:
    """Return approvals that a worker carries out now: these runs ask no more."""
    asking = {one.run.run_id for one in waits.asking}
    runs = [job.args["run"] for job in waits.jobs if job.lock in locks]
    return [
        Sent(run, "approve", "answered", "a worker carries out its approval")
        for run in runs
        if run not in asking and waits.answers[run] == "approve"
    ]


def _left_out(run: RunRecord, following: str) -> Sent:
    """Return that nothing is done with a blocked run, and that is no failure."""
    why = f"it is blocked ({run.reason})"
    return Sent(run.run_id, "approve", "blocked", why, following, ExitCode.GUARD_FAILED)


def _tried(
    database: Database,
    url: str,
    waits: Waits,
    run: RunRecord,
    row: Sent,
    answer: Mapping[str, str],
) -> Sent:
    try:
        _queue(database, url, waits, run, answer)
    except UsageError as error:
        return replace(row, what="refused", why=str(error), code=error.exit_code)
    return row


def _queue(
    database: Database, url: str, waits: Waits, run: RunRecord, answer: Mapping[str, str]
) -> None:
    _require_question(database, url, run, answer)
    if answer["choice"] == "approve":
        _require_below(waits, run)
    batch = SharedBatches(database).get(str(run.options["batch"]))
    about, jobs = batch.about, Jobs(database, url)
    beside = {one.run.run_id for one in waits.asking if one.about.lock == about.lock}
    given = waits.answers.items()
    before = [name for name, choice in given if choice == "approve" and name in beside]
    if not jobs.answer(batch.record.batch_id, about, run.run_id, answer, before):
        raise UsageError(f"an answer to run {run.run_id} is on its way already")
    waits.answers[run.run_id] = answer["choice"]


def _require_below(waits: Waits, run: RunRecord) -> None:
    """Raise `UsageError` unless all is approved that has to be on the branch before a run."""
    for one, why in waits.below(run):
        given = waits.answers.get(one.run.run_id)
        if given is None:
            no_merge, following = one.conflict
            which = (
                f"{no_merge}; next: `{following}`" if no_merge else "waits: approve that one first"
            )
            raise UsageError(f"run {run.run_id} {why}, which {which}")
        if given != "approve":
            other = f"another answer to that ({word_of(given)}) is on its way"
            raise UsageError(f"run {run.run_id} {why}, and {other}: wait")
