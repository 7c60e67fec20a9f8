"""Each shell's completion script is printed, and what it calls back completes our commands."""

import os
import shutil
import subprocess
import sys

import pytest

from reviewloop.cli.main import COMMANDS


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_says_where_it_goes_and_is_good_shell(reviewloop, shell):
    said = reviewloop("completion", shell)

    assert said.code == 0
    assert said.out.startswith("# ")
    assert "_REVIEWLOOP_COMPLETE" in said.out
    program = shutil.which(shell)
    if program:
        done = subprocess.run([program, "-n"], input=said.out, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr


def test_another_shell_is_refused(reviewloop):
    assert reviewloop("completion", "tcsh").code == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["reviewloop", ""], [command.name for command in COMMANDS]),
        (["reviewloop", "expl"], ["explain"]),
        (["reviewloop", "review", "--apply"], ["--apply-fixes"]),
        (["reviewloop", "review", "--fail-on", "n"], ["nit", "never"]),
    ],
)
def test_what_the_script_asks_for_is_completed(words, expected):
    environ = {
        **os.environ,
        "_REVIEWLOOP_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    code = "import sys; sys.argv[0] = 'reviewloop'; from reviewloop.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60
    )

    offered = [line.partition(",")[2] for line in done.stdout.splitlines()]
    assert set(expected) <= set(offered), done.stderr
