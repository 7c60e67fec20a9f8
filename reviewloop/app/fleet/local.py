"""The fleet of one machine: run folders and SQLite; answers are carried out at once."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from reviewloop.app.fleet.port import (
    Caps,
    Cleaning,
    Listing,
    Overview,
    Rejected,
    RunState,
    Seen,
    TasksInWork,
    User,
)
from reviewloop.app.project import Repository, open_repository
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.event import RunEvent
from reviewloop.store.runs import RunRecord, RunStatus, RunStore, is_stopped

if TYPE_CHECKING:
    from reviewloop.app.batch.approve import Approved
    from reviewloop.domain.task import Spec
    from reviewloop.git.repository import UserRepo
    from reviewloop.render.proposal import Proposal
    from reviewloop.store.metrics import RunMetrics

# Imports are in the methods: `status` and `logs` need little, an answer needs the whole loop.
_FOLLOW_SECONDS = 0.5
_SLOW = 1.0  # seconds; a slower history without a result is not read again
_UNKNOWN = 0.0


class LocalFleet:
    """The runs of the repository around the current folder; `notify` sends messages to the user.

    Reading needs less of a repository than answering, so each opens it as needed.
    """

    workers = None

    def __init__(self, notify: Callable[[str], object]) -> None:
        self._notify = notify

    @cached_property
    def _read(self) -> Repository:
        return open_repository(for_reading=True)

    @cached_property
    def _own(self) -> Repository:
        return open_repository()

    def close(self) -> None:
        """Do nothing: all is closed when the process ends."""

    def _own_runs(self, repository: Repository) -> Repository:
        """Return the repository, and report runs of an earlier one at this path, which are left
        out.
        """
        from reviewloop.app.run.cleaning import leave_out

        if gone := leave_out(repository):
            self._notify(gone)
        return repository

    def overview(self) -> Overview:
        """Return all runs of this repository, and the report of its latest batch."""
        from reviewloop.app.batch.report import build_report
        from reviewloop.app.batch.status import newest_batch
        from reviewloop.store.locks import is_held

        repository = self._own_runs(self._read)
        runs = tuple(_state_of(repository, run) for run in repository.runs.listed())
        at_work = is_held(repository.batch_lock)  # first: a batch may end meanwhile
        batch = newest_batch(repository)
        reports = [build_report(repository, batch, at_work=at_work)] if batch else []
        repository.keep_computed()
        return Overview("status", runs, tuple(reports), lists_runs=True)

    def find(self, named: str | None) -> RunRecord:
        """Return the named run, or the one updated last."""
        from reviewloop.app.run.answers import newest_or_named

        return newest_or_named(self._read, named)

    def proposal(self, run: RunRecord) -> "Proposal | None":
        """Return the proposal of a run, None when it has none yet."""
        from reviewloop.app.run.view import proposal_of

        return proposal_of(self._read, run)

    @contextmanager
    def opened(self, run: RunRecord) -> Iterator[Seen]:
        """Yield the proposal of a run, with what blocks it now."""
        from reviewloop.app.run.view import current_proposal, view

        with view(self._read, run) as seen:
            yield Seen(current_proposal(self._read, seen), seen.lines, seen.diff)

    def events(self, run: RunRecord, *, follow: bool) -> Iterator[RunEvent]:
        """Yield the events of a run; with `follow`, as long as a process advances it."""
        from reviewloop.store.events import read_events
        from reviewloop.store.locks import is_held

        path = self._read.run_folder(run.run_id) / "events.jsonl"
        offset = 0
        while True:
            live = is_held(self._read.run_lock(run.run_id))
            for event, after in read_events(path, start=offset):
                offset = after
                yield event
            if not (follow and live):
                return
            time.sleep(_FOLLOW_SECONDS)

    def metrics(self) -> Sequence["RunMetrics"]:
        """Return the figures of all runs of this repository."""
        from reviewloop.app.stats import catch_up
        from reviewloop.store.metrics import MetricsStore

        with closing(MetricsStore(self._read.folder)) as kept:
            for sentence in catch_up(self._read.folder, self._read.runs, kept):
                self._notify(sentence)
            return kept.all()

    def spec_dates(self, rows: Iterable["RunMetrics"]) -> Mapping[str, float]:
        """Return when each spec was added to the repository; history is read once for each."""
        from reviewloop.git.revisions import first_commit_time
        from reviewloop.store.metrics import MetricsStore

        with closing(MetricsStore(self._read.folder)) as store:
            known = store.spec_dates()
            paths = {row.spec_path for row in rows if row.committed_at and row.spec_path}
            for path in paths - set(known):
                started = time.monotonic()
                at = first_commit_time(self._read.user, path)
                if at is None and time.monotonic() - started > _SLOW:
                    at = _UNKNOWN
                if at is not None:
                    store.save_birth(path, at)
                    known[path] = at
        return {path: at for path, at in known.items() if at != _UNKNOWN}

    def tasks(self, user: "UserRepo", spec: "Spec") -> TasksInWork:
        """Return the runs of the tasks of a spec; creates nothing where there are none."""
        from reviewloop.app.batch.spec_changes import runs_by_task, tasks_held_by_runs
        from reviewloop.app.batch.status import status_of
        from reviewloop.render.reasons import sentence
        from reviewloop.store.folders import repository_folder

        folder = repository_folder(user.key)
        if not (folder / "runs.sqlite").exists():
            return TasksInWork({}, {}, {})
        with closing(RunStore(folder)) as store:
            repository = Repository(user, folder, store)
            runs = runs_by_task(repository, spec)
            mine = {
                task: (run.run_id, str(status_of(repository, run))) for task, run in runs.items()
            }
            held = {
                task: sentence(why) for task, why in tasks_held_by_runs(repository, spec).items()
            }
            return TasksInWork(mine, held, _done_elsewhere(repository, spec))

    def waiting(self, branch: str) -> Listing:
        """Return what waits on the branch checked out, and counts for others."""
        from reviewloop.app.batch.queue_view import queue_report

        _require_no_branch(branch)
        return Listing("queue", queue_report(self._own_runs(self._read)))

    def one_waiting(self, named: str | None) -> tuple[RunRecord, str]:
        """Return the named run, or the only one that waits, and why approving rebases it first."""
        from reviewloop.app.batch.queue import only_one
        from reviewloop.app.batch.queue_view import why_stale

        repository = self._own_runs(self._read)
        run = repository.runs.find(named) if named else only_one(repository)
        return run, why_stale(repository, run)

    def answer(self, named: str | None, choice: str, text: str, user: User) -> ExitCode:
        """Carry out an answer."""
        from reviewloop.app.run.answers import give_up, waiting_run

        run = waiting_run(self._own, named, choice)
        if choice == "skip" and is_stopped(run):
            return user.ended(self._own, give_up(self._own, run, text))
        return user.move(self._own, run, choice, text)

    def edited(self, named: str | None, choice: str) -> tuple[Repository, RunRecord]:
        """Return the run whose change a user edits, and its repository."""
        from reviewloop.app.run.answers import waiting_run

        return self._own, waiting_run(self._own, named, choice)

    def resume(self, named: str | None, caps: Caps, user: User) -> ExitCode:
        """Resume a run here, under these caps and those of the settings now."""
        from reviewloop.app.run.answers import changed_limits, resumable_run

        run = resumable_run(self._own, named)
        limits = {**changed_limits(self._own, run), **caps.settings()}
        return user.move(self._own, run, overrides=limits)

    def approve_queued(self, names: Sequence[str], branch: str, user: User) -> "Iterator[Approved]":
        """Approve runs in order; yield each outcome."""
        from reviewloop.app.batch.approve import approve_each
        from reviewloop.app.batch.queue import nothing_waits, to_approve
        from reviewloop.render.proposal import left_of

        _require_no_branch(branch)
        repository = self._own_runs(self._own)
        chosen = to_approve(repository, names, every=not names)
        if not chosen:
            self._notify(nothing_waits(repository))
        chosen_by_name = {repository.runs.find(name).run_id for name in names}
        for one in chosen:
            if chosen_by_name and one.run.run_id not in chosen_by_name:
                self._notify(
                    f"{one.run.run_id} first: others that you approve build on it or need it"
                )
        agreed = {
            one.run.run_id
            for one in chosen
            if one.run.run_id in chosen_by_name
            and user.agrees(one.run.run_id, left_of(self.proposal(one.run)).must_fix)
        }
        return approve_each(
            repository, chosen, lambda event: None, named=chosen_by_name, agreed=agreed
        )

    def reject_queued(self, names: Sequence[str], text: str) -> Iterator[Rejected]:
        """Reject runs in order."""
        from reviewloop.app.batch.queue import after_reject, named_runs, reject_each

        repository = self._own_runs(self._own)
        named = named_runs(repository, names, "skip")  # before anything is done
        return (
            Rejected(run, {other.run_id: after_reject(run, other, above) for other in above})
            for run, above in reject_each(repository, named, text)
        )

    def branch(self) -> str | None:
        """Return the branch that is checked out."""
        return self._own.user.branch

    def undo(self, named: str | None) -> Sequence[str]:
        """Undo the commit of a run."""
        from reviewloop.app.batch.report import why_not_undone
        from reviewloop.app.run.finished_run import undo_run

        if why := why_not_undone(self._own, named):
            raise UsageError(why)
        return list(undo_run(self._own, named))

    def checkout(self, named: str, name: str, *, before_edit: bool) -> str:
        """Create the branch `name` with the work of a run; return its commit."""
        from reviewloop.app.run.finished_run import export_run

        return export_run(self._own, named, name, before_edit=before_edit)

    def cleaning(self, older_than: int | None, *, with_work: bool, metrics: bool) -> Cleaning:
        """Return the old runs, leftovers of killed starts, and reviews that can be deleted."""
        from reviewloop.app.batch.report import keep_rows
        from reviewloop.app.deploy_logs import delete_log
        from reviewloop.app.run.cleaning import delete_garbage, find_garbage, kept_since
        from reviewloop.app.session_cleaning import (
            delete_session,
            find_old_sessions,
            find_session_starts,
            find_ship_logs,
        )
        from reviewloop.checkout.files import remove_tree
        from reviewloop.render.untrusted import one_line

        repository = self._read
        found = find_garbage(repository, older_than, with_work=with_work, with_metrics=metrics)
        lines = [one_line(f"{run.run_id}  {run.status}  {run.title}") for run in found.runs]
        lines += [f"{path.name}  a start that was killed" for path in found.starts]
        lines += [f"{path.name}  what models said in a review" for path in found.reviews]
        lines += [f"{path.name}  the figures of all runs" for path in found.metrics[:1]]
        limit = kept_since(repository, older_than)
        sessions, logs = find_old_sessions(repository, limit), find_ship_logs(repository, limit)
        lines += [one_line(one.line) for one in sessions]
        starts = find_session_starts(repository)
        lines += [f"{path.name}  a start that was killed" for path in starts]
        lines += [f"{path.name}  the log of `reviewloop ship`" for path in logs]

        def delete() -> Sequence[str]:
            keep_rows(repository, found.runs)
            notices = list(delete_garbage(repository, found))
            for one in sessions:
                delete_session(one)
            for path in starts:
                remove_tree(path)
            for path in logs:
                delete_log(path)
            return notices

        count = found.count + len(sessions) + len(starts) + len(logs)
        return Cleaning(tuple(lines), found.kept, found.going, count, False, delete)


def _state_of(repository: Repository, record: RunRecord) -> RunState:
    from reviewloop.app.batch.policy import reason_now
    from reviewloop.app.batch.status import up_to_date
    from reviewloop.render.reasons import sentence
    from reviewloop.store.locks import is_held

    run = up_to_date(repository, record)
    state = str(run.status)
    if run.status is RunStatus.RUNNING and not is_held(repository.run_lock(run.run_id)):
        state = "stopped"  # its process ended: `resume` continues it
    if run.status is RunStatus.SKIPPED and run.options.get("redo"):
        state = "redone"  # ended so that its task is done again; no user rejected it
    return RunState(run, state, sentence(reason_now(repository, run)))


def _done_elsewhere(repository: Repository, spec: "Spec") -> dict[str, str]:
    """Return task id -> branch, of open tasks whose commit is on a branch not checked out."""
    from reviewloop.app.run.branches import branch_with
    from reviewloop.specs.select import is_done

    user, found = repository.user, dict[str, str]()
    for run in repository.runs.listed():
        task = spec.by_id.get(run.task_id) if run.spec_path == spec.path else None
        if task is None or task.id in found or is_done(spec, task) or task.title != run.title:
            continue
        committed = run.status is RunStatus.COMMITTED and run.branch != user.branch
        if committed and (branch := branch_with(user, run)):
            found[task.id] = branch
    return found


def _require_no_branch(branch: str) -> None:
    if branch:
        raise UsageError("--branch needs --store; here the branch that is checked out is meant")
