"""The fleet of many machines: runs in PostgreSQL, and answers that workers carry out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from reviewloop.app.fleet import answers, reading
from reviewloop.app.fleet.cleaning import delete_finished, find_finished
from reviewloop.app.fleet.enqueue import enqueue
from reviewloop.app.fleet.jobs import Jobs
from reviewloop.app.fleet.port import (
    Caps,
    Cleaning,
    Enqueued,
    Listing,
    Overview,
    RunState,
    Seen,
    Sent,
    TasksInWork,
    User,
)
from reviewloop.app.fleet.queue import queue_report
from reviewloop.app.fleet.snapshot import CurrentCheckout, Snapshot
from reviewloop.app.fleet.task_status import tasks_in_work
from reviewloop.app.fleet.views import reports_of
from reviewloop.app.fleet.work import figures_shown, spec_dates_shown
from reviewloop.app.fleet.workplace import opened
from reviewloop.app.project import Repository, open_repository, read_settings
from reviewloop.app.run.answers import build_answer
from reviewloop.domain.errors import ExitCode, ReviewLoopError, UsageError
from reviewloop.domain.event import RunEvent
from reviewloop.domain.task import Spec
from reviewloop.git.repository import UserRepo, discover
from reviewloop.git.transfer import addresses_of
from reviewloop.render.proposal import Proposal
from reviewloop.render.untrusted import one_line
from reviewloop.store.metrics import RunMetrics
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.figures import SharedFigures
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord


class PostgresFleet:
    """The runs of all repositories in a database; needs no clone."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: list[Any] = []

    @cached_property
    def _database(self) -> Database:
        """The database, whose tables must exist."""
        entered = opened(self._url)
        database = entered.__enter__()
        self._opened.append(entered)
        return database

    @property
    def workers(self) -> "PostgresFleet":
        """Itself: `reviewloop worker`, anywhere, does queued tasks."""
        return self

    def close(self) -> None:
        """Close the connection."""
        while self._opened:
            self._opened.pop().__exit__(None, None, None)

    def enqueue(self, request: Any, remote: str) -> Enqueued:
        """Queue the tasks of a batch; creates missing tables."""
        queued = enqueue(self._url, open_repository(), request, remote)
        about = queued.about
        return Enqueued(
            queued.record.batch_id,
            about.branch,
            about.address,
            queued.added,
            queued.notes,
            queued.report,
        )

    def overview(self) -> Overview:
        """Return the status of the batches of all workers."""
        snapshot = Snapshot(self._database, self._url)
        reports = reports_of(snapshot)
        waits = any(one.state == "running" for one in reports)
        return Overview(
            "shared-status",
            tuple(RunState(run, snapshot.state_of(run), run.reason) for run in snapshot.runs),
            tuple(reports),
            lists_runs=False,
            note=Jobs(self._database, self._url).unattended() if waits else "",
        )

    def find(self, named: str | None) -> RunRecord:
        """Return the named run, or the newest one."""
        return reading.newest_or_named(self._database, named)

    def proposal(self, run: RunRecord) -> Proposal | None:
        """Return the proposal of a run, None when it has none yet."""
        return cast(Proposal, SharedRuns(self._database).proposal(run.run_id)[0]) or None

    @contextmanager
    def opened(self, run: RunRecord) -> Iterator[Seen]:
        """Yield the stored view of a run; the lines of its files are not available."""
        proposal, patch = reading.proposal_shown(self._database, run)
        yield Seen(proposal, lambda path: None, lambda: patch)

    def events(self, run: RunRecord, *, follow: bool) -> Iterator[RunEvent]:
        """Yield the events of a run that its worker has stored."""
        return reading.events_of(self._database, self._url, run, follow=follow)

    def metrics(self) -> Sequence[RunMetrics]:
        """Return the figures of all runs."""
        return figures_shown(self._database)

    def spec_dates(self, rows: Iterable[RunMetrics]) -> Mapping[str, float]:
        """Return when specs were added to their repositories, as workers found it."""
        return spec_dates_shown(self._database)

    def tasks(self, user: UserRepo, spec: Spec) -> TasksInWork:
        """Return the workers' runs of the tasks; none before the first batch."""
        with closing(Database(self._url)) as database:
            if not database.version():
                return TasksInWork({}, {}, {})
            database.require_tables()
            return tasks_in_work(Snapshot(database, self._url), user, spec)

    def waiting(self, branch: str) -> Listing:
        """Return the queue of all branches of all repositories, or of one."""
        return Listing("shared-queue", queue_report(Snapshot(self._database, self._url), branch))

    def one_waiting(self, named: str | None) -> tuple[RunRecord, str]:
        """Return the named run, or the only one that waits."""
        if named is None:
            report = queue_report(Snapshot(self._database, self._url))
            waiting = [entry.report.run for entry in report.entries]
            if len(waiting) != 1:
                names = f"{', '.join(waiting)}; name the one to show" if waiting else "none"
                raise UsageError(f"{len(waiting)} runs wait: {names}")
            named = waiting[0]
        return SharedRuns(self._database).find(named), ""

    def answer(self, named: str | None, choice: str, text: str, user: User) -> ExitCode:
        """Queue an answer to a run."""
        run = answers.find_run(self._database, named, choice)
        snapshot = Snapshot(self._database, self._url)
        answers.require_answerable(snapshot, run, build_answer(run, choice))
        red = answers.must_fix_left(self._database, run) if choice == "approve" else 0
        if not user.sure(run.run_id, red):
            return ExitCode.WAITING
        answers.give_answer(snapshot, run, choice, text)
        return user.sent(run.run_id, choice)

    def edited(self, named: str | None, choice: str) -> tuple[Repository, RunRecord]:
        """Raise `UsageError`: the files of a worker are not available."""
        raise UsageError("what workers made is approved as it is: leave out -m, -F and --without")

    def resume(self, named: str | None, caps: Caps, user: User) -> ExitCode:
        """Queue a stopped run again, and the tasks that wait for it."""
        return user.queued(answers.resume(self._database, self._url, named, caps))

    def approve_queued(self, names: Sequence[str], branch: str, user: User) -> Iterable[Sent]:
        """Queue the approval of runs and of those they build on; see `answers.approve_each`."""
        named = answers.runs_named(self._database, names)
        snapshot = Snapshot(self._database, self._url)
        agreed = {
            run.run_id
            for run in named
            if answers.can_be_approved(snapshot, run)
            and user.agrees(run.run_id, answers.must_fix_left(self._database, run))
        }
        return answers.approve_each(snapshot, named, branch, _here(), agreed=agreed)

    def reject_queued(self, names: Sequence[str], text: str) -> Iterable[Sent]:
        """Queue the rejection of runs."""
        runs = answers.runs_named(self._database, names)
        return answers.reject_each(Snapshot(self._database, self._url), runs, text)

    def branch(self) -> str | None:
        """Return None: no checkout matters."""
        return None

    def undo(self, named: str | None) -> Sequence[str]:
        """Raise `UsageError` with how to undo a pushed commit."""
        raise UsageError(reading.why_not_undone(self._database, named))

    def checkout(self, named: str, name: str, *, before_edit: bool) -> str:
        """Create a branch with the work of a run in the current repository."""
        if before_edit:
            raise UsageError("--before-edit is for runs of this machine")
        return reading.export(self._database, open_repository(), named, name)

    def cleaning(self, older_than: int | None, *, with_work: bool, metrics: bool) -> Cleaning:
        """Return the old runs of all workers that can be deleted, with ended jobs and batches."""
        days = read_settings(None).settings.runs.keep_days if older_than is None else older_than
        found = find_finished(self._database, days, with_work=with_work)
        lines = [one_line(f"{run.run_id}  {run.status}  {run.title}") for run in found.runs]
        lines += ["the figures of all runs"] if metrics else []

        def delete() -> Sequence[str]:
            delete_finished(self._database, found.runs, days)
            if metrics:
                SharedFigures(self._database).delete()
            return ()

        return Cleaning(tuple(lines), found.kept, (), len(found.runs), True, delete)


def _here() -> CurrentCheckout | None:
    """Return the checkout around this folder, None where none can be read."""
    try:
        user = discover(Path.cwd(), for_reading=True)
        return CurrentCheckout(user.branch or "", addresses_of(user))
    except ReviewLoopError:  # the branch has to be named then
        return None
