"""`reviewloop batch`: all open tasks of a spec, a run each, and the report."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import click

from reviewloop.app.batch.limits import cost_before_batch, read_deadline
from reviewloop.app.batch.report import build_report, exit_code
from reviewloop.app.batch.run_batch import run_batch
from reviewloop.app.batch.session import BatchOptions
from reviewloop.app.batch.start import BatchRequest
from reviewloop.app.fleet.port import Enqueued, Fleet
from reviewloop.app.project import Repository, model_flags, open_repository
from reviewloop.app.run.start import RunRequest
from reviewloop.cli.batch_plan import planning_options
from reviewloop.cli.consoles import (
    is_interactive,
    messages,
    print_json,
    print_lines,
    results,
)
from reviewloop.cli.conversation import ask_about, propose_sync
from reviewloop.cli.fleet import fleet_option
from reviewloop.cli.help import Command
from reviewloop.cli.notifications import call_about, notify_user
from reviewloop.cli.report_files import require_reports, write_reports
from reviewloop.domain.batch_report import BatchReport
from reviewloop.domain.errors import (
    ExitCode,
    InterruptedByUserError,
    ReviewLoopError,
    UsageError,
)
from reviewloop.domain.event import RunEvent
from reviewloop.domain.reason import ReasonKind
from reviewloop.render.batch import done_in, report_object
from reviewloop.render.terminal.batch import BatchScreen, render_account
from reviewloop.store.runs import RunRecord


@click.command(cls=Command)
@click.option("--spec", metavar="PATH", default="", help="Spec file, folder or feature name.")
@click.option("--tasks", "chosen", metavar="IDS", multiple=True, help="Only these: 2.1,3.*")
@click.option("--wave", type=int, metavar="N", help="Only the tasks of wave N, from 1.")
@click.option(
    "--mode",
    type=click.Choice(["each", "queue", "autopilot"]),
    help="Who approves: you at each task, you later, or nobody if it is clean.",
)
@click.option("--budget-usd", metavar="USD", help="Cost limit for all runs together, or none.")
@click.option("--deadline", metavar="T", help="Stop at 07:00, after 8h or 90m, at a date, or none.")
@click.option(
    "--max-parallel",
    "parallel",
    type=click.IntRange(1, 32),
    default=1,
    metavar="N",
    help="How many tasks may run at the same time.",
)
@click.option("--until-failure", is_flag=True, help="Stop at the first task that fails.")
@click.option("--model", metavar="PROVIDER:MODEL", help="Model for every step of every run.")
@click.option(
    "--steering",
    multiple=True,
    metavar="NAME",
    help="Give a steering file that is `inclusion: manual`; may be repeated.",
)
@click.option("--no-hooks", is_flag=True, help="Fire none of the repository's hooks.")
@click.option("--no-sandbox", is_flag=True, help="Run the project's code without a sandbox.")
@click.option(
    "--report",
    "reports",
    metavar="FILE",
    multiple=True,
    help="Write a report: .md, .json, .html.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@planning_options
@fleet_option
@click.option("--remote", default="", help="With --store: where workers find the branch [origin].")
def batch(
    spec: str,
    chosen: tuple[str, ...],
    wave: int | None,
    mode: str | None,
    budget_usd: str | None,
    deadline: str | None,
    parallel: int,
    until_failure: bool,
    model: str | None,
    steering: tuple[str, ...],
    no_hooks: bool,
    no_sandbox: bool,
    reports: tuple[str, ...],
    as_json: bool,
    fleet: Fleet,
    remote: str,
) -> ExitCode:
    """Implement all open tasks of a spec.

    Each is a run of its own, in the order of their dependencies. The same command goes on with a
    batch that was stopped; `reviewloop queue` shows what waits for you. With --store workers do
    them (`reviewloop worker`).
    """

    budget = None if budget_usd is None else _read_budget(budget_usd)
    workers = fleet.workers
    if workers is None and remote:
        raise UsageError("--remote is for workers: it needs --store")
    if workers is not None:
        _require_for_workers(mode, parallel, no_sandbox)
    elif mode == "each":
        _require_interactive(parallel)
    require_reports(reports)
    if steering and workers is not None:
        raise UsageError("--steering is for runs on this machine; leave it out with --store")
    run_request = RunRequest(
        no_hooks=no_hooks,
        unsandboxed="accepted" if no_sandbox else "",
        flags=model_flags(model),
        steering=steering,
    )
    request = BatchRequest(
        spec=spec,
        tasks=chosen,
        wave=wave,
        mode=mode or ("each" if _asks(parallel) and workers is None else "queue"),
        budget_usd=budget,
        deadline=None if deadline is None else read_deadline(deadline),
        options=BatchOptions(until_failure, parallel, run_request),
    )
    if workers is not None:
        queued_report = _report_enqueued(
            workers.enqueue(request, remote or "origin"), as_json=as_json
        )
        write_reports(reports, queued_report)
        return ExitCode.CLEAN if queued_report.state == "running" else exit_code(queued_report)
    return run_here(request, reports, as_json=as_json)


def _read_budget(text: str) -> float:
    """Return the amount of a budget, 0 for "none"; raise `UsageError` for other text."""
    if text.strip().lower() == "none":
        return 0.0
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not 0 < amount < math.inf:
        raise UsageError(f"--budget-usd {text!r}: it needs an amount above 0, or none")
    return amount


def _require_interactive(parallel: int) -> None:
    """Raise for a mode that asks at every task where that is impossible."""

    if not is_interactive():
        raise UsageError("--mode each asks at every task, and there is no terminal; use queue")
    if parallel > 1:
        raise UsageError("--mode each asks at every task, so it takes one at a time")


def _asks(parallel: int) -> bool:
    """Return whether a user can be asked at each task."""

    return parallel == 1 and is_interactive()


def _require_for_workers(mode: str | None, parallel: int, no_sandbox: bool) -> None:
    """Raise for options that workers cannot follow, or that belong to `worker`."""
    if mode == "each":
        raise UsageError("--mode each asks at every task, and at a worker nobody sits; use queue")
    if parallel > 1:
        raise UsageError("--max-parallel is for one machine; start more workers instead")
    if no_sandbox:
        raise UsageError("--no-sandbox is said to the worker that runs the code")


def _report_enqueued(queued: Enqueued, *, as_json: bool) -> BatchReport:
    """Print what was queued for workers; return the report of its batch."""
    added, queued_report = list(queued.added), queued.report
    if as_json:
        body: dict[str, Any] = {"batch": queued.batch_id, "branch": queued.branch, "queued": added}
        body |= {"notes": list(queued.notes), "account": report_object(queued_report)}
        print_json("enqueued", body)
    else:
        render_account(queued_report, results())
    for note in queued.notes:
        print_lines(note)
    if queued.batch_id:
        tasks = "1 task" if len(added) == 1 else f"{len(added)} tasks"
        of_queue = [row for row in queued_report.tasks if row.because.kind is ReasonKind.QUEUED]
        before = len(of_queue) - len(added)
        were = "was" if before == 1 else "were"
        also = f" ({before} {were} queued already)" if before > 0 else ""
        target = f"{queued.branch} of {queued.address}"
        print_lines(f"{queued.batch_id}: {tasks} queued for {target}{also}")
    if queued_report.state == "running":
        print_lines(
            "`reviewloop worker --store …` does them, `reviewloop status --store …` tells how far"
        )
    return queued_report


def done_here(
    repository: Repository, request: BatchRequest
) -> tuple[BatchReport, ReviewLoopError | None]:
    """Run a batch in this process; return its report and the error that stopped it, if any."""
    with BatchScreen(messages()) as screen:
        record, error = run_batch(repository, request, _Shown(screen, repository))
    return build_report(repository, record), error


def run_here(request: BatchRequest, reports: Sequence[str] = (), *, as_json: bool) -> ExitCode:
    """Run a batch in this process, show it, and return its exit code."""

    repository = open_repository()
    report, error = done_here(repository, request)
    if as_json:
        print_json("batch", report_object(report))
    elif report.tasks:  # else there was no batch, and the message is printed already
        render_account(report, results())
    propose_sync_of(report)
    if not isinstance(error, InterruptedByUserError):
        _call_about(repository, report)
    write_reports(reports, report)  # last: a full disk must not hide the report
    for name in reports:
        print_lines(f"the report is in {name}")
    if error is not None:
        error.exit_code = exit_code(report, error.exit_code)
        raise error
    return exit_code(report)


def propose_sync_of(report: BatchReport) -> None:
    """Propose to change the spec where the committed tasks made it drift from the code."""
    if done := [task.run for task in report.tasks if task.state == "committed" and task.run]:
        repository = open_repository(for_reading=True)  # the branch has moved
        last = next((run for run in repository.runs.all() if run.run_id == done[-1]), None)
        if last:  # else `clean` deleted it, and its settings
            propose_sync(repository, last)


def _call_about(repository: Repository, report: BatchReport) -> None:
    """Notify the user about tasks of a batch that wait and that they were not asked about."""

    words = {"waiting": "waiting for you", "blocked": "blocked", "stopped": "stopped"}
    unlisted = {"waiting", "blocked"} if report.mode == "each" else set()
    counts = {state: report.counts.get(state, 0) for state in words if state not in unlisted}
    if not any(counts.values()):
        return
    left = ", ".join(f"{counts[state]} {words[state]}" for state in counts if counts[state])
    notify_user(repository, f"the batch stands still: {left}", {"batch": report.batch, **counts})


_STATES = {"paused": "stopped", "skipped": "rejected"}  # as the report names them


class _Shown:
    """Shows a batch on the screen, and asks there."""

    def __init__(self, screen: BatchScreen, repository: Repository) -> None:
        self._screen, self._repository = screen, repository

    def opened(self, sentence: str) -> None:
        self._screen.print(sentence)

    def spent(self, usd: float, tokens: int) -> None:
        self._screen.spent(usd, tokens)

    def planned(self, titles: Mapping[str, str], left: Collection[str]) -> None:
        self._screen.planned(titles, left)

    def begun(self, task: str, run: RunRecord, below: str) -> None:
        self._screen.begun(task, run.title, run.run_id, below)

    def event(self, task: str, event: RunEvent) -> None:
        self._screen.event(task, event)

    def settled(self, task: str, run: RunRecord, why: str) -> None:

        by = f" by {run.approved_by}" if run.status == "committed" and run.approved_by else ""
        again = run.status == "skipped" and run.options.get("redo")
        state = "done once more" if again else _STATES.get(run.status, str(run.status)) + by
        took = run.active_seconds - cost_before_batch(run).seconds  # as the report counts it
        done = [] if run.status == "skipped" else done_in(self._repository.figures(run))
        self._screen.settled(task, run.title, state, why, (run.run_id, took), done)

    def ask(self, repository: Repository, run: RunRecord) -> dict[str, str] | None:

        with self._screen.aside():
            call_about(repository, run)
            answer = ask_about(repository, run)
        if answer is None:
            self.settled(run.task_id, run, run.reason)
        return answer
