"""Each shell's completion script, and the completions that it calls."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class

import reviewloop as package
from reviewloop.cli.main import COMMANDS, cli

ROOT = Path(package.__file__).parent.parent


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


@pytest.fixture
def offered(monkeypatch):
    """Return what a shell's script is answered for the last word: lines of `type,value`."""

    def answer(*words: str, folder: Path | None = None) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", " ".join(("reviewloop", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        if folder is not None:
            monkeypatch.chdir(folder)
        kind = get_completion_class("bash")
        return kind(cli, {}, "reviewloop", "_REVIEWLOOP_COMPLETE").complete().split("\n")

    return answer


def test_the_program_answers_what_the_script_asks():
    environ = {
        **os.environ,
        "_REVIEWLOOP_COMPLETE": "bash_complete",
        "COMP_WORDS": "reviewloop expl",
        "COMP_CWORD": "1",
        "PYTHONPATH": str(ROOT),
    }
    code = "import sys; sys.argv[0] = 'reviewloop'; from reviewloop.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["plain,explain"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([""], list(COMMANDS)),
        (["expl"], ["explain"]),
        (["review", "--apply"], ["--apply-fixes"]),
        (["review", "--fail-on", "n"], ["nit", "never"]),
        (["explain", "taint/sql-inj"], ["taint/sql-injection"]),
        (["skills", "run", "review-d"], ["review-diff"]),
    ],
)
def test_what_the_script_asks_for_is_completed(offered, words, expected):
    assert {f"plain,{word}" for word in expected} <= set(offered(*words))


@pytest.fixture
def branches(repo, git):
    """Return a repository with branches and a tag, one named to be run by a careless shell."""
    (repo / "app").mkdir()
    (repo / "app" / "views.py").touch()
    for name in ("apply-fix", "topic", "a;touch$IFS'x'"):
        git(repo, "branch", name)
    git(repo, "tag", "v1.0")
    return repo


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("review", "app/vi"), ["file,app/vi"]),
        (("review", "--files", "app/vi"), ["file,app/vi"]),
        (("review", "topic", "ap"), ["file,ap"]),
        (("review", "../ap"), ["file,../ap"]),
        (("review", "-o", "ap"), ["file,ap"]),
        (("review", "a"), ["plain,apply-fix", "plain,app/"]),
        (("review", "v"), ["plain,v1.0"]),
        (("review", "topic..v"), ["plain,topic..v1.0"]),
        (("review", "topic...ap"), ["plain,topic...apply-fix"]),
        (("review", "--base", "to"), ["plain,topic"]),
        (("review", "--commit", "v"), ["plain,v1.0"]),
        (("review", "--agents", "review-sec"), ["plain,review-security"]),
        (("review", "--agents", "sec"), ["plain,security"]),
        (("review", "--agents", "review-security,review-p"),
         ["plain,review-security,review-performance"]),
    ],
)  # fmt: skip
def test_words_of_a_review_are_completed(offered, branches, words, expected):
    assert offered(*words, folder=branches) == expected


def test_outside_of_a_repository_files_are_completed(offered, tmp_path):
    assert offered("review", "ap", folder=tmp_path) == ["file,ap"]
    assert offered("review", "--base", "m", folder=tmp_path) == [""]
    assert "plain,review-security" in offered("review", "--agents", "", folder=tmp_path)
