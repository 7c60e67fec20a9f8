"""`reviewloop publish`: pushes the commit of a run to GitHub, with a draft pull request."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from reviewloop.app.hook_moments import CommandMoment, changed_paths, fire
from reviewloop.app.project import Repository, open_repository
from reviewloop.app.redactors import redactor_here
from reviewloop.cli import completion
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, ReviewLoopError
from reviewloop.github.api.errors import single_line
from reviewloop.github.api.model import Status
from reviewloop.github.job.outcome import MOST_REASON, notify_runner
from reviewloop.github.publishing.pull import Published
from reviewloop.github.publishing.run import PublishRequest, choose_run, hand_over, publish_run
from reviewloop.hooks.hook import Event
from reviewloop.render.untrusted import one_line
from reviewloop.store.runs import RunRecord


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option(
    "--draft/--ready", "draft", default=True, help="Open as a draft [default] or ready for review."
)
@click.option("--remote", metavar="NAME", default="origin", help="Where to push (origin).")
@click.option(
    "--base", metavar="BRANCH", default="", help="What to merge into (a workflow's, the default)."
)
@click.option("--repo", metavar="OWNER/NAME", default="", help="Repository (the remote's).")
@click.option("--request-reviewers", is_flag=True, help="Ask the suggested people for a review.")
@click.option("--unapproved", is_flag=True, help="Also a run that waits, as a draft that says so.")
@click.option(
    "--handoff",
    metavar="DIR",
    default="",
    shell_complete=completion.files,
    help="Push nothing; write what `github push` needs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def publish(run_id: str | None, handoff: str, as_json: bool, **given: Any) -> ExitCode:
    """Push the commit of a run and open its pull request.

    Only that commit goes to its branch, as a fast-forward; git's hooks do not run, and your
    checkout and its .git stay as they are. Your own git credentials push; GITHUB_TOKEN or GH_TOKEN
    opens the pull request, and pushes where git has no credential helper. Published again, the text
    is renewed between its marks.
    """

    options = PublishRequest(ready=not given.pop("draft"), **given)
    with report_errors():
        repository = open_repository(for_reading=True)
        record = choose_run(repository, run_id or os.environ.get("REVIEWLOOP_RUN"))
        if handoff:
            made = hand_over(repository, record, options, Path(handoff).absolute(), os.environ)
            return _report_handoff(made.model_dump(mode="json"), handoff, record.run_id, as_json)
        published = publish_run(repository, record, options, os.environ)
        code = report_published(published, as_json)
        fire_created(repository, published, record)
        return code


@contextmanager
def report_errors() -> Iterator[None]:
    """Report an error that ends the command to the workflow, and raise it again."""

    try:
        yield
    except Exception as error:
        expected = isinstance(error, ReviewLoopError)
        reason = str(error) if expected else "an internal error; its report is in the log"
        reported = single_line(redactor_here().for_people(one_line(reason)), MOST_REASON)
        _notify_runner({"reason": reported}, failed=True)
        raise


def report_published(published: Published, as_json: bool) -> ExitCode:
    """Report what is on GitHub now, to people on stderr and to programs on stdout."""

    pull, plain = published.pull, published.plain
    _notify_runner({"pull": str(plain["pull"] or ""), "head": published.commit})
    if as_json:
        print_json("publish", plain)
    if published.commit:
        how = "pushed to" if published.pushed else "is already on"
        print_lines(f"{published.commit[:12]} {how} {published.branch}")
    if pull:
        kind = "draft pull request" if pull.draft else "pull request"
        print_lines(
            f"{kind} {pull.number} {'opened' if published.created else 'is up to date'}: {pull.url}"
        )
    for note in published.notes:
        print_lines(note)
    return ExitCode.CLEAN


def fire_created(
    repository: Repository, published: Published, record: RunRecord | None = None
) -> None:
    """Fire the hooks of a pull request that was just opened, with the task of its run."""

    if published.pull is None or not published.created:
        return
    facts = {
        "number": str(published.pull.number),
        "url": published.pull.url,
        "branch": published.branch,
        "commit": published.commit,
    }
    run, task, base = (
        (record.run_id, record.task_id, record.base_commit) if record else ("", "", "")
    )
    paths = changed_paths(repository.user, base, published.commit)
    title = published.pull.title
    fire(repository, CommandMoment(Event.PR_CREATED, facts, title, run, task, paths), print_lines)


def _report_handoff(plain: dict[str, Any], folder: str, run: str, as_json: bool) -> ExitCode:

    _notify_runner({"handoff-path": str(Path(folder).absolute())})
    if as_json:
        print_json("handoff", plain)
    print_lines(
        f"run {run} is handed over in {folder}; `reviewloop github push {folder}` publishes it"
    )
    return ExitCode.CLEAN


def _notify_runner(outputs: dict[str, str], *, failed: bool = False) -> None:
    """Write the outputs of a step of a workflow."""

    status = Status.REVIEW_ERROR if failed else Status.PASSED
    outputs = {"status": str(status), **outputs}
    notify_runner(status, outputs, os.environ, print_line=lambda line: click.echo(line, err=True))
