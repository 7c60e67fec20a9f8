"""`approve`, `modify`, `reject`: the answers to a waiting run, from any terminal."""

from typing import TextIO

import click

from reviewloop.app.fleet.port import Fleet
from reviewloop.app.run.view import proposal_of, view
from reviewloop.cli.consoles import print_lines
from reviewloop.cli.conversation import (
    Terminal,
    advance_run,
    answer_for,
    move_and_report,
    print_record,
    show,
    waiting_hint,
)
from reviewloop.cli.editing import edit_of, message_of
from reviewloop.cli.fleet import fleet_option
from reviewloop.cli.help import Command
from reviewloop.cli.queue import approve_runs, reject_runs
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.render.proposal import left_of
from reviewloop.render.terminal.approval import UserAnswer


@click.command(cls=Command)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--all", "every", is_flag=True, help="Everything that waits, stack by stack.")
@click.option("-m", "--message", metavar="TEXT", default="", help="Commit message.")
@click.option(
    "-F",
    "--file",
    "source",
    metavar="FILE",
    type=click.File("r"),
    help="Read the commit message from FILE.",
)
@click.option(
    "--without", multiple=True, metavar="PATH", help="Take a file out of the change; repeatable."
)
@click.option("--unreviewed", is_flag=True, help="With --without: do not review the rest.")
@click.option("--with-must-fix", is_flag=True, help="Commit even if must-fix findings are left.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def approve(
    runs: tuple[str, ...],
    every: bool,
    message: str,
    source: TextIO | None,
    without: tuple[str, ...],
    unreviewed: bool,
    with_must_fix: bool,
    as_json: bool,
    fleet: Fleet,
) -> ExitCode:
    """Commit what a waiting run proposes.

    If its branch moved on, the change is rebased first. The gates run again, and reviewers read
    what meets the new commits. If any do, you are asked again. Otherwise it is committed.

    Files that you take out stay with the run. The gates run again without them.

    Of several runs, or with --all, what others build on comes first; one that cannot be committed
    stops only what builds on it. `queue` lists them.
    """
    if message and source:
        raise UsageError("give the words with -m or with -F, not both")
    if unreviewed and not without:
        raise UsageError("--unreviewed says something about what --without leaves")
    if every or len(runs) > 1:
        if message or source or without:
            raise UsageError("-m, -F and --without are for one run; name one")
        return approve_runs(
            fleet, runs, every=every, agreed=with_must_fix, branch="", as_json=as_json
        )
    run_id = runs[0] if runs else None
    words = source.read() if source else message
    if source and not words.strip():
        raise UsageError(f"{source.name} is empty; nothing was committed")
    if words or without:
        return _edited(fleet, run_id, words, without, not unreviewed, with_must_fix, as_json)
    return fleet.answer(run_id, "approve", "", Terminal(as_json=as_json, agreed=with_must_fix))


def _edited(
    fleet: Fleet,
    run_id: str | None,
    words: str,
    without: tuple[str, ...],
    review: bool,
    agreed: bool,
    as_json: bool,
) -> ExitCode:
    """Edit what a run proposes, and approve it unless the edit adds something to look at."""

    repository, record = fleet.edited(run_id, "edit" if without else "approve")
    if without:
        before = left_of(proposal_of(repository, record))
        with view(repository, record) as seen:
            answer = edit_of(seen, without, review=review)
        record = advance_run(repository, record, answer=answer_for(record, answer))
        after = left_of(proposal_of(repository, record))
        worse = any(now > was for now, was in zip(after, before, strict=True))
        if record.status != "waiting" or worse or record.incomplete:
            show(repository, record)
            print_lines(
                "not committed yet: without what you took out there is something new to look at"
            )
            click.echo(waiting_hint(record), err=True)
            if as_json:
                print_record(repository, record)
            return ExitCode(record.exit_code)
    if words:
        record = advance_run(repository, record, answer=answer_for(record, message_of(words)))
    return move_and_report(
        repository, record, as_json=as_json, answer=UserAnswer("approve"), agreed=agreed
    )


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("-m", "--message", "text", required=True, help="What should be different.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def modify(run_id: str | None, text: str, as_json: bool, fleet: Fleet) -> ExitCode:
    """Ask a waiting run to change something.

    The change is implemented, checked and fully reviewed again.
    """
    if not text.strip():
        raise UsageError("-m needs a sentence that says what should be different")
    return fleet.answer(run_id, "modify", text.strip(), Terminal(as_json=as_json))


@click.command(cls=Command)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("-m", "--message", "text", default="", help="Why; kept with the run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def reject(runs: tuple[str, ...], text: str, as_json: bool, fleet: Fleet) -> ExitCode:
    """Skip what a waiting run proposes.

    Your checkout stays as it is; the work is kept with the run.
    """
    if len(runs) > 1:
        return reject_runs(fleet, runs, text, as_json=as_json)
    return fleet.answer(runs[0] if runs else None, "skip", text, Terminal(as_json=as_json))
