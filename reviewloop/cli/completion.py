"""Shell completion: prints the script, and completes our own words."""

import re
from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from reviewloop.analysis.rule_book import own_rules
from reviewloop.app.project import checkout_if_any, repository_if_any, team_of
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, ReviewLoopError
from reviewloop.git.revisions import ref_names
from reviewloop.regex import regex

_HOW = {
    "bash": 'add to ~/.bashrc:  eval "$(reviewloop completion bash)"',
    "zsh": 'add to ~/.zshrc:  eval "$(reviewloop completion zsh)"',
    "fish": "reviewloop completion fish > ~/.config/fish/completions/reviewloop.fish",
}
# Scripts of shells insert words unquoted, and names of files and branches come from others.
_HARMLESS = regex(r"[\w./@+=,-]+", re.ASCII)
_DOTS = regex(r"\.\.\.?")


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(tuple(_HOW)))
@click.pass_context
def completion(context: click.Context, shell: str) -> ExitCode:
    """Print a shell's completion script.

    Its first line says where it goes.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    group = context.find_root().command
    script = kind(group, {}, "reviewloop", "_REVIEWLOOP_COMPLETE").source()
    click.echo(f"# {_HOW[shell]}\n{script}")
    return ExitCode.CLEAN


def files(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete files and folders as it does everywhere."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def revisions(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer branches and tags; none outside of a repository."""
    return _words(_refs(), incomplete)


def revisions_and_files(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer branches, tags and files for a first word, and files for those that follow."""
    given = context.params
    if given.get(parameter.name or "") or any(map(given.get, ("files", "staged", "commit"))):
        return files(context, parameter, incomplete)
    head = ""
    for dots in _DOTS.finditer(incomplete):  # A..B: the second name is incomplete
        head = incomplete[: dots.end()]
    is_path = head.startswith(".") or "/.." in head
    names = _refs() if not is_path else []
    found = _words([head + name for name in names], incomplete)
    if not found or head:
        return found or files(context, parameter, incomplete)
    return found + _words(_beside(incomplete), incomplete)  # a shell adds no files to words


def reviewers(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the names of reviewers, for each part of a comma list."""

    head, comma, last = incomplete.rpartition(",")
    try:
        repository = repository_if_any()
        team = team_of(repository.root, repository.project) if repository else team_of(Path.cwd())
    except ReviewLoopError:  # the review itself reports the error
        return []
    names = [agent.name for agent in team.reviewers]
    if last and not "review-".startswith(last[: len("review-")]):
        names = [name.removeprefix("review-") for name in names]
    taken = head.split(",")
    return _words([head + comma + name for name in names if name not in taken], incomplete)


def rules(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the ids of our own rules."""

    return _words(sorted(rule.id for rule in own_rules()), incomplete)


def skills(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the names of usable skills."""
    from reviewloop.skills import find_skills

    found = find_skills(checkout_if_any(), Path.home())
    return _words(sorted(one.name for one in found if not one.hidden_by), incomplete)


def _words(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    fitting = (word for word in words if word.startswith(incomplete))
    return [CompletionItem(word) for word in fitting if _HARMLESS.fullmatch(word)]


def _refs() -> list[str]:

    try:
        return ref_names(Path.cwd())
    except ReviewLoopError:
        return []


def _beside(incomplete: str) -> list[str]:
    """Return the files and folders that complete a word; hidden ones only after a dot."""
    folder, slash, start = incomplete.rpartition("/")
    try:
        found = sorted(Path(folder + slash or ".").iterdir())
    except OSError:
        return []
    shown = (path for path in found if start.startswith(".") or not path.name.startswith("."))
    return [folder + slash + path.name + ("/" if path.is_dir() else "") for path in shown]
