"""`undo`, `checkout` and `clean`: undo a run's commit, export its work, delete old runs."""

from collections import Counter

import click

from reviewloop.app.fleet.port import Cleaning, Fleet
from reviewloop.cli.consoles import confirm, is_interactive, print_lines
from reviewloop.cli.fleet import fleet_option
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, UsageError


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@fleet_option
def undo(run_id: str | None, fleet: Fleet) -> ExitCode:
    """Take back the commit of a run.

    Only if it is not pushed and nothing came after it. Without RUN: the one that is checked out.
    """
    for sentence in fleet.undo(run_id):
        click.echo(sentence, err=True)
    return ExitCode.CLEAN


@click.command(cls=Command)
@click.argument("run_id", metavar="RUN")
@click.argument("name", metavar="NAME")
@click.option("--before-edit", is_flag=True, help="The work before your own edits.")
@fleet_option
def checkout(run_id: str, name: str, before_edit: bool, fleet: Fleet) -> ExitCode:
    """Export the work of a run as the branch NAME."""
    commit = fleet.checkout(run_id, name, before_edit=before_edit)
    click.echo(f"The branch {name} holds the work of {run_id} ({commit[:10]}).", err=True)
    return ExitCode.CLEAN


@click.command(cls=Command)
@click.option("--older-than", type=int, metavar="DAYS", help="Default: runs.keep_days.")
@click.option("--with-work", is_flag=True, help="Also runs whose work was never committed.")
@click.option("--metrics", is_flag=True, help="Also the figures that `stats` shows.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@fleet_option
def clean(
    older_than: int | None, with_work: bool, metrics: bool, yes: bool, fleet: Fleet
) -> ExitCode:
    """Delete old finished runs and sessions.

    They are listed first; `runs.keep_days` says what is old. Sessions are those of `spec new`,
    `change`, `ask` and `skills`. A run whose work is neither committed nor on a branch stays,
    unless you say --with-work; its figures stay, unless you say --metrics.
    """
    garbage = fleet.cleaning(older_than, with_work=with_work, metrics=metrics)
    for line in garbage.lines:
        click.echo(line)
    if garbage.kept:
        names = ", ".join(record.run_id for record in garbage.kept)
        click.echo(
            f"Kept, because only they hold their work: {names}. Save it with `reviewloop checkout "
            "RUN NAME`, or add --with-work to delete it.",
            err=True,
        )
    if garbage.going:
        click.echo(_going(garbage), err=True)
    if not (garbage.count or garbage.more):
        click.echo("There is nothing to delete.", err=True)
        return ExitCode.CLEAN
    if not yes and not is_interactive():
        raise UsageError("there is no terminal to ask on; add --yes to delete what is listed")
    if yes or confirm(f"Delete for good what is listed ({garbage.count})?"):
        for sentence in garbage.delete():
            print_lines(sentence)
        click.echo(f"Deleted ({garbage.count}).", err=True)
    return ExitCode.CLEAN


def _going(garbage: Cleaning) -> str:
    counts = Counter(str(run.status) for run in garbage.going)
    stay = "run stays: it is" if len(garbage.going) == 1 else "runs stay: they are"
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    return (
        f"{len(garbage.going)} {stay} not over ({statuses}). `reviewloop reject RUN` ends one; "
        "then `reviewloop clean` takes it when it is old, --with-work also if only it holds its "
        "work."
    )
