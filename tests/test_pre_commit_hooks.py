"""The hooks that pre-commit finds in this repository call commands and options that exist."""

import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from reviewloop.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def test_one_hook_is_fast_and_one_has_the_agents():
    assert set(HOOKS) == {"reviewloop", "reviewloop-agents"}
    assert "--model none" in HOOKS["reviewloop"]["entry"]
    assert "--model" not in HOOKS["reviewloop-agents"]["entry"]


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
def test_a_hook_is_one_pre_commit_understands_and_calls_what_exists(hook):
    program, name, *arguments = shlex.split(hook["entry"])
    command = COMMANDS[name].load()

    assert program == "reviewloop"
    with click.Context(command) as context:
        command.parse_args(context, arguments)  # raises for what it does not know
    assert hook["language"] == "python"
    assert hook["pass_filenames"] is False
    assert hook["verbose"] is True  # pre-commit shows nothing else of a hook that passes
    # What is staged is all that these look at: another stage would find nothing and be content.
    assert hook["stages"] == ["pre-commit", "manual"]


@pytest.mark.slow
def test_a_hook_that_passes_says_what_is_yellow_and_nothing_when_all_is_clean(repo, git):
    arguments = shlex.split(HOOKS["reviewloop"]["entry"])[1:]

    def ran():
        return subprocess.run(
            [sys.executable, "-m", "reviewloop", *arguments],
            cwd=repo,
            capture_output=True,
            text=True,
        )

    (repo / "a.py").write_text("ANSWER = 42\n")
    git(repo, "add", "a.py")
    clean = ran()
    assert (clean.returncode, clean.stdout, clean.stderr) == (0, "", "")
    (repo / "a.py").write_text("import requests\n\nrequests.get('https://a')\n")
    git(repo, "add", "a.py")
    yellow = ran()
    assert yellow.returncode == 0
    assert "a.py:3:1: warning " in yellow.stdout


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize(
    "commit",
    [("-m", "index"), ("-a", "-m", "all"), ("-m", "one", "a.py")],
    ids=["index", "-a", "path"],
)
def test_a_hook_stops_the_commit_it_should_and_sees_what_is_committed(repo, git, commit):
    arguments = shlex.split(HOOKS["reviewloop"]["entry"])[1:]
    hook = repo / ".git/hooks/pre-commit"
    called = f"exec {sys.executable} -m reviewloop {shlex.join(arguments)}"
    hook.write_text(f"#!/bin/sh\nPYTHONPATH={ROOT} {called}\n")
    (repo / "a.py").write_text("ANSWER = 42\n")
    (repo / "other.py").write_text("ANSWER = 42\n")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "clean")
    hook.chmod(0o755)

    (repo / "a.py").write_text(
        "import requests\nrequests.get('https://a', timeout=1, verify=False)\n"
    )
    (repo / "other.py").write_text("import yaml\nyaml.load(open('a'), Loader=yaml.Loader)\n")
    if commit == ("-m", "index"):
        git(repo, "add", "a.py")
    done = subprocess.run(["git", "commit", *commit], cwd=repo, capture_output=True, text=True)

    assert done.returncode == 1
    assert "a.py:2:38: error ruff/S501" in done.stdout + done.stderr
    assert ("other.py" in done.stdout + done.stderr) is ("-a" in commit)
    assert git(repo, "log", "--format=%s", "-1") == "clean"
