"""Builds the report of a batch: the outcome of each task, its cost, and what a user has to do."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import fields, replace

from reviewloop.app.batch.limits import cost_before_batch, cost_of, kept_rows
from reviewloop.app.batch.policy import because_of, is_over, of_change, reason_now
from reviewloop.app.batch.spec_changes import row_of
from reviewloop.app.batch.stack import conflict_with, landing_runs
from reviewloop.app.batch.status import (
    TaskRun,
    TaskStatus,
    branch_of,
    is_answered,
    status_of,
    statuses_reported,
)
from reviewloop.app.project import Repository
from reviewloop.app.run_source import RunSource
from reviewloop.domain.batch_report import (
    BatchReport,
    Cost,
    EarlierTries,
    KeptRun,
    RunReport,
    TaskReport,
    Totals,
)
from reviewloop.domain.errors import ExitCode, first_that_applies
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.git.process import Git
from reviewloop.render.batch import next_of
from reviewloop.render.reasons import sentence
from reviewloop.store.batches import (
    BatchRecord,
    BatchStore,
    Session,
)
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus

REDONE = "redone"
"""The state of a run that was ended so that its task is done again."""
UNDONE = "undone"
"""The state of a run whose commit was undone; its task counts as rejected."""

_FOR_GOOD = {TaskStatus.COMMITTED, TaskStatus.REJECTED, UNDONE}


class Rows:
    """The rows of one batch, from its runs and the stored rows of deleted ones."""

    def __init__(self, repository: RunSource, record: BatchRecord, *, running: bool) -> None:
        self._repository, self._record, self._running = repository, record, running
        self._batch = record.batch_id
        branch, tasks = branch_of(repository, record), record.tasks
        self._statuses = statuses_reported(repository, record)
        here = repository.branch == branch
        # None: not checked out, so the report leaves out what builds on it.
        self._head = (repository.head_of(branch) or None) if here else None
        runs = sorted(repository.runs.all(), key=lambda run: run.created_at)
        self._run_statuses = {run.run_id: run.status for run in runs}
        self._mine: dict[str, list[RunRecord]] = {}
        self._row_of: dict[str, str] = {}
        for run in runs:
            if run.options.get("batch") == record.batch_id:
                self._row_of[run.run_id] = row_of(repository, tasks, run)
                self._mine.setdefault(self._row_of[run.run_id], []).append(run)
        self._kept = kept_rows(record, self._run_statuses)
        self.tasks = {**tasks, **self._gone()}
        """id -> title, of the listed tasks and those that cost something."""
        waiting = [one.run for one in self._statuses.values() if one.run is not None]
        self._commits = {one.commit for one in landing_runs(repository, waiting)}
        blocked = {task for task, one in self._statuses.items() if one.status is TaskStatus.BLOCKED}
        answered = is_answered(record.because, blocked, self.tasks)
        self.because = NO_REASON if answered else record.because
        """Why the batch stopped, if that still holds."""

    def _gone(self) -> dict[str, str]:
        """Return the tasks that the batch paid for and no longer lists."""
        known, found = self._record.tasks, {}
        for task, rows in self._kept.items():
            if rows and task not in known:
                found[task], self._statuses[task] = rows[-1].title, TaskRun(TaskStatus.OPEN)
        for task, runs in self._mine.items():
            if task not in known:
                status = status_of(self._repository, runs[-1])
                found[task], self._statuses[task] = runs[-1].title, TaskRun(status, runs[-1])
        return found

    def row(self, task: str) -> TaskReport:
        """Return the row of a task."""
        found, kept = self._statuses[task], list(self._kept.get(task, ()))
        run = None if found.status is TaskStatus.OPEN else found.run
        over, because = self._is_over(task), NO_REASON
        last: RunReport
        if run is not None:
            because = self._why(found, run)
            last = replace(run_report(self._repository, run, self._batch), because=because)
        elif over:
            last = kept.pop()
        else:
            because = self._why_open(task, found)
            last = RunReport(state=TaskStatus.OPEN, because=because)
        tries = [
            run_report(self._repository, one, self._batch)
            for one in self._mine.get(task, ())
            if run is None or one.run_id != run.run_id
        ]
        row = with_earlier(task, self.tasks[task], last, [*kept, *tries])
        row = replace(
            row,
            refused=row.state == TaskStatus.OPEN and task in self._record.refused,
            chosen=self._held(task).kind is not ReasonKind.NOT_CHOSEN,
        )
        lacked = self._lacked(run) if run is not None and found.status is TaskStatus.WAITING else ""
        following = next_of(
            row,
            because,
            going_on=self._running,
            work_kept=not over,
            batch_because=self.because,
            anew=lacked if lacked and self._status(lacked) is TaskStatus.REJECTED else "",
            by_workers=self._repository.by_workers,
        )
        return replace(row, next=following)

    def _why(self, found: TaskRun, run: RunRecord) -> Reason:
        """Return the reason of a task's status, none where the status needs none."""
        if found.status is TaskStatus.STOPPED and run.status is RunStatus.RUNNING:
            return reason(ReasonKind.INTERRUPTED, text="it was cut off: its process ended")
        if found.status is TaskStatus.STOPPED and (held := self._held(self._of(run))):
            return held
        if (now := reason_now(self._repository, run)) or found.status is not TaskStatus.WAITING:
            return because_of(run) if found.status is TaskStatus.STOPPED else now
        if lacked := self._lacked(run):
            text = f"it needs {lacked}, which is {self._named(lacked)}"
            return reason(ReasonKind.ERROR, text=text)
        asks, base = self._left_because(run), self._of_base(run)
        why = sentence(asks) or of_change(self._repository, run)
        text = "; ".join(filter(None, (why, sentence(base))))
        builds_on = ReasonKind.BUILDS_ON in {asks.kind, base.kind}
        kind = ReasonKind.BUILDS_ON if builds_on else ReasonKind.ERROR
        return reason(kind, text=text) if text else NO_REASON

    def _held(self, task: str) -> Reason:
        return self._record.held.get(task, NO_REASON)

    def _of(self, run: RunRecord) -> str:
        """Return the id of the row that a run is in."""
        return self._row_of.get(run.run_id, run.task_id)

    def _lacked(self, run: RunRecord) -> str:
        """Return a needed task that nothing can build on now, or ""."""
        needs = self._record.needs.get(self._of(run), ())
        return next((need for need in needs if not self._status(need).carries), "")

    def _left_because(self, run: RunRecord) -> Reason:
        """Return the stored reason for leaving a run to a user, if it still holds."""
        left = self._record.said.get(run.run_id)
        if left is None or left.proposal != run.proposal or self._head not in {left.head, None}:
            return NO_REASON
        over = self._was_left(run) or is_over(self._repository, left.because)
        return NO_REASON if over else left.because

    def _not_committed(self, run_id: str) -> str:
        """Return why the run below a waiting one was not committed, or ""."""
        runs = (one.run for one in self._statuses.values() if one.run and one.run.run_id == run_id)
        text = next(map(self._left_because, runs), NO_REASON)
        return sentence(text) if text.kind is ReasonKind.NOT_COMMITTED else ""

    def _of_base(self, run: RunRecord) -> Reason:
        """Return what a user should know about the base of a waiting run."""
        if self._was_left(run):
            text = f"that was rejected, so approving rebases this onto {run.branch} first"
            return reason(ReasonKind.ERROR, text=text)
        if self._record.mode == "autopilot" and run.base_commit in self._commits:
            below = str(run.options.get("stands_on"))
            which = self._not_committed(below) or "waits for a person"
            return reason(ReasonKind.BUILDS_ON, run=below, which=which)
        if self._head in {run.base_commit, None} or run.base_commit in self._commits:
            return NO_REASON
        if met := conflict_with(run, self._head):
            return reason(ReasonKind.ERROR, text=met)
        text = (
            f"what it was built on has changed; approving rebases it onto {run.branch} first, "
            "then asks you again"
        )
        return reason(ReasonKind.BUILDS_ON, text=text)

    def _was_left(self, run: RunRecord) -> bool:
        below = str(run.options.get("stands_on", ""))
        return self._run_statuses.get(below) in {RunStatus.SKIPPED, RunStatus.UNDONE}

    def _why_open(self, task: str, found: TaskRun) -> Reason:
        """Return why a task is not started, or why its run was ended to do it again."""
        record, again = self._record, NO_REASON
        if found.run is not None and found.run.options.get("redo"):
            again = because_of(found.run)
        held = self._held(task)
        if self._running or task in record.refused:
            return again or held
        statuses = {need: self._status(need) for need in record.needs.get(task, ())}
        for need, status in statuses.items():
            if status.fails:
                return reason(ReasonKind.NEED_OPEN, need=need, status=self._named(need))
        for need, status in statuses.items():
            if not status.carries:
                return reason(ReasonKind.NEED_OPEN, need=need)
        waiting = [need for need, status in statuses.items() if status is TaskStatus.WAITING]
        if again or not record.ended or held.kind is ReasonKind.NOT_CHOSEN:
            stopped = "it was not begun: the batch stopped before it"
            return again or held or reason(ReasonKind.INTERRUPTED, text=stopped)
        if waiting:
            return reason(ReasonKind.NEEDS_APPROVAL, needs=tuple(waiting))
        return NO_REASON if statuses else held

    def _status(self, task: str) -> TaskStatus:
        """Return the status of a task, which may have left the batch or have a deleted run."""
        found = self._statuses.get(task)
        if found is None:
            return TaskStatus.COMMITTED  # done before this batch
        if not self._is_over(task):
            return found.status
        state = self._kept[task][-1].state
        return TaskStatus.REJECTED if state == UNDONE else TaskStatus(state)

    def _named(self, task: str) -> str:
        """Return the state of a task as its row shows it."""
        found = self._statuses.get(task)
        if found and found.run and found.run.status is RunStatus.UNDONE:
            return UNDONE
        return str(self._status(task))

    def _is_over(self, task: str) -> bool:
        """Return whether a deleted run ended a task and none was started later."""
        found, kept = self._statuses[task], self._kept.get(task)
        if not kept or found.status is not TaskStatus.OPEN or kept[-1].state not in _FOR_GOOD:
            return False
        # An earlier run may exist: rejected work is deleted only on request.
        return found.run is None or kept[-1].created_at > found.run.created_at


