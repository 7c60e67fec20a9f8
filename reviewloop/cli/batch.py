"""`reviewloop batch`: all open tasks of a spec, each in a run of its own, and the account."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from reviewloop.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from reviewloop.batch.opening import Wish
    from reviewloop.runs.repository import Repository
    from reviewloop.store.runs import RunRecord


@click.command()
@click.option("--spec", metavar="PATH", default="", help="Spec file, folder or feature name.")
@click.option("--tasks", "chosen", metavar="IDS", multiple=True, help="Only these: 2.1,3.*")
@click.option("--wave", type=int, metavar="N", help="Only the tasks of wave N, from 1.")
@click.option(
    "--mode",
    type=click.Choice(["each", "queue", "autopilot"]),
    help="Who approves: you at each task, you later, or the loop what is clean.",
)
@click.option("--budget-usd", type=float, metavar="USD", help="Most that all runs may cost.")
@click.option("--deadline", metavar="T", default="", help="Stop at 07:00, after 8h, or at a date.")
@click.option(
    "--max-parallel",
    "parallel",
    type=click.IntRange(1, 32),
    default=1,
    metavar="N",
    help="Most tasks at work side by side.",
)
@click.option("--until-failure", is_flag=True, help="Stop at the first task that fails.")
@click.option("--model", metavar="PROVIDER:MODEL", help="Model for every step of every run.")
@click.option("--no-sandbox", is_flag=True, help="Run the code here though no sandbox holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object.")
def batch(
    spec: str,
    chosen: tuple[str, ...],
    wave: int | None,
    mode: str | None,
    budget_usd: float | None,
    deadline: str,
    parallel: int,
    until_failure: bool,
    model: str | None,
    no_sandbox: bool,
    as_json: bool,
) -> ExitCode:
    """Implement all open tasks of a spec.

    Each is a run of its own, in the order of their dependencies. The same command goes on with a
    batch that was stopped; `reviewloop queue` shows what waits for you.
    """
    from reviewloop.batch.deadline import read_deadline
    from reviewloop.batch.opening import Wish
    from reviewloop.batch.sitting import Asked
    from reviewloop.cli.conversation import somebody_is_there
    from reviewloop.runs.start import Wanted

    if budget_usd is not None and budget_usd <= 0:
        raise UsageError("--budget-usd needs an amount above 0")
    if mode == "each" and not somebody_is_there():
        raise UsageError("--mode each asks at every task, and there is no terminal; use queue")
    flags = {"models.reasoning": model, "models.generation": model} if model else {}
    wanted = Wanted(unsandboxed="accepted" if no_sandbox else "", flags=flags)
    wish = Wish(
        spec=spec,
        tasks=chosen,
        wave=wave,
        mode=mode or ("each" if somebody_is_there() else "queue"),
        budget_usd=budget_usd,
        deadline=read_deadline(deadline),
        asked=Asked(until_failure, parallel, wanted),
    )
    return _run(wish, as_json=as_json)


def _run(wish: "Wish", *, as_json: bool) -> ExitCode:
    from reviewloop.batch.account import account, exit_code
    from reviewloop.batch.opening import run_batch
    from reviewloop.cli.consoles import print_json, results
    from reviewloop.output.terminal_batch import render_account
    from reviewloop.runs.repository import open_repository

    repository = open_repository()
    record, error = run_batch(repository, wish, _Lines())
    body = account(repository, record)
    if as_json:
        print_json("batch", body)
    else:
        render_account(body, results())
    if error is not None:
        raise error
    return exit_code(repository, record)


class _Lines:
    """Tells of a batch in plain lines on stderr, and asks in the terminal."""

    def begun(self, task: str, run: "RunRecord", below: str) -> None:
        from reviewloop.cli.consoles import say

        on = f", on top of {below}" if below else ""
        say(f"{task} {run.title}: run {run.run_id}{on}")

    def event(self, task: str, event: Mapping[str, Any]) -> None:
        from reviewloop.cli.consoles import say
        from reviewloop.output.event_lines import describe

        if event.get("kind") in {"step.start", "note", "refused"} and (line := describe(event)):
            say(f"{task}   {line}")

    def settled(self, task: str, run: "RunRecord", why: str) -> None:
        from reviewloop.cli.consoles import say

        by = f" by {run.approved_by}" if run.status == "committed" and run.approved_by else ""
        say(f"{task} {run.title}: {run.status}{by}" + (f": {why}" if why else ""))

    def ask(self, repository: "Repository", run: "RunRecord") -> tuple[str, str] | None:
        from reviewloop.cli.conversation import ask_about

        return ask_about(repository, run)
