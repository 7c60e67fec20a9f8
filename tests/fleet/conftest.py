"""Both fleets: with runs that a test inserts, or with runs that really happened."""

import gc
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.bedrock import BedrockServer, Received
from support.checkout import Checkout, Said
from support.crash import CHECKS
from support.many import FILES, many
from support.play import agent_of
from support.postgres import Postgres, running
from support.shop import make_shop
from support.team import SETTINGS, Team

from reviewloop.app.fleet.local import LocalFleet
from reviewloop.app.fleet.port import Fleet
from reviewloop.app.project import open_repository
from reviewloop.store.batches import BatchRecord
from reviewloop.store.runs import RunRecord

Put = Callable[..., RunRecord]


class Holder:
    """A fleet, and how a run with its events comes into it as if it had been made there."""

    def __init__(self, fleet: Fleet, put: Put, said: list[str]) -> None:
        self.fleet, self.put, self.said = fleet, put, said


@pytest.fixture(scope="session")
def server(of_all_workers: Path) -> Iterator[tuple[Postgres, str]]:
    """Yield a server, and the name of a database with all tables, which others are copies of."""
    from reviewloop.app.fleet.workplace import opened

    with running(of_all_workers) as postgres:
        url = postgres.url()
        with opened(url, make=True):
            pass
        yield postgres, url.rpartition("/")[2]


@pytest.fixture(params=["local", pytest.param("postgres", marks=pytest.mark.needs_postgresql)])
def holder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Holder]:
    """Yield each fleet, around the same checkout."""
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if request.param == "local":
        yield from _local()
    else:
        postgres, template = request.getfixturevalue("server")
        yield from _postgres(postgres.url(template))


def record_of(values: Mapping[str, Any], number: int) -> RunRecord:
    """Return the record of a run that was begun after those before it."""
    given = {"title": "First", "base_commit": "head", "task_id": "1", "spec_path": "spec"}
    run = RunRecord(**{"repository": "", "branch": "main", **given, **values})
    run.created_at = run.updated_at = float(number)
    run.options = {"batch": "b", **run.options}
    return run


