"""`status`, `show` and `logs`: the runs of this repository, and their events."""

from typing import TYPE_CHECKING

import click

from reviewloop.app.fleet.port import Fleet, RunState
from reviewloop.cli.consoles import (
    echo,
    print_json,
    print_lines,
    results,
)
from reviewloop.cli.fleet import fleet_option
from reviewloop.cli.help import Command
from reviewloop.cli.report_files import require_reports, write_reports
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.reason import resume_continues
from reviewloop.render.batch import report_object

if TYPE_CHECKING:  # draws
    from reviewloop.render.terminal.runs import RunRow


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FILE",
    help="Write a report of the latest batch: .md, .json, .html.",
)
@fleet_option
def status(as_json: bool, reports: tuple[str, ...], fleet: Fleet) -> ExitCode:
    """List the runs of this repository.

    And say how far its latest batch is. With --store: how far the batches of all workers are.
    """
    require_reports(reports)
    found = fleet.overview()
    rows, accounts = [_row(one) for one in found.runs], found.accounts
    latest = accounts[0] if accounts else None
    if reports:
        if latest is None:
            raise UsageError("there is no batch to report on; `reviewloop batch` begins one")
        write_reports(reports, latest)
    if as_json:
        printed = [report_object(one) for one in accounts]
        every = {} if found.lists_runs else {"batches": printed}
        print_json(found.kind, {"runs": rows, "batch": printed[0] if printed else None, **every})
        return ExitCode.CLEAN
    from reviewloop.render.terminal.batch import render_account  # JSON needs neither
    from reviewloop.render.terminal.runs import render_runs

    if found.lists_runs:
        cleaned = f"those of {latest.batch} were cleaned away" if latest else ""
        alone = {one.run.run_id for one in found.runs if resume_continues(one.run.because)}
        render_runs(rows, results(), cleaned=cleaned, alone=alone)
    elif not accounts:
        print_lines("nothing was queued yet; `reviewloop batch` with the store begins")
    for account in accounts:
        open_still = account.state != "ended" or set(account.counts) != {"committed"}
        # Without a list of runs nothing else shows what there was.
        if open_still or not (rows and found.lists_runs):
            render_account(account, results())
    if found.note:
        print_lines(found.note)
    return ExitCode.CLEAN


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--diff", is_flag=True, help="Show the whole diff as well.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def show(run_id: str | None, diff: bool, as_json: bool, fleet: Fleet) -> ExitCode:
    """Show what a run proposes.

    Files, tests, findings, cost and the commit message; the diff with --diff.
    """
    from reviewloop.app.run.view import run_object  # a list of runs does not need it
    from reviewloop.cli.conversation import show_seen

    record = fleet.find(run_id)
    if as_json:
        print_json("run", run_object(record, fleet.proposal(record)))
        return ExitCode.CLEAN
    with fleet.opened(record) as seen:
        show_seen(seen, record, results(), diff=diff)
    return ExitCode.CLEAN


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("-f", "--follow", is_flag=True, help="Go on printing until the run stops.")
@fleet_option
def logs(run_id: str | None, follow: bool, fleet: Fleet) -> ExitCode:
    """Print what a run did."""
    from reviewloop.render.terminal.runs import LogLines

    lines = LogLines()
    for event in fleet.events(fleet.find(run_id), follow=follow):
        if line := lines.line(event):
            echo(line, indent=10)
    return ExitCode.CLEAN


def _row(one: RunState) -> "RunRow":
    record = one.run
    return {
        "run": record.run_id,
        "status": one.state,
        "task": record.task_id,
        "batch": str(record.options.get("batch", "")),
        "title": record.title,
        "spec": record.spec_path,
        "branch": record.branch,
        "commit": record.commit,
        "step": record.step,
        "reason": one.reason,
        "incomplete": record.incomplete,
        "exit_code": record.exit_code,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "active_seconds": record.active_seconds,
    }
