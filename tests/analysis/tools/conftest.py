"""Tools that are small scripts of our own."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reviewloop.analysis.tools import Tool


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return a function that puts a Python program on PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("REVIEWLOOP_STATE_DIR", str(tmp_path / "state"))

    def write(name: str, code: str) -> None:
        program = folder / name
        program.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{code}")
        program.chmod(0o755)

    return write


@pytest.fixture
def row() -> Callable[..., Tool]:
    """Return a function that makes a row of the table."""
    from reviewloop.analysis.contract import MAINTAINABILITY, SHOULD
    from reviewloop.analysis.tools.policy import Family, Policy
    from reviewloop.analysis.tools.readers.sarif import sarif

    policy = Policy(
        "speller",
        {},
        (
            Family(
                "", SHOULD, MAINTAINABILITY, "spelling", "A misspelt word", "It is hard to find."
            ),
        ),
        source="https://speller.example/rules/{code}",
    )

    def make(**changed) -> Tool:
        values = {
            "name": "speller",
            "program": "speller",
            "languages": frozenset({"python"}),
            "arguments": ("--sarif", "{files}"),
            "read": sarif("speller"),
            "own_policy": policy,
            "get": "pip install speller",
            "licence": "MIT",
        }
        return Tool(**{**values, **changed})

    return make
