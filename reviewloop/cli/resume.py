"""`reviewloop resume`: go on with a run that stopped on its way."""

from collections.abc import Mapping
from typing import Any

import click

from reviewloop.app.project import open_repository
from reviewloop.app.run.answers import changed_limits, resumable_run
from reviewloop.cli.consoles import print_json, say
from reviewloop.cli.conversation import move_and_tell
from reviewloop.cli.help import Command
from reviewloop.cli.shared import shared, store_option
from reviewloop.domain.errors import ExitCode


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--budget-usd", type=float, metavar="USD", help="Raise the cap on money.")
@click.option("--budget-tokens", type=int, metavar="N", help="Raise the cap on tokens.")
@click.option("--minutes", type=float, metavar="MIN", help="Raise the cap on active time.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@store_option
def resume(
    run_id: str | None,
    budget_usd: float | None,
    budget_tokens: int | None,
    minutes: float | None,
    as_json: bool,
    store: str,
) -> ExitCode:
    """Go on with a run that stopped on its way.

    Interrupted, killed or out of budget: no reply that was received is paid again. With --store it
    is queued again, with the tasks that wait for it.
    """
    caps = {"limits.usd": budget_usd, "limits.tokens": budget_tokens, "limits.minutes": minutes}
    raised = {name: value for name, value in caps.items() if value is not None}
    if store:
        return _queue_again(store, run_id, raised, as_json=as_json)

    repository = open_repository()
    record = resumable_run(repository, run_id)
    overrides = {**changed_limits(repository, record), **raised}
    return move_and_tell(repository, record, as_json=as_json, overrides=overrides)


def _queue_again(
    url: str, run_id: str | None, caps: Mapping[str, Any], *, as_json: bool
) -> ExitCode:
    from reviewloop.app.fleet.answers import resume as queue_again

    with shared(url) as database:
        resumed = queue_again(database, url, run_id, caps)
    run, added = resumed.run.run_id, list(resumed.added)
    if as_json:
        print_json("resumed", {"run": run, "queued": added})
    also = [task for task in added if task != resumed.run.task_id]
    waited = f"; queued, too, what waits for it: {', '.join(also)}" if also else ""
    say(f"{run} is queued; the next free worker goes on with it{waited}")
    if resumed.unattended:
        say(resumed.unattended)
    return ExitCode.CLEAN
