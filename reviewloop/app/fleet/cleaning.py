"""Finds what `clean` may delete from a shared store: finished runs and ended jobs."""

import time
from collections.abc import Sequence

from reviewloop.dataclass import dataclass
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus

_DAY = 86_400.0
_CHECKPOINTS = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


@dataclass(frozen=True)
class Finished:
    """The runs to delete, and those that stay because nothing else holds their work."""

    runs: tuple[RunRecord, ...]
    kept: tuple[RunRecord, ...]


def find_finished(database: Database, older_than_days: int, *, with_work: bool) -> Finished:
    """Return the runs that ended that long ago; delete nothing.

    A run below a waiting one stays, and so does rejected work, unless `with_work`.
    """
    limit = time.time() - older_than_days * _DAY
    runs = SharedRuns(database).all()
    below = {str(run.options.get("stands_on", "")) for run in runs if not run.status.over}
    old = [
        run
        for run in runs
        if run.status.over and run.updated_at <= limit and run.run_id not in below
    ]
    kept = [] if with_work else [run for run in old if _has_work(database, run)]
    staying = {run.run_id for run in kept}
    return Finished(tuple(run for run in old if run.run_id not in staying), tuple(kept))


def _has_work(database: Database, run: RunRecord) -> bool:
    """Return whether only the run holds its work; a run without changes has none."""
    if run.status is RunStatus.COMMITTED:
        return False
    proposal, _ = SharedRuns(database).proposal(run.run_id)
    return not proposal or bool(proposal["files"])


def delete_finished(database: Database, runs: Sequence[RunRecord], older_than_days: int) -> None:
    """Delete runs, batches without runs, and jobs that ended that long ago."""
    ids = [run.run_id for run in runs]
    with database.transaction():
        for table in _CHECKPOINTS:
            statement = f"DELETE FROM {table} WHERE thread_id = ANY(%s)"  # noqa: S608 - constants
            database.execute(statement, (ids,))
        database.execute("DELETE FROM runs WHERE run_id = ANY(%s)", (ids,))
        database.execute(
            "DELETE FROM procrastinate_jobs WHERE status::text NOT IN ('todo', 'doing') AND id IN ("
            "SELECT job_id FROM procrastinate_events GROUP BY job_id "
            "HAVING max(at) <= now() - make_interval(days => %s))",
            (older_than_days,),
        )
        database.execute(
            "DELETE FROM batches b WHERE created_at <= %s "
            "AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.batch_id = b.batch_id) "
            "AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j "
            "WHERE j.args->>'batch' = b.batch_id AND j.status::text IN ('todo', 'doing'))",
            (time.time() - older_than_days * _DAY,),
        )
