"""`reviewloop github review`: a pull request, reviewed and commented on; what the Action runs."""

import os
from typing import Any

import click

from reviewloop.cli.github_fix import fix
from reviewloop.cli.github_hear import hear
from reviewloop.cli.github_options import (
    about_a_pull,
    ends,
    limits,
    limits_of,
    telling,
    with_json,
)
from reviewloop.cli.github_post import post
from reviewloop.cli.github_push import push
from reviewloop.cli.github_told import ending
from reviewloop.cli.help import Group
from reviewloop.domain.errors import ExitCode
from reviewloop.github.job.event import Allowed
from reviewloop.github.reviewing.review import PullReviewRequest, review_pull


@click.group(cls=Group)
def github() -> None:
    """Review pull requests on GitHub."""


github.add_command(fix)
github.add_command(hear)
github.add_command(post)
github.add_command(push)


@github.command()
@about_a_pull
@telling("Lowest severity on a line; the summary has the rest (should).")
@click.option(
    "--model",
    metavar="PROVIDER:MODEL|auto|none",
    default="",
    help="Model to ask; auto: the settings', else that of a key; or none.",
)
@limits("this review", "the models")
@click.option("--forks", is_flag=True, help="Also review forks (by hand: always).")
@click.option("--drafts", is_flag=True, help="Also review drafts (by hand: always).")
@click.option("--bots", is_flag=True, help="Also review bots (by hand: always).")
@click.option(
    "--max-files",
    type=click.IntRange(1),
    default=3000,
    help="Skip it when it changes more files (3000).",
)
@click.option("--full", is_flag=True, help="Read the whole change again.")
@ends
@click.option("--sarif", metavar="FILE", default="", help="Write a SARIF report, too.")
@click.option("--report", metavar="FILE", default="", help="Write a JSON report, too.")
@click.option(
    "--collect",
    metavar="FILE",
    default="",
    help="Post nothing; keep all in FILE for `github post`.",
)
@with_json
def review(as_json: bool, **given: Any) -> ExitCode:
    """Review a pull request and post what is found.

    The diff comes from this clone, so its commits have to be here; settings, agents and rules come
    from the base commit. The token is read from GITHUB_TOKEN; with --collect one that reads is
    enough.

    Exit codes: 0 passed or skipped, 1 needs changes (--fail-on), 5 not reviewed or not posted as a
    whole, 2 something to correct first.
    """
    from pathlib import Path

    allowed = [given.pop(name) for name in ("forks", "drafts", "bots", "max_files")]
    caps = limits_of(given)
    options = PullReviewRequest(
        pull=given.pop("pr") or 0, limits=caps, allowed=Allowed(*allowed), **given
    )
    return ending(
        lambda told: review_pull(options, os.environ, start=Path.cwd(), told=told),
        "github_review",
        as_json,
    )
