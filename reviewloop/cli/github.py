"""`reviewloop github review`: a pull request, reviewed and commented on; what the Action runs."""

import os
from typing import Any

import click

from reviewloop.cli import completion
from reviewloop.cli.github_fix import fix
from reviewloop.cli.github_hear import hear
from reviewloop.cli.github_post import post
from reviewloop.cli.github_push import push
from reviewloop.cli.github_told import ending
from reviewloop.errors import ExitCode

_SEVERITIES = ("must", "should", "nit")


@click.group()
def github() -> None:
    """Review pull requests on GitHub."""


github.add_command(fix)
github.add_command(hear)
github.add_command(post)
github.add_command(push)


@github.command()
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
    help="Least severity on a line; the summary has the rest (should).",
)
@click.option(
    "--fail-on",
    type=click.Choice((*_SEVERITIES, "never")),
    default="never",
    help="Severity from which on the exit code is 1 (never).",
)
@click.option("--model", metavar="PROVIDER:MODEL|none", default="", help="Model to ask, or none.")
@click.option("--budget-usd", type=float, metavar="USD", help="Most this review may cost.")
@click.option("--budget-tokens", type=int, metavar="N", help="Most tokens it may use.")
@click.option("--minutes", type=float, metavar="M", help="Longest time the models may take.")
@click.option("--forks", is_flag=True, help="Also a fork's (by hand always).")
@click.option("--drafts", is_flag=True, help="Also a draft (by hand always).")
@click.option("--bots", is_flag=True, help="Also a bot's (by hand always).")
@click.option(
    "--max-files",
    type=click.IntRange(1),
    default=3000,
    help="Skip it when it changes more files (3000).",
)
@click.option("--full", is_flag=True, help="Read the whole change anew, although nothing is new.")
@click.option("--check", is_flag=True, help="Also end as a check on the head (checks: write).")
@click.option(
    "--annotations",
    type=click.Choice(("true", "false")),
    default="true",
    help="In a workflow, annotate lines for findings without a comment (true).",
)
@click.option("--sarif", metavar="FILE", default="", help="Write a SARIF report, too.")
@click.option("--report", metavar="FILE", default="", help="Write a JSON report, too.")
@click.option(
    "--collect",
    metavar="FILE",
    default="",
    help="Post nothing; keep all in FILE for `github post`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def review(as_json: bool, **given: Any) -> ExitCode:
    """Review a pull request and post what is found.

    The diff comes from this clone, so its commits have to be here; settings, agents and rules come
    from the base commit. The token is read from GITHUB_TOKEN; with --collect one that reads is
    enough.

    Exit codes: 0 passed or skipped, 1 needs changes (--fail-on), 5 not reviewed or not posted as a
    whole, 2 something to correct first.
    """
    from pathlib import Path

    from reviewloop.github.job.event import Allowed
    from reviewloop.github.reviewing.review import Options, review_pull

    allowed = [given.pop(name) for name in ("forks", "drafts", "bots", "max_files")]
    names = {"limits.usd": "budget_usd", "limits.tokens": "budget_tokens"}
    names |= {"limits.minutes": "minutes"}
    limits = {setting: given.pop(name) for setting, name in names.items()}
    options = Options(pull=given.pop("pr") or 0, limits=limits, allowed=Allowed(*allowed), **given)
    return ending(
        lambda told: review_pull(options, os.environ, start=Path.cwd(), told=told),
        "github_review",
        as_json,
    )