def unbegun_row(task: str, title: str) -> TaskReport:
    """Return the row of a task that was not started."""
    return TaskReport(state=TaskStatus.OPEN, task=task, title=title)


def state_of(repository: RunSource, run: RunRecord) -> str:
    """Return the state of a run itself; its task may be done again."""
    if run.status is RunStatus.UNDONE:
        return UNDONE
    status = status_of(repository, run)
    return str(REDONE if status is TaskStatus.OPEN else status)


def run_report(repository: RunSource, run: RunRecord, batch_id: str) -> RunReport:
    """Return the part of a batch report about one run."""
    state, known = state_of(repository, run), repository.reported(run)
    cost = cost_of(repository, run) if known is None or not run.status.over else known.cost
    whole = cost.plus(known.before) if known and run.status.over else cost
    mine = run.options.get("batch") == batch_id
    earlier = cost_before_batch(run) if mine else whole
    return RunReport(
        state=state,
        title=run.title,
        run=run.run_id,
        step=run.step if state in {TaskStatus.RUNNING, TaskStatus.STOPPED} else "",
        because=reason_now(repository, run),
        exit_code=run.exit_code,
        below=str(run.options.get("stands_on", "")),
        branch=run.branch,
        commit=run.commit,
        approved_by=run.approved_by,
        figures=repository.figures(run),
        cost=whole.plus(earlier, -1).rounded(),
        before=earlier.rounded(),
    )


