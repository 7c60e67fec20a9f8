"""`reviewloop resume`: go on with a run that stopped on its way."""

import click

from reviewloop.errors import ExitCode


@click.command()
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--budget-usd", type=float, metavar="USD", help="Raise the cap on money.")
@click.option("--budget-tokens", type=int, metavar="N", help="Raise the cap on tokens.")
@click.option("--minutes", type=float, metavar="MIN", help="Raise the cap on active time.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def resume(
    run_id: str | None,
    budget_usd: float | None,
    budget_tokens: int | None,
    minutes: float | None,
    as_json: bool,
) -> ExitCode:
    """Go on with a run that stopped on its way.

    Interrupted, killed or out of budget: no reply that was received is paid again.
    """
    from reviewloop.cli.conversation import move_and_tell
    from reviewloop.runs.answers import changed_limits, resumable_run
    from reviewloop.runs.repository import open_repository

    repository = open_repository()
    record = resumable_run(repository, run_id)
    caps = {"limits.usd": budget_usd, "limits.tokens": budget_tokens, "limits.minutes": minutes}
    raised = {name: value for name, value in caps.items() if value is not None}
    overrides = {**changed_limits(repository), **raised}
    return move_and_tell(repository, record, as_json=as_json, overrides=overrides)
