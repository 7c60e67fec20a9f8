"""Answers runs in a shared store; needs no clone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reviewloop.app.batch.queue import Holding, with_all_below
from reviewloop.app.batch.stack import Waiting
from reviewloop.app.batch.status import ANEW
from reviewloop.app.fleet.jobs import Jobs, Pending
from reviewloop.app.fleet.port import Caps, Resumed, Sent
from reviewloop.app.fleet.queue import below, conflict_of, one_branch
from reviewloop.app.fleet.snapshot import BranchSource, CurrentCheckout, Snapshot
from reviewloop.app.project import settings_of, stored_settings
from reviewloop.app.redactors import redactor_here
from reviewloop.app.run.answers import build_answer, require_question
from reviewloop.domain.errors import BudgetExhaustedError, ExitCode, UsageError
from reviewloop.domain.reason import NO_REASON, ReasonKind
from reviewloop.render.batch import ON_ITS_WAY
from reviewloop.render.proposal import left_of
from reviewloop.store.batches import BatchRecord
from reviewloop.store.postgres.batches import SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import OPEN, RESUMABLE, RunRecord, RunStatus, is_stopped

_CAPS = {
    **{"--budget-usd": "usd", "--budget-tokens": "tokens"},
    **{"--minutes": "minutes", "--turns": "turns"},
}


def resume(database: Database, url: str, named: str | None, caps: Caps) -> Resumed:
    """Queue the task of a stopped run, and those that wait for it; its record keeps the caps.

    Raises `UsageError` for a run that did not stop, or that is already queued without new caps, and
    `BudgetExhaustedError` for one that could not continue under these caps.
    """
    runs, jobs = SharedRuns(database), Jobs(database, url)
    run = runs.find(named) if named else runs.only(RESUMABLE, "resume")
    _require_stopped(run)
    raised = caps.settings()
    job = _job_of(run, jobs.pending())
    if job is not None and (job.taken or not raised):
        raise UsageError(_under_way(run, job))
    settings = settings_of(run, raised)  # raises for an invalid cap
    if job is None:
        _require_more(run, caps)
    batch = SharedBatches(database).get(str(run.options["batch"]))
    if raised:
        run.settings = stored_settings(settings)
        runs.save(run)
    # The reason why the batch stopped is gone.
    SharedBatches(database).explain(batch.record.batch_id, NO_REASON)
    waiting = _waiting_for(run, batch.record, runs.of(batch.about))
    requested = waiting if job is not None else [run.task_id, *waiting]
    added = jobs.tasks(batch.record.batch_id, batch.about, requested)
    return Resumed(run, tuple(added), jobs.unattended())


def why_unanswerable(snapshot: Snapshot, run: RunRecord) -> str:
    """Return why a run in progress cannot be answered, and what can be done; else ""."""
    if not is_stopped(run):
        return ""
    job = _job_of(run, snapshot.pending)
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


def _require_more(run: RunRecord, caps: Caps) -> None:
    """Raise for a run that reached a cap of its own and would reach it again at once."""
    why = run.because
    flag, needed = why.text("flag"), why.params.get("needed", 0.0)
    reached = why.kind is ReasonKind.CAP_REACHED and isinstance(needed, float | int)
    if run.status is not RunStatus.PAUSED or not reached or flag not in _CAPS:
        return
    cap = _CAPS[flag]
    more = f"{needed:.0f}" if cap in {"tokens", "turns"} else f"{needed:g}"
    kept, raised = run.settings.get("limits", {}).get(cap, 0), getattr(caps, cap) or 0
    if raised > kept or kept >= float(more):  # it was raised since
        return
    raise BudgetExhaustedError(
        f"run {run.run_id} has reached a cap of its own, {kept:g} {cap}; "
        f"`reviewloop resume {run.run_id} {flag} {more}` goes on with it"
    )


def _job_of(run: RunRecord, pending: Sequence[Pending]) -> Pending | None:
    """Return the job of a run; one taken by a worker before one that is queued."""
    mine = [
        job
        for job in pending
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
    """Return the tasks of the batch that could not start without this one, in order."""
    begun = {
        one.task_id
        for one in runs
        if one.spec_path == record.spec_path and not _done_once_more(one)
    }
    found = {run.task_id}
    for task in record.tasks:  # each comes after the tasks it needs
        if found & {*record.needs.get(task, ())}:
            found.add(task)
    return [task for task in record.tasks if task in found - begun]


def _done_once_more(run: RunRecord) -> bool:
    return run.status.over and any(run.options.get(name) for name in ("redo", ANEW))


_ASKS = (RunStatus.WAITING, RunStatus.BLOCKED)


def find_run(database: Database, named: str | None, choice: str) -> RunRecord:
    """Return the run to answer: the named one, else the only one that asks."""
    runs = SharedRuns(database)
    return runs.only(_ASKS, choice) if named is None else runs.find(named, OPEN)


def must_fix_left(database: Database, run: RunRecord) -> int:
    """Return how many must-fix findings a waiting run has left."""
    proposal: Any = SharedRuns(database).proposal(run.run_id)[0]
    return left_of(proposal).must_fix


def require_answerable(snapshot: Snapshot, run: RunRecord, answer: Mapping[str, str]) -> None:
    """Raise `UsageError` unless a run, and what it builds on, is in a state for this answer."""
    if not (answer["choice"] == "skip" and is_stopped(run)):
        if why := why_unanswerable(snapshot, run):
            raise UsageError(why)
        require_question(run, answer)
    if answer["choice"] == "approve":
        _require_below(snapshot, run)


def can_be_approved(snapshot: Snapshot, run: RunRecord) -> bool:
    """Return whether a run waits for approval."""
    return run.status is RunStatus.WAITING and run.run_id not in snapshot.answers


def give_answer(snapshot: Snapshot, run: RunRecord, choice: str, text: str = "") -> None:
    """Queue a user's answer for a worker; raise `UsageError` when the run cannot be answered so."""
    # The text is stored with the job.
    _queue(snapshot, run, build_answer(run, choice, redactor_here().for_people(text)))


