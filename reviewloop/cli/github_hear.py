"""`reviewloop github hear`: a command in a comment, obeyed or handed on to another job."""

import os

import click

from reviewloop.app.held_values import redactor_here
from reviewloop.cli import completion
from reviewloop.cli.consoles import print_json, say
from reviewloop.cli.github_options import with_json
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, InterruptedByUserError
from reviewloop.github.api.model import Status
from reviewloop.github.hearing.hear import CommandOutcome
from reviewloop.github.hearing.hear import hear as heard
from reviewloop.github.job.outcome import tell_runner


@click.command(cls=Command)
@click.option(
    "--event",
    metavar="JSON",
    default="",
    shell_complete=completion.files,
    help="Payload of the event to read (GITHUB_EVENT_PATH).",
)
@with_json
def hear(event: str, as_json: bool) -> ExitCode:
    """Carry out a command in a comment on a pull request.

    `/reviewloop help` in a comment lists them. Only people with write permission are obeyed.
    What takes a model or the code is handed on: the outputs say what. Neither is used here.

    Exit codes: 0 done, handed on or not for us, 5 GitHub failed, 2 something to correct first.
    """
    try:
        return _told(_heard(event), as_json)
    except KeyboardInterrupt as error:
        raise InterruptedByUserError("interrupted; what was answered stays") from error


def _heard(event: str) -> CommandOutcome:

    try:
        return heard(os.environ, event=event, hide=redactor_here().for_people)
    except Exception:
        reason = "an internal error; its report is in the log"
        _told(CommandOutcome(Status.REVIEW_ERROR, reason, ExitCode.BUG), False)
        raise


def _told(heard: CommandOutcome, as_json: bool) -> ExitCode:
    """Tell what became of it to the runner, and to people on stderr."""

    commands = (lambda line: click.echo(line, err=True)) if as_json else click.echo
    outputs = {name: redactor_here().held(value) for name, value in heard.outputs.items()}
    tell_runner(heard.status, outputs, os.environ, say=commands)
    if as_json:
        print_json("github_hear", outputs)
    verb = f"; {heard.verb} is for the next job" if heard.verb else ""
    about = f"pull request {heard.pull}" if heard.pull else "the comment"
    reason = f"; {outputs['reason']}" if heard.reason else ""
    say(f"{about}: {str(heard.status).replace('_', ' ')}{reason}{verb}")
    return heard.exit_code
