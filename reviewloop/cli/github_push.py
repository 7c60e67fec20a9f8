"""`reviewloop github push`: pushes what another job made, without a model and without its code."""

import os
from pathlib import Path

import click

from reviewloop.cli import completion
from reviewloop.cli.github_options import with_json
from reviewloop.cli.help import Command
from reviewloop.cli.publish import errors_told, told
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import Repo
from reviewloop.github.publishing.push import PushRequest, push_handoff


@click.command("push", cls=Command)
@click.argument("folder", metavar="DIR", shell_complete=completion.files)
@click.option(
    "--environment", metavar="NAME", default="", help="Environment whose reviewers approve."
)
@click.option("--request-reviewers", is_flag=True, help="Ask the suggested people for a review.")
@click.option("--repo", metavar="OWNER/NAME", default="", help="Repository (the workflow's).")
@with_json
def push(
    folder: str, environment: str, request_reviewers: bool, repo: str, as_json: bool
) -> ExitCode:
    """Push a handoff: a task becomes a draft pull request, a fix goes to its pull request.

    What the handoff says is checked with git and GitHub first. With --environment, the person who
    let this run into it is named in the commit as the one who approved it. The clone has to hold
    the commit that the work builds on. The token is read from GITHUB_TOKEN.

    Exit codes: 0 pushed, or told why there is nothing to push, 2 something to correct first, 3 a
    branch or file that is not to be pushed, 5 GitHub did not do it.
    """

    with errors_told():
        full = repo or os.environ.get("GITHUB_REPOSITORY", "")
        try:
            named = Repo.of(full)
        except ValueError:
            raise UsageError("name the repository with --repo OWNER/NAME") from None
        wanted = PushRequest(environment, request_reviewers)
        with GitHub.from_environment(os.environ, named) as client:
            published = push_handoff(
                client, Path(folder).absolute(), wanted, start=Path.cwd(), environ=os.environ
            )
        return told(published, as_json)
