"""`reviewloop queue`: the finished runs that wait for you; look at, approve or reject them."""

from collections.abc import Sequence
from typing import Any

import click

from reviewloop.app.batch.approve import Approved, approve_each
from reviewloop.app.batch.queue import (
    after_reject,
    named_runs,
    nothing_waits,
    only_one,
    reject_each,
    to_approve,
)
from reviewloop.app.batch.queue_view import queue_body, result_row, why_stale
from reviewloop.app.project import Repository, open_repository
from reviewloop.app.run.cleaning import leave_out
from reviewloop.app.run.view import proposal_of
from reviewloop.cli import shared, shared_answers
from reviewloop.cli.consoles import is_interactive, print_json, read_line, results, say
from reviewloop.cli.conversation import is_sure, show
from reviewloop.cli.help import Group
from reviewloop.cli.shared import own_store_option, store_option
from reviewloop.domain.errors import ExitCode, UsageError, first_that_applies
from reviewloop.render.proposal import left_of
from reviewloop.render.terminal.batch import render_note, render_queue
from reviewloop.store.runs import RunRecord

_WORDS = {"brought": "rebased"}  # where a result is called otherwise than in JSON

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


branch_option = click.option(
    "--branch",
    default="",
    metavar="NAME",
    help="With --store: only what waits on this branch; 'NAME of REMOTE' names one of several.",
)


