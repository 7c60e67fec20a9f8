"""`reviewloop queue`: shows, approves and rejects the finished runs that wait."""

from collections.abc import Sequence

import click

from reviewloop.app.batch.approve import Approved
from reviewloop.app.batch.queue_view import result_row
from reviewloop.app.fleet.port import Fleet, Rejected, Sent
from reviewloop.cli.consoles import is_interactive, print_json, print_lines, read_line, results
from reviewloop.cli.conversation import Terminal, on_its_way, show_seen
from reviewloop.cli.fleet import fleet_option, own_fleet_option
from reviewloop.cli.help import Group
from reviewloop.domain.errors import ExitCode, UsageError, first_that_applies
from reviewloop.render.batch import queue_object
from reviewloop.render.terminal.batch import render_note, render_queue

_WORDS = {"brought": "rebased"}  # a result whose name in JSON differs

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
@fleet_option
@click.pass_context
def queue(
    context: click.Context, as_json: bool, branch: str, fleet: Fleet | None
) -> ExitCode | None:
    """List, approve or reject what waits for you.

    Without a command: the finished runs on this branch, what builds on what, findings and cost, and
    what waits on other branches.
    """
    if fleet is None:  # the subcommands of this group have their own
        if branch:
            raise UsageError("say --branch after `queue approve --all`, it is for that")
        return None
    found = fleet.waiting(branch)
    if as_json:
        print_json(found.kind, queue_object(found.report))
    else:
        render_queue(found.report, results())
    return ExitCode.CLEAN


@queue.command("show")
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--diff", is_flag=True, help="Show the whole diff as well.")
@own_fleet_option
def show_one(run_id: str | None, diff: bool, fleet: Fleet) -> ExitCode:
    """Show what a run of the queue proposes.

    Without RUN: the only one that waits.
    """
    run, note = fleet.one_waiting(run_id)
    with fleet.opened(run) as seen:
        show_seen(seen, run, results(), diff=diff)
    if note:
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
@own_fleet_option
def approve_some(
    runs: tuple[str, ...],
    every: bool,
    with_must_fix: bool,
    branch: str,
    as_json: bool,
    fleet: Fleet,
) -> ExitCode:
    """Commit what runs propose, after what they build on.

    One that cannot be committed stops only what builds on it or needs it. A named run whose branch
    moved on is rebased first. If the new commits affect it, you are asked again.
    """
    return approve_runs(
        fleet, runs, every=every, agreed=with_must_fix, branch=branch, as_json=as_json
    )


def approve_runs(
    fleet: Fleet,
    runs: Sequence[str],
    *,
    every: bool,
    agreed: bool,
    branch: str,
    as_json: bool,
) -> ExitCode:
    """Approve several runs, or all that wait, and report each."""
    if bool(runs) == every:
        raise UsageError("name the runs to approve, or say --all")
    if agreed and every:
        raise UsageError("--with-must-fix is for runs that you name: --all holds must-fix work")
    if branch and runs:
        raise UsageError("--branch is for --all: a run's name says enough")
    approving = fleet.approve_queued(runs, branch, Terminal(as_json=as_json, agreed=agreed))
    approvals: list[Approved] = []
    sent: list[Sent] = []
    try:
        for found in approving:
            if isinstance(found, Sent):
                sent.append(found)
                continue
            approvals.append(found)
            if found.committed:
                print_lines(_committed(found))
                if found.why:
                    print_lines(found.why)
    finally:
        if not sent:
            _print_sum(fleet, approvals, as_json=as_json)
    if sent:
        return _print_approved_later(sent, as_json=as_json)
    return first_that_applies(*(found.code for found in approvals if found.tried))


@queue.command("reject")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("-m", "--message", "text", default="", help="Why; kept with the runs.")
@json_option
@own_fleet_option
def reject_some(runs: tuple[str, ...], text: str, as_json: bool, fleet: Fleet) -> ExitCode:
    """Reject what runs propose; their work is kept.

    At a terminal you are asked why, unless -m says it.
    """
    return reject_runs(fleet, runs, text, as_json=as_json)


