"""`approve`, `modify`, `reject`: the answers to a waiting run, from any terminal, later."""

import click

from reviewloop.cli import shared_answers
from reviewloop.cli.help import Command
from reviewloop.cli.shared import store_option
from reviewloop.errors import ExitCode, UsageError


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--with-must-fix", is_flag=True, help="Also with must-fix findings left.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@store_option
def approve(run_id: str | None, with_must_fix: bool, as_json: bool, store: str) -> ExitCode:
    """Commit what a waiting run proposes.

    Where its branch moved on, the change is brought there first: gates again, review of what meets
    it. It is committed then, unless something meets it; you are asked once more then.
    """
    return _answer(run_id, "approve", "", as_json, store, agreed=with_must_fix)


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("-m", "--message", "text", required=True, help="What should be different.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@store_option
def modify(run_id: str | None, text: str, as_json: bool, store: str) -> ExitCode:
    """Ask a waiting run for a modification.

    It is implemented, guarded and fully reviewed again, with fresh rounds.
    """
    if not text.strip():
        raise UsageError("-m needs a sentence that says what should be different")
    return _answer(run_id, "modify", text.strip(), as_json, store)


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("-m", "--message", "text", default="", help="Why; kept with the run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@store_option
def reject(run_id: str | None, text: str, as_json: bool, store: str) -> ExitCode:
    """Skip what a waiting run proposes.

    Your checkout stays as it is; the work is kept with the run.
    """
    return _answer(run_id, "skip", text, as_json, store)


def _answer(
    run_id: str | None,
    choice: str,
    text: str,
    as_json: bool,
    store: str,
    *,
    agreed: bool = False,
) -> ExitCode:
    if store:
        return shared_answers.answer(store, run_id, choice, text, as_json=as_json)
    from reviewloop.cli.conversation import move_and_tell, print_record, tell_end
    from reviewloop.output.terminal_approval import Answer
    from reviewloop.runs.answers import give_up, is_stopped, waiting_run
    from reviewloop.runs.repository import open_repository

    repository = open_repository()
    record = waiting_run(repository, run_id, choice)
    if choice == "skip" and is_stopped(record):
        record = give_up(repository, record, text)
        tell_end(record)
        if as_json:
            print_record(repository, record)
        return ExitCode(record.exit_code)
    return move_and_tell(
        repository, record, as_json=as_json, answer=Answer(choice, text), agreed=agreed
    )
