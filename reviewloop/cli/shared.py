"""What the commands do when `--store` names a database that many machines share."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from reviewloop.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from reviewloop.batch.opening import Wish
    from reviewloop.store.postgres.database import Database

VARIABLE = "REVIEWLOOP_STORE"


def _hidden_anywhere(context: click.Context, option: click.Parameter, url: str) -> str:
    """Put the address where our masking looks: what stands in the environment is never shown."""
    if url:
        os.environ[VARIABLE] = url
    return url


store_option = click.option(
    "--store",
    metavar="URL",
    envvar=VARIABLE,
    callback=_hidden_anywhere,
    default="",
    help="postgresql://… of the database that machines share; also REVIEWLOOP_STORE.",
)


def require_driver() -> None:
    """Raise `UsageError` unless what speaks to PostgreSQL is installed."""
    from importlib.util import find_spec

    names = ("psycopg", "procrastinate", "langgraph.checkpoint.postgres")
    if not all(find_spec(name) for name in names):
        raise UsageError("a shared store needs more packages: pip install 'reviewloop[postgres]'")


@contextmanager
def shared(url: str) -> "Iterator[Database]":
    """Yield the database of an address; its tables must be there."""
    require_driver()
    from reviewloop.engine.store import opened

    with opened(url) as database:
        yield database


def enqueue(url: str, wish: "Wish", remote: str, *, as_json: bool) -> ExitCode:
    """Queue a batch for workers and say so."""
    require_driver()
    from reviewloop.cli.consoles import print_json, say
    from reviewloop.engine.enqueue import enqueue as queue_tasks
    from reviewloop.runs.repository import open_repository

    queued = queue_tasks(url, open_repository(), wish, remote)
    added, about = list(queued.added), queued.about
    if as_json:
        body = {"batch": queued.record.batch_id, "branch": about.branch, "queued": added}
        print_json("enqueued", body)
    tasks = "1 task" if len(added) == 1 else f"{len(added)} tasks"
    say(f"{queued.record.batch_id}: {tasks} queued for {about.branch} of {about.address}")
    say("`reviewloop worker --store …` does them, `reviewloop status --store …` tells how far")
    return ExitCode.CLEAN


def status(url: str, *, as_json: bool) -> ExitCode:
    """Show how far the batches of all workers are."""
    from reviewloop.cli.consoles import print_json, results, say
    from reviewloop.engine.views import batches_shown
    from reviewloop.output.terminal_batch import render_account

    with shared(url) as database:
        told = batches_shown(database, url)
    if as_json:
        print_json("shared-status", {"batches": told})
        return ExitCode.CLEAN
    if not told:
        say("nothing was queued yet; `reviewloop batch` with the store begins")
    for one in told:
        render_account(one, results())
        if one["reason"]:
            say(f"{one['batch']}: {one['reason']}")
    return ExitCode.CLEAN


def queue(url: str, *, as_json: bool) -> ExitCode:
    """Show what waits for a person."""
    from reviewloop.cli.consoles import print_json, results
    from reviewloop.engine.views import queue_shown
    from reviewloop.output.terminal_queue import render_queue

    with shared(url) as database:
        body: Mapping[str, Any] = {"runs": queue_shown(database, url)}
    if as_json:
        print_json("shared-queue", body)
    else:
        render_queue(body, results())
    return ExitCode.CLEAN


def show(url: str, run_id: str, *, diff: bool) -> ExitCode:
    """Show what a run proposes; the code around findings stands where it was read."""
    from reviewloop.cli.consoles import results
    from reviewloop.engine.views import proposal_shown
    from reviewloop.output.terminal_approval import render_diff, render_proposal

    with shared(url) as database:
        proposal, patch = proposal_shown(database, run_id)
    render_proposal(proposal, lambda path: None, results())
    if diff:
        render_diff(patch, results())
    return ExitCode.CLEAN


def answer(url: str, run_id: str | None, choice: str, text: str, *, as_json: bool) -> ExitCode:
    """Queue an answer to one run."""
    from reviewloop.cli.consoles import print_json, say
    from reviewloop.engine.views import give_answer

    with shared(url) as database:
        run = give_answer(database, url, run_id, choice, text)
    if as_json:
        print_json("answered", {"run": run.run_id, "choice": choice})
    say(f"{run.run_id}: {choice} is on its way; the next free worker carries it out")
    return ExitCode.CLEAN


def approve_many(url: str, runs: Sequence[str], *, every: bool) -> ExitCode:
    """Queue the approval of runs and of what they stand on."""
    from reviewloop.cli.consoles import say
    from reviewloop.engine.views import give_answer, in_order

    with shared(url) as database:
        for run_id in in_order(database, runs, every=every):
            run = give_answer(database, url, run_id, "approve")
            say(f"{run.run_id}: approved; the next free worker commits and pushes it")
    return ExitCode.CLEAN


def clean(url: str, older_than: int | None, *, with_work: bool, yes: bool) -> ExitCode:
    """Delete runs of all workers that are over; they are listed first."""
    from reviewloop.cli.consoles import say
    from reviewloop.cli.conversation import somebody_is_there
    from reviewloop.engine.cleaning import delete_finished, find_finished
    from reviewloop.runs.project import read_settings

    days = read_settings(None).settings.runs.keep_days if older_than is None else older_than
    with shared(url) as database:
        found = find_finished(database, days, with_work=with_work)
        for run in found.runs:
            click.echo(f"{run.run_id}  {run.status}")
        if found.kept:
            names = ", ".join(run.run_id for run in found.kept)
            say(f"Kept, because only they hold their work: {names}; --with-work deletes them")
        if not (yes or somebody_is_there()):
            raise UsageError("there is no terminal to ask on; add --yes to delete what is listed")
        if yes or click.confirm(f"Delete for good what is listed ({len(found.runs)})?", err=True):
            delete_finished(database, found.runs, days)
            say(f"Deleted ({len(found.runs)}).")
    return ExitCode.CLEAN


def reject_many(url: str, runs: Sequence[str], text: str) -> ExitCode:
    """Queue the rejection of runs."""
    for run_id in runs:
        answer(url, run_id, "skip", text, as_json=False)
    return ExitCode.CLEAN
