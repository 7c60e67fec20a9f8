"""The Action: its shell steps as a runner runs them, from a fresh clone, in a clean environment."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import recorded
from support.action import REAL_PIP, Machine, git
from support.finding_locations import summaries
from support.git_http import GitHttp
from support.github_events import of_comment, of_pull
from support.github_server import GitHubServer
from support.github_state import BOT
from support.handoffs import OURS, scratch, task
from support.model_server import KEY, ModelServer
from support.parts import cast
from support.play import REVIEWERS, agent_of

from reviewloop.github.artifacts.handoff import write_handoff

pytestmark = pytest.mark.slow  # each job makes an environment as a runner would
SETTINGS = """[review]
analysers_off = ["ruff", "bandit", "gitleaks", "semgrep", "shellcheck", "tested", "python*"]
"""
PAGE = "reviewloop/rules/sh/"
TRAP = "open({place!r}, 'w').write('run')\nraise SystemExit(99)\n"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A pull request with a finding, and with modules that wait to be imported by accident."""
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "-q", "-b", "main")
    (work / "reviewloop.toml").write_text(SETTINGS)
    (work / "deploy.sh").write_text("#!/bin/sh\nset -e\n")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "first")
    git(work, "checkout", "-q", "-b", "feature")
    (work / "deploy.sh").write_text("#!/bin/sh\nset -e\nchmod 777 out\n")
    git(work, "commit", "-q", "-a", "-m", "second")
    for name in ("venv", "pip", "json", "reviewloop", "sitecustomize"):
        (work / f"{name}.py").write_text(TRAP.format(place=str(tmp_path / "trapped")))
    with GitHubServer(work, roles={"ada": "write"}) as github:
        github.open_pull(head="feature")
        yield Machine(tmp_path, github, work)


@pytest.mark.timeout(400)  # with the real pip; with the stand-in for it a few seconds
def test_the_steps_review_a_pull_request_and_import_nothing_of_it(machine: Machine) -> None:
    github = machine.github
    done = machine.run(of_pull(github, 7, "opened"), model="none")
    assert done.returncode == 0, done.stderr
    assert not (machine.folder / "trapped").exists()
    assert machine.outputs["status"] == "passed"
    assert (machine.outputs["should-fix"], machine.outputs["comments-posted"]) == ("1", "1")
    assert machine.outputs["reviewed-sha"] == github.state.pulls[7].head_sha
    [said] = [c for c in github.state.visible(7) if c.author == BOT]
    assert (said.path, said.line) == ("deploy.sh", 3)
    assert "1 should fix" in machine.page
    assert "::warning" not in done.stdout  # it has its comment
    careless = {"PYTHONPATH": "."}  # the control: this is what waits there
    subprocess.run([sys.executable, "-c", ""], cwd=machine.work, env=careless, check=False)
    assert (machine.folder / "trapped").exists()
    assert github.token not in done.stdout + done.stderr
    check_installed(machine)

    # A second time in the same job: nothing is said twice, and it fails if that is asked for.
    machine.installed = False
    done = machine.run(
        of_pull(github, 7, "synchronize"),
        **{"model": "none", "fail_on": "should", "sarif": "found; touch trapped.sarif"},
    )
    assert done.returncode == 1
    assert (machine.outputs["status"], machine.outputs["comments-known"]) == ("needs_changes", "1")
    assert len([c for c in github.state.visible(7) if c.author == BOT]) == 1
    assert (machine.work / machine.outputs["sarif-path"]).name == "found; touch trapped.sarif"
    assert not (machine.work / "trapped.sarif").exists()


def check_installed(machine: Machine) -> None:
    """Only the pinned packages were asked for; the sources are those of the Action's checkout."""
    if machine.real_pip:
        python = machine.temp / "reviewloop/bin/python"
        asked = "import reviewloop, ruff; print(reviewloop.__file__, ruff.__file__)"
        done = subprocess.run([python, "-I", "-c", asked], capture_output=True, check=True)
        assert all(str(machine.temp).encode() in place for place in done.stdout.split())
        return
    pinned, ours = machine.asked_of_pip
    assert "--require-hashes" in pinned
    lists = [one for one in pinned if one.endswith(".txt")]
    assert lists == [
        str(machine.action / f"requirements/{name}.txt") for name in ("light", "build")
    ]
    assert all(Path(one).is_file() for one in lists)
    assert ours[-3:] == ["--no-deps", "--no-build-isolation", str(machine.action)]


