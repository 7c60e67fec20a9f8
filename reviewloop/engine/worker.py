"""A worker: takes jobs until it is told to stop, and sees to the jobs of workers that died."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta

import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.utils import utcnow

from reviewloop.engine.jobs import ANSWER, QUEUE, TASK
from reviewloop.engine.place import BusyError, Place
from reviewloop.engine.store import opened
from reviewloop.engine.work import do_answer, do_task
from reviewloop.errors import (
    InterruptedByUserError,
    ReviewLoopError,
    StoreError,
    WorkspaceError,
)
from reviewloop.store.postgres.database import connection_arguments, shown

_DEAD_AFTER = 3  # heartbeats that did not come
_TRIES = 5  # of a job whose workers died or lost the database; then a person has to look
_PATIENCE = 10.0  # seconds for a connection; a restart of the database takes fewer
_AWAY_SECONDS, _BUSY_SECONDS = 5, 2
_REMOTE_TRIES, _REMOTE_SECONDS = 3, 30  # of a remote that could not be reached


_LOOKING_SECONDS = 2.0  # between two looks for a database that is away


def work(place: Place, *, once: bool, heartbeat: float, patience: float) -> None:
    """Take jobs until a signal, or with `once` until none is left to take.

    A database that goes away is waited for, `patience` seconds; raises `StoreError` when it is
    not there at the beginning, or stays away. What was under way is kept.
    """
    with opened(place.url, make=True):
        pass
    # What matters is said in sentences.
    for name in ("procrastinate", "psycopg.pool", "asyncio", "concurrent.futures"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    while True:
        try:
            asyncio.run(_work(place, once, heartbeat))
        except (ConnectorException, psycopg.Error) as error:
            if _is_back(place, patience):
                continue
            raise StoreError(
                f"the queue at {shown(place.url)} is out of reach; nothing is lost: start a "
                "worker again when it can be reached"
            ) from error
        return


def _is_back(place: Place, patience: float) -> bool:
    """Wait until the database can be reached again; return whether it can."""
    until = time.monotonic() + patience
    if patience:
        place.say(
            f"the database at {shown(place.url)} is out of reach; nothing is lost: it is waited "
            f"for, {patience:g} seconds"
        )
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(_LOOKING_SECONDS, left))
        with contextlib.suppress(StoreError), opened(place.url):
            place.say("the database is back")
            return True
    return False


async def _work(place: Place, once: bool, heartbeat: float) -> None:
    connector = procrastinate.PsycopgConnector(
        conninfo=place.url,
        kwargs=connection_arguments(),
        min_size=1,
        max_size=4,
        timeout=min(_PATIENCE, heartbeat * _PATIENCE),
    )
    app = procrastinate.App(connector=connector)
    troubles: list[Exception] = []
    _register(app, place, troubles)
    async with app.open_async():
        dead = heartbeat * _DEAD_AFTER
        await _rescue(app, place, dead)
        rescuing = asyncio.create_task(_rescue_for_ever(app, place, dead))
        running = asyncio.create_task(
            app.run_worker_async(
                queues=[QUEUE],
                wait=not once,
                concurrency=1,
                update_heartbeat_interval=heartbeat,
                stalled_worker_timeout=dead,
                install_signal_handlers=False,
                fetch_job_polling_interval=min(5.0, heartbeat),
            )
        )
        asked = _stop_on_signals(place, running)
        try:
            done, _ = await asyncio.wait({rescuing, running}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(asyncio.CancelledError):
                    task.result()
            if not (once or asked.is_set()):  # Procrastinate stops without a word
                raise ConnectorException("the worker lost the queue")
        finally:
            for task in (rescuing, running):
                task.cancel()
            await asyncio.gather(rescuing, running, return_exceptions=True)
    if troubles and once:
        raise troubles[-1]


def _register(app: procrastinate.App, place: Place, troubles: list[Exception]) -> None:
    def task_job(batch: str, task: str) -> None:
        with _noted(place, troubles):
            do_task(place, batch, task)

    def answer_job(batch: str, run: str, answer: Mapping[str, str]) -> None:
        with _noted(place, troubles):
            do_answer(place, batch, run, answer)

    app.task(name=TASK, queue=QUEUE, retry=_Again())(task_job)
    app.task(name=ANSWER, queue=QUEUE, retry=_Again())(answer_job)


@contextlib.contextmanager
def _noted(place: Place, troubles: list[Exception]) -> Iterator[None]:
    """Say why a job was not done: the queue keeps no reasons."""
    try:
        yield
    except (BusyError, InterruptedByUserError):
        raise
    except ReviewLoopError as error:
        troubles.append(error)
        place.say(str(error))
        raise
    except Exception as error:
        troubles.append(error)
        place.say(place.report(error))
        raise


class _Again(BaseRetryStrategy):
    """Jobs that were not done for a reason that passes are queued again; others never are."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, InterruptedByUserError):
            return RetryDecision(retry_at=utcnow())
        if isinstance(exception, BusyError):
            return RetryDecision(retry_in={"seconds": _BUSY_SECONDS})
        if isinstance(exception, StoreError) and job.attempts < _TRIES:
            # Ever later, and not for ever: what cannot be stored may have been paid for.
            return RetryDecision(retry_in={"seconds": _AWAY_SECONDS * 2**job.attempts})
        if isinstance(exception, WorkspaceError) and job.attempts < _REMOTE_TRIES:
            return RetryDecision(retry_in={"seconds": _REMOTE_SECONDS})
        return None


def _stop_on_signals(place: Place, running: "asyncio.Task[None]") -> asyncio.Event:
    """Let the first signal end the work calmly: replies on their way are kept, the job goes back.

    Returns what tells that somebody asked for it.

    The second one is the system's own: it ends the process, and another worker goes on.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def stop() -> None:
        asked.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        place.say("stopping: replies on their way are still taken in")
        for context in place.crew.contexts():
            context.stop()
        running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    return asked


async def _rescue_for_ever(app: procrastinate.App, place: Place, dead: float) -> None:
    while True:
        await asyncio.sleep(dead / 2)
        await _rescue(app, place, dead)


async def _rescue(app: procrastinate.App, place: Place, dead: float) -> None:
    """Queue the jobs again whose worker gives no sign of life; after some tries, give them up."""
    manager = app.job_manager
    for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=dead):
        if job.attempts + 1 >= _TRIES:
            await manager.finish_job(job, Status.FAILED, delete_job=False)
            place.say(f"{_about(job)}: given up, {_TRIES} workers died over it")
            continue
        try:
            await manager.retry_job(job, retry_at=utcnow() - timedelta(seconds=1))
        except ConnectorException:  # queued again by somebody meanwhile
            with contextlib.suppress(ConnectorException):
                await manager.finish_job(job, Status.FAILED, delete_job=False)
            continue
        place.say(f"{_about(job)}: its worker died, so it is queued again")


def _about(job: Job) -> str:
    return str(job.task_kwargs.get("task") or job.task_kwargs.get("run") or job.task_name)