@click.group(cls=Group, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@branch_option
@store_option
@click.pass_context
def queue(context: click.Context, as_json: bool, branch: str, store: str) -> ExitCode | None:
    """List, approve or reject what waits for you.

    Without a command: the finished runs on this branch, what builds on what, findings and cost, and
    what waits on other branches.
    """
    context.obj = store
    if context.invoked_subcommand is not None:
        if branch:
            raise UsageError("say --branch after `queue approve --all`, it is for that")
        return None
    if store:
        return shared.queue(store, branch, as_json=as_json)
    _require_no_branch(branch)

    body = queue_body(_opened(for_reading=True))
    if as_json:
        print_json("queue", body)
    else:
        render_queue(body, results())
    return ExitCode.CLEAN


@queue.command("show")
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--diff", is_flag=True, help="Show the whole diff as well.")
@own_store_option
def show_one(run_id: str | None, diff: bool, store: str) -> ExitCode:
    """Show what a run of the queue proposes.

    Without RUN: the only one that waits.
    """
    if store:
        return shared.show(store, run_id, diff=diff)

    repository = _opened(for_reading=True)
    run = repository.runs.find(run_id) if run_id else only_one(repository)
    show(repository, run, diff=diff, on_stdout=True)
    if note := why_stale(repository, run):
        render_note(f"{run.run_id} {note}", results())
    return ExitCode.CLEAN


@queue.command("approve")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--all", "every", is_flag=True, help="Everything that waits, stack by stack.")
@click.option(
    "--with-must-fix", is_flag=True, help="Commit named runs even if must-fix findings are left."
)
@branch_option
@json_option
@own_store_option
def approve_some(
    runs: tuple[str, ...],
    every: bool,
    with_must_fix: bool,
    branch: str,
    as_json: bool,
    store: str,
) -> ExitCode:
    """Commit what runs propose, after what they build on.

    One that cannot be committed stops only what builds on it or needs it. A named run whose branch
    moved on is rebased first. If the new commits affect it, you are asked again.
    """
    if bool(runs) == every:
        raise UsageError("name the runs to approve, or say --all")
    if with_must_fix and every:
        raise UsageError("--with-must-fix is for runs that you name: --all holds must-fix work")
    if branch and runs:
        raise UsageError("--branch is for --all: a run's name says enough")
    if store:
        return shared_answers.approve_many(
            store, runs, branch, as_json=as_json, with_must_fix=with_must_fix
        )
    _require_no_branch(branch)

    repository = _opened()
    chosen = to_approve(repository, runs, every=every)
    if not chosen:
        say(nothing_waits(repository))
    asked = {repository.runs.find(name).run_id for name in runs}
    for one in chosen:
        if not every and one.run.run_id not in asked:
            say(f"{one.run.run_id} first: others that you approve build on it or need it")
    named = [one.run for one in chosen if one.run.run_id in asked]
    agreed = _agreed(repository, named, with_must_fix, ask=not as_json)
    told: list[Approved] = []
    try:
        for found in approve_each(
            repository, chosen, lambda event: None, named=asked, agreed=agreed
        ):
            told.append(found)
            if found.committed:
                say(_committed(found))
                if found.why:
                    say(found.why)
    finally:
        _tell_in_sum(repository, told, as_json=as_json)
    return first_that_applies(*(found.code for found in told if found.tried))


@queue.command("reject")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("-m", "--message", "text", default="", help="Why; kept with the runs.")
@json_option
@own_store_option
def reject_some(runs: tuple[str, ...], text: str, as_json: bool, store: str) -> ExitCode:
    """Reject what runs propose; their work is kept.

    At a terminal you are asked why, unless -m says it.
    """
    if not (text or as_json):
        text = _why()
    if store:
        return shared_answers.reject_many(store, runs, text, as_json=as_json)

    repository = _opened()
    named, rows = named_runs(repository, runs, "skip"), []
    try:
        for run, standing in reject_each(repository, named, text):
            save = f"reviewloop checkout {run.run_id} NAME"
            left = {other.run_id: after_reject(run, other, standing) for other in standing}
            row = result_row(run, "rejected", text, save, ExitCode.SKIPPED)
            rows.append({**row, "left_on_it": list(left)})
            anew = "; `reviewloop batch` does its task anew" if run.options.get("batch") else ""
            say(f"{run.run_id}: rejected; its work is kept: {save}{anew}")
            for other, following in left.items():
                say(f"{other} builds on it, so it cannot be approved as it is: {following}")
    finally:
        if as_json:
            print_json("queue-reject", {"branch": repository.user.branch, "runs": rows})
    return ExitCode.SKIPPED


def _why() -> str:
    """Ask for the reason in one line; "" where nobody is there or nothing is said."""

    if not is_interactive():
        return ""
    try:
        return read_line("why? (one line; Enter for none) > ").strip()
    except EOFError:
        return ""


def _require_no_branch(branch: str) -> None:
    if branch:
        raise UsageError("--branch needs --store; here the branch that is checked out is meant")


def _opened(*, for_reading: bool = False) -> Repository:
    """Return the repository without runs of an earlier one at this path, which are named."""

    repository = open_repository(for_reading=for_reading)
    if gone := leave_out(repository):
        say(gone)
    return repository


def _agreed(
    repository: Repository, named: Sequence[RunRecord], agreed: bool, *, ask: bool
) -> set[str]:
    """Return those of the named runs that may be committed with must-fix findings left."""

    return {
        run.run_id
        for run in named
        if is_sure(
            run.run_id, left_of(proposal_of(repository, run)).must_fix, agreed=agreed, ask=ask
        )
    }


def _tell_in_sum(repository: Repository, told: Sequence[Approved], *, as_json: bool) -> None:

    left = [one for one in told if not one.committed]
    waited = [one for one in left if one.tried]
    out = len(left) - len(waited)
    done = len(told) - len(left)
    if as_json:
        rows = [result_row(one.run, one.what, one.why, one.next, one.code) for one in told]
        counts = {"committed": done, "not_committed": len(waited), "left_out": out}
        body: dict[str, Any] = {"branch": repository.user.branch, "runs": rows, **counts}
        print_json("queue-approve", body)
    if len(told) > 1 or left:
        say(f"{done} committed, {len(waited)} not" + (f", {out} left out (blocked)" if out else ""))
    for one in left:
        why = one.why.rstrip(".")
        following = "" if f"`{one.next}`" in why else f"; next: `{one.next}`"
        say(f"{one.run.run_id} {_WORDS.get(one.what, one.what)}: {why}{following}")


def _committed(one: Approved) -> str:
    run, seen = one.run, f" ({one.seen})" if one.seen else ""
    return f"{run.task_id} {run.title}: {run.commit[:10]} on {run.branch}{seen}".strip()
