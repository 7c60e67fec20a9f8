"""Opens what a job needs: the store, the lock of its branch, the clone, copies of the runs."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import field, replace
from pathlib import Path

from reviewloop.app.batch.run_steps import ActiveRuns
from reviewloop.app.batch.session import BatchListener
from reviewloop.app.fleet.jobs import make_queue_tables
from reviewloop.app.project import Repository, read_settings
from reviewloop.app.redactors import redactor_for
from reviewloop.checkout.files import remove_tree
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    InterruptedByUserError,
    ReviewLoopError,
    StoreError,
    WorkspaceError,
)
from reviewloop.faults import fault
from reviewloop.git.directory import add_object_folder
from reviewloop.git.private import PrivateRepo, ref_component
from reviewloop.git.repository import UserRepo
from reviewloop.git.transfer import (
    Remote,
    has_commit,
    is_fetched,
    push,
    refresh_clone,
    remote_head,
    remote_of,
    shown_address,
)
from reviewloop.sandbox import Acceptance
from reviewloop.store.folders import private_folder, repository_folder, state_root
from reviewloop.store.postgres.batches import About, SharedBatch, SharedBatches
from reviewloop.store.postgres.database import TABLES, VERSION, Database
from reviewloop.store.postgres.rates import SharedRates
from reviewloop.store.postgres.replica import Replica, fetch_objects, holder_of, rebuild
from reviewloop.store.postgres.runs import SharedRuns, WorkerRuns
from reviewloop.store.runs import RunRecord
from reviewloop.store.trust import TrustStore


class Pushing:
    """Pushes to the branch of a batch with the credentials of this worker, and reports it."""

    def __init__(self, user: UserRepo, about: About, notify: Callable[[str], None]) -> None:
        self._user, self._about, self._notify = user, about, notify

    def push(self, private_folder: Path, record: RunRecord, commit: str) -> None:
        """Push a run's commit to its branch; see `store.shared.Shared.publish`."""
        fault("worker.push")
        user, branch = self._user, self._about.branch
        if not is_fetched(user, branch, commit):
            remote = remote_of(user.git_dir, user.root, self._about.address)
            with closing(PrivateRepo.open(private_folder)) as private:
                try:
                    _push_commit(private, remote, branch, commit, record.base_commit)
                except WorkspaceError as error:
                    # It may quote the server, whose hooks print arbitrary text.
                    redactor = redactor_for(user.root, user.git_dir)
                    why = redactor.for_people(str(error)).rstrip(".")
                    raise WorkspaceError(
                        f"{why}; nothing was touched, and `reviewloop approve "
                        f"{record.run_id}` tries it again",
                        says_untouched=True,
                    ) from error
        fault("worker.pushed")
        record.evidence["pushed"] = branch
        self._notify(f"{record.run_id}: {commit[:10]} pushed to {branch}")


def _push_commit(private: PrivateRepo, remote: Remote, branch: str, commit: str, base: str) -> None:
    there = remote_head(private.git, remote, branch)
    if there == commit:
        return  # pushed by a worker that died before it recorded it
    if there != base:
        raise WorkspaceError(
            f"nothing was pushed: {branch} of {shown_address(remote.url)} has moved on meanwhile"
        )
    try:
        push(private.git, remote, commit, branch, base)
    except WorkspaceError:
        if remote_head(private.git, remote, branch) != commit:  # only the confirmation was lost
            raise


_MARK = "shared.json"  # holds the timestamp of the record that this folder is a copy of


class Copies:
    """The shared runs of a repository's branch, as `Repository.shared`."""

    def __init__(self, database: Database, folder: Path, pushing: Pushing) -> None:
        self.database = database
        self.rates = SharedRates(database)
        self._pushing = pushing
        self._folder = folder
        self._replicas: dict[str, Replica] = {}

    def ship(self, run_id: str) -> None:
        """Store what is new in a run's folder in the database."""
        with self.database.lock:
            replica = self._replicas.get(run_id)
            if replica is None:
                replica = Replica(self._folder / "runs" / run_id, self.database, run_id)
                self._replicas[run_id] = replica
        replica.ship()

    def publish(self, record: RunRecord, commit: str) -> None:
        """Push an approved commit to the run's branch."""
        self._pushing.push(self._folder / "runs" / record.run_id / "git", record, commit)


