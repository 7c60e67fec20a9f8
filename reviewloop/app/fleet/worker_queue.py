"""The queue as a worker needs it: no outcome of a job is lost, and each worker's pulse is its own.

Procrastinate tells an outcome once: where the database is away just then, the job would stay taken
by a worker that lives and does nothing for it. And it measures all workers by one interval.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from reviewloop.app.fleet.jobs import QUEUE
from reviewloop.store.postgres.database import SIGNS_THAT_LACK

_ALIVE = """
last_heartbeat >= now() - interval '1 second' * %(signs)s * coalesce(
    (SELECT seconds FROM heartbeats WHERE worker_id = procrastinate_workers.id), %(mine)s)
"""
_LEFT_ALONE = f"""
SELECT id, status, task_name, priority, lock, queueing_lock, args, scheduled_at, queue_name,
       attempts, worker_id
FROM procrastinate_jobs WHERE status = 'doing' AND queue_name = %(queue)s AND NOT EXISTS (
    SELECT FROM procrastinate_workers WHERE id = procrastinate_jobs.worker_id AND {_ALIVE})
ORDER BY id
"""  # noqa: S608  # of constants
_PRUNE = f"DELETE FROM procrastinate_workers WHERE NOT ({_ALIVE}) RETURNING id"  # noqa: S608
_FORGET = "DELETE FROM heartbeats WHERE worker_id NOT IN (SELECT id FROM procrastinate_workers)"
_REGISTER = "INSERT INTO heartbeats VALUES (%(worker)s, %(mine)s)"


@dataclass(frozen=True)
class Outcome:
    """How a job ended: done or failed, or queued again (`retry_at`)."""

    job: Job
    status: Status = Status.FAILED
    retry_at: datetime | None = None
    priority: int | None = None


class WorkerQueue(JobManager):
    """What a worker is told by the queue, and tells it.

    `untold` are outcomes that the database did not hear; they outlive this connection to it.
    `heartbeat` is the seconds between two signs of life of this worker.
    """

    def __init__(
        self, connector: BaseConnector, heartbeat: float, untold: list[Outcome] | None = None
    ) -> None:
        super().__init__(connector)
        self._pulse = {"signs": SIGNS_THAT_LACK, "mine": heartbeat}
        self.untold = [] if untold is None else untold
        self.lost = asyncio.Event()  # an outcome was not heard: somebody has to look after it

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """End a job for good; nothing of it is deleted."""
        await self._tell_or_keep(Outcome(job, status))

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Queue a job again; queue and lock stay as they are."""
        await self._tell_or_keep(Outcome(job, Status.TODO, retry_at or datetime.now(UTC), priority))

    async def tell(self, outcome: Outcome) -> bool:
        """Have a job ended or queued again; return whether it is queued by that."""
        number = outcome.job.id
        assert number is not None  # noqa: S101  # it comes from the database
        status = outcome.status
        if outcome.retry_at:
            try:
                await self.retry_job_by_id_async(number, outcome.retry_at, outcome.priority)
            except UniqueViolation:  # the same was queued a second time meanwhile: that one counts
                status = Status.FAILED
            else:
                return True
        await self.finish_job_by_id_async(number, status, delete_job=False)
        return False

    async def tell_the_untold(self) -> None:
        """Tell what was not heard before, unless another worker has seen to the job meanwhile."""
        while self.untold:
            outcome = self.untold[0]
            for now in await self.list_jobs_async(id=outcome.job.id, status="doing"):
                # Without a number when this worker registered anew.
                if now.worker_id in {None, outcome.job.worker_id}:
                    await self.tell(outcome)
            self.untold.pop(0)

    async def left_alone(self) -> list[Job]:
        """Return the jobs whose worker gives no sign of life."""
        rows = await self._rows(_LEFT_ALONE, queue=QUEUE, **self._pulse)
        return [Job.from_row(row) for row in rows]

    async def register_worker(self) -> int:
        """Return the number of a new worker, which says how often it gives a sign of life."""
        number = await super().register_worker()
        await self.connector.execute_query_async(_REGISTER, worker=number, **self._pulse)
        return number

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:
        """Take out the workers that died, each by its own interval."""
        pruned = await self._rows(_PRUNE, **self._pulse)
        await self.connector.execute_query_async(_FORGET)
        return [row["id"] for row in pruned]

    async def update_heartbeat(self, worker_id: int) -> None:
        """Give a sign of life; one that is not heard is followed by the next one."""
        # Raised, it would end all further ones, and nobody but the others would know.
        with suppress(ConnectorException):
            await super().update_heartbeat(worker_id)

    async def _tell_or_keep(self, outcome: Outcome) -> None:
        try:
            await self.tell(outcome)
        except ConnectorException as error:
            # The queue's own word: the job is not this worker's any more.
            if not isinstance(error.__cause__, psycopg.errors.RaiseException):
                self.untold.append(outcome)
                self.lost.set()
            raise

    async def _rows(self, query: Any, **values: Any) -> list[dict[str, Any]]:
        return await self.connector.execute_query_all_async(query, **values)
