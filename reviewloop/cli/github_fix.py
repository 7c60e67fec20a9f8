"""`reviewloop github fix`: what a comment asks for, made ready for a job that may push it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from reviewloop.cli import completion
from reviewloop.cli.github_options import limits, limits_of, with_json
from reviewloop.cli.github_told import ending
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode
from reviewloop.github.fixing.fix import FixOptions, fix_pull
from reviewloop.github.job.outcome import JobOutcome


@click.command("fix", cls=Command)
@click.option("--pr", type=click.IntRange(1), required=True, help="Number of the pull request.")
@click.option("--repo", metavar="OWNER/NAME", default="", help="Its repository (the workflow's).")
@click.option("--finding", metavar="ID|all", required=True, help="What is to be fixed.")
@click.option(
    "--comment", type=click.IntRange(1), required=True, help="Id of the comment that asks for it."
)
@click.option(
    "--handoff",
    metavar="DIR",
    required=True,
    shell_complete=completion.files,
    help="Empty folder for what `github push` takes.",
)
@click.option("--model", metavar="PROVIDER:MODEL", default="", help="Model for every step.")
@limits("this", "it")
@click.option("--no-sandbox", is_flag=True, help="Run the project's code without a sandbox.")
@with_json
def fix(as_json: bool, **given: Any) -> ExitCode:
    """Fix findings of a pull request because a comment asks for it.

    Nothing is pushed: the commit, or why there is none, is for `github push`. The comment, by a
    person with write permission, approves a clean result, and the commit names it. The commits of
    the pull request have to be in this clone; settings and agents come from its base commit. The
    token is read from GITHUB_TOKEN and need not write.

    Exit codes: 0 there is a commit, 1 findings remain, 2 something to correct first, 3 a
    guard-rail failed or no fix was kept, 5 not done as a whole, 6 a budget ran out.
    """

    options = FixOptions(
        pull=given["pr"],
        finding=given["finding"],
        comment=given["comment"],
        handoff=Path(given["handoff"]).absolute(),
        repo=given["repo"],
        model=given["model"],
        limits=limits_of(given),
        unsandboxed="accepted" if given["no_sandbox"] else "",
    )

    def fixed(told: Callable[[str], None]) -> JobOutcome:
        return fix_pull(options, os.environ, start=Path.cwd(), told=told)

    return ending(fixed, "github_fix", as_json)