def reject_runs(fleet: Fleet, runs: Sequence[str], text: str, *, as_json: bool) -> ExitCode:
    """Reject several runs and report each."""
    if not (text or as_json):
        text = _why()
    rejecting, rows, sent = fleet.reject_queued(runs, text), [], []
    try:
        for found in rejecting:
            if isinstance(found, Sent):
                sent.append(found)
            else:
                rows.append(_rejected(found, text))
    finally:
        if as_json and not sent:
            print_json("queue-reject", {"branch": fleet.branch(), "runs": rows})
    if not sent:
        return ExitCode.SKIPPED
    if as_json:
        print_json("shared-queue-reject", {"runs": [one.plain() for one in sent]})
    return _print_each(sent)


def _rejected(found: Rejected, text: str) -> dict[str, object]:
    """Print that a run was rejected; return its JSON row."""
    run, save = found.run, f"reviewloop checkout {found.run.run_id} NAME"
    anew = "; `reviewloop batch` does its task anew" if run.options.get("batch") else ""
    print_lines(f"{run.run_id}: rejected; its work is kept: {save}{anew}")
    for other, following in found.left.items():
        print_lines(f"{other} builds on it, so it cannot be approved as it is: {following}")
    row = result_row(run, "rejected", text, save, ExitCode.SKIPPED)
    return {**row, "left_on_it": list(found.left)}


def _why() -> str:
    """Ask for the reason in one line; "" without a terminal or an answer."""

    if not is_interactive():
        return ""
    try:
        return read_line("why? (one line; Enter for none) > ").strip()
    except EOFError:
        return ""


def _print_sum(fleet: Fleet, approvals: Sequence[Approved], *, as_json: bool) -> None:

    left = [one for one in approvals if not one.committed]
    waited = [one for one in left if one.tried]
    out = len(left) - len(waited)
    done = len(approvals) - len(left)
    if as_json:
        rows = [result_row(one.run, one.what, one.why, one.next, one.code) for one in approvals]
        counts = {"committed": done, "not_committed": len(waited), "left_out": out}
        print_json("queue-approve", {"branch": fleet.branch(), "runs": rows, **counts})
    if len(approvals) > 1 or left:
        print_lines(
            f"{done} committed, {len(waited)} not" + (f", {out} left out (blocked)" if out else "")
        )
    for one in left:
        why = one.why.rstrip(".")
        following = "" if one.names_next else f"; next: `{one.next}`"
        print_lines(f"{one.run.run_id} {_WORDS.get(one.what, one.what)}: {why}{following}")


def _committed(one: Approved) -> str:
    run, seen = one.run, f" ({one.seen})" if one.seen else ""
    return f"{run.task_id} {run.title}: {run.commit[:10]} on {run.branch}{seen}".strip()


def _print_approved_later(sent: Sequence[Sent], *, as_json: bool) -> ExitCode:
    out = sum(one.what == "blocked" for one in sent)
    done = sum(one.what in {"queued", "answered"} for one in sent)
    left = len(sent) - done - out
    if as_json:
        rows = [one.plain() for one in sent]
        counts = {"on_the_way": done, "not_approved": left, "left_out": out}
        print_json("shared-queue-approve", {"runs": rows, **counts})
    code = _print_each(sent)
    if len(sent) > 1 or len(sent) > done:
        rebases = sum(bool(one.rebased_onto) for one in sent if one.what == "queued")
        first = f" ({rebases} to be rebased first)" if rebases else ""
        print_lines(
            f"{done} on the way{first}, {left} not" + (f", {out} left out (blocked)" if out else "")
        )
    return code


def _print_each(sent: Sequence[Sent]) -> ExitCode:
    """Print the outcome of each answer sent to workers; return the exit code of all."""
    for one in sent:
        done_by = on_its_way(one.choice)
        if one.rebased_onto:
            done_by = (
                f"approve is on its way: a worker rebases it onto {one.rebased_onto} first, "
                "then asks you again"
            )
        if one.first:
            done_by = f"first, others that you approve build on it or need it: {done_by}"
        before = {"held": "held: ", "blocked": "left out: "}.get(one.what, "")
        following = f"; next: `{one.next}`" if one.next else ""
        print_lines(f"{one.run}: {before}{one.why or done_by}{following}")
    return first_that_applies(*(one.code for one in sent if one.what != "blocked"))
