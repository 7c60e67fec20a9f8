"""`reviewloop init`: writes a commented settings file and reports what was detected."""

from collections.abc import Mapping
from pathlib import Path

import click

from reviewloop.agents import Team
from reviewloop.app.project import (
    PYPROJECT,
    SETTINGS_FILE,
    project_settings,
    read_settings,
    repository,
    team_of,
)
from reviewloop.app.run.estimate import estimate_run
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.cli.consoles import confirm, is_interactive, print_lines
from reviewloop.cli.detected import detect_with_defaults
from reviewloop.cli.help import Command
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.git.process import trusted_path
from reviewloop.git.repository import UserRepo, path_in_repository
from reviewloop.installed import is_light
from reviewloop.llm.found_providers import FoundProvider, detect_local_servers, detect_providers
from reviewloop.llm.model_choice import nothing_found
from reviewloop.llm.prices import estimate
from reviewloop.llm.routing import require_provider
from reviewloop.loop.context import Brief
from reviewloop.render.untrusted import one_line, safe
from reviewloop.settings import Settings, settings_template
from reviewloop.settings.loading import USERS_FILE
from reviewloop.settings.template import with_value

_MILLION = 1_000_000


@dataclass(frozen=True)
class Chosen:
    """The chosen model for the file, "" for none, and sentences about it."""

    written: str
    sentences: tuple[str, ...]


def chosen_model(settings: Settings, team: Team, *, ask: bool) -> Chosen:
    """Return the model for this repository: a user is asked, else the one found is taken."""
    import os

    models = settings.models
    found = [*detect_providers(models, os.environ), *detect_local_servers(models, os.environ)]
    agents = _agents_here()
    if not found:
        return Chosen("", agents or (f"models: {nothing_found(models, os.environ)}",))
    if not ask:
        others = "; `--model` or models.reasoning chooses another" if len(found) > 1 else ""
        return Chosen("", (f"models: {_row(found[0], settings, team)}{others}", *agents))
    import click

    for sentence in agents:
        print_lines(sentence)

    print_lines("models: which one should runs ask?")
    for number, one in enumerate(found, 1):
        print_lines(f"{number} {_row(one, settings, team)}")
    while True:
        answer = click.prompt("A number, or provider:model", default="1", err=True).strip()
        if answer.isdecimal() and 0 < int(answer) <= len(found):
            model = found[int(answer) - 1].model
            break
        try:
            require_provider(answer)
        except UsageError as error:
            print_lines(str(error))
            continue
        model = answer
        break
    if model == found[0].model:
        taken = f"models: runs take {model}, found by {found[0].by}; nothing is written for it"
        return Chosen("", (f"{taken}, so everybody uses what they have",))
    free = "`reviewloop review` asks it, too; --model none does not"
    return Chosen(model, (f"models: {model} is written as models.reasoning; {free}",))


def _agents_here() -> tuple[str, ...]:
    """Return sentences on the user's coding agents, which can be used instead of a model."""
    from reviewloop.acp.agents import agents_here

    names = [f"acp:{agent.name}" for agent in agents_here(trusted_path())]
    if not names:
        return ()
    rest = f" ({', '.join(names[1:])} too)" if names[1:] else ""
    return (
        f"agents: {names[0]} is installed{rest}: `reviewloop review --model {names[0]}` asks it, "
        f'in a cage and by its own login; to keep it, write [models] reasoning = "{names[0]}" into '
        f"{USERS_FILE}",
    )


def _row(found: FoundProvider, settings: Settings, team: Team) -> str:
    return f"{found.model} ({found.by}): {price_words(found.model, settings, team)}"


def price_words(model: str, settings: Settings, team: Team) -> str:
    """Return what a model costs per million tokens, and in a usual run."""

    part = 10_000  # tokens; a million at once would have the price of very long requests
    fresh = estimate(model, input_tokens=part, output_tokens=0)
    output = estimate(model, input_tokens=0, output_tokens=part)
    if fresh is None or output is None:
        return "its price is not known"
    if not fresh and not output:
        return "free, it runs on your machine"
    scale = _MILLION / part
    update = {"reasoning": model}
    with_it = settings.model_copy(update={"models": settings.models.model_copy(update=update)})
    usual = estimate_run(Brief(title="", task="", briefing=""), team, with_it).usual_usd
    run = f"; a run costs about ${usual:.2f}" if usual else ""
    return f"${fresh * scale:.2f} in, ${output * scale:.2f} out per million tokens{run}"


