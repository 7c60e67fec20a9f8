"""Run the command line in this process, as `main` does, and catch what it says."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from support.schemas import check_printed

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
        check_printed(arguments, out)
        return Said(int(code), out, err)

    return call


@pytest.fixture
def project(repo, monkeypatch: pytest.MonkeyPatch):
    """Return a repository that is the current folder."""
    monkeypatch.chdir(repo)
    return repo


@pytest.fixture
def quick_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out, where it is installed, the analyser that takes a second to tell its version."""
    places = [Path(place) for place in os.environ["PATH"].split(os.pathsep)]
    kept = [p for p in places if not (p / "cfn-lint").exists() or (p / "git").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, kept)))
