"""Run the command line in this process, as `main` does, and catch what it says."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from reviewloop.cli.main import run


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def reviewloop(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Return a function that runs a command and returns exit code, stdout and stderr."""

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(arguments)
        out, err = capsys.readouterr()
        return Said(int(code), out, err)

    return call


@pytest.fixture
def project(repo, monkeypatch: pytest.MonkeyPatch):
    """Return a repository that is the current folder."""
    monkeypatch.chdir(repo)
    return repo
