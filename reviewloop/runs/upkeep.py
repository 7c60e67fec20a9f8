"""What can be done with a run afterwards: take its commit back, export its work, delete it."""

import shutil
import time
from typing import Any

from reviewloop.errors import UsageError
from reviewloop.runs.brief import SCRATCH
from reviewloop.runs.project import read_settings
from reviewloop.runs.repository import Repository
from reviewloop.store.blobs import Blobs
from reviewloop.store.locks import hold, is_held
from reviewloop.store.runs import RunRecord, RunStatus
from reviewloop.workspace.export import export_branch
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.promote import Promotion
from reviewloop.workspace.promote import undo as undo_promotion

_DAY = 86_400.0
_LONGEST_START = 3600.0  # seconds; a younger start may still be on its way


def undo_run(repository: Repository, named: str | None) -> list[str]:
    """Take back the commit of a run and return what to tell the person.

    Raises `WorkspaceError` when it was pushed, built upon or edited since.
    """
    record = (
        repository.runs.find(named)
        if named
        else next((r for r in repository.runs.all() if r.status is RunStatus.COMMITTED), None)
    )
    if record is None:
        raise UsageError("no run of this repository has a commit to take back")
    if record.status is not RunStatus.COMMITTED:
        raise UsageError(f"run {record.run_id} has no commit to take back (it is {record.status})")
    intent = repository.run_folder(record.run_id) / "undo.json"
    with hold(repository.lock, f"the repository {record.repository}"):
        back = undo_promotion(
            repository.user, Promotion.from_plain(record.evidence["promotion"]), intent=intent
        )
    intent.unlink(missing_ok=True)
    record.status = RunStatus.UNDONE
    repository.runs.save(record)
    taken = f"Took back {record.commit[:10]} from {record.branch}; the work is kept with the run."
    return [taken, *back.notes]


def export_run(repository: Repository, run_id: str, name: str) -> str:
    """Make the branch `name` with the latest work of a run; return the commit's id."""
    record = repository.runs.find(run_id)
    folder = repository.run_folder(record.run_id)
    private = PrivateRepo.open(folder / "git")
    try:
        commit = _latest(record, private, Blobs(folder / "blobs"))
        with hold(repository.lock, f"the repository {record.repository}"):
            export_branch(repository.user, private, commit, name)
    finally:
        private.close()
    return commit


def deletable(repository: Repository, older_than_days: int | None) -> list[RunRecord]:
    """Return the runs that are over and older than the retention, oldest last."""
    days = older_than_days
    if days is None:
        days = read_settings(repository.user.root).settings.runs.keep_days
    limit = time.time() - days * _DAY
    return [
        record
        for record in repository.runs.all()
        if record.status.over
        and record.updated_at <= limit
        and not is_held(repository.run_lock(record.run_id))
    ]


def delete_run(repository: Repository, record: RunRecord) -> None:
    """Delete a run's folder and record for good."""
    folder = repository.run_folder(record.run_id)
    with hold(folder / "lock", f"run {record.run_id}"):
        shutil.rmtree(folder)
    repository.runs.delete(record.run_id)


def sweep(repository: Repository) -> None:
    """Delete what starts left that were killed before their run had a record."""
    known = {record.run_id for record in repository.runs.all()}
    found = [path for path in (repository.folder / "runs").glob("*") if path.name not in known]
    found += repository.folder.glob(f"{SCRATCH}*")
    for path in found:
        if path.stat().st_mtime < time.time() - _LONGEST_START:
            shutil.rmtree(path)


def sweep_reviews(repository: Repository, older_than_days: int | None) -> int:
    """Delete what models said in old reviews of diffs; return how many such reviews there were."""
    days = older_than_days
    if days is None:
        days = read_settings(repository.user.root).settings.runs.keep_days
    limit = time.time() - days * _DAY
    old = [
        path for path in (repository.folder / "reviews").glob("*") if path.stat().st_mtime <= limit
    ]
    for path in old:
        shutil.rmtree(path)
    return len(old)


def _latest(record: RunRecord, private: PrivateRepo, blobs: Blobs) -> str:
    """Return the commit to export: the proposed one, else the newest snapshot on the run's base."""
    if record.proposal:
        proposal: dict[str, Any] = blobs.get_json(record.proposal)
        if proposal["commit"]:
            return str(proposal["commit"])
        tree = str(proposal["tree"])
    else:
        kept = private.kept(record.run_id)
        if not kept:
            raise UsageError(f"run {record.run_id} has no work to export yet")
        # Steps are kept in the order they end; the state that would name the last one may be
        # what cannot be read any more.
        tree = private.tree_of(list(kept.values())[-1])
    keeper = ("reviewloop", "reviewloop@localhost")
    message = f"reviewloop {record.run_id}: unfinished work\n"
    return private.commit(tree, [record.base_commit], message, keeper, keeper)
