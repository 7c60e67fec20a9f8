"""Where a job is done: the lock of its branch, the worker's clone, and its copy of the runs."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from reviewloop.app.batch.moving import Crew
from reviewloop.app.batch.sitting import Told
from reviewloop.app.fleet.copies import open_copies, require_plain_name
from reviewloop.app.fleet.store import opened
from reviewloop.app.project import Repository, read_settings
from reviewloop.app.sandboxing import Acceptance
from reviewloop.domain.errors import InterruptedByUserError, ReviewLoopError, StoreError
from reviewloop.faults import fault
from reviewloop.git.private import ref_component
from reviewloop.git.transfer import refreshed
from reviewloop.store.places import private_folder, repository_folder, state_root
from reviewloop.store.postgres.batches import SharedBatch, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord
from reviewloop.store.trust import TrustStore


class BusyError(StoreError):
    """Another worker is on this branch."""


@dataclass(frozen=True)
class Place:
    """What a worker works with: the store, where its clones are, how it runs code, who listens."""

    url: str = field(repr=False)
    clones: Path
    unsandboxed: bool
    told: Told
    say: Callable[[str], None]
    report: Callable[[BaseException], str]  # writes a log about a bug of ours; the sentence on it
    crew: Crew = field(default_factory=Crew)
    call: Callable[[Repository, RunRecord], None] = lambda *_: None  # about a run that waits


@dataclass(frozen=True)
class Job:
    """A job that is under way: the lock of its branch is held."""

    place: Place
    database: Database
    batch: SharedBatch
    repository: Repository

    @property
    def runs(self) -> SharedRuns:
        """The table of runs that all machines share."""
        return SharedRuns(self.database)


@contextmanager
def opened_job(place: Place, batch_id: str) -> Iterator[Job]:
    """Yield a job on a batch, on a clone that is where the remote is.

    Raises `BusyError` while another worker is on the branch. What else goes wrong is told in the
    batch, where people look.
    """
    with opened(place.url) as database:
        batch = SharedBatches(database).get(batch_id)
        about = batch.about
        if not database.try_lock(about.lock):
            raise BusyError(f"another worker is on {about.branch} of {about.name}")
        try:
            with _brought(place, database, batch) as job:
                yield job
        except (StoreError, InterruptedByUserError):
            raise
        except ReviewLoopError as error:
            SharedBatches(database).tell(batch_id, str(error))
            raise


@contextmanager
def _brought(place: Place, database: Database, batch: SharedBatch) -> Iterator[Job]:
    """Bring clone and runs to where the remote and the database are."""
    about = batch.about
    require_plain_name(about.repository)
    require_plain_name(about.name)
    clone = place.clones / f"{about.repository}-{ref_component(about.branch)}" / about.name
    user = refreshed(
        clone,
        about.address,
        about.branch,
        identity=about.identity,
        object_format=about.object_format,
    )
    user = replace(user, project=about.project)
    folder = repository_folder(user.key)
    private_folder(folder / "runs")
    unsandboxed: Acceptance = "accepted" if place.unsandboxed else ""
    ident = batch.record.batch_id
    repository = open_copies(
        database, user, folder, about, ident, unsandboxed=unsandboxed, say=place.say
    )
    with closing(repository.runs):
        job = Job(place, database, batch, repository)
        _trust(job)
        fault("worker.opened")
        yield job


def _trust(job: Job) -> None:
    """Take over the consent of whoever enqueued, if the commands are still those they saw."""
    about = job.batch.about
    loaded = read_settings(job.repository.user.root, about.flags, project=about.project)
    digest = loaded.commands_digest
    if digest and digest == job.batch.about.trusted:
        trust = TrustStore(state_root())
        if not trust.is_trusted(job.repository.user.key, digest):
            trust.trust(job.repository.user.key, digest, loaded.repository_commands)