@pytest.mark.skipif(REAL_PIP in os.environ, reason="the clients are those of the tests")
@pytest.mark.parametrize(("key", "address", "model"), [
    ("anthropic_api_key", "ANTHROPIC_BASE_URL", "claude-sonnet-5-5"),
    ("openai_api_key", "OPENAI_BASE_URL", "gpt-6.1-sol"),
])  # fmt: skip
def test_a_key_is_enough_for_the_reviewers_and_goes_nowhere_else(
    key: str, address: str, model: str, machine: Machine, tmp_path: Path
) -> None:
    """The real client asks over loopback; every git that is started writes down what it sees."""
    github = machine.github
    seen, program = tmp_path / "seen", tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nenv >>{seen}\nexec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    with ModelServer(cast(), agent_of=agent_of, models=(model,)) as models:
        around = {**models.openai(), **models.anthropic()}
        machine.variables = {
            **{name: value for name, value in around.items() if name in (address, "NO_PROXY")},
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        }
        done = machine.run(of_pull(github, 7, "opened"), **{key: KEY})
        assert done.returncode == 0, done.stderr
        assert {(each.model, agent_of(each)) for each in models.ledger} == {
            (model, reviewer) for reviewer in REVIEWERS
        }
        assert models.refused == 0
    assert (machine.outputs["status"], machine.outputs["should-fix"]) == ("passed", "1")
    assert machine.outputs["cost-usd"]
    [summary] = summaries(github)
    assert re.search(r"\$0\.\d\d", summary.body)
    assert str(machine.action / "requirements/providers.txt") in machine.asked_of_pip[0]
    assert f"https://github.com/octo/reviewloop/blob/c0ffee/{PAGE}" in "".join(
        comment.body for comment in github.state.visible(7)
    )
    assert "PATH=" in seen.read_text()
    told = [done.stdout, done.stderr, machine.page, *machine.outputs.values(), seen.read_text()]
    told += [comment.body for comment in (*github.state.visible(7), summary)]
    assert [text for text in told if KEY in text] == []


@pytest.mark.skipif(REAL_PIP in os.environ, reason="the installation is the same")
def test_who_has_neither_model_nor_client_is_told_what_helps_on_a_runner(machine: Machine) -> None:
    event = of_pull(machine.github, 7, "opened")
    done = machine.run(event, openai_api_key="k", model="xai:grok-5")
    assert done.returncode == 5
    assert "give the Action a key as its input" in machine.outputs["reason"]
    assert "pip install" not in done.stdout + done.stderr + machine.page
    assert str(machine.action / "requirements/providers.txt") in machine.asked_of_pip[0]

    machine.installed = False
    done = machine.run(event)  # no key, no model
    assert done.returncode == 0, done.stderr
    assert str(machine.action / "requirements/light.txt") in machine.asked_of_pip[2]
    machine.installed = False
    machine.variables = {"AWS_REGION": "eu-central-1"}
    machine.run(event)
    assert str(machine.action / "requirements/action.txt") in machine.asked_of_pip[4]


@pytest.mark.skipif(REAL_PIP in os.environ, reason="the installation is the same")
def test_one_job_reads_and_another_posts_or_hears(machine: Machine, tmp_path: Path) -> None:
    github, kept = machine.github, tmp_path / "kept.json"
    done = machine.run(of_pull(github, 7, "opened"), model="none", collect=str(kept))
    assert done.returncode == 0, done.stderr
    assert (machine.outputs["status"], machine.outputs["artifact-path"]) == ("passed", str(kept))
    assert machine.outputs["comments-posted"] == "0"
    assert [c for c in github.state.visible(7) if c.author == BOT] == []

    machine.work = tmp_path / "empty"  # no checkout is needed from here on
    machine.work.mkdir()
    done = machine.run(of_pull(github, 7, "opened"), command="post", artifact=str(kept))
    assert done.returncode == 0, done.stderr
    assert machine.outputs["comments-posted"] == "1"
    [said] = [c for c in github.state.visible(7) if c.author == BOT]
    assert (said.path, said.line) == ("deploy.sh", 3)

    comment = github.say(7, "ada", "/reviewloop fix all")
    done = machine.run(of_comment(github, comment.id), "issue_comment", command="hear")
    assert done.returncode == 0, done.stderr
    heard = ("verb", "pull", "finding", "comment", "actor", "head")
    assert [machine.outputs[name] for name in heard] == [
        *("fix", "7", "all", str(comment.id), "ada"),
        github.state.pulls[7].head_sha,
    ]
    # Nothing of an earlier step stands in the outputs of a later one.
    assert machine.outputs["artifact-path"] == machine.outputs["comments-posted"] == ""


