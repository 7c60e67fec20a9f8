"""Reads runs of workers from anywhere: proposal, events, and their work as a branch."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from reviewloop.app.fleet.jobs import Jobs
from reviewloop.app.fleet.workplace import make_git, require_plain_name
from reviewloop.app.project import Repository
from reviewloop.app.run.finished_run import latest_commit
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.domain.event import RunEvent
from reviewloop.git.commits import export_branch
from reviewloop.git.private import PrivateRepo
from reviewloop.store.blobs import Blobs
from reviewloop.store.locks import hold
from reviewloop.store.postgres.batches import SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.replica import EVENTS, rebuild
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus

_FOLLOW_SECONDS = 0.5


def newest_or_named(database: Database, named: str | None) -> RunRecord:
    """Return the named run, or the newest one; raise `UsageError` when there is none."""
    runs = SharedRuns(database)
    if named:
        return runs.find(named)
    found = runs.all()
    if not found:
        raise UsageError("there are no runs in this store yet; `reviewloop status` tells why")
    return found[0]


def proposal_shown(database: Database, run: RunRecord) -> tuple[Any, str]:
    """Return the proposal of a run, and its diff; raise `UsageError` when there is none."""
    proposal, diff = SharedRuns(database).proposal(run.run_id)
    if not proposal:
        raise UsageError(
            f"run {run.run_id} has nothing to show yet (it is {run.status}); "
            f"`reviewloop logs {run.run_id}` tells what it does"
        )
    return proposal, diff


def events_of(database: Database, url: str, run: RunRecord, *, follow: bool) -> Iterator[RunEvent]:
    """Yield the events of a run; with `follow`, until nothing is queued or in progress for it."""
    at = 0
    while True:
        live = follow and _is_live(database, url, run)
        rows = database.execute(
            "SELECT start, data FROM files WHERE run_id = %s AND path = %s AND start >= %s "
            "ORDER BY start",
            (run.run_id, EVENTS, at),
        )
        for row in rows:
            data = row.data("data")
            at = row.count("start") + len(data)
            for line in data.splitlines():
                yield json.loads(line)
        if not live:
            return
        time.sleep(_FOLLOW_SECONDS)


def _is_live(database: Database, url: str, run: RunRecord) -> bool:
    mine = str(run.options.get("batch", ""))
    return any(
        job.args.get("run") == run.run_id
        or (job.batch == mine and job.args.get("task") == run.task_id)
        for job in Jobs(database, url).pending()
    )


def export(database: Database, repository: Repository, named: str, name: str) -> str:
    """Create the branch `name` here with the latest work of a run; return the commit's id.

    Raises `WorkspaceError` when this repository does not have the base of the run.
    """
    run = SharedRuns(database).find(named)
    with tempfile.TemporaryDirectory(prefix="reviewloop-") as scratch:
        try:
            folder = _rebuilt(database, repository, run, Path(scratch))
        except WorkspaceError as error:
            about = SharedBatches(database).get(str(run.options["batch"])).about
            raise WorkspaceError(
                f"run {run.run_id} is about {about.branch} of {about.address}: stand in a clone "
                f"of it that is up to date (`git fetch`); {error}"
            ) from error
        with closing(PrivateRepo.open(folder / "git")) as private:
            commit = latest_commit(run, private, Blobs(folder / "blobs"))
            with hold(repository.lock, f"the repository {repository.user.root}"):
                export_branch(repository.user, private, commit, name)
    return commit


def _rebuilt(database: Database, repository: Repository, run: RunRecord, scratch: Path) -> Path:
    """Rebuild a run's folder from the store; return it."""
    require_plain_name(run.run_id)
    folder = scratch / run.run_id
    about = rebuild(folder, database, run.run_id)
    head = json.loads(about)["head"] if about else run.base_commit
    make_git(database, repository.user, folder, head, scratch / "line")
    return folder


def why_not_undone(database: Database, named: str | None) -> str:
    """Return how to undo a worker's commit; raise `UsageError` when there is none."""
    runs = SharedRuns(database)
    committed = [run for run in runs.all() if run.status is RunStatus.COMMITTED]
    if not named and not committed:
        raise UsageError("no run of this store has a commit to take back")
    run = runs.find(named, (RunStatus.COMMITTED,)) if named else committed[0]
    if run.status is not RunStatus.COMMITTED:
        raise UsageError(f"run {run.run_id} has no commit to take back (it is {run.status})")
    about = SharedBatches(database).get(str(run.options["batch"])).about
    return (
        f"{run.commit[:12]} of run {run.run_id} was pushed to {run.branch} of {about.address}; "
        f"take it back in a clone of that: `git revert {run.commit[:12]}`, then push"
    )
