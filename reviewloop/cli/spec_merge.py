"""`spec merge`: merges an OpenSpec change into its specs."""

import click

from reviewloop.app.project import open_repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.spec.merge import merge_change, plain, shown_base
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode
from reviewloop.render.untrusted import one_line


@click.command("merge", cls=Command)
@click.argument("name")
@click.option("--check", is_flag=True, help="Only say what would be merged.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def merge(name: str, check: bool, as_json: bool) -> ExitCode:
    """Merge the deltas of an OpenSpec change into openspec/specs, requirement by requirement.

    A requirement that changed since the change was approved, or first committed, is a conflict:
    nothing is written then, and the exit code is 3. No model is asked.
    """
    repository = open_repository(for_reading=True)
    done = merge_change(repository, name, check=check)
    if as_json:
        print_json("spec-merge", plain(done))
        return done.exit_code
    show = redactor_of(repository.user).for_people
    for spec in done.specs:
        for step in spec.steps:
            click.echo(one_line(show(f"{spec.path}: {step}")))
    for both in done.overlaps:
        print_lines(
            f"changes overlap at {show(repr(both.requirement))}: {', '.join(both.locations)}"
        )
    for conflict in done.conflicts:
        print_lines(f"conflict: {one_line(show(conflict))}")
    if done.conflicts:
        print_lines(
            f"nothing is written; the base is {shown_base(done)}: bring the change up to date"
        )
    elif not any(spec.steps for spec in done.specs):
        print_lines(f"{one_line(done.change)} is merged already")
    return done.exit_code
