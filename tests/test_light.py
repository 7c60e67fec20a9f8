"""reviewloop-light: small, reviews without a model, and says what to install for the rest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.github_events import of_pull
from support.github_server import GitHubServer
from support.light import ROOT, distributions, make_light, packages

from reviewloop import installed
from reviewloop.domain.errors import UsageError
from reviewloop.git.patches import _parse_hunks, _plain_hunks

LEFT_OUT = {"langgraph", "langchain-core", "langchain-aws", "boto3", "numpy", "genai-prices"}
PROJECT = (ROOT / "pyproject.toml").read_text()


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_light(tmp_path_factory.mktemp("light") / "env")


def run(
    python: Path, folder: Path, *words: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "COLUMNS": "100", **environ}
    command = [python, "-B", "-m", "reviewloop", *words]
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=100, check=False
    )


def test_it_is_small_and_holds_no_model_library():
    assert len(packages()) + 1 <= 25  # and itself
    assert not LEFT_OUT & packages().keys()
    files = [dist.locate_file(file) for dist in packages().values() for file in dist.files or ()]
    own = [file for file in (ROOT / "reviewloop").rglob("*") if "__pycache__" not in file.parts]
    places = [Path(str(file)) for file in (*files, *own)]
    assert sum(place.stat().st_size for place in places if place.is_file()) < 180_000_000


@pytest.mark.slow
def test_the_demo_of_a_review_shows_what_the_whole_one_shows(python, tmp_path):
    (tmp_path / "work").mkdir()
    done = run(python, tmp_path / "work", "demo", "--review")
    assert done.returncode == 0, done.stderr
    assert "taint/sql-injection" in done.stdout
    assert "The review fails: " in done.stdout


@pytest.mark.slow
def test_findings_are_accepted_and_explained(python, repo):
    (repo / "a.py").write_text("import yaml\nyaml.load(open('a'), Loader=yaml.Loader)\n")
    assert run(python, repo, "review").returncode == 1
    done = run(python, repo, "baseline")
    assert done.returncode == 0, done.stderr
    done = run(python, repo, "review", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] != "incomplete"
    assert run(python, repo, "explain", "ruff/S506").returncode == 0
    doctor = run(python, repo, "doctor", "--offline")
    assert "reviewloop-light has none" in doctor.stdout


@pytest.mark.slow
def test_a_pull_request_is_reviewed(python, tmp_path, repo, git):
    (repo / "deploy.sh").write_text("#!/bin/sh\nset -e\n")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "deploy")
    git(repo, "checkout", "-q", "-b", "feature")
    (repo / "deploy.sh").write_text("#!/bin/sh\nset -e\nchmod 777 out\n")
    git(repo, "commit", "-q", "-a", "-m", "open")
    with GitHubServer(repo, roles={"ada": "write"}) as github:
        github.open_pull(head="feature")
        event = tmp_path / "event.json"
        event.write_text(json.dumps(of_pull(github, 7, "opened")))
        there = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
        there |= {"GITHUB_WORKSPACE": str(repo), **github.environ}
        done = run(python, repo, "github", "review", "--model", "none", **there)
        assert done.returncode == 0, done.stderr
        assert [c.path for c in github.state.review_comments] == ["deploy.sh"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("demo", "--yes"),
        ("run", "-m", "add a file"),
        ("review", "--model", "anthropic:claude-sonnet-4-5"),
        ("github", "review", "--model", "anthropic:claude-sonnet-4-5"),
    ],
    ids=" ".join,
)
def test_what_needs_more_says_what_to_install(python, repo, git, words):
    if words[0] == "github":
        git(repo, "checkout", "-q", "-b", "feature")
        (repo / "a.py").write_text("A = 1\n")
        git(repo, "add", ".")
        git(repo, "commit", "-q", "-m", "change")
        with GitHubServer(repo, roles={"ada": "write"}) as github:
            github.open_pull(head="feature")
            done = run(python, repo, *words, "--pr", "7", **github.environ)
    else:
        done = run(python, repo, *words)
    assert done.returncode == 2, done.stderr
    assert f"`pip install {ROOT}`" in done.stderr.splitlines()[-1]  # of the sources that run
    assert not list(repo.parent.glob(".local/state/reviewloop/**/*.log"))


LOOK = """
import sys
from pathlib import Path
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.process import Git
from reviewloop.git.repository import find_root, head_of
for name in sys.argv[1:]:
    try:
        root, _ = find_root(Path(name))
        print(root, *head_of(root, Git(None, cwd=root)))
    except WorkspaceError as error:
        print(error)
