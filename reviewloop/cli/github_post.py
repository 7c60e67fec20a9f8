"""`reviewloop github post`: a review that `github review --collect` kept, posted by another job."""

import os
from typing import Any

import click

from reviewloop.cli import completion
from reviewloop.cli.github_options import about_a_pull, ends, telling, with_json
from reviewloop.cli.github_told import ending
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode
from reviewloop.github.reviewing.post_kept import post_kept
from reviewloop.github.reviewing.review import PullReviewRequest


@click.command(cls=Command)
@click.argument("file", metavar="FILE", shell_complete=completion.files)
@about_a_pull
@telling("Lowest severity on a line, as when it was read (should).")
@ends
@with_json
def post(file: str, as_json: bool, **given: Any) -> ExitCode:
    """Post a review that `github review --collect FILE` kept.

    Needs neither a model nor a clone. The event, or --pr, says which pull request it is, and GitHub
    at which commit; a FILE that says otherwise, or holds anything unknown, is refused. The token is
    read from GITHUB_TOKEN.

    Exit codes: as of `github review`; 2 also for a FILE that is refused.
    """

    options = PullReviewRequest(pull=given.pop("pr") or 0, **given)
    return ending(
        lambda told: post_kept(file, options, os.environ, told=told), "github_post", as_json
    )
