"""The queue and its tables: when a task is queued again, and rows of an older release."""

import asyncio
import json
import time
import tracemalloc
from contextlib import closing
from types import SimpleNamespace

import procrastinate
import pytest
from procrastinate.jobs import Job
from support.postgres import Postgres

from reviewloop.app.fleet.jobs import ANSWER, ANSWERS_FIRST, QUEUE, TASK, Jobs
from reviewloop.app.fleet.queue import note_now
from reviewloop.app.fleet.worker import Again, WorkerQueue, rescue, work
from reviewloop.app.fleet.workplace import BusyError, Workplace, opened
from reviewloop.domain.errors import StoreError, UsageError, WorkspaceError
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.render.reasons import sentence
from reviewloop.store.postgres import database as databases
from reviewloop.store.postgres.batches import About
from reviewloop.store.postgres.database import Database, connection_arguments
from reviewloop.store.postgres.figures import SharedFigures
from reviewloop.store.postgres.rates import SharedRates
from reviewloop.store.postgres.replica import rebuild
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.rates import Ceilings
from reviewloop.store.runs import RunRecord, RunStatus

pytestmark = pytest.mark.needs_postgresql
WORK = About("key", "name", "/remote.git", "work", None, {}, "sha1", "")


@pytest.fixture
def url(postgres: Postgres) -> str:
    address = postgres.url()
    with opened(address, make=True):
        return address


def jobs(url: str) -> list[tuple[str, int, int]]:
    with closing(Database(url)) as database:
        rows = database.execute(
            "SELECT status::text AS status, attempts, priority FROM procrastinate_jobs ORDER BY id"
        )
    return [(row["status"], row["attempts"], row["priority"]) for row in rows]


def left_by_a_dead_worker(url: str, number: int, attempts: int = 0) -> None:
    with closing(Database(url)) as database:
        Jobs(database, url).tasks("batch", WORK, [str(n) for n in range(number)])
        database.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', lock = id::text, attempts = %s",
            (attempts,),
        )


def rescued(url: str, rescuers: int = 1) -> list[str]:
    said: list[str] = []

    async def all_at_once() -> None:
        apps = [
            procrastinate.App(
                connector=procrastinate.PsycopgConnector(
                    conninfo=url, kwargs=connection_arguments()
                )
            )
            for _ in range(rescuers)
        ]
        for app in apps:
            await app.open_async()
        try:
            await asyncio.gather(
                *(rescue(WorkerQueue(app.connector, 1.0), url, said.append) for app in apps)
            )
        finally:
            for app in apps:
                await app.close_async()

    asyncio.run(all_at_once())
    return said


def test_jobs_of_a_dead_worker_are_queued_again_once_however_many_see_to_it(url):
    left_by_a_dead_worker(url, 12)
    said = rescued(url, 3)
    assert jobs(url) == [("todo", 1, 1)] * 12
    assert len(said) == 12


def test_a_job_is_given_up_after_five_deaths_and_not_for_having_waited(url):
    # It found its branch taken, or its worker was told to stop, thirty times.
    left_by_a_dead_worker(url, 1, 30)
    for deaths in range(1, 5):
        rescued(url)
        assert jobs(url) == [("todo", 30 + deaths, deaths)]
        with closing(Database(url)) as database:
            database.execute("UPDATE procrastinate_jobs SET status = 'doing'")
    assert "given up" in rescued(url)[0]
    assert [status for status, *_ in jobs(url)] == ["failed"]


@pytest.mark.parametrize(("name", "base"), [(TASK, 0), (ANSWER, ANSWERS_FIRST)])
def test_what_goes_wrong_is_tried_again_as_often_as_said_by_the_clock_of_the_database(name, base):
    again, now = Again(-600.0), time.time()

    def after(error: Exception, troubles: int, attempts: int = 40) -> tuple[int, int] | None:
        job = Job(
            id=1,
            queue=QUEUE,
            lock="",
            queueing_lock="",
            task_name=name,
            priority=base + troubles,
            attempts=attempts,
        )
        found = again.get_retry_decision(exception=error, job=job)
        if found is None:
            return None
        assert found.retry_at is not None
        due = round(found.retry_at.timestamp() - now + 600)
        return due, (base + troubles if found.priority is None else found.priority) - base

    assert after(BusyError("taken"), 4) == (2, 4)
    assert [after(StoreError("away"), n) for n in range(5)] == [
        (5, 1),
        (10, 2),
        (20, 3),
        (40, 4),
        None,
    ]
    assert [after(WorkspaceError("no remote"), n) for n in range(3)] == [(30, 1), (30, 2), None]
    assert after(UsageError("no such task"), 0) is None


def test_a_worker_that_is_older_than_the_tables_ends_and_leaves_its_job_to_others(url, tmp_path):
    with closing(Database(url)) as database:
        Jobs(database, url).tasks("batch", WORK, ["1"])

    def say(sentence: str) -> None:  # once it has looked at the tables, they are changed
        with closing(Database(url)) as database:
            database.execute("UPDATE about SET version = 99")

    place = Workplace(url, tmp_path, False, None, say, str)  # type: ignore[arg-type]  # nobody listens
    with pytest.raises(UsageError, match="are of version 99"):
        work(place, once=False, heartbeat=0.1, patience=0)
    assert [status for status, *_ in jobs(url)] == ["todo"]


