"""`reviewloop run`: one task, from a free preflight to your answer."""

from pathlib import Path

import click

from reviewloop.app.project import (
    Repository,
    model_flags,
    open_repository,
    writers_and_readers,
)
from reviewloop.app.run.cleaning import leave_out
from reviewloop.app.run.start import Plan, RunRequest, begin, plan
from reviewloop.cli.consoles import confirm, echo, is_interactive, print_json, print_lines
from reviewloop.cli.conversation import move_and_report
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, GuardRailError, UsageError
from reviewloop.render.untrusted import one_line


@click.command(cls=Command)
@click.argument("task", required=False, metavar="[TASK|next]")
@click.option("-m", "--message", metavar="TEXT", help="Change something without a spec.")
@click.option("--spec", metavar="PATH", default="", help="Spec file, folder or feature name.")
@click.option("--branch", metavar="NAME", default="", help="Commit to a new branch of this name.")
@click.option("--model", metavar="PROVIDER:MODEL", help="Model for every step of this run.")
@click.option(
    "--implementer", metavar="PROVIDER:MODEL", help="Model that writes: implementer and fixer."
)
@click.option("--reviewers", metavar="PROVIDER:MODEL", help="Model that reviews.")
@click.option("--budget-usd", type=float, metavar="USD", help="Cost limit for this run.")
@click.option("--budget-tokens", type=int, metavar="N", help="Token limit for this run.")
@click.option("--minutes", type=float, metavar="MIN", help="Time limit for this run.")
@click.option("--record", metavar="FILE", default="", help="Write all calls to FILE (JSON lines).")
@click.option(
    "--steering",
    multiple=True,
    metavar="NAME",
    help="Give a steering file that is `inclusion: manual`; may be repeated.",
)
@click.option("--again", is_flag=True, help="Even if another run of the task is open.")
@click.option("--no-sandbox", is_flag=True, help="Run the project's code without a sandbox.")
@click.option("--no-hooks", is_flag=True, help="Fire none of the repository's hooks.")
@click.option("--preflight", is_flag=True, help="Only check and estimate; nothing is paid.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def run(
    task: str | None,
    message: str | None,
    spec: str,
    branch: str,
    model: str | None,
    implementer: str | None,
    reviewers: str | None,
    budget_usd: float | None,
    budget_tokens: int | None,
    minutes: float | None,
    record: str,
    steering: tuple[str, ...],
    again: bool,
    no_sandbox: bool,
    no_hooks: bool,
    preflight: bool,
    as_json: bool,
) -> ExitCode:
    """Implement a task, have it reviewed, ask you.

    TASK is an id such as 2.1, words of its title, `next` (the default), or a phrase such as
    "next task" or "implement task 3".
    """

    if message is not None and (task or spec):
        raise UsageError("give a task of a spec or -m TEXT, not both")
    if message is not None and not message.strip():
        raise UsageError("-m needs a sentence that says what to change")
    flags = {**writers_and_readers(implementer, reviewers), **model_flags(model)} | {
        "limits.usd": budget_usd,
        "limits.tokens": budget_tokens,
        "limits.minutes": minutes,
    }
    request = RunRequest(
        task=task or "next",
        spec=spec,
        instruction=message or "",
        branch=branch,
        again=again,
        unsandboxed="accepted" if no_sandbox else "",
        no_hooks=no_hooks,
        record_to=str(Path(record).absolute()) if record else "",
        steering=steering,
        flags={name: value for name, value in flags.items() if value is not None},
    )
    return _run(request, only_preflight=preflight, as_json=as_json)


def _run(request: RunRequest, *, only_preflight: bool, as_json: bool) -> ExitCode:

    repository = open_repository()
    if gone := leave_out(repository):
        print_lines(gone)
    planned = _planned(repository, request)
    _show(planned)
    if only_preflight:
        if as_json:
            print_json("preflight", planned.plain())
        return ExitCode.CLEAN
    return move_and_report(repository, begin(repository, planned), as_json=as_json)


def _planned(repository: Repository, request: RunRequest) -> Plan:
    """Plan the run; on a protected branch offer a new one where a user can agree."""
    from dataclasses import replace

    try:
        return plan(repository, request)
    except GuardRailError as error:
        if not is_interactive() or not error.offer:
            raise
        click.echo(f"{error.problem}.", err=True)
        there = repository.head_of(error.offer)
        what = "Go on on the branch" if there else "Commit to a new branch"
        if not confirm(f"{what} {error.offer}?", default=True):
            raise
        return plan(repository, replace(request, branch=error.offer))


def _show(planned: Plan) -> None:
    """Print what will be done, on which branch, by which models, and the estimated cost."""

    limits = planned.loaded.settings.limits
    # Without a price no dollar cap applies, as a note says.
    cap = "" if planned.estimate.usd is None else f"${limits.usd:g}, "
    name = f"{planned.brief.task_id} {planned.brief.title}".strip()
    rows = [
        ("task", name + (f" ({planned.brief.spec})" if planned.brief.spec else "")),
        ("branch", planned.branch + _about_branch(planned)),
        ("model", planned.model_shown),
        *_others(planned),
        ("reviewers", ", ".join(agent.name for agent in planned.team.reviewers)),
        ("sandbox", planned.sandbox_shown),
        (
            "estimate",
            f"{planned.estimate.shown}; stops at {cap}{limits.tokens:,} tokens",
        ),
        *(("note", note) for note in planned.notes),
    ]
    for label, text in rows:
        echo(f"{label:<11}{one_line(text)}", indent=11, err=True)


def _others(planned: Plan) -> list[tuple[str, str]]:
    """Return a row for each model that only some of the agents ask."""
    return [("", f"{name}: {', '.join(agents)}") for name, agents in planned.other_models.items()]


def _about_branch(planned: Plan) -> str:
    if planned.new_branch:
        return " (made at approval)"
    elsewhere = planned.options.get("elsewhere")
    return " (goes on from its last commit; it is not checked out)" if elsewhere else ""
