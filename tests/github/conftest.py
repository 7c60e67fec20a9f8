"""A repository with a change of every kind, and the stand-in for GitHub that shows it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.github_server import GitHubServer

from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import Repo

LINES = [f"line {number}\n" for number in range(1, 61)]


@pytest.fixture(scope="session")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose branch `feature` changes app.py around lines 5 and 40, and more.

    It also deletes gone.py, changes image.bin and renames kept.py as it is; `other` is a commit
    that is no part of it. Read only.
    """
    folder = tmp_path_factory.mktemp("changed")

    def git(*args: str) -> None:
        identity = ("-c", "user.name=Ada Example", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True)

    def commit(message: str) -> None:
        git("add", "-A")
        git("commit", "-q", "-m", message)

    git("init", "-q", "-b", "main")
    (folder / "app.py").write_text("".join(LINES))
    (folder / "gone.py").write_text("".join(LINES[:3]))
    (folder / "kept.py").write_text("".join(LINES[:9]))
    (folder / "image.bin").write_bytes(bytes(range(256)))
    commit("first")
    git("checkout", "-q", "-b", "other")
    (folder / "app.py").write_text("something else\n")
    commit("elsewhere")
    git("checkout", "-q", "-b", "feature", "main")
    lines = LINES.copy()
    lines[4], lines[39] = "changed 5\n", "changed 40\nadded\n"
    (folder / "app.py").write_text("".join(lines))
    commit("half")
    (folder / "gone.py").unlink()
    (folder / "kept.py").rename(folder / "renamed.py")
    (folder / "image.bin").write_bytes(bytes(range(255, -1, -1)))
    commit("second")
    git("checkout", "-q", "-b", "pushed")
    (folder / "app.py").write_text("".join(["new\n", "newer\n", *lines]).replace("changed 5\n", ""))
    commit("third")
    return folder


@pytest.fixture
def github(changed: Path) -> Iterator[GitHubServer]:
    """The stand-in with pull request 7 from `feature` into `main`."""
    with GitHubServer(changed, roles={"ada": "admin", "eve": "read", "max": "maintain"}) as server:
        server.open_pull(head="feature", labels=["review me"])
        yield server


class Clock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> float:
        return 1_000_000.0 + sum(self.slept)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(github: GitHubServer, clock: Clock) -> Iterator[GitHub]:
    """The client with the token of a workflow, which never really sleeps."""
    timing = {"sleep": clock.sleep, "now": clock.now}
    with GitHub(github.token, Repo.of(github.full), **github.addresses, **timing) as client:
        yield client
