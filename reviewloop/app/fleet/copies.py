"""A worker's copy of the runs of one branch: made anew from the database where that is ahead."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from reviewloop.app.fleet.pushing import Pushing
from reviewloop.app.project import Repository
from reviewloop.app.sandboxing import Acceptance
from reviewloop.checkout.files import remove_tree
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.directory import borrow
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import UserRepo
from reviewloop.git.transfer import has_commit
from reviewloop.store.postgres.batches import About
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.rates import SharedRates
from reviewloop.store.postgres.replica import Replica, bring_objects, holder_of, rebuild
from reviewloop.store.postgres.runs import SharedRuns, WorkerRuns
from reviewloop.store.runs import RunRecord

_MARK = "shared.json"  # says of which moment of the database this folder is a true copy


class Copies:
    """The shared runs of a repository's branch, as `Repository.shared`."""

    def __init__(self, database: Database, folder: Path, pushing: Pushing) -> None:
        self.database = database
        self.rates = SharedRates(database)
        self._pushing = pushing
        self._folder = folder
        self._replicas: dict[str, Replica] = {}

    def ship(self, run_id: str) -> None:
        """Bring what is new in a run's folder into the database."""
        with self.database.lock:
            replica = self._replicas.get(run_id)
            if replica is None:
                replica = Replica(self._folder / "runs" / run_id, self.database, run_id)
                self._replicas[run_id] = replica
        replica.ship()

    def publish(self, record: RunRecord, commit: str) -> None:
        """Push what was approved to the run's branch."""
        self._pushing.push(self._folder / "runs" / record.run_id / "git", record, commit)


def open_copies(
    database: Database,
    user: UserRepo,
    folder: Path,
    about: About,
    batch_id: str,
    *,
    unsandboxed: Acceptance,
    say: Callable[[str], None],
) -> Repository:
    """Return the repository whose runs are those that the database has for this branch.

    Those of earlier batches that are over are left where they are. `unsandboxed` is what this
    worker was told, whatever the one that began a run was.
    """
    copies = Copies(database, folder, Pushing(user, about, say))
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
            _bring(repository, runs, record, known, there)
    for run in runs.all():
        if run.run_id not in known:  # begun here, and killed before anybody could know of it
            runs.delete(run.run_id)
            remove_tree(repository.run_folder(run.run_id))
    return repository


def require_plain_name(name: str) -> None:
    """Refuse a name that is to be a folder's and could lead elsewhere: databases can be forged."""
    if not re.fullmatch(r"[\w][\w.-]*", name):
        raise WorkspaceError(f"the database holds the name {name!r}, which reviewloop never writes")


def _bring(
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
        _bring(repository, runs, below, known, there)
    folder = repository.run_folder(record.run_id)
    stamp = record.updated_at
    if not _is_copy_of(folder, stamp):
        remove_tree(folder)
        assert repository.shared is not None  # noqa: S101  # `open_copies` made it so
        about = rebuild(folder, repository.shared.database, record.run_id)
        head = json.loads(about)["head"] if about else record.base_commit
        with suppress(WorkspaceError):  # whoever needs it is told; other runs do not
            line = repository.folder / "line"
            make_git(repository.shared.database, repository.user, folder, head, line)
            mark(folder, stamp)
    record.repository = str(repository.user.root)
    runs.take(record)


def mark_all(repository: Repository, about: About) -> None:
    """Say that every copy is as the database has it: nobody else may have moved them meanwhile."""
    assert repository.shared is not None  # noqa: S101  # `open_copies` made it so
    for run_id, stamp in SharedRuns(repository.shared.database).saved_at(about).items():
        folder = repository.folder / "runs" / run_id
        if folder.is_dir():
            mark(folder, stamp)


def mark(folder: Path, stamp: float) -> None:
    """Say of which moment this folder is a copy."""
    (folder / _MARK).write_text(json.dumps({"updated_at": stamp}))


def _is_copy_of(folder: Path, stamp: float) -> bool:
    try:
        return bool(json.loads((folder / _MARK).read_text())["updated_at"] == stamp)
    except (OSError, ValueError, KeyError):
        return False


def make_git(database: Database, user: UserRepo, folder: Path, head: str, line: Path) -> None:
    """Complete the private repository of a run, whose own objects are in its folder already.

    `line` is where commits are kept that only runs have. Raises `WorkspaceError` when nobody has
    `head`.
    """
    private = PrivateRepo.create(folder / "git", replace(user, head=head))
    private.close()
    if not has_commit(user.git_dir, head):
        _lay(database, user, head, line)
        borrow(private.folder, line / "objects")


def _lay(database: Database, user: UserRepo, head: str, line: Path) -> None:
    """Bring a commit that only runs have, and those below it, to where every run can see them.

    The run that proposed one may propose another by now, or stand elsewhere: its objects stay.
    """
    git, at = user.mirror(line), head
    brought: set[str] = set()
    while not has_commit(user.git_dir, at):
        holder = holder_of(database, at)
        if not holder:
            raise WorkspaceError(
                f"the commit {at[:12]} that a run starts from is neither at the remote nor with "
                "another run; reject the run, and enqueue its task again"
            )
        if holder not in brought:
            bring_objects(database, holder, line)
            brought.add(holder)
        at = git.text("rev-parse", "--verify", "--end-of-options", f"{at}^1")
