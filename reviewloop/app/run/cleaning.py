"""Finds and deletes what `clean` may delete: old runs, reviews, and leftovers of killed starts."""

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reviewloop.app.project import SCRATCH, Repository, read_settings
from reviewloop.app.run.finished_run import has_unsaved_work
from reviewloop.app.stats import remember
from reviewloop.checkout.files import remove_tree
from reviewloop.dataclass import dataclass
from reviewloop.faults import fault
from reviewloop.git.process import Git
from reviewloop.store.locks import hold, is_held
from reviewloop.store.metrics import files_of_metrics
from reviewloop.store.runs import RunRecord


def foreign_runs(repository: Repository) -> tuple[RunRecord, ...]:
    """Return the runs whose commits this repository does not have, the newest first.

    A run on top of another one counts if the lowest run of its stack does; if that run is deleted,
    it does not count.
    """
    runs = repository.runs.listed()
    by_id = {run.run_id: run for run in runs}
    named = [*(run.base_commit for run in runs), *(run.commit for run in runs)]
    absent = _absent(repository, named)
    return tuple(run for run in runs if _is_foreign(run, by_id, absent))


def leave_out(repository: Repository) -> str:
    """Leave such runs out of this table of runs; return the note about them, or "".

    They stay on disk until `clean` deletes them.
    """
    found = foreign_runs(repository)
    repository.runs.leave_out(run.run_id for run in found)
    if not found:
        return ""
    runs = "1 run is" if len(found) == 1 else f"{len(found)} runs are"
    return (
        f"{runs} left out ({_names(found)}): begun in another repository that was at this path, as "
        f"commit {found[0].base_commit[:10]} is not in this one; `reviewloop clean --with-work` "
        "deletes what is left of that"
    )


def _names(runs: Sequence[RunRecord]) -> str:
    shown = ", ".join(run.run_id for run in runs[:3])
    return shown if len(runs) <= 3 else f"{shown}, …"


def _is_foreign(run: RunRecord, by_id: Mapping[str, RunRecord], absent: set[str]) -> bool:
    if run.commit and run.commit not in absent:
        return False
    seen = set()
    while run.base_commit in absent and run.run_id not in seen:
        below = str(run.options.get("stands_on", ""))
        if not below:
            return True
        if below not in by_id:
            return False
        seen.add(run.run_id)
        run = by_id[below]
    return False


def _absent(repository: Repository, commits: Iterable[str]) -> set[str]:
    """Return those of the commits that the repository does not have."""
    required = sorted({commit for commit in commits if commit})
    if not required:
        return set()
    git = Git(repository.user.git_dir)
    query = "".join(f"{commit}\n" for commit in required).encode()
    answers = git.run("cat-file", "--batch-check=%(objecttype)", input=query).splitlines()
    return {
        commit for commit, line in zip(required, answers, strict=True) if line.endswith(b" missing")
    }


_DAY = 86_400.0
_LONGEST_START = 3600.0  # seconds; a younger start without a lock may still be in progress


@dataclass(frozen=True)
class Garbage:
    """What can be deleted, and the runs that stay because nothing else holds their work."""

    runs: tuple[RunRecord, ...]
    starts: tuple[Path, ...]  # of runs that were killed before they had a record
    reviews: tuple[Path, ...]  # model replies about diffs
    kept: tuple[RunRecord, ...]
    going: tuple[RunRecord, ...] = ()  # runs that are not over, so they stay whatever their age
    metrics: tuple[Path, ...] = ()  # the figures of all runs, if they are to be deleted too

    @property
    def count(self) -> int:
        """Return how many things would be deleted."""
        return len(self.runs) + len(self.starts) + len(self.reviews) + bool(self.metrics)


def kept_since(repository: Repository, older_than_days: int | None) -> float:
    """Return the time, in seconds since 1970, before which runs are old; None: as settings say.

    Raises `UsageError` for settings that cannot be read.
    """
    days = older_than_days
    if days is None:
        loaded = read_settings(repository.user.root, project=repository.user.project)
        days = loaded.settings.runs.keep_days
    return time.time() - days * _DAY


def find_garbage(
    repository: Repository,
    older_than_days: int | None,
    *,
    with_work: bool = False,
    with_metrics: bool = False,
) -> Garbage:
    """Return what is older than the retention and not in use; delete nothing.

    Runs of another repository that had this path are included at any age. A run whose work is in no
    commit and on no branch stays, unless `with_work`. The figures of `reviewloop stats` stay,
    unless `with_metrics`.
    """
    limit = kept_since(repository, older_than_days)
    starts = find_starts(repository)
    records = repository.runs.all()
    in_batch = is_held(repository.batch_lock)  # a batch reads finished work from its runs
    strange = {record.run_id for record in foreign_runs(repository)}
    old = [
        record
        for record in records
        if (record.run_id in strange or (record.status.over and record.updated_at <= limit))
        and not is_held(repository.run_lock(record.run_id))
        and not (in_batch and record.options.get("batch"))
    ]
    kept = [] if with_work else [r for r in old if has_unsaved_work(repository, r)]
    staying = {record.run_id for record in kept}
    return Garbage(
        runs=tuple(record for record in old if record.run_id not in staying),
        starts=starts,
        reviews=_older((repository.folder / "reviews").glob("*"), limit),
        kept=tuple(kept),
        going=tuple(r for r in records if not r.status.over and r.run_id not in strange),
        metrics=tuple(files_of_metrics(repository.folder)) if with_metrics else (),
    )


def delete_garbage(repository: Repository, garbage: Garbage) -> list[str]:
    """Delete for good; after a kill, the next `clean` continues.

    Returns notices for the user: figures of a deleted run that could not be saved.
    """
    notices = []
    for record in garbage.runs:
        if not garbage.metrics and (trouble := remember(repository.folder, record)):
            notices.append(trouble)
        delete_run(repository, record)
    for path in (*garbage.starts, *garbage.reviews):
        remove_tree(path)
    for path in garbage.metrics:
        path.unlink(missing_ok=True)
    if not repository.runs.all():
        remove_tree(repository.folder / "line")  # bases of a batch's runs
    return notices


def delete_run(repository: Repository, record: RunRecord) -> None:
    """Delete a run's folder and record for good."""
    folder = repository.run_folder(record.run_id)
    with hold(folder / "lock", f"run {record.run_id}"):
        fault("clean.begin")
        # Moved away in one step: a half-deleted folder could not be read.
        gone = repository.folder / f"{SCRATCH}{record.run_id}-{secrets.token_hex(4)}"
        folder.rename(gone)
        fault("clean.moved")
        repository.runs.delete(record.run_id)
        fault("clean.record")
        remove_tree(gone)
    fault("clean.end")


def find_starts(repository: Repository) -> tuple[Path, ...]:
    """Return the folders without a record that no process uses: leftovers of killed starts."""
    abandoned = _abandoned(repository)  # first: a start may save its record now
    known = {record.run_id for record in repository.runs.all()}
    return tuple(path for path in abandoned if path.name not in known)


def _abandoned(repository: Repository) -> list[Path]:
    """Return the folders of runs and starts that no process uses."""
    found = [*(repository.folder / "runs").glob("*"), *repository.folder.glob(f"{SCRATCH}*")]
    return [path for path in found if not _in_use(path)]


def _in_use(folder: Path) -> bool:
    lock = folder / "lock"
    if lock.exists():
        return is_held(lock)
    return not _older([folder], time.time() - _LONGEST_START)


def _older(paths: Iterable[Path], limit: float) -> tuple[Path, ...]:
    return tuple(path for path in paths if path.stat().st_mtime <= limit)
