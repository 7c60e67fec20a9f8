"""`ship`: detection, questions, and that nothing runs after a failure."""

import json
import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("quick_tools")
TERRAFORM = 'resource "aws_s3_bucket" "logs" {}\n'
SAM = "Transform: AWS::Serverless-2016-10-31\nResources: {}\n"
NPM = json.dumps({"scripts": {"build": "x", "deploy": "y"}})


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put stand-ins for cloud programs on PATH, which write down how they were called."""
    folder, calls = tmp_path / "bin", tmp_path / "calls"
    folder.mkdir()
    for name in ("cdk", "npx", "sam", "terraform", "make", "npm", "docker"):
        (folder / name).write_text(
            f'#!/bin/sh\necho "{name} $*" >> {calls}\necho "{name} says $SHOP_API_KEY"\n'
            f'echo https://shop.example.org/\n[ "$FAIL" != "$1" ] || exit 7\n'
        )
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    calls.touch()
    return calls


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize(
    ("files", "plan", "deploy"),
    [
        ({"cdk.json": "{}"}, ["cdk diff"], ["cdk deploy --all --require-approval never"]),
        (
            {"template.yaml": SAM},
            ["sam build", "sam deploy --no-fail-on-empty-changeset --no-execute-changeset"],
            ["sam build", "sam deploy --no-fail-on-empty-changeset --no-confirm-changeset"],
        ),
        (
            {"infra/main.tf": TERRAFORM},
            ["terraform init -input=false", "terraform plan -input=false -out=reviewloop.tfplan"],
            [
                "terraform init -input=false",
                "terraform plan -input=false -out=reviewloop.tfplan",
                "terraform apply -input=false reviewloop.tfplan",
            ],
        ),
        ({"Makefile": "build:\n\ndeploy: build\n"}, [], ["make build", "make deploy"]),
        ({"package.json": NPM}, [], ["npm run build", "npm run deploy"]),
        ({"Dockerfile": "FROM scratch\n"}, [], ["docker build --tag project:"]),
    ],
    ids=["cdk", "sam", "terraform", "make", "npm", "docker"],
)
def test_what_the_project_shows_is_found_and_run(
    project, reviewloop, programs, files, plan, deploy
):
    for path, text in files.items():
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text(text)
    assert reviewloop("ship", "--plan").code == 0
    assert programs.read_text().splitlines() == plan
    programs.write_text("")
    said = reviewloop("ship")
    assert said.code == 4
    assert "nobody is there to say yes" in said.err
    assert programs.read_text() == ""
    assert reviewloop("ship", "--yes").code == 0
    called = programs.read_text().splitlines()
    assert len(called) == len(deploy)
    assert all(one.startswith(expected) for one, expected in zip(called, deploy, strict=True))


def test_nothing_runs_after_a_failure_and_the_log_is_kept(
    project, reviewloop, programs, monkeypatch
):
    (project / "Makefile").write_text("build:\n\ndeploy:\n")
    monkeypatch.setenv("FAIL", "build")
    monkeypatch.setenv("SHOP_API_KEY", "s3cr3t-value-of-the-shop")
    said = reviewloop("ship", "--yes")
    assert said.code == 5
    assert "build failed with exit code 7" in said.err
    assert programs.read_text() == "make build\n"
    assert "s3cr3t-value-of-the-shop" not in said.out + said.err
    log = said.err.rpartition("the log is ")[2].strip()
    assert "make says" in Path(log).expanduser().read_text()


def test_the_settings_win(project, reviewloop, programs, monkeypatch):
    (project / "Makefile").write_text("deploy:\n")
    monkeypatch.setenv("REVIEWLOOP_FOLLOW_UPS__BUILD_AND_DEPLOY", '["npm", "go"]')
    assert reviewloop("ship", "--yes").code == 0
    assert programs.read_text() == "npm go\n"


def test_what_a_deploy_printed_is_handed_over(project, reviewloop, programs):
    (project / "Makefile").write_text("deploy:\n")
    assert reviewloop("ship", "--yes").code == 0
    assert reviewloop("handoff", "--offline").code == 0
    text = (project / ".reviewloop/context/session-handoff.md").read_text()
    assert "- live: https://shop.example.org/" in text


def test_what_failed_or_was_only_planned_is_not_called_live(
    project, reviewloop, programs, monkeypatch
):
    """An error names addresses, too: of the registry that was not reached, say."""
    (project / "main.tf").write_text(TERRAFORM)
    document = project / ".reviewloop/context/session-handoff.md"
    monkeypatch.setenv("FAIL", "apply")
    for options, code in ((("--plan",), 0), (("--yes",), 5)):
        assert reviewloop("ship", *options).code == code
        assert reviewloop("handoff", "--offline").code == 0
        assert "- live:" not in document.read_text()
    monkeypatch.delenv("FAIL")
    assert reviewloop("ship", "--yes").code == 0
    assert reviewloop("handoff", "--offline").code == 0
    assert "- live: https://shop.example.org/" in document.read_text()


def test_a_project_that_shows_nothing_is_told_what_was_looked_for(project, reviewloop):
    said = reviewloop("ship")
    assert said.code == 2
    assert "set follow_ups.build_and_deploy" in said.err
