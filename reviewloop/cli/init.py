"""`reviewloop init`: write a commented settings file and say what was detected."""

from pathlib import Path

import click

from reviewloop.app.project import (
    PYPROJECT,
    SETTINGS_FILE,
    project_settings,
    read_settings,
    repository,
    team_of,
)
from reviewloop.cli.consoles import say
from reviewloop.cli.conversation import somebody_is_there
from reviewloop.cli.detected import detected
from reviewloop.cli.help import Command
from reviewloop.cli.init_model import Chosen, chosen_model
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.git.repository import below
from reviewloop.installed import is_light
from reviewloop.settings import settings_template
from reviewloop.settings.template import with_value


@click.command(cls=Command)
@click.option("--force", is_flag=True, help="Replace a settings file that is there already.")
@click.option("--print", "print_only", is_flag=True, help="Print the file instead of writing it.")
def init(force: bool, print_only: bool) -> ExitCode:
    """Write a commented settings file."""

    repo = repository()
    found = detected(repo)
    text = settings_template(found.notes)
    if print_only:
        click.echo(text, nl=False)
        return ExitCode.CLEAN
    _refuse_second_file(repo.root, repo.project)
    path = repo.root / repo.project / SETTINGS_FILE
    if not force and (path.exists() or path.is_symlink()):
        raise _there_already(path)
    chosen = _chosen_model(repo.root, repo.project)
    if chosen.written:
        text = with_value(text, "reasoning", chosen.written)
    _write(path, text, replace=force)
    for sentence in (*found.sentences, *chosen.sentences):
        say(sentence)
    name = below(repo.project, SETTINGS_FILE)
    what = f"the project {repo.project}/" if repo.project else "a repository"
    say(f"wrote {name}: the settings of {what} that people change, commented out")
    say("`reviewloop config show` prints all settings, and what each is for")
    say("next: `reviewloop doctor` checks what a run needs, before anything is paid")
    return ExitCode.CLEAN


def _chosen_model(root: Path, project: str) -> Chosen:
    """Return the model by the person's own settings; the repository's file is only being made."""

    loaded = read_settings(None)
    if is_light() or loaded.is_set("models.reasoning"):
        return Chosen("", ())
    return chosen_model(loaded.settings, team_of(root, project), ask=somebody_is_there())


def _refuse_second_file(root: Path, project: str) -> None:

    name = below(project, PYPROJECT)
    if project_settings(root, project) is not None:
        raise UsageError(
            f"[tool.reviewloop] in {name} holds this repository's settings already; "
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
        raise _there_already(path) from None


def _there_already(path: Path) -> UsageError:
    return UsageError(
        f"{path.name} is there already and was left alone; --force replaces it, "
        "--print shows the new one"
    )
