"""`skills suggest`: lists what users repeat, with the runs."""

import click

from reviewloop.app.project import open_repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.skills.suggest import suggestions
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Command
from reviewloop.cli.spec_session import json_option
from reviewloop.cli.stats import read_since
from reviewloop.domain.errors import ExitCode
from reviewloop.render.untrusted import one_line

_WHAT = {"asked": "you asked for", "rejected": "you rejected for", "gate": "a gate was red:"}


@click.command("suggest", cls=Command)
@click.option("--since", metavar="WHEN", default="", help="Runs begun since: 30d, 8w, 2026-01-31.")
@json_option
def suggest(since: str, as_json: bool) -> ExitCode:
    """Say what you repeated in three runs or more; a skill may take it over.

    Facts only: your own words and red gates, with their runs. No model is asked.
    """
    repo = open_repository(for_reading=True)
    found = suggestions(repo, read_since(since))
    show = redactor_of(repo.user).for_people
    if as_json:
        rows = [
            {"what": one.what, "text": one.text, "runs": [*one.runs], "command": one.command}
            for one in found
        ]
        print_json("skill-suggestions", {"suggestions": rows})
        return ExitCode.CLEAN
    for one in found:
        runs = f"{len(one.runs)} runs: {', '.join(one.runs)}"
        click.echo(one_line(show(f"{_WHAT[one.what]} {one.text} ({runs})")))
        click.echo(one_line(show(f"  {one.command}")))
    if not found:
        print_lines("nothing was repeated in three runs or more")
    return ExitCode.CLEAN