def _local() -> Iterator[Holder]:
    said: list[str] = []
    fleet = LocalFleet(said.append)
    with closing(fleet), closing(open_repository().runs) as runs:
        repository = open_repository()
        head = repository.user.head

        def put(*, events: tuple[Mapping[str, Any], ...] = (), **values: Any) -> RunRecord:
            run = record_of({"base_commit": head, **values}, len(runs.all()) + 1)
            folder = repository.run_folder(run.run_id)
            (folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
            runs.save(run)
            return run

        yield Holder(fleet, put, said)


def _postgres(url: str) -> Iterator[Holder]:
    from reviewloop.app.fleet.postgres import PostgresFleet
    from reviewloop.store.postgres.batches import About, SharedBatches
    from reviewloop.store.postgres.database import Database
    from reviewloop.store.postgres.runs import SharedRuns

    about = About("key", "name", "/remote.git", "main", None, {}, "sha1", "")
    batch = BatchRecord("b", "spec", "queue", {"1": "First"}, head="")
    fleet = PostgresFleet(url)
    with closing(fleet), closing(Database(url)) as database:
        SharedBatches(database).add(batch, about)
        runs = SharedRuns(database)

        def put(*, events: tuple[Mapping[str, Any], ...] = (), **values: Any) -> RunRecord:
            run = record_of(values, len(runs.all()) + 1)
            runs.insert(run, about)
            data = "".join(json.dumps(e) + "\n" for e in events).encode()
            database.execute(
                "INSERT INTO files VALUES (%s, 'events.jsonl', 0, %s)", (run.run_id, data)
            )
            return run

        yield Holder(fleet, put, [])


class Crew:
    """A user's checkout in which tasks wait, and whoever carries out what the user says."""

    def __init__(self, user: Checkout, workers: Team | None) -> None:
        self.user, self.workers = user, workers

    @property
    def ledger(self) -> list[Received]:
        """What the models were asked in this test."""
        assert self.user.server is not None
        return self.user.server.ledger

    def settle(self) -> None:
        """Return once what the user asked for is carried out."""
        if self.workers is not None:
            done = self.workers.work(self.workers.machine("one"))
            assert done.code == 0, done.err

    def batch(self, *arguments: str) -> Said:
        """Have tasks done up to where the user is asked; return how the command ended."""
        ended = self.user.forked("batch", "--mode", "queue", *arguments)
        self.settle()
        return ended

    def history(self) -> list[str]:
        """Return the subjects of the commits that the branch got, at the remote if there is one."""
        if self.workers is not None:
            return self.workers.history()
        return self.user.git("log", "--reverse", "--format=%s").splitlines()[1:]

    def pull(self) -> None:
        """Bring the checkout to where the branch is."""
        if self.workers is not None:
            self.user.git("pull", "-q", "origin", self.workers.branch)

    def runs(self) -> dict[str, dict[str, Any]]:
        """Return task -> its row in the queue."""
        return {row["task"]: row for row in self.user.json("queue")["runs"]}

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return task -> its row in the report of the newest batch."""
        return {row["task"]: row for row in self.user.json("status")["batch"]["tasks"]}


@dataclass(frozen=True)
class _Prepared:
    folder: Path  # where a test finds it
    kept: Path  # what it is each time
    server: BedrockServer
    database: str  # the name of the one to copy, "" for none


Prepare = Callable[..., _Prepared]


@pytest.fixture(scope="session")
def prepared(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Prepare]:
    """Return a function that has tasks 1, 2 and 4 done by an adapter, once for all tests."""
    with ExitStack() as stack:

        @cache
        def made(adapter: str) -> _Prepared:
            top = tmp_path_factory.mktemp(adapter)
            folder, kept = top / "site", top / "kept"
            folder.mkdir()
            server = stack.enter_context(BedrockServer(many(), agent_of=agent_of))
            database = ""
            if adapter == "local":
                crew = Crew(_local_user(folder, server, make=True), None)
            else:
                postgres, _ = request.getfixturevalue("server")
                team = Team(folder, postgres, server)
                crew, database = Crew(team.person, team), team.url.rpartition("/")[2]
            ended = crew.batch("--tasks", "1,2,4")
            assert {row["state"] for row in crew.rows().values()} == {"waiting"}, ended
            gc.collect()  # closes what is open still: its files would go while they are copied
            shutil.copytree(folder, kept, symlinks=True)
            return _Prepared(folder, kept, server, database)

        yield made


@pytest.fixture(params=["local", pytest.param("postgres", marks=pytest.mark.needs_postgresql)])
def crew(request: pytest.FixtureRequest, prepared: Prepare) -> Crew:
    """Return a crew of each adapter; runs of tasks 1, 2 (on 1) and 4 (on 2) wait."""
    return _crew(request, prepared, request.param)


@pytest.fixture
def team(request: pytest.FixtureRequest, prepared: Prepare) -> Team:
    """Return the crew whose runs are in a store."""
    workers = _crew(request, prepared, "postgres").workers
    assert workers is not None
    return workers


def _crew(request: pytest.FixtureRequest, prepared: Prepare, adapter: str) -> Crew:
    found = prepared(adapter)
    shutil.rmtree(found.folder)
    shutil.copytree(found.kept, found.folder, symlinks=True)
    found.server.ledger.clear()
    if adapter == "local":
        return Crew(_local_user(found.folder, found.server), None)
    postgres, _ = request.getfixturevalue("server")
    team = Team(found.folder, postgres, found.server, made=postgres.url(found.database))
    return Crew(team.person, team)


def _local_user(folder: Path, server: BedrockServer, *, make: bool = False) -> Checkout:
    root = folder / "project"
    if make:
        root.mkdir()
        make_shop(root, files={**FILES, "checks.py": CHECKS})
    return Checkout(root, folder / "person-home", server, SETTINGS)
