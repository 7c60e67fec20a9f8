"""The database: unreachable, locked, forged, shared by limiters; and its address."""

import importlib.util
import socket
import threading
import time
from collections import Counter
from contextlib import closing

import psycopg
import pytest
from support.checkout import Said
from support.many import many
from support.postgres import PASSWORD, Postgres
from support.processes import until, waiting, worker
from support.team import Team

from reviewloop.app.fleet.workplace import opened
from reviewloop.domain.errors import WorkspaceError
from reviewloop.installed import how_to_install
from reviewloop.store.postgres.database import Database, unreachable
from reviewloop.store.postgres.rates import SharedRates
from reviewloop.store.postgres.replica import rebuild
from reviewloop.store.rates import Ceilings

pytestmark = pytest.mark.needs_postgresql


@pytest.mark.slow
def test_a_database_that_is_away_for_a_while_is_waited_for_and_the_run_goes_on(team, postgres):
    play, first, back = many(), threading.Lock(), threading.Event()

    def stops_the_database_once(received):
        if received.agent.startswith("review-") and first.acquire(blocking=False):
            postgres.stop()
            threading.Timer(2, lambda: (postgres.start(), back.set())).start()
        return play(received)

    crew = team(stops_the_database_once)
    assert crew.enqueue("--tasks", "1").code == 0
    with worker(crew.machine("one")) as one:
        assert back.wait(40)
        until(lambda: waiting(crew.person) == ["1"], "the task is finished")
        pushed_while_it_is_away(crew, postgres)
        said = one.end()
    assert said.code == 0, said.err
    assert "nothing is lost" in said.err
    assert PASSWORD not in said.err
    assert "Traceback" not in said.err, said.err
    calls = Counter(received.agent for received in crew.server.ledger)
    assert calls.pop("implement") == 2  # two turns, and both were stored
    assert max(calls.values()) <= 2, calls  # only what could not be stored is asked for again


def pushed_while_it_is_away(crew: Team, postgres: Postgres) -> None:
    """What reached the remote is committed in the database, too, once that is back."""
    arrived, goes_on = crew.folder / "arrived", crew.folder / "goes-on"
    hook = crew.remote / "hooks/post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f"#!/bin/sh\ntouch '{arrived}'\nwhile [ ! -e '{goes_on}' ]; do sleep 0.1; done\n"
    )
    hook.chmod(0o755)
    assert crew.person.run("approve").code == 0
    until(arrived.exists, "the commit is at the remote")
    postgres.stop()
    goes_on.touch()
    time.sleep(0.5)
    postgres.start()

    def state() -> str:
        [told] = crew.person.json("status")["batches"]
        return str(told["tasks"][0]["state"]) if told["state"] != "running" else ""

    until(lambda: state() == "committed", "the commit is in the report")
    assert crew.history() == ["Add part 1"]
    [run] = crew.person.json("status")["runs"]
    assert run["commit"] == crew.person.git("ls-remote", "origin", crew.branch).split()[0]


@pytest.mark.slow
def test_a_worker_without_its_database_ends_so_that_it_is_started_again(team, postgres):
    crew = team()
    command = ("worker", "--heartbeat", "0.1", "--patience", "0.5")
    ended: list[Said] = []
    thread = threading.Thread(target=lambda: ended.append(crew.machine("one").forked(*command)))
    thread.start()
    registered = "SELECT to_regclass('reviewloop.procrastinate_workers') IS NOT NULL"
    while postgres.sql(registered, crew.url.rpartition("/")[2]) == "f" or not crew.count(
        "procrastinate_workers"
    ):
        assert thread.is_alive()
        time.sleep(0.1)
    try:
        postgres.stop()
        thread.join(30)
    finally:
        postgres.start()
    [said] = ended
    assert said.code == 5
    assert "nothing is lost: it is waited for, 0.5 seconds" in said.err
    assert "start a worker again" in said.err
    assert "Traceback" not in said.err, said.err


@pytest.mark.slow
def test_a_worker_that_is_told_to_stop_does_not_wait_for_a_database_that_is_away(team, postgres):
    crew = team()
    with opened(crew.url, make=True), worker(crew.machine("one")) as one:
        until(lambda: crew.count("procrastinate_workers") == 1, "the worker is at work")
        try:
            postgres.stop()
            said = one.end()
        finally:
            postgres.start()
    assert said.code == 0, said.err
    assert said.err.splitlines()[-1] == "stopping: replies on their way are still taken in"


@pytest.mark.slow
def test_a_worker_leaves_a_branch_alone_while_another_one_is_on_it(team):
    crew = team()
    assert crew.enqueue("--tasks", "1").code == 0
    with closing(Database(crew.url)) as other:
        [row] = other.execute("SELECT lock FROM procrastinate_jobs")
        assert other.try_lock(row["lock"])
        assert crew.work(crew.machine("one")).code == 0
        assert crew.server.ledger == []
        [job] = other.execute("SELECT status::text, attempts FROM procrastinate_jobs")
        assert job == {"status": "todo", "attempts": 1}


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("git/../../outside", b"x"),
        ("git/hooks/post-commit", b"#!/bin/sh\n"),
        ("git/config", b"[core]\n\tfsmonitor = evil\n"),
        ("/etc/passwd", b"x"),
        ("blobs/" + 64 * "0", b"not what its name says"),
        ("git/objects/00/" + 38 * "0", b"not what its name says"),
    ],
)
def test_what_we_never_write_is_not_taken_from_the_database(team, tmp_path, path, data):
    crew = team()
    assert crew.enqueue("--tasks", "1").code == 0
    with closing(Database(crew.url)) as database:
        database.execute("INSERT INTO runs VALUES ('r', 'b', 'k', 'main', 'paused', 0, 0, '{}')")
        database.execute("INSERT INTO files VALUES ('r', %s, 0, %s)", (path, data))
        with pytest.raises(WorkspaceError):
            rebuild(tmp_path / "copy", database, "r")
    assert not (tmp_path / "outside").exists()


