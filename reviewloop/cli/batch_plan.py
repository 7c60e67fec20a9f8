"""`reviewloop batch --plan matrix`: prints the tasks that may start now for a workflow."""

import functools
import os
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from reviewloop.app.batch.matrix import MOST, Plan, plan_of
from reviewloop.app.project import read_settings, repository
from reviewloop.app.redactors import redactor_here
from reviewloop.cli.consoles import print_lines
from reviewloop.cli.publish import report_errors
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.github.api.model import Status
from reviewloop.github.job.outcome import notify_runner
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.order import order_tasks
from reviewloop.store.redaction import redact_plain

PLANNED = {"plan", "spec", "chosen", "wave", "max_tasks"}
"""The parameters of `batch` that apply to a plan."""


def planning_options(command: Callable[..., ExitCode]) -> Callable[..., ExitCode]:
    """Add the options for planning to the command `batch`."""

    @click.option(
        "--plan",
        type=click.Choice(["matrix"]),
        help="Only print the tasks that may start now, for a workflow; nothing is done.",
    )
    @click.option(
        "--max-tasks",
        type=click.IntRange(1, 256),
        metavar="N",
        help="With --plan: most tasks of it [256, which is what GitHub takes].",
    )
    @functools.wraps(command)
    def either(*, plan: str | None, max_tasks: int | None, **given: Any) -> ExitCode:
        if plan:
            _require_planned(click.get_current_context())
            return _print_plan(given["spec"], given["chosen"], given["wave"], max_tasks)
        if max_tasks is not None:
            raise UsageError("--max-tasks is for a plan: it needs --plan matrix")
        return command(**given)

    return either


def _require_planned(context: click.Context) -> None:
    """Raise UsageError for an option that a plan would ignore."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        here = option.name == "store" and not context.params[option.name]  # it means this machine
        if source is ParameterSource.COMMANDLINE and option.name not in PLANNED and not here:
            raise UsageError(f"--plan prints a plan and does nothing; leave {option.opts[0]} out")


def _print_plan(
    spec: str, chosen: tuple[str, ...], wave: int | None, max_tasks: int | None
) -> ExitCode:

    with report_errors():
        user = repository()
        path = spec or read_settings(user.root, project=user.project).settings.spec.path or None
        here = user.here if spec else user.project
        read = open_spec(DiskFiles(user.root), path, project=user.project, here=here)
        return _printed(plan_of(user, read, order_tasks(read, chosen, wave), max_tasks or MOST))


def _printed(plan: Plan) -> ExitCode:
    """Print the matrix on stdout, write it to the runner's outputs, print notes on stderr."""
    import json

    matrix = json.dumps(redact_plain(plan.matrix, redactor_here().redact_held))
    outputs = {
        "status": str(Status.PASSED),
        "matrix": matrix,
        "any": "true" if plan.include else "false",
    }
    notify_runner(Status.PASSED, outputs, os.environ, print_line=click.echo)
    click.echo(matrix)
    for note in plan.notes:
        print_lines(f"note: {note}")
    if not plan.include:
        print_lines("no task may start now")
    return ExitCode.CLEAN
