"""`reviewloop doctor`: what a run and a review need here, checked before anything is paid."""

import click
from rich.console import Console

from reviewloop.cli.checks import Check, all_checks
from reviewloop.cli.consoles import print_json, results, say
from reviewloop.cli.doctor_analysers import (
    analyser_checks,
    languages_here,
    not_trusted,
    review_check,
    tool_states,
)
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode
from reviewloop.render.terminal.findings import hanging
from reviewloop.render.untrusted import one_line

_MARKS = {"ok": ("✓", "green"), "bad": ("✗", "red"), "note": ("–", "yellow")}
_NO_MODEL = "a run needs a model"
_ASCII = {"✓": "+", "✗": "x", "–": "-"}


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("--offline", is_flag=True, help="Do not ask the model provider (asking is free).")
@click.option("--model", metavar="PROVIDER:MODEL", default="", help="Model to check.")
def doctor(as_json: bool, offline: bool, model: str) -> ExitCode:
    """Check what a run needs here.

    Nothing is paid, and nothing of the project is run. The exit code is 2 when something is
    broken, else 0, also without any model: a run needs one, a review does not.
    """

    states = tool_states()
    reviewing = review_check(states)
    tools = (*analyser_checks(states, languages_here()), *not_trusted())
    checks = [*all_checks(online=not offline, model=model), *tools, reviewing]
    blocked = [check for check in checks if check.mark == "bad"]
    ready = not blocked and not any(check.stops_run for check in checks)
    if as_json:
        rows = [{"name": c.name, "mark": c.mark, "text": c.text} for c in checks]
        analysers = [state.as_json() for state in states]
        print_json("doctor", {"ready": ready, "checks": rows, "analysers": analysers})
    else:
        _print(checks, results())
        if blocked:
            names = ", ".join(dict.fromkeys(check.name for check in blocked))
            but = "; `reviewloop review` works without a model" if reviewing.mark == "ok" else ""
            say(f"a run cannot start yet: {names}{but}")
        elif not ready:
            say("reviews work; a run needs a model" if reviewing.mark == "ok" else _NO_MODEL)
    return ExitCode.USAGE if blocked else ExitCode.CLEAN


def _print(checks: list[Check], console: Console) -> None:
    from rich.text import Text

    before = ""
    for check in checks:
        mark, style = _MARKS[check.mark]
        shown = _ASCII[mark] if console.options.ascii_only else mark
        name = "" if check.name == before else check.name
        before = check.name
        head = Text(f"{shown} ", style=style).append(f"{name:<10} ", style="bold default")
        hanging(head, Text(one_line(check.text)), console)
