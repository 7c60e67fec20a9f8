"""`show`, `logs`, `tasks`, `stats`, `checkout` and `undo` of runs that stand in a store."""

from typing import cast

import click

from reviewloop.app.project import open_repository
from reviewloop.app.run.view import run_object
from reviewloop.cli.consoles import echo, print_json
from reviewloop.cli.shared import shared
from reviewloop.cli.shared import show as show_proposal
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.task import Spec
from reviewloop.git.repository import UserRepo
from reviewloop.render.proposal import Proposal
from reviewloop.render.terminal.runs import LogLines
from reviewloop.store.metrics import RunMetrics


def show(url: str, run_id: str | None, *, diff: bool, as_json: bool) -> ExitCode:
    """Show what a run proposes, the newest one by default."""
    from reviewloop.app.fleet.reading import newest_or_named
    from reviewloop.store.postgres.runs import SharedRuns

    with shared(url) as database:
        run = newest_or_named(database, run_id)
        if not as_json:
            return show_proposal(url, run.run_id, diff=diff)
        proposal, _ = SharedRuns(database).proposal(run.run_id)
    print_json("run", run_object(run, cast(Proposal, proposal)))
    return ExitCode.CLEAN


def logs(url: str, run_id: str | None, *, follow: bool) -> ExitCode:
    """Print what a run told, as far as its worker has brought it to the store."""
    from reviewloop.app.fleet.reading import events_told, newest_or_named

    lines = LogLines()
    with shared(url) as database:
        run = newest_or_named(database, run_id)
        for event in events_told(database, url, run, follow=follow):
            if line := lines.line(event):
                echo(line, indent=10)
    return ExitCode.CLEAN


def tasks_in_work(
    url: str, user: UserRepo, spec: Spec
) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Return what `tasks` tells of the runs of workers; see `engine.outlook`."""
    from contextlib import closing

    from reviewloop.app.fleet.outlook import tasks_in_work as look
    from reviewloop.store.postgres.database import Database

    with closing(Database(url)) as database:
        if not database.version():  # one looks at the tasks before the first `batch`
            return {}, {}
        database.require_tables()
        return look(database, url, user, spec)


def checkout(url: str, run_id: str, name: str) -> ExitCode:
    """Export the work of a run as a branch of the repository that one stands in."""
    from reviewloop.app.fleet.reading import export

    with shared(url) as database:
        commit = export(database, open_repository(), run_id, name)
    click.echo(f"The branch {name} holds the work of {run_id} ({commit[:10]}).", err=True)
    return ExitCode.CLEAN


def undo(url: str, run_id: str | None) -> ExitCode:
    """Say how a commit is taken back that was pushed."""
    from reviewloop.app.fleet.reading import why_not_undone

    with shared(url) as database:
        raise UsageError(why_not_undone(database, run_id))


def figures(url: str) -> tuple[list[RunMetrics], dict[str, float]]:
    """Return the rows that `stats` adds up, and when the specs were born."""
    from reviewloop.app.fleet.work import figures_shown

    with shared(url) as database:
        return figures_shown(database)