def runs_named(database: Database, names: Sequence[str]) -> list[RunRecord]:
    """Return the runs with these names; raise `UsageError` for one that is over."""
    table = SharedRuns(database)
    runs = {run.run_id: run for run in map(table.find, names)}
    for run in runs.values():
        if run.status.over:
            raise UsageError(
                f"run {run.run_id} does not wait any more (it is {run.status}); nothing was done"
            )
    return list(runs.values())


def approve_each(
    snapshot: Snapshot,
    named: Sequence[RunRecord],
    branch: str,
    here: CurrentCheckout | None,
    *,
    agreed: Collection[str] = (),
) -> list[Sent]:
    """Queue the approval of runs and of those they build on or need; return the outcomes.

    A run with an open must-fix finding is held unless it is in `agreed`; so is one that builds on,
    or needs, a run that is not approved. With no run named, all that wait on a branch are meant,
    see `one_branch`; then a run with an open user request is held too, and blocked runs are left
    out.
    """
    if not named:
        return _Approval(snapshot, one_branch(snapshot, branch, here), (), ()).rows()
    rows: list[Sent] = []
    for source in dict.fromkeys(map(snapshot.branch_of, named)):
        mine = [run for run in named if snapshot.branch_of(run) is source]
        rows += _Approval(snapshot, source, mine, agreed).rows()
    return rows


