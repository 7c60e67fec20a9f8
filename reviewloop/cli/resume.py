"""`reviewloop resume`: continues a stopped run."""

import click

from reviewloop.app.fleet.port import Caps, Fleet
from reviewloop.cli.conversation import Terminal
from reviewloop.cli.fleet import fleet_option
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode


@click.command(cls=Command)
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--budget-usd", type=float, metavar="USD", help="Raise the cap on money.")
@click.option("--budget-tokens", type=int, metavar="N", help="Raise the cap on tokens.")
@click.option("--minutes", type=float, metavar="MIN", help="Raise the cap on active time.")
@click.option("--turns", type=int, metavar="N", help="Raise the cap on turns of coding agents.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def resume(
    run_id: str | None,
    budget_usd: float | None,
    budget_tokens: int | None,
    minutes: float | None,
    turns: int | None,
    as_json: bool,
    fleet: Fleet,
) -> ExitCode:
    """Go on with a run that stopped on its way.

    Interrupted, killed or out of budget: no reply that was received is paid again. With --store it
    is queued again, with the tasks that wait for it.
    """
    caps = Caps(budget_usd, budget_tokens, minutes, turns)
    return fleet.resume(run_id, caps, Terminal(as_json=as_json))
