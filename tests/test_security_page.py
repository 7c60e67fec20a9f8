"""SECURITY.md names a command for each promise: the files that it names hold tests."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
COMMANDS = re.findall(r"`(python [^`]+)`", PAGE)
ROWS = [line for line in PAGE.splitlines() if re.match(r"\| (?!promise|---)", line)]


def test_every_promise_has_something_that_shows_it():
    assert len(ROWS) > 20
    shown = re.compile(r"`python [^`]+`|\]\((?:docs|\.github)/")
    assert [row for row in ROWS if not shown.search(row)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_names_exists(command):
    words = command.removeprefix("python ").removeprefix("-m pytest ").split()
    for word in words:
        place = ROOT / word
        assert place.exists(), word
        if word.startswith("tests/"):
            files = [place] if place.is_file() else sorted(place.rglob("test_*.py"))
            assert any("def test_" in file.read_text("utf-8") for file in files), word
