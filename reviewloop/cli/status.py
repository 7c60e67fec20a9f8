"""`status`, `show` and `logs`: where the runs of this repository stand, and what they did."""

import time
from collections.abc import Mapping
from typing import Any

import click

from reviewloop.app.batch.policy import reason_now
from reviewloop.app.batch.report import account
from reviewloop.app.batch.status import newest_batch, up_to_date
from reviewloop.app.project import Repository, open_repository
from reviewloop.app.run.cleaning import leave_out
from reviewloop.cli import shared, shared_reading
from reviewloop.cli.consoles import echo, print_json, require_reports, results, say, write_reports
from reviewloop.cli.help import Command
from reviewloop.cli.shared import store_option
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.render.terminal.batch import render_account
from reviewloop.render.terminal.runs import LogLines, render_runs
from reviewloop.store.events import read_events
from reviewloop.store.locks import is_held
from reviewloop.store.runs import RunRecord

_FOLLOW_SECONDS = 0.5


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FILE",
    help="Write a report of the latest batch: .md, .json, .html.",
)
@store_option
def status(as_json: bool, reports: tuple[str, ...], store: str) -> ExitCode:
    """List the runs of this repository.

    And say how far its latest batch is. With --store: how far the batches of all workers are.
    """
    require_reports(reports)
    if store:
        return shared.status(store, reports, as_json=as_json)

    repository = open_repository(for_reading=True)
    if gone := leave_out(repository):
        say(gone)
    rows = [_row(repository, record) for record in repository.runs.all()]
    at_work = is_held(repository.batch_lock)  # looked at first: a batch may end meanwhile
    batch = newest_batch(repository)
    told = account(repository, batch, at_work=at_work) if batch else None
    if reports:
        write_reports(reports, _account_for_a_report(told))
    if as_json:
        print_json("status", {"runs": rows, "batch": told})
    else:
        cleaned = f"those of {told['batch']} were cleaned away" if told else ""
        render_runs(rows, results(), cleaned=cleaned)
        open_still = told and (told["state"] != "ended" or set(told["counts"]) != {"committed"})
        if told and (open_still or not rows):  # without runs nothing else tells what there was
            render_account(told, results())
    return ExitCode.CLEAN


def _account_for_a_report(told: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if told is None:
        raise UsageError("there is no batch to report on; `reviewloop batch` begins one")
    return told


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--diff", is_flag=True, help="Show the whole diff as well.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@store_option
def show(run_id: str | None, diff: bool, as_json: bool, store: str) -> ExitCode:
    """Show what a run proposes.

    Files, tests, findings, cost and the commit message; the diff with --diff.
    """
    if store:
        return shared_reading.show(store, run_id, diff=diff, as_json=as_json)

    from reviewloop.app.run.answers import newest_or_named
    from reviewloop.cli.conversation import print_record  # a list of runs needs none of it
    from reviewloop.cli.conversation import show as show_run

    repository = open_repository(for_reading=True)
    record = newest_or_named(repository, run_id)
    if as_json:
        print_record(repository, record)
    else:
        show_run(repository, record, diff=diff, on_stdout=True)
    return ExitCode.CLEAN


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("-f", "--follow", is_flag=True, help="Go on printing until the run stops.")
@store_option
def logs(run_id: str | None, follow: bool, store: str) -> ExitCode:
    """Print what a run did."""
    if store:
        return shared_reading.logs(store, run_id, follow=follow)

    from reviewloop.app.run.answers import newest_or_named

    repository = open_repository(for_reading=True)
    record = newest_or_named(repository, run_id)
    path = repository.run_folder(record.run_id) / "events.jsonl"
    offset, lines = 0, LogLines()
    while True:
        live = is_held(repository.run_lock(record.run_id))
        for event, after in read_events(path, start=offset):
            offset = after
            if line := lines.line(event):
                echo(line, indent=10)
        if not (follow and live):
            return ExitCode.CLEAN
        time.sleep(_FOLLOW_SECONDS)


def _row(repository: Repository, record: RunRecord) -> dict[str, Any]:

    record = up_to_date(repository, record)
    state = str(record.status)
    if record.status == "running" and not is_held(repository.run_lock(record.run_id)):
        state = "stopped"  # its process is gone: `resume` goes on
    if state == "skipped" and record.options.get("redo"):
        state = "redone"  # given up so that its task is done once more; nobody rejected it
    return shared.run_row(record, state) | {"reason": reason_now(repository, record)}
