"""`reviewloop arch migrate`: new layers, approved by a user, then a task for each module."""

from pathlib import Path

import click

from reviewloop.app.arch.migrate import (
    Proposed,
    go_on,
    open_migration,
    propose_migration,
    write_migration,
)
from reviewloop.app.batch.run_batch import MODES
from reviewloop.app.batch.session import BatchOptions
from reviewloop.app.batch.start import BatchRequest
from reviewloop.app.project import model_flags, repository
from reviewloop.app.run.start import RunRequest
from reviewloop.cli.batch import run_here
from reviewloop.cli.consoles import confirm, is_interactive, print_lines
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line, safe


@click.command("migrate", cls=Command)
@click.option("-m", "--message", default="", help="The layers, top first: a -> b -> c.")
@click.option("--approve", is_flag=True, help="Write the rules and tasks without being asked.")
@click.option("--plan-only", is_flag=True, help="Show what would be written; write nothing.")
@click.option("--mode", type=click.Choice(MODES), help="How tasks are approved; see `batch`.")
@click.option("--model", metavar="PROVIDER:MODEL", help="The model that does the tasks.")
def migrate(
    message: str, approve: bool, plan_only: bool, mode: str | None, model: str | None
) -> ExitCode:
    """Move the project to new layers: rules you approve, then one task for each module.

    Nothing is written before you approve; without a terminal it ends with 4, and --approve goes on.
    It is done when `arch check --all` is clean, and stops at the first module that cannot. Without
    -m it goes on where it stopped.
    """
    user = repository()
    start = Path.cwd()
    if message:
        proposed = propose_migration(start, message)
        _show(proposed)
        if plan_only:
            return ExitCode.CLEAN
        if not approve and not (is_interactive() and confirm("Write these rules and tasks?")):
            print_lines("nothing is written; the same command with --approve goes on")
            return ExitCode.SKIPPED if is_interactive() else ExitCode.WAITING
        write_migration(user.root, proposed)
        if not proposed.documents:
            click.echo(f"wrote {one_line(proposed.rules_path)}; the code keeps it already")
            return ExitCode.CLEAN
        click.echo(f"wrote {one_line(proposed.rules_path)} and {one_line(proposed.folder)}")
        folder = proposed.folder
    else:
        folder = open_migration(user.root, user.project)
    how = mode or ("each" if is_interactive() else "queue")

    def do(spec: str, task: str) -> ExitCode:
        options = BatchOptions(until_failure=True, request=RunRequest(flags=model_flags(model)))
        request = BatchRequest(spec=spec, tasks=(task,), mode=how, options=options)
        return run_here(request, as_json=False)

    code = go_on(start, user.root, user.project, folder, do)
    if code is ExitCode.CLEAN:
        click.echo("done: `reviewloop arch check --all` finds nothing")
    elif code is ExitCode.FINDINGS:
        print_lines("all tasks are done; `reviewloop arch check --all` lists what is left")
    else:
        print_lines("it stopped; once the task is answered, `reviewloop arch migrate` goes on")
    return code


def _show(proposed: Proposed) -> None:
    click.echo(safe(proposed.diff))
    modules = proposed.migration.modules
    click.echo(f"\n{counted(len(modules), 'module')} to change, one task each:")
    for module in modules:
        imports = counted(len(module.hits), "import")
        click.echo(f"  {one_line(module.path)}: {imports} to change")
        for hit in module.hits[:3]:
            line = f":{hit.span.line}" if hit.span else ""
            click.echo(f"    {one_line(f'{hit.path}{line} {hit.message}')}")