@pytest.mark.timeout(400)
def test_a_recorded_pull_request_is_reviewed_as_it_was(tmp_path: Path) -> None:
    """Five reviewers, whose replies are a recording: what our own workflow runs."""
    work = recorded.make_repository(tmp_path / "work")
    with GitHubServer(work, roles={"ada": "write"}) as github:
        github.open_pull(head="feature")
        machine = Machine(tmp_path, github, work)
        model = f"replay:{machine.action / recorded.RECORDING}"
        done = machine.run(of_pull(github, 7, "opened"), model=model, fail_on="must")
        out = machine.outputs
        assert out["status"] == "needs_changes", f"{recorded.ANEW}: {out['reason']}"
        assert done.returncode == 1, done.stderr
        if not machine.real_pip:  # with a model everything is installed
            assert str(machine.action / "requirements/action.txt") in machine.asked_of_pip[0]
        assert [out[name] for name in ("must-fix", "should-fix", "nits")] == ["1", "1", "0"]
        assert [out[name] for name in ("comments-posted", "coverage")] == ["2", "1/1"]
        assert (out["tokens-input"], out["tokens-output"]) == ("12900", "440")
        said = {c.line: c.body for c in github.state.review_comments}
        assert "The customer's name becomes part of the SQL" in said[6]
        assert "One query for each order" in said[8]
        assert len(said) == 2
        assert "1 must fix" in machine.page


@pytest.mark.skipif(REAL_PIP in os.environ, reason="the installation is the same")
def test_what_another_job_made_is_pushed_with_the_approval_of_the_environment(
    tmp_path: Path,
) -> None:
    work, bare = recorded.make_repository(tmp_path / "work"), tmp_path / "hub/octo/demo.git"
    made = scratch(work, tmp_path / "run")
    base, tree = git(work, "rev-parse", "main"), git(work, "rev-parse", "feature^{tree}")
    asked = ("commit-tree", tree, "-p", base, "-m", "Find items")
    commit = made.run(*asked, env_extra=OURS).decode().strip()
    write_handoff(tmp_path / "handoff", task(base, commit, run="run-1"), made)
    bare.parent.mkdir(parents=True)
    git(work, "clone", "-q", "--bare", ".", str(bare))
    may = {"contents": "write", "pull-requests": "write", "actions": "read"}
    with (
        GitHubServer(bare, permissions=may, roles={"ada": "write"}) as github,
        GitHttp(tmp_path / "hub", github.token) as http,
    ):
        github.state.approvals = [("ada", "approved", "reviewloop")]
        machine = Machine(tmp_path, github, work)
        machine.variables = {"GITHUB_SERVER_URL": http.url}
        given = {"handoff": str(tmp_path / "handoff"), "environment": "reviewloop"}
        done = machine.run({}, "workflow_dispatch", command="push", **given)
        assert done.returncode == 0, done.stderr
        [pull] = github.state.pulls.values()
        assert (machine.outputs["pull"], machine.outputs["head"]) == (
            str(pull.number),
            pull.head_sha,
        )
        assert pull.draft
        assert git(bare, "rev-parse", "reviewloop/2.1") == pull.head_sha != commit
        assert "Approved-by: ada" in git(bare, "log", "-1", "--format=%B", pull.head_sha)
        assert git(bare, "rev-parse", f"{pull.head_sha}^{{tree}}") == tree
        assert http.pushes == 1
        assert github.token not in done.stdout + done.stderr
