"""`undo`, `checkout` and `clean`: what can be done with a run afterwards."""

import click

from reviewloop.errors import ExitCode, UsageError


@click.command()
@click.argument("run_id", required=False, metavar="[RUN]")
def undo(run_id: str | None) -> ExitCode:
    """Take back the commit of a run.

    As long as it is not pushed and nothing came after it.
    """
    from reviewloop.runs.repository import open_repository
    from reviewloop.runs.upkeep import undo_run

    repository = open_repository()
    for sentence in undo_run(repository, run_id):
        click.echo(sentence, err=True)
    return ExitCode.CLEAN


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("name", metavar="NAME")
def checkout(run_id: str, name: str) -> ExitCode:
    """Export the work of a run as the branch NAME."""
    from reviewloop.runs.repository import open_repository
    from reviewloop.runs.upkeep import export_run

    commit = export_run(open_repository(), run_id, name)
    click.echo(f"The branch {name} holds the work of {run_id} ({commit[:10]}).", err=True)
    return ExitCode.CLEAN


@click.command()
@click.option("--older-than", type=int, metavar="DAYS", help="Default: runs.keep_days.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
def clean(older_than: int | None, yes: bool) -> ExitCode:
    """Delete old runs that are over.

    They are listed first; `runs.keep_days` says what is old.
    """
    from reviewloop.cli.conversation import somebody_is_there
    from reviewloop.output.untrusted import one_line
    from reviewloop.runs.repository import open_repository
    from reviewloop.runs.upkeep import deletable, delete_run, sweep, sweep_reviews

    repository = open_repository(for_reading=True)
    sweep(repository)
    swept = sweep_reviews(repository, older_than)
    if swept:
        click.echo(f"Deleted what models said in {swept} old reviews.", err=True)
    records = deletable(repository, older_than)
    if not records and not swept:
        click.echo("There is nothing to delete.", err=True)
    if not records:
        return ExitCode.CLEAN
    for record in records:
        click.echo(one_line(f"{record.run_id}  {record.status}  {record.title}"))
    if not yes and not somebody_is_there():
        raise UsageError("there is no terminal to ask on; add --yes to delete these runs")
    if yes or click.confirm(f"Delete for good what is listed ({len(records)})?", err=True):
        for record in records:
            delete_run(repository, record)
    return ExitCode.CLEAN