"""


def test_git_tells_of_a_repository_what_gitpython_tells(python, repo, git, tmp_path):
    (repo / "sub").mkdir()
    (tmp_path / "none").mkdir()
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    git(tmp_path, "init", "-q", "-b", "first", "unborn")
    git(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "detached"))
    places = [repo, repo / "sub", repo / "a.txt", *map(tmp_path.joinpath, NAMES)]
    said = [
        subprocess.run(
            [each, "-B", "-c", LOOK, *map(str, places)],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
            **{"capture_output": True, "text": True, "check": True, "cwd": tmp_path},
        ).stdout
        for each in (sys.executable, python)
    ]
    assert said[0] == said[1]
    assert said[0].count(" main ") == 3
    assert "bare repository" in said[0]


NAMES = ("none", "bare.git", "unborn", "detached", "missing")
HUNKS = [
    "@@ -1 +1 @@\n-a\n+b\n",
    "@@ -0,0 +1,2 @@\n+a\n+\n",
    "@@ -1,2 +0,0 @@\n-a\n-b\n",
    "@@ -1,3 +1,3 @@ def f():\n a\n-b\n+c\n d\n@@ -9 +9,2 @@\n x\n+@@ -1 +1 @@\n",
    "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n",
    "@@ -1,2 +1,2 @@\n a\r\n-b\x0cc\x85\u2028d\n+\t\r\n",
    "@@ -1 +1 @@\n-\udcff\n+--- a\n",
]


@pytest.mark.parametrize("text", HUNKS)
def test_hunks_are_read_as_unidiff_reads_them(text):
    chunk = f"diff --git a/x b/x\n--- a/x\n+++ b/x\n{text}".encode("utf-8", "surrogateescape")
    assert list(_plain_hunks(chunk)) == list(_parse_hunks(chunk)) != []


def test_the_two_that_are_released_share_no_file_and_add_up():
    ours = distributions()
    light, full = ours.light(PROJECT), ours.full(PROJECT)
    assert 'name = "reviewloop-light"' in light
    assert f'"reviewloop-light=={ours.version()}"' in full
    assert "bypass-selection" in full and "\npackages" not in full
    for name in ours.LIGHT:
        assert (f'"{name}>' in light, f'"{name}>' in full) == (True, False)
    for name in LEFT_OUT - {"numpy"}:
        assert (f'"{name}>' in light, f'"{name}>' in full) == (False, True)
    assert "optional-dependencies" not in light
    assert "postgres = [" in full


def test_pre_commit_installs_the_same_versions_as_the_action():
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    [light] = [hook for hook in hooks if "--model none" in hook["entry"]]
    assert light["additional_dependencies"] == ["--no-deps", "-rrequirements/hook.txt"]
    assert all("additional_dependencies" not in hook for hook in hooks if hook is not light)
    pins, plain = (
        [
            line.rstrip(" \\")
            for line in (ROOT / f"requirements/{name}.txt").read_text().splitlines()
            if line[:1].isalpha()
        ]
        for name in ("light", "hook")
    )
    assert pins == plain


def test_in_the_action_nobody_is_told_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(installed, "is_light", lambda: True)
    with pytest.raises(UsageError, match="`pip install /"):
        installed.require_all("a review with a model")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "reviewloop"))
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    with pytest.raises(UsageError, match="`anthropic-api-key`, or the input `model`") as told:
        installed.require_all("a review with a model")
    assert "pip" not in str(told.value)
