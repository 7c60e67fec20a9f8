"""`reviewloop hooks`: what fires when in this repository, and what is wrong with it."""

from typing import Any

import click

from reviewloop.app.project import repository
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Group
from reviewloop.domain.errors import ExitCode
from reviewloop.git.repository import UserRepo
from reviewloop.hooks.hook import OF_FILES, Hook
from reviewloop.hooks.reading import HookProblem, HooksRead, read_hooks
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line
from reviewloop.specs.files import DiskFiles, in_folder
from reviewloop.store.places import state_root
from reviewloop.store.trust import TrustStore


@click.group(cls=Group)
def hooks() -> None:
    """List and check the hooks of this repository."""


@hooks.command("list")
@click.option("--path", metavar="FILE", default="", help="Only those that fire on this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_hooks(path: str, as_json: bool) -> ExitCode:
    """List every hook: its event, what it does, whether you trust it.

    A run takes them from its base commit, so commit them first.
    """
    repo = repository()
    read = _read(repo)
    trust = TrustStore(state_root())
    of_path = [one for one in read.hooks if one.event in OF_FILES and one.fits_path(path)]
    chosen = of_path if path else read.hooks
    rows = [_plain(one, trust.is_trusted(repo.key, one.digest)) for one in chosen]
    if as_json:
        print_json("hooks", {"hooks": rows, "problems": [_problem(one) for one in read.problems]})
        return ExitCode.CLEAN
    for row in rows:
        facts = [row["source"], "blocks" if row["blocking"] else "", row["not_run"]]
        facts.append("" if row["trusted"] else "not trusted")
        click.echo(one_line(f"{row['event']:<15} {row['name']}: {row['does']}"))
        click.echo(one_line(f"{'':<16}{', '.join(fact for fact in facts if fact)}"))
    if not rows:
        print_lines("no hook fires here")
    return ExitCode.CLEAN


@hooks.command("validate")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def validate(as_json: bool) -> ExitCode:
    """Check every hook file; exit 1 when a hook cannot be used."""
    read = _read(repository())
    if as_json:
        body = {"hooks": len(read.hooks), "problems": [_problem(one) for one in read.problems]}
        print_json("hooks-validate", body)
    else:
        for problem in read.problems:
            click.echo(one_line(f"{problem.level}: {problem.sentence}"))
        click.echo(f"{counted(len(read.hooks), 'hook')}, {counted(len(read.errors), 'error')}")
    return ExitCode.FINDINGS if read.errors else ExitCode.CLEAN


def _read(repo: UserRepo) -> HooksRead:
    return read_hooks(in_folder(DiskFiles(repo.root), repo.project))


def _plain(hook: Hook, trusted: bool) -> dict[str, Any]:
    return {
        "name": hook.name,
        "event": str(hook.event),
        "source": hook.source,
        "line": hook.line,
        "does": hook.does,
        "filters": list(hook.filters),
        "blocking": hook.blocking,
        "trusted": trusted,
        "not_run": hook.why_not_run,
    }


def _problem(problem: HookProblem) -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "text": problem.text,
        "level": problem.level,
    }
