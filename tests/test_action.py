"""The Action: its shell steps as a runner runs them, from a fresh clone, in a clean environment."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.github_events import of_pull
from support.github_server import GitHubServer
from support.github_state import BOT

ROOT = Path(__file__).resolve().parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
SHELL = [step for step in ACTION["runs"]["steps"] if "run" in step]
WORKFLOWS = sorted((ROOT / "workflows").glob("*.yml"))
SETTINGS = """[review]
analysers_off = ["ruff", "bandit", "gitleaks", "semgrep", "shellcheck", "tested", "python*"]
"""
TRAP = "open({place!r}, 'w').write('run')\nraise SystemExit(99)\n"
# What pip would do, without a network: it notes its arguments and lets Python find the sources.
PIP = """
import sys, sysconfig
from pathlib import Path

arguments = sys.argv[1:]
assert sys.flags.isolated
with open({log!r}, "a") as log:
    print(*arguments, sep="\\t", file=log)
if "--no-deps" in arguments:
    packages = Path(sysconfig.get_path("purelib"))
    (packages / "installed.pth").write_text(arguments[-1] + "\\n" + {packages!r} + "\\n")
"""


@dataclass
class Runner:
    """A machine of GitHub's with a checkout of the pull request and one of the Action."""

    folder: Path
    github: GitHubServer
    python: Path
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def run(self, event: dict[str, Any], **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the shell steps until one fails; note the outputs of the Action."""
        asked = {name: one.get("default", "") for name, one in ACTION["inputs"].items()} | inputs
        (self.folder / "event.json").write_text(json.dumps(event))
        (self.folder / "out").write_text("")
        for step in SHELL:
            done = self._step(step, asked)
            if done.returncode:
                break
        written = (self.folder / "out").read_text()
        found = re.findall(r"^(\S+)<<(\S+)\n(.*)\n\2$", written, re.MULTILINE)
        values = {f"steps.act.outputs.{name}": value for name, _, value in found}
        self.outputs = {
            name: values.get(one["value"].removeprefix("${{ ").removesuffix(" }}"), "")
            for name, one in ACTION["outputs"].items()
        }
        return done

    def _step(self, step: dict[str, Any], asked: dict[str, str]) -> Any:
        known = {f"inputs.{name}": value for name, value in asked.items()} | {
            "github.token": self.github.token,
            "steps.python.outputs.python-path": str(self.python),
        }

        def told(text: str) -> str:
            for _ in range(2):  # the default of an input is an expression, too
                text = re.sub(r"\$\{\{ (\S+) \}\}", lambda match: known[match[1]], text)
            return text

        server = {k: v for k, v in self.github.environ.items() if k != "GITHUB_TOKEN"}
        env = server | {
            **{"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "CI": "true"},
            **{"RUNNER_TEMP": str(self.folder / "temp"), "RUNNER_OS": "Linux"},
            **{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request"},
            "GITHUB_ACTION_PATH": str(self.folder / "action"),
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(self.folder / "out"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "page.md"),
            "GITHUB_WORKSPACE": str(self.work),
            "PYTHONPATH": ".",  # a careless workflow
        }
        env |= {name: told(value) for name, value in step.get("env", {}).items()}
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        assert step["shell"] == "bash"
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
            **{"cwd": self.work, "env": env, "capture_output": True, "text": True},
            timeout=60,
            check=False,
        )


def git(folder: Path, *args: str) -> None:
    identity = ("-c", "user.name=Ada Example", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    """A pull request with a finding, and with modules that wait to be imported by accident."""
    work, log = tmp_path / "work", tmp_path / "pip.log"
    for name in ("work", "temp", "home"):
        (tmp_path / name).mkdir()
    git(tmp_path, "clone", "-q", "--depth", "1", ROOT.as_uri(), "action")
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
    (tmp_path / "pip.py").write_text(
        PIP.format(log=str(log), packages=str(Path(pytest.__file__).parents[1]))
    )
    python = tmp_path / "python"
    # The venv gets our pip in place of its own; everything else about it is real.
    python.write_text(
        f'#!/bin/bash -e\n{shlex.quote(sys.executable)} "$@" --without-pip\n'
        f'cp {shlex.quote(str(tmp_path / "pip.py"))} "${{@: -1}}"/lib/python3.*/site-packages/\n'
    )
    python.chmod(0o755)
    with GitHubServer(work, roles={"ada": "write"}) as github:
        github.open_pull(head="feature")
        yield Runner(tmp_path, github, python)


def test_the_steps_review_a_pull_request_and_import_nothing_of_it(runner: Runner) -> None:
    done = runner.run(of_pull(runner.github, 7, "opened"), model="none")
    assert done.returncode == 0, done.stderr
    assert not (runner.folder / "trapped").exists()
    assert runner.outputs["status"] == "passed"
    assert (runner.outputs["should-fix"], runner.outputs["comments-posted"]) == ("1", "1")
    assert runner.outputs["reviewed-sha"] == runner.github.state.pulls[7].head_sha
    [said] = [c for c in runner.github.state.visible(7) if c.author == BOT]
    assert (said.path, said.line) == ("deploy.sh", 3)
    assert "1 should fix" in (runner.folder / "page.md").read_text()
    assert "::warning" in done.stdout
    careless = {"PYTHONPATH": "."}  # the control: this is what waits there
    subprocess.run([sys.executable, "-c", ""], cwd=runner.work, env=careless, check=False)
    assert (runner.folder / "trapped").exists()

    # Only the pinned packages were asked for, and the sources are those of the Action's checkout.
    action = runner.folder / "action"
    pinned, ours = (line.split("\t") for line in (runner.folder / "pip.log").open())
    assert "--require-hashes" in pinned
    lists = [one.strip() for one in pinned if ".txt" in one]
    assert lists == [f"{action}/requirements/{name}.txt" for name in ("action", "build")]
    assert all(Path(one).is_file() for one in lists)
    assert ours[-3:] == ["--no-deps", "--no-build-isolation", f"{action}\n"]
    assert runner.github.token not in done.stdout + done.stderr

    # A second run says nothing twice, and fails if that is asked for.
    done = runner.run(
        of_pull(runner.github, 7, "synchronize"),
        **{"model": "none", "fail-on": "should", "sarif": "found; touch trapped.sarif"},
    )
    assert done.returncode == 1
    assert (runner.outputs["status"], runner.outputs["comments-known"]) == ("needs_changes", "1")
    assert len([c for c in runner.github.state.visible(7) if c.author == BOT]) == 1
    assert (runner.work / runner.outputs["sarif-path"]).name == "found; touch trapped.sarif"
    assert not (runner.work / "trapped.sarif").exists()


def test_every_input_goes_through_the_environment() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert ACTION["branding"]
    given = {value for step in SHELL for value in step["env"].values()}
    assert {f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]} <= given
    scripts = [step["run"] for step in SHELL]
    for workflow in WORKFLOWS:
        for job in yaml.safe_load(workflow.read_text())["jobs"].values():
            scripts += [step["run"] for step in job["steps"] if "run" in step]
    assert len(scripts) > len(SHELL)
    assert [script for script in scripts if "${{" in script] == []


def test_the_workflow_to_copy_has_the_least_rights() -> None:
    [workflow] = WORKFLOWS
    text = workflow.read_text()
    parsed = yaml.safe_load(text)
    assert set(parsed[True]) == {"pull_request"}  # YAML reads `on` as true
    assert parsed["permissions"] == {}
    assert parsed["concurrency"]["cancel-in-progress"] is True
    review, elsewhere = parsed["jobs"]["review"], parsed["jobs"]["elsewhere"]
    rights = {"contents": "read", "pull-requests": "write", "id-token": "write"}
    assert (review["permissions"], elsewhere["permissions"]) == (rights, {})
    assert review["steps"][0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert set(review["steps"][-1]["with"]) <= set(ACTION["inputs"])
    assert "secrets." not in text
    assert "github.event.pull_request.head.repo.full_name == github.repository" in review["if"]
    assert "::notice" in elsewhere["steps"][0]["run"]


def test_actions_are_pinned_to_the_commits_that_we_use_ourselves() -> None:
    ours: dict[str, str] = {}
    for workflow in (ROOT / ".github/workflows").glob("*.yml"):
        ours |= dict(re.findall(r"uses: (\S+)@(\S+ # \S+)", workflow.read_text()))
    used = [
        match
        for file in (ROOT / "action.yml", *WORKFLOWS)
        for match in re.findall(r"uses: (\S+)@(\S+ # \S+)", file.read_text())
    ]
    assert len(used) == 4
    for action, version in used:
        assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", version), action
        assert ours.get(action, version) == version, action


def test_zizmor_finds_nothing_in_what_people_use(tmp_path: Path) -> None:
    def zizmor(*places: Path) -> Any:
        options = ["--offline", "--no-progress", "--no-config", "--persona=pedantic"]
        program = Path(sys.executable).with_name("zizmor")
        done = subprocess.run(
            [program, *options, "--format=json", *places],
            **{"capture_output": True, "text": True, "timeout": 30},
            check=False,
        )
        return json.loads(done.stdout)

    assert zizmor(ROOT / "action.yml", *WORKFLOWS) == []
    bad = tmp_path / "action.yml"
    text = (ROOT / "action.yml").read_text()
    bad.write_text(text.replace('bash "$GITHUB', 'echo ${{ inputs.model }}; bash "$GITHUB'))
    assert {found["ident"] for found in zizmor(bad)} == {"template-injection"}
