"""Workers on a real PostgreSQL, with a bare remote, real git and models over HTTP."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.bedrock import BedrockServer
from support.many import many
from support.parts import Part
from support.play import agent_of
from support.postgres import Postgres, running
from support.team import Team


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server


@pytest.fixture
def team(tmp_path: Path, postgres: Postgres) -> Iterator[Callable[..., Team]]:
    """Return a function that makes a team, with models that answer as `play` says."""
    with ExitStack() as stack:

        def made(play: Part | None = None, **files: str) -> Team:
            server = stack.enter_context(BedrockServer(play or many(), agent_of=agent_of))
            return Team(tmp_path, postgres, server, **files)

        yield made
