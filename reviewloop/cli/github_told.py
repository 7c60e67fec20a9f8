"""Does one act on a pull request and tells the runner and the person how it ended."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from reviewloop.errors import ExitCode, InterruptedByUserError

if TYPE_CHECKING:
    from reviewloop.github.outcome import Ended

    Told = Callable[[str], None]


def ending(act: "Callable[[Told], Ended]", kind: str, as_json: bool) -> ExitCode:
    """Do it and return the exit code; a bug of ours is no end that a workflow takes for a good one.

    `act` is given what hears of its progress; `kind` names the JSON object.
    """
    from reviewloop.cli.review_progress import progress
    from reviewloop.github.model import Status
    from reviewloop.github.outcome import Ended

    try:
        with progress(sys.stderr.isatty()) as told:
            ended = act(told)
    except KeyboardInterrupt as error:
        raise InterruptedByUserError("interrupted; what was posted stays") from error
    except InterruptedByUserError as error:  # by a signal, while a run was at work
        _tell(Ended(Status.REVIEW_ERROR, str(error)), kind)
        raise
    except Exception:
        _tell(Ended(Status.REVIEW_ERROR, "an internal error; its report is in the log"), kind)
        raise
    return _tell(ended, kind, as_json=as_json)


def _tell(ended: "Ended", kind: str, *, as_json: bool = False) -> ExitCode:
    """Tell how it ended to the runner, and to people on stderr."""
    from reviewloop.cli.consoles import print_json, say
    from reviewloop.github.outcome import finish, outputs_of
    from reviewloop.runs.held_values import masking_here

    # In a workflow both go to one log, and an object has to stay alone on its stream.
    commands = (lambda line: click.echo(line, err=True)) if as_json else click.echo
    finish(ended, os.environ, say=commands, hide=masking_here().held)
    if as_json:
        print_json(kind, outputs_of(ended))
    say(ended.sentence)
    return ended.exit_code
