"""Reads from a workflow's file whether its job may write; a token cannot be queried for that."""

from collections.abc import Mapping
from typing import Any

from reviewloop.domain.errors import UsageError
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import GitHubError
from reviewloop.regex import regex

# The Action sets it to `true` where its token is the one that GitHub made for the job.
OF_THE_JOB = "REVIEWLOOP_TOKEN_OF_THE_JOB"
_WORKFLOW = regex(r"([^/]+/[^/]+)/(.+)@")  # octo/demo/.github/workflows/review.yml@refs/...
_READING = {"read", "none"}


def require_reading_job(client: GitHub, environ: Mapping[str, str]) -> None:
    """Raise UsageError unless the workflow's file gives this job no permission to write.

    A coding agent never sees the token, but runs for minutes beside the program that has it. No
    request returns a token's permissions, so the file decides: that of the commit of the workflow
    (GITHUB_WORKFLOW_SHA), by the job's own `permissions:` or else the workflow's. Without any,
    settings of the repository decide that cannot be read here: that is refused, too. Outside of
    GitHub Actions nothing is required.
    https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#permissions
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return
    if environ.get(OF_THE_JOB) != "true":
        raise _refusal("its token is not known to be the job's own; leave out `github-token`")
    job = environ.get("GITHUB_JOB", "")
    permissions = _permissions(_workflow(client, environ), job)
    if isinstance(permissions, Mapping):
        writing = sorted(str(name) for name, level in permissions.items() if level not in _READING)
        if writing:
            raise _refusal(f"the job {job} has `{writing[0]}: {permissions[writing[0]]}`")
    elif permissions != "read-all":
        raise _refusal(f"the job {job} has `permissions: {permissions}`")


def _permissions(workflow: Mapping[str, Any], job: str) -> object:
    jobs = workflow.get("jobs")
    found = jobs.get(job) if isinstance(jobs, Mapping) else None
    if not isinstance(found, Mapping):
        raise _refusal(f"its file has no job {job} (a reusable workflow cannot be looked into)")
    for level in (found, workflow):
        if "permissions" in level:
            return level["permissions"]
    raise _refusal(f"the job {job} has no `permissions:`; add them, such as `contents: read`")


def _workflow(client: GitHub, environ: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the parsed YAML file of the workflow that runs."""
    import yaml  # only this function reads YAML here

    match = _WORKFLOW.match(environ.get("GITHUB_WORKFLOW_REF", ""))
    commit = environ.get("GITHUB_WORKFLOW_SHA", "")
    if match is None or not commit or match[1].lower() != client.repo.full.lower():
        raise _refusal("which file it runs from is not known, or it is another repository's")
    try:
        content = client.content(match[2], commit)
        workflow = yaml.safe_load(content)
    except GitHubError as error:
        raise _refusal(f"its file cannot be read: {error}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise _refusal(f"{match[2]} is no YAML") from None
    if not isinstance(workflow, Mapping):
        raise _refusal(f"{match[2]} is no workflow")
    return workflow


def _refusal(reason: str) -> UsageError:
    return UsageError(
        f"a coding agent works only in a job that may write nothing: {reason}; give the job that "
        "collects `permissions:` that only read, or name another model"
    )
