"""Does one act on a pull request and tells the runner and the person how it ended."""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from reviewloop.app.held_values import redactor_here
from reviewloop.cli.consoles import print_json, say
from reviewloop.cli.review_progress import progress
from reviewloop.domain.errors import ExitCode, InterruptedByUserError
from reviewloop.github.api.model import Status
from reviewloop.github.job.outcome import JobOutcome, finish, job_summary, outputs_of

OnProgress = Callable[[str], None]

_COUNTS = ("must-fix", "should-fix", "nits", "tokens-input", "tokens-output")
_POSTED = ("comments-posted", "comments-demoted", "comments-known")
_NUMBERS: dict[str, Callable[[str], float]] = {
    **dict.fromkeys((*_COUNTS, *_POSTED), int),
    "cost-usd": float,
}


def ending(act: Callable[[OnProgress], JobOutcome], kind: str, as_json: bool) -> ExitCode:
    """Do it and return the exit code; a bug of ours is no end that a workflow takes for a good one.

    `act` is given what hears of its progress; `kind` names the JSON object.
    """

    try:
        with progress(sys.stderr.isatty()) as shown:
            ended = act(shown.told)
    except KeyboardInterrupt as error:
        raise InterruptedByUserError("interrupted; what was posted stays") from error
    except InterruptedByUserError as error:  # by a signal, while a run was at work
        _tell(JobOutcome(Status.REVIEW_ERROR, str(error)), kind)
        raise
    except Exception:
        _tell(JobOutcome(Status.REVIEW_ERROR, "an internal error; its report is in the log"), kind)
        raise
    return _tell(ended, kind, as_json=as_json)


def _tell(ended: JobOutcome, kind: str, *, as_json: bool = False) -> ExitCode:
    """Tell how it ended to the runner, and to people on stderr; by hand what nobody posted, too."""

    # In a workflow both go to one log, and an object has to stay alone on its stream.
    commands = (lambda line: click.echo(line, err=True)) if as_json else click.echo
    finish(ended, os.environ, say=commands, hide=redactor_here().held)
    if as_json:
        print_json(kind, _plain(ended))
    elif ended.summary and not ended.summary_url and not _has_page():
        click.echo(redactor_here().for_people(job_summary(ended)))
    say(ended.sentence)
    return ended.exit_code


def _has_page() -> bool:
    """Whether a workflow runs this, whose page has the summary."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _plain(ended: JobOutcome) -> dict[str, Any]:
    """Return how it ended for a program: numbers as numbers, and None for what nobody knows."""

    outputs = outputs_of(ended)
    pull = ended.pull.number if ended.pull else None
    if made := ended.made:
        said = {"status": outputs["status"], "reason": outputs["reason"], "pull": pull}
        return {**said, **asdict(made)}
    plain: dict[str, Any] = {"pull": pull, **outputs}
    for name in outputs.keys() & _NUMBERS.keys():
        plain[name] = _NUMBERS[name](outputs[name]) if outputs[name] else None
    return plain