def open_copies(
    database: Database,
    user: UserRepo,
    folder: Path,
    about: About,
    batch_id: str,
    *,
    unsandboxed: Acceptance,
    notify: Callable[[str], None],
) -> Repository:
    """Return a repository with the database's runs of this branch.

    Finished runs of earlier batches are not copied. `unsandboxed` is that of this worker, whatever
    the run started with.
    """
    copies = Copies(database, folder, Pushing(user, about, notify))
    shared = SharedRuns(database)
    runs = WorkerRuns(folder, shared, about, copies.ship)
    repository = Repository(user, folder, runs, copies)
    records = shared.of(about)
    known = {record.run_id: record for record in records}
    there: set[str] = set()
    for record in records:
        require_plain_name(record.run_id)
        record.options["unsandboxed"] = unsandboxed
        old = record.status.over and record.options.get("batch") != batch_id
        if not old:
            _copy_run(repository, runs, record, known, there)
    for run in runs.all():
        if run.run_id not in known:  # started here, and killed before it was stored
            runs.delete(run.run_id)
            remove_tree(repository.run_folder(run.run_id))
    return repository


def require_plain_name(name: str) -> None:
    """Raise for a folder name that could lead elsewhere: databases can be forged."""
    if not re.fullmatch(r"[\w][\w.-]*", name):
        raise WorkspaceError(f"the database holds the name {name!r}, which reviewloop never writes")


def _copy_run(
    repository: Repository,
    runs: WorkerRuns,
    record: RunRecord,
    known: dict[str, RunRecord],
    there: set[str],
) -> None:
    if record.run_id in there:
        return
    there.add(record.run_id)
    below = known.get(str(record.options.get("stands_on", "")))
    if below is not None:
        _copy_run(repository, runs, below, known, there)
    folder = repository.run_folder(record.run_id)
    stamp = record.updated_at
    if not _is_copy_of(folder, stamp):
        remove_tree(folder)
        assert repository.shared is not None  # noqa: S101  # `open_copies` made it so
        about = rebuild(folder, repository.shared.database, record.run_id)
        head = json.loads(about)["head"] if about else record.base_commit
        with suppress(WorkspaceError):  # runs that need it report it; others do not
            line = repository.folder / "line"
            make_git(repository.shared.database, repository.user, folder, head, line)
            mark(folder, stamp)
    record.repository = str(repository.user.root)
    runs.take(record)


def mark_all(repository: Repository, about: About) -> None:
    """Mark every copy as current: under the lock no other worker has changed them."""
    assert repository.shared is not None  # noqa: S101  # `open_copies` made it so
    for run_id, stamp in SharedRuns(repository.shared.database).saved_at(about).items():
        folder = repository.folder / "runs" / run_id
        if folder.is_dir():
            mark(folder, stamp)


def mark(folder: Path, stamp: float) -> None:
    """Write the timestamp of the record that this folder is a copy of."""
    (folder / _MARK).write_text(json.dumps({"updated_at": stamp}))


def _is_copy_of(folder: Path, stamp: float) -> bool:
    try:
        return bool(json.loads((folder / _MARK).read_text())["updated_at"] == stamp)
    except (OSError, ValueError, KeyError):
        return False


def make_git(database: Database, user: UserRepo, folder: Path, head: str, line: Path) -> None:
    """Complete the private repository of a run, whose own objects are in its folder already.

    `line` holds commits that only runs have. Raises `WorkspaceError` when no run has `head`.
    """
    private = PrivateRepo.create(folder / "git", replace(user, head=head))
    private.close()
    if not has_commit(user.git_dir, head):
        _lay(database, user, head, line)
        add_object_folder(private.folder, line / "objects")


def _lay(database: Database, user: UserRepo, head: str, line: Path) -> None:
    """Copy a commit that only runs have, and those below it, to where every run can read them.

    The run that proposed it may have another proposal or base now; its objects stay.
    """
    git, at = user.mirror(line), head
    copied: set[str] = set()
    while not has_commit(user.git_dir, at):
        holder = holder_of(database, at)
        if not holder:
            raise WorkspaceError(
                f"the commit {at[:12]} that a run starts from is neither at the remote nor with "
                "another run; reject the run, and enqueue its task again"
            )
        if holder not in copied:
            fetch_objects(database, holder, line)
            copied.add(holder)
        at = git.text("rev-parse", "--verify", "--end-of-options", f"{at}^1")


_MAKING = "making tables"
_PATIENCE = 60.0  # seconds to wait for another process that creates them


