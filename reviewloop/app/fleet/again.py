"""Which jobs are queued again and when: after trouble that passes, and after a worker's death.

A job's priority rises with each such trouble, so the queue itself counts them. Its `attempts` do
not: they also count what is nobody's fault, a branch that was taken and a worker told to stop.
"""

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from reviewloop.app.fleet.jobs import ANSWER, ANSWERS_FIRST
from reviewloop.app.fleet.place import BusyError
from reviewloop.app.fleet.worker_queue import Outcome, WorkerQueue
from reviewloop.domain.errors import InterruptedByUserError, StoreError, WorkspaceError
from reviewloop.store.postgres.database import (
    Database,
    OtherReleaseError,
    connection_arguments,
    lock_number,
)

_TRIES = 5  # of a job whose workers died or lost the database; then a person has to look
_AWAY_SECONDS, _BUSY_SECONDS = 5, 2
_REMOTE_TRIES, _REMOTE_SECONDS = 3, 30  # of a remote that could not be reached
_AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)  # is over by any clock


def troubles_of(job: Job) -> int:
    """Return how often a job was queued again because something went wrong."""
    return job.priority - (ANSWERS_FIRST if job.task_name == ANSWER else 0)


class Again(BaseRetryStrategy):
    """Jobs that were not done for a reason that passes are queued again; others never are.

    `ahead` is how many seconds the clock of the database, which says when a job is due, is before
    this machine's.
    """

    def __init__(self, ahead: float) -> None:
        self._ahead = ahead

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when the job is due again, None when it is not."""
        tries = troubles_of(job) + 1
        if isinstance(exception, InterruptedByUserError | OtherReleaseError):
            return RetryDecision(retry_at=_AT_ONCE)
        if isinstance(exception, BusyError):
            return RetryDecision(retry_at=self._after(_BUSY_SECONDS))
        if isinstance(exception, StoreError) and tries < _TRIES:
            # Ever later, and not for ever: what cannot be stored may have been paid for.
            later = self._after(_AWAY_SECONDS * 2 ** (tries - 1))
        elif isinstance(exception, WorkspaceError) and tries < _REMOTE_TRIES:
            later = self._after(_REMOTE_SECONDS)
        else:
            return None
        return RetryDecision(retry_at=later, priority=job.priority + 1)

    def _after(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(time.time() + self._ahead + seconds, UTC)


def seconds_ahead(database: Database) -> float:
    """Return how far the clock of the database is before this machine's."""
    [row] = database.execute("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
    return float(row["now"]) - time.time()


async def rescue(queue: WorkerQueue, url: str, say: Callable[[str], None]) -> None:
    """Queue the jobs again whose worker gives no sign of life; after some tries, give them up.

    Outcomes of this worker's own jobs that the database did not hear are told it first.
    """
    if not (queue.untold or await queue.left_alone()):
        return
    async with await psycopg.AsyncConnection.connect(url, **connection_arguments()) as connection:
        # One at a time: the other would take what was just queued again for what is in the way.
        # With the transaction, whose time is limited, the lock of one that is suspended ends.
        taken = await connection.execute(
            "SELECT pg_try_advisory_xact_lock(%s)", (lock_number("rescuing"),)
        )
        if await taken.fetchone() == (True,):
            await queue.tell_the_untold()
            for job in await queue.left_alone():
                await _rescued(queue, job, say)


async def _rescued(queue: WorkerQueue, job: Job, say: Callable[[str], None]) -> None:
    about = job.task_kwargs.get("task") or job.task_kwargs.get("run") or job.task_name
    if troubles_of(job) + 1 >= _TRIES:
        await queue.tell(Outcome(job))
        say(f"{about}: given up, {_TRIES} workers died over it or could not store it")
        return
    with contextlib.suppress(ConnectorException):  # it has ended meanwhile
        if await queue.tell(Outcome(job, Status.TODO, _AT_ONCE, job.priority + 1)):
            say(f"{about}: its worker died, so it is queued again")
