"""`reviewloop github`: reviews pull requests and answers comments; the Action runs it."""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from reviewloop.app.redactors import redactor_here
from reviewloop.cli import completion
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Command, Group
from reviewloop.cli.publish import report_errors, report_published
from reviewloop.cli.review import SEVERITIES
from reviewloop.cli.review_progress import progress
from reviewloop.domain.errors import ExitCode, InterruptedByUserError, UsageError
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import Repo, Status
from reviewloop.github.comment_commands import CommandOutcome, handle_comment
from reviewloop.github.fixing import FixOptions, fix_pull
from reviewloop.github.job.event import Allowed
from reviewloop.github.job.outcome import JobOutcome, finish, job_summary, notify_runner, outputs_of
from reviewloop.github.publishing.push import PushRequest, push_handoff
from reviewloop.github.reviewing.review import PullReviewRequest, post_kept, review_pull

_Function = Callable[..., Any]
_LIMITS = {"limits.usd": "budget_usd", "limits.tokens": "budget_tokens"}
_LIMITS |= {"limits.minutes": "minutes"}


def about_a_pull(command: _Function) -> _Function:
    """Add the options that name a pull request: by number, or by the event of a workflow."""
    return _with(
        command,
        click.option("--pr", type=click.IntRange(1), help="Its number (that of the event)."),
        click.option(
            "--repo", metavar="OWNER/NAME", default="", help="Its repository (the workflow's)."
        ),
        click.option(
            "--event",
            metavar="JSON",
            default="",
            shell_complete=completion.files,
            help="Payload of the event to read (GITHUB_EVENT_PATH).",
        ),
    )


def severity_options(least: str) -> Callable[[_Function], _Function]:
    """Return a decorator that adds options for reporting findings; `least` is the help of
    --min-severity.
    """
    options = (
        click.option(
            "--comments",
            type=click.Choice(("inline", "summary", "none")),
            default="inline",
            help="Comment on lines, in the summary only, or nowhere (inline).",
        ),
        click.option(
            "--max-comments",
            type=click.IntRange(0),
            default=30,
            help="Most comments on lines (30).",
        ),
        click.option("--min-severity", type=click.Choice(SEVERITIES), default="should", help=least),
        click.option(
            "--fail-on",
            type=click.Choice((*SEVERITIES, "never")),
            default="never",
            help="Lowest severity that makes the exit code 1 (never).",
        ),
    )
    return lambda command: _with(command, *options)


def output_options(command: _Function) -> _Function:
    """Add the options for other outputs of a review than comments."""
    return _with(
        command,
        click.option(
            "--check", is_flag=True, help="Also end as a check on the head (checks: write)."
        ),
        click.option(
            "--annotations",
            type=click.Choice(("true", "false")),
            default="true",
            help="In a workflow, annotate lines for findings without a comment (true).",
        ),
    )


def cap_options(what: str, who: str) -> Callable[[_Function], _Function]:
    """Return a decorator that adds the caps on a model's work; `what` and `who` go into
    their help.
    """
    options = (
        click.option("--budget-usd", type=float, metavar="USD", help=f"Most {what} may cost."),
        click.option("--budget-tokens", type=int, metavar="N", help="Token limit."),
        click.option("--minutes", type=float, metavar="M", help=f"Longest time {who} may take."),
    )
    return lambda command: _with(command, *options)


def limits_of(given: dict[str, Any]) -> dict[str, Any]:
    """Remove the caps from the arguments; return them by the names of the settings."""
    return {setting: given.pop(name) for setting, name in _LIMITS.items()}


def with_json(command: _Function) -> _Function:
    """Add the `--json` option."""
    plain = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
    return _with(command, plain)


def _with(command: _Function, *options: Callable[[_Function], _Function]) -> _Function:
    for option in reversed(options):
        command = option(command)
    return command


OnProgress = Callable[[str], None]

_COUNTS = ("must-fix", "should-fix", "nits", "tokens-input", "tokens-output")
_POSTED = ("comments-posted", "comments-demoted", "comments-known")
_NUMBERS: dict[str, Callable[[str], float]] = {
    **dict.fromkeys((*_COUNTS, *_POSTED), int),
    "cost-usd": float,
}


def exit_code_of(act: Callable[[OnProgress], JobOutcome], kind: str, as_json: bool) -> ExitCode:
    """Run `act` and return the exit code; a bug of ours must not look like success to a workflow.

    `act` gets the progress callback; `kind` names the JSON object.
    """

    try:
        with progress(sys.stderr.isatty()) as shown:
            ended = act(shown.notify)
    except KeyboardInterrupt as error:
        raise InterruptedByUserError("interrupted; what was posted stays") from error
    except InterruptedByUserError as error:  # by a signal, during a run
        _finish(JobOutcome(Status.REVIEW_ERROR, str(error)), kind)
        raise
    except Exception:
        _finish(
            JobOutcome(Status.REVIEW_ERROR, "an internal error; its report is in the log"), kind
        )
        raise
    return _finish(ended, kind, as_json=as_json)