class _Approval:
    """An approval of the named runs on one branch, or of all that wait there."""

    def __init__(
        self,
        snapshot: Snapshot,
        source: BranchSource,
        named: Sequence[RunRecord],
        agreed: Collection[str],
    ) -> None:
        self._snapshot, self._source, self._agreed = snapshot, source, agreed
        self._named = {run.run_id: run for run in named}
        self._holding = Holding()

    def rows(self) -> list[Sent]:
        """Queue what can be approved; return the outcome of each run."""
        rows: list[Sent] = []
        for run in self._source.queue.blocked:
            following = f"reviewloop queue show {run.run_id} --diff"
            self._holding.lacks(run, "", following)
            if not self._named:
                why = f"it is blocked ({run.reason})"  # not a failure
                code = ExitCode.GUARD_FAILED
                rows.append(Sent(run.run_id, "approve", "blocked", why, following, code))
        if not self._named:
            rows += self._under_way()
        return [*rows, *map(self._row, self._chosen())]

    def _chosen(self) -> list[Waiting]:
        """Return the runs to approve, the lowest first."""
        waiting = self._source.queue.waiting
        if not self._named:
            return list(waiting)
        tops = [one for one in waiting if one.run.run_id in self._named]
        requested = with_all_below(tops, waiting) - (self._snapshot.answers.keys() - self._named)
        known = {one.run.run_id for one in tops}
        others = [Waiting(run, "") for name, run in self._named.items() if name not in known]
        return [*others, *(one for one in waiting if one.run.run_id in requested)]

    def _under_way(self) -> list[Sent]:
        """Return the approvals that a worker carries out now: these runs no longer ask."""
        queue = self._source.queue
        asking = {one.run.run_id for one in queue.waiting} | {run.run_id for run in queue.blocked}
        return [
            Sent(run.run_id, "approve", "answered", "a worker carries out its approval")
            for run in self._source.runs.all()
            if self._snapshot.answers.get(run.run_id) == "approve" and run.run_id not in asking
        ]

    def _row(self, one: Waiting) -> Sent:
        run, row = one.run, self._outcome(one)
        if row.what != "queued" and self._snapshot.answers.get(run.run_id) != "approve":
            self._holding.lacks(run, one.commit, row.next or "reviewloop queue")
        return row

    def _outcome(self, one: Waiting) -> Sent:
        run, named = one.run, one.run.run_id in self._named
        row = Sent(run.run_id, "approve", first=bool(self._named) and not named)
        if run.run_id in self._snapshot.answers and not named:
            return replace(row, what="answered", why=f"{ON_ITS_WAY} already")
        if not named and (met := conflict_of(self._source, run)):
            return _held(row, f"it {met.why}", met.next)
        left = left_of(self._source.proposal(run))
        if run.run_id in self._agreed:
            left = left._replace(must_fix=0)
        if named:
            left = left._replace(requests=0)
        if held := self._holding.held(run, left):
            return _held(row, held.why, held.next)
        stale = any(one.run.run_id == run.run_id for one in self._source.queue.stale)
        row = replace(row, rebased_onto=run.branch if stale else "")
        return _tried(self._snapshot, run, row, build_answer(run, "approve"))


def reject_each(snapshot: Snapshot, runs: Sequence[RunRecord], text: str) -> list[Sent]:
    """Queue the rejection of runs; return the outcomes."""
    why = redactor_here().for_people(text)
    return [
        _tried(snapshot, run, Sent(run.run_id, "skip"), build_answer(run, "skip", why))
        for run in runs
    ]


def command_of(choice: str) -> str:
    """Return the command that gives an answer, which has another name inside a run."""
    return {"skip": "reject"}.get(choice, choice)


def _held(row: Sent, why: str, following: str) -> Sent:
    return replace(row, what="held", why=why, next=following, code=ExitCode.WAITING)


def _tried(snapshot: Snapshot, run: RunRecord, row: Sent, answer: Mapping[str, str]) -> Sent:
    try:
        _queue(snapshot, run, answer)
    except UsageError as error:
        return replace(row, what="refused", why=str(error), code=error.exit_code)
    return row


def _queue(snapshot: Snapshot, run: RunRecord, answer: Mapping[str, str]) -> None:
    require_answerable(snapshot, run, answer)
    source = snapshot.branch_of(run)
    waiting = {one.run.run_id for one in source.queue.waiting}
    before = [
        name for name, choice in snapshot.answers.items() if choice == "approve" and name in waiting
    ]
    jobs = Jobs(snapshot.database, snapshot.url)
    if not jobs.answer(str(run.options["batch"]), source.about, run.run_id, answer, before):
        raise UsageError(f"an answer to run {run.run_id} is on its way already")
    snapshot.answers[run.run_id] = answer["choice"]


def _require_below(snapshot: Snapshot, run: RunRecord) -> None:
    """Raise `UsageError` unless all runs that must be on the branch first are approved."""
    source = snapshot.branch_of(run)
    for one, why in below(source, run):
        given = snapshot.answers.get(one.run.run_id)
        if given is None:
            met = conflict_of(source, one.run)
            which = str(met) if met else "waits: approve that one first"
            raise UsageError(f"run {run.run_id} {why}, which {which}")
        if given != "approve":
            other = f"another answer to that ({command_of(given)}) is on its way"
            raise UsageError(f"run {run.run_id} {why}, and {other}: wait")