def test_a_worker_that_is_suspended_does_not_keep_the_limiter_from_the_others(url, monkeypatch):
    with closing(Database(url)) as database:
        [row] = database.execute("SHOW idle_in_transaction_session_timeout")
        assert row == {"idle_in_transaction_session_timeout": "1min"}
    monkeypatch.setitem(databases._SERVER, "idle_in_transaction_session_timeout", "200ms")
    with closing(Database(url)) as one, closing(Database(url)) as two:
        suspended, other = SharedRates(one), SharedRates(two)
        given = []
        with pytest.raises(StoreError), suspended._changing("quota"):
            given.append(other.take("quota", 0.0, Ceilings(requests=60)))
        assert given == [0]  # while the first one still held it


def test_a_run_of_any_size_is_brought_here_in_little_memory(url, tmp_path):
    with closing(Database(url)) as database:
        database.execute("INSERT INTO runs VALUES ('r', 'b', 'k', 'main', 'paused', 0, 0, '{}')")
        database.execute(
            "INSERT INTO files SELECT 'r', 'logs/' || n, 0, convert_to(repeat('x', 1000000), "
            "'UTF8') FROM generate_series(1, 60) n"
        )
        tracemalloc.start()
        try:
            rebuild(tmp_path / "copy", database, "r")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(list((tmp_path / "copy/logs").iterdir())) == 60
    assert most < 40_000_000


_FROM_2_TO_1 = "DROP TABLE figures, specs; DROP INDEX files_named; UPDATE about SET version = 1"


def test_tables_of_version_1_are_completed_and_what_is_in_them_stays(url):
    with closing(Database(url)) as database:
        for statement in _FROM_2_TO_1.split("; "):
            database.execute(statement)
        database.execute("INSERT INTO runs VALUES ('r', 'b', 'k', 'main', 'waiting', 0, 0, '{}')")
        Jobs(database, url).tasks("batch", WORK, ["1"])
    with pytest.raises(UsageError, match=r"of version 1, .* brings them there"), opened(url):
        pass
    with opened(url, make=True) as database:
        assert SharedFigures(database).all() == []
        assert database.execute("SELECT to_regclass('files_named') IS NULL AS lacks") == [
            {"lacks": False}
        ]
        assert [row["run_id"] for row in database.execute("SELECT run_id FROM runs")] == ["r"]
        assert [job.args["task"] for job in Jobs(database, url).pending()] == ["1"]
    with opened(url):
        pass


_OLD_NOTE = "it builds on 1-over, which waits: approve that one first"


def test_a_note_of_an_earlier_release_stays_a_sentence_that_is_shown_and_never_matched(url):
    over = RunRecord("1-over", "", "Over", "c", "main", status=RunStatus.COMMITTED)
    asks = RunRecord("2-asks", "", "Asks", "c", "main", status=RunStatus.WAITING)
    with closing(Database(url)) as database:
        for run in (over, asks):
            database.execute(
                "INSERT INTO runs VALUES (%s, 'b', 'k', 'main', %s, 0, 0, %s, '', '', %s)",
                (run.run_id, str(run.status), json.dumps(run.plain()), _OLD_NOTE),
            )
    with opened(url) as database:
        shared = SharedRuns(database)
        assert shared.shown_of("2-asks").note == reason(ReasonKind.LEGACY, text=_OLD_NOTE)
        assert sentence(_noted(shared, asks)) == _OLD_NOTE


def test_a_note_holds_until_a_run_that_it_names_is_over(url):
    first = RunRecord("1-first", "", "First", "c", "main", status=RunStatus.WAITING)
    asks = RunRecord("2-asks", "", "Asks", "c", "main", status=RunStatus.WAITING)
    note = reason(ReasonKind.ANSWER_FIRST, run="1-first", how="needs")
    with opened(url) as database:
        shared = SharedRuns(database)
        for run in (first, asks):
            database.execute(
                "INSERT INTO runs VALUES (%s, 'b', 'k', 'main', %s, 0, 0, %s)",
                (run.run_id, str(run.status), json.dumps(run.plain())),
            )
        shared.note("2-asks", note, sentence(note))
        expected = "its task needs what 1-first does, which waits: approve that one first"
        assert sentence(_noted(shared, asks)) == expected
        first.status = RunStatus.COMMITTED
        shared.save(first)
        assert not _noted(shared, asks)


def _noted(shared: SharedRuns, run: RunRecord) -> Reason:
    """Return why a run asks, by what a store holds."""
    rows = shared.all_shown()
    snapshot = SimpleNamespace(
        notes={one.run.run_id: one.note for one in rows}, runs=[one.run for one in rows]
    )
    return note_now(SimpleNamespace(snapshot=snapshot), run, NO_REASON)