def _finish(ended: JobOutcome, kind: str, *, as_json: bool = False) -> ExitCode:
    """Report the end to the runner, and to people on stderr; by hand also what was not posted."""

    # In a workflow both go to one log, and a JSON object has to be alone on its stream.
    commands = (lambda line: click.echo(line, err=True)) if as_json else click.echo
    finish(ended, os.environ, print_line=commands, redact=redactor_here().redact_held)
    if as_json:
        print_json(kind, _plain(ended))
    elif ended.summary and not ended.summary_url and not _has_page():
        click.echo(redactor_here().for_people(job_summary(ended)))
    print_lines(ended.sentence)
    return ended.exit_code


def _has_page() -> bool:
    """Return whether a workflow runs this, whose page has the summary."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _plain(ended: JobOutcome) -> dict[str, Any]:
    """Return the outcome as JSON-plain values: numbers as numbers, None for unknown ones."""

    outputs = outputs_of(ended)
    pull = ended.pull.number if ended.pull else None
    if made := ended.made:
        short = {"status": outputs["status"], "reason": outputs["reason"], "pull": pull}
        return {**short, **asdict(made)}
    plain: dict[str, Any] = {"pull": pull, **outputs}
    for name in outputs.keys() & _NUMBERS.keys():
        plain[name] = _NUMBERS[name](outputs[name]) if outputs[name] else None
    return plain


@click.command("fix", cls=Command)
@click.option("--pr", type=click.IntRange(1), required=True, help="Number of the pull request.")
@click.option("--repo", metavar="OWNER/NAME", default="", help="Its repository (the workflow's).")
@click.option("--finding", metavar="ID|all", required=True, help="What is to be fixed.")
@click.option(
    "--comment", type=click.IntRange(1), required=True, help="Id of the comment that asks for it."
)
@click.option(
    "--handoff",
    metavar="DIR",
    required=True,
    shell_complete=completion.files,
    help="Empty folder for what `github push` takes.",
)
@click.option("--model", metavar="PROVIDER:MODEL", default="", help="Model for every step.")
@cap_options("this", "it")
@click.option("--no-sandbox", is_flag=True, help="Run the project's code without a sandbox.")
@with_json
def fix(as_json: bool, **given: Any) -> ExitCode:
    """Fix findings of a pull request because a comment asks for it.

    Nothing is pushed: the commit, or why there is none, is for `github push`. The comment, by a
    person with write permission, approves a clean result, and the commit names it. The commits of
    the pull request have to be in this clone; settings and agents come from its base commit. The
    token is read from GITHUB_TOKEN and need not write.

    Exit codes: 0 there is a commit, 1 findings remain, 2 something to correct first, 3 a
    guard-rail failed or no fix was kept, 5 not done as a whole, 6 a budget ran out.
    """

    options = FixOptions(
        pull=given["pr"],
        finding=given["finding"],
        comment=given["comment"],
        handoff=Path(given["handoff"]).absolute(),
        repo=given["repo"],
        model=given["model"],
        limits=limits_of(given),
        unsandboxed="accepted" if given["no_sandbox"] else "",
    )

    def fixed(on_progress: Callable[[str], None]) -> JobOutcome:
        return fix_pull(options, os.environ, start=Path.cwd(), on_progress=on_progress)

    return exit_code_of(fixed, "github_fix", as_json)


@click.command("hear", cls=Command)
@click.option(
    "--event",
    metavar="JSON",
    default="",
    shell_complete=completion.files,
    help="Payload of the event to read (GITHUB_EVENT_PATH).",
)
@with_json
def carry_out(event: str, as_json: bool) -> ExitCode:
    """Carry out a command in a comment on a pull request.

    `/reviewloop help` in a comment lists them. Only people with write permission are obeyed.
    What takes a model or the code is handed on: the outputs say what. Neither is used here.

    Exit codes: 0 done, handed on or not for us, 5 GitHub failed, 2 something to correct first.
    """
    try:
        return _print_outcome(_handled(event), as_json)
    except KeyboardInterrupt as error:
        raise InterruptedByUserError("interrupted; what was answered stays") from error


def _handled(event: str) -> CommandOutcome:

    try:
        return handle_comment(os.environ, event=event, redact=redactor_here().for_people)
    except Exception:
        reason = "an internal error; its report is in the log"
        _print_outcome(CommandOutcome(Status.REVIEW_ERROR, reason, ExitCode.BUG), False)
        raise


def _print_outcome(outcome: CommandOutcome, as_json: bool) -> ExitCode:
    """Report the outcome of a comment to the runner, and to people on stderr."""

    commands = (lambda line: click.echo(line, err=True)) if as_json else click.echo
    outputs = {name: redactor_here().redact_held(value) for name, value in outcome.outputs.items()}
    notify_runner(outcome.status, outputs, os.environ, print_line=commands)
    if as_json:
        print_json("github_hear", outputs)
    verb = f"; {outcome.verb} is for the next job" if outcome.verb else ""
    about = f"pull request {outcome.pull}" if outcome.pull else "the comment"
    reason = f"; {outputs['reason']}" if outcome.reason else ""
    print_lines(f"{about}: {str(outcome.status).replace('_', ' ')}{reason}{verb}")
    return outcome.exit_code


@click.command(cls=Command)
@click.argument("file", metavar="FILE", shell_complete=completion.files)
@about_a_pull
@severity_options("Lowest severity on a line, as when it was read (should).")
@output_options
@with_json
def post(file: str, as_json: bool, **given: Any) -> ExitCode:
    """Post a review that `github review --collect FILE` kept.

    Needs neither a model nor a clone. The event, or --pr, says which pull request it is, and GitHub
    at which commit; a FILE that says otherwise, or holds anything unknown, is refused. The token is
    read from GITHUB_TOKEN.

    Exit codes: as of `github review`; 2 also for a FILE that is refused.
    """

    options = PullReviewRequest(pull=given.pop("pr") or 0, **given)
    return exit_code_of(
        lambda on_progress: post_kept(file, options, os.environ, on_progress=on_progress),
        "github_post",
        as_json,
    )


@click.command("push", cls=Command)
@click.argument("folder", metavar="DIR", shell_complete=completion.files)
@click.option(
    "--environment", metavar="NAME", default="", help="Environment whose reviewers approve."
)
@click.option("--request-reviewers", is_flag=True, help="Ask the suggested people for a review.")
@click.option("--repo", metavar="OWNER/NAME", default="", help="Repository (the workflow's).")
@with_json
def push(
    folder: str, environment: str, request_reviewers: bool, repo: str, as_json: bool
) -> ExitCode:
    """Push a handoff: a task becomes a draft pull request, a fix goes to its pull request.

    What the handoff says is checked with git and GitHub first. With --environment, the person who
    let this run into it is named in the commit as the one who approved it. The clone has to hold
    the commit that the work builds on. The token is read from GITHUB_TOKEN.

    Exit codes: 0 pushed, or told why there is nothing to push, 2 something to correct first, 3 a
    branch or file that is not to be pushed, 5 GitHub did not do it.
    """

    with report_errors():
        full = repo or os.environ.get("GITHUB_REPOSITORY", "")
        try:
            named = Repo.of(full)
        except ValueError:
            raise UsageError("name the repository with --repo OWNER/NAME") from None
        request = PushRequest(environment, request_reviewers)
        with GitHub.from_environment(os.environ, named) as client:
            published = push_handoff(
                client, Path(folder).absolute(), request, start=Path.cwd(), environ=os.environ
            )
        return report_published(published, as_json)


@click.group(cls=Group)
def github() -> None:
    """Review pull requests on GitHub."""


github.add_command(fix)
github.add_command(carry_out)
github.add_command(post)
github.add_command(push)


@github.command()
@about_a_pull
@severity_options("Lowest severity on a line; the summary has the rest (should).")
@click.option(
    "--model",
    metavar="PROVIDER:MODEL|auto|none",
    default="",
    help="Model to ask; auto: the settings', else that of a key; or none.",
)
@cap_options("this review", "the models")
@click.option("--forks", is_flag=True, help="Also review forks (by hand: always).")
@click.option("--drafts", is_flag=True, help="Also review drafts (by hand: always).")
@click.option("--bots", is_flag=True, help="Also review bots (by hand: always).")
@click.option(
    "--max-files",
    type=click.IntRange(1),
    default=3000,
    help="Skip it when it changes more files (3000).",
)
@click.option("--full", is_flag=True, help="Read the whole change again.")
@output_options
@click.option("--sarif", metavar="FILE", default="", help="Write a SARIF report, too.")
@click.option("--report", metavar="FILE", default="", help="Write a JSON report, too.")
@click.option(
    "--collect",
    metavar="FILE",
    default="",
    help="Post nothing; keep all in FILE for `github post`.",
)
@with_json
def review(as_json: bool, **given: Any) -> ExitCode:
    """Review a pull request and post what is found.

    The diff comes from this clone, so its commits have to be here; settings, agents and rules come
    from the base commit. The token is read from GITHUB_TOKEN; with --collect one that reads is
    enough.

    Exit codes: 0 passed or skipped, 1 needs changes (--fail-on), 5 not reviewed or not posted as a
    whole, 2 something to correct first.
    """
    from pathlib import Path

    allowed = [given.pop(name) for name in ("forks", "drafts", "bots", "max_files")]
    caps = limits_of(given)
    options = PullReviewRequest(
        pull=given.pop("pr") or 0, limits=caps, allowed=Allowed(*allowed), **given
    )
    return exit_code_of(
        lambda on_progress: review_pull(
            options, os.environ, start=Path.cwd(), on_progress=on_progress
        ),
        "github_review",
        as_json,
    )
