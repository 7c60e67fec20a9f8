"""A coding agent runs only in a job without write permissions, by the workflow's file."""

from pathlib import Path

import pytest
from support.ends import git
from support.github_server import GitHubServer

from reviewloop.domain.errors import UsageError
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import Repo
from reviewloop.github.job.permissions import require_reading_job

FILE = ".github/workflows/review.yml"
STEPS = "runs-on: ubuntu-24.04\n    steps: []\n"


def workflow(job: str, above: str = "") -> str:
    return f"on: [pull_request]\n{above}\njobs:\n  read:\n    {job}\n    {STEPS}"


def judged(folder: Path, text: str, **changed: str) -> str:
    """Return why no agent may work in a job of this workflow, "" where one may."""
    git(folder, "init", "-q", "-b", "main")
    (folder / FILE).parent.mkdir(parents=True)
    (folder / FILE).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "x")
    sha = git(folder, "rev-parse", "HEAD").strip()
    environ = {
        **{"GITHUB_ACTIONS": "true", "REVIEWLOOP_TOKEN_OF_THE_JOB": "true", "GITHUB_JOB": "read"},
        **{"GITHUB_WORKFLOW_REF": f"Octo/demo/{FILE}@refs/pull/7/merge"},
        **{"GITHUB_WORKFLOW_SHA": sha},
        **changed,
    }
    rights = {"contents": environ.pop("CONTENTS", "read")}
    with (
        GitHubServer(folder, permissions=rights) as github,
        GitHub(github.token, Repo.of("octo/demo"), **github.addresses) as client,
    ):
        try:
            require_reading_job(client, environ)
        except UsageError as error:
            return str(error)
    return ""


@pytest.mark.parametrize(
    "text",
    [
        workflow("permissions: {contents: read, pull-requests: read}"),
        workflow("permissions: read-all"),
        workflow("permissions: {}", above="permissions: write-all"),
        workflow("name: Read", above="permissions: {contents: read, issues: none}"),
    ],
)
def test_a_job_that_only_reads_may(tmp_path: Path, text: str) -> None:
    assert judged(tmp_path, text) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (workflow("permissions: {contents: read, checks: write}"), "has `checks: write`"),
        (workflow("permissions: {id-token: write}"), "has `id-token: write`"),
        (workflow("permissions: write-all"), "has `permissions: write-all`"),
        (workflow("permissions:"), "has `permissions: None`"),
        (workflow("name: Read", above="permissions: {issues: write}"), "has `issues: write`"),
        (workflow("name: Read"), "has no `permissions:`"),
        ("on: push\njobs: {other: {permissions: {}}}\n", "has no job read"),
        ("on: [push\n", "is no YAML"),
        ("[]\n", "is no workflow"),
    ],
)
def test_a_job_that_may_write_or_is_not_known_may_not(tmp_path: Path, text: str, why: str) -> None:
    said = judged(tmp_path, text)
    assert why in said
    assert "give the job that collects `permissions:` that only read" in said


READS = workflow("permissions: {contents: read}")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"REVIEWLOOP_TOKEN_OF_THE_JOB": "false"}, "not known to be the job's own"),
        ({"REVIEWLOOP_TOKEN_OF_THE_JOB": ""}, "not known to be the job's own"),
        ({"GITHUB_WORKFLOW_REF": f"other/rules/{FILE}@main"}, "another repository's"),
        ({"GITHUB_WORKFLOW_SHA": ""}, "which file it runs from is not known"),
        ({"GITHUB_WORKFLOW_SHA": "0" * 40}, "its file cannot be read"),
        ({"CONTENTS": "none"}, "add `contents: read`"),
        ({"GITHUB_JOB": "write"}, "has no job write"),
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, changed: dict[str, str], why: str) -> None:
    assert why in judged(tmp_path, READS, **changed)


def test_a_person_at_a_terminal_is_not_asked(tmp_path: Path) -> None:
    assert judged(tmp_path, workflow("permissions: write-all"), GITHUB_ACTIONS="") == ""
