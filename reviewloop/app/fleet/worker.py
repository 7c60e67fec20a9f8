"""A worker: takes jobs until it is stopped, also those of workers that died."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import procrastinate
import psycopg
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from reviewloop.app.fleet.jobs import ANSWER, ANSWERS_FIRST, QUEUE, TASK
from reviewloop.app.fleet.work import do_answer, do_task
from reviewloop.app.fleet.workplace import BusyError, Workplace, opened
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    InterruptedByUserError,
    ReviewLoopError,
    StoreError,
    WorkspaceError,
)
from reviewloop.store.postgres.database import (
    SIGNS_THAT_LACK,
    Database,
    OtherReleaseError,
    connection_arguments,
    lock_number,
    shown,
)

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
# Joined from constants.
_PRUNE = f"DELETE FROM procrastinate_workers WHERE NOT ({_ALIVE}) RETURNING id"  # noqa: S608 - see above
_FORGET = "DELETE FROM heartbeats WHERE worker_id NOT IN (SELECT id FROM procrastinate_workers)"
_REGISTER = "INSERT INTO heartbeats VALUES (%(worker)s, %(mine)s)"


@dataclass(frozen=True)
class Outcome:
    """The end of a job: done, failed, or queued again (`retry_at`)."""

    job: Job
    status: Status = Status.FAILED
    retry_at: datetime | None = None
    priority: int | None = None


class WorkerQueue(JobManager):
    """The worker's connection to the queue.

    `unreported` are outcomes that the database did not receive; they outlive this connection.
    `heartbeat` is in seconds.
    """

    def __init__(
        self, connector: BaseConnector, heartbeat: float, unreported: list[Outcome] | None = None
    ) -> None:
        super().__init__(connector)
        self._pulse = {"signs": SIGNS_THAT_LACK, "mine": heartbeat}
        self.unreported = [] if unreported is None else unreported
        self.lost = asyncio.Event()  # an outcome was not received: it has to be reported again

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """End a job for good; delete nothing."""
        await self._report_or_keep(Outcome(job, status))

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Queue a job again; queue and lock stay the same."""
        await self._report_or_keep(
            Outcome(job, Status.TODO, retry_at or datetime.now(UTC), priority)
        )

    async def report_outcome(self, outcome: Outcome) -> bool:
        """End a job or queue it again; return whether this queued it."""
        number = outcome.job.id
        assert number is not None  # noqa: S101  # it comes from the database
        status = outcome.status
        if outcome.retry_at:
            try:
                await self.retry_job_by_id_async(number, outcome.retry_at, outcome.priority)
            except UniqueViolation:  # the same job was queued again meanwhile, which suffices
                status = Status.FAILED
            else:
                return True
        await self.finish_job_by_id_async(number, status, delete_job=False)
        return False

    async def report_the_rest(self) -> None:
        """Report the outcomes that were not received, unless another worker handled the job."""
        while self.unreported:
            outcome = self.unreported[0]
            for now in await self.list_jobs_async(id=outcome.job.id, status="doing"):
                # Without a worker id when this worker registered again.
                if now.worker_id in {None, outcome.job.worker_id}:
                    await self.report_outcome(outcome)
            self.unreported.pop(0)

    async def left_alone(self) -> list[Job]:
        """Return the jobs whose worker has no heartbeat."""
        rows = await self._rows(_LEFT_ALONE, queue=QUEUE, **self._pulse)
        return [Job.from_row(row) for row in rows]

    async def register_worker(self) -> int:
        """Register a worker with its heartbeat interval; return its id."""
        number = await super().register_worker()
        await self.connector.execute_query_async(_REGISTER, worker=number, **self._pulse)
        return number

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:
        """Remove the workers that died, each by its own interval."""
        pruned = await self._rows(_PRUNE, **self._pulse)
        await self.connector.execute_query_async(_FORGET)
        return [row["id"] for row in pruned]

    async def update_heartbeat(self, worker_id: int) -> None:
        """Send a heartbeat; one that is lost is followed by the next."""
        # Raised, it would end all further heartbeats without a message.
        with suppress(ConnectorException):
            await super().update_heartbeat(worker_id)

    async def _report_or_keep(self, outcome: Outcome) -> None:
        try:
            await self.report_outcome(outcome)
        except ConnectorException as error:
            # The queue's own error: another worker has the job.
            if not isinstance(error.__cause__, psycopg.errors.RaiseException):
                self.unreported.append(outcome)
                self.lost.set()
            raise

    async def _rows(self, query: Any, **values: Any) -> list[dict[str, Any]]:
        return await self.connector.execute_query_all_async(query, **values)