def queue_entry(repository: RunSource, run: RunRecord, state: str) -> TaskReport:
    """Return the queue's row for a run, with its whole cost."""
    found = run_report(repository, run, "")
    because = found.because
    if not because and run.status is RunStatus.WAITING:
        why = of_change(repository, run)
        because = reason(ReasonKind.ERROR, text=why) if why else NO_REASON
    whole = replace(found, state=state, because=because, cost=found.before, before=Cost())
    return with_earlier(run.task_id, run.title, whole, ())


def with_earlier(task: str, title: str, last: RunReport, tries: Sequence[RunReport]) -> TaskReport:
    """Return the row of a task with this last run; its cost is that of all its runs."""
    earlier, paid = Cost(), last.before
    for one in tries:
        earlier, paid = earlier.plus(one.cost), paid.plus(one.before)
    values = {name: getattr(last, name) for name in _OF_RUN}
    values |= {"title": title, "cost": last.cost.plus(earlier).rounded(), "before": paid.rounded()}
    runs = tuple((one.run, one.because) for one in tries)
    return TaskReport(
        **values, task=task, earlier=EarlierTries(runs, earlier.rounded()) if tries else None
    )


_OF_RUN = tuple(one.name for one in fields(RunReport))


_CODES: Mapping[str, ExitCode] = {
    TaskStatus.WAITING: ExitCode.WAITING,
    TaskStatus.BLOCKED: ExitCode.GUARD_FAILED,
    TaskStatus.REJECTED: ExitCode.SKIPPED,
    UNDONE: ExitCode.SKIPPED,
}
_CUT_OFF = reason(
    ReasonKind.INTERRUPTED,
    text="it was cut off: its process ended; nothing is lost: the same command goes on",
    brief="it was cut off: its process ended",
)


