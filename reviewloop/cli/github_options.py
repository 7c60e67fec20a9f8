"""Options that commands of `reviewloop github` share, so that they mean the same in each."""

from collections.abc import Callable
from typing import Any

import click

from reviewloop.cli import completion
from reviewloop.cli.review import SEVERITIES

Command = Callable[..., Any]
_LIMITS = {"limits.usd": "budget_usd", "limits.tokens": "budget_tokens"}
_LIMITS |= {"limits.minutes": "minutes"}


def about_a_pull(command: Command) -> Command:
    """Add what says which pull request it is: by hand, or by the event of a workflow."""
    return _with(
        command,
        click.option("--pr", type=click.IntRange(1), help="Its number (that of the event)."),
        click.option(
            "--repo", metavar="OWNER/NAME", default="", help="Its repository (the workflow's)."
        ),
        click.option(
            "--event",
            metavar="JSON",
            default="",
            shell_complete=completion.files,
            help="Payload of the event to read (GITHUB_EVENT_PATH).",
        ),
    )


def telling(least: str) -> Callable[[Command], Command]:
    """Return what adds how findings are told; `least` is the help of --min-severity."""
    options = (
        click.option(
            "--comments",
            type=click.Choice(("inline", "summary", "none")),
            default="inline",
            help="Comment on lines, in the summary only, or nowhere (inline).",
        ),
        click.option(
            "--max-comments",
            type=click.IntRange(0),
            default=30,
            help="Most comments on lines (30).",
        ),
        click.option("--min-severity", type=click.Choice(SEVERITIES), default="should", help=least),
        click.option(
            "--fail-on",
            type=click.Choice((*SEVERITIES, "never")),
            default="never",
            help="Lowest severity that makes the exit code 1 (never).",
        ),
    )
    return lambda command: _with(command, *options)


def ends(command: Command) -> Command:
    """Add where else than in comments a review ends."""
    return _with(
        command,
        click.option(
            "--check", is_flag=True, help="Also end as a check on the head (checks: write)."
        ),
        click.option(
            "--annotations",
            type=click.Choice(("true", "false")),
            default="true",
            help="In a workflow, annotate lines for findings without a comment (true).",
        ),
    )


def limits(what: str, who: str) -> Callable[[Command], Command]:
    """Return what adds the caps on a model's work; the words stand in their help."""
    options = (
        click.option("--budget-usd", type=float, metavar="USD", help=f"Most {what} may cost."),
        click.option("--budget-tokens", type=int, metavar="N", help="Token limit."),
        click.option("--minutes", type=float, metavar="M", help=f"Longest time {who} may take."),
    )
    return lambda command: _with(command, *options)


def limits_of(given: dict[str, Any]) -> dict[str, Any]:
    """Take the caps out of what was given; return them by the names of the settings."""
    return {setting: given.pop(name) for setting, name in _LIMITS.items()}


def with_json(command: Command) -> Command:
    """Add the option that every command for programs has."""
    plain = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
    return _with(command, plain)


def _with(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
