"""`spec sync`: lists the differences between specs and code, grouped."""

from collections.abc import Iterable, Sequence

import click

from reviewloop.app.project import open_repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.spec.sync import (
    SyncReport,
    plain,
    sentence_of,
    sync_specs,
)
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Command
from reviewloop.cli.spec_session import cap_options, caps_of
from reviewloop.domain.drift import KINDS, NOWHERE, Drift, NotCompared
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.render.untrusted import one_line

_SHOWN = 5  # rows of one group
_LOCATIONS = 3  # listed for something not compared
_WORDS = 160  # characters of a wording
_TITLES = {
    "endpoint": "endpoints",
    "component": "components",
    "file": "files",
    "table": "tables",
    "setting": "settings",
    "command": "commands",
    "criterion": "criteria whose only test is gone",
    "task": "ticked for other words",
}


@click.command("sync", cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME|PATH]...")
@click.option("--check", is_flag=True, help="End with exit code 1 where spec and code part.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    default=0.0,
    help="Share of a spec's names that must part for --check and --propose to act.",
)
@click.option("--propose", is_flag=True, help="Have a model propose a change of the spec.")
@click.option("--model", metavar="PROVIDER:MODEL", help="The model that proposes it.")
@cap_options
@click.option("-v", "--verbose", is_flag=True, help="Show all of each group.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def sync(
    names: tuple[str, ...],
    check: bool,
    threshold: float,
    propose: bool,
    model: str | None,
    budget_usd: float | None,
    budget_tokens: int | None,
    minutes: float | None,
    turns: int | None,
    verbose: bool,
    as_json: bool,
) -> ExitCode:
    """Show where specs and code part: endpoints, components, tables, settings, commands, tests.

    Without a name: all specs of the project. No model is asked. What is not understood is listed
    as not compared; what open tasks are still to build is no drift. With --propose a model does
    what `change` does: you approve the edits of the spec before anything is written.
    """
    if propose and check:
        raise UsageError("--check asks no model and --propose does; take one of both")
    caps = caps_of(budget_usd, budget_tokens, minutes, turns)
    if not propose and (model or caps):
        raise UsageError("only --propose asks a model; leave out its model and its limits")
    known = open_repository(for_reading=not propose)
    user = known.user
    report = sync_specs(user, names, check=check, known=known, threshold=threshold)
    if propose and report.drifted:
        from reviewloop.app.change.session import ChangeRequest
        from reviewloop.cli.change import begin_and_go_on

        spec = _only(report.drifted)
        sentence = sentence_of(report, spec)
        request = ChangeRequest(sentence, spec, plan_only=True, model=model, flags=caps)
        return begin_and_go_on(known, request, as_json=as_json)
    if as_json:
        print_json("spec-sync", plain(report))
        return report.exit_code
    show = redactor_of(user).for_people
    for line in _lines(report, most=10_000 if verbose else _SHOWN):
        indent = len(line) - len(line.lstrip())
        click.echo(" " * indent + one_line(show(line)))
    print_lines(*(one_line(show(line)) for line in _remarks(report, verbose=verbose)))
    return report.exit_code


def _only(specs: Sequence[str]) -> str:
    if len(specs) > 1:
        raise UsageError(f"{len(specs)} specs drifted; name the one to change: {', '.join(specs)}")
    return specs[0]


def _lines(report: SyncReport, most: int) -> Iterable[str]:
    drift = report.drift
    for spec in drift.specs:
        groups = [(kind, drift.of_kind(kind, spec)) for kind in KINDS]
        if not any(rows for _, rows in groups):
            continue
        yield spec
        for kind, rows in groups:
            if rows:
                yield f"  {_TITLES[kind]}"
                for one in rows[:most]:
                    yield from _row(one)
                if len(rows) > most:
                    yield f"    and {len(rows) - most} more"
    drifted = len(drift.drifts)
    if drifted:
        yield f"{drifted} drifted, {drift.compared} compared"
    elif report.reopened:
        yield f"{len(drift.waiting)} not built yet, {drift.compared} compared"
    else:
        yield f"in step: {drift.compared} compared"


def _row(one: Drift) -> Iterable[str]:
    note = f" ({one.note})" if one.note else ""
    yield f"    ✗ {one.name} · spec {one.in_spec or NOWHERE} · code {one.in_code or NOWHERE}{note}"
    if one.before or one.now:
        yield f"        then: {_short(one.before)}"
        yield f"        now:  {_short(one.now) or 'gone'}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _WORDS else f"{flat[: _WORDS - 1]}…"


def _remarks(report: SyncReport, *, verbose: bool) -> Iterable[str]:
    drift = report.drift
    if drift.waiting:
        names = [one.name for one in drift.waiting]
        yield f"not built yet, tasks are open: {_listed(names, 10_000 if verbose else _SHOWN)}"
    for spec in report.reopened:
        yield f"{spec} was built whole before: it parts from the code until its tasks are done"
    for both in drift.overlaps:
        yield f"changes overlap at '{both.requirement}': {', '.join(both.locations)}"
    beyond = 0
    for one in drift.not_compared:
        if one.beyond and not verbose:
            beyond += len(one.locations)
        else:
            yield _not_compared(one, 10_000 if verbose else _LOCATIONS)
    if beyond:
        yield f"not compared: {beyond} more in code, of what no spec lists (-v shows them)"


def _not_compared(one: NotCompared, most: int) -> str:
    locations = f": {_listed(one.locations, most)}" if one.locations else ""
    return f"not compared: {one.kind}, {one.reason}{locations}"


def _listed(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
