"""Workers on a real PostgreSQL, with a bare remote, real git and models over HTTP."""

import gc
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from support.bedrock import BedrockServer
from support.many import many
from support.parts import Part
from support.play import agent_of
from support.postgres import Postgres, running
from support.team import Team


@pytest.fixture(scope="session")
def postgres(of_all_workers: Path) -> Iterator[Postgres]:
    with running(of_all_workers) as server:
        yield server


class _Waiting:
    """Makes teams whose tasks wait: a worker does them once, each test has a copy of its end."""

    def __init__(self, folder: Path, postgres: Postgres, server: BedrockServer) -> None:
        self._place, self._kept = folder / "team", folder / "kept"
        self._postgres, self._server = postgres, server
        self._database = cache(self._work)

    def __call__(self, tasks: str, tested: bool) -> Team:
        """Return a team that stands where every other one did; machine `one` did these tasks."""
        database = self._database(tasks, tested)
        shutil.rmtree(self._place)
        shutil.copytree(self._kept / f"{tasks}-{tested}", self._place, symlinks=True)
        self._server.ledger.clear()
        self._server.answer = many()
        made = self._postgres.url(database)
        return Team(self._place, self._postgres, self._server, made=made, tested=tested)

    def _work(self, tasks: str, tested: bool) -> str:
        """Have tasks done at the place of all, keep what is there, and return the database."""
        shutil.rmtree(self._place, ignore_errors=True)
        self._place.mkdir()
        self._server.answer = many()
        team = Team(self._place, self._postgres, self._server, tested=tested)
        assert team.enqueue("--tasks", tasks).code == 0
        said = team.work(team.machine("one"))
        assert said.code == 0, said.err
        gc.collect()  # closes what is open still: its files would go while they are copied
        shutil.copytree(self._place, self._kept / f"{tasks}-{tested}", symlinks=True)
        return team.url.rpartition("/")[2]


class Teams:
    """Makes teams for one test."""

    def __init__(
        self, folder: Path, postgres: Postgres, waiting: _Waiting, tested: bool, stack: ExitStack
    ) -> None:
        self._folder, self._postgres, self._stack = folder, postgres, stack
        self._waiting, self._tested = waiting, tested

    def __call__(self, play: Part | None = None, **files: str) -> Team:
        """Return a team that has done nothing yet, with models that answer as `play` says."""
        server = self._stack.enter_context(BedrockServer(play or many(), agent_of=agent_of))
        return Team(self._folder, self._postgres, server, tested=self._tested, **files)

    def waiting(self, tasks: str) -> Team:
        """Return a team whose machine `one` has done these tasks, and their runs wait."""
        return self._waiting(tasks, self._tested)


@pytest.fixture(scope="session")
def _waiting(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[_Waiting]:
    with BedrockServer(many(), agent_of=agent_of) as server:
        yield _Waiting(tmp_path_factory.mktemp("waiting"), postgres, server)


@pytest.fixture
def team(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: Postgres, _waiting: _Waiting
) -> Iterator[Teams]:
    """Return what makes teams for this test; the project's tests run if it is `with_tests`."""
    tested = request.node.get_closest_marker("with_tests") is not None
    with ExitStack() as stack:
        yield Teams(tmp_path, postgres, _waiting, tested, stack)
