"""Jobs taken by a worker: no outcome is lost, and no live worker counts as dead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime

import procrastinate
import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from support.postgres import Postgres

from reviewloop.app.fleet.jobs import QUEUE, Jobs
from reviewloop.app.fleet.worker import Outcome, WorkerQueue, rescue, work
from reviewloop.app.fleet.workplace import Workplace, opened
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.store.postgres.batches import About
from reviewloop.store.postgres.database import Database, connection_arguments

pytestmark = pytest.mark.needs_postgresql
WORK = About("key", "name", "/remote.git", "work", None, {}, "sha1", "")
AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def url(postgres: Postgres) -> str:
    address = postgres.url()
    with opened(address, make=True) as database:
        Jobs(database, address).tasks("batch", WORK, ["1"])
    return address


@asynccontextmanager
async def queue_of(
    url: str, heartbeat: float = 10, untold: list[Outcome] | None = None
) -> AsyncIterator[WorkerQueue]:
    connector = procrastinate.PsycopgConnector(
        conninfo=url, kwargs=connection_arguments(), min_size=1, timeout=0.3
    )
    async with procrastinate.App(connector=connector).open_async():
        yield WorkerQueue(connector, heartbeat, untold)


async def taken(queue: WorkerQueue) -> Job:
    job = await queue.fetch_job(queues=[QUEUE], worker_id=await queue.register_worker())
    assert job
    return job


def execute(url: str, *statements: str) -> None:
    with closing(Database(url)) as database:
        for statement in statements:
            database.execute(statement)


def jobs(url: str) -> list[str]:
    with closing(Database(url)) as database:
        rows = database.execute("SELECT status::text AS status FROM procrastinate_jobs ORDER BY id")
    return [row["status"] for row in rows]


@pytest.mark.parametrize("others", [False, True])
def test_an_outcome_that_the_database_did_not_hear_is_told_once_it_is_back(url, postgres, others):
    untold: list[Outcome] = []
    said: list[str] = []

    async def away_at_the_end_of_a_job() -> None:
        async with queue_of(url, untold=untold) as queue:
            job = await taken(queue)
            postgres.sql("CHECKPOINT")  # the servers of tests forget, when they stop, what is fresh
            postgres.stop()
            try:
                with pytest.raises(ConnectorException):
                    await queue.retry_job(job, AT_ONCE, priority=3)
                await queue.update_heartbeat(1)  # raised, there would be no further one
                assert queue.lost.is_set()
            finally:
                postgres.start()

    async def back() -> None:
        async with queue_of(url, untold=untold) as queue:
            if others:  # took the job over meanwhile
                number = await queue.register_worker()
                execute(url, f"UPDATE procrastinate_jobs SET worker_id = {number}")
            await rescue(queue, url, said.append)

    asyncio.run(away_at_the_end_of_a_job())
    assert jobs(url) == ["doing"]
    asyncio.run(back())
    assert (jobs(url), untold, said) == (["doing"] if others else ["todo"], [], [])


def test_a_worker_keeps_no_job_whose_end_was_not_heard(url, tmp_path):
    """The database refuses it once, as if it went away just then."""
    execute(
        url,
        "CREATE SEQUENCE refusals",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF nextval('refusals') = 1 THEN RAISE EXCEPTION 'away' USING ERRCODE = '57P01'; END IF; "
        "RETURN NEW; END $$",
        "CREATE TRIGGER refuse BEFORE UPDATE OF status ON procrastinate_jobs FOR EACH ROW "
        "WHEN (OLD.status = 'doing') EXECUTE FUNCTION refuse()",
    )
    place = Workplace(url, tmp_path, False, None, print, str)  # type: ignore[arg-type]  # no listener
    with suppress(ReviewLoopError):  # there is no such batch
        work(place, once=True, heartbeat=10, patience=0.2)
    assert jobs(url) == ["failed"]


def test_a_job_that_was_queued_a_second_time_meanwhile_does_not_stay_taken(url):
    async def queued_again() -> None:
        async with queue_of(url) as queue:
            job = await taken(queue)
            with closing(Database(url)) as database:
                assert Jobs(database, url).tasks("batch", WORK, ["1"]) == ["1"]
            await queue.retry_job(job, AT_ONCE)

    asyncio.run(queued_again())
    assert jobs(url) == ["failed", "todo"]


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize(
    ("mine", "others", "silent", "dead"),
    [(10, 0.5, 20, False), (10, 0.5, 31, True), (0.5, 10, 2, True), (0.5, 10, 1, False)],
)
def test_a_worker_is_dead_after_three_heartbeats_of_its_own(url, mine, others, silent, dead):
    async def looked_at() -> list[int]:
        async with queue_of(url, mine) as one, queue_of(url, others) as two:
            job = await taken(one)
            ago = f"now() - interval '{silent} seconds'"
            execute(url, f"UPDATE procrastinate_workers SET last_heartbeat = {ago}")
            assert [found.id for found in await two.left_alone()] == ([job.id] if dead else [])
            return await two.prune_stalled_workers(1)

    assert bool(asyncio.run(looked_at())) is dead


@pytest.mark.slow
def test_nobody_is_missed_who_is_to_give_a_sign_of_life_later(url):
    async def silence(heartbeat: float, seconds: int) -> str:
        async with queue_of(url, heartbeat) as queue:
            await queue.register_worker()
        ago = f"now() - interval '{seconds} seconds'"
        execute(url, f"UPDATE procrastinate_workers SET last_heartbeat = {ago}")
        with closing(Database(url)) as database:
            return Jobs(database, url).unattended()

    assert asyncio.run(silence(10, 130)) == "no worker has given a sign of life for 2 min"
    assert asyncio.run(silence(300, 700)) == ""
    assert asyncio.run(silence(300, 1000)) == "no worker has given a sign of life for 17 min"