@contextmanager
def opened(url: str, *, make: bool = False) -> Iterator[Database]:
    """Yield the database; with `make`, create missing tables.

    Raises `StoreError` when it cannot be reached, `UsageError` for tables of another release.
    """
    with closing(Database(url)) as database:
        if make and database.version() < VERSION:
            _make(database, url)
        database.require_tables()
        yield database


def _make(database: Database, url: str) -> None:
    # Polled, not waited for inside the database: LangGraph builds its indexes concurrently, which
    # waits for every running statement.
    until = time.monotonic() + _PATIENCE
    while not database.try_lock(_MAKING):
        if time.monotonic() > until:
            raise StoreError(f"another process makes the tables at {database.shown}; try again")
        time.sleep(0.1)
    try:
        before = database.version()
        if before >= VERSION:
            return
        from reviewloop.app.run.shared_checkpoints import make_tables

        database.execute(TABLES)
        if not before:
            make_queue_tables(database, url)
            make_tables(database)
        with database.transaction():  # last: until here the next worker repeats it
            database.execute("DELETE FROM about")
            database.execute("INSERT INTO about VALUES (%s)", (VERSION,))
    finally:
        database.unlock(_MAKING)


class BusyError(StoreError):
    """Another worker is on this branch."""


@dataclass(frozen=True)
class Workplace:
    """The environment of a worker: store, clones, sandbox choice, listeners."""

    url: str = field(repr=False)
    clones: Path
    unsandboxed: bool
    listener: BatchListener
    notify: Callable[[str], None]
    report: Callable[[BaseException], str]  # writes a log about a bug of ours; the sentence on it
    workers: ActiveRuns = field(default_factory=ActiveRuns)
    call: Callable[[Repository, RunRecord], None] = lambda *_: None  # about a run that waits


@dataclass(frozen=True)
class Job:
    """A job in progress: the lock of its branch is held."""

    workplace: Workplace
    database: Database
    batch: SharedBatch
    repository: Repository

    @property
    def runs(self) -> SharedRuns:
        """The table of runs that all machines share."""
        return SharedRuns(self.database)


@contextmanager
def opened_job(workplace: Workplace, batch_id: str) -> Iterator[Job]:
    """Yield a job on a batch, with a clone updated from the remote.

    Raises `BusyError` while another worker is on the branch. Other errors are recorded in the
    batch.
    """
    with opened(workplace.url) as database:
        batch = SharedBatches(database).get(batch_id)
        about = batch.about
        if not database.try_lock(about.lock):
            raise BusyError(f"another worker is on {about.branch} of {about.name}")
        try:
            with _prepared(workplace, database, batch) as job:
                yield job
        except (StoreError, InterruptedByUserError):
            raise
        except ReviewLoopError as error:
            SharedBatches(database).explain(batch_id, error.because)
            raise


@contextmanager
def _prepared(workplace: Workplace, database: Database, batch: SharedBatch) -> Iterator[Job]:
    """Update clone and runs from the remote and the database."""
    about = batch.about
    require_plain_name(about.repository)
    require_plain_name(about.name)
    clone = workplace.clones / f"{about.repository}-{ref_component(about.branch)}" / about.name
    user = refresh_clone(
        clone,
        about.address,
        about.branch,
        identity=about.identity,
        object_format=about.object_format,
    )
    user = replace(user, project=about.project)
    folder = repository_folder(user.key)
    private_folder(folder / "runs")
    unsandboxed: Acceptance = "accepted" if workplace.unsandboxed else ""
    ident = batch.record.batch_id
    repository = open_copies(
        database, user, folder, about, ident, unsandboxed=unsandboxed, notify=workplace.notify
    )
    with closing(repository.runs):
        job = Job(workplace, database, batch, repository)
        _trust(job)
        fault("worker.opened")
        yield job


def _trust(job: Job) -> None:
    """Trust what the user who queued it trusted, if commands and hooks did not change since."""
    about = job.batch.about
    loaded = read_settings(job.repository.user.root, about.flags, project=about.project)
    digest, trust = loaded.commands_digest, TrustStore(state_root())
    for hook, name, does in about.hooks:
        trust.trust(job.repository.user.key, hook, {f"hook {name}": (does,)})
    if not digest or digest != about.trusted:
        return
    if not trust.is_trusted(job.repository.user.key, digest):
        trust.trust(job.repository.user.key, digest, loaded.repository_commands)
