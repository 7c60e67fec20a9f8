"""`quiet`: proposes, replays and adopts rules that silence what users keep dismissing."""

from collections.abc import Mapping

import click

from reviewloop.app.fleet.port import Fleet
from reviewloop.app.project import open_repository, repository
from reviewloop.app.review.quiet_rules import (
    PROPOSED_FILE,
    adopt,
    drop,
    keep_pulls,
    plain,
    plain_replay,
    propose_quiet,
    quiet_of,
)
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.fleet import fleet_option
from reviewloop.cli.help import Command, Group
from reviewloop.domain.errors import ExitCode
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line
from reviewloop.review.learning import Past, Replay
from reviewloop.review.quiet import QUIET_FILE, QuietRule


@click.group(cls=Group, default="propose")
def quiet() -> None:
    """Stop reporting what people keep dismissing.

    Rules are proposed in a file, replayed on past findings and adopted by you. What must be fixed
    is always reported.
    """


@quiet.command("propose", cls=Command)
@click.option(
    "--pull", "pulls", type=click.IntRange(1), multiple=True, metavar="N",
    help="Also what people said on this pull request; repeatable.",
)  # fmt: skip
@click.option("--repo", metavar="OWNER/NAME", default="", help="Its repository (the remote's).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def propose(pulls: tuple[int, ...], repo: str, as_json: bool, fleet: Fleet) -> ExitCode:
    """Propose quiet rules from dismissals, resolved threads and thumbs down.

    Writes .reviewloop/quiet-proposed.toml, which silences nothing. No model is asked.
    """
    here = open_repository(for_reading=True)
    if pulls:
        keep_pulls(here, _objections_on(pulls, repo))
    found = propose_quiet(here, fleet)
    if as_json:
        rules = [plain(one.quiet, one.replay) for one in found]
        print_json("quiet-proposed", {"path": PROPOSED_FILE, "rules": rules})
        return ExitCode.WAITING if found else ExitCode.CLEAN
    for one in found:
        _print_rule(one.quiet)
        print_lines(f"  {_summary(one.replay)}")
    if not found:
        print_lines("nothing was dismissed often enough, or it was acted upon as often")
        return ExitCode.CLEAN
    print_lines(
        f"{PROPOSED_FILE} has {counted(len(found), 'rule')}, none in force; read it, then "
        "`reviewloop quiet adopt`"
    )
    return ExitCode.WAITING


@quiet.command("show", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def show(as_json: bool) -> ExitCode:
    """Show the quiet rules in force and those proposed, with their evidence."""
    found = quiet_of(repository())
    if as_json:
        adopted, proposed = map(plain, found.adopted), map(plain, found.proposed)
        print_json("quiet", {"adopted": [*adopted], "proposed": [*proposed]})
        return ExitCode.CLEAN
    for title, rules in (("in force", found.adopted), ("proposed", found.proposed)):
        for one in rules:
            _print_rule(one, title)
            for line in one.evidence:
                click.echo(one_line(f"  {line}"))
    if not found.adopted and not found.proposed:
        print_lines("there is no quiet rule; `reviewloop quiet propose` looks for some")
    return ExitCode.CLEAN


@quiet.command("adopt", cls=Command)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def adopt_(ids: tuple[str, ...], as_json: bool, fleet: Fleet) -> ExitCode:
    """Put proposed rules in force, all or those named.

    They are replayed on past findings first: none that somebody acted upon may be lost.
    """
    here = open_repository(for_reading=True)
    replayed, number = adopt(here, fleet, ids)
    if as_json:
        rules = [plain(one) for one in quiet_of(here.user).adopted]
        body = {"path": QUIET_FILE, "rules": rules, "replay": plain_replay(replayed)}
        print_json("quiet-adopted", body)
        return ExitCode.CLEAN
    click.echo(f"{QUIET_FILE}: {counted(number, 'rule')} in force; {_summary(replayed)}")
    print_lines(f"commit {QUIET_FILE}: runs and pull requests take it from their base")
    return ExitCode.CLEAN


@quiet.command("drop", cls=Command)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def drop_(ids: tuple[str, ...]) -> ExitCode:
    """Take rules out of force."""
    for one in drop(repository(), ids):
        click.echo(one_line(f"{one.id} is dropped: {one.rule} is reported again"))
    return ExitCode.CLEAN


def _objections_on(pulls: tuple[int, ...], repo: str) -> Mapping[int, list[Past]]:
    """Return the objections on pull requests; print notes on those that did not count."""
    from reviewloop.cli.github_client import client_for
    from reviewloop.github.rereview.objections import objections

    found = {}
    with client_for(repository(), repo) as client:
        for number in dict.fromkeys(pulls):
            found[number], notes = objections(client, number)
            print_lines(*(one_line(note) for note in notes))
    return found


def _print_rule(rule: QuietRule, title: str = "") -> None:
    where = ", ".join(rule.paths)
    end = f" ({title})" if title else ""
    click.echo(one_line(f"{rule.id} {rule.rule} in {where}: {rule.reason}{end}"))


def _summary(replayed: Replay) -> str:
    known = counted(replayed.findings, "past finding")
    return (
        f"on {known}: {len(replayed.dismissed)} that were dismissed and "
        f"{counted(len(replayed.repeats), 'repeat')} are not reported, "
        f"{len(replayed.lost)} that were acted upon are lost"
    )