@pytest.mark.slow
def test_limiters_of_all_machines_share_one_bucket(team):
    crew = team()
    assert crew.enqueue("--tasks", "1").code == 0
    ceilings = Ceilings(requests=60)
    with closing(Database(crew.url)) as one, closing(Database(crew.url)) as two:
        machines = SharedRates(one), SharedRates(two)
        waits = [machines[n % 2].take("quota", 0.0, ceilings) for n in range(14)]
        free = [wait for wait in waits if not wait]
        assert 10 <= len(free) <= 11  # a sixth of a minute's may go at once, whoever takes them
        assert abs(machines[0].now() - machines[1].now()) < 0.5
        machines[0].refuse("quota", "requests", machines[0].now(), 30.0)
        assert machines[1].take("quota", 0.0, ceilings) > 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("mysql://ada:{}@127.0.0.1/x", 2),
        ("postgresql://ada:{}@127.0.0.1:x/y", 2),
        ("postgresql://ada:{}@127.0.0.1:1/x", 5),
        ("empty", 2),
    ],
)
def test_a_store_that_cannot_be_is_one_sentence_without_the_password(team, postgres, url, code):
    crew = team()
    named = postgres.url() if url == "empty" else url.format(PASSWORD)
    for command in (("status",), ("queue",), ("approve", "x")):
        said = crew.person.run(*command, "--store", named)
        assert said.code == code, said.err
        assert len(said.err.strip().splitlines()) == 1
        assert PASSWORD not in said.err


def test_an_address_that_does_not_get_in_is_to_be_corrected(team):
    crew = team()
    server, _, name = crew.url.rpartition("/")
    for wrong in (
        crew.url.replace(PASSWORD, "guessed"),
        crew.url.replace("tester:", "nobody:"),
        f"{server}/no-{name}",
        crew.url.replace("127.0.0.1", "no..host"),
    ):
        said = crew.person.run("worker", "--store", wrong)
        assert said.code == 2, said.err
        [line] = said.err.strip().splitlines()
        what = "the host of the" if "host" in wrong else "correct user, password, host and database"
        assert what in line
        assert PASSWORD not in line


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (f"failed to resolve host 'x': [Errno {socket.EAI_NONAME}] Name not known", 2),
        (f"failed to resolve host 'x': [Errno {socket.EAI_AGAIN}] Temporary failure", 5),
        ("FATAL:  sorry, too many clients already", 5),
        ("FATAL:  the database system is starting up", 5),
    ],
)
def test_a_server_that_is_away_is_not_taken_for_a_wrong_address(reason, code):
    error = psycopg.OperationalError(reason)
    assert unreachable(error, "postgresql://ada@x/y").exit_code == code


def test_a_folder_for_clones_that_cannot_be_made_is_one_sentence(team):
    said = team().person.run("worker", "--work", "/dev/null/clones")
    assert said.code == 2
    [line] = said.err.strip().splitlines()
    assert "--work /dev/null/clones: no folder for clones can be made there" in line


@pytest.mark.slow
def test_a_report_of_a_bug_does_not_hold_the_password(team):
    crew = team()
    assert crew.enqueue("--tasks", "1").code == 0
    machine = crew.machine("one")
    del machine.environ["REVIEWLOOP_STORE"]
    said = crew.work(machine, "--store", crew.url, REVIEWLOOP_FAULT="worker.opened:1=raise")
    assert said.code == 70
    logs = [log.read_text() for log in (machine.state / "logs").glob("bug-*")]
    assert "'--store'" in logs[-1]
    assert PASSWORD not in "".join([*logs, said.err])


@pytest.mark.slow
def test_two_processes_make_the_tables_once(team):
    crew = team()
    with psycopg.connect(crew.url) as connection:
        assert connection.execute("SELECT to_regclass('reviewloop.runs')").fetchone() == (None,)
    said = []
    threads = [
        threading.Thread(target=lambda n=n: said.append(crew.work(crew.machine(f"m{n}"))))
        for n in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.code for one in said] == [0, 0], said


@pytest.mark.slow
def test_what_is_missing_is_one_sentence(team, postgres, monkeypatch):
    crew = team()
    name = crew.url.rpartition("/")[2]
    postgres.sql(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    guest = crew.url.replace("tester:", "guest:")

    def sentence(code: int, *arguments: str) -> str:
        said = crew.person.run(*arguments)
        assert said.code == code, said.err
        [line] = said.err.strip().splitlines()
        assert PASSWORD not in line
        return line

    for command in ("batch", "worker"):
        assert "make and own the schema" in sentence(2, command, "--store", guest)
    assert crew.enqueue("--tasks", "1").code == 0
    assert "permission denied" in sentence(2, "queue", "--store", guest)
    postgres.sql("UPDATE reviewloop.about SET version = 99", name)
    for command in ("batch", "worker", "status"):
        assert "are of version 99, and this release reads" in sentence(2, command)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert how_to_install("postgres") in sentence(2, "worker")