def build_report(
    repository: RunSource, record: BatchRecord, *, at_work: bool = False
) -> BatchReport:
    """Return the report of a batch.

    `at_work`: the batch was in progress before its record was read, which may not hold its end yet.
    """
    state = _state(repository, record, at_work)
    rows_now = Rows(repository, record, running=state == "running")
    rows = [rows_now.row(task) for task in rows_now.tasks]
    sat = repository.sessions(record.batch_id)
    cut_off = state == "stopped" and bool(sat) and not sat[-1].closed
    because = rows_now.because or (_CUT_OFF if cut_off else NO_REASON)
    record = replace(record, branch=branch_of(repository, record), because=because)
    sessions, wall = _wall(sat, running=state == "running")
    return _report(record, state, rows, sessions, wall)


def queued_report(record: BatchRecord) -> BatchReport:
    """Return the report of a batch that is queued for workers and not started."""
    rows = [unbegun_row(task, title) for task, title in record.tasks.items()]
    return _report(record, "running", rows, 0, None)


def with_rows(report: BatchReport, rows: Sequence[TaskReport]) -> BatchReport:
    """Return a report with newer rows and new sums."""
    totals = _totals(rows, report.totals.sessions, report.totals.wall_seconds)
    return replace(report, tasks=tuple(rows), totals=totals)


def _report(
    record: BatchRecord, state: str, rows: Sequence[TaskReport], sessions: int, wall: float | None
) -> BatchReport:
    return BatchReport(
        batch=record.batch_id,
        spec=record.spec_path,
        branch=record.branch,
        mode=record.mode,
        state=state,
        because=record.because,
        left_out=tuple(record.left_out),
        began_at=record.created_at,
        reported_at=time.time(),
        budget_usd=record.budget_usd,
        deadline=record.deadline or None,
        totals=_totals(rows, sessions, wall),
        tasks=tuple(rows),
    )


def exit_code(report: BatchReport, *more: ExitCode) -> ExitCode:
    """Return the most telling exit code of a batch.

    `more` are the codes of what stopped it; with them an earlier interrupted run is not the cause.
    Tasks that were not chosen this time do not count.
    """
    codes: list[ExitCode] = []
    for row in report.tasks:
        if not row.chosen:
            continue
        codes.append(_CODES.get(row.state, ExitCode.CLEAN))
        if row.state in {TaskStatus.WAITING, TaskStatus.STOPPED}:
            codes.append(ExitCode(row.exit_code))
        if row.refused:
            codes.append(ExitCode.USAGE)
    earlier = {ExitCode.INTERRUPTED} if more else set()
    return first_that_applies(*(code for code in codes if code not in earlier), *more)


def _state(repository: RunSource, record: BatchRecord, at_work: bool) -> str:
    if repository.is_batch_at_work(record.batch_id) or (
        at_work and not (record.ended or record.because)
    ):
        return "running"
    return "ended" if record.ended else "stopped"


def _totals(rows: Sequence[TaskReport], sessions: int, wall: float | None) -> Totals:
    """Return the sums of the rows, earlier tries included."""
    spent = paid = Cost()
    for row in rows:
        spent, paid = spent.plus(row.cost), paid.plus(row.before)
    runs = sum(bool(row.run) + (len(row.earlier.runs) if row.earlier else 0) for row in rows)
    return Totals(runs, spent.rounded(), paid.rounded(), sessions, wall)


