"""What the commands do when `--store` names a database that many machines share."""

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from reviewloop.app.project import open_repository, read_settings
from reviewloop.cli.consoles import is_interactive, print_json, results, say, write_reports
from reviewloop.cli.user_programs import paged
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.installed import how_to_install
from reviewloop.render.terminal.approval import render_diff, render_proposal
from reviewloop.render.terminal.batch import render_account, render_queue

if TYPE_CHECKING:
    from rich.console import Console

    from reviewloop.app.batch.start import BatchRequest
    from reviewloop.store.postgres.database import Database
    from reviewloop.store.runs import RunRecord

P = ParamSpec("P")
T = TypeVar("T")
VARIABLE = "REVIEWLOOP_STORE"
_STORE_HELP = "postgresql://… of the database that machines share; also REVIEWLOOP_STORE."


def _hidden_anywhere(
    context: click.Context, option: click.Parameter, url: str | None
) -> str | None:
    """Put the address where our masking looks: what stands in the environment is never shown."""
    if url:
        os.environ[VARIABLE] = url
    return url


address_option = click.option(
    "--store",
    metavar="URL",
    envvar=VARIABLE,
    callback=_hidden_anywhere,
    default="",
    help=_STORE_HELP,
)


def store_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add `--store` to a command that looks into the store: what speaks to it must be installed."""

    @address_option
    @functools.wraps(command)
    def with_packages(*args: P.args, **given: P.kwargs) -> T:
        if given["store"] and not click.get_current_context().invoked_subcommand:
            require_driver()
        return command(*args, **given)

    return with_packages


def own_store_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add `--store` to a command of a group that has it: unless it is said here, that one holds."""

    @click.option("--store", metavar="URL", callback=_hidden_anywhere, help=_STORE_HELP)
    @functools.wraps(command)
    def with_the_groups(*args: P.args, **given: P.kwargs) -> T:
        if given["store"] is None:
            given["store"] = click.get_current_context().obj
        if given["store"]:
            require_driver()
        return command(*args, **given)

    return with_the_groups


def require_driver() -> None:
    """Raise `UsageError` unless what speaks to PostgreSQL is installed."""
    from importlib.util import find_spec

    names = ("psycopg", "procrastinate", "langgraph.checkpoint.postgres")
    if not all(find_spec(name) for name in names):
        raise UsageError(f"a shared store needs more packages: {how_to_install('postgres')}")


@contextmanager
def shared(url: str) -> "Iterator[Database]":
    """Yield the database of an address; its tables must be there."""
    from reviewloop.app.fleet.place import opened

    with opened(url) as database:
        yield database


def enqueue(url: str, request: "BatchRequest", remote: str, *, as_json: bool) -> Mapping[str, Any]:
    """Queue a batch for workers, say so, and return its account."""
    from reviewloop.app.fleet.enqueue import enqueue as queue_tasks

    queued = queue_tasks(url, open_repository(), request, remote)
    added, about = list(queued.added), queued.about
    if as_json:
        body = {"batch": queued.record.batch_id, "branch": about.branch, "queued": added}
        print_json("enqueued", {**body, "notes": list(queued.notes), "account": queued.told})
    else:
        render_account(queued.told, results())
    for note in queued.notes:
        say(note)
    tasks = "1 task" if len(added) == 1 else f"{len(added)} tasks"
    if queued.record.batch_id:
        before = sum(row["why"] == "queued" for row in queued.told["tasks"]) - len(added)
        also = (
            f" ({before} {'was' if before == 1 else 'were'} queued already)" if before > 0 else ""
        )
        place = f"{about.branch} of {about.address}"
        say(f"{queued.record.batch_id}: {tasks} queued for {place}{also}")
    if queued.told["state"] == "running":
        say("`reviewloop worker --store …` does them, `reviewloop status --store …` tells how far")
    return queued.told


