"""`reviewloop init`: write a commented settings file and say what was detected."""

from pathlib import Path

import click

from reviewloop.cli.help import Command
from reviewloop.errors import ExitCode, UsageError


@click.command(cls=Command)
@click.option("--force", is_flag=True, help="Replace a settings file that is there already.")
@click.option("--print", "print_only", is_flag=True, help="Print the file instead of writing it.")
def init(force: bool, print_only: bool) -> ExitCode:
    """Write a commented settings file, say what was detected."""
    from reviewloop.cli.consoles import say
    from reviewloop.cli.detected import detected
    from reviewloop.runs.project import SETTINGS_FILE, repository
    from reviewloop.settings import settings_template

    repo = repository()
    found = detected(repo)
    text = settings_template(found.notes)
    if print_only:
        click.echo(text, nl=False)
        return ExitCode.CLEAN
    _refuse_second_file(repo.root)
    _write(repo.root / SETTINGS_FILE, text, replace=force)
    for sentence in found.sentences:
        say(sentence)
    say(f"wrote {SETTINGS_FILE}: the settings of a repository with their defaults, commented out")
    say("next: `reviewloop doctor` checks what a run needs, before anything is paid")
    return ExitCode.CLEAN


def _refuse_second_file(root: Path) -> None:
    from reviewloop.runs.project import PYPROJECT, SETTINGS_FILE, repository_settings

    name, _ = repository_settings(root)
    if name == PYPROJECT:
        raise UsageError(
            f"[tool.reviewloop] in {PYPROJECT} holds this repository's settings already; "
            f"move them to {SETTINGS_FILE} first, or go on using {PYPROJECT}"
        )


def _write(path: Path, text: str, *, replace: bool) -> None:
    """Write the file; without `replace`, one that is there is left alone, links included."""
    if replace:
        path.unlink(missing_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"{path.name} is there already and was left alone; --force replaces it, "
            "--print shows the new one"
        ) from None
