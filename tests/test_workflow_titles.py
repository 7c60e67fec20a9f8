"""Who starts a task in a workflow, and the handling of untrusted titles."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from support.action import ROOT

WORKFLOW = yaml.safe_load((ROOT / "workflows/implement-task.yml").read_text())
STEPS = WORKFLOW["jobs"]["implement"]["steps"]


@pytest.mark.parametrize(
    ("title", "actor", "may", "task", "branch"),
    [
        ("T001@specs/002-shop/", "ada", "write", "T001", "reviewloop/002-shop_T001"),
        ("2.1@docs/shop v2-spec.md", "ada", "write", "2.1", "reviewloop/shop-v2-spec_2.1"),
        ("2.1 Find items", "ada", "write", "2.1", "reviewloop/2.1"),
        ("Find items", "ada", "admin", "Find items", "reviewloop/Find-items"),
        ("next", "ada", "write", "next", "reviewloop/next"),
        ("a\nbranch=main\r$(id)`id`", "ada", "write", "a branch=main $(id)`id`", None),
        ("../../x..lock/-", "ada", "write", "../../x..lock/-", None),
        ("--spec=/etc", "ada", "write", "--spec=/etc", "reviewloop/spec-etc"),
        ("…", "ada", "write", "…", "reviewloop/task"),
        ("2.1", "eve", "read", None, None),
        ("2.1", "eve", "", None, None),
        ("2.1", "tool[bot]", "admin", None, None),
    ],
)
def test_who_may_write_starts_a_task_and_a_title_is_only_text(
    title: str, actor: str, may: str, task: str | None, branch: str | None, tmp_path: Path
) -> None:
    [step] = [each for each in STEPS if each.get("id") == "asked"]
    gh, out = tmp_path / "gh", tmp_path / "out"
    gh.write_text(f'#!/bin/bash\necho "$2" >>"{tmp_path}/asked"\necho {may}\n')
    gh.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_REPOSITORY": "octo/demo"}
    env |= {"GITHUB_OUTPUT": str(out), "GH_TOKEN": "x", "ACTOR": actor}
    env["TASK"], _, env["SPEC"] = title.partition("@")
    assert set(step["env"]) == {"GH_TOKEN", "ACTOR", "TASK", "SPEC"}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        **{"env": env, "cwd": tmp_path, "capture_output": True, "text": True},
        check=False,
    )
    assert (done.returncode == 0) is (task is not None), done.stdout + done.stderr
    if task is None:
        assert "::error" in done.stdout
        assert not out.exists()
        return
    asked = (tmp_path / "asked").read_text()
    assert asked == f"repos/octo/demo/collaborators/{actor}/permission\n"
    first, second = out.read_text().splitlines()
    assert first.partition("=")[::2] == ("task", task)
    name = second.partition("=")[2]
    assert second.startswith("branch=reviewloop/")
    assert branch in {None, name}
    subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=True)