def _wall(found: Sequence[Session], *, running: bool) -> tuple[int, float | None]:
    """Return the number of sessions and their seconds, None where workers did the batch."""
    seconds = sum(one.seen - one.began for one in found)
    if found and running:
        seconds += max(0.0, time.time() - found[-1].seen)
    return len(found), round(seconds, 1) if found else None


def keep_rows(repository: Repository, runs: Sequence[RunRecord]) -> None:
    """Write the rows of these runs into the records of their batches.

    A run that still exists is read from its record, so nothing is lost or counted twice. Raises
    `WorkspaceError` while a batch is in progress, which holds the record.
    """
    of_batches = [run for run in runs if run.options.get("batch")]
    if not of_batches:
        return
    with (
        hold(repository.batch_lock, "the batch of this repository"),
        closing(BatchStore(repository.folder)) as store,
    ):
        records: dict[str, BatchRecord | None] = {}
        for run in sorted(of_batches, key=lambda one: one.created_at):
            ident = str(run.options["batch"])
            if ident not in records:
                records[ident] = store.find(ident)
            if (record := records[ident]) is not None:
                _keep(repository, record, run)
        for record in records.values():
            if record is not None:
                store.save(record)


def note_rows(repository: Repository, record: BatchRecord) -> None:
    """Store the rows of all finished runs in a record: other machines may delete these."""
    for run in repository.runs.all():
        if run.options.get("batch") != record.batch_id or not run.status.over:
            continue
        task = row_of(repository, record.tasks, run)
        known = {one.run: one.state for one in record.kept.get(task, ())}
        if known.get(run.run_id) != state_of(repository, run):
            _keep(repository, record, run)


def why_not_undone(repository: Repository, named: str | None) -> str:
    """Return why `undo` cannot undo a deleted run, "" for a run that exists.

    `named` is a run or a task; without it, the commit checked out is meant.
    """
    runs = repository.runs.all()
    if named is None:
        if any(run.status is RunStatus.COMMITTED for run in runs):
            return ""
    elif any(run.run_id.startswith(named) or run.task_id == named for run in runs):
        return ""
    git, head = Git(repository.user.git_dir, cwd=repository.user.root), repository.user.head or ""
    for task, row in _kept_commits(repository):
        mine = row.commit == head if named is None else named in {task, row.run}
        if mine and _holds(git, row.branch, row.commit):
            return (
                f"the records of {row.run} were cleaned away, and with them how to take its "
                f"commit back; `git revert {row.commit[:12]}` undoes it on {row.branch}"
            )
    if not head or named is not None:
        return ""
    # The commit message of every run has this line about its review.
    subject = git.text("log", "--format=%s", "--grep=^Review: ", f"{head}^!").strip()
    if not subject:
        return ""
    return (
        "no run of this repository has a commit to take back; the records of the one that made "
        f"{head[:12]} ({subject}) were cleaned away: `git revert {head[:12]}` undoes it"
    )


def _holds(git: Git, branch: str, commit: str) -> bool:
    is_in = git.result("merge-base", "--is-ancestor", commit, f"refs/heads/{branch}")
    return is_in.exit_code == 0


def _kept_commits(repository: Repository) -> Iterator[tuple[str, KeptRun]]:
    """Yield (task, row) of deleted runs that were committed, the newest first."""
    if not (repository.folder / "batches.sqlite").exists():
        return
    with closing(BatchStore(repository.folder)) as store:
        records = store.all()
    for record in records:
        for task, rows in record.kept.items():
            for row in reversed(rows):
                if row.state == TaskStatus.COMMITTED and row.commit:
                    yield task, row


def _keep(repository: Repository, record: BatchRecord, run: RunRecord) -> None:
    rows = record.kept.setdefault(row_of(repository, record.tasks, run), [])
    rows[:] = [row for row in rows if row.run != run.run_id]  # left by a `clean` that was killed
    report = run_report(repository, run, record.batch_id)
    rows.append(KeptRun(**vars(report), created_at=run.created_at))
    rows.sort(key=lambda row: row.created_at)
