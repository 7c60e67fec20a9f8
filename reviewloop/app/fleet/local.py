"""The fleet of one machine: run folders and SQLite; answers are carried out at once."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property

from reviewloop.app.deploy_logs import delete_log
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
from reviewloop.checkout.files import remove_tree
from reviewloop.deferred import defer_imports
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.event import RunEvent
from reviewloop.domain.task import Spec
from reviewloop.git.repository import UserRepo
from reviewloop.git.revisions import first_commit_time
from reviewloop.render.proposal import Proposal, left_of
from reviewloop.render.reasons import sentence
from reviewloop.render.untrusted import one_line
from reviewloop.store.events import read_events
from reviewloop.store.folders import repository_folder
from reviewloop.store.locks import is_held
from reviewloop.store.metrics import MetricsStore, RunMetrics
from reviewloop.store.runs import RunRecord, RunStatus, RunStore, is_stopped

# Each takes up to 0.7 s to import: `status` and `stats` need few, an answer needs the whole loop.
with defer_imports("reviewloop.app"):
    from reviewloop.app import session_cleaning, stats
    from reviewloop.app.batch import (
        approve,
        policy,
        queue,
        queue_view,
        report,
        spec_changes,
        status,
    )
    from reviewloop.app.run import answers, branches, cleaning, finished_run, view
with defer_imports("reviewloop.specs"):
    from reviewloop.specs import select

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
        if gone := cleaning.leave_out(repository):
            self._notify(gone)
        return repository

    def overview(self) -> Overview:
        """Return all runs of this repository, and the report of its latest batch."""
        repository = self._own_runs(self._read)
        runs = tuple(_state_of(repository, run) for run in repository.runs.listed())
        at_work = is_held(repository.batch_lock)  # first: a batch may end meanwhile
        batch = status.newest_batch(repository)
        reports = [report.build_report(repository, batch, at_work=at_work)] if batch else []
        repository.keep_computed()
        return Overview("status", runs, tuple(reports), lists_runs=True)

    def find(self, named: str | None) -> RunRecord:
        """Return the named run, or the one updated last."""
        return answers.newest_or_named(self._read, named)

    def proposal(self, run: RunRecord) -> Proposal | None:
        """Return the proposal of a run, None when it has none yet."""
        return view.proposal_of(self._read, run)

    @contextmanager
    def opened(self, run: RunRecord) -> Iterator[Seen]:
        """Yield the proposal of a run, with what blocks it now."""
        with view.view(self._read, run) as seen:
            yield Seen(view.current_proposal(self._read, seen), seen.lines, seen.diff)

    def events(self, run: RunRecord, *, follow: bool) -> Iterator[RunEvent]:
        """Yield the events of a run; with `follow`, as long as a process advances it."""
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

    def metrics(self) -> Sequence[RunMetrics]:
        """Return the figures of all runs of this repository."""
        with closing(MetricsStore(self._read.folder)) as kept:
            for notice in stats.catch_up(self._read.folder, self._read.runs, kept):
                self._notify(notice)
            return kept.all()

    def spec_dates(self, rows: Iterable[RunMetrics]) -> Mapping[str, float]:
        """Return when each spec was added to the repository; history is read once for each."""
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

    def tasks(self, user: UserRepo, spec: Spec) -> TasksInWork:
        """Return the runs of the tasks of a spec; creates nothing where there are none."""
        folder = repository_folder(user.key)
        if not (folder / "runs.sqlite").exists():
            return TasksInWork({}, {}, {})
        with closing(RunStore(folder)) as store:
            repository = Repository(user, folder, store)
            runs = spec_changes.runs_by_task(repository, spec)
            mine = {
                task: (run.run_id, str(status.status_of(repository, run)))
                for task, run in runs.items()
            }
            held = {
                task: sentence(why)
                for task, why in spec_changes.tasks_held_by_runs(repository, spec).items()
            }
            return TasksInWork(mine, held, _done_elsewhere(repository, spec))

    def waiting(self, branch: str) -> Listing:
        """Return what waits on the branch checked out, and counts for others."""
        _require_no_branch(branch)
        return Listing("queue", queue_view.queue_report(self._own_runs(self._read)))

    def one_waiting(self, named: str | None) -> tuple[RunRecord, str]:
        """Return the named run, or the only one that waits, and why approving rebases it first."""
        repository = self._own_runs(self._read)
        run = repository.runs.find(named) if named else queue.only_one(repository)
        return run, queue_view.why_stale(repository, run)

    def answer(self, named: str | None, choice: str, text: str, user: User) -> ExitCode:
        """Carry out an answer."""
        run = answers.waiting_run(self._own, named, choice)
        if choice == "skip" and is_stopped(run):
            return user.ended(self._own, answers.give_up(self._own, run, text))
        return user.move(self._own, run, choice, text)

    def edited(self, named: str | None, choice: str) -> tuple[Repository, RunRecord]:
        """Return the run whose change a user edits, and its repository."""
        return self._own, answers.waiting_run(self._own, named, choice)

    def resume(self, named: str | None, caps: Caps, user: User) -> ExitCode:
        """Resume a run here, under these caps and those of the settings now."""
        run = answers.resumable_run(self._own, named)
        limits = {**answers.changed_limits(self._own, run), **caps.settings()}
        return user.move(self._own, run, overrides=limits)

    def approve_queued(
        self, names: Sequence[str], branch: str, user: User
    ) -> "Iterator[approve.Approved]":
        """Approve runs in order; yield each outcome."""
        _require_no_branch(branch)
        repository = self._own_runs(self._own)
        chosen = queue.to_approve(repository, names, every=not names)
        if not chosen:
            self._notify(queue.nothing_waits(repository))
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
        return approve.approve_each(
            repository, chosen, lambda event: None, named=chosen_by_name, agreed=agreed
        )

    def reject_queued(self, names: Sequence[str], text: str) -> Iterator[Rejected]:
        """Reject runs in order."""
        repository = self._own_runs(self._own)
        named = queue.named_runs(repository, names, "skip")  # before anything is done
        return (
            Rejected(run, {other.run_id: queue.after_reject(run, other, above) for other in above})
            for run, above in queue.reject_each(repository, named, text)
        )

    def branch(self) -> str | None:
        """Return the branch that is checked out."""
        return self._own.user.branch

    def undo(self, named: str | None) -> Sequence[str]:
        """Undo the commit of a run."""
        if why := report.why_not_undone(self._own, named):
            raise UsageError(why)
        return list(finished_run.undo_run(self._own, named))

    def checkout(self, named: str, name: str, *, before_edit: bool) -> str:
        """Create the branch `name` with the work of a run; return its commit."""
        return finished_run.export_run(self._own, named, name, before_edit=before_edit)

    def cleaning(self, older_than: int | None, *, with_work: bool, metrics: bool) -> Cleaning:
        """Return the old runs, leftovers of killed starts, and reviews that can be deleted."""
        repository = self._read
        found = cleaning.find_garbage(
            repository, older_than, with_work=with_work, with_metrics=metrics
        )
        lines = [one_line(f"{run.run_id}  {run.status}  {run.title}") for run in found.runs]
        lines += [f"{path.name}  a start that was killed" for path in found.starts]
        lines += [f"{path.name}  what models said in a review" for path in found.reviews]
        lines += [f"{path.name}  the figures of all runs" for path in found.metrics[:1]]
        limit = cleaning.kept_since(repository, older_than)
        sessions = session_cleaning.find_old_sessions(repository, limit)
        logs = session_cleaning.find_ship_logs(repository, limit)
        lines += [one_line(one.line) for one in sessions]
        starts = session_cleaning.find_session_starts(repository)
        lines += [f"{path.name}  a start that was killed" for path in starts]
        lines += [f"{path.name}  the log of `reviewloop ship`" for path in logs]

        def delete() -> Sequence[str]:
            report.keep_rows(repository, found.runs)
            notices = list(cleaning.delete_garbage(repository, found))
            for one in sessions:
                session_cleaning.delete_session(one)
            for path in starts:
                remove_tree(path)
            for path in logs:
                delete_log(path)
            return notices

        count = found.count + len(sessions) + len(starts) + len(logs)
        return Cleaning(tuple(lines), found.kept, found.going, count, False, delete)


def _state_of(repository: Repository, record: RunRecord) -> RunState:
    run = status.up_to_date(repository, record)
    state = str(run.status)
    if run.status is RunStatus.RUNNING and not is_held(repository.run_lock(run.run_id)):
        state = "stopped"  # its process ended: `resume` continues it
    if run.status is RunStatus.SKIPPED and run.options.get("redo"):
        state = "redone"  # ended so that its task is done again; no user rejected it
    return RunState(run, state, sentence(policy.reason_now(repository, run)))


def _done_elsewhere(repository: Repository, spec: Spec) -> dict[str, str]:
    """Return task id -> branch, of open tasks whose commit is on a branch not checked out."""
    user, found = repository.user, dict[str, str]()
    for run in repository.runs.listed():
        task = spec.by_id.get(run.task_id) if run.spec_path == spec.path else None
        if (
            task is None
            or task.id in found
            or select.is_done(spec, task)
            or task.title != run.title
        ):
            continue
        committed = run.status is RunStatus.COMMITTED and run.branch != user.branch
        if committed and (branch := branches.branch_with(user, run)):
            found[task.id] = branch
    return found


def _require_no_branch(branch: str) -> None:
    if branch:
        raise UsageError("--branch needs --store; here the branch that is checked out is meant")
