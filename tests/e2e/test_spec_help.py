"""The help of real programs, read in the sandbox and cached until the program changes."""

import os
from pathlib import Path

import pytest

from reviewloop.app.spec.help_texts import HelpTexts
from reviewloop.sandbox.choose import choose

SCRIPT = """\
#!/bin/sh
echo asked >> "$HOME/asked" 2>/dev/null
cat {secret} 2>/dev/null
echo "usage: tool [--{option}]"
"""


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a program on PATH; return what writes it with one option."""
    programs = tmp_path / "bin"
    programs.mkdir()
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("REVIEWLOOP_STATE_DIR", str(tmp_path / "state"))

    def write(option: str) -> None:
        path = programs / "tool"
        path.write_text(SCRIPT.format(secret=secret, option=option))
        path.chmod(0o755)

    write("force")
    return write


def test_a_program_is_asked_once_and_again_when_it_changed(tool) -> None:
    asked = []
    helps = HelpTexts(lambda: asked.append(1) or choose())

    assert helps.of(("tool",)) == helps.of(("tool",)) == "usage: tool [--force]\n"
    assert len(asked) == 1

    tool("other-option")
    assert helps.of(("tool",)) == "usage: tool [--other-option]\n"
    assert len(asked) == 2


def test_it_reads_nothing_of_the_users_in_the_sandbox(tool) -> None:
    assert "hunter2" not in (HelpTexts(choose).of(("tool",)) or "")


def test_a_program_that_is_not_there_has_no_help(tool) -> None:
    assert HelpTexts(choose).of(("no-such-tool",)) is None


def test_git_tells_the_options_of_a_subcommand(tool) -> None:
    text = HelpTexts(choose).of(("git", "commit"))

    assert text is not None
    assert "--amend" in text or "--[no-]amend" in text
