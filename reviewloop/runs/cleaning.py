"""What `clean` may delete: old runs and reviews, and what killed starts left; never lost work."""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reviewloop.faults import fault
from reviewloop.runs.brief import SCRATCH
from reviewloop.runs.metrics import remember
from reviewloop.runs.project import read_settings
from reviewloop.runs.repository import Repository
from reviewloop.runs.strangers import strangers
from reviewloop.runs.upkeep import has_unsaved_work
from reviewloop.store.locks import hold, is_held
from reviewloop.store.metrics import files_of_metrics
from reviewloop.store.runs import RunRecord
from reviewloop.workspace.written import remove_tree

_DAY = 86_400.0
_LONGEST_START = 3600.0  # seconds; a younger start without a lock may still be on its way


@dataclass(frozen=True)
class Garbage:
    """What could go, and the runs that stay because only they hold their work."""

    runs: tuple[RunRecord, ...]
    starts: tuple[Path, ...]  # of runs that were killed before they had a record
    reviews: tuple[Path, ...]  # what models said about diffs
    kept: tuple[RunRecord, ...]
    going: tuple[RunRecord, ...] = ()  # runs that are not over, so they stay whatever their age
    metrics: tuple[Path, ...] = ()  # the figures of all runs, if they shall go as well

    @property
    def count(self) -> int:
        """How many things would be deleted."""
        return len(self.runs) + len(self.starts) + len(self.reviews) + bool(self.metrics)


def find_garbage(
    repository: Repository,
    older_than_days: int | None,
    *,
    with_work: bool = False,
    with_metrics: bool = False,
) -> Garbage:
    """Return what is older than the retention and not in use; nothing is deleted.

    Runs of another repository that was at this path can go whatever their age. A run whose work
    stands in no commit and on no branch stays, unless `with_work`. What `reviewloop stats` shows
    stays, unless `with_metrics`.
    """
    days = older_than_days
    if days is None:
        days = read_settings(
            repository.user.root, project=repository.user.project
        ).settings.runs.keep_days
    limit = time.time() - days * _DAY
    abandoned = _abandoned(repository)  # before the records are read: a start may get its own now
    records = repository.runs.all()
    in_batch = is_held(repository.batch_lock)  # which reads from its runs what is done already
    strange = {record.run_id for record in strangers(repository)}
    old = [
        record
        for record in records
        if (record.run_id in strange or (record.status.over and record.updated_at <= limit))
        and not is_held(repository.run_lock(record.run_id))
        and not (in_batch and record.options.get("batch"))
    ]
    kept = [] if with_work else [r for r in old if has_unsaved_work(repository, r)]
    staying = {record.run_id for record in kept}
    known = {record.run_id for record in records}
    return Garbage(
        runs=tuple(record for record in old if record.run_id not in staying),
        starts=tuple(path for path in abandoned if path.name not in known),
        reviews=_older((repository.folder / "reviews").glob("*"), limit),
        kept=tuple(kept),
        going=tuple(r for r in records if not r.status.over and r.run_id not in strange),
        metrics=tuple(files_of_metrics(repository.folder)) if with_metrics else (),
    )


def delete_garbage(repository: Repository, garbage: Garbage) -> list[str]:
    """Delete for good; killed in between, the next `clean` goes on.

    Returns what to tell the person: figures of a deleted run that could not be kept.
    """
    told = []
    for record in garbage.runs:
        if not garbage.metrics and (trouble := remember(repository.folder, record)):
            told.append(trouble)
        delete_run(repository, record)
    for path in (*garbage.starts, *garbage.reviews):
        remove_tree(path)
    for path in garbage.metrics:
        path.unlink(missing_ok=True)
    if not repository.runs.all():
        remove_tree(repository.folder / "line")  # what runs of a batch was built on
    return told


def delete_run(repository: Repository, record: RunRecord) -> None:
    """Delete a run's folder and record for good."""
    folder = repository.run_folder(record.run_id)
    with hold(folder / "lock", f"run {record.run_id}"):
        fault("clean.begin")
        # Away in one step: of a folder that is half deleted nobody could say what it held.
        gone = repository.folder / f"{SCRATCH}{record.run_id}-{secrets.token_hex(4)}"
        folder.rename(gone)
        fault("clean.moved")
        repository.runs.delete(record.run_id)
        fault("clean.record")
        remove_tree(gone)
    fault("clean.end")


def _abandoned(repository: Repository) -> list[Path]:
    """Return folders of runs and starts that no process works in."""
    found = [*(repository.folder / "runs").glob("*"), *repository.folder.glob(f"{SCRATCH}*")]
    return [path for path in found if not _in_use(path)]


def _in_use(folder: Path) -> bool:
    lock = folder / "lock"
    if lock.exists():
        return is_held(lock)
    return not _older([folder], time.time() - _LONGEST_START)


def _older(paths: Iterable[Path], limit: float) -> tuple[Path, ...]:
    return tuple(path for path in paths if path.stat().st_mtime <= limit)
