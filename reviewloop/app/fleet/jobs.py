"""The durable queue of jobs, which workers take and which survive a dead worker.

Procrastinate stores it. Jobs with the same lock run one after the other; the lock is a branch, so
no two workers are on one branch. A job only requests work: what there is to do is read from the
runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import StoreError
from reviewloop.store.postgres.batches import About
from reviewloop.store.postgres.database import (
    SIGNS_THAT_LACK,
    Database,
    connection_arguments,
    shown,
)

QUEUE = "reviewloop"
TASK, ANSWER = "reviewloop.task", "reviewloop.answer"
ANSWERS_FIRST = 10  # priority: a user waits for them; other jobs are far below, see `again`

_SILENT_SECONDS = 120


def make_queue_tables(database: Database, url: str) -> None:
    """Create the tables of the queue if they are missing."""
    [row] = database.execute("SELECT to_regclass('procrastinate_jobs') IS NOT NULL AS there")
    if not row["there"]:
        with _app(url) as app:
            app.schema_manager.apply_schema()


class Jobs:
    """Queues jobs and lists them."""

    def __init__(self, database: Database, url: str) -> None:
        self._database, self._url = database, url

    def tasks(self, batch_id: str, about: About, tasks: list[str]) -> list[str]:
        """Queue tasks of a batch in this order; return those that were not queued yet."""
        added = []
        with _app(self._url) as app:
            for task in tasks:
                job = app.configure_task(
                    TASK,
                    lock=about.lock,
                    queueing_lock=f"{batch_id}/{task}",
                    queue=QUEUE,
                    allow_unknown=True,
                )
                if _deferred(job, batch=batch_id, task=task):
                    added.append(task)
        return added

    def answer(
        self,
        batch_id: str,
        about: About,
        run_id: str,
        answer: Mapping[str, str],
        after: Sequence[str] = (),
    ) -> bool:
        """Queue a user's answer; return whether none was queued for this run yet.

        `after` are the runs that were approved before it.
        """
        with _app(self._url) as app:
            job = app.configure_task(
                ANSWER,
                lock=about.lock,
                queueing_lock=f"answer/{run_id}",
                queue=QUEUE,
                priority=ANSWERS_FIRST,
                allow_unknown=True,
            )
            given = {"answer": dict(answer), "after": list(after)}
            return _deferred(job, batch=batch_id, run=run_id, **given)

    def pending(self) -> list["Pending"]:
        """Return the jobs that are queued or taken, in order."""
        rows = self._database.execute(
            "SELECT id, task_name, status::text AS status, args, lock, attempts, worker_id "
            "FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND queue_name = %s "
            "ORDER BY priority DESC, id",
            (QUEUE,),
        )
        return [
            Pending(
                row.text("task_name"),
                row["status"] == "doing",
                row.values_of("args"),
                str(row["lock"] or ""),
            )
            for row in rows
        ]

    def unattended(self) -> str:
        """Return a note on missing workers while jobs wait, or ""."""
        [row] = self._database.execute(
            "SELECT extract(epoch FROM now() - max(last_heartbeat))::float8 AS silent, "
            "coalesce(max(seconds), 0) AS heartbeat FROM procrastinate_workers "
            "LEFT JOIN heartbeats ON worker_id = id"
        )
        if row["silent"] is None:
            return "no worker is at work; `reviewloop worker` with this store is one"
        silent = row.number("silent")
        if silent < max(_SILENT_SECONDS, SIGNS_THAT_LACK * row.number("heartbeat")):
            return ""
        return f"no worker has given a sign of life for {silent / 60:.0f} min"


@dataclass(frozen=True)
class Pending:
    """A job that is not done: queued, or taken by a worker."""

    name: str
    taken: bool
    args: Mapping[str, Any]
    lock: str

    @property
    def batch(self) -> str:
        """The id of its batch."""
        return str(self.args.get("batch", ""))


def _deferred(job: Any, **arguments: Any) -> bool:
    try:
        job.defer(**arguments)
    except AlreadyEnqueued:
        return False
    return True


@contextmanager
def _app(url: str) -> Iterator[procrastinate.App]:
    """Yield the queue for synchronous code."""
    connector = procrastinate.SyncPsycopgConnector(
        conninfo=url, kwargs=connection_arguments(), min_size=1, max_size=1
    )
    app = procrastinate.App(connector=connector)
    try:
        with app.open():
            yield app
    except ConnectorException as error:
        raise StoreError(
            f"the queue at {shown(url)} did not do what it was asked; nothing is lost: try again"
        ) from error
