"""`reviewloop queue`: the finished runs that wait for you; look at, approve or reject them."""

from typing import TYPE_CHECKING, Any

import click

from reviewloop.cli import shared
from reviewloop.cli.shared import store_option
from reviewloop.errors import ExitCode, UsageError, first_that_applies

if TYPE_CHECKING:
    from reviewloop.runs.repository import Repository
    from reviewloop.store.runs import RunRecord


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@store_option
@click.pass_context
def queue(context: click.Context, as_json: bool, store: str) -> ExitCode | None:
    """List, approve or reject what waits for you.

    Without a command: the finished runs on this branch, what stands on what, findings and cost.
    """
    context.obj = store
    if context.invoked_subcommand is not None:
        return None
    if store:
        return shared.queue(store, as_json=as_json)
    from reviewloop.cli.consoles import print_json, results
    from reviewloop.output.terminal_queue import render_queue
    from reviewloop.runs.repository import open_repository

    body = _body(open_repository(for_reading=True))
    if as_json:
        print_json("queue", body)
    else:
        render_queue(body, results())
    return ExitCode.CLEAN


@queue.command("show")
@click.argument("run_id", metavar="RUN")
@click.option("--diff", is_flag=True, help="Show the whole diff as well.")
@store_option
@click.pass_obj
def show_one(above: str, run_id: str, diff: bool, store: str) -> ExitCode:
    """Show what a run of the queue proposes."""
    if store or above:
        return shared.show(store or above, run_id, diff=diff)
    from reviewloop.cli.conversation import show
    from reviewloop.runs.repository import open_repository

    repository = open_repository(for_reading=True)
    show(repository, repository.runs.find(run_id), diff=diff, on_stdout=True)
    return ExitCode.CLEAN


@queue.command("approve")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--all", "every", is_flag=True, help="Everything that waits, in its order.")
@store_option
@click.pass_obj
def approve_some(above: str, runs: tuple[str, ...], every: bool, store: str) -> ExitCode:
    """Commit what runs propose, and first what they stand on."""
    from reviewloop.batch.queue import approve_each, to_approve
    from reviewloop.cli.consoles import say
    from reviewloop.runs.repository import open_repository

    if bool(runs) == every:
        raise UsageError("name the runs to approve, or say --all")
    if store or above:
        return shared.approve_many(store or above, runs, every=every)
    repository = open_repository()
    chosen = to_approve(repository, runs, every=every)
    asked = {repository.runs.find(name).run_id for name in runs}
    for one in chosen:
        if not every and one.run.run_id not in asked:
            say(f"{one.run.run_id} first: others that you approve stand on it")
    codes = []
    for run in approve_each(repository, chosen, lambda event: None):
        codes.append(ExitCode(run.exit_code))
        if run.status == "committed":
            say(f"{run.task_id} {run.title}: {run.commit[:10]} on {run.branch}")
            if run.reason:
                say(run.reason)
        else:
            say(_not_committed(run))
    return first_that_applies(*codes)


@queue.command("reject")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("-m", "--message", "text", default="", help="Why; kept with the runs.")
@store_option
@click.pass_obj
def reject_some(above: str, runs: tuple[str, ...], text: str, store: str) -> ExitCode:
    """Skip what runs propose; the work is kept."""
    from reviewloop.batch.queue import reject_each
    from reviewloop.cli.consoles import say
    from reviewloop.runs.repository import open_repository

    if store or above:
        return shared.reject_many(store or above, runs, text)
    repository = open_repository()
    for run, standing in reject_each(repository, runs, text):
        say(f"{run.run_id}: skipped; its work is kept: reviewloop checkout {run.run_id} NAME")
        for other in standing:
            say(f"{other.run_id} stands on it, so it cannot be approved as it is")
    return ExitCode.SKIPPED


def _not_committed(run: "RunRecord") -> str:
    if run.status == "waiting" and not run.reason:
        return (
            f"{run.run_id} stood on another commit; it is on {run.base_commit[:10]} now and its "
            f"gates passed there: look at it with `reviewloop queue show {run.run_id} --diff`, "
            "then approve it"
        )
    return f"{run.run_id} was not committed ({run.status}): {run.reason}"


def _body(repository: "Repository") -> dict[str, Any]:
    from reviewloop.batch.account import queue_row
    from reviewloop.batch.queue import queue_of

    found = queue_of(repository)
    rows = [queue_row(repository, one.run, "waiting") for one in found.standing]
    rows += [queue_row(repository, one.run, "stale") for one in found.stale]
    rows += [queue_row(repository, run, "blocked") for run in found.blocked]
    return {"branch": repository.user.branch, "head": repository.user.head, "runs": rows}
