"""`reviewloop github post`: a review that `github review --collect` kept, posted by another job."""

import os
from typing import Any

import click

from reviewloop.cli import completion
from reviewloop.cli.github_told import ending
from reviewloop.errors import ExitCode

_SEVERITIES = ("must", "should", "nit")


@click.command()
@click.argument("file", metavar="FILE", shell_complete=completion.files)
@click.option("--pr", type=click.IntRange(1), help="Its number (that of the event).")
@click.option("--repo", metavar="OWNER/NAME", default="", help="Its repository (the workflow's).")
@click.option(
    "--event",
    metavar="JSON",
    default="",
    shell_complete=completion.files,
    help="Payload of the event to read (GITHUB_EVENT_PATH).",
)
@click.option(
    "--comments",
    type=click.Choice(("inline", "summary", "none")),
    default="inline",
    help="Comment on lines, in the summary only, or nowhere (inline).",
)
@click.option(
    "--max-comments", type=click.IntRange(0), default=30, help="Most comments on lines (30)."
)
@click.option(
    "--min-severity",
    type=click.Choice(_SEVERITIES),
    default="should",
    help="Least severity on a line, as when it was read (should).",
)
@click.option(
    "--fail-on",
    type=click.Choice((*_SEVERITIES, "never")),
    default="never",
    help="Severity from which on the exit code is 1 (never).",
)
@click.option(
    "--annotations",
    type=click.Choice(("true", "false")),
    default="true",
    help="In a workflow, annotate lines for findings without a comment (true).",
)
@click.option("--check", is_flag=True, help="Also end as a check on the head (checks: write).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def post(file: str, as_json: bool, **given: Any) -> ExitCode:
    """Post a review that `github review --collect FILE` kept.

    Needs neither a model nor a clone. The event, or --pr, says which pull request it is, and GitHub
    at which commit; a FILE that says otherwise, or holds anything unknown, is refused. The token is
    read from GITHUB_TOKEN.

    Exit codes: as of `github review`; 2 also for a FILE that is refused.
    """
    from reviewloop.github.reviewing.post_kept import post_kept
    from reviewloop.github.reviewing.review import Options

    options = Options(pull=given.pop("pr") or 0, **given)
    return ending(
        lambda told: post_kept(file, options, os.environ, told=told), "github_post", as_json
    )