@click.command(cls=Command)
@click.option("--force", is_flag=True, help="Replace a settings file that is there already.")
@click.option("--print", "print_only", is_flag=True, help="Print the file instead of writing it.")
@click.option("--full", is_flag=True, help="Drafts of steering and a spec to fill in, too.")
@click.option("--yes", is_flag=True, help="With --full: write without being asked.")
def init(force: bool, print_only: bool, full: bool, yes: bool) -> ExitCode:
    """Write a commented settings file.

    With --full also drafts of steering from what is there, and a spec to fill in. Each file is
    shown before it is written; what is there stays as it is.
    """

    if full and force:
        raise UsageError("--force replaces the settings file; --full writes only what is not there")
    repo = repository()
    found = detect_with_defaults(repo)
    text = settings_template(found.notes)
    if full:
        return _write_all(repo, found.notes, text, print_only=print_only, yes=yes)
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
        print_lines(sentence)
    name = path_in_repository(repo.project, SETTINGS_FILE)
    what = f"the project {repo.project}/" if repo.project else "a repository"
    print_lines(f"wrote {name}: the settings of {what} that people change, commented out")
    print_lines("`reviewloop config show` prints all settings, and what each is for")
    print_lines("next: `reviewloop doctor` checks what a run needs, before anything is paid")
    return ExitCode.CLEAN


def _write_all(
    repo: UserRepo, notes: Mapping[str, str], settings: str, *, print_only: bool, yes: bool
) -> ExitCode:
    """Show the missing files, and write them once a user agrees."""
    from reviewloop.app.starter_files import NewFile, starting_files

    gates = {
        key.removeprefix("gates."): one for key, one in notes.items() if key.startswith("gates.")
    }
    files = starting_files(repo, gates)
    path = repo.root / repo.project / SETTINGS_FILE
    if not path.exists() and project_settings(repo.root, repo.project) is None:
        files.insert(0, NewFile(path_in_repository(repo.project, SETTINGS_FILE), settings))
    for file in files:
        click.echo(f"=== {one_line(file.path)}\n{safe(file.text)}")
    if not files:
        print_lines("nothing to add: settings, steering and a spec are there")
    elif not print_only and (yes or (is_interactive() and confirm("Write these files?"))):
        disk = Disk(repo.root)
        for file in files:
            if in_way := disk.read(file.path).blocker:
                raise UsageError(
                    f"{file.path} cannot be written: {in_way} is a link or a file; "
                    "nothing was written"
                )
        for file in files:
            disk.write(file.path, Content(Kind.FILE, file.text.encode()), ".reviewloop-init.new")
            print_lines(f"wrote {file.path}")
    elif not print_only:
        print_lines("nothing was written; --yes writes them")
        return ExitCode.SKIPPED if is_interactive() else ExitCode.WAITING
    for sentence in _OFFERED:
        print_lines(sentence)
    return ExitCode.CLEAN


_OFFERED = (
    "hooks: `reviewloop hooks init` lists ten that come with us; with a name it writes one",
    "skills: `reviewloop skills install all` brings ours for Kiro, Claude Code and others",
    "pull requests: workflows/review-pr.yml of reviewloop's repository reviews them",
    "next: `reviewloop doctor`, then `reviewloop spec new NAME -m IDEA` or `reviewloop review`",
)


def _chosen_model(root: Path, project: str) -> Chosen:
    """Return the model by the user's own settings; the repository's file does not exist yet."""

    loaded = read_settings(None)
    if is_light() or loaded.is_set("models.reasoning"):
        return Chosen("", ())
    return chosen_model(loaded.settings, team_of(root, project), ask=is_interactive())


def _refuse_second_file(root: Path, project: str) -> None:

    name = path_in_repository(project, PYPROJECT)
    if project_settings(root, project) is not None:
        raise UsageError(
            f"[tool.reviewloop] in {name} holds this repository's settings already; "
            f"move them to {SETTINGS_FILE} first, or go on using {PYPROJECT}"
        )


def _write(path: Path, text: str, *, replace: bool) -> None:
    """Write the file; without `replace`, keep an existing one or a link."""
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
