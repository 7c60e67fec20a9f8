"""A worker: takes jobs until it is told to stop, and sees to the jobs of workers that died."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException

from reviewloop.app.fleet.again import Again, rescue, seconds_ahead
from reviewloop.app.fleet.jobs import ANSWER, QUEUE, TASK
from reviewloop.app.fleet.place import BusyError, Place
from reviewloop.app.fleet.store import opened
from reviewloop.app.fleet.work import do_answer, do_task
from reviewloop.app.fleet.worker_queue import Outcome, WorkerQueue
from reviewloop.domain.errors import InterruptedByUserError, ReviewLoopError, StoreError
from reviewloop.store.postgres.database import (
    SIGNS_THAT_LACK,
    OtherReleaseError,
    connection_arguments,
    shown,
)

Noted = Callable[[], contextlib.AbstractContextManager[None]]

_PATIENCE = 10.0  # seconds for a connection; a restart of the database takes fewer
_LOOKING_SECONDS = 2.0  # between two looks for a database that is away


@dataclass
class _Kept:
    """What a worker knows beyond one connection to the queue."""

    untold: list[Outcome] = field(default_factory=list)
    asked: bool = False  # to stop, by a signal


def work(place: Place, *, once: bool, heartbeat: float, patience: float) -> None:
    """Take jobs until a signal, or with `once` until none is left to take.

    A database that goes away is waited for, `patience` seconds; raises `StoreError` when it is
    not there at the beginning, or stays away; `UsageError` once its tables are of a later release.
    What was under way is kept.
    """
    with opened(place.url, make=True) as database:
        ahead = seconds_ahead(database)
    if not once:
        place.say(f"waits for tasks of {shown(place.url)}; its clones are in {place.clones}")
    # What matters is said in sentences.
    for name in ("procrastinate", "psycopg.pool", "asyncio", "concurrent.futures"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    kept = _Kept()
    while True:
        try:
            asyncio.run(_work(place, once, heartbeat, ahead, kept))
        except (ConnectorException, psycopg.Error) as error:
            if kept.asked:
                return  # others take over what the database did not hear
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


async def _work(place: Place, once: bool, heartbeat: float, ahead: float, kept: _Kept) -> None:
    connector = procrastinate.PsycopgConnector(
        conninfo=place.url,
        kwargs=connection_arguments(),
        min_size=1,
        max_size=4,
        timeout=min(_PATIENCE, heartbeat * _PATIENCE),
    )
    app = procrastinate.App(connector=connector)
    app.job_manager = queue = WorkerQueue(connector, heartbeat, kept.untold)
    troubles: list[Exception] = []
    outdated, loop = asyncio.Event(), asyncio.get_running_loop()
    noted = partial(_noted, place, troubles, partial(loop.call_soon_threadsafe, outdated.set))
    _register(app, place, noted, Again(ahead))
    async with app.open_async():
        await rescue(queue, place.url, place.say)
        rescuing = asyncio.create_task(_rescue_for_ever(queue, place, heartbeat))
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
        _stop_on_signals(place, running, kept)
        try:
            stopping = asyncio.create_task(outdated.wait())
            parts: tuple[asyncio.Task[Any], ...] = (rescuing, running, stopping)
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(asyncio.CancelledError):
                    task.result()
            if kept.untold or not (once or kept.asked or outdated.is_set()):
                raise ConnectorException("the worker lost the queue")  # Procrastinate says no word
        finally:
            for task in parts:
                task.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
    if troubles and (once or outdated.is_set()):
        raise troubles[-1]


def _register(app: procrastinate.App, place: Place, noted: Noted, again: Again) -> None:
    def task_job(batch: str, task: str) -> None:
        with noted():
            do_task(place, batch, task)

    def answer_job(
        batch: str, run: str, answer: Mapping[str, str], after: Collection[str] = ()
    ) -> None:
        with noted():
            do_answer(place, batch, run, answer, after)

    app.task(name=TASK, queue=QUEUE, retry=again)(task_job)
    app.task(name=ANSWER, queue=QUEUE, retry=again)(answer_job)


@contextlib.contextmanager
def _noted(
    place: Place, troubles: list[Exception], outdated: Callable[[], object]
) -> Iterator[None]:
    """Say why a job was not done: the queue keeps no reasons. No job is for who is `outdated`."""
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
        place.say(str(error))
        raise
    except Exception as error:
        troubles.append(error)
        place.say(place.report(error))
        raise


def _stop_on_signals(place: Place, running: "asyncio.Task[None]", kept: _Kept) -> None:
    """Let the first signal end the work calmly: replies on their way are kept, the job goes back.

    The second one is the system's own: it ends the process, and another worker goes on.
    """
    loop = asyncio.get_running_loop()

    def stop() -> None:
        kept.asked = True
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        place.say("stopping: replies on their way are still taken in")
        for context in place.crew.contexts():
            context.stop()
        running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


async def _rescue_for_ever(queue: WorkerQueue, place: Place, heartbeat: float) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(queue.lost.wait(), heartbeat * SIGNS_THAT_LACK / 2)
        queue.lost.clear()
        await rescue(queue, place.url, place.say)