def status(url: str, reports: Sequence[str] = (), *, as_json: bool) -> ExitCode:
    """Show how far the batches of all workers are; the latest one's account goes to `reports`."""
    from reviewloop.app.fleet.jobs import Jobs
    from reviewloop.app.fleet.views import batches_shown, runs_shown

    with shared(url) as database:
        told, runs = batches_shown(database, url), runs_shown(database, url)
        waits = any(one["state"] == "running" for one in told)
        silence = Jobs(database, url).unattended() if waits else ""
    if reports and not told:
        raise UsageError("there is no batch to report on; `reviewloop batch` begins one")
    if reports:
        write_reports(reports, told[0])
    if as_json:
        rows = [run_row(run, state) for run, state in runs]
        body = {"runs": rows, "batch": told[0] if told else None, "batches": told}
        print_json("shared-status", body)
        return ExitCode.CLEAN
    if not told:
        say("nothing was queued yet; `reviewloop batch` with the store begins")
    for one in told:
        render_account(one, results())
    if silence:
        say(silence)
    return ExitCode.CLEAN


def run_row(record: "RunRecord", state: str) -> dict[str, Any]:
    """Return what `status` tells of a run."""
    return {
        "run": record.run_id,
        "status": state,
        "task": record.task_id,
        "batch": str(record.options.get("batch", "")),
        "title": record.title,
        "spec": record.spec_path,
        "branch": record.branch,
        "commit": record.commit,
        "step": record.step,
        "reason": record.reason,
        "incomplete": record.incomplete,
        "exit_code": record.exit_code,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "active_seconds": record.active_seconds,
    }


def queue(url: str, branch: str, *, as_json: bool) -> ExitCode:
    """Show what waits for a person, of a branch if it is named."""
    from reviewloop.app.fleet.queue import queue_shown

    with shared(url) as database:
        body = queue_shown(database, url, branch)
    if as_json:
        print_json("shared-queue", body)
    else:
        render_queue(body, results())
    return ExitCode.CLEAN


def show(url: str, run_id: str | None, *, diff: bool) -> ExitCode:
    """Show what a run proposes; the code around findings stands where it was read."""
    from reviewloop.app.fleet.queue import proposal_shown, queue_shown

    with shared(url) as database:
        if run_id is None:
            waiting = [row["run"] for row in queue_shown(database, url)["runs"]]
            if len(waiting) != 1:
                names = f"{', '.join(waiting)}; name the one to show" if waiting else "none"
                raise UsageError(f"{len(waiting)} runs wait: {names}")
            run_id = str(waiting[0])
        proposal, patch = proposal_shown(database, run_id)

    def draw(out: "Console") -> None:
        render_proposal(proposal, lambda path: None, out)
        if diff:
            render_diff(patch, out)

    paged(results(), draw)
    return ExitCode.CLEAN


def clean(
    url: str, older_than: int | None, *, with_work: bool, metrics: bool, yes: bool
) -> ExitCode:
    """Delete runs of all workers that are over; they are listed first."""
    from reviewloop.app.fleet.cleaning import delete_finished, find_finished
    from reviewloop.store.postgres.figures import SharedFigures

    days = read_settings(None).settings.runs.keep_days if older_than is None else older_than
    with shared(url) as database:
        found = find_finished(database, days, with_work=with_work)
        for run in found.runs:
            click.echo(f"{run.run_id}  {run.status}")
        if found.kept:
            names = ", ".join(run.run_id for run in found.kept)
            say(f"Kept, because only they hold their work: {names}; --with-work deletes them")
        if metrics:
            click.echo("the figures of all runs")
        if not (yes or is_interactive()):
            raise UsageError("there is no terminal to ask on; add --yes to delete what is listed")
        if yes or click.confirm(f"Delete for good what is listed ({len(found.runs)})?", err=True):
            delete_finished(database, found.runs, days)
            if metrics:
                SharedFigures(database).delete()
            say(f"Deleted ({len(found.runs)}).")
    return ExitCode.CLEAN