_TRIES = 5  # of a job whose workers died or lost the database; after that a user decides
_AWAY_SECONDS, _BUSY_SECONDS = 5, 2
_REMOTE_TRIES, _REMOTE_SECONDS = 3, 30  # of a remote that cannot be reached
_AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)  # in the past by any clock


def troubles_of(job: Job) -> int:
    """Return how often a job was queued again because something went wrong."""
    return job.priority - (ANSWERS_FIRST if job.task_name == ANSWER else 0)


class Again(BaseRetryStrategy):
    """Queues jobs again that failed for a temporary reason, and no others.

    `ahead` is how many seconds the clock of the database, which decides when a job is due, is ahead
    of this machine's.
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
            # Ever later, up to a limit: what cannot be stored may have been paid for.
            later = self._after(_AWAY_SECONDS * 2 ** (tries - 1))
        elif isinstance(exception, WorkspaceError) and tries < _REMOTE_TRIES:
            later = self._after(_REMOTE_SECONDS)
        else:
            return None
        return RetryDecision(retry_at=later, priority=job.priority + 1)

    def _after(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(time.time() + self._ahead + seconds, UTC)


def seconds_ahead(database: Database) -> float:
    """Return the seconds by which the clock of the database is ahead of this machine's."""
    [row] = database.execute("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
    return row.number("now") - time.time()


async def rescue(queue: WorkerQueue, url: str, notify: Callable[[str], None]) -> None:
    """Queue the jobs of workers without a heartbeat again; after some tries, end them.

    First report this worker's own outcomes that the database did not receive.
    """
    if not (queue.unreported or await queue.left_alone()):
        return
    async with await psycopg.AsyncConnection.connect(url, **connection_arguments()) as connection:
        # One at a time: a second one would take just queued jobs for conflicts. The transaction,
        # whose time is limited, frees the lock of a suspended process.
        taken = await connection.execute(
            "SELECT pg_try_advisory_xact_lock(%s)", (lock_number("rescuing"),)
        )
        if await taken.fetchone() == (True,):
            await queue.report_the_rest()
            for job in await queue.left_alone():
                await _rescued(queue, job, notify)


async def _rescued(queue: WorkerQueue, job: Job, notify: Callable[[str], None]) -> None:
    about = job.task_kwargs.get("task") or job.task_kwargs.get("run") or job.task_name
    if troubles_of(job) + 1 >= _TRIES:
        await queue.report_outcome(Outcome(job))
        notify(f"{about}: given up, {_TRIES} workers died over it or could not store it")
        return
    with contextlib.suppress(ConnectorException):  # it has ended meanwhile
        if await queue.report_outcome(Outcome(job, Status.TODO, _AT_ONCE, job.priority + 1)):
            notify(f"{about}: its worker died, so it is queued again")


Recorded = Callable[[], contextlib.AbstractContextManager[None]]

_PATIENCE = 10.0  # seconds for a connection; a restart of the database takes less
_LOOKING_SECONDS = 2.0  # between two tries while the database is away


@dataclass
class _Kept:
    """The state of a worker across connections to the queue."""

    unreported: list[Outcome] = field(default_factory=list)
    is_stopping: bool = False  # by a signal


def work(workplace: Workplace, *, once: bool, heartbeat: float, patience: float) -> None:
    """Take jobs until a signal, or with `once` until none is left.

    Waits `patience` seconds for a database that goes away; raises `StoreError` when it is away at
    the start or stays away, and `UsageError` once its tables are of a later release. Work in
    progress is kept.
    """
    with opened(workplace.url, make=True) as database:
        ahead = seconds_ahead(database)
    if not once:
        workplace.notify(
            f"waits for tasks of {shown(workplace.url)}; its clones are in {workplace.clones}"
        )
    # Important events are printed as sentences.
    for name in ("procrastinate", "psycopg.pool", "asyncio", "concurrent.futures"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    kept = _Kept()
    while True:
        try:
            asyncio.run(_work(workplace, once, heartbeat, ahead, kept))
        except (ConnectorException, psycopg.Error) as error:
            if kept.is_stopping:
                return  # other workers take over unreported jobs
            if _is_back(workplace, patience):
                continue
            raise StoreError(
                f"the queue at {shown(workplace.url)} is out of reach; nothing is lost: start a "
                "worker again when it can be reached"
            ) from error
        return


def _is_back(workplace: Workplace, patience: float) -> bool:
    """Wait until the database can be reached again; return whether it can."""
    until = time.monotonic() + patience
    if patience:
        workplace.notify(
            f"the database at {shown(workplace.url)} is out of reach; nothing is lost: it is "
            f"waited for, {patience:g} seconds"
        )
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(_LOOKING_SECONDS, left))
        with contextlib.suppress(StoreError), opened(workplace.url):
            workplace.notify("the database is back")
            return True
    return False


async def _work(
    workplace: Workplace, once: bool, heartbeat: float, ahead: float, kept: _Kept
) -> None:
    connector = procrastinate.PsycopgConnector(
        conninfo=workplace.url,
        kwargs=connection_arguments(),
        min_size=1,
        max_size=4,
        timeout=min(_PATIENCE, heartbeat * _PATIENCE),
    )
    app = procrastinate.App(connector=connector)
    app.job_manager = queue = WorkerQueue(connector, heartbeat, kept.unreported)
    troubles: list[Exception] = []
    outdated, loop = asyncio.Event(), asyncio.get_running_loop()
    recorded = partial(
        _recorded, workplace, troubles, partial(loop.call_soon_threadsafe, outdated.set)
    )
    _register(app, workplace, recorded, Again(ahead))
    async with app.open_async():
        await rescue(queue, workplace.url, workplace.notify)
        rescuing = asyncio.create_task(_rescue_for_ever(queue, workplace, heartbeat))
        running = asyncio.create_task(
            app.run_worker_async(
                queues=[QUEUE],
                wait=not once,
                concurrency=1,
                update_heartbeat_interval=heartbeat,
                install_signal_handlers=False,
                fetch_job_polling_interval=min(5.0, heartbeat),
            )
        )
        _stop_on_signals(workplace, running, kept)
        try:
            stopping = asyncio.create_task(outdated.wait())
            parts: tuple[asyncio.Task[Any], ...] = (rescuing, running, stopping)
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(asyncio.CancelledError):
                    task.result()
            if kept.unreported or not (once or kept.is_stopping or outdated.is_set()):
                raise ConnectorException("the worker lost the queue")  # Procrastinate says no word
        finally:
            for task in parts:
                task.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
    if troubles and (once or outdated.is_set()):
        raise troubles[-1]


def _register(
    app: procrastinate.App, workplace: Workplace, recorded: Recorded, again: Again
) -> None:
    def task_job(batch: str, task: str) -> None:
        with recorded():
            do_task(workplace, batch, task)

    def answer_job(
        batch: str, run: str, answer: Mapping[str, str], after: Collection[str] = ()
    ) -> None:
        with recorded():
            do_answer(workplace, batch, run, answer, after)

    app.task(name=TASK, queue=QUEUE, retry=again)(task_job)
    app.task(name=ANSWER, queue=QUEUE, retry=again)(answer_job)


@contextlib.contextmanager
def _recorded(
    workplace: Workplace, troubles: list[Exception], outdated: Callable[[], object]
) -> Iterator[None]:
    """Report why a job failed, as the queue stores no reasons; `outdated` is called for a later
    release.
    """
    try:
        yield
    except (BusyError, InterruptedByUserError):
        raise
    except OtherReleaseError as error:
        troubles.append(error)
        outdated()
        raise
    except ReviewLoopError as error:
        troubles.append(error)
        workplace.notify(str(error))
        raise
    except Exception as error:
        troubles.append(error)
        workplace.notify(workplace.report(error))
        raise


def _stop_on_signals(workplace: Workplace, running: "asyncio.Task[None]", kept: _Kept) -> None:
    """Let the first signal end the work: model replies are stored, the job is queued again.

    The second one has the system's default effect: it ends the process, and another worker
    continues.
    """
    loop = asyncio.get_running_loop()

    def stop() -> None:
        kept.is_stopping = True
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        workplace.notify("stopping: replies on their way are still taken in")
        for context in workplace.workers.contexts():
            context.stop()
        running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


async def _rescue_for_ever(queue: WorkerQueue, workplace: Workplace, heartbeat: float) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(queue.lost.wait(), heartbeat * SIGNS_THAT_LACK / 2)
        queue.lost.clear()
        await rescue(queue, workplace.url, workplace.notify)
