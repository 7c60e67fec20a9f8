"""`memory`: lessons for every run, from users' own answers."""

from collections.abc import Sequence

import click

from reviewloop.app.day.memory import decline, forget, memory_of, proposals, remember
from reviewloop.app.fleet.port import Fleet
from reviewloop.app.project import Repository, open_repository, repository
from reviewloop.app.redactors import redactor_of
from reviewloop.cli.consoles import is_interactive, print_json, print_lines, read_line
from reviewloop.cli.fleet import fleet_option
from reviewloop.cli.help import Command, Group
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line
from reviewloop.specs.memory import Lesson, lesson


@click.group(cls=Group, default="propose")
def memory() -> None:
    """Say what every run is told.

    Lines come from your own answers, and you approve each.
    Alone: what could be remembered. At a terminal it asks for each.
    """


@memory.command("propose", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def propose(as_json: bool, fleet: Fleet) -> ExitCode:
    """Show what could be remembered; without a terminal `memory add ID` takes a line."""
    repo = open_repository(for_reading=True)
    found = proposals(repo, fleet)
    if as_json:
        print_json("memory", _plain(memory_of(repo.user).path, found))
        return ExitCode.WAITING if found else ExitCode.CLEAN
    show = redactor_of(repo.user).for_people
    if not found:
        print_lines("nothing new to remember")
        return ExitCode.CLEAN
    if not is_interactive():
        for one in found:
            click.echo(one_line(show(f"{one.id} {one.text} ({one.source})")))
        print_lines(
            "`reviewloop memory add ID...` remembers lines, `--decline` proposes them no more"
        )
        return ExitCode.WAITING
    ask_each(repo, found)
    return ExitCode.CLEAN


def ask_each(repo: Repository, found: Sequence[Lesson]) -> None:
    """Ask for each line at the terminal; unanswered ones are proposed again later."""
    show = redactor_of(repo.user).for_people
    kept: list[Lesson] = []
    declined: list[Lesson] = []
    try:
        for one in found:
            answer = _answer(one_line(show(f"{one.text} ({one.source})")))
            if answer == "q":
                break
            if answer:
                (kept if answer == "y" else declined).append(one)
    except EOFError:  # the user left; their answers so far count
        print_lines("")
    if declined:
        decline(repo, declined)
    if kept:
        path = remember(repo.user, kept)
        click.echo(f"{path}: {counted(len(kept), 'line')} more; the next run reads it")


def _answer(line: str) -> str:
    """Return y, n, q, or "" for later."""
    print_lines(line)
    while True:
        answer = read_line("remember it? [y]es, [n]ever, Enter for later, [q]uit > ")
        choice = answer.strip().casefold()[:1]
        if choice in ("", "y", "n", "q"):
            return choice


@memory.command("add", cls=Command)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("-m", "--message", "texts", multiple=True, metavar="TEXT", help="In your own words.")
@click.option("--decline", "declined", is_flag=True, help="Propose these no more.")
@fleet_option
def add(ids: tuple[str, ...], texts: tuple[str, ...], declined: bool, fleet: Fleet) -> ExitCode:
    """Remember lines that were proposed, or a sentence of your own."""
    if not ids and not texts:
        raise UsageError("name what to remember: an id of `reviewloop memory`, or -m TEXT")
    if declined and texts:
        raise UsageError("--decline is about lines that were proposed; leave -m out")
    repo = open_repository(for_reading=True)
    chosen = [_named(one, proposals(repo, fleet)) for one in ids]
    if declined:
        decline(repo, chosen)
        click.echo(f"{counted(len(chosen), 'line')} will not be proposed again")
        return ExitCode.CLEAN
    own = [lesson(text, "memory add") for text in texts]
    if not all(one.text for one in own):
        raise UsageError("-m is empty; say what is to be remembered")
    path = remember(repo.user, [*chosen, *own])
    click.echo(f"{path}: {counted(len(chosen) + len(own), 'line')} more; the next run reads it")
    return ExitCode.CLEAN


@memory.command("list", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_(as_json: bool) -> ExitCode:
    """List what is remembered, with ids and sources."""
    user = repository()
    found = memory_of(user)
    if as_json:
        print_json("memory", _plain(found.path, found.lessons))
        return ExitCode.CLEAN
    show = redactor_of(user).for_people
    for one in found.lessons:
        click.echo(one_line(show(f"{one.id} {one.text} ({one.source})")))
    if not found.lessons:
        print_lines("nothing is remembered; `reviewloop memory` proposes, `memory add -m` adds")
    return ExitCode.CLEAN


@memory.command("forget", cls=Command)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def forget_(ids: tuple[str, ...]) -> ExitCode:
    """Take lines out of what is remembered."""
    for one in forget(repository(), ids):
        click.echo(one_line(f"{one.id} is forgotten: {one.text}"))
    return ExitCode.CLEAN


def _named(ident: str, found: list[Lesson]) -> Lesson:
    chosen = [one for one in found if one.id == ident]
    if not chosen:
        raise UsageError(f"no proposed line has the id {ident!r}; `reviewloop memory` lists them")
    return chosen[0]


def _plain(path: str, lessons: "list[Lesson] | tuple[Lesson, ...]") -> dict[str, object]:
    rows = [{"id": one.id, "text": one.text, "source": one.source} for one in lessons]
    return {"path": path, "lessons": rows}
